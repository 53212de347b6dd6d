"""The table of forecasters under one convention: its columns, the best of each, what a perfect forecast would score.

Screen, page and comparison show the same table in their own ways.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

from framecast.evaluation.results import Interval, Results, Role, Scores
from framecast.reports import formatting
from framecast.reports.shown_metrics import (
    best_baseline,
    best_value,
    is_one_step,
    judged_by,
    known_interval,
    leading_convention,
    limit_value,
    shown_metrics,
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric."""

    metric: str
    better: Literal["lower", "higher", "zero", "one"] | None
    unit: str
    summary: str

    @property
    def title(self) -> str:
        """Name and unit, in words."""
        name = self.metric.replace("_", " ")
        unit = self.unit if self.unit.startswith("(") else f"({self.unit})"
        return f"{name}\u00a0{unit}" if self.unit else name

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return {"lower": "↓", "higher": "↑", "zero": "→0", "one": "→1", None: ""}[self.better]

    @property
    def spoken(self) -> str:
        """The same in words."""
        return {"zero": "0 is best", "one": "1 is best", None: ""}.get(self.better, f"{self.better} is better")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number."""

    value: float
    text: str
    best: bool
    """The best of its column; a number at one-step does not compete with forecasts that see no truth."""
    interval: Interval | None = None
    interval_text: str = ""
    """``"0.0301 to 0.0335"``; empty where there is none."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One forecaster."""

    name: str
    role: Role
    one_step: bool
    cells: tuple[Cell, ...]
    skill: str
    """Against the best baseline, as a percentage; a dash where there is none."""
    skill_interval: str
    """Of the model's skill; empty for all others and where there is none."""
    caveats: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """All forecasters under one convention."""

    convention: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    limits: tuple[str, ...]
    """For each column what a perfect forecast would score, empty where that is not told by the results."""
    reference: str | None
    """The baseline that ``skill`` compares with."""


def score_table(results: Results, convention: str, *, metrics: Sequence[str] | None = None) -> ScoreTable:
    """Make the table.

    Args:
        results: of an evaluation.
        convention: one of its conventions.
        metrics: which columns, in order, as far as they were computed; None takes all that a forecast can influence.
    """
    forecasters = results.conventions[convention]
    columns = [
        column_of(results, convention, name)
        for name in shown_metrics(results, convention)
        if not metrics or name in metrics
    ]
    if metrics:
        columns.sort(key=lambda column: list(metrics).index(column.metric))
    texts = {
        column.metric: formatting.column(
            [
                *(row.overall.get(column.metric) for row in forecasters.values()),
                limit_value(results, convention, column.metric),
            ]
        )
        for column in columns
    }
    best = {column.metric: best_value(forecasters, column.metric, column.better) for column in columns}
    reference, leading = best_baseline(results), leading_convention(results)
    rows = [
        Row(
            name=name,
            role=scores.role,
            one_step=is_one_step(name),
            cells=tuple(
                cell_of(scores, column.metric, texts[column.metric][index], name=name, best=best[column.metric])
                for column in columns
            ),
            skill=formatting.percent(_skill(scores, forecasters.get(reference or ""), judged_by(results))),
            skill_interval=skill_interval(results) if name == results.model and convention == leading else "",
            caveats=tuple(scores.caveats),
        )
        for index, (name, scores) in enumerate(forecasters.items())
    ]
    limits = [texts[column.metric][-1] for column in columns]
    return ScoreTable(
        convention=convention,
        columns=tuple(columns),
        rows=tuple(rows),
        limits=tuple("" if limit == formatting.DASH else limit for limit in limits),
        reference=reference,
    )


def cell_of(scores: Scores, metric: str, text: str, *, name: str, best: float | None) -> Cell:
    """A forecaster's number and its interval, written with the same decimals.

    Args:
        scores: of the forecaster.
        metric: which.
        text: the number as it is written.
        name: of the forecaster.
        best: the best number of the column.
    """
    value = scores.overall.get(metric, math.nan)
    interval = known_interval(scores.intervals.get(metric))
    spelled = formatting.interval(interval, like=text) if interval and text != formatting.DASH else ""
    return Cell(
        value=value,
        text=text,
        best=not is_one_step(name) and best is not None and value == best,
        interval=interval,
        interval_text=spelled,
    )


def skill_interval(results: Results) -> str:
    """The interval of the model's skill under the leading convention, in percent; empty where there is none."""
    interval = known_interval(results.verdict.skill_interval) if results.verdict else None
    return "" if interval is None else f"{formatting.percent(interval[0])} to {formatting.percent(interval[1])}"


def column_of(results: Results, convention: str, metric: str) -> Column:
    """What stands above a metric's numbers."""
    info = results.metric_info(convention, metric)
    return Column(
        metric=metric,
        better=info.better if info else None,
        unit=info.unit if info else "",
        summary=info.summary if info else "",
    )


def _skill(scores: Scores, reference: Scores | None, metric: str | None) -> float | None:
    """1 - error / error of the reference."""
    if reference is None or scores is reference or metric is None:
        return None
    error, level = scores.overall.get(metric, math.nan), reference.overall.get(metric, math.nan)
    return 1 - error / level if level else None
