"""Image runs: the pictures of a folder in the order of time, cut where one is missing.

A missing picture shows in the times of the names, or in the numbers that count them; and a file that cannot be read is
missing too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import final

from framecast.frames.errors import SourceError
from framecast.sources.files import natural_key
from framecast.sources.images.name_times import TimePattern, counters, guess_pattern, missing_numbers
from framecast.sources.timeline import runs_without_gap, usual_step

_REGULAR = 0.25
"""A step that differs from the usual one by less than this share of it counts when the time step is taken."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRun:
    """Pictures that follow one another without a gap."""

    files: tuple[Path, ...]

    label: str
    """What tells it from the other runs of its folder; empty when it is the only one."""

    start_time: datetime | None
    step_seconds: float | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRuns:
    """The runs of one folder."""

    runs: tuple[ImageRun, ...]

    guessed: TimePattern | None
    """How times are written in the names, where that was guessed."""

    misfits: tuple[Path, ...] = ()
    """Files in whose names the pattern that was set finds no time."""

    holes: bool = False
    """Whether a gap in time was read over: a frame behind it has another time than its number says."""


def image_runs(
    files: Sequence[Path], lost: Sequence[Path], *, pattern: TimePattern | None, guess: bool, cut: bool
) -> ImageRuns:
    """Order and divide the pictures of a folder.

    Args:
        files: readable pictures in natural order, at least one.
        lost: files of the folder that cannot be read.
        pattern: how times are written, where the user says so.
        guess: whether to look for times where no pattern is given.
        cut: whether a gap begins a new run.

    Raises:
        SourceError: no name fits the pattern, or two have the same time.
    """
    misfits: tuple[Path, ...] = ()
    guessed = pattern is None
    if pattern is not None:
        misfits = tuple(path for path in files if pattern.time_of(path) is None)
        files = _in_time(files, pattern)
    elif guess:
        pattern = guess_pattern(files)
    times = [] if pattern is None else _times(files, pattern)
    if guessed and not _mostly_even(times):
        pattern, times = None, []
    borders = _borders(files, lost, times) if cut else ()
    step = _step(times)
    holes = not cut and len(times) > 1 and len(runs_without_gap(times)) > 1
    edges = [0, *borders, len(files)]
    labels = [_label(files, times, start) for start in edges[:-1]]
    if len(set(labels)) < len(labels):
        labels = [f"{number}" for number in range(1, len(edges))]
    return ImageRuns(
        runs=tuple(
            ImageRun(
                files=tuple(files[start:stop]),
                label=label if len(labels) > 1 else "",
                start_time=times[start] if times and not holes else None,
                step_seconds=step,
            )
            for label, (start, stop) in zip(labels, pairwise(edges), strict=True)
        ),
        guessed=pattern if guessed else None,
        misfits=misfits,
        holes=holes,
    )


def _in_time(files: Sequence[Path], pattern: TimePattern) -> list[Path]:
    timed = [(time, path) for path in files if (time := pattern.time_of(path)) is not None]
    if not timed:
        raise SourceError(
            f"No time is found by source.time_pattern={pattern.text} in the names beside '{files[0]}'; write it as the "
            "names are, such as %Y%m%d_%H%M, or set it to none."
        )
    timed.sort(key=lambda pair: pair[0])
    for (time, path), (following, other) in pairwise(timed):
        if time == following:
            raise SourceError(
                f"'{path}' and '{other}' have the same time, {time}; they are frames of different recordings: choose "
                "among them with source.pattern, or put them into folders of their own."
            )
    return [path for _, path in timed]


def _times(files: Sequence[Path], pattern: TimePattern) -> list[datetime]:
    return [time for path in files if (time := pattern.time_of(path)) is not None]


def _mostly_even(times: Sequence[datetime]) -> bool:
    return len(runs_without_gap(times)) <= 1 + len(times) // 2


def _borders(files: Sequence[Path], lost: Sequence[Path], times: Sequence[datetime]) -> tuple[int, ...]:
    """Indices of the first file after each gap."""
    if times:
        found = {run.start for run in runs_without_gap(times)} - {0}
    else:
        numbers = counters(files)
        found = set(missing_numbers(numbers)) if numbers is not None else set[int]()
        # Without times or numbers to show the hole that they leave, the order of the names must do.
        found |= _after_lost(files, lost)
    return tuple(sorted(found))


def _after_lost(files: Sequence[Path], lost: Sequence[Path]) -> set[int]:
    missing = set(lost)
    together = sorted([*files, *lost], key=natural_key)
    places = {path: index for index, path in enumerate(files)}
    found: set[int] = set()
    for before, after in pairwise(together):
        if before in missing and after not in missing and places[after]:
            found.add(places[after])
    return found


def _step(times: Sequence[datetime]) -> float | None:
    """Mean of the steps that are near the usual one: names often round to whole seconds or minutes."""
    usual = usual_step(times) if times else None
    if usual is None:
        return None
    steps = [(after - before).total_seconds() for before, after in pairwise(times)]
    regular = [step for step in steps if abs(step - usual) <= _REGULAR * usual]
    return sum(regular) / len(regular)


def _label(files: Sequence[Path], times: Sequence[datetime], start: int) -> str:
    if times:
        time = times[start]
        return time.strftime("%Y%m%dT%H%M" + ("%S" if any(time.second for time in times) else ""))
    return files[start].stem
