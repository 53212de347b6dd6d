"""One array in a .npy or .npz file: its header, and its numbers when they are needed.

A .npy file is memory-mapped anew for every read, which costs microseconds and keeps no file open. A member of an .npz
must be decompressed as a whole, so the last one that was read stays in memory, and only that one. Pickled objects are
never loaded.
"""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError, unknown_choice

MAGIC = b"\x93NUMPY"
"""The first bytes of a .npy file."""

_DAMAGE = (
    ValueError,
    EOFError,
    OSError,
    KeyError,
    SyntaxError,
    TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy raises for files that are cut off, altered, or something else altogether."""


@final
@dataclass(frozen=True, slots=True)
class StoredArray:
    """Where an array lies."""

    path: Path

    key: str | None = None
    """The member of an .npz; None for a .npy."""

    def header(self) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and type, without reading the numbers.

        Raises:
            SourceError: the file is damaged, or is not what its name says.
        """
        try:
            if self.key is None:
                with self.path.open("rb") as file:
                    shape, dtype = _header(file)
                if not dtype.hasobject:
                    # Mapping compares the promised size with the size of the file.
                    np.load(self.path, mmap_mode="r", allow_pickle=False)
                return shape, dtype
            with zipfile.ZipFile(self.path) as members, members.open(f"{self.key}.npy") as file:
                return _header(file)
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def load(self) -> NDArray[np.generic]:
        """The numbers: memory-mapped for .npy, in memory for a member of an .npz.

        Raises:
            SourceError: the file is damaged, or holds Python objects.
        """
        try:
            if self.key is None:
                return np.load(self.path, mmap_mode="r", allow_pickle=False)
            with np.load(self.path, allow_pickle=False) as members:
                return members[self.key]
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> SourceError:
        return SourceError(f"{self} is cut off, damaged, or not what its name says ({error}).")

    def __str__(self) -> str:
        return f"'{self.path}'" if self.key is None else f"'{self.key}' in '{self.path}'"


def stored_arrays(path: Path, key: str | None) -> Iterator[StoredArray]:
    """The arrays of a file.

    Args:
        path: a .npz by its ending, a .npy otherwise.
        key: take only this member of an .npz.

    Raises:
        SourceError: the .npz is damaged, or has no such member.
    """
    if path.suffix.lower() != ".npz":
        yield StoredArray(path)
        return
    try:
        with zipfile.ZipFile(path) as members:
            keys = [name.removesuffix(".npy") for name in members.namelist() if name.endswith(".npy")]
    except _DAMAGE as error:
        raise SourceError(f"'{path}' is no .npz file, or is cut off ({error}).") from error
    if key is not None and key not in keys:
        raise SourceError(unknown_choice(f"array in '{path.name}' called", key, keys))
    yield from (StoredArray(path, member) for member in keys if key in (None, member))


@final
class ArrayMemory:
    """Loads arrays, and keeps the last decompressed one. Sent to another process it is empty."""

    def __init__(self) -> None:
        self._last: tuple[StoredArray, NDArray[np.generic]] | None = None

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()

    def array(self, stored: StoredArray) -> NDArray[np.generic]:
        """The numbers of ``stored``; see :meth:`StoredArray.load`."""
        if stored.key is None:
            return stored.load()
        last = self._last
        if last is None or last[0] != stored:
            last = self._last = None  # let go of one before the next is decompressed
            last = self._last = (stored, stored.load())
        return last[1]


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
