"""The plan of a preparation: which parts of a store stay, and which are to be written from what.

Every sequence has a key, which changes with whatever its stored frames depend on. A part is named by the keys in it,
so what must be written follows from the source and from the finished store alone: a preparation that was stopped finds
the parts that it has finished under the names that it looks for.

Axes: T frames, C channels, H height, W width.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, final

import numpy as np

from framecast.clips.conversion import Color, FrameConversion
from framecast.clips.grid_resizing import GridResizing
from framecast.clips.part_preparation import Job, PartTask
from framecast.frames.errors import SourceError
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Rejected, Source
from framecast.sources.store.fingerprint import Stamp, checksum_of, stamp_of
from framecast.sources.store.index import StoredSequence
from framecast.sources.store.part import Compression, OpenParts
from framecast.sources.store.source import StoreSequence

_MOST_PART_BYTES = 2**28
"""Converted bytes of a part: what a stopped preparation has to do again at most, for each process."""

_LEAST_PART_BYTES = 2**24
_USUAL_PARTS = 64
"""Parts of a small source, so that several processes have something to do."""

Records = list[dict[str, Any]]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """What is done to the recordings."""

    size: tuple[int, int] | None = None
    """(height, width), or None to keep the native size."""

    color: Color = "keep"
    """``grey``, ``rgb`` or ``keep``."""

    compression: Compression = "none"
    """Of the stored frames."""

    @property
    def conversion(self) -> FrameConversion:
        """What is done to frames."""
        return FrameConversion(self.size, self.color)


@final
@dataclass(frozen=True, kw_only=True)
class StorePlan:
    """What a preparation has to do."""

    jobs: dict[str, Job]
    """Every sequence that can be looked at, by its key, in the order of the source."""

    gone: tuple[Rejected, ...]
    """Recordings that vanished after the source was opened."""

    kept: Mapping[str, Records]
    """Parts of the store that stay as they are."""

    tasks: tuple[PartTask, ...]
    """Parts to be written."""

    copied: int
    """Sequences that are copied from parts which do not stay."""

    dropped: int
    """Sequences that are in the store and no longer in the source, or not as they were."""


def plan_store(
    source: Source,
    settings: StoreSettings,
    origin: Mapping[str, Any],
    *,
    work: Path,
    store: Path | None,
    parts: Mapping[str, Records],
) -> StorePlan:
    """Compare a source with what is prepared already.

    Args:
        source: the recordings.
        settings: what is done to them.
        origin: settings of the source and of the preparation, plain values.
        work: where new parts are written.
        store: the finished store whose ``parts`` may stay; None where there is none.
        parts: records of these parts.
    """
    facts = _Facts(settings.conversion, origin)
    known = {record["key"]: record for records in parts.values() for record in records}
    by_facts = {record["facts"]: record for record in known.values() if record.get("files")}
    jobs: dict[str, Job] = {}
    gone: list[Rejected] = []
    for sequence in source.sequences:
        try:
            job = facts.job(sequence, by_facts)
            jobs[job.key] = job
        except SourceError as error:
            gone.append(Rejected(sequence.info.name, str(error).rstrip(".")))
    kept = {part: records for part, records in parts.items() if all(record["key"] in jobs for record in records)}
    settled = {record["key"] for records in kept.values() for record in records}
    tasks: list[PartTask] = []
    make = _TaskMaker(work, settings)
    copied = 0
    if store is not None:
        opened = OpenParts(store)
        for part, records in parts.items():
            left = [record for record in records if record["key"] in jobs and record["key"] not in settled]
            if not left:
                continue
            settled.update(record["key"] for record in left)
            copied += len(left)
            tasks.append(make.task([_copied(jobs[record["key"]], record, part, opened) for record in left]))
    tasks += make.tasks(job for key, job in jobs.items() if key not in settled)
    return StorePlan(
        jobs=jobs,
        gone=tuple(gone),
        kept=kept,
        tasks=tuple(tasks),
        copied=copied,
        dropped=sum(key not in jobs for key in known),
    )


def stored_info(info: SequenceInfo, conversion: FrameConversion, grids: GridResizing) -> SequenceInfo:
    """What is known about a sequence after it was converted."""
    channels, height, width = conversion.shape(info)
    return dataclasses.replace(
        info,
        channels=channels,
        height=height,
        width=width,
        channel_names=info.channel_names if channels == info.channels else (),
        grid=grids.resized(info.grid, height, width),
        path=None,
    )


@final
class _Facts:
    """Finds keys. What many sequences share is looked at once."""

    def __init__(self, conversion: FrameConversion, origin: Mapping[str, Any]) -> None:
        self._conversion = conversion
        self._origin = json.dumps(origin, sort_keys=True)
        self._stamps: dict[str, Stamp] = {}
        self._grids: dict[int, tuple[Any, str]] = {}  # holds the grid too, so that its identity stays its own

    def job(self, sequence: Sequence, by_facts: Mapping[str, dict[str, Any]]) -> Job:
        """The work that a sequence needs; its key is that of stored frames which are still right."""
        info = sequence.info
        self._conversion.shape(info)  # refuses what cannot be converted, in a user's words
        facts = _digest(self._origin, repr(dataclasses.replace(info, path=None, grid=None)), self._grid(info))
        if info.path is None:
            return Job(key=facts, facts=facts, sequence=sequence, conversion=self._conversion)
        path = Path(info.path)
        if info.path not in self._stamps:
            self._stamps[info.path] = stamp_of(path)
        stamp = self._stamps[info.path]
        key = _digest(facts, stamp.digest)
        earlier = by_facts.get(facts)
        touched = earlier is not None and earlier["key"] != key and earlier["files"]["bytes"] == stamp.bytes
        # Touched, copied or checked out anew: the bytes tell whether it is another recording.
        if earlier is not None and touched and checksum_of(path, stamp) == earlier["files"]["sha256"]:
            key = earlier["key"]
        return Job(key=key, facts=facts, sequence=sequence, conversion=self._conversion, path=path, stamp=stamp)

    def _grid(self, info: SequenceInfo) -> str:
        if info.grid is None:
            return ""
        if id(info.grid) not in self._grids:
            self._grids[id(info.grid)] = info.grid, _digest(repr(info.grid))
        return self._grids[id(info.grid)][1]


@final
@dataclass(frozen=True)
class _TaskMaker:
    """Puts sequences of one shape and type together."""

    work: Path
    settings: StoreSettings

    def task(self, jobs: list[Job]) -> PartTask:
        """One part of these sequences."""
        info = jobs[0].sequence.info
        return PartTask(
            store=self.work,
            name=_digest(*(job.key for job in jobs))[:24],
            jobs=tuple(jobs),
            frame_shape=self.settings.conversion.shape(info),
            dtype=info.dtype,
            compression=self.settings.compression,
        )

    def tasks(self, jobs: Iterable[Job]) -> list[PartTask]:
        """Parts of sequences in the order of the source, not too large each."""
        jobs = list(jobs)
        native = {job.key: _bytes(job.sequence.info, job.sequence.info.frame_shape) for job in jobs}
        most_native = max(sum(native.values()) // _USUAL_PARTS, _LEAST_PART_BYTES)
        heaps: dict[Any, _Heap] = {}
        done: list[PartTask] = []
        for job in jobs:
            info = job.sequence.info
            shape = self.settings.conversion.shape(info)
            heap = heaps.setdefault((shape, info.dtype), _Heap())
            heap.jobs.append(job)
            heap.native += native[job.key]
            heap.converted += _bytes(info, shape)
            if heap.native >= most_native or heap.converted >= _MOST_PART_BYTES:
                done.append(self.task(heap.jobs))
                del heaps[shape, info.dtype]
        return done + [self.task(heap.jobs) for heap in heaps.values()]


@dataclass
class _Heap:
    jobs: list[Job] = field(default_factory=list[Job])
    native: int = 0
    converted: int = 0


def _copied(job: Job, record: dict[str, Any], part: str, opened: OpenParts) -> Job:
    if "rejected" in record:
        return job
    info = stored_info(job.sequence.info, job.conversion, GridResizing())
    stored = StoreSequence(info, StoredSequence(info, part, record["first"]), opened)
    return dataclasses.replace(job, stored=stored, files=record["files"])


def _bytes(info: SequenceInfo, shape: tuple[int, int, int]) -> int:
    return info.num_frames * int(np.prod(shape)) * np.dtype(info.dtype).itemsize


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
