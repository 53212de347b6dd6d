"""Global heaps of HDF5 files: where texts of any length lie, and a damage there on which the HDF5 library never ends.

A heap is a chain of objects, each with its size ("HDF5 File Format Specification, version 3.0", section III.E). The
library (1.14.6 at least) follows the chain without looking: when flipped bits make a size 0, or so large that it wraps
around to 0, it stays on that spot for ever, and no signal stops it. So the chains are followed here before such a text
is read.
"""

import mmap
import struct
from pathlib import Path

_REACH = 2**20
"""Bytes at either end that are searched in files that may be very large."""

_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_HEAP = struct.Struct("<8sQ")
_OBJECT = struct.Struct("<HHIQ")


def heaps_are_sound(path: str | Path, *, reach: int | None = None) -> bool:
    """Whether the objects in every global heap of a file follow one another to its end.

    Args:
        path: the file; not an empty one.
        reach: search only so many bytes at the beginning and at the end, where heaps of attributes lie; None searches
            all of the file, which reads it.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        tail = len(content) if reach is None else max(reach, len(content) - reach)
        for start, stop in ((0, len(content) if reach is None else reach), (tail, len(content))):
            place = content.find(_SIGNATURE, start, stop)
            while place >= 0:
                if not _ends(content, place):
                    return False
                place = content.find(_SIGNATURE, place + 1, stop)
    return True


def refuse_endless_heaps(path: Path) -> None:
    """Raise OSError, as the HDF5 library should, for a file on which it would hang; a few hundred microseconds."""
    if path.stat().st_size and not heaps_are_sound(path, reach=_REACH):
        raise OSError("a heap of texts in it is damaged")


def _ends(content: mmap.mmap, place: int) -> bool:
    if place + _HEAP.size > len(content):
        return True  # too short to be a heap; the library says so
    _, size = _HEAP.unpack_from(content, place)
    end = min(place + size, len(content))
    place += _HEAP.size
    while place + _OBJECT.size <= end:
        index, _, _, length = _OBJECT.unpack_from(content, place)
        # The size of free space, index 0, counts its own header; that of an object is without it, in steps of 8.
        step = length if index == 0 else _OBJECT.size + -(-length // 8) * 8
        if step < _OBJECT.size or place + step > end:
            return False
        place += step
    return True
