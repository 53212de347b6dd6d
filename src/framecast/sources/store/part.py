"""Parts of a prepared store: the frames of some sequences in one sharded Zarr array, and a record of each sequence.

All sequences of a part have frames of one shape and type. A part is written beside its place and moved there when it is
whole, so that whatever stops the writing, no half of a part is ever found.

Frames lie in chunks of 16, or of as many as fit into 1 MiB: a clip of 20 small frames touches two or three of them, and
a large frame is a chunk of its own. Chunks carry a checksum, and are not compressed unless that is asked for, because
clips are read faster then. Chunks lie in shards of about 64 MiB, which keeps the number of files small, and what a
writer holds.

Axes: T frames of all sequences of the part, C channels, H height, W width.
"""

import os
import shutil
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.sources.store.index import read_group, write_group
from framecast.sources.store.shards import ShardedFrames

Compression = Literal["none", "zstd"]

PARTS = "parts"
"""The folder of a store, or of a preparation under way, in which its parts lie."""

PART_MARK = "framecast_part"

_FRAMES = "frames"
_WRITING = ".writing-"
_CHUNK_BYTES = 2**20
_MOST_CHUNK_FRAMES = 16
_SHARD_BYTES = 2**26


def part_names(store: Path) -> list[str]:
    """The parts that lie in a store, whole ones only."""
    folder = store / PARTS
    return sorted(path.name for path in folder.iterdir() if _is_whole(path)) if folder.is_dir() else []


def read_records(store: Path, part: str) -> list[dict[str, Any]]:
    """What is known of each sequence of a part; see :mod:`framecast.clips.part_preparation`.

    Raises:
        SourceError: the part is damaged.
    """
    try:
        return read_group(store / PARTS / part)[PART_MARK]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SourceError(f"The part '{part}' of the prepared store '{store}' is damaged ({error}).") from None


@final
class PartWriter:
    """Writes one part: sequences one after the other, each in blocks of frames."""

    def __init__(
        self,
        store: Path,
        part: str,
        *,
        num_frames: int,
        frame_shape: tuple[int, int, int],
        dtype: str,
        compression: Compression,
    ) -> None:
        """Nothing is written before a shard is full.

        Args:
            store: where the folder of parts lies.
            part: its name.
            num_frames: of all its sequences, as their headers promise.
            frame_shape: (C, H, W).
            dtype: of the frames.
            compression: of the chunks.
        """
        self._target = store / PARTS / part
        self._place = self._target.with_name(f"{_WRITING}{part}-{os.getpid()}")
        self._compression = compression
        self._shape = (num_frames, *frame_shape)
        frame_bytes = int(np.prod(frame_shape)) * np.dtype(dtype).itemsize
        self._chunk = max(1, min(_CHUNK_BYTES // frame_bytes, _MOST_CHUNK_FRAMES))
        chunks = max(1, min(_SHARD_BYTES // (frame_bytes * self._chunk), -(-num_frames // self._chunk)))
        self._shard: NDArray[Any] = np.empty((chunks * self._chunk, *frame_shape), dtype)
        self._written = 0  # rows in full shards on the disk
        self._waiting = 0  # rows in the shard that is being filled
        self._begin = 0
        self._array: Any = None

    def begin(self) -> int:
        """Begin a sequence; returns its first row."""
        self._begin = self._written + self._waiting
        return self._begin

    def append(self, frames: NDArray[Any]) -> None:
        """Add frames (T, C, H, W) to the sequence."""
        while len(frames):
            room = len(self._shard) - self._waiting
            self._shard[self._waiting : self._waiting + room][: len(frames)] = frames[:room]
            self._waiting += min(room, len(frames))
            frames = frames[room:]
            if self._waiting == len(self._shard):
                self._flush()

    def undo(self) -> None:
        """Take the sequence back. Rows that are on the disk already stay there as a gap that nobody reads."""
        self._waiting = max(self._begin - self._written, 0)

    def finish(self, records: list[dict[str, Any]]) -> None:
        """Write what is left and the records, and put the part in its place."""
        num_frames = self._written + self._waiting
        self._shape = (num_frames, *self._shape[1:])
        if self._waiting:
            self._flush()
        if self._array is not None:
            self._array.resize(self._shape)
        write_group(self._place, {PART_MARK: records})
        try:
            self._place.rename(self._target)
        except OSError:
            if not _is_whole(self._target):
                raise
            self.discard()  # another process, of a preparation that was stopped, has finished the same part

    def discard(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self._place, ignore_errors=True)

    def _flush(self) -> None:
        if self._array is None:
            self._array = self._create()
        stop = self._written + self._waiting
        self._array[self._written : stop] = self._shard[: self._waiting]
        self._written, self._waiting = stop, 0

    def _create(self) -> Any:
        import zarr
        from zarr.codecs import Crc32cCodec, ZstdCodec

        self.discard()
        checksum = Crc32cCodec()
        return zarr.create_array(
            self._place / _FRAMES,
            shape=self._shape,
            dtype=self._shard.dtype,
            chunks=(self._chunk, *self._shape[1:]),
            shards=self._shard.shape,
            filters=None,
            compressors=[checksum] if self._compression == "none" else [ZstdCodec(level=1), checksum],
            dimension_names=("time", "channel", "y", "x"),
            # A missing chunk reads as zeros: so that a loss never passes for black frames, all chunks are written.
            config={"write_empty_chunks": True},
        )


@final
class OpenParts:
    """The arrays of a store's parts, opened when first read. Sent to another process, none is open."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._arrays: dict[str, ShardedFrames | Any] = {}
        self._room: list[NDArray[np.uint8]] = []

    def __reduce__(self) -> "tuple[type[OpenParts], tuple[Path]]":
        return OpenParts, (self._store,)

    def read(self, part: str, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop`` of a part, (T, C, H, W).

        Raises:
            SourceError: they are missing or damaged.
        """
        try:
            array = self._array(part)
            if isinstance(array, ShardedFrames):
                return array.read(start, stop)
            frames = np.asarray(array[start:stop])
            self._check_shards(part, start // array.shards[0], (stop - 1) // array.shards[0])
            return frames
        except Exception as error:  # zarr and its codecs raise many kinds for damaged files
            raise self._damaged(part, error) from error

    def read_into(self, out: NDArray[Any], part: str, start: int) -> None:
        """Fill ``out`` (T, C, H, W) with rows ``start:start + T`` of a part; raises as :meth:`read`."""
        try:
            array = self._array(part)
            if isinstance(array, ShardedFrames):
                array.read_into(out, start)
                return
        except Exception as error:
            raise self._damaged(part, error) from error
        frames = self.read(part, start, start + len(out))
        if frames.shape != out.shape or not np.can_cast(frames.dtype, out.dtype, casting="equiv"):
            raise self._damaged(part, f"{frames.dtype} {frames.shape} instead of {out.dtype} {out.shape}")
        out[...] = frames

    def _damaged(self, part: str, why: object) -> SourceError:
        return SourceError(
            f"Frames of the prepared store '{self._store}' are missing or damaged (part {part}: {why}). If it "
            "was prepared anew meanwhile, open it again; else repair it with 'framecast prepare --overwrite'."
        )

    def _array(self, part: str) -> ShardedFrames | Any:
        array = self._arrays.get(part)
        if array is None:
            array = self._arrays[part] = self._open(part)
        return array

    def _open(self, part: str) -> ShardedFrames | Any:
        folder = self._store / PARTS / part / _FRAMES
        simple = ShardedFrames.open(folder, self._room)
        if simple is not None:
            return simple
        import zarr

        return zarr.open_array(folder, mode="r")

    def _check_shards(self, part: str, first: int, last: int) -> None:
        """Where a shard is gone, because it was lost or the store was brought up to date, zarr reads zeros."""
        for number in range(first, last + 1):
            if not (self._store / PARTS / part / _FRAMES / f"c/{number}/0/0/0").exists():
                raise FileNotFoundError(f"shard {number} is gone")


def _is_whole(part: Path) -> bool:
    return not part.name.startswith(".") and (part / "zarr.json").is_file()
