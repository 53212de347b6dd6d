"""Composite: what the header of one radar file says, whatever its convention, and its picture in physical units.

Axes: H rows from north to south, W columns from west to east.
"""

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import NotAvailableError, SourceError
from framecast.sources.hdf5_heaps import heaps_are_sound
from framecast.sources.radar.rain import ZR, RainUnits, convert_rain, no_rain

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""

_MAX_PIXELS = 4 * 10**7
"""A picture beyond this is damage, not weather: composites of Europe or North America at 1 km have about 2 · 10⁷."""

_AT_ONCE = 2**20
"""So many pixels are worked out at once where every one needs it, so that it takes little memory."""

_MAX_ATTRIBUTE_BYTES = 2**16
"""HDF5 keeps no attribute in the header that is larger."""

_LARGEST = 1e6
"""No scale of rain or reflectivity is beyond this."""

_DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What h5py raises for files that are cut off, altered, or something else altogether."""


class NoCompositeError(ValueError):
    """A file that holds no picture of ours; its text is the reason, without a full stop."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """How a file stores its picture. The files of one series mostly agree, and then share one object."""

    dataset: str
    """Where the picture lies in the file."""

    product: str
    """What the file calls it."""

    height: int
    width: int

    units: RainUnits
    """Of the stored values, once gain and offset are applied."""

    gain: float
    offset: float

    missing: tuple[float, ...]
    """Stored numbers that stand for a missing value."""

    no_echo: tuple[float, ...] = ()
    """Stored numbers that stand for nothing seen by a radar that looked."""

    interval_seconds: float | None = None
    """Over which amounts were added up; None where the file does not say."""

    def __post_init__(self) -> None:
        if not (0 < abs(self.gain) < _LARGEST and abs(self.offset) < _LARGEST):
            raise NoCompositeError(f"scales its numbers by {self.gain:g} and adds {self.offset:g}, which is damage")

    def __str__(self) -> str:
        return f"{self.height} x {self.width} in {self.units}"

    def physical(self, stored: NDArray[Any], units: RainUnits, zr: ZR) -> NDArray[np.float32]:
        """Stored numbers as values in physical units; missing ones become NaN.

        Args:
            stored: any shape.
            units: to give.
            zr: relation of reflectivity to rain, and the floor.
        """
        if stored.dtype.kind == "u" and stored.dtype.itemsize <= 2:
            # Few different numbers: each is worked out once.
            return self._physical(np.arange(2 ** (8 * stored.dtype.itemsize), dtype=np.float64), units, zr)[stored]
        values = np.empty(stored.size, dtype=np.float32)
        flat = stored.reshape(-1)
        for start in range(0, flat.size, _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            values[some] = self._physical(flat[some].astype(np.float64), units, zr)
        return values.reshape(stored.shape)

    def _physical(self, stored: NDArray[np.float64], units: RainUnits, zr: ZR) -> NDArray[np.float32]:
        with np.errstate(over="ignore", invalid="ignore"):  # of numbers that stand for no value, or are not used at all
            values = convert_rain(
                stored * self.gain + self.offset, self.units, units, interval_seconds=self.interval_seconds, zr=zr
            )
        values[np.isin(stored, self.no_echo)] = no_rain(units, zr)
        values[np.isin(stored, self.missing) | ~np.isfinite(stored)] = np.nan
        return values


@final
@dataclass(frozen=True, slots=True)
class CompositeFile:
    """One file of a series."""

    path: str
    """Absolute."""

    time: datetime
    """When it was measured, in UTC; of an amount: when its interval ended."""

    composite: Composite


@contextmanager
def opened(path: str | Path) -> Generator[Any]:
    """An HDF5 file, open for reading.

    Raises:
        NotAvailableError: h5py is not installed.
        SourceError: the file, or what is read of it inside, is damaged or not there.
    """
    try:
        h5py: Any = import_module("h5py")
    except ImportError:
        raise NotAvailableError(
            f"Reading '{path}' needs h5py, which is not installed; get it with: pip install \"framecast[science]\""
        ) from None
    try:
        with h5py.File(path, "r") as file:
            yield file
    except NoCompositeError as error:
        raise SourceError(f"'{path}' {error}.") from None
    except _DAMAGE as error:
        raise SourceError(f"'{path}' is cut off, damaged, or not what its name says ({one_line(error)}).") from error


def read_picture(path: str, composite: Composite) -> NDArray[Any]:
    """The stored numbers of a file, (H, W).

    Raises:
        SourceError: the file is damaged, or has changed since it was listed.
    """
    with opened(path) as file:
        dataset: Any = file[composite.dataset]
        if dataset.shape != (composite.height, composite.width):
            raise NoCompositeError(f"has changed since it was listed: found {dataset.shape} where it was {composite}")
        return dataset[()]


def check_picture(dataset: Any) -> tuple[int, int]:
    """Height and width of a stored picture, from its header.

    Raises:
        NoCompositeError: it is no picture of plain numbers, or its size is absurd.
    """
    shape: tuple[int, ...] = tuple(dataset.shape)
    if len(shape) != 2 or dataset.dtype.kind not in "iuf":
        raise NoCompositeError(f"holds no picture: found the shape {shape} of {dataset.dtype}; wanted rows and columns")
    block: tuple[int, ...] = dataset.chunks or shape  # a block is unpacked as a whole
    if not 0 < shape[0] * shape[1] <= _MAX_PIXELS or block[0] * block[1] > _MAX_PIXELS:
        raise NoCompositeError(f"holds a picture of {shape[0]} x {shape[1]} pixels, which no radar composite has")
    return shape[0], shape[1]


def attributes(file: Any, place: str, names: Iterable[str]) -> dict[str, Any]:
    """Those attributes of a group that are there; none where the group is not.

    Args:
        file: an open HDF5 file.
        place: the path of the group.
        names: of the attributes that are wanted.

    Raises:
        NoCompositeError: reading one would cost the HDF5 library its memory, or all time there is.
    """
    if place not in file:
        return {}
    there: Any = file[place].attrs
    wanted = [name for name in names if name in there]
    headers: list[Any] = [there.get_id(name) for name in wanted]
    for name, header in zip(wanted, headers, strict=True):
        if header.get_storage_size() > _MAX_ATTRIBUTE_BYTES:
            raise NoCompositeError(f"is damaged where it says '{name}'")
    outside = [header.dtype for header in headers if header.dtype.kind == "O"]
    if outside:  # texts of any length, which lie elsewhere in the file
        h5py: Any = import_module("h5py")
        if not all(h5py.check_string_dtype(kind) for kind in outside) or not heaps_are_sound(file.filename):
            raise NoCompositeError("is damaged where its texts lie")
    return {name: there[name] for name in wanted}


def text(value: Any) -> str:
    """An attribute as text: HDF5 files hold bytes, texts, and arrays of one of them."""
    single: Any = np.asarray(value).ravel()[0] if np.size(value) else ""
    return (single.decode("latin-1") if isinstance(single, bytes) else str(single)).strip()


def number(value: Any) -> float:
    """An attribute as a number: HDF5 files hold numbers, arrays of one, and texts of one."""
    single: Any = np.asarray(value).ravel()[0]
    return float(text(single)) if isinstance(single, bytes | str) else float(single)


def numbers(value: Any) -> tuple[float, ...]:
    """An attribute as numbers."""
    return tuple(float(single) for single in np.asarray(value).ravel())


def one_line(error: BaseException) -> str:
    """What a library says, on one line."""
    return re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
