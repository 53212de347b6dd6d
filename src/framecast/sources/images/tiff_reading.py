"""Planes of a TIFF stack, read through tifffile when they are asked for.

Where planes lie in one piece without compression they are mapped into memory, so that any frame of any stack costs the
same; else the file is kept open and its pages are decoded.

Axes: T frames, C channels, Z depth, S samples of a pixel, H height, W width.
"""

import importlib.util
import logging
import os
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import FramecastError, NotAvailableError, SourceError
from framecast.sources.images.tiff_axes import Merge

_MOST_OPEN = 4
"""Files with compressed pages that one source keeps open."""

_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What decoders meet in a damaged file."""

Plane = Callable[[int, int, int], NDArray[Any]]
"""From frame, slice and channel to a plane (S, H, W)."""


@final
class OpenTiffs:
    """TIFF files that stay open from one read to the next. Sent to another process it is empty."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[int, str, int], Any] = OrderedDict()
        self.lock = Lock()
        """Held by whoever reads from one of them: a file has one place of reading."""

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()

    def get(self, path: Path) -> Any:
        """The opened file; a process that was forked opens its own, because a file has one place of reading."""
        key = os.getpid(), str(path), path.stat().st_mtime_ns
        if key not in self._files:
            self._files[key] = tifffile().TiffFile(path)
        self._files.move_to_end(key)
        while len(self._files) > _MOST_OPEN:
            self._files.popitem(last=False)[1].close()
        return self._files[key]

    def __del__(self) -> None:
        for file in self._files.values():
            file.close()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TiffStack:
    """What to read of one series of planes."""

    series: int
    """Its place in the file."""

    axes: str
    shape: tuple[int, ...]

    dtype: str
    """As stored, with the order of bytes."""

    offset: int | None
    """Where the planes begin, when they lie in one piece."""

    page_axes: str
    """Axes of one page of the file: the last of ``axes``."""

    time: str
    slices: tuple[int, ...]
    merge: Merge
    channels: tuple[int, ...]

    samples: int
    """Of each pixel; transparency left out."""

    inverted: bool
    """Whether 0 is white."""

    palette: bool
    """Whether values are places in a table of colours."""

    memory: OpenTiffs

    def read(self, path: Path, start: int, stop: int) -> NDArray[np.generic]:
        """Frames ``start:stop`` as (T, C, H, W)."""
        with reading(path), self.memory.lock if self.offset is None else nullcontext():
            plane = self._in_pages(path) if self.offset is None else self._in_one_piece(path, self.offset)
            return np.stack(
                [
                    np.concatenate([self._merged(plane, frame, channel) for channel in self.channels])
                    for frame in range(start, stop)
                ]
            )

    def _merged(self, plane: Plane, frame: int, channel: int) -> NDArray[Any]:
        """(S, H, W): the slices of one channel of one frame made one, holding no more than two of them at a time."""
        first = plane(frame, self.slices[0], channel)
        if len(self.slices) == 1:
            return first
        if self.merge == "max":
            merged = np.array(first)
            for depth in self.slices[1:]:
                np.maximum(merged, plane(frame, depth, channel), out=merged)
            return merged
        total = first.astype(np.float64)
        for depth in self.slices[1:]:
            total += plane(frame, depth, channel)
        total /= len(self.slices)
        return (total if first.dtype.kind == "f" else np.rint(total)).astype(first.dtype)

    def _in_one_piece(self, path: Path, offset: int) -> Plane:
        stored = np.memmap(path, np.dtype(self.dtype), "r", offset, self.shape)

        def plane(frame: int, depth: int, channel: int) -> NDArray[Any]:
            place = self._place(frame, depth, channel)
            picked = stored[tuple(place.get(axis, slice(None)) for axis in self.axes)]
            return self._finished(np.asarray(picked), "".join(axis for axis in self.axes if axis not in place), None)

        return plane

    def _in_pages(self, path: Path) -> Plane:
        series = self.memory.get(path).series[self.series]
        leading = self.axes[: len(self.axes) - len(self.page_axes)]

        def plane(frame: int, depth: int, channel: int) -> NDArray[Any]:
            place = self._place(frame, depth, channel)
            index = 0
            for axis, size in zip(leading, self.shape, strict=False):
                index = index * size + place[axis]
            page = series.pages[index]
            if page is None:
                raise ValueError(f"plane {index} is missing")
            with _open_again(page.parent.filehandle):
                pixels = page.asarray(maxworkers=1).reshape(series.keyframe.shape)
            return self._finished(pixels, self.page_axes, series.keyframe.colormap)

        return plane

    def _place(self, frame: int, depth: int, channel: int) -> dict[str, int]:
        place = {axis: 0 for axis in self.axes if axis not in "SYX"}
        for axis, index in (("Z", depth), ("C", channel), (self.time, frame)):
            if axis in place:
                place[axis] = index
        return place

    def _finished(self, pixels: NDArray[Any], axes: str, colours: NDArray[Any] | None) -> NDArray[Any]:
        """(S, H, W) in the native order of bytes."""
        if "S" not in axes:
            pixels, axes = pixels[..., None], axes + "S"
        pixels = pixels.transpose([axes.index(axis) for axis in "SYX"])[: self.samples]
        if self.palette and colours is not None:
            return (colours[:, pixels[0]] >> 8).astype(np.uint8)
        if self.inverted:
            pixels = np.invert(pixels)
        return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))


@contextmanager
def _open_again(file: Any) -> Generator[None]:
    """Open a file that was closed, as those are in which other frames of a recording lie; there may be thousands."""
    closed = file.closed
    if closed:
        file.open()
    try:
        yield
    finally:
        if closed:
            file.close()


def tifffile() -> Any:
    """The package.

    Raises:
        NotAvailableError: it is not installed.
    """
    if importlib.util.find_spec("tifffile") is None:
        raise NotAvailableError(
            'TIFF stacks are read and written by tifffile, which is not installed: pip install "framecast[science]".'
        )
    # What it writes to its log of damaged files would appear between our own sentences.
    logger = logging.getLogger("tifffile")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return importlib.import_module("tifffile")


@contextmanager
def reading(path: Path) -> Generator[None]:
    """Whatever a damaged file makes its decoder raise is a SourceError here."""
    try:
        yield
    except FramecastError:
        raise
    except _DAMAGE as error:
        if "imagecodecs" in str(error):
            raise NotAvailableError(
                f"'{path}' is compressed in a way that needs imagecodecs: pip install \"framecast[science]\"."
            ) from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(f"The image '{path}' cannot be read; it may be damaged or cut off ({reason}).") from error
