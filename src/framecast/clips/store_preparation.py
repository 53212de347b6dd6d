"""Preparing a store: recordings are decoded once, by several processes where wanted, and put into a store.

New parts are written into a folder beside the store, ``STORE.part``; the store appears, or changes, only when all of
them are whole: by a renaming where it is new, by replacing its index otherwise. A preparation that was stopped at any
moment goes on where it was, and a store that is there stays usable all the while.
"""

import json
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, final

from framecast.clips.grid_resizing import GridResizing
from framecast.clips.part_preparation import PartTask, write_part
from framecast.clips.splits import SplitConfig, split_sequences
from framecast.clips.store_plan import Records, StorePlan, StoreSettings, plan_store, stored_info
from framecast.frames.errors import SourceError, SplitError
from framecast.frames.sequence import SPLITS, SequenceInfo
from framecast.frames.source import Rejected, Source
from framecast.sources.store.index import (
    WORK_ENDING,
    StoredSequence,
    StoreIndex,
    is_store,
    read_index,
    write_group,
    write_index,
)
from framecast.sources.store.part import PARTS, part_names, read_records
from framecast.version import __version__

_LOCK = "lock"

Watch = Callable[[int, int], None]
"""Called with (sequences done, sequences in all)."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What a preparation did."""

    path: Path
    """The store."""

    sequences: int
    """In the store now."""

    frames: int
    bytes: int
    """On the disk."""

    prepared: int
    """Sequences that were read and converted, now or before this preparation was stopped."""

    kept: int
    """Sequences that were in the store and stay as they are."""

    dropped: int
    """Sequences that were in the store and are no longer in the source, or not as they were."""

    rejected: tuple[Rejected, ...]
    """Recordings that cannot be read, with the reason."""

    unchanged: bool
    """Nothing was to be done."""

    notes: tuple[str, ...]
    """Sentences about the source that a person should see."""


def prepare_store(
    source: Source,
    out: Path,
    settings: StoreSettings,
    origin: Mapping[str, Any],
    *,
    executor: Executor | None = None,
    ahead: int = 1,
    max_rejected: float = 0.5,
    overwrite: bool = False,
    watch: Watch | None = None,
) -> Preparation:
    """Put the recordings of a source into a store, or bring the store up to date.

    Args:
        source: the recordings.
        out: the store.
        settings: what is done to the frames.
        origin: the source's settings and those above as plain values, kept in the store.
        executor: who writes parts; None writes them here.
        ahead: parts that the executor is given at a time.
        max_rejected: share of recordings that may turn out unreadable.
        overwrite: prepare everything anew, and replace a store whatever it was prepared from.
        watch: who watches.

    Raises:
        SourceError: something else lies there, too many recordings cannot be read, the disk is too small, or another
            preparation is at work.
    """
    out = out.absolute()
    work = out.with_name(out.name + WORK_ENDING)
    with _alone(work):
        earlier = _earlier(out, origin, overwrite=overwrite)
        parts = {} if earlier is None or overwrite else _parts_of(out, earlier)
        plan = plan_store(source, settings, origin, work=work, store=out if parts else None, parts=parts)
        limit = _Limit(len(source.sequences) + len(source.rejected), max_rejected)
        limit.count([*source.rejected, *plan.gone])
        ready = {**plan.kept, **_finished((work,) if overwrite else (work, out), plan.tasks)}
        todo = [task for task in plan.tasks if task.name not in ready]
        for records in ready.values():
            limit.count(_rejected(records))
        _check_room(work, todo)
        done = sum(map(len, ready.values()))
        for task, records in _run(todo, executor, ahead):
            ready[task.name] = records
            limit.count(_rejected(records))
            done += len(records)
            if watch is not None:
                watch(done, len(plan.jobs))
        index = _index(source, plan, ready, origin)
        if not index.sequences:
            raise SourceError(f"None of the recordings in '{source.location}' can be read: {_named(index.rejected)}.")
        unchanged = not plan.tasks and earlier is not None and _same(index, earlier)
        if earlier is None:
            _publish(work, out, index)
        else:
            _update(out, work, index, unchanged=unchanged)
    written = sum(len(ready[task.name]) for task in plan.tasks)
    return Preparation(
        path=out,
        sequences=len(index.sequences),
        frames=sum(stored.info.num_frames for stored in index.sequences),
        bytes=sum(file.stat().st_size for file in out.rglob("*") if file.is_file()),
        prepared=written - plan.copied,
        kept=len(plan.jobs) - written + plan.copied,
        dropped=plan.dropped,
        rejected=index.rejected,
        unchanged=unchanged,
        notes=source.notes,
    )


def _earlier(out: Path, origin: Mapping[str, Any], *, overwrite: bool) -> StoreIndex | None:
    """The index of the store that is there."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not is_store(out):
        raise SourceError(f"'{out}' is there and is no prepared store, so it is not replaced; choose another --out.")
    try:
        earlier = read_index(out)
    except SourceError:
        if overwrite:
            return StoreIndex(sequences=(), parts=(), rejected=(), origin={}, division={}, version="")
        raise
    differing = [key for key in {**origin, **earlier.origin} if origin.get(key) != earlier.origin.get(key)]
    if differing and not overwrite:
        key = differing[0]
        what, was, now = ("source settings", "were", "are") if key == "options" else (key, "was", "is")
        raise SourceError(
            f"'{out}' was prepared otherwise: its {what} {was} {earlier.origin.get(key)!r}, and {now} "
            f"{origin.get(key)!r} now. Choose another --out, or replace it with --overwrite."
        )
    return earlier


def _parts_of(store: Path, index: StoreIndex) -> dict[str, Records]:
    """Records of the parts of a store; damaged ones are left out, and so written anew."""
    found: dict[str, Records] = {}
    for part in index.parts:
        with suppress(SourceError):
            found[part] = read_records(store, part)
    return found


def _finished(places: Iterable[Path], tasks: Iterable[PartTask]) -> dict[str, Records]:
    """Records of parts that an earlier preparation finished before it was stopped."""
    wanted = {task.name for task in tasks}
    found: dict[str, Records] = {}
    for place in places:
        for part in wanted.intersection(part_names(place)):
            with suppress(SourceError):
                found[part] = read_records(place, part)
    return found


def _run(
    tasks: list[PartTask], executor: Executor | None, ahead: int
) -> Iterator[tuple[PartTask, list[dict[str, Any]]]]:
    """Write parts; each is given back when it is whole. Few are handed out at a time: they hold their sequences."""
    if executor is None:
        for task in tasks:
            yield task, write_part(task)
        return
    rest = iter(tasks)
    pending: dict[Future[list[dict[str, Any]]], PartTask] = {}
    try:
        while True:
            for task in islice(rest, ahead - len(pending)):
                pending[executor.submit(write_part, task)] = task
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield pending.pop(future), future.result()
    except BrokenProcessPool:
        raise SourceError(
            "A process that prepared recordings was ended from outside, perhaps because memory ran out. What was "
            "finished is kept: run the same command again, with fewer --workers."
        ) from None
    finally:
        for future in pending:
            future.cancel()


def _index(source: Source, plan: StorePlan, ready: Mapping[str, Records], origin: Mapping[str, Any]) -> StoreIndex:
    """The index of a finished preparation, in the order of the source."""
    place = {record["key"]: (part, record) for part, records in ready.items() for record in records}
    sequences: list[StoredSequence] = []
    rejected = [*source.rejected, *plan.gone]
    grids = GridResizing()
    for key, job in plan.jobs.items():
        part, record = place[key]
        if "rejected" in record:
            rejected.append(Rejected(record["name"], record["rejected"]))
        else:
            sequences.append(
                StoredSequence(stored_info(job.sequence.info, job.conversion, grids), part, record["first"])
            )
    return StoreIndex(
        sequences=tuple(sequences),
        parts=tuple(sorted(ready)),
        rejected=tuple(rejected),
        origin=origin,
        division=_division([stored.info for stored in sequences]),
        version=__version__,
    )


def _division(infos: list[SequenceInfo]) -> dict[str, Any]:
    """Who would train, validate and test by the default settings of ``clips.split``."""
    try:
        splits = split_sequences(dict(enumerate(infos)), SplitConfig())
    except SplitError:
        return {}
    if any(piece.num_frames < infos[piece.sequence].num_frames for split in SPLITS for piece in splits.segments[split]):
        return {"method": splits.method}  # sequences are divided within themselves
    names = {split: [infos[piece.sequence].name for piece in splits.segments[split]] for split in SPLITS}
    return {"method": splits.method, **names}


def _same(index: StoreIndex, earlier: StoreIndex) -> bool:
    """Whether two indexes say the same, whoever wrote them."""
    one, other = (json.loads(json.dumps(found.to_json())) for found in (index, earlier))
    return {**one, "version": ""} == {**other, "version": ""}


def _publish(work: Path, out: Path, index: StoreIndex) -> None:
    """Give a new store its name, when everything in it is whole."""
    _clear(work, index.parts)
    write_group(work / PARTS, {})
    write_index(work, index)
    (work / _LOCK).unlink(missing_ok=True)
    if out.exists():
        out.rmdir()  # empty, as was seen before
    work.rename(out)


def _update(out: Path, work: Path, index: StoreIndex, *, unchanged: bool) -> None:
    """Move new parts in, then replace the index, then remove what it no longer names."""
    for part in part_names(work):
        if part in index.parts:
            if (out / PARTS / part).exists():  # the same part, perhaps damaged, is being replaced
                shutil.rmtree(out / PARTS / part)
            (work / PARTS / part).rename(out / PARTS / part)
    if not unchanged:
        write_index(out, index)
    _clear(out, index.parts)


def _clear(place: Path, keep: Iterable[str]) -> None:
    """Remove all parts but these, and half-written ones."""
    kept = set(keep)
    if (place / PARTS).is_dir():
        for folder in (place / PARTS).iterdir():
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def _check_room(work: Path, tasks: list[PartTask]) -> None:
    needed, free = sum(task.num_bytes for task in tasks if task.compression == "none"), shutil.disk_usage(work).free
    if needed > free:
        raise SourceError(
            f"The store would take {needed / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free on that disk; choose a "
            "smaller --size, --color grey, or --compression zstd."
        )


@final
class _Limit:
    """Counts recordings that cannot be read, up to a limit."""

    def __init__(self, total: int, share: float) -> None:
        self._total = total
        self._share = share
        self._found: list[Rejected] = []

    def count(self, rejected: Iterable[Rejected]) -> None:
        """Add some.

        Raises:
            SourceError: now they are too many.
        """
        self._found += rejected
        if len(self._found) > self._share * self._total:
            raise SourceError(
                f"{len(self._found)} of {self._total} recordings cannot be read, more than a share of {self._share:g} "
                f"(--max-rejected): {_named(self._found)}."
            )


def _rejected(records: Records) -> list[Rejected]:
    return [Rejected(record["name"], record["rejected"]) for record in records if "rejected" in record]


def _named(rejected: Iterable[Rejected]) -> str:
    rejected = list(rejected)
    return "; ".join(f"'{one.path}': {one.reason}" for one in rejected[:3]) + ("; …" if rejected[3:] else "")


@contextmanager
def _alone(work: Path) -> Generator[None, None, None]:
    """Keep a second preparation of the same store out; afterwards, leave a folder only if it holds finished parts."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / _LOCK).open("w") as file:
        if not _locked(file):
            raise SourceError(f"Another preparation is at work in '{work}'; wait for it, or choose another --out.")
        try:
            yield
        finally:
            if work.is_dir() and not part_names(work):
                shutil.rmtree(work, ignore_errors=True)


def _locked(file: IO[str]) -> bool:
    """Hold a file until this process ends, however it ends; True where the system cannot tell."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network disk without locks
        return True
    return True
