"""The verdict: one sentence that says whether the model is better than what costs nothing."""

import math
from collections.abc import Mapping

from framecast.evaluation.results import Scores, Verdict


def find_verdict(scores: Mapping[str, Scores], *, model: str, metric: str, unit: str = "") -> Verdict | None:
    """Compare a model with the best baseline.

    Args:
        scores: forecasters under one convention.
        model: the row that the verdict is about.
        metric: a metric of errors (lower is better, 0 is perfect).
        unit: in what it is measured, where it has a unit.

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
    measure = metric.upper()
    if math.isfinite(skill):
        sentence = _sentence(
            model, best, measure=measure, skill=skill, over_persistence=over_persistence, per_lead=per_lead
        )
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
    )


def _skill(error: float, reference: float) -> float:
    if reference == 0:
        return 0.0 if error == 0 else -math.inf
    return 1 - error / reference


def _sentence(
    model: str, best: str, *, measure: str, skill: float, over_persistence: float | None, per_lead: list[float]
) -> str:
    if skill > 0:
        text = f"{model} beats the best baseline ({best}) by {_percent(skill)} in {measure}"
    elif skill == 0:
        text = f"{model} is exactly as good as the best baseline ({best}) in {measure}"
    else:
        text = f"{model} does not beat the best baseline ({best}): its {measure} is {_percent(-skill)} higher"
    if over_persistence is not None and best != "persistence":
        how = f"{_percent(abs(over_persistence))} {'below' if over_persistence >= 0 else 'above'}"
        text += f", {how} copying the last frame"
    if len(per_lead) > 1:
        first, last = (
            _percent(value, sign="+") if math.isfinite(value) else "undefined" for value in (per_lead[0], per_lead[-1])
        )
        text += f"; skill is {first} at lead 1 and {last} at lead {len(per_lead)}"
    return text + "."


def _percent(share: float, *, sign: str = "") -> str:
    """Whole percents, or as many digits as a small share needs not to look like none."""
    text = f"{share:{sign}.0%}" if abs(share) >= 0.01 or share == 0 else f"{100 * share:{sign}.1g}%"
    return text.replace("-", "−")  # as in the tables
