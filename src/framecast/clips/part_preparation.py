"""Preparing one part of a store: the work of one process, from recordings to frames in their place.

Frames stream through in blocks, so that memory does not depend on how long a recording is. What cannot be read is
noted with the reason, and the work goes on with the next recording; mistakes of a program end it.

Axes: T frames, C channels, H height, W width.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from framecast.clips.conversion import FrameConversion
from framecast.clips.value_statistics import ValueStatistics
from framecast.frames.errors import FramecastError, NotAvailableError, SourceError
from framecast.frames.sequence import Sequence
from framecast.sources.store.fingerprint import Stamp, checksum_of, stamp_of
from framecast.sources.store.part import Compression, PartWriter

_BLOCK_BYTES = 2**24
_MOST_BLOCK_FRAMES = 64

_NO_DAMAGE = (NotAvailableError, TypeError, AttributeError, NameError, AssertionError, NotImplementedError)
"""What no damaged file causes, but a package that is not installed, or a mistake in a program: it ends the preparation,
because a list of recordings that cannot be read would hide it."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One sequence to be put into a part."""

    key: str
    """Changes with whatever the stored frames depend on: the recording, its settings, those of the preparation."""

    facts: str
    """The same without the recording's bytes: tells whether a touched file may still be what was prepared."""

    sequence: Sequence
    """The recording."""

    conversion: FrameConversion
    """What is done to its frames."""

    path: Path | None = None
    """The file or folder of the recording, where there is one."""

    stamp: Stamp | None = None
    """What that looked like when the preparation began."""

    stored: Sequence | None = None
    """Its frames, converted already, in an earlier part of the store; copied instead of read again."""

    files: dict[str, Any] | None = None
    """What is known of the files of stored frames."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PartTask:
    """One part to be written."""

    store: Path
    """Where the folder of parts lies."""

    name: str
    jobs: tuple[Job, ...]
    frame_shape: tuple[int, int, int]
    """(C, H, W) after conversion."""

    dtype: str
    compression: Compression

    @property
    def num_bytes(self) -> int:
        """Of all frames, as the headers promise them, not compressed."""
        frames = sum(job.sequence.info.num_frames for job in self.jobs)
        return frames * int(np.prod(self.frame_shape)) * np.dtype(self.dtype).itemsize


def write_part(task: PartTask) -> list[dict[str, Any]]:
    """Write one part.

    Returns:
        A record of each sequence, which the part also holds: ``key``, ``facts``, ``name``, and either ``first`` (row),
        ``frames`` (how many), ``files`` (number, bytes, stamp and checksum) and ``statistics``, or ``rejected``, the
        reason. Statistics are those of :class:`~framecast.clips.value_statistics.ValueStatistics`.
    """
    writer = PartWriter(
        task.store,
        task.name,
        num_frames=sum(job.sequence.info.num_frames for job in task.jobs),
        frame_shape=task.frame_shape,
        dtype=task.dtype,
        compression=task.compression,
    )
    try:
        records = [_write(job, writer) for job in task.jobs]
        writer.finish(records)
    except BaseException:
        writer.discard()
        raise
    return records


def _write(job: Job, writer: PartWriter) -> dict[str, Any]:
    record: dict[str, Any] = {"key": job.key, "facts": job.facts, "name": job.sequence.info.name}
    if job.stored is not None:
        try:
            return {**record, **_stream(job.stored, FrameConversion(), writer), "files": job.files}
        except _UnreadableError:
            writer.undo()  # the earlier part is damaged: read the recording again
    try:
        found = _stream(job.sequence, job.conversion, writer)
        return {**record, **found, "files": None if job.path is None else _files(job.path, job.stamp)}
    except (_UnreadableError, SourceError) as error:
        writer.undo()
        return {**record, "rejected": str(error).rstrip(".")}


class _UnreadableError(Exception):
    """Frames cannot be read; says why."""


def _stream(sequence: Sequence, conversion: FrameConversion, writer: PartWriter) -> dict[str, Any]:
    """Put the frames of a sequence into the part, block by block."""
    info = sequence.info
    first = writer.begin()
    statistics = ValueStatistics(conversion.shape(info)[0])
    at_once = max(1, min(_BLOCK_BYTES // info.frame_bytes, _MOST_BLOCK_FRAMES))
    for start in range(0, info.num_frames, at_once):
        try:
            native = sequence.read(start, min(start + at_once, info.num_frames))
        except _NO_DAMAGE:
            raise
        except Exception as error:  # whatever a damaged file does to a reader, the others must not suffer from it
            raise _UnreadableError(_reason(error)) from error
        frames = conversion.convert(native)
        statistics.add(frames)
        writer.append(frames)
    return {"first": first, "frames": info.num_frames, "statistics": statistics.to_json()}


def _files(path: Path, stamp: Stamp | None) -> dict[str, Any]:
    """The provenance of a recording that was just read.

    Raises:
        SourceError: it is no longer what it was when the preparation began.
    """
    now = stamp_of(path)
    if now != stamp:
        raise SourceError(f"'{path}' changed while it was being prepared; prepare it again.")
    return {
        "path": str(path),
        "files": now.files,
        "bytes": now.bytes,
        "stamp": now.digest,
        "sha256": checksum_of(path, now),
    }


def _reason(error: Exception) -> str:
    if isinstance(error, FramecastError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"its reader failed with {type(error).__name__}: {error}"
