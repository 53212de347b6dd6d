"""The verdict: is the model better than the best baseline, by how much, and could it be chance?"""

import math
from dataclasses import dataclass
from typing import Literal, final

from framecast.evaluation.results import Results, Verdict
from framecast.reports import formatting
from framecast.reports.markup import Picture, picture
from framecast.reports.outcomes import MARKS, Outcome
from framecast.reports.score_table import skill_interval
from framecast.reports.shown_metrics import judged_by, known_interval
from framecast.reports.skill_bars import skill_bars

State = Literal["ahead", "behind", "open"]

_ERRORS = {"mse": "squared error", "mae": "absolute error", "crps": "CRPS", "lpips": "LPIPS"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """What stands at the top of the page."""

    state: State
    """Its colour; never the only sign of it."""
    mark: str
    """A shape: up, down or neither; empty without a verdict."""
    outcome: str
    """The same in words, with the interval."""
    number: str
    against: str
    sentence: str
    independence: str
    """Over what intervals are drawn, or why there are none."""
    bars: Picture | None


def verdict_view(results: Results) -> VerdictView:
    """Make the section."""
    verdict = results.verdict
    if verdict is None:
        return VerdictView(
            state="open",
            mark="",
            outcome="",
            number="",
            against="",
            sentence="No baseline was evaluated on these clips, so there is no verdict.",
            independence="",
            bars=None,
        )
    skill = _or_nan(verdict.skill)
    number = against = ""
    if math.isfinite(skill):
        number = formatting.percent(abs(skill))
        lower = "lower" if skill >= 0 else "higher"
        error = _ERRORS.get(judged_by(results) or "", "error")
        against = f"{lower} {error} than the best baseline, {verdict.best_baseline}"
    interval = known_interval(verdict.skill_interval)
    return VerdictView(
        state=_state(verdict, known=interval is not None),
        mark=MARKS[verdict.outcome] if interval else "",
        outcome=_outcome(verdict.outcome, skill_interval(results)) if interval else _no_interval(results),
        number=number,
        against=against,
        sentence=verdict.sentence,
        independence=results.independence.reason,
        bars=_bars(verdict),
    )


def _state(verdict: Verdict, *, known: bool) -> State:
    if not known:
        return "ahead" if verdict.beats_best_baseline else "behind"
    states: dict[Outcome, State] = {"better": "ahead", "worse": "behind", "unclear": "open"}
    return states[verdict.outcome]


def _no_interval(results: Results) -> str:
    """What the reason for having none does not say already."""
    return "" if results.independence.unit == "none" else "No interval of the skill."


def _outcome(outcome: Outcome, interval: str) -> str:
    where = {"better": "lies above 0", "worse": "lies below 0", "unclear": "holds 0"}[outcome]
    return f"{outcome.capitalize()}: the 95% interval of the skill, {interval}, {where}."


def _bars(verdict: Verdict) -> Picture | None:
    per_lead = [_or_nan(skill) for skill in verdict.skill_per_lead]
    if len(per_lead) < 2 or not any(math.isfinite(skill) for skill in per_lead):
        return None
    intervals = [known_interval(pair) or (math.nan, math.nan) for pair in verdict.skill_per_lead_intervals]
    spoken = ", ".join(f"{lead}: {formatting.percent(skill)}" for lead, skill in enumerate(per_lead, start=1))
    return picture(
        skill_bars(per_lead, baseline=verdict.best_baseline, intervals=intervals),
        alt=f"Skill against {verdict.best_baseline} at each lead: {spoken}.",
    )


def _or_nan(value: float | None) -> float:
    """Skills that are not finite are null in the file."""
    return math.nan if value is None else value
