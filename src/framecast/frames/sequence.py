"""Sequence: one continuous recording, and what is known about it before a frame is read.

Axes: T frames, C channels, H height, W width.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.grid import Grid

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceInfo:
    """What is known about a sequence without reading its frames."""

    name: str
    """Unique within its source; for files the path relative to the source."""

    num_frames: int
    """T."""

    channels: int
    """C: 1 for grey, 3 for RGB, anything for measured fields."""

    height: int
    width: int

    dtype: str
    """The native numpy type of the frames, for example ``"uint8"``."""

    group: str = ""
    """Clips of one group never divide between splits (a person, a video, a day). Empty: the name itself."""

    label: str = ""
    """What kind of thing it shows, where the data set says so (the class of an action). Empty: unknown."""

    step_seconds: float | None = None
    """Seconds between frames, where the recording says so."""

    start_time: datetime | None = None
    """When the first frame was taken (of an accumulation: when it ended), where the recording says so. With a time
    zone only where the recording names one."""

    units: str | None = None
    """Physical units of the values, where the recording says so: ``"mm/h"``. A recording with units is a measured
    field; one without is a picture."""

    channel_units: tuple[str, ...] = ()
    """Units of the C channels, where they differ (:attr:`units` is then None); empty texts where unknown."""

    grid: Grid | None = None
    """Where the pixels lie, where the recording says so."""

    has_missing: bool = False
    """Whether NaN stands for a missing value. Elsewhere, values that are not finite are damage, and reading says so."""

    fixed_orientation: bool = False
    """Whether up and down, left and right mean something (a map, a radar picture): such frames are not flipped or
    turned by augmentation, unless that is forced."""

    channel_names: tuple[str, ...] = ()
    """Names of the C channels, where known."""

    value_range: tuple[float, float] | None = None
    """Lowest and highest value that the native type stands for: (0, 255) for uint8. None when only the data can
    tell (floats); the range is then measured on the training split."""

    split: Split | None = None
    """The split that the data set itself assigns, where it does."""

    path: str | None = None
    """The file or folder that it was read from, where there is one."""

    def __post_init__(self) -> None:
        if min(self.num_frames, self.channels, self.height, self.width) < 1:
            raise SourceError(
                f"'{self.name}' has no frames to read: found {self.num_frames} frames of "
                f"{self.channels}x{self.height}x{self.width} (C x H x W); every count must be at least 1."
            )
        if not self.group:
            object.__setattr__(self, "group", self.name)
        if self.has_missing and np.dtype(self.dtype).kind != "f":
            raise ValueError(f"missing values are NaN, which {self.dtype} cannot hold ('{self.name}')")

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.height, self.width

    @property
    def frame_bytes(self) -> int:
        """Bytes of one native frame."""
        return self.channels * self.height * self.width * np.dtype(self.dtype).itemsize

    def units_of(self, channels: Iterable[int] = ()) -> str | None:
        """The units that channels share; None where they differ or are unknown.

        Args:
            channels: which, 0-based; none named means all.
        """
        if not self.channel_units:
            return self.units
        found = {self.channel_units[channel] for channel in channels or range(self.channels)}
        return found.pop() or None if len(found) == 1 else None

    def time_of(self, frame: int) -> datetime | None:
        """When a frame was taken; frames beyond the end are counted on. None where the recording does not tell."""
        if self.start_time is None or (self.step_seconds is None and frame):
            return None
        return self.start_time + timedelta(seconds=frame * (self.step_seconds or 0.0))


class Sequence(ABC):
    """One continuous recording, read lazily.

    A reader implements :meth:`_read`; callers use :meth:`read`, which checks the bounds and the result.
    Sequences are pickled to loader workers, so they hold paths and numbers, not open files.
    """

    info: SequenceInfo

    @abstractmethod
    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        """Frames ``start:stop`` as (stop - start, C, H, W) in the native type."""

    @final
    def read(
        self, start: int = 0, stop: int | None = None, *, unexpected: Literal["refuse", "keep"] = "refuse"
    ) -> NDArray[np.generic]:
        """Read frames ``start:stop``.

        Args:
            start: first frame, 0-based.
            stop: one past the last frame; None reads to the end.
            unexpected: what to do with values that are not finite where none are expected
                (``info.has_missing`` is False); an inspection keeps and counts them.

        Returns:
            (stop - start, C, H, W) in the native type. Missing values are NaN.

        Raises:
            IndexError: the bounds lie outside the recording (a caller's mistake, not a user's).
            SourceError: the recording cannot be decoded, is not what its header promised, or holds NaN or infinite
                values that were not expected.
        """
        stop = self.info.num_frames if stop is None else stop
        self._check_bounds(start, stop)
        frames = self._read(start, stop)
        self._check_shape(frames, stop - start)
        if unexpected == "refuse":
            self._refuse_unexpected(frames, start)
        return frames

    @final
    def read_into(self, out: NDArray[Any], start: int = 0) -> None:
        """Read frames ``start:start + T`` into an array that is there already, which may spare a copy.

        Args:
            out: (T, C, H, W) in the native type; filled.
            start: first frame, 0-based.

        Raises:
            IndexError, SourceError: as :meth:`read`.
            ValueError: ``out`` is of another shape or type.
        """
        if out.shape[1:] != self.info.frame_shape or out.dtype != np.dtype(self.info.dtype):
            raise ValueError(f"frames of {self!r} do not fit into {out.dtype} of shape {out.shape}")
        self._check_bounds(start, start + len(out))
        self._read_into(out, start)
        self._refuse_unexpected(out, start)

    def _read_into(self, out: NDArray[Any], start: int) -> None:
        """Fill ``out``, as :meth:`read_into` was given it. A reader that makes frames one by one does it itself."""
        frames = self._read(start, start + len(out))
        self._check_shape(frames, len(out))
        out[...] = frames

    def _check_bounds(self, start: int, stop: int) -> None:
        if not 0 <= start < stop <= self.info.num_frames:
            raise IndexError(f"frames {start}:{stop} of '{self.info.name}', which has {self.info.num_frames}")

    def _check_shape(self, frames: NDArray[Any], num_frames: int) -> None:
        expected = (num_frames, *self.info.frame_shape)
        if frames.shape != expected:
            raise SourceError(
                f"'{self.info.name}' gave frames of shape {frames.shape} (T, C, H, W) where its header promises "
                f"{expected}; the file may be damaged or cut off."
            )

    def _refuse_unexpected(self, frames: NDArray[Any], start: int) -> None:
        if self.info.has_missing or frames.dtype.kind != "f":
            return
        finite = np.isfinite(frames)
        if finite.all():
            return
        first = start + int(np.argmin(finite.all(axis=(1, 2, 3))))
        raise SourceError(
            f"'{self.info.name}' holds {int((~finite).sum())} values that are NaN or infinite, the first in frame "
            f"{first} (counted from 0). If they stand for missing values, set source.missing=nan; else mend the file."
        )

    def __repr__(self) -> str:
        shape = "x".join(str(count) for count in (self.info.num_frames, *self.info.frame_shape))
        return f"{type(self).__name__}({self.info.name!r}, {shape} T x C x H x W, {self.info.dtype})"


def range_of_dtype(dtype: np.dtype[Any]) -> tuple[float, float] | None:
    """The range that an integer or boolean type stands for; None for floats, where only the data can tell."""
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return float(min(limits.min, 0)), float(limits.max)
    return None
