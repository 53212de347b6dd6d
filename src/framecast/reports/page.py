"""The report: one HTML page about one run, complete in itself."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.curves import Line, lead_curves, skill_bars
from framecast.reports.data_view import data_view
from framecast.reports.example_clips import clip_views, white_level
from framecast.reports.load import ReportData
from framecast.reports.loss_curves import best_row, loss_curves, loss_terms
from framecast.reports.markup import Picture, fill, picture
from framecast.reports.score_table import is_one_step, limit_per_lead, score_table, shown_metrics
from framecast.version import __version__

_FIRST_CURVES = ("mse", "mae", "psnr", "ssim", "bce", "accuracy", "bias")
"""Metrics whose curves are shown at once; others open on request."""

Facts = list[tuple[str, str]]


def render_report(data: ReportData) -> str:
    """Make the page.

    Args:
        data: what is known of the run. Parts that are missing are left out.

    Returns:
        HTML that requests nothing from outside; pictures are part of it.
    """
    results = data.results
    clips = clip_views(results, data.examples)
    curves = _curves(results)
    training = _training(data)
    about_data = data_view(data.data, sample_frames=data.sample_frames, notes=data.notes)
    sections = [
        ("verdict", "Verdict", True),
        ("scores", "Scores", True),
        ("pictures", "Pictures", clips),
        ("leads", "Lead by lead", curves),
        ("training", "Training", training),
        ("data", "Data", about_data),
        ("run", "Configuration", True),
    ]
    return fill(
        "report.html",
        {
            "title": f"{results.run}: framecast report",
            "heading": results.run,
            "facts": header_facts(results),
            "sections": [(anchor, name) for anchor, name, there in sections if there],
            "verdict": _verdict(results),
            "warnings": warnings_of(data),
            "tables": [score_table(results, name) for name in results.conventions],
            "captions": [_caption(results, name) for name in results.conventions],
            "metrics": [(_metric_title(name), info.summary) for name, info in results.metrics.items()],
            "clips": clips,
            "clips_note": _clips_note(results, white_level(data.examples)),
            "curves": curves,
            "training": training,
            "data": about_data,
            "cost": _cost(results),
            "config_yaml": data.config_yaml,
            "versions": list(data.versions.items()),
            "footer": _footer(results),
        },
    )


def header_facts(results: Results) -> Facts:
    """What was evaluated on what, for the head of a page."""
    source = results.source if results.source_kind in ("", results.source) else None
    frames = f"{results.context} seen, {results.horizon} forecast"
    if results.trained_horizon != results.horizon:
        frames += f" (trained for {results.trained_horizon})"
    facts = [
        ("Source", source or f"{results.source} ({results.source_kind})"),
        ("Model", results.model),
        ("Split", results.split),
        ("Clips", f"{formatting.count(results.clips)} from {formatting.counted(results.sequences, 'sequence')}"),
        ("Frames", frames),
    ]
    if results.step_seconds:
        facts.append(("Time step", formatting.duration(results.step_seconds)))
    if results.units:
        low, high = (formatting.number(value) for value in results.value_range)
        facts.append(("Values", f"{low} to {high} {results.units}"))
    return facts


def warnings_of(data: ReportData) -> list[str]:
    """Warnings of the evaluation, and what must stand beside the numbers of each forecaster and of the run."""
    said = data.results.notes
    of_the_run = data.record.caveats if data.record else ()
    return said + [caveat for caveat in of_the_run if not any(caveat in sentence for sentence in said)]


def _verdict(results: Results) -> dict[str, Any]:
    verdict = results.verdict
    if verdict is None:
        sentence = "No baseline was evaluated on these clips, so there is no verdict."
        return {"state": "open", "number": "", "against": "", "sentence": sentence, "bars": None}
    per_lead = [_or_nan(skill) for skill in verdict.skill_per_lead]
    number = against = ""
    skill = _or_nan(verdict.skill)
    if math.isfinite(skill):
        number = formatting.percent(abs(skill))
        lower = "lower" if skill >= 0 else "higher"
        against = f"{lower} squared error than the best baseline, {verdict.best_baseline}"
    bars = None
    if len(per_lead) > 1 and any(math.isfinite(skill) for skill in per_lead):
        spoken = ", ".join(f"{lead}: {formatting.percent(skill)}" for lead, skill in enumerate(per_lead, start=1))
        bars = picture(
            skill_bars(per_lead, baseline=verdict.best_baseline),
            alt=f"Skill against {verdict.best_baseline} at each lead: {spoken}.",
        )
    state = "ahead" if verdict.beats_best_baseline else "behind"
    return {"state": state, "number": number, "against": against, "sentence": verdict.sentence, "bars": bars}


def _metric_title(key: str) -> str:
    """``psnr_pooled`` in words; ``openstl/mse`` with its convention behind it."""
    convention, _, metric = key.rpartition("/")
    return metric.replace("_", " ") + (f" ({convention})" if convention else "")


def _caption(results: Results, convention: str) -> str:
    leads = "" if len(results.conventions) == 1 or convention != next(iter(results.conventions)) else ", which leads"
    return f"Convention “{convention}”{leads}. Means over {formatting.counted(results.clips, 'clip')} and all leads."


def _curves(results: Results) -> list[dict[str, Any]]:
    """Charts of each convention; of later ones only what differs from the first."""
    groups: list[dict[str, Any]] = []
    leading = next(iter(results.conventions))
    for convention in results.conventions:
        metrics = [
            name
            for name in shown_metrics(results, convention)
            if (convention == leading or not _same_curves(results, convention, leading, name))
            and ((info := results.metric_info(convention, name)) is None or info.better is not None)
        ]
        charts = {name: _chart(results, convention, name) for name in metrics}
        if charts:
            main = [chart for name, chart in charts.items() if name in _FIRST_CURVES]
            more = [chart for name, chart in charts.items() if name not in _FIRST_CURVES]
            groups.append({"convention": convention, "main": main, "more": more})
    return groups


def _chart(results: Results, convention: str, metric: str) -> Picture:
    info = results.metric_info(convention, metric)
    forecasters = results.conventions[convention]
    lines = [
        Line(
            name="one-step" if is_one_step(name) else name,
            values=scores.per_lead.get(metric, []),
            emphasised=scores.role == "model" and not is_one_step(name),
            dashed=is_one_step(name),
        )
        for name, scores in forecasters.items()
    ]
    drawn = lead_curves(
        lines,
        title=metric.replace("_", " "),
        better=info.better if info else None,
        unit=info.unit if info else "",
        limit=limit_per_lead(results, convention, metric),
        step_seconds=results.step_seconds,
    )
    ends = ", ".join(
        f"{line.name} {formatting.number(line.values[0])} to {formatting.number(line.values[-1])}"
        for line in lines
        if line.values
    )
    return picture(drawn, alt=f"{metric} from lead 1 to lead {results.horizon}: {ends}.")


def _same_curves(results: Results, convention: str, other: str, metric: str) -> bool:
    for name, scores in results.conventions[convention].items():
        there = results.conventions[other].get(name)
        if there is None or metric not in there.per_lead:
            return False
        if not np.array_equal(scores.per_lead[metric], there.per_lead[metric], equal_nan=True):
            return False
    return True


def _clips_note(results: Results, white: float) -> str:
    chosen = ", ".join(dict.fromkeys(example.why for example in results.examples))
    note = f"Chosen by the error of {results.model}: {chosen}. Orange borders mark the context, blue ones the forecast."
    scaled = "values are scaled to [0, 1]" + ("" if white == 1 else f", and {white:g} is shown as white")
    return f"{note} All errors share one scale; {scaled}."


def _training(data: ReportData) -> dict[str, Any] | None:
    record = data.record
    best_epoch = record.best_epoch if record else None
    drawn = loss_curves(data.log, best_epoch=best_epoch)
    if record is None and drawn is None:
        return None
    facts: Facts = []
    if record is not None:
        facts = [
            ("Status", record.status),
            (
                "Clips",
                f"{formatting.count(record.training_clips)}, validation {formatting.count(record.validation_clips)}",
            ),
            ("Epochs", formatting.count(record.epochs)),
            ("Steps", formatting.count(record.steps)),
            ("Time", formatting.duration(record.seconds)),
            ("Device", f"{record.device}, precision {record.precision}"),
        ]
        if record.best_epoch is not None:
            best = f"epoch {record.best_epoch}, loss {formatting.number(record.best_loss)}"
            facts.append(("Best weights", best))
    best = best_row(data.log, best_epoch)
    spoken = f"best validation loss {formatting.number(best['val_loss'])} in epoch {best['epoch']:g}" if best else ""
    return {
        "facts": facts,
        "loss": drawn and picture(drawn, alt=f"Training and validation loss over the epochs; {spoken}."),
        "terms": [
            picture(chart, alt=f"The term {name} of the loss in training and validation over the epochs.")
            for name, chart in loss_terms(data.log).items()
        ],
    }


def _cost(results: Results) -> Facts:
    cost = results.cost
    parameters = formatting.count(cost.parameters)
    if cost.trainable != cost.parameters:
        parameters += f", {formatting.count(cost.trainable)} trainable"
    return [
        ("Parameters", parameters),
        ("Multiply-adds for one forecast frame", formatting.large(cost.macs_per_frame)),
        ("Time for one forecast frame", formatting.duration(cost.seconds_per_frame)),
    ]


def _footer(results: Results) -> str:
    when = ""
    if results.created:
        try:
            when = f" on {datetime.fromisoformat(results.created).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        except ValueError:
            when = f" on {results.created}"
    return f"Evaluated{when} with framecast {results.framecast or __version__}; page made with framecast {__version__}."


def _or_nan(value: float | None) -> float:
    """Skills that are not finite are null in the file."""
    return math.nan if value is None else value
