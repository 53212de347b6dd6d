"""Exact access to the frames of a video file: stored frame i of any read is frame i of the entire decode.

A read seeks to the last key frame at or before its start and decodes from there; frames are recognised by their
presentation time, never by counting from a seek. Where a container holds no usable times (AVI with reordered frames),
reading counts frames from the start.

Decoding and conversion use one thread each: a process forked by a data loader inherits the decoders but not their
threads, and would wait for them for ever when it lets go of them.

Axes: T frames, C channels (1 grey, 3 RGB), H height, W width.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, final

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.sources.video.facts import VideoFacts, open_stream
from framecast.sources.video.pixels import PixelReader

_MOST_OPEN = 8
"""Decoders that one source keeps open, so that reading on costs nothing and file handles stay few."""

_WORTH_SEEKING = 8
"""Frames that are rather decoded in passing than skipped by seeking."""


@final
class Decoder:
    """One open video file, ready to go on where the last read ended."""

    def __init__(self, path: Path, facts: VideoFacts) -> None:
        self._path = path
        self._facts = facts
        self._times = facts.times
        self._pixels = PixelReader(facts.pixels, facts.orientation)
        self._container, self._stream, self._frames = self._open()
        self._next: int | None = 0
        """The stored frame that comes next; None when unknown."""

    def _open(self) -> tuple[InputContainer, VideoStream, Iterator[VideoFrame]]:
        container, stream = open_stream(self._path)
        return container, stream, container.decode(stream)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def read_into(self, out: NDArray[Any], start: int) -> None:
        """Decode frames ``start:start + T``.

        Args:
            out: (T, C, H, W) of the dtype of the pixels; filled.
            start: first frame, 0-based.

        Raises:
            SourceError: the file cannot be decoded there, or has changed since it was opened.
        """
        stop = start + len(out)
        if self._facts.frame_map is None:
            self._read_stored(out, np.arange(start, stop), start, stop)
            return
        stored, places = np.unique(self._facts.frame_map[start:stop], return_inverse=True)
        if len(stored) == len(out):
            self._read_stored(out, stored, start, stop)
            return
        once = np.empty((len(stored), *out.shape[1:]), out.dtype)
        self._read_stored(once, stored, start, stop)
        out[...] = once[places]

    def _read_stored(self, out: NDArray[Any], stored: NDArray[np.int64], start: int, stop: int) -> None:
        """Fill ``out`` with stored frames, all different, that are the frames ``start:stop``."""
        try:
            if self._times is not None and not self._read_by_time(out, stored, self._times):
                # Times or key marks do not describe what the decoder puts out: from now on only counting is exact.
                self._times = self._next = None
            if self._times is None:
                self._read_by_count(out, stored)
        except (FFmpegError, OSError) as error:
            raise SourceError(
                f"'{self._path}' cannot be decoded between frames {start} and {stop} ({error.strerror}). Mend it, "
                "leave it out, or set source.check_frames=true to use what lies before the damage."
            ) from error

    def _read_by_time(self, out: NDArray[Any], stored: NDArray[np.int64], times: NDArray[np.int64]) -> bool:
        """Fill ``out`` with stored frames; False when other frames come than the ones that were asked for."""
        entries = self._facts.entries
        nearest = entries[np.searchsorted(entries, stored, side="right") - 1]
        done = 0
        while done < len(stored):
            entry, start = int(nearest[done]), int(stored[done])
            if self._next is None or self._next > start or entry > self._next + (_WORTH_SEEKING if done else 0):
                self._seek(entry, times)
            # Up to where a later entry spares decoding what lies between.
            skips = np.flatnonzero(nearest[done + 1 :] > stored[done:-1] + 1 + _WORTH_SEEKING)
            end = done + 1 + int(skips[0]) if skips.size else len(stored)
            if not self._collect(out[done:end], stored[done:end], times):
                return False
            done = end
        return True

    def _seek(self, frame: int, times: NDArray[np.int64]) -> None:
        if frame == 0:
            self._rewind()
            return
        self._container.seek(int(times[frame]), stream=self._stream, backward=True, any_frame=False)
        self._frames = self._container.decode(self._stream)

    def _rewind(self) -> None:
        self._container.close()
        self._container, self._stream, self._frames = self._open()
        self._next = 0

    def _collect(self, out: NDArray[Any], stored: NDArray[np.int64], times: NDArray[np.int64]) -> bool:
        """Decode on, up to the last of the stored frames."""
        filled = 0
        self._next = None
        for frame in self._frames:
            if frame.pts is None:
                return False
            index = int(np.searchsorted(times, frame.pts))
            if index < stored[filled]:
                continue
            if index != stored[filled] or times[index] != frame.pts:
                return False
            self._copy(frame, out[filled])
            filled += 1
            if filled == len(out):
                self._next = index + 1
                return True
        return False

    def _read_by_count(self, out: NDArray[Any], stored: NDArray[np.int64]) -> None:
        if self._next is None or self._next > stored[0]:
            self._rewind()
        index = self._next or 0
        filled = 0
        self._next = None
        for frame in self._frames:
            if index == stored[filled]:
                self._copy(frame, out[filled])
                filled += 1
            index += 1
            if filled == len(out):
                self._next = index
                return
        raise SourceError(
            f"'{self._path}' ends after {index} frames where {self._facts.num_stored} were found when it was opened; "
            "it is damaged, or has changed since. source.check_frames=true uses what lies before the damage."
        )

    def _copy(self, frame: VideoFrame, out: NDArray[Any]) -> None:
        """Copy a picture to (C, H, W)."""
        height, width = self._facts.stored_size
        if (frame.height, frame.width) != (height, width):
            raise SourceError(
                f"'{self._path}' changes its size from {height}x{width} to {frame.height}x{frame.width} (H x W) on the "
                "way; cut it into one file for each size, or set source.check_frames=true to use the first part."
            )
        self._pixels.copy(frame, out)


@final
class Decoders:
    """The few decoders that a source keeps open. Sent to another process, or inherited by one, it is empty."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, Decoder] = OrderedDict()
        self._process = os.getpid()

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()

    def read(self, path: Path, facts: VideoFacts, start: int, stop: int) -> NDArray[Any]:
        """Decode frames ``start:stop`` of ``path``, (T, C, H, W); see :meth:`Decoder.read_into`."""
        frames = np.empty((stop - start, facts.pixels.channels, facts.height, facts.width), facts.pixels.dtype)
        self.read_into(frames, path, facts, start)
        return frames

    def read_into(self, out: NDArray[Any], path: Path, facts: VideoFacts, start: int) -> None:
        """Decode frames of ``path``; see :meth:`Decoder.read_into`."""
        if os.getpid() != self._process:
            # A forked process shares the position in files that were open before: it needs its own.
            self.__init__()
        # Taken out while it is in use, so that two threads never share one.
        decoder = self._open.pop(path, None) or _opened(path, facts)
        try:
            decoder.read_into(out, start)
        except BaseException:
            decoder.close()
            raise
        self._open[path] = decoder
        while len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].close()


def _opened(path: Path, facts: VideoFacts) -> Decoder:
    try:
        return Decoder(path, facts)
    except (FFmpegError, OSError) as error:
        raise SourceError(f"'{path}' can no longer be opened: {error.strerror}.") from error
