"""Rain: from millimetres an hour to millimetres in an interval to the reflectivity that a radar measures, and back.

Rate R (mm/h) and reflectivity Z (mm⁶/m³) are tied by a power law, Z = a R^b; the decibels are dBZ = 10 log10 Z. The
usual numbers, a = 200 and b = 1.6, are those of Marshall and Palmer ("The distribution of raindrops with size",
Journal of Meteorology 5, 1948); they suit steady rain, while showers and snow follow other ones. No rain would be
minus infinite decibels, so a floor stands for it, and everything at or below the floor is no rain.

All functions take and give arrays of any shape, float32 (other types become float32); NaN stays NaN.
"""

from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

RainUnits = Literal["mm/h", "mm", "dBZ"]
"""Rate, amount in an interval, reflectivity."""

_HOUR = 3600.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ZR:
    """The relation between reflectivity and rain rate, Z = a R^b, and where rain begins."""

    a: float = 200.0
    """Above 0."""

    b: float = 1.6
    """Above 0."""

    floor_dbz: float = 0.0
    """Reflectivity (dBZ) that stands for no rain; everything weaker counts as no rain too. 0 dBZ is 0.036 mm/h by
    Marshall and Palmer."""

    def __post_init__(self) -> None:
        if not (self.a > 0 and self.b > 0 and np.isfinite([self.a, self.b, self.floor_dbz]).all()):
            raise ValueError(f"a and b must be numbers above 0 and the floor a number, found {self}")


MARSHALL_PALMER = ZR()


def rate_to_reflectivity(rate: NDArray[Any], zr: ZR = MARSHALL_PALMER) -> NDArray[np.float32]:
    """dBZ of a rain rate.

    Args:
        rate: mm/h; 0 and less give the floor.
        zr: the relation and the floor.

    Returns:
        dBZ, the floor or above.
    """
    values = _float32(rate)
    raining = values > 0
    logarithm = np.log10(values, out=np.zeros_like(values), where=raining)
    decibels = np.float32(10 * np.log10(zr.a)) + np.float32(10 * zr.b) * logarithm
    floor = np.float32(zr.floor_dbz)
    return _keep_nan(np.where(raining, np.maximum(decibels, floor), floor), values)


def reflectivity_to_rate(reflectivity: NDArray[Any], zr: ZR = MARSHALL_PALMER) -> NDArray[np.float32]:
    """Rain rate of dBZ.

    Args:
        reflectivity: dBZ; the floor and less give 0.
        zr: the relation and the floor.

    Returns:
        mm/h, 0 or above.
    """
    values = _float32(reflectivity)
    exponent = (values - np.float32(10 * np.log10(zr.a))) / np.float32(10 * zr.b)
    raining = values > np.float32(zr.floor_dbz)
    rate = np.power(np.float32(10), exponent, out=np.zeros_like(values), where=raining)
    return _keep_nan(rate, values)


def amount_to_rate(amount: NDArray[Any], interval_seconds: float) -> NDArray[np.float32]:
    """Mean rain rate of what fell in an interval.

    Args:
        amount: mm in the interval.
        interval_seconds: its length.

    Returns:
        mm/h.
    """
    return _float32(amount) * np.float32(_HOUR / _checked(interval_seconds))


def rate_to_amount(rate: NDArray[Any], interval_seconds: float) -> NDArray[np.float32]:
    """What falls in an interval at a steady rate.

    Args:
        rate: mm/h.
        interval_seconds: length of the interval.

    Returns:
        mm in the interval.
    """
    return _float32(rate) * np.float32(_checked(interval_seconds) / _HOUR)


def convert_rain(
    values: NDArray[Any],
    have: RainUnits,
    want: RainUnits,
    *,
    interval_seconds: float | None = None,
    zr: ZR = MARSHALL_PALMER,
) -> NDArray[np.float32]:
    """From any of the units to any other.

    Args:
        values: in the units ``have``.
        have: units of the values.
        want: units to give.
        interval_seconds: length of the interval of amounts; needed when exactly one of the two units is ``"mm"``.
        zr: the relation and the floor; used when exactly one of the two units is ``"dBZ"``. dBZ that stay dBZ are
            raised to the floor, so that no echo is the lowest of all values.

    Raises:
        ValueError: an amount without an interval above 0.
    """
    if have == want:
        return np.maximum(_float32(values), np.float32(zr.floor_dbz)) if want == "dBZ" else _float32(values)
    if have == "dBZ":
        rate = reflectivity_to_rate(values, zr)
    elif have == "mm":
        rate = amount_to_rate(values, _given(interval_seconds))
    else:
        rate = _float32(values)
    if want == "dBZ":
        return rate_to_reflectivity(rate, zr)
    return rate_to_amount(rate, _given(interval_seconds)) if want == "mm" else rate


def no_rain(units: RainUnits, zr: ZR = MARSHALL_PALMER) -> float:
    """The value that stands for no rain: 0, or the floor of dBZ."""
    return zr.floor_dbz if units == "dBZ" else 0.0


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(values).astype(np.float32)


def _keep_nan(values: NDArray[np.float32], original: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isnan(original), np.float32(np.nan), values)


def _given(interval_seconds: float | None) -> float:
    if interval_seconds is None:
        raise ValueError("an amount of rain needs the length of its interval")
    return interval_seconds


def _checked(interval_seconds: float) -> float:
    if not 0 < interval_seconds < np.inf:
        raise ValueError(f"an interval must be longer than 0 s, found {interval_seconds}")
    return interval_seconds
