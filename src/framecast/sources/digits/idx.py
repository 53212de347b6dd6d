"""IDX: the file format of MNIST and its relatives, plain or compressed with gzip.

A file is two zero bytes, a type code, the number of axes, each axis' length as a big-endian uint32, and then the
values, big-endian, last axis fastest (http://yann.lecun.com/exdb/mnist, "The IDX file format").
"""

import gzip
import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, cast, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"


@final
@dataclass(frozen=True, slots=True)
class IdxHeader:
    """What an IDX file says about its values."""

    dtype: np.dtype[Any]
    """Type of the values, as stored (big-endian)."""

    shape: tuple[int, ...]
    """Length of each axis."""


def read_idx_header(path: Path) -> IdxHeader:
    """Read only the header of an IDX file.

    Raises:
        SourceError: the file cannot be read, or is not IDX.
    """
    return _read(path, values=False)[0]


def read_idx(path: Path) -> NDArray[Any]:
    """Read an IDX file.

    Args:
        path: a plain or gzip-compressed IDX file; which of them is told from its first bytes, not its name.

    Returns:
        An array of the shape in the header, in native byte order; uint8 values are not copied and are read-only.

    Raises:
        SourceError: the file cannot be read, is not IDX, or holds more or less than its header promises.
    """
    header, content = _read(path, values=True)
    promised = prod(header.shape) * header.dtype.itemsize
    if len(content) != promised:
        raise SourceError(
            f"'{path}' is damaged: its IDX header promises {promised} bytes of values, found {len(content)}."
        )
    values = np.frombuffer(content, header.dtype).reshape(header.shape)
    return values.astype(header.dtype.newbyteorder("="), copy=False)


def _read(path: Path, *, values: bool) -> tuple[IdxHeader, bytes]:
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == _GZIP_MAGIC
        with cast(IO[bytes], gzip.open(path)) if compressed else path.open("rb") as file:
            return _header(path, file), file.read() if values else b""
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"'{path}' cannot be read: {error}.") from error


def _header(path: Path, file: IO[bytes]) -> IdxHeader:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise SourceError(f"'{path}' is not an IDX file: it starts with {magic!r}, not with two zeros and a type code.")
    lengths = file.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise SourceError(f"'{path}' is damaged: it ends within its IDX header.")
    return IdxHeader(np.dtype(_TYPES[magic[2]]), struct.unpack(f">{magic[3]}I", lengths))
