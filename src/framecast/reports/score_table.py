"""The table of forecasters under one convention: its columns, the best of each, what a perfect forecast would score.

Screen, page and comparison show the same table in their own ways.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

from framecast.evaluation.results import Results, Role, Scores
from framecast.reports import formatting

MAIN_METRICS = ("mse", "mae", "psnr", "ssim", "bias")
"""What to show where there is room for a few."""

_LIMITS = ("_floor", "_ceiling")
_ONE_STEP = "one-step"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric."""

    metric: str
    better: Literal["lower", "higher", "zero"] | None
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
        return {"lower": "↓", "higher": "↑", "zero": "→0", None: ""}[self.better]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number."""

    value: float
    text: str
    best: bool
    """The best of its column; a number at one-step does not compete with forecasts that see no truth."""


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
        _column(results, convention, name)
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
    best = {column.metric: _best(forecasters, column) for column in columns}
    reference = results.verdict.best_baseline if results.verdict else None
    rows = [
        Row(
            name=name,
            role=scores.role,
            one_step=is_one_step(name),
            cells=tuple(
                Cell(
                    value=scores.overall.get(column.metric, math.nan),
                    text=texts[column.metric][index],
                    best=not is_one_step(name) and scores.overall.get(column.metric) == best[column.metric],
                )
                for column in columns
            ),
            skill=formatting.percent(_skill(scores, forecasters.get(reference or ""))),
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


def shown_metrics(results: Results, convention: str) -> list[str]:
    """The metrics of a convention, without floors and ceilings that belong to another metric."""
    computed = list(dict.fromkeys(name for row in results.conventions[convention].values() for name in row.overall))
    return [name for name in computed if not _limits_another(name, computed)]


def limit_value(results: Results, convention: str, metric: str) -> float | None:
    """What a perfect forecast scores, overall; None where the results do not tell."""
    for scores in results.conventions[convention].values():
        for ending in _LIMITS:
            if metric + ending in scores.overall:
                return scores.overall[metric + ending]
    return None


def limit_per_lead(results: Results, convention: str, metric: str) -> list[float] | None:
    """What a perfect forecast scores at each lead; None where the results do not tell."""
    for scores in results.conventions[convention].values():
        for ending in _LIMITS:
            if metric + ending in scores.per_lead:
                return scores.per_lead[metric + ending]
    return None


def leading_metric(results: Results) -> str:
    """The first metric of the leading convention, by which clips are chosen."""
    return shown_metrics(results, next(iter(results.conventions)))[0]


def is_one_step(forecaster: str) -> bool:
    """Whether a row shows forecasts of one step from true frames."""
    return _ONE_STEP in forecaster


def _limits_another(name: str, computed: Sequence[str]) -> bool:
    return any(name.endswith(ending) and name.removesuffix(ending) in computed for ending in _LIMITS)


def _column(results: Results, convention: str, metric: str) -> Column:
    info = results.metric_info(convention, metric)
    return Column(
        metric=metric,
        better=info.better if info else None,
        unit=info.unit if info else "",
        summary=info.summary if info else "",
    )


def _best(forecasters: dict[str, Scores], column: Column) -> float | None:
    values = [
        scores.overall[column.metric]
        for name, scores in forecasters.items()
        if not is_one_step(name) and math.isfinite(scores.overall.get(column.metric, math.nan))
    ]
    if column.better is None or len(values) < 2:
        return None
    return min(values, key=abs) if column.better == "zero" else (min if column.better == "lower" else max)(values)


def _skill(scores: Scores, reference: Scores | None) -> float | None:
    """1 - MSE / MSE of the reference."""
    if reference is None or scores is reference:
        return None
    error, level = scores.overall.get("mse", math.nan), reference.overall.get("mse", math.nan)
    return 1 - error / level if level else None
