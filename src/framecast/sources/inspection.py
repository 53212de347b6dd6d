"""Inspection: what a source holds, from its headers and from a bounded sample of its frames."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.sequence import Sequence
from framecast.frames.source import Rejected, Source
from framecast.sources.arrays.hdf5 import Hdf5Source
from framecast.sources.arrays.source import ArraySource

MANY_REPEATS = 0.05
"""A share of repeated frames above which it must be said."""

_BLOCK_FRAMES = 64
_BLOCK_BYTES = 2**25
"""Of frames that are read at once; sums over them take several times as much."""

_BINS = 64


@final
@dataclass(frozen=True, kw_only=True)
class SequenceReport:
    """One sequence."""

    name: str
    group: str
    frames: int
    height: int
    width: int
    channels: int
    dtype: str
    step_seconds: float | None
    units: str | None
    split: str | None
    start_time: str | None
    """ISO 8601, where the recording tells."""
    pixel_size: tuple[float, float] | None
    """Along y and x, ..."""
    pixel_units: str | None
    """... in these units, where the recording tells."""
    frames_read: int
    """Frames that the figures below come from; 0 when this sequence was not sampled."""
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    missing_share: float | None = None
    """Share of values that are missing (NaN, or not finite)."""
    repeated_share: float | None = None
    """Share of steps in which no value changes at all."""
    static_share: float | None = None
    """Share of values that stay exactly the same from one frame to the next."""


@final
@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a source holds."""

    location: str
    kind: str
    layout: str | None
    """Order of the axes, as set or guessed; None for what is no array."""
    num_sequences: int
    num_frames: int
    value_range: tuple[float, float] | None
    """The range that the native type stands for, None where only the data can tell."""
    minimum: float | None
    maximum: float | None
    missing_share: float
    repeated_share: float
    static_share: float
    histogram_counts: list[int]
    histogram_edges: list[float]
    notes: list[str]
    rejected: list[dict[str, str]]
    """``path`` and ``reason`` of files that could not be read."""
    sequences: list[SequenceReport]

    def as_dict(self) -> dict[str, Any]:
        """The content of ``inspect.json``."""
        return {"schema": 1, **dataclasses.asdict(self)}


@final
class _Tally:
    """Sums over the frames of one sequence."""

    def __init__(self) -> None:
        self.frames = self.values = self.missing = self.steps = self.repeated = self.changes = self.static = 0
        self.total = 0.0
        self.minimum, self.maximum = np.inf, -np.inf
        self._last: NDArray[np.generic] | None = None

    def add(self, block: NDArray[np.generic]) -> None:
        there = _finite(block)
        self.frames += len(block)
        self.values += block.size
        self.missing += block.size - there.size
        if there.size:
            self.total += float(there.sum(dtype=np.float64))
            self.minimum = min(self.minimum, float(there.min()))
            self.maximum = max(self.maximum, float(there.max()))
        joined = block if self._last is None else np.concatenate([self._last, block])
        if len(joined) > 1:
            same, lost = joined[1:] == joined[:-1], _both_missing(joined)
            self.steps += len(same)
            self.repeated += int((same | lost).reshape(len(same), -1).all(axis=1).sum())
            # A cell where nothing is ever measured, as outside of a radar's range, does not stand still.
            self.changes += same.size - int(lost.sum())
            self.static += int(same.sum())
        self._last = block[-1:]


def inspect_source(source: Source, *, max_frames: int = 4000, max_sequences: int = 64) -> Inspection:
    """Look at a source.

    Args:
        source: what to look at.
        max_frames: at most so many frames are read in all, in one piece from the start of each sampled sequence.
        max_sequences: at most so many sequences are sampled, spread evenly.

    Returns:
        What was found. Sampled sequences that cannot be read are among the rejected, and only their headers count.

    Raises:
        SourceError: none of the sampled sequences can be read.
    """
    sequences = source.sequences
    count = min(max_sequences, len(sequences))
    sampled = {int(i) for i in np.linspace(0, len(sequences) - 1, count).round()}
    budget = max(2, max_frames // len(sampled))
    tallies: dict[int, _Tally] = {}
    damaged: dict[int, SourceError] = {}
    for index in sorted(sampled):
        try:
            tallies[index] = _tally(sequences[index], budget)
        except SourceError as error:
            damaged[index] = error
    if not tallies:
        raise damaged[min(damaged)]
    low, high = _common_range(source, list(tallies.values()))
    counts = np.zeros(_BINS, dtype=np.int64)
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    for index in tallies:
        for block in _blocks(sequences[index], min(budget, _BLOCK_FRAMES)):
            counts += np.histogram(_finite(block), bins=edges)[0]
    reports = [_report(sequence, tallies.get(index)) for index, sequence in enumerate(sequences)]
    notes = list(source.notes)
    if len(tallies) < len(sequences) or any(r.frames_read < r.frames for r in reports if r.frames_read):
        read = sum(report.frames_read for report in reports)
        plural = "" if len(tallies) == 1 else "s"
        notes.append(f"Figures come from {read} frames of {len(tallies)} sequence{plural}; the rest was not read.")
    repeated_share = _share([(tally.repeated, tally.steps) for tally in tallies.values()])
    if repeated_share > MANY_REPEATS:
        notes.append(
            f"{repeated_share:.0%} of the frames that were read equal the one before, which flatters whoever copies "
            "the last one; --drop-repeats leaves them out."
        )
    return Inspection(
        location=source.location,
        kind=source.kind,
        layout=source.layout if isinstance(source, (ArraySource, Hdf5Source)) else None,
        num_sequences=len(sequences),
        num_frames=sum(sequence.info.num_frames for sequence in sequences),
        value_range=sequences[0].info.value_range,
        minimum=_finite_or_none(min(tally.minimum for tally in tallies.values())),
        maximum=_finite_or_none(max(tally.maximum for tally in tallies.values())),
        missing_share=_share([(tally.missing, tally.values) for tally in tallies.values()]),
        repeated_share=repeated_share,
        static_share=_share([(tally.static, tally.changes) for tally in tallies.values()]),
        histogram_counts=counts.tolist(),
        histogram_edges=edges.tolist(),
        notes=notes,
        rejected=[dataclasses.asdict(rejected) for rejected in (*source.rejected, *_rejected(source, damaged))],
        sequences=reports,
    )


def _rejected(source: Source, damaged: dict[int, SourceError]) -> list[Rejected]:
    infos = [(source.sequences[index].info, str(error)) for index, error in damaged.items()]
    return [Rejected(info.path or info.name, reason.rstrip(".")) for info, reason in infos]


def _tally(sequence: Sequence, budget: int) -> _Tally:
    tally = _Tally()
    for block in _blocks(sequence, budget):
        tally.add(block)
    return tally


def _blocks(sequence: Sequence, at_most: int) -> Iterator[NDArray[np.generic]]:
    """The first frames of a sequence, a few at a time."""
    end, at_once = min(at_most, sequence.info.num_frames), _at_once(sequence)
    for start in range(0, end, at_once):
        yield sequence.read(start, min(start + at_once, end), unexpected="keep")


def _at_once(sequence: Sequence) -> int:
    """Frames that are read in one piece."""
    return min(max(_BLOCK_BYTES // sequence.info.frame_bytes, 1), _BLOCK_FRAMES)


def _finite(block: NDArray[Any]) -> NDArray[Any]:
    """The values that are there, in one dimension."""
    return block[np.isfinite(block)] if block.dtype.kind == "f" else block.ravel()


def _report(sequence: Sequence, tally: _Tally | None) -> SequenceReport:
    info = sequence.info
    there = 0 if tally is None else tally.values - tally.missing
    return SequenceReport(
        name=info.name,
        group=info.group,
        frames=info.num_frames,
        height=info.height,
        width=info.width,
        channels=info.channels,
        dtype=info.dtype,
        step_seconds=info.step_seconds,
        units=info.units,
        split=info.split,
        start_time=None if info.start_time is None else info.start_time.isoformat(),
        pixel_size=None if info.grid is None else info.grid.pixel_size,
        pixel_units=None if info.grid is None else info.grid.y.units,
        frames_read=0 if tally is None else tally.frames,
        minimum=None if tally is None else _finite_or_none(tally.minimum),
        maximum=None if tally is None else _finite_or_none(tally.maximum),
        mean=None if tally is None or not there else tally.total / there,
        missing_share=None if tally is None else _share([(tally.missing, tally.values)]),
        repeated_share=None if tally is None else _share([(tally.repeated, tally.steps)]),
        static_share=None if tally is None else _share([(tally.static, tally.changes)]),
    )


def _common_range(source: Source, tallies: list[_Tally]) -> tuple[float, float]:
    declared = source.sequences[0].info.value_range
    # A 16-bit camera rarely fills its type: the histogram shows what is there.
    if declared is not None and declared[1] <= 255:
        return declared
    low, high = min(tally.minimum for tally in tallies), max(tally.maximum for tally in tallies)
    return (low, high) if np.isfinite(low) else (0.0, 1.0)


def _both_missing(frames: NDArray[np.generic]) -> NDArray[np.bool_]:
    if frames.dtype.kind != "f":
        return np.zeros((len(frames) - 1, *frames.shape[1:]), dtype=bool)
    gaps = np.isnan(frames)
    return gaps[1:] & gaps[:-1]


def _share(pairs: list[tuple[int, int]]) -> float:
    whole = sum(pair[1] for pair in pairs)
    return sum(pair[0] for pair in pairs) / whole if whole else 0.0


def _finite_or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
