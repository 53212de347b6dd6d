"""The report: one HTML page about one run, complete in itself."""

from framecast.evaluation.results import MetricInfo, Results
from framecast.reports import formatting
from framecast.reports.data_view import data_view
from framecast.reports.example_clips import clip_views, clips_note
from framecast.reports.heading import footer, header_facts, warnings_of
from framecast.reports.load import ReportData
from framecast.reports.markup import fill
from framecast.reports.outcomes import LEGEND
from framecast.reports.score_table import ScoreTable, score_table
from framecast.reports.sections.across_conventions import convention_table
from framecast.reports.sections.by_part import part_views
from framecast.reports.sections.cost import cost_view
from framecast.reports.sections.differences import difference_tables, not_available
from framecast.reports.sections.ensembles import ensemble_view
from framecast.reports.sections.error_maps import error_map_view
from framecast.reports.sections.findings import findings_view
from framecast.reports.sections.leads import lead_views
from framecast.reports.sections.spectra import spectra_view
from framecast.reports.sections.thresholds import events_views
from framecast.reports.sections.training import training_view
from framecast.reports.sections.verdict import verdict_view
from framecast.reports.shown_metrics import leading_convention, main_metrics, shown_metrics, undefined_metrics


def render_report(data: ReportData) -> str:
    """Make the page.

    Args:
        data: what is known of the run. Parts that are missing are left out.

    Returns:
        HTML that requests nothing from outside; pictures are part of it.
    """
    results = data.results
    missing_baselines, missing_metrics = not_available(results)
    views = {
        "events": events_views(results),
        "clips": clip_views(results, data.examples, value_range=data.channel_range),
        "curves": lead_views(results),
        "error_map": error_map_view(results, data.diagrams),
        "spectra": spectra_view(results, data.diagrams),
        "ensembles": ensemble_view(results, data.diagrams),
        "across": convention_table(results),
        "parts_of": part_views(results),
        "findings": findings_view(data.diagnosis),
        "training": training_view(data),
        "data": data_view(data.data, sample_frames=data.sample_frames, notes=data.notes),
    }
    sections = [
        ("verdict", "Verdict", True),
        ("scores", "Scores", True),
        ("events", "Events", views["events"]),
        ("pictures", "Pictures", views["clips"]),
        ("leads", "Lead by lead", views["curves"]),
        ("map", "Where the error is", views["error_map"]),
        ("spectra", "Fine detail", views["spectra"]),
        ("ensembles", "Ensembles", views["ensembles"]),
        ("parts", "By part", views["parts_of"]),
        ("conventions", "Conventions", views["across"]),
        ("cost", "Cost", True),
        ("doctor", "Doctor", views["findings"]),
        ("training", "Training", views["training"]),
        ("data", "Data", views["data"]),
        ("run", "Configuration", True),
    ]
    return fill(
        "report.html",
        {
            **views,
            "title": f"{results.run}: framecast report",
            "heading": results.run,
            "model": results.model,
            "facts": header_facts(results),
            "sections": [(anchor, name) for anchor, name, there in sections if there],
            "verdict": (verdict := verdict_view(results)),
            "warnings": [said for said in warnings_of(data) if said != verdict.independence],
            "tables": [score_table(results, c, metrics=main_metrics(results, c)) for c in results.conventions],
            "whole_tables": [_whole_table(results, name) for name in results.conventions],
            "captions": [_caption(results, name) for name in results.conventions],
            "undefined": [_undefined(results, name) for name in results.conventions],
            "differences": difference_tables(results),
            "outcome_legend": LEGEND,
            "missing_baselines": missing_baselines,
            "missing_metrics": missing_metrics,
            "metrics": [(_metric_title(n), i.summary) for n, i in results.metrics.items() if not _of_threshold(i)],
            "clips_note": clips_note(results, data.examples, value_range=data.channel_range),
            "cost": cost_view(results),
            "config_yaml": data.config_yaml,
            "versions": list(data.versions.items()),
            "footer": footer(results),
        },
    )


def _of_threshold(info: MetricInfo) -> bool:
    """Whether a metric stands only in the tables of events, which say what it is."""
    return info.threshold is not None or info.window is not None


def _metric_title(key: str) -> str:
    """``psnr_pooled`` in words; ``openstl/mse`` with its convention behind it."""
    convention, _, metric = key.rpartition("/")
    return metric.replace("_", " ") + (f" ({convention})" if convention else "")


def _whole_table(results: Results, convention: str) -> ScoreTable | None:
    """All metrics, where the first table shows some of them."""
    shown = shown_metrics(results, convention)
    return score_table(results, convention) if len(shown) > len(main_metrics(results, convention)) else None


def _caption(results: Results, convention: str) -> str:
    leads = "" if len(results.conventions) == 1 or convention != leading_convention(results) else ", which leads"
    caption = f"Convention “{convention}”{leads}. Means over {formatting.counted(results.clips, 'clip')} and all leads."
    if any(scores.intervals for scores in results.conventions[convention].values()):
        caption += " Small: 95% intervals."
    return caption


def _undefined(results: Results, convention: str) -> str:
    names = [name.replace("_", " ") for name in undefined_metrics(results, convention)]
    return f"Not defined on these clips: {', '.join(names)}." if names else ""
