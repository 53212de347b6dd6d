"""Finding the files of a source: natural order, hidden files left aside, groups by name.

Natural order counts as people do: ``t2.png`` comes before ``t10.png``. Nothing here opens a file.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from framecast.frames.errors import SourceError

ZARR_MARKS = frozenset({"zarr.json", ".zgroup", ".zarray"})
"""A folder with one of these is a Zarr store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesConfig:
    """What every reader of files can be told."""

    pattern: str = "*"
    """Only files of a folder whose path fits are read, for example ``"*_left.mp4"`` or ``"walking/*.avi"``."""

    group_pattern: str | None = None
    """A regular expression searched in the name of each sequence; what its first bracket finds (the entire match
    when it has none) is the group. ``"person[0-9]+"`` for KTH Actions, ``"v_(.+_g[0-9]+)_c"`` for UCF-101. Without
    it, or where it finds nothing, each sequence is its own group."""

    step_seconds: float | None = None
    """Seconds between frames; None takes what the file says."""

    drop_repeats: bool = False
    """Leave out every frame that equals the one before it. All frames are read once for that when the source is opened;
    a prepared store remembers the result."""

    def __post_init__(self) -> None:
        if self.step_seconds is not None and not self.step_seconds > 0:
            raise ValueError("step_seconds must be above 0")
        if self.group_pattern is not None:
            try:
                re.compile(self.group_pattern)
            except re.error as error:
                raise ValueError(f"group_pattern is no regular expression ({error})") from None

    def group(self, name: str) -> str:
        """The group of the sequence called ``name``; empty when it is its own."""
        found = re.search(self.group_pattern, name) if self.group_pattern is not None else None
        if found is None:
            return ""
        return found.group(1) if found.re.groups else found.group(0)


def natural_key(path: Path) -> tuple[tuple[tuple[str | int, ...], str], ...]:
    """Sort key under which numbers inside names count as numbers."""
    return tuple(
        (tuple(int(run) if run.isdecimal() else run.casefold() for run in re.split("([0-9]+)", part)), part)
        for part in path.parts
    )


def walk(folder: Path) -> Iterator[Path]:
    """Every file at any depth below ``folder``, in no particular order; hidden files and folders left aside.

    A Zarr store counts as one file: its thousands of chunks are nobody's recordings.
    """
    for parent, folders, names in os.walk(folder):
        if ZARR_MARKS.intersection(names):
            folders.clear()
            yield Path(parent)
            continue
        folders[:] = [name for name in folders if not _hidden(name)]
        # A pipe or a device would keep whoever opens it waiting for ever.
        yield from (path for name in names if not _hidden(name) and not _waits(path := Path(parent, name)))


def holds(folder: Path, endings: Iterable[str]) -> bool:
    """Whether a file with one of the endings lies at any depth below ``folder``; stops at the first."""
    wanted = tuple(endings)
    return any(path.name.lower().endswith(wanted) for path in walk(folder))


def files_below(folder: Path, endings: Iterable[str], *, pattern: str = "*") -> tuple[list[Path], tuple[str, ...]]:
    """The files that a reader takes from a folder, and a note on those that it leaves.

    Args:
        folder: where to look, at any depth.
        endings: what the reader reads, lower case with the dot.
        pattern: keep only files whose path relative to the folder fits (compared from the right).

    Returns:
        The files in natural order, and at most one sentence about files of other kinds.

    Raises:
        SourceError: no file is left; says which endings were found.
    """
    wanted = tuple(endings)  # one of two parts is no suffix: ".pgm.gz"
    everything = list(walk(folder))
    readable = [path for path in everything if path.name.lower().endswith(wanted)]
    fitting = [path for path in readable if path.relative_to(folder).match(pattern)]
    if not fitting and readable:
        raise SourceError(
            f"None of the {len(readable)} files in '{folder}' fits the pattern '{pattern}'; the first is "
            f"'{min(readable, key=natural_key).relative_to(folder).as_posix()}'."
        )
    if not fitting:
        raise SourceError(
            f"Nothing to read in '{folder}': found {endings_found(everything)}; wanted {', '.join(sorted(wanted))}."
        )
    others = [path for path in everything if not path.name.lower().endswith(wanted)]
    notes = (f"Files of other kinds were left out: {endings_found(others)}.",) if others else ()
    return sorted(fitting, key=natural_key), notes


def endings_found(paths: Iterable[Path]) -> str:
    """Endings with their counts, the most frequent first, for a sentence: ``.txt (3), no ending (1)``."""
    counts = Counter(path.suffix.lower() or "no ending" for path in paths)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{ending} ({count})" for ending, count in ranked) or "no files"


def starts_with(path: Path, *openings: bytes) -> bool:
    """Whether a file begins with one of the byte strings that mark its format."""
    try:
        with path.open("rb") as file:
            return file.read(max(len(opening) for opening in openings)).startswith(openings)
    except OSError:
        return False


def _waits(path: Path) -> bool:
    """Whether this is something other than a file (or a link that leads nowhere, which opening finds out)."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
