"""Conversion: frames to the scale and colour of the clips, still in their native type.

How large a frame becomes follows from the size that was asked for and from how it is fitted to that (see
:class:`FrameConversion`); cutting and padding it to exactly that size is the work of ``framing``.

Shrinking takes area means (each new pixel is the mean of the surface that it covers, fractions of pixels included),
growing interpolates linearly between pixel centres; height and width are treated one after the other.
Integer frames are rounded to the nearest value. Missing values (not finite) take no part in a mean; a new pixel is
missing when more than half of its surface is.

Axes: T frames, C channels, H height, W width.
"""

from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import ConfigurationError
from framecast.frames.sequence import SequenceInfo

Color = Literal["keep", "grey", "rgb"]
Fit = Literal["stretch", "crop", "pad"]

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601-7, section 2.5.1)."""

_CHUNK_BYTES = 2**21
"""Native bytes converted at once: small enough to stay in a processor's cache."""


@final
@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """One past the last row."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """One past the last column."""
        return self.left + self.width

    def moved(self, down: int, right: int) -> "Window":
        """The rectangle elsewhere."""
        return Window(self.top + down, self.left + right, self.height, self.width)

    def cut(self, frames: NDArray[Any]) -> NDArray[Any]:
        """The rectangle of (..., H, W); a view."""
        return frames[..., self.top : self.bottom, self.left : self.right]


@final
@dataclass(frozen=True, slots=True)
class FrameConversion:
    """What is done to frames after reading."""

    size: tuple[int, int] | None = None
    """(height, width) to fit frames to, or None to keep the native size."""

    color: Color = "keep"

    fit: Fit = "stretch"
    """``stretch`` gives frames exactly the size. The others keep their shape: ``crop`` makes them just large enough to
    cover the size, ``pad`` just small enough to lie within it."""

    def scaled(self, height: int, width: int) -> tuple[int, int]:
        """What a frame of (height, width) becomes."""
        if self.size is None or self.fit == "stretch":
            return self.size or (height, width)
        rows, columns = self.size
        if (rows * width > columns * height) == (self.fit == "crop"):  # the rows decide
            return rows, max(1, (2 * width * rows + height) // (2 * height))
        return max(1, (2 * height * columns + width) // (2 * width)), columns

    def shape(self, info: SequenceInfo) -> tuple[int, int, int]:
        """(C, H, W) after conversion.

        Raises:
            ConfigurationError: the channels of the sequence cannot become the colour asked for.
        """
        if self.color != "keep" and info.channels not in (1, 3):
            raise ConfigurationError(
                f"'{info.name}' has {info.channels} channels; clips.color={self.color} needs 1 (grey) or 3 (RGB). "
                "Set clips.color=keep to forecast all channels."
            )
        channels = {"keep": info.channels, "grey": 1, "rgb": 3}[self.color]
        return channels, *self.scaled(info.height, info.width)

    def convert(self, frames: NDArray[Any], window: Window | None = None) -> NDArray[Any]:
        """Convert frames.

        Args:
            frames: (T, C, H, W) in the native type.
            window: the part of the converted frames that is wanted, and nothing else is computed; None for all.

        Returns:
            (T, C', H', W') in the same type; each frame depends on itself alone, and a window holds the same bits as
            that part of the whole.

        Raises:
            ValueError: the channels cannot become the colour asked for (:meth:`shape` says so in a user's words).
        """
        channels, height, width = frames.shape[1:]
        if self.color != "keep" and channels not in (1, 3):
            raise ValueError(f"frames of {channels} channels cannot become {self.color}")
        to_grey = self.color == "grey" and channels == 3
        new_height, new_width = self.scaled(height, width)
        window = window or Window(0, 0, new_height, new_width)
        rows = _Axis.resizing(height, new_height, window.top, window.bottom)
        columns = _Axis.resizing(width, new_width, window.left, window.right)
        frames = frames[..., rows.begin : rows.end, columns.begin : columns.end]  # nothing beyond is needed
        if to_grey or rows.resizes or columns.resizes:
            shape = len(frames), 1 if to_grey else channels, window.height, window.width
            converted = np.empty(shape, frames.dtype)
            at_once = max(1, _CHUNK_BYTES // max(frames[:1].nbytes, 1))
            for begin in range(0, len(frames), at_once):
                chunk = frames[begin : begin + at_once]
                if to_grey:
                    red, green, blue = (as_float(chunk[:, channel : channel + 1]) for channel in range(3))
                    chunk = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
                converted[begin : begin + at_once] = _rounded(_resized(chunk, rows, columns), frames.dtype)
            frames = converted
        return np.repeat(frames, 3, axis=1) if self.color == "rgb" and frames.shape[1] == 1 else frames


def resize_frames(frames: NDArray[Any], height: int, width: int, window: Window | None = None) -> NDArray[Any]:
    """Resize frames: area means where they shrink, linear interpolation where they grow.

    Args:
        frames: (..., H, W), any real type; missing values are NaN.
        height: new height in pixels.
        width: new width in pixels.
        window: the part of the resized frames that is wanted; None for all.

    Returns:
        (..., height, width), or the window, in the same type; integers are rounded to nearest.
    """
    window = window or Window(0, 0, height, width)
    rows = _Axis.resizing(frames.shape[-2], height, window.top, window.bottom)
    columns = _Axis.resizing(frames.shape[-1], width, window.left, window.right)
    frames = frames[..., rows.begin : rows.end, columns.begin : columns.end]
    return _rounded(_resized(frames, rows, columns), frames.dtype)


def as_float(frames: NDArray[Any]) -> NDArray[np.floating]:
    """A copy of native values as float32 where that holds each of them exactly, else as float64."""
    return frames.astype(_exact_float(frames.dtype))


def _exact_float(dtype: np.dtype[Any]) -> type[np.float32 | np.float64]:
    return np.float32 if dtype.kind == "b" or dtype.itemsize <= 2 or dtype == np.float32 else np.float64


def _rounded(frames: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return (frames if dtype.kind == "f" or frames.dtype == dtype else np.rint(frames)).astype(dtype, copy=False)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """How new rows are made of old ones, or new columns of old ones: each is a weighted sum of n neighbours."""

    begin: int
    """The first old row that is needed."""

    end: int
    """One past the last."""

    rows: NDArray[np.int64] | None = None
    """(new, n) old rows, counted from ``begin``; None where every row stays as it is."""

    weights: NDArray[np.float64] | None = None
    """(new, n) what each of them counts."""

    @property
    def resizes(self) -> bool:
        """Whether rows change at all."""
        return self.rows is not None

    @classmethod
    def resizing(cls, old: int, new: int, start: int, stop: int) -> "_Axis":
        """From ``old`` rows to the rows ``start:stop`` of ``new``."""
        if old == new:
            return cls(start, stop)
        rows, weights = _shrinking(old, new) if new < old else _growing(old, new)
        rows, weights = rows[start:stop], weights[start:stop]
        begin, end = int(rows.min()), int(rows.max()) + 1
        return cls(begin, end, rows - begin, weights)

    def sum(self, frames: NDArray[Any]) -> NDArray[np.floating]:
        """(..., H, W) to (..., new, W). Sums of whole rows: one thread, and the same bits whatever else is computed."""
        dtype = _exact_float(frames.dtype)
        if self.rows is None or self.weights is None:
            return frames.astype(dtype)
        frames = np.ascontiguousarray(frames)
        total = np.zeros((*frames.shape[:-2], len(self.rows), frames.shape[-1]), dtype)
        for row, weight in zip(self.rows.T, self.weights.T.astype(dtype), strict=True):
            total += frames.take(row, axis=-2) * weight[:, None]
        return total


def _resized(frames: NDArray[Any], rows: _Axis, columns: _Axis) -> NDArray[Any]:
    """Of (..., H, W) the old rows and columns that the axes need."""
    if not (rows.resizes or columns.resizes):
        return frames
    missing = ~np.isfinite(frames) if frames.dtype.kind == "f" else None
    if missing is None or not missing.any():
        return _weighted(frames, rows, columns)
    # The share lost is exactly 0 where nothing is missing, so a hole changes no other frame by a single bit.
    lost = _weighted(missing.astype(frames.dtype), rows, columns)
    sums = _weighted(np.where(missing, 0, frames), rows, columns)
    return np.where(lost > 0.5, np.nan, sums / np.where(lost > 0.5, 1, 1 - lost)).astype(sums.dtype)


def _weighted(frames: NDArray[Any], rows: _Axis, columns: _Axis) -> NDArray[np.floating]:
    return columns.sum(rows.sum(frames).swapaxes(-1, -2)).swapaxes(-1, -2)


def _shrinking(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(new, n) old rows that each new row covers, and the part of it that each of them has.

    In units of 1 / new of an old row, old row i is i * new .. (i + 1) * new and new row j is j * old .. (j + 1) * old.
    """
    begin = np.arange(new)[:, None] * old
    first, last = begin // new, (begin + old - 1) // new
    rows = first + np.arange((last - first).max() + 1)
    overlap = np.minimum((rows + 1) * new, begin + old) - np.maximum(rows * new, begin)
    return np.minimum(rows, old - 1), overlap.clip(0, None) / old


def _growing(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(new, 2) old rows between whose centres each new row lies, and the part of it that each of them has."""
    centres = ((np.arange(new) + 0.5) * (old / new) - 0.5).clip(0, old - 1)
    rows = np.minimum(centres.astype(np.int64)[:, None] + np.arange(2), old - 1)
    second = centres - rows[:, 0]
    return rows, np.stack([1 - second, second], axis=1)
