"""The comparison page: several runs in one table, their curves, and a warning when they were not evaluated alike."""

from collections.abc import Sequence

from framecast.reports import formatting
from framecast.reports.curves import Line, lead_curves
from framecast.reports.figure import BLUE, OTHERS
from framecast.reports.load import ReportData
from framecast.reports.markup import Picture, PlainTable, fill, picture
from framecast.reports.page import header_facts, warnings_of
from framecast.reports.side_by_side import column_texts, comparison_rows, differences, run_names, shared_metrics
from framecast.version import __version__

_TITLES = {"macs_per_frame": "multiply-adds/frame", "seconds_per_frame": "time/frame"}


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
    columns = [name for name in rows[0] if not (name == "convention" and alike)]
    numeric = [any(isinstance(row[name], int | float) for row in rows) for name in columns]
    texts = [column_texts(name, [row[name] for row in rows]) for name in columns]
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
                    for name, is_number in zip(columns, numeric, strict=True)
                ],
                [[column[index] for column in texts] for index in range(len(rows))],
            ),
            "caption": f"Convention “{rows[0]['convention']}”, means over all clips and leads"
            if alike
            else "Means over all clips and leads",
            "verdicts": [
                (name, report.results.verdict.sentence if report.results.verdict else "no baseline was evaluated.")
                for name, report in zip(names, reports, strict=True)
            ],
            "curves": [_chart(names, reports, metric) for metric in shared_metrics(reports)],
            "warnings": warnings,
            "footer": f"Made with framecast {__version__}.",
        },
    )


def _chart(names: Sequence[str], reports: Sequence[ReportData], metric: str) -> Picture:
    lines: list[Line] = []
    palette = (BLUE, *OTHERS)
    for index, (name, report) in enumerate(zip(names, reports, strict=True)):
        results = report.results
        forecasters = next(iter(results.conventions.values()))
        colour = palette[index % len(palette)]
        lines.append(
            Line(name=name, values=forecasters[results.model].per_lead.get(metric, []), emphasised=True, colour=colour)
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
