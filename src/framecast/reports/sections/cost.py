"""Cost: parameters, multiply-adds, and the measured time of each forecaster beside its error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.cost_chart import CostKind, CostPoint, cost_chart
from framecast.reports.markup import Picture, PlainTable, picture
from framecast.reports.shown_metrics import known_interval, leading_convention, leading_metric


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CostView:
    """The section."""

    facts: list[tuple[str, str]]
    table: PlainTable | None
    chart: Picture | None


def cost_view(results: Results) -> CostView:
    """Make the section."""
    cost = results.cost
    parameters = formatting.count(cost.parameters)
    if cost.trainable != cost.parameters:
        parameters += f", {formatting.count(cost.trainable)} trainable"
    facts = [
        ("Parameters", parameters),
        ("Multiply-adds for one forecast frame", formatting.large(cost.macs_per_frame)),
        ("Time for one forecast frame, in batches", formatting.duration(cost.seconds_per_frame)),
    ]
    if cost.dead:
        live = formatting.count(cost.trainable - cost.dead)
        facts.insert(1, ("Of them never used", f"{formatting.count(cost.dead)} (live: {live})"))
    points = latency_points(results)
    table = None
    if cost.latency_seconds:
        metric = leading_metric(results)
        forecasters = results.conventions[leading_convention(results)]
        errors = formatting.column(
            [forecasters[name].overall.get(metric) if name in forecasters else None for name in cost.latency_seconds]
        )
        table = PlainTable(
            [("forecaster", False), ("time for one forecast frame", True), (metric.replace("_", " "), True)],
            [
                [name, formatting.duration(seconds), error]
                for (name, seconds), error in zip(cost.latency_seconds.items(), errors, strict=True)
            ],
        )
    return CostView(facts=facts, table=table, chart=quality_chart(points, results, "seconds"))


def latency_points(results: Results) -> list[CostPoint]:
    """A point for each forecaster whose time was measured."""
    forecasters = results.conventions[leading_convention(results)]
    metric = leading_metric(results)
    return [
        CostPoint(
            name=name,
            cost=seconds,
            quality=forecasters[name].overall.get(metric, float("nan")),
            model=forecasters[name].role == "model",
            interval=known_interval(forecasters[name].intervals.get(metric)),
        )
        for name, seconds in results.cost.latency_seconds.items()
        if name in forecasters
    ]


def quality_chart(points: Sequence[CostPoint], results: Results, kind: CostKind) -> Picture | None:
    """The error over a cost, or None where fewer than two points are known.

    Args:
        points: what to draw.
        results: that tell what the error is.
        kind: what the cost is.
    """
    texts: dict[CostKind, str] = {"seconds": "time", "parameters": "parameters", "macs": "multiply-adds"}
    metric = leading_metric(results)
    info = results.metric_info(leading_convention(results), metric)
    better = info.better if info else None
    drawn = cost_chart(points, kind=kind, metric=metric, better=better, unit=info.unit if info else "")
    if drawn is None:
        return None
    text = formatting.duration if kind == "seconds" else formatting.large
    spoken = "; ".join(f"{point.name} {text(point.cost)}, {formatting.number(point.quality)}" for point in points)
    return picture(drawn, alt=f"{metric} against {texts[kind]} of a forecast frame: {spoken}.")
