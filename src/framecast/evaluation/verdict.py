"""The verdict: one sentence that says whether the model is better than what costs nothing, and how sure that is."""

import math
from collections.abc import Mapping
from typing import Literal

from framecast.evaluation.intervals import Draws, outcome_of_skill
from framecast.evaluation.results import Interval, Scores, Verdict
from framecast.metrics.conventions.convention import Convention

Judge = Literal["mse", "crps", "lpips", "mae"]

JUDGES: tuple[Judge, ...] = ("mse", "crps", "lpips", "mae")
"""Errors that are 0 for a perfect forecast, in the order in which a verdict prefers them."""


def leading_metric(convention: Convention) -> Judge | None:
    """The error by which models are judged under a convention; None where it has none."""
    names = {metric.name for metric in convention.metrics}
    return next((name for name in JUDGES if name in names), None)


def find_verdict(
    scores: Mapping[str, Scores],
    *,
    model: str,
    metric: str,
    unit: str = "",
    draws: Draws | None = None,
    too_few: bool = False,
) -> Verdict | None:
    """Compare a model with the best baseline.

    Args:
        scores: forecasters under one convention.
        model: the row that the verdict is about.
        metric: a metric of errors (lower is better, 0 is perfect).
        unit: in what it is measured, where it has a unit.
        draws: of the same scores; None where there are no intervals.
        too_few: whether there are none because the recordings are too few, which the sentence then says.

    Returns:
        None when no baseline has a finite score.
    """
    baselines = {
        name: row.overall[metric]
        for name, row in scores.items()
        if row.role == "baseline" and math.isfinite(row.overall[metric])
    }
    if not baselines:
        return None
    best = min(baselines, key=lambda name: baselines[name])
    error = scores[model].overall[metric]
    skill = _skill(error, baselines[best])
    per_lead = [
        _skill(mine, theirs)
        for mine, theirs in zip(scores[model].per_lead[metric], scores[best].per_lead[metric], strict=True)
    ]
    over_persistence = _skill(error, baselines["persistence"]) if "persistence" in baselines else None
    interval, per_lead_intervals = (None, []) if draws is None else draws.skill(model, best, metric)
    if interval is not None and not all(map(math.isfinite, interval)):
        interval = None
    measure = metric.upper()
    if math.isfinite(skill):
        sentence = _sentence(model, best, measure=measure, skill=skill, interval=interval)
        sentence += _besides(best, over_persistence=over_persistence, per_lead=per_lead, too_few=too_few)
    elif math.isfinite(error):
        sentence = (
            f"{model} does not beat the best baseline ({best}), which is exact: its own {measure} is "
            f"{' '.join([f'{error:.3g}', unit]).rstrip()}."
        )
    else:
        sentence = f"{model} cannot be compared with the best baseline ({best}): its {measure} is {error}."
    return Verdict(
        sentence=sentence,
        beats_best_baseline=skill > 0,
        best_baseline=best,
        skill=skill,
        skill_over_persistence=over_persistence,
        skill_per_lead=per_lead,
        skill_interval=interval,
        skill_per_lead_intervals=per_lead_intervals,
        outcome=outcome_of_skill(interval),
    )


def _skill(error: float, reference: float) -> float:
    if reference == 0:
        return 0.0 if error == 0 else -math.inf
    return 1 - error / reference


def _sentence(model: str, best: str, *, measure: str, skill: float, interval: Interval | None) -> str:
    """What the figures say, and whether they could as well be chance."""
    sure = "" if interval is None else f" (95%: {_percent(interval[0], sign='+')} to {_percent(interval[1], sign='+')})"
    if interval is not None and interval[0] <= 0 <= interval[1] and skill != 0:
        lower = "lower" if skill > 0 else "higher"
        return (
            f"{model} cannot be told from the best baseline ({best}): its {measure} is {_percent(abs(skill))} {lower}, "
            f"a skill of {_percent(skill, sign='+')}{sure}"
        )
    if skill > 0:
        return f"{model} beats the best baseline ({best}) by {_percent(skill)} in {measure}{sure}"
    if skill == 0:
        return f"{model} is exactly as good as the best baseline ({best}) in {measure}"
    worse = "" if interval is None else f", a skill of {_percent(skill, sign='+')}{sure}"
    return f"{model} does not beat the best baseline ({best}): its {measure} is {_percent(-skill)} higher{worse}"


def _besides(best: str, *, over_persistence: float | None, per_lead: list[float], too_few: bool) -> str:
    """The rest of the sentence: against the last frame, and how skill changes with the lead."""
    text = ""
    if over_persistence is not None and best != "persistence":
        how = f"{_percent(abs(over_persistence))} {'below' if over_persistence >= 0 else 'above'}"
        text += f", {how} copying the last frame"
    if len(per_lead) > 1:
        first, last = (
            _percent(value, sign="+") if math.isfinite(value) else "undefined" for value in (per_lead[0], per_lead[-1])
        )
        text += f"; skill is {first} at lead 1 and {last} at lead {len(per_lead)}"
    if too_few:
        text += "; with so few independent recordings, all of it may be chance"
    return text + "."


def _percent(share: float, *, sign: str = "") -> str:
    """Whole percents, or as many digits as a small share needs not to look like none."""
    text = f"{share:{sign}.0%}" if abs(share) >= 0.01 or share == 0 else f"{100 * share:{sign}.1g}%"
    return text.replace("-", "−")  # as in the tables
