"""Packing: how numbers are stored in files that describe them by CF attributes, and how they become frames.

``scale_factor`` and ``add_offset`` turn stored integers into measurements; ``_FillValue`` and ``missing_value`` say
which stored number stands for a missing value. Values out of ``valid_range`` are left as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

WRITTEN_OF = "framecast_dtype"
"""Attribute of variables whose frames had a type that the file has not."""

_UNWRITTEN = 9.969209968386869e36
"""What netCDF libraries put where a float was never written and no fill value is declared."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """What the attributes of a variable say about its stored numbers."""

    stored: np.dtype[Any]
    """Type of the numbers in the file, in this machine's byte order."""

    fills: tuple[Any, ...] = ()
    """Stored numbers that stand for a missing value; a NaN among them says that NaN does."""

    scale: float = 1.0
    offset: float = 0.0

    is_packed: bool = False
    """Whether a scale or an offset is declared, even if it changes nothing."""

    is_truth: bool = False
    """Whether 0 and 1 stand for no and yes, as xarray writes them."""

    is_half: bool = False
    """Whether frames of half precision were written in single precision, which netCDF has."""

    @classmethod
    def of(cls, stored: np.dtype[Any], attributes: Mapping[Any, Any]) -> Self:
        """Read the attributes.

        Args:
            stored: type of the numbers in the file.
            attributes: of the variable: texts, numbers, or arrays of one number.
        """
        native = stored.newbyteorder("=")
        whole = native.kind in "iu"
        if whole and (sign := text_of(attribute(attributes, "_Unsigned")).lower()) in ("true", "false"):
            # Classic netCDF has no unsigned types; the attribute tells how the bits are meant.
            native = np.dtype(f"{'u' if sign == 'true' else 'i'}{native.itemsize}")
        scale, offset = (_number(attribute(attributes, name)) for name in ("scale_factor", "add_offset"))
        fills = [
            fill
            for name in ("_FillValue", "missing_value")
            if (declared := attribute(attributes, name)) is not None
            for value in np.atleast_1d(np.asarray(declared))
            if (fill := _as_stored(value, native)) is not None
        ]
        return cls(
            stored=native,
            fills=tuple(fills),
            scale=1.0 if scale is None else scale,
            offset=0.0 if offset is None else offset,
            is_packed=scale is not None or offset is not None,
            is_half=native == np.float32 and text_of(attribute(attributes, WRITTEN_OF)) == "float16",
            is_truth=whole and text_of(attribute(attributes, "dtype")) == "bool",
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the frames: that of the file, or a float where integers are packed or may be missing."""
        if self.is_truth:
            return np.dtype(np.bool_)
        if self.is_half:
            return np.dtype(np.float16)
        if self.stored.kind in "iu" and (self.is_packed or self.fills):
            return np.dtype(np.float32 if self.stored.itemsize <= 2 else np.float64)
        return self.stored

    @property
    def has_missing(self) -> bool:
        """Whether the file declares what stands for a missing value."""
        return bool(self.fills)

    def unpack(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Frames from stored numbers; missing values become NaN.

        Args:
            numbers: any shape, as they lie in the file.
        """
        numbers = np.asarray(numbers)
        if numbers.dtype.newbyteorder("=") != self.stored and numbers.dtype.itemsize == self.stored.itemsize:
            numbers = numbers.astype(numbers.dtype.newbyteorder("="), copy=False).view(self.stored)
        if self.is_packed:
            # In double precision first: 16 stored bits times a scale would lose the last of them.
            frames = _measured(numbers, self.scale, self.offset).astype(self.dtype, copy=False)
        else:
            frames = numbers.astype(self.dtype)
        if self.dtype.kind != "f":
            return frames
        for fill in self.fills:
            if not np.isnan(fill):  # NaN is what missing values become
                frames[numbers == fill] = np.nan
        if self.stored.kind == "f" and not self.fills and self.stored.itemsize >= 4:
            frames[numbers == self.stored.type(_UNWRITTEN)] = np.nan
        return frames


def coordinate_values(values: Any, attributes: Mapping[Any, Any]) -> NDArray[Any]:
    """The values of a coordinate: packed ones in double precision, all others as they are stored.

    Args:
        values: as they lie in the file, of any type.
        attributes: of the coordinate.
    """
    stored = np.asarray(values)
    if stored.dtype.kind not in "iuf":
        return stored
    packing = Packing.of(stored.dtype, attributes)
    return _measured(stored, packing.scale, packing.offset) if packing.is_packed else stored


def attribute(attributes: Mapping[Any, Any], name: str) -> Any:
    """An attribute, or None: h5py finds out much faster that one is missing than ``get`` does."""
    return attributes[name] if name in attributes else None  # noqa: SIM401


def text_of(value: Any) -> str:
    """An attribute as text: files hold texts, bytes, or arrays of one of them. Empty when there is none."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size == 1 else ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    return "" if value is None else str(value).strip()


def _measured(numbers: NDArray[Any], scale: float, offset: float) -> NDArray[np.float64]:
    values = numbers.astype(np.float64)
    values *= scale  # in place: frames may be large
    values += offset
    return values


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(np.asarray(value).ravel()[0])
    except (TypeError, ValueError, IndexError):
        return None


def _as_stored(value: Any, stored: np.dtype[Any]) -> Any:
    """A declared fill value in the type of the stored numbers; None where no stored number can equal it."""
    try:
        if stored.kind == "f":
            return stored.type(value)
        if float(value) != float(value) or float(value) != int(value):
            return None
        limits, fill = np.iinfo(stored), int(value)
        if stored.kind == "u" and fill < 0:
            fill += int(limits.max) + 1  # written for the signed twin of the type
        elif stored.kind == "i" and limits.max < fill <= 2 * int(limits.max) + 1:
            fill -= 2 * int(limits.max) + 2  # and the other way round
        return stored.type(fill) if limits.min <= fill <= limits.max else None
    except (TypeError, ValueError, OverflowError):
        return None
