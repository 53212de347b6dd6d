"""Events: tables of the metrics that differ only by threshold and scale, one for each family, and CSI lead by lead."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from framecast.evaluation.results import MetricInfo, Results
from framecast.reports import formatting
from framecast.reports.markup import Picture
from framecast.reports.score_table import Cell, cell_of, column_of
from framecast.reports.sections.leads import lead_chart
from framecast.reports.shown_metrics import best_value, computed_metrics, is_event

_ORDER = ("csi", "fss", "pod", "far", "frequency_bias", "csi_pool", "hss", "ets")
"""Which families come first, as far as they were computed; the others follow in their own order."""

_ACRONYMS = {"csi", "fss", "pod", "far", "hss", "ets", "pss", "mcc", "sedi", "pofd", "sucr"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdTable:
    """One family under one convention."""

    family: str
    title: str
    caption: str
    better: str
    """In words."""
    arrow: str
    thresholds: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, str, tuple[Cell | None, ...]], ...]], ...]
    """By scale (an empty text where the family has none): forecaster, role, a cell for each threshold."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EventsView:
    """The section of one convention."""

    convention: str
    tables: tuple[ThresholdTable, ...]
    curves: tuple[Picture, ...]
    """Of the first family, for each threshold."""


def events_views(results: Results) -> list[EventsView]:
    """One view for each convention that has metrics of events."""
    views: list[EventsView] = []
    for convention in results.conventions:
        found = {
            name: info
            for name in computed_metrics(results, convention)
            if is_event(info := results.metric_info(convention, name)) and info is not None
        }
        families = sorted(
            dict.fromkeys(info.family for info in found.values()),
            key=lambda family: _ORDER.index(family) if family in _ORDER else len(_ORDER),
        )
        if families:
            of = {family: {n: info for n, info in found.items() if info.family == family} for family in families}
            curves = [name for name, info in of[families[0]].items() if info.threshold is not None]
            views.append(
                EventsView(
                    convention=convention,
                    tables=tuple(_table(results, convention, family, of[family]) for family in families),
                    curves=tuple(lead_chart(results, convention, name) for name in curves),
                )
            )
    return views


def threshold_unit(results: Results, convention: str) -> str:
    """The unit of thresholds: the recording's, where a convention reads native values; else nothing.

    Results do not say what a convention reads; the unit of its errors does.
    """
    if not results.units:
        return ""
    for name in computed_metrics(results, convention):
        info = results.metric_info(convention, name)
        if info is not None and results.units in info.unit:
            return results.units
    return ""


def _table(results: Results, convention: str, family: str, metrics: Mapping[str, MetricInfo]) -> ThresholdTable:
    forecasters = results.conventions[convention]
    unit = threshold_unit(results, convention)
    places = {name: (info.window, _column_title(name, info, unit)) for name, info in metrics.items()}
    at = {place: name for name, place in places.items()}
    # A mean over thresholds comes behind the thresholds that it is of.
    ordered = sorted(metrics, key=lambda name: (metrics[name].threshold is None, metrics[name].threshold or 0.0))
    columns = list(dict.fromkeys(places[name][1] for name in ordered))
    windows = sorted({info.window for info in metrics.values()}, key=lambda window: window or 0)
    values = [scores.overall.get(name) for name in metrics for scores in forecasters.values()]
    texts = dict(zip([(n, row) for n in metrics for row in forecasters], formatting.column(values), strict=True))
    groups: list[tuple[str, tuple[tuple[str, str, tuple[Cell | None, ...]], ...]]] = []
    for window in windows:
        names = [at.get((window, column)) for column in columns]
        best = {n: best_value(forecasters, n, metrics[n].better) for n in names if n is not None}
        rows = tuple(
            (
                forecaster,
                scores.role,
                tuple(
                    None if n is None else cell_of(scores, n, texts[n, forecaster], name=forecaster, best=best[n])
                    for n in names
                ),
            )
            for forecaster, scores in forecasters.items()
        )
        groups.append((f"{window} × {window} pixels" if window else "", rows))
    first = column_of(results, convention, next(iter(metrics)))
    return ThresholdTable(
        family=family,
        title=family.upper() if family in _ACRONYMS else family.replace("_", " ").capitalize(),
        caption=_without_threshold(first.summary),
        better=first.spoken,
        arrow=first.arrow,
        thresholds=tuple(columns),
        groups=tuple(groups),
    )


def _column_title(name: str, info: MetricInfo, unit: str) -> str:
    """``0.5 mm/h``; ``mean``, or what kind of mean, for a number over all thresholds."""
    if info.threshold is not None:
        return f"{info.threshold:g}{f' {unit}' if unit else ''}"
    return "lead mean" if name.endswith("lead_mean") else "mean"


def _without_threshold(summary: str) -> str:
    """What a family counts, from the summary of one of its metrics, which ends with its own threshold."""
    before, _, last = summary.rpartition("; ")
    return f"{before}." if before and last.startswith(("threshold ", "mean over thresholds")) else summary
