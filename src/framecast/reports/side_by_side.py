"""Runs side by side: one row for each, and whether their scores may be compared at all."""

import math
from collections.abc import Sequence
from typing import Any

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.load import ReportData
from framecast.reports.shown_metrics import MAIN_METRICS, known_interval, shown_metrics

Row = dict[str, str | float | None]

_ALIKE = (
    "source",
    "source_kind",
    "split",
    "clips",
    "sequences",
    "context",
    "horizon",
    "step_seconds",
    "units",
    "value_range",
)
"""Fields of the results that must agree before scores may be compared."""


def comparison_rows(reports: Sequence[ReportData]) -> list[Row]:
    """One row for each run: the main metrics of its leading convention, its best baseline, skill and cost.

    Args:
        reports: at least one.

    Returns:
        Rows with the same keys, in the order of columns; None where a value is not known.
    """
    names = run_names(reports)
    metrics = shared_metrics(reports)
    any_interval = any(report.results.verdict and report.results.verdict.skill_interval for report in reports)
    any_dead = any(report.results.cost.dead for report in reports)
    rows: list[Row] = []
    for name, report in zip(names, reports, strict=True):
        results = report.results
        convention, forecasters = next(iter(results.conventions.items()))
        mine, verdict, cost = forecasters[results.model].overall, results.verdict, results.cost
        best = forecasters[verdict.best_baseline].overall if verdict else {}
        row: Row = {"run": name, "model": results.model, "convention": convention}
        row |= {metric: _known(mine.get(metric)) for metric in metrics}
        row["best_baseline"] = verdict.best_baseline if verdict else None
        row |= {f"best_baseline_{metric}": _known(best.get(metric)) for metric in metrics[:1]}
        row["skill"] = _known(verdict.skill) if verdict else None
        interval = known_interval(verdict.skill_interval) if verdict else None
        if any_interval:
            row |= dict(zip(("skill_low", "skill_high"), interval or (None, None), strict=True))
            row["outcome"] = verdict.outcome if verdict else None
        row["skill_over_persistence"] = _known(verdict.skill_over_persistence) if verdict else None
        row |= {
            "parameters": cost.parameters,
            **({"dead": cost.dead} if any_dead else {}),
            "macs_per_frame": _known(cost.macs_per_frame),
            "seconds_per_frame": _known(cost.seconds_per_frame),
        }
        rows.append(row)
    return rows


def shown_columns(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """The columns of :func:`comparison_rows` as people read them: the ends of an interval stand behind its skill.

    Args:
        rows: with the same keys.
    """
    columns = {name: column_texts(name, [row.get(name) for row in rows]) for row in rows for name in row}
    low, high = columns.pop("skill_low", []), columns.pop("skill_high", [])
    if low:
        columns["skill"] = [
            skill if formatting.DASH in ends else f"{skill} ({ends[0]} to {ends[1]})"
            for skill, *ends in zip(columns["skill"], low, high, strict=True)
        ]
    return list(columns.items())


def column_texts(name: str, values: Sequence[Any]) -> list[str]:
    """The texts of one column of :func:`comparison_rows`.

    Args:
        name: the key.
        values: one for each run.
    """
    if any(isinstance(value, str) for value in values):
        return [formatting.DASH if value is None else str(value) for value in values]
    if name.startswith("skill"):
        return [formatting.percent(value) for value in values]
    if name in ("parameters", "dead", "macs_per_frame"):
        return [formatting.large(value) for value in values]
    if name == "seconds_per_frame":
        return [formatting.duration(value) for value in values]
    return formatting.column(values)


def differences(reports: Sequence[ReportData]) -> list[str]:
    """Why the scores of these runs may not be compared, one sentence for each reason; nothing when they may.

    Clips that agree in name and number can still differ (another frame size, another stride): then the same baseline
    scores differently, and that is a reason too.

    Args:
        reports: at least one.
    """
    names = run_names(reports)
    found: list[str] = []
    for field in _ALIKE:
        values = [getattr(report.results, field) for report in reports]
        if len(set(values)) > 1:
            found.append(f"Different {field.replace('_', ' ')}: {_each(names, [_text(value) for value in values])}.")
    sizes = [report.record.spec for report in reports if report.record is not None]
    shapes = [f"{spec.channels} x {spec.height} x {spec.width}" for spec in sizes]
    if len(shapes) == len(names) and len(set(shapes)) > 1:
        found.append(f"Different frames (channels, height, width): {_each(names, shapes)}.")
    leading = [next(iter(report.results.conventions)) for report in reports]
    if len(set(leading)) > 1:
        found.append(f"Different leading conventions: {_each(names, leading)}.")
    if not found:
        found += _different_baselines(names, [report.results for report in reports])
    return found


def run_names(reports: Sequence[ReportData]) -> list[str]:
    """The names of the runs; runs of one name get a number."""
    names = [report.results.run for report in reports]
    return [
        name if names.count(name) == 1 else f"{name} ({names[:index].count(name) + 1})"
        for index, name in enumerate(names)
    ]


def shared_metrics(reports: Sequence[ReportData]) -> list[str]:
    """The main metrics that every run has under its leading convention; its first ones when it has none of them."""
    shared = [
        name
        for name in shown_metrics(reports[0].results, next(iter(reports[0].results.conventions)))
        if all(name in shown_metrics(report.results, next(iter(report.results.conventions))) for report in reports)
    ]
    return [name for name in MAIN_METRICS if name in shared] or shared[:4]


def _different_baselines(names: Sequence[str], every: Sequence[Results]) -> list[str]:
    for baseline in ("persistence", "mean"):
        errors = [next(iter(results.conventions.values())).get(baseline) for results in every]
        values = [row.overall.get("mse", math.nan) if row else math.nan for row in errors]
        known = [value for value in values if math.isfinite(value)]
        if known and max(known) - min(known) > 1e-4 * max(known):
            return [
                f"Different clips: the baseline {baseline} scores differently, mse "
                f"{_each(names, [formatting.number(value) for value in values])}."
            ]
        if len(known) == len(values):
            break
    return []


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _each(names: Sequence[str], values: Sequence[str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " to ".join(_text(part) for part in value)
    if isinstance(value, float):
        return formatting.number(value)
    return formatting.DASH if value is None else str(value)
