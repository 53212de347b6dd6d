"""Frame reader: converted frames of a source, kept in memory as far as a budget reaches.

Frames are kept in blocks of consecutive frames, still in their native type (a quarter of float32 for video). What comes
first stays: training asks for clips in random order, and throwing out an old block for each new one would decode
everything again in every epoch as soon as the recordings exceed the budget. Beyond the budget, exactly the frames
asked for are read, and only the window asked for is converted.

Axes: T frames, C channels, H height, W width.
"""

import math
from threading import Lock
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.clips.conversion import FrameConversion, Window
from framecast.frames.sequence import Sequence

_BLOCK_BYTES = 2**26
_SHORTEST_BLOCK, _LONGEST_BLOCK = 16, 1024


@final
class FrameReader:
    """Reads and converts the frames of the sequences of one source."""

    def __init__(self, conversion: FrameConversion, max_bytes: int) -> None:
        """Start with nothing kept.

        Args:
            conversion: applied to every frame.
            max_bytes: memory for converted frames; 0 keeps none.
        """
        self.conversion = conversion
        self.max_bytes = max_bytes
        self.held_bytes = 0
        """Memory taken by the frames that are kept."""

        self._blocks: dict[tuple[str, int], NDArray[Any]] = {}
        self._lock = Lock()

    def read(
        self, sequence: Sequence, start: int, stop: int, *, step: int = 1, window: Window | None = None
    ) -> NDArray[Any]:
        """Frames ``start:stop:step`` of a sequence, converted.

        Args:
            sequence: one of the source that this reader serves; sequences are told apart by their names.
            start: first frame, 0-based.
            stop: one past the last frame.
            step: take every so many frames.
            window: the part of the converted frames that is wanted; None for all.

        Returns:
            (T, C, H, W) in the native type; not to be written to.
        """
        with self._lock:  # also for the sequence, which need not bear two readers at once
            parts = self._kept(sequence, start, stop, window)
            if parts is None:
                return self.conversion.convert(sequence.read(start, stop)[::step], window)
        return (parts[0] if len(parts) == 1 else np.concatenate(parts))[::step]

    def read_into(
        self,
        out: NDArray[Any],
        sequence: Sequence,
        start: int,
        stop: int,
        *,
        step: int = 1,
        window: Window | None = None,
    ) -> None:
        """The frames that :meth:`read` gives, written to an array; decoded there where nothing has to be done to them.

        Args:
            out: (T, C, H, W); filled.
            sequence: as for :meth:`read`, and so are the others.
            start: first frame, 0-based.
            stop: one past the last frame.
            step: take every so many frames.
            window: the part of the converted frames that is wanted; None for all.
        """
        unchanged = step == 1 and out.dtype == np.dtype(sequence.info.dtype) and self._changes_nothing(sequence, window)
        if unchanged:
            with self._lock:
                if self._kept(sequence, start, stop, window) is None:
                    sequence.read_into(out, start)
                    return
        np.copyto(out, self.read(sequence, start, stop, step=step, window=window), casting="same_kind")

    def _changes_nothing(self, sequence: Sequence, window: Window | None) -> bool:
        """Whether what is wanted is all of the frames, as they are recorded."""
        info = sequence.info
        if window not in (None, Window(0, 0, info.height, info.width)):
            return False
        return self.conversion.shape(info) == info.frame_shape

    def _kept(self, sequence: Sequence, start: int, stop: int, window: Window | None) -> list[NDArray[Any]] | None:
        """Frames that are in memory, or read into it, in pieces; None when the budget has no room for some of them."""
        length = _block_length(sequence)
        parts: list[NDArray[Any]] = []
        for block in range(start // length, (stop - 1) // length + 1):
            frames = self._block(sequence, block, length)
            if frames is None:
                return None
            begin = block * length
            frames = frames[max(start - begin, 0) : stop - begin]
            parts.append(frames if window is None else window.cut(frames))
        return parts

    def _block(self, sequence: Sequence, block: int, length: int) -> NDArray[Any] | None:
        """One block, from memory or read into it; None when the budget has no room for it."""
        key = sequence.info.name, block
        if key in self._blocks:
            return self._blocks[key]
        begin, end = block * length, min((block + 1) * length, sequence.info.num_frames)
        itemsize = np.dtype(sequence.info.dtype).itemsize
        needed = (end - begin) * math.prod(self.conversion.shape(sequence.info)) * itemsize
        if self.held_bytes + needed > self.max_bytes:
            return None
        # A copy, because a reader of files may hand out a view of something larger.
        frames = np.array(self.conversion.convert(sequence.read(begin, end)))
        frames.flags.writeable = False
        self._blocks[key] = frames
        self.held_bytes += needed
        return frames

    def without_memory(self) -> "FrameReader":
        """A reader that keeps nothing, for sequences that are read once."""
        return FrameReader(self.conversion, max_bytes=0)

    def divided(self, parts: int) -> "FrameReader":
        """A reader for one of several processes, that keeps nothing yet and may keep its part of the room."""
        return FrameReader(self.conversion, self.max_bytes // parts)

    def __reduce__(self) -> tuple[type["FrameReader"], tuple[FrameConversion, int]]:
        """Travel to another process without the frames, with the room that they leave."""
        return FrameReader, (self.conversion, self.max_bytes - self.held_bytes)


def _block_length(sequence: Sequence) -> int:
    """Frames of a block: long enough to decode in one go, short enough that its native frames fit in memory."""
    return min(max(_BLOCK_BYTES // sequence.info.frame_bytes, _SHORTEST_BLOCK), _LONGEST_BLOCK)
