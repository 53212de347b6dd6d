"""Fingerprints of recordings: whether a file, or what lies in a folder, is still what it was.

The *stamp* comes from sizes and times of change, which costs nothing; the *checksum* from the bytes.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import final

from framecast.frames.errors import SourceError
from framecast.sources.store.index import WORK_ENDING, is_store


@final
@dataclass(frozen=True, slots=True)
class Stamp:
    """A file, or all files of a folder, from the outside."""

    files: int
    bytes: int

    digest: str
    """Of names, sizes and times of change."""


def stamp_of(path: Path) -> Stamp:
    """Look at a file, or at all files at any depth of a folder, from the outside.

    Raises:
        SourceError: it is gone.
    """
    digest, total = hashlib.sha256(), 0
    files = _files(path)
    for name, file in files:
        try:
            found = file.stat()
        except OSError as error:
            raise SourceError(f"'{file}' cannot be read: {error.strerror or error}.") from error
        total += found.st_size
        digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return Stamp(len(files), total, digest.hexdigest()[:32])


@lru_cache(maxsize=64)
def checksum_of(path: Path, stamp: Stamp) -> str:
    """SHA-256 of the bytes of a file, or of names and bytes of all files of a folder.

    Args:
        path: the file or folder.
        stamp: as it is now; while it stays the same, the bytes are read once.

    Raises:
        SourceError: a file cannot be read.
    """
    del stamp
    whole = hashlib.sha256()
    for name, file in _files(path):
        try:
            with file.open("rb") as stream:
                one = hashlib.file_digest(stream, "sha256")
        except OSError as error:
            raise SourceError(f"'{file}' cannot be read: {error.strerror or error}.") from error
        if file == path:
            return one.hexdigest()
        whole.update(f"{name}\0{one.hexdigest()}\0".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _files(path: Path) -> list[tuple[str, Path]]:
    """Names within the folder and the files, in the order of the names; hidden ones too, as Zarr version 2 has them.

    A store that is prepared among its recordings, or was, is none of them.
    """
    if not path.is_dir():
        return [("", path)]
    found: list[Path] = []
    for parent, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not (name.endswith(WORK_ENDING) or is_store(Path(parent, name)))]
        found += [Path(parent, name) for name in names]
    # A pipe or a device would keep whoever opens it waiting for ever.
    return sorted((file.relative_to(path).as_posix(), file) for file in found if file.is_file())
