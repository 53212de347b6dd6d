"""``00sequences.txt``: which frames of which KTH Actions video show a person acting.

A line is ``person01_boxing_d1  frames  1-95, 96-185``: frames are counted from 1, and the last one belongs to the
range. Between the ranges of the walking classes nobody is in the picture. The introduction, which tells the division of
the persons, is skipped. A few ranges of the published list overlap their neighbours; they are kept as they are.
"""

import re
from pathlib import Path

from framecast.frames.errors import SourceError

NAME = "00sequences.txt"

_CLIP = re.compile(r"(person\d\d_[a-z]+_d\d)\s+(.+)")
_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")


def read_frame_ranges(path: Path) -> dict[str, tuple[tuple[int, int], ...]]:
    """Read the list.

    Args:
        path: of the list; line ends of any system.

    Returns:
        For each clip its ranges as in the file, (first, last) counted from 1; none for a clip that is marked missing.

    Raises:
        SourceError: the file cannot be read, names no clip, or a line of it is damaged.
    """
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise SourceError(f"The list '{path}' cannot be read: {error.strerror}.") from error
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for number, line in enumerate(lines, 1):
        clip = _CLIP.fullmatch(line.strip())
        if clip is None:
            continue
        name, rest = clip.groups()
        ranges = tuple(dict.fromkeys((int(first), int(last)) for first, last in _RANGE.findall(rest)))
        if "missing" not in rest and (not ranges or any(not 1 <= first <= last for first, last in ranges)):
            raise SourceError(
                f"Line {number} of '{path}' names no frames of {name}: found '{rest}', wanted ranges such as "
                "'frames 1-95, 96-185', counted from 1."
            )
        found[name] = ranges
    if not found:
        raise SourceError(f"'{path}' is no list of KTH Actions: no line begins like 'person01_boxing_d1  frames 1-95'.")
    return found
