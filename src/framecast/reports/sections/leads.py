"""Lead by lead: every metric over the horizon with its band, and the skill against each baseline."""

from dataclasses import dataclass
from typing import final

import numpy as np

from framecast.evaluation.results import Results, Scores
from framecast.reports import formatting
from framecast.reports.curves import Line, Style, lead_curves, styles_of
from framecast.reports.markup import Picture, picture
from framecast.reports.shown_metrics import (
    best_baseline,
    is_one_step,
    judged_by,
    known_interval,
    leading_convention,
    limit_per_lead,
    shown_metrics,
)

_FIRST_CURVES = ("mse", "mae", "psnr", "ssim", "bce", "accuracy", "bias", "crps", "lpips")
"""Metrics whose curves are shown at once, with those of sharpness; others open on request."""

_GAP = float("nan"), float("nan")

_LOWEST = -1.0
"""Skills below this are drawn at it; one that is much worse must not flatten all others."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadView:
    """The charts of one convention."""

    convention: str
    main: tuple[Picture, ...]
    more: tuple[Picture, ...]
    """Shown on request."""


def lead_views(results: Results) -> list[LeadView]:
    """Charts of each convention; of later ones only what differs from the first."""
    views: list[LeadView] = []
    leading = leading_convention(results)
    for convention in results.conventions:
        metrics = [
            name
            for name in shown_metrics(results, convention)
            if (convention == leading or not _same_curves(results, convention, leading, name))
            and ((info := results.metric_info(convention, name)) is None or info.better is not None)
            and _has_leads(results, convention, name)
        ]
        charts = {name: lead_chart(results, convention, name) for name in metrics}
        skill = skill_chart(results) if convention == leading else None
        main = [chart for name, chart in charts.items() if _is_main(name)]
        more = [chart for name, chart in charts.items() if not _is_main(name)]
        if charts:
            views.append(
                LeadView(convention=convention, main=(*([] if skill is None else [skill]), *main), more=tuple(more))
            )
    return views


def lead_chart(results: Results, convention: str, metric: str) -> Picture:
    """One metric of all forecasters at each lead."""
    info = results.metric_info(convention, metric)
    forecasters = results.conventions[convention]
    lines = [line_of(name, scores, metric) for name, scores in forecasters.items()]
    drawn = lead_curves(
        lines,
        title=metric.replace("_", " ").replace("@", " at "),
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


def line_of(name: str, scores: Scores, metric: str) -> Line:
    """The curve of one forecaster."""
    values = scores.per_lead.get(metric, [])
    return Line(
        name="one-step" if is_one_step(name) else name,
        values=values,
        emphasised=scores.role == "model" and not is_one_step(name),
        dashed=is_one_step(name),
        band=band_of(scores, metric),
    )


def band_of(scores: Scores, metric: str) -> list[tuple[float, float]]:
    """The interval of each lead, NaN where one is missing; empty where all are."""
    band = [known_interval(pair) or _GAP for pair in scores.per_lead_intervals.get(metric, ())]
    fits = len(band) == len(scores.per_lead.get(metric, []))
    return band if fits and any(np.isfinite(pair[0]) for pair in band) else []


def skill_chart(results: Results) -> Picture | None:
    """The model's skill against every baseline at each lead, with the band of the one that the verdict is about."""
    metric, best = judged_by(results), best_baseline(results)
    forecasters = results.conventions[leading_convention(results)]
    if metric is None or best is None or results.verdict is None or results.horizon < 2:
        return None
    mine = np.asarray(forecasters[results.model].per_lead.get(metric, []), dtype=np.float64)
    lines: list[Line] = []
    skills: dict[str, list[float]] = {}
    looks = forecaster_styles(results)
    cut = False
    for name, scores in forecasters.items():
        theirs = np.asarray(scores.per_lead.get(metric, []), dtype=np.float64)
        if scores.role == "baseline" and len(theirs) == len(mine):
            with np.errstate(divide="ignore", invalid="ignore"):
                skill = np.where(theirs > 0, 1 - mine / theirs, np.nan)
            skills[name] = skill.tolist()
            shown = 100 * np.maximum(skill, _LOWEST)
            cut = cut or bool((skill < _LOWEST).any())
            pairs = [known_interval(pair) or _GAP for pair in results.verdict.skill_per_lead_intervals]
            band = [(100 * max(low, _LOWEST), 100 * max(high, _LOWEST)) for low, high in pairs]
            fits = name == best and len(band) == len(mine)
            lines.append(
                Line(
                    name=name,
                    values=shown.tolist(),
                    emphasised=name == best,
                    band=band if fits else (),
                    style=looks[name],
                )
            )
    if not any(np.isfinite(line.values).any() for line in lines):
        return None
    drawn = lead_curves(
        lines,
        title=f"skill of {results.model}",
        better=None if cut else "higher",  # the line has no room for both, and the sign of a skill says it
        unit=f"% against each baseline{', cut at −100' if cut else ''}",
        level=0.0,
        step_seconds=results.step_seconds,
    )
    spoken = "; ".join(
        f"against {name} {formatting.percent(skill[0])} at lead 1, {formatting.percent(skill[-1])} at lead {len(skill)}"
        for name, skill in skills.items()
    )
    return picture(drawn, alt=f"Skill of {results.model} at each lead: {spoken}.")


def forecaster_styles(results: Results) -> dict[str, Style]:
    """How each forecaster's line looks, the same in every chart of a page."""
    forecasters = results.conventions[leading_convention(results)]
    lines = [line_of(name, scores, "") for name, scores in forecasters.items()]
    return dict(zip(forecasters, styles_of(lines), strict=True))


def _is_main(metric: str) -> bool:
    return metric in _FIRST_CURVES or "sharpness" in metric


def _has_leads(results: Results, convention: str, metric: str) -> bool:
    """Metrics of whole sets of clips have no value for single leads."""
    rows = results.conventions[convention].values()
    return any(np.isfinite(row.per_lead.get(metric, [])).any() for row in rows)


def _same_curves(results: Results, convention: str, other: str, metric: str) -> bool:
    for name, scores in results.conventions[convention].items():
        there = results.conventions[other].get(name)
        if there is None or metric not in there.per_lead:
            return False
        if not np.array_equal(scores.per_lead[metric], there.per_lead[metric], equal_nan=True):
            return False
    return True
