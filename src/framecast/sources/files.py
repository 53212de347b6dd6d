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

RUN_MARKS = frozenset({"config.yaml", "run.json"})
"""A folder with both is a run: its pictures and arrays are results, not recordings."""


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
        if self.step_seconds is not None and not 0 < self.step_seconds < float("inf"):
            raise ValueError("step_seconds must be above 0 and finite")
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
    # Only every second run is a number, for certain: digits of other scripts are letters here.
    return tuple(
        (
            tuple(int(run) if place % 2 else run.casefold() for place, run in enumerate(re.split("([0-9]+)", part))),
            part,
        )
        for part in path.parts
    )


def walk(folder: Path, endings: Iterable[str] = ("",)) -> Iterator[Path]:
    """Every file at any depth below ``folder``, in no particular order; hidden files and folders left aside.

    A Zarr store counts as one file: its thousands of chunks are nobody's recordings. Runs are passed over: who trains
    into a folder beside the recordings does not want the pictures of the first run in the second.

    Args:
        folder: where to look.
        endings: only files whose names end so, in lower case; the system is asked about no others.

    Raises:
        SourceError: the folder itself may not be looked into. What lies below it is passed over then.
    """
    wanted = tuple(endings)

    def refuse(error: OSError) -> None:
        if error.filename is not None and Path(error.filename) == folder:
            raise SourceError(f"The folder '{folder}' cannot be read: {error.strerror or error}.") from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        if ZARR_MARKS.intersection(names):
            folders.clear()
            if Path(parent).name.lower().endswith(wanted):
                yield Path(parent)
            continue
        if RUN_MARKS.issubset(names):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not _hidden(name)]
        fitting = (name for name in names if name.lower().endswith(wanted) and not _hidden(name))
        # A pipe or a device would keep whoever opens it waiting for ever.
        yield from (path for name in fitting if not _waits(path := Path(parent, name)))


def holds(folder: Path, endings: Iterable[str]) -> bool:
    """Whether a file with one of the endings lies at any depth below ``folder``; stops at the first."""
    return next(walk(folder, endings), None) is not None


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


def files_at(root: Path, endings: Iterable[str], *, pattern: str) -> tuple[list[Path], tuple[str, ...]]:
    """The files that a reader takes from what the user named: that file, or those below that folder.

    Args:
        root: a file or a folder.
        endings: what the reader reads in a folder; a file that was named is tried whatever it is called.
        pattern: as in :func:`files_below`.

    Returns:
        See :func:`files_below`.

    Raises:
        SourceError: as there.
    """
    return files_below(root, endings, pattern=pattern) if root.is_dir() else ([root], ())


def endings_found(paths: Iterable[Path]) -> str:
    """Endings with their counts, the most frequent first, for a sentence: ``.txt (3), no ending (1)``."""
    counts = Counter(path.suffix.lower() or "no ending" for path in paths)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{ending} ({count})" for ending, count in ranked) or "no files"


def starts_with(path: Path, *openings: bytes) -> bool:
    """Whether a file begins with one of the byte strings that mark its format."""
    return first_bytes(path, max(len(opening) for opening in openings)).startswith(openings)


def first_bytes(path: Path, count: int) -> bytes:
    """So many bytes from the beginning of a file, or as many as there are; none of one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""


def _waits(path: Path) -> bool:
    """Whether this is something other than a file (or a link that leads nowhere, which opening finds out)."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
