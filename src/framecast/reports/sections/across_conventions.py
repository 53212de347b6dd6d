"""Across conventions: the model's figures of one name under each of them, and why they differ."""

import math
from dataclasses import dataclass
from typing import final

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.shown_metrics import shown_metrics


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConventionRow:
    """One metric of one name."""

    metric: str
    texts: tuple[str, ...]
    """One for each convention, with its unit; a dash where it has no such metric."""
    reason: str
    """Why the figures differ, or that they do not."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConventionTable:
    """The model under every convention."""

    conventions: tuple[str, ...]
    rows: tuple[ConventionRow, ...]


def convention_table(results: Results) -> ConventionTable | None:
    """The metrics that at least two conventions have; None where there are none."""
    names = tuple(results.conventions)
    of = {name: shown_metrics(results, name) for name in names}
    metrics = dict.fromkeys(metric for name in names for metric in of[name])
    shared = [metric for metric in metrics if sum(metric in of[name] for name in names) > 1]
    if not shared:
        return None
    return ConventionTable(conventions=names, rows=tuple(_row(results, metric, of) for metric in shared))


def _row(results: Results, metric: str, of: dict[str, list[str]]) -> ConventionRow:
    values = {
        name: results.conventions[name][results.model].overall.get(metric, math.nan)
        for name in results.conventions
        if metric in of[name]
    }
    texts: list[str] = []
    for name in results.conventions:
        info = results.metric_info(name, metric)
        unit = f" {info.unit}" if info is not None and info.unit else ""
        texts.append(f"{formatting.number(values[name])}{unit}" if name in values else formatting.DASH)
    return ConventionRow(metric=metric, texts=tuple(texts), reason=_reason(results, metric, values))


def _reason(results: Results, metric: str, values: dict[str, float]) -> str:
    by_summary: dict[str, list[str]] = {}
    for name in values:
        info = results.metric_info(name, metric)
        by_summary.setdefault(info.summary if info else "", []).append(name)
    known = [value for value in values.values() if math.isfinite(value)]
    if len(known) == len(values) and max(known) - min(known) <= 1e-9 * max(map(abs, known)):
        return "No difference on these clips."
    if len(by_summary) < 2:
        return "One formula; the conventions clip, scale or count the frames differently first."
    return " ".join(f"{', '.join(names)}: {_sentence(summary)}" for summary, names in by_summary.items())


def _sentence(summary: str) -> str:
    return summary if summary.endswith(".") else f"{summary}."
