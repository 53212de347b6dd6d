"""Repeated frames: frames that equal the one before them, value for value.

Cameras and editors repeat frames to keep a rate, and a recording with repeats flatters whoever copies the last frame.

Axes: T frames, C channels, H height, W width.
"""

from dataclasses import replace
from typing import TypeVar, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Source

_AT_ONCE_BYTES = 2**25

_WORTH_SKIPPING = 16
"""Repeats in a row that are rather skipped than read and thrown away: a standing picture may repeat for hours."""

AnySource = TypeVar("AnySource", bound=Source)


def repeated_frames(sequence: Sequence) -> NDArray[np.bool_]:
    """Which frames equal the one before them; reads the entire sequence, some of it at a time.

    Returns:
        (T,) True for a repeat; missing values equal each other. The first frame is none.

    Raises:
        SourceError: the sequence cannot be read.
    """
    info = sequence.info
    repeated = np.zeros(info.num_frames, bool)
    at_once = max(1, _AT_ONCE_BYTES // info.frame_bytes)
    last: NDArray[np.generic] | None = None
    for start in range(0, info.num_frames, at_once):
        block = sequence.read(start, min(start + at_once, info.num_frames), unexpected="keep")
        if last is not None:
            repeated[start] = np.array_equal(block[0], last, equal_nan=block.dtype.kind == "f")
        repeated[start + 1 : start + len(block)] = equal_neighbours(block)
        last = block[-1]
    return repeated


def equal_neighbours(frames: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether each of frames 1 .. T - 1 equals the one before it, (T - 1,); missing values equal each other."""
    same = frames[1:] == frames[:-1]
    if frames.dtype.kind == "f":
        lost = np.isnan(frames)
        same |= lost[1:] & lost[:-1]
    return same.all(axis=(1, 2, 3))


def without_repeats(source: AnySource) -> AnySource:
    """The source with every repeated frame left out; all of it is read for that.

    Returns:
        The source itself where nothing repeats; else one whose notes say how much was dropped.

    Raises:
        SourceError: a sequence cannot be read.
    """
    found = [np.flatnonzero(~repeated_frames(sequence)) for sequence in source.sequences]
    before = sum(sequence.info.num_frames for sequence in source.sequences)
    dropped = before - sum(len(places) for places in found)
    if not dropped:
        return source
    sequences = tuple(
        sequence if len(places) == sequence.info.num_frames else KeptFrames(sequence, places)
        for sequence, places in zip(source.sequences, found, strict=True)
    )
    pairs = zip(sequences, source.sequences, strict=True)
    unknown = any(kept.info.step_seconds is None and whole.info.step_seconds is not None for kept, whole in pairs)
    note = f"Repeated frames were dropped: {dropped} of {before}."
    if unknown:
        note += " What is left is not evenly spaced in time, so the time between frames is unknown."
    return replace(source, sequences=sequences, notes=(*source.notes, note))


@final
class KeptFrames(Sequence):
    """Some frames of another sequence, in order."""

    def __init__(self, sequence: Sequence, places: NDArray[np.int64]) -> None:
        """Choose frames.

        Args:
            sequence: where the frames are.
            places: (T',) which frames, 0-based, ascending; at least one.
        """
        self._sequence = sequence
        self._places = places
        self.info = _info_of(sequence.info, places)

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        places = self._places[start:stop]
        runs = np.split(places, np.flatnonzero(np.diff(places) > _WORTH_SKIPPING) + 1)
        return np.concatenate([self._run(run) for run in runs])

    def _run(self, places: NDArray[np.int64]) -> NDArray[np.generic]:
        first = int(places[0])
        return self._sequence.read(first, int(places[-1]) + 1, unexpected="keep")[places - first]


def _info_of(info: SequenceInfo, places: NDArray[np.int64]) -> SequenceInfo:
    steps = np.unique(np.diff(places))
    seconds = None
    if info.step_seconds is not None and len(steps) == 1:
        seconds = info.step_seconds * int(steps[0])
    elif len(places) == 1:
        seconds = info.step_seconds
    return replace(info, num_frames=len(places), step_seconds=seconds, start_time=info.time_of(int(places[0])))
