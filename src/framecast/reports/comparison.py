"""The comparison page: several runs in one table, their curves, and a warning when they were not evaluated alike."""

from collections.abc import Sequence

from framecast.reports import formatting
from framecast.reports.cost_chart import CostKind, CostPoint
from framecast.reports.curves import Line, lead_curves
from framecast.reports.figure import BLUE, OTHERS
from framecast.reports.heading import header_facts, warnings_of
from framecast.reports.load import ReportData
from framecast.reports.markup import Picture, PlainTable, fill, picture
from framecast.reports.sections.cost import latency_points, quality_chart
from framecast.reports.sections.leads import band_of
from framecast.reports.shown_metrics import known_interval, leading_convention, leading_metric
from framecast.reports.side_by_side import comparison_rows, differences, run_names, shared_metrics, shown_columns
from framecast.version import __version__

_TITLES = {"macs_per_frame": "multiply-adds/frame", "seconds_per_frame": "time/frame", "dead": "never used"}

_BANDS = 3
"""Bands of more runs would hide each other."""


def render_comparison(reports: Sequence[ReportData]) -> str:
    """Make the page.

    Args:
        reports: at least one.

    Returns:
        HTML that requests nothing from outside.
    """
    names = run_names(reports)
    rows = comparison_rows(reports)
    reasons = differences(reports)
    alike = len({row["convention"] for row in rows}) == 1
    columns = [(name, texts) for name, texts in shown_columns(rows) if not (name == "convention" and alike)]
    numeric = [any(isinstance(row[name], int | float) for row in rows) for name, _ in columns]
    warnings = [
        f"{name}: {sentence}" for name, report in zip(names, reports, strict=True) for sentence in warnings_of(report)
    ]
    return fill(
        "comparison.html",
        {
            "title": f"{', '.join(names)}: framecast comparison",
            "heading": f"{len(names)} runs side by side",
            "facts": [] if reasons else [fact for fact in header_facts(reports[0].results) if fact[0] != "Model"],
            "differences": reasons,
            "table": PlainTable(
                [
                    (_TITLES.get(name, name.replace("_", " ")), is_number)
                    for (name, _), is_number in zip(columns, numeric, strict=True)
                ],
                [[texts[index] for _, texts in columns] for index in range(len(rows))],
            ),
            "caption": f"Convention “{rows[0]['convention']}”, means over all clips and leads"
            if alike
            else "Means over all clips and leads",
            "verdicts": [
                (name, report.results.verdict.sentence if report.results.verdict else "no baseline was evaluated.")
                for name, report in zip(names, reports, strict=True)
            ],
            "costs": [] if reasons else cost_charts(names, reports),
            "curves": [_chart(names, reports, metric) for metric in shared_metrics(reports)],
            "warnings": warnings,
            "footer": f"Made with framecast {__version__}.",
        },
    )


def cost_charts(names: Sequence[str], reports: Sequence[ReportData]) -> list[Picture]:
    """The error of every run over its time, its parameters and its multiply-adds; only for runs that may be compared.

    Baselines have a measured time and no parameters. Those of one name, on the same clips, are one point.

    Args:
        names: of the runs.
        reports: one for each.
    """
    first = reports[0].results
    metric, convention = leading_metric(first), leading_convention(first)
    by_kind: dict[CostKind, list[CostPoint]] = {"seconds": [], "parameters": [], "macs": []}
    for name, report in zip(names, reports, strict=True):
        results = report.results
        scores, cost = results.conventions[convention][results.model], results.cost
        latency = cost.latency_seconds.get(results.model, cost.seconds_per_frame)
        costs: dict[CostKind, float] = {
            "seconds": latency,
            "parameters": float(cost.parameters),
            "macs": cost.macs_per_frame,
        }
        for kind, of in costs.items():
            by_kind[kind].append(
                CostPoint(
                    name=name,
                    cost=of,
                    quality=scores.overall.get(metric, float("nan")),
                    model=True,
                    interval=known_interval(scores.intervals.get(metric)),
                )
            )
    # Times measured one clip at a time and in batches do not belong into one picture.
    if all(report.results.model in report.results.cost.latency_seconds for report in reports):
        of_baselines = {
            point.name: point for report in reports for point in latency_points(report.results) if not point.model
        }
        by_kind["seconds"] += of_baselines.values()
    drawn = [quality_chart(found, first, kind) for kind, found in by_kind.items()]
    return [chart for chart in drawn if chart is not None]


def _chart(names: Sequence[str], reports: Sequence[ReportData], metric: str) -> Picture:
    lines: list[Line] = []
    palette = (BLUE, *OTHERS)
    for index, (name, report) in enumerate(zip(names, reports, strict=True)):
        results = report.results
        forecasters = next(iter(results.conventions.values()))
        colour = palette[index % len(palette)]
        lines.append(
            Line(
                name=name,
                values=forecasters[results.model].per_lead.get(metric, []),
                emphasised=True,
                colour=colour,
                band=band_of(forecasters[results.model], metric) if len(names) <= _BANDS else (),
            )
        )
        best = results.verdict.best_baseline if results.verdict else None
        if best is not None:
            values = forecasters[best].per_lead.get(metric, [])
            # Runs on the same clips share their baselines: one dashed line stands for all.
            if not any(line.dashed and list(line.values) == list(values) for line in lines):
                lines.append(Line(name=best, values=values, dashed=True, colour="#8a8a8a"))
    first = reports[0].results
    info = first.metric_info(next(iter(first.conventions)), metric)
    drawn = lead_curves(
        lines,
        title=metric.replace("_", " "),
        better=info.better if info else None,
        unit=info.unit if info else "",
    )
    ends = ", ".join(f"{line.name} {formatting.number(line.values[-1])}" for line in lines if line.values)
    return picture(drawn, alt=f"{metric} at each lead; at the last lead: {ends}.")
