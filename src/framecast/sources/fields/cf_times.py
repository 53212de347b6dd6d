"""CF times: numbers with units such as ``hours since 1970-01-01``, as microseconds that can be compared and sorted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.sources.packing import attribute, coordinate_values, text_of

_MICROSECONDS = {
    name: size
    for size, names in (
        (1, "us µs microsecond microseconds"),
        (10**3, "ms msec millisecond milliseconds"),
        (10**6, "s sec secs second seconds"),
        (60 * 10**6, "min mins minute minutes"),
        (3600 * 10**6, "h hr hrs hour hours"),
        (86400 * 10**6, "d day days"),
    )
    for name in names.split()
}
_DATE = re.compile(
    r"(\d{1,4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?)?)?"
    r"\s*(Z|UTC|GMT|([+-]\d{1,2}):?(\d{2})?)?",
    re.IGNORECASE,
)
"""Dates as people write them into units: almost ISO, such as ``1900-1-1 00:00:0.0``."""

_FIRST, _LAST = (
    (date - datetime(1970, 1, 1)) // timedelta(microseconds=1) for date in (datetime(1, 1, 2), datetime(9999, 12, 30))
)
"""Between these, in microseconds since 1970, everything is a date to Python."""

_CALENDARS = ("", "standard", "gregorian", "proleptic_gregorian")
"""Calendars in which dates are those of the datetime module. In all others, only distances are kept."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times of frames."""

    microseconds: NDArray[np.int64]
    """Since 1970, or since anything where no date is known."""

    has_dates: bool
    """Whether they are dates, and not only distances."""

    zoned: bool = False
    """Whether the file names a time zone; the numbers are then UTC."""

    step_seconds: float | None = None
    """The exact time step, where the file states it beside the times."""

    def moments(self) -> list[datetime]:
        """As datetime, to a microsecond; without dates they count from 1970."""
        epoch = datetime(1970, 1, 1, tzinfo=UTC if self.zoned else None)
        return [epoch + timedelta(microseconds=n) for n in self.microseconds.tolist()]

    def after(self, lead: "Times") -> "Times":
        """These times, each later by a duration."""
        return replace(self, microseconds=self.microseconds + lead.microseconds, step_seconds=None)


def is_date_unit(units: str) -> bool:
    """Whether units count from a date."""
    unit, since, _ = units.partition(" since ")
    return bool(since) and unit.strip().lower() in _MICROSECONDS


def is_duration_unit(units: str) -> bool:
    """Whether units are those of a length of time."""
    return units.strip().lower() in _MICROSECONDS


def decode_times(values: NDArray[Any], attributes: Mapping[Any, Any]) -> Times | None:
    """Times from numbers and the attributes of their variable.

    Args:
        values: any number of times, as stored.
        attributes: ``units``, ``calendar``; ``step_seconds`` is the exact step that our own writer states.

    Returns:
        None where the units are none of time (months and years have no fixed length and count as none).

    Raises:
        SourceError: a time is missing. (The caller names the file.)
    """
    values = np.atleast_1d(coordinate_values(values, attributes))
    units, calendar = (text_of(attribute(attributes, name)) for name in ("units", "calendar"))
    unit, since, reference = (part.strip() for part in units.partition(" since "))
    size = _MICROSECONDS.get(unit.lower())
    if size is None or values.dtype.kind not in "iuf":
        return None
    if not np.isfinite(values).all() or (np.abs(values.astype(np.float64)) * size > 9e18).any():
        raise SourceError("holds times that are missing or out of range")
    # Whole units are exact as integers. Fractions of long units carry the rounding of a double: to the millisecond.
    if values.dtype.kind in "iu":
        microseconds = values.astype(np.int64) * size
    else:
        grain = 1000 if size >= 60 * 10**6 else 1
        microseconds = np.rint(values.astype(np.float64) * (size / grain)).astype(np.int64) * grain
    dated = bool(since) and calendar.lower() in _CALENDARS
    start, zoned = _reference(reference, calendar.lower() != "proleptic_gregorian") if dated else (0, False)
    microseconds = microseconds + start
    if microseconds.size and not (microseconds.min() >= _FIRST and microseconds.max() <= _LAST):
        raise SourceError("holds times that are out of the years 1 to 9999")
    step = attribute(attributes, "step_seconds")
    return Times(
        microseconds=microseconds,
        has_dates=dated,
        zoned=zoned,
        step_seconds=None if step is None else float(np.asarray(step).ravel()[0]),
    )


@lru_cache(maxsize=1024)
def _reference(text: str, mixed: bool) -> tuple[int, bool]:
    """Microseconds since 1970, and whether a zone is named. In the mixed calendar old dates are Julian."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise SourceError(f"counts its times from '{text}', which is no date")
    year, month, day, hour, minute, second, zone, hours, minutes = found.groups()
    try:
        date = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0))
    except ValueError as error:
        raise SourceError(f"counts its times from '{text}', which is no date ({error})") from error
    date += timedelta(seconds=float(second or 0))
    if hours is not None:
        date -= timedelta(hours=int(hours), minutes=int(minutes or 0) * (-1 if hours.startswith("-") else 1))
    since = date - datetime(1970, 1, 1)
    if mixed and (date.year, date.month, date.day) < (1582, 10, 15):
        century = (date.year - (date.month <= 2)) // 100
        since += timedelta(days=century - century // 4 - 2)
    return since // timedelta(microseconds=1), zone is not None
