"""Placing: where a run's result would stand in a published table, and what speaks against setting it there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from framecast.evaluation.published.table import Column, Group, PublishedTable
from framecast.evaluation.results import Results, Scores
from framecast.frames.errors import RunError

_PREPARED = "store"
"""The kind of a prepared store, which does not tell what it was made of."""

_FEW = 0.01
"""Shares of the training below this are given as one clip in so many."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What has to be known of a run, beside its results."""

    folder: str
    """As the user names it in commands."""
    size: tuple[int, int]
    channels: int
    loss: Mapping[str, float]
    """Names of the losses, and their weights."""
    training_clips: int
    """Those that were seen in training, each time that they were."""
    epochs: int
    trained_on: str
    """The kind of source."""
    source_settings: Mapping[str, Any]
    """Of the evaluated source, where it is the run's own; nothing where it is another."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A run in one column of one group of rows."""

    group: str
    column: str
    convention: str
    value: float
    """In the table's unit."""
    interval: tuple[float, float] | None
    rank: int
    """1 is the best."""
    of: int
    """Rows of the group with a figure of this convention, the run among them."""
    ranks: tuple[int, int] | None
    """The best and the worst rank within the interval."""
    better: tuple[str, float] | None
    """The row just above, and its figure."""
    worse: tuple[str, float] | None
    """The row just below, and its figure."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """A run beside a published table."""

    run: str
    model: str
    obstacles: tuple[str, ...]
    """Why it cannot be compared at all; empty where it can."""
    caveats: tuple[str, ...]
    """What must stand beside the comparison."""
    places: tuple[Place, ...]
    missing: tuple[str, ...]
    """Conventions of the table that the run was not evaluated with."""
    command: str | None
    """What computes them."""


def place(table: PublishedTable, results: Results, facts: RunFacts) -> Placing:
    """Set a run beside a table.

    Args:
        table: the published figures.
        results: of the run, on any clips.
        facts: what else has to be known of it.

    Raises:
        RunError: the run is comparable, but was not evaluated with any convention of the table; names the command.
    """
    obstacles = tuple(_obstacles(table, results, facts))
    missing = tuple(name for name in table.conventions if name not in results.conventions)
    wanted = [*results.conventions, *missing]
    command = f"framecast evaluate {facts.folder} " + " ".join(f"--convention {name}" for name in wanted)
    if not obstacles and len(missing) == len(table.conventions):
        named = " or ".join(f"'{name}'" for name in table.conventions)
        raise RunError(
            f"The figures of '{table.name}' are of the convention {named}, under which '{facts.folder}' was not "
            f"evaluated: {command}"
        )
    return Placing(
        run=results.run,
        model=results.model,
        obstacles=obstacles,
        caveats=tuple(_caveats(table, results, facts)),
        places=() if obstacles else tuple(_places(table, results)),
        missing=missing,
        command=command if missing else None,
    )


def _obstacles(table: PublishedTable, results: Results, facts: RunFacts) -> list[str]:
    task, found = table.task, list[str]()
    if not {results.source_kind, "*"} & task.sources.keys() and results.source_kind != _PREPARED:
        wanted = " or ".join(f"'{kind}'" for kind in task.sources)
        found.append(f"It was scored on recordings of the kind '{results.source_kind}', the table is of {wanted}.")
    if (results.context, results.horizon) != (task.context, task.horizon):
        found.append(
            f"It forecasts {results.horizon} frames from {results.context}, the table {task.horizon} from "
            f"{task.context}."
        )
    if (facts.size, facts.channels) != (task.size, task.channels):
        found.append(
            f"Its frames are {facts.channels} x {facts.size[0]} x {facts.size[1]} (channels, height, width), the "
            f"table's {task.channels} x {task.size[0]} x {task.size[1]}."
        )
    if results.split in ("train", "validation"):
        found.append(f"It was scored on its {results.split} clips; published figures are of test clips.")
    if results.source_kind == facts.trained_on == "moving-mnist-file":
        found.append(
            "It was trained on sequences of the published test file, which every row of the table is scored on."
        )
    for name, value in task.settings.items():
        if name in facts.source_settings and facts.source_settings[name] != value:
            found.append(
                f"Its recordings have source.{name}={facts.source_settings[name]}, the table's {name}={value}."
            )
    return found


def _caveats(table: PublishedTable, results: Results, facts: RunFacts) -> list[str]:
    task = table.task
    said = [task.sources.get(results.source_kind, task.sources.get("*", ""))]
    if results.source_kind == _PREPARED:
        said.append(
            f"It was scored on a prepared store; only you can know whether it holds the table's data: {task.data}."
        )
    if task.test_clips is not None and results.clips != task.test_clips:
        said.append(f"It was scored on {results.clips:,} clips, the table's rows on {task.test_clips:,}.")
    said += [_budget(table, group, facts) for group in table.groups if group.epochs is not None]
    trained = {name: weight for name, weight in facts.loss.items() if weight > 0}
    if set(trained) != {task.loss}:
        losses = ", ".join(f"{name} ({weight:g})" for name, weight in trained.items())
        said.append(
            f"It was trained on {losses}, the rows of the table mostly on {task.loss}: each flatters the column of "
            "what it was trained on."
        )
    if results.horizon > results.trained_horizon:
        said.append(
            f"It was trained to forecast {results.trained_horizon} frames; those beyond are chained from its own "
            "forecasts."
        )
    if results.precision != "32":
        said.append(f"Its forecasts were computed in {results.precision}.")
    said += [f"It must be said of the run itself: {caveat}" for caveat in _scores(results, table).caveats]
    return [sentence for sentence in dict.fromkeys(said) if sentence]


def _budget(table: PublishedTable, group: Group, facts: RunFacts) -> str:
    if table.task.training_sequences is None:
        return f"It was trained for {facts.epochs:,} epochs, '{group.title}' for {group.epochs:,}."
    published = (group.epochs or 0) * table.task.training_sequences
    share = facts.training_clips / published
    if 0.8 < share < 1.25:
        return ""
    return (
        f"It saw {facts.training_clips:,} clips in training, the rows of '{group.title}' {published:,}: "
        f"{f'{share:.2g} times as many' if share > _FEW else f'1 for every {1 / share:,.0f} of them'}."
    )


def _scores(results: Results, table: PublishedTable) -> Scores:
    """Of the model, under a convention of the table where there is one."""
    shared = next((name for name in table.conventions if name in results.conventions), next(iter(results.conventions)))
    return results.conventions[shared][results.model]


def _places(table: PublishedTable, results: Results) -> list[Place]:
    found: list[Place] = []
    for group in table.groups:
        if group.not_comparable:
            continue
        for name, column in table.columns.items():
            if column.better is None or column.metric is None:
                continue
            for convention in table.conventions:
                place = _place(table, group, (name, column), convention, results)
                found += [place] if place else []
    return found


def _place(
    table: PublishedTable, group: Group, named: tuple[str, Column], convention: str, results: Results
) -> Place | None:
    """In one column, among the figures of one convention; None where there is nothing to compare."""
    name, column = named
    rivals = [
        (row.method, row.values[name])
        for row in group.rows
        if name in row.values and table.convention(row, name) == convention
    ]
    scores = results.conventions.get(convention, {}).get(results.model)
    value = None if scores is None else scores.overall.get(column.metric or "")
    if not rivals or scores is None or value is None or math.isnan(value):
        return None
    value *= column.times
    sign = 1 if column.better == "lower" else -1
    low, high = scores.intervals.get(column.metric or "", (math.nan, math.nan))
    interval = None if math.isnan(low) or math.isnan(high) else (low * column.times, high * column.times)

    def rank(of: float) -> int:
        return 1 + sum(sign * figure < sign * of for _, figure in rivals)

    above = [rival for rival in rivals if sign * rival[1] < sign * value]
    below = [rival for rival in rivals if sign * rival[1] >= sign * value]
    return Place(
        group=group.name,
        column=name,
        convention=convention,
        value=value,
        interval=interval,
        rank=rank(value),
        of=len(rivals) + 1,
        ranks=None if interval is None else (min(map(rank, interval)), max(map(rank, interval))),
        better=max(above, key=lambda rival: sign * rival[1], default=None),
        worse=min(below, key=lambda rival: sign * rival[1], default=None),
    )
