"""Ensembles: reliability of probabilities and rank of the truth, with what their shapes mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.curves import Line
from framecast.reports.ensemble_charts import rank_histogram, reliability_diagram
from framecast.reports.markup import Picture, picture
from framecast.reports.sections.leads import forecaster_styles
from framecast.reports.sections.thresholds import threshold_unit
from framecast.reports.shown_metrics import leading_convention

_ENOUGH = 0.5
"""A rank histogram is called uneven where its ends, or one of them, differ so much from their due share."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleView:
    """The section."""

    ranks: tuple[Picture, ...]
    reliability: tuple[Picture, ...]
    notes: tuple[str, ...]


def ensemble_view(results: Results, diagrams: Mapping[str, NDArray[Any]]) -> EnsembleView | None:
    """Make the section; None where no forecaster is an ensemble.

    Args:
        results: of an evaluation.
        diagrams: ``rank_histogram/<forecaster>`` (S + 1,), ``reliability/<forecaster>@<threshold>`` (bins, 3).
    """
    ranks: list[Picture] = []
    notes: list[str] = []
    by_threshold: dict[str, list[tuple[Line, NDArray[np.float64]]]] = {}
    looks = forecaster_styles(results)
    for key, found in diagrams.items():
        kind, _, name = key.partition("/")
        table = np.asarray(found, dtype=np.float64)
        if kind == "rank_histogram" and table.sum() > 0:
            drawn = rank_histogram(table, name=name, model=name == results.model)
            shape = rank_shape(table)
            ranks.append(picture(drawn, alt=f"Rank histogram of {name}, {_cases(table.sum())}: {shape}."))
            notes.append(f"{name}: {shape} ({_cases(table.sum())}).")
        elif kind == "reliability" and table[:, 2].sum() > 0:
            forecaster, _, threshold = name.rpartition("@")
            line = Line(name=forecaster, values=(), emphasised=forecaster == results.model, style=looks.get(forecaster))
            by_threshold.setdefault(threshold, []).append((line, table))
    unit = threshold_unit(results, leading_convention(results))
    charts = [
        picture(
            reliability_diagram(of, title=f"Reliability at {threshold}{f' {unit}' if unit else ''}"),
            alt=f"Reliability at {threshold}: {'; '.join(_spoken(line.name, table) for line, table in of)}.",
        )
        for threshold, of in by_threshold.items()
        if any(_observed(table) > 0 for _, table in of)  # an event that never came has no reliability
    ]
    if not ranks and not charts:
        return None
    return EnsembleView(ranks=tuple(ranks), reliability=tuple(charts), notes=tuple(notes))


def _observed(table: NDArray[np.float64]) -> float:
    """How often the event came."""
    return float(np.nansum(table[:, 1] * table[:, 2]))


def rank_shape(counts: NDArray[np.float64]) -> str:
    """What the shape of a rank histogram says, in words.

    Args:
        counts: (S + 1,).
    """
    due = float(counts.sum()) / len(counts)
    first, last = counts[0] / due - 1, counts[-1] / due - 1
    if first > _ENOUGH and last > _ENOUGH:
        return "the truth often lies outside all members: the spread is too small"
    if first < -_ENOUGH and last < -_ENOUGH:
        return "the truth hardly ever lies outside the members: the spread is too large"
    if last > _ENOUGH:
        return "the truth often lies above all members: forecasts are too low"
    if first > _ENOUGH:
        return "the truth often lies below all members: forecasts are too high"
    return "the truth takes every rank about equally often: the spread is about right"


def _spoken(name: str, table: NDArray[np.float64]) -> str:
    used = table[table[:, 2] > 0]
    pairs = ", ".join(f"{formatting.percent(row[0])} forecast {formatting.percent(row[1])} seen" for row in used)
    return f"{name} ({_cases(table[:, 2].sum())}) {pairs}"


def _cases(count: float) -> str:
    return f"{formatting.count(count)} values"
