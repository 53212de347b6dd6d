"""Shards: the frames of a part read straight from its files, chunk by chunk.

Zarr's own way to a few frames takes several times as long as the bytes themselves: it plans every read anew, and hands
it to another thread. Arrays as :mod:`framecast.sources.store.part` writes them without compression are simple enough to
be read directly; any other is left to Zarr.

A shard is a file: chunks, each with the CRC-32C of its bytes behind it, in any order; at the end the index, which is
offset and length of each chunk (uint64, little endian), and its own CRC-32C. A chunk holds whole frames.
See the Zarr version 3 specification, "sharding-indexed codec".

Axes: T frames, C channels, H height, W width.
"""

import json
import math
from dataclasses import dataclass, field
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Self, final

import google_crc32c
import numpy as np
from numpy.typing import NDArray

_CRC_BYTES = 4


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ShardedFrames:
    """The array of a part."""

    folder: str
    """Of the array."""

    shape: tuple[int, ...]
    """(T, C, H, W)."""

    dtype: np.dtype[Any]
    chunk: int
    """Frames of a chunk."""

    shard: int
    """Frames of a shard; a multiple of those of a chunk."""

    room: list[NDArray[np.uint8]] = field(repr=False, compare=False)
    """Room for the bytes of a chunk, used again: new memory for each would cost more than reading does. All parts of a
    store share it. Whoever reads takes it out meanwhile, so that two threads never use the same."""

    @classmethod
    def open(cls, folder: Path, room: list[NDArray[np.uint8]]) -> Self | None:
        """Read the metadata of an array; None where it is not of the simple kind.

        Args:
            folder: of the array.
            room: shared with other arrays; empty at first.

        Raises:
            OSError, ValueError, LookupError, TypeError: it is missing or damaged.
        """
        metadata = json.loads((folder / "zarr.json").read_bytes())
        (sharding,) = metadata["codecs"]
        if sharding["name"] != "sharding_indexed":
            return None
        settings = sharding["configuration"]
        shape, chunk = tuple(metadata["shape"]), settings["chunk_shape"]
        shard = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        simple = (
            len(shape) == 4
            and _names(settings["codecs"]) == ["bytes", "crc32c"]
            and _names(settings["index_codecs"]) == ["bytes", "crc32c"]
            and settings.get("index_location", "end") == "end"
            and (metadata["chunk_grid"]["name"], metadata["chunk_key_encoding"]["name"]) == ("regular", "default")
            and metadata["chunk_key_encoding"].get("configuration", {}).get("separator", "/") == "/"
            and all(tuple(frames[1:]) == shape[1:] for frames in (chunk, shard))
            and min(shape) > 0 < chunk[0]
            and shard[0] % chunk[0] == 0
        )
        endian = settings["codecs"][0].get("configuration", {}).get("endian", "little")
        if not simple or not isinstance(metadata["data_type"], str):
            return None
        dtype = np.dtype(metadata["data_type"])
        if dtype.kind not in "biuf":
            return None
        stored = dtype.newbyteorder("<" if endian == "little" else ">")
        return cls(folder=str(folder), shape=shape, dtype=stored, chunk=chunk[0], shard=shard[0], room=room)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Frames ``start:stop``, (T, C, H, W); raises as :meth:`read_into`."""
        self._check_bounds(start, stop)
        frames = np.empty((stop - start, *self.shape[1:]), self.dtype.newbyteorder("="))
        self.read_into(frames, start)
        return frames

    def read_into(self, out: NDArray[Any], start: int) -> None:
        """Fill ``out`` (T, C, H, W) with frames ``start:start + T``.

        Raises:
            OSError, ValueError: they are missing or damaged, or of another shape or type.
        """
        stop = start + len(out)
        self._check_bounds(start, stop)
        if out.shape[1:] != self.shape[1:] or not np.can_cast(self.dtype, out.dtype, casting="equiv"):
            raise ValueError(f"{out.dtype} of shape {out.shape[1:]} in an array of {self.dtype} {self.shape}")
        borders = [start, *range((start // self.shard + 1) * self.shard, stop, self.shard), stop]
        for begin, end in pairwise(borders):
            number = begin // self.shard
            with FileIO(f"{self.folder}/c/{number}/0/0/0") as file:
                self._read_shard(file, begin - number * self.shard, out[begin - start : end - start])

    def _check_bounds(self, start: int, stop: int) -> None:
        if not 0 <= start < stop <= self.shape[0]:
            raise ValueError(f"frames {start}:{stop} in an array of {self.shape[0]}")

    def _read_shard(self, file: FileIO, first: int, out: NDArray[Any]) -> None:
        """Frames of one shard, of which ``first`` is counted from its beginning."""
        last = first + len(out)
        size = file.seek(0, 2)
        index_bytes = 16 * (self.shard // self.chunk)
        index = _checked(file, size - index_bytes - _CRC_BYTES, np.empty(index_bytes + _CRC_BYTES, np.uint8))
        places = index.view("<u8").reshape(-1, 2)
        chunk_bytes = self.chunk * self.dtype.itemsize * math.prod(self.shape[1:]) + _CRC_BYTES
        if size < chunk_bytes:
            raise ValueError("a file is cut off")
        room = self.room.pop() if self.room else np.empty(0, np.uint8)
        if len(room) < chunk_bytes:
            room = np.empty(chunk_bytes, np.uint8)
        for number in range(first // self.chunk, (last - 1) // self.chunk + 1):
            offset, length = places[number].tolist()
            if length != chunk_bytes or offset + length > size:
                raise ValueError(f"chunk {number} is gone")
            chunk = _checked(file, offset, room[:chunk_bytes]).view(self.dtype).reshape(-1, *self.shape[1:])
            begin = number * self.chunk
            out[max(begin - first, 0) : begin + self.chunk - first] = chunk[max(first - begin, 0) : last - begin]
        self.room.append(room)


def _names(codecs: list[dict[str, Any]]) -> list[str]:
    return [codec["name"] for codec in codecs]


def _checked(file: FileIO, offset: int, content: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill ``content`` from a file: bytes, of which a view is returned, and the checksum that they have behind them."""
    if offset < 0:
        raise ValueError("a file is cut off")
    file.seek(offset)
    done = 0
    while done < len(content):  # a single read may end early
        count = file.readinto(content.data[done:])
        if not count:
            raise ValueError("a file is cut off")
        done += count
    value, found = content[:-_CRC_BYTES], int(content[-_CRC_BYTES:].view("<u4")[0])
    expected: int = google_crc32c.value(value)
    if found != expected:
        raise ValueError(f"a checksum is {found:08x} where the bytes have {expected:08x}")
    return value
