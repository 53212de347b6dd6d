"""Differences: the model minus each baseline, with its interval and what that says; and what could not be computed."""

from dataclasses import dataclass
from typing import final

from framecast.evaluation.results import Difference, Results
from framecast.reports import formatting
from framecast.reports.outcomes import MARKS, Outcome
from framecast.reports.score_table import Column, column_of
from framecast.reports.shown_metrics import known_interval, main_metrics


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceCell:
    """The model minus one baseline, for one metric."""

    text: str
    interval: str
    mark: str
    outcome: Outcome


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceTable:
    """The model against every baseline under one convention."""

    convention: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[DifferenceCell | None, ...]], ...]
    """By baseline; None where there is no difference of a metric."""


def difference_tables(results: Results) -> list[DifferenceTable]:
    """One table for each convention that has differences, the leading one first."""
    tables: list[DifferenceTable] = []
    for convention in results.conventions:
        against = results.differences.get(convention, {})
        columns = [
            column_of(results, convention, metric)
            for metric in main_metrics(results, convention)
            if any(metric in of for of in against.values())
        ]
        if columns:
            texts = [_column(results, convention, column.metric) for column in columns]
            rows = tuple((baseline, tuple(column[baseline] for column in texts)) for baseline in against)
            tables.append(DifferenceTable(convention=convention, columns=tuple(columns), rows=rows))
    return tables


def not_available(results: Results) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Baselines, then metrics, that were asked for and not computed, each with the reason and how to get it."""
    metrics = {name for name in results.unavailable if name.partition("/")[0] in results.conventions and "/" in name}
    split: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for name, reason in results.unavailable.items():
        metric = name.partition("/")[2] if len(results.conventions) == 1 else name
        split[name in metrics].append((metric if name in metrics else name, reason))
    return split


def _column(results: Results, convention: str, metric: str) -> dict[str, DifferenceCell | None]:
    """All differences of one metric, with the decimals of the smallest."""
    of = {baseline: found.get(metric) for baseline, found in results.differences[convention].items()}
    texts = formatting.column([None if found is None else found.value for found in of.values()])
    return {
        baseline: None if found is None else _cell(found, text)
        for (baseline, found), text in zip(of.items(), texts, strict=True)
    }


def _cell(found: Difference, text: str) -> DifferenceCell:
    interval = known_interval(found.interval)
    known = text != formatting.DASH
    return DifferenceCell(
        text=formatting.alike(found.value, like=text, sign=True) if known else text,
        interval=formatting.interval(interval, like=text) if interval and known else "",
        mark=MARKS[found.outcome],
        outcome=found.outcome,
    )
