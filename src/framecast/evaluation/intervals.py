"""Intervals of every score, of the differences between the model and each baseline, and of the model's skill.

Axes: N clips, R draws, T leads.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, final

import numpy as np

from framecast.evaluation.bootstrap import Bootstrap, drawn_values, paired
from framecast.evaluation.results import Difference, Interval, Scores
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.metric import Better, FloatArray
from framecast.metrics.scores import summable

Outcome = Literal["better", "worse", "unclear"]


@final
class Draws:
    """Every metric of every forecaster under one convention, for the same draws."""

    def __init__(
        self, convention: Convention, per_clip: Mapping[str, Mapping[str, FloatArray]], bootstrap: Bootstrap
    ) -> None:
        """Draw.

        Args:
            convention: the one under which the statistics were gathered.
            per_clip: by forecaster, (N, T) or (N, T, K) by statistic.
            bootstrap: shared by all conventions.
        """
        self._convention = convention
        self._bootstrap = bootstrap
        self._overall: dict[tuple[str, str], FloatArray] = {}
        self._per_lead: dict[tuple[str, str], FloatArray] = {}
        for forecaster, statistics in per_clip.items():
            totals = bootstrap.totals(summable(convention, statistics))
            for metric in convention.metrics:
                key = forecaster, metric.name
                self._overall[key], self._per_lead[key] = drawn_values(metric, totals)

    def with_intervals(self, forecaster: str, scores: Scores) -> Scores:
        """The scores of a forecaster, with their intervals."""
        names = [metric.name for metric in self._convention.metrics]
        interval = self._bootstrap.interval
        return replace(
            scores,
            intervals={name: interval(self._overall[forecaster, name]) for name in names},
            per_lead_intervals={
                name: [interval(column) for column in self._per_lead[forecaster, name].T] for name in names
            },
        )

    def difference(self, model: str, baseline: str, metric: str) -> Interval:
        """Of model minus baseline."""
        return self._bootstrap.interval(
            paired(np.subtract, *(self._overall[name, metric] for name in (model, baseline)))
        )

    def skill(self, model: str, baseline: str, metric: str) -> tuple[Interval, list[Interval]]:
        """Of 1 - model / baseline: over all leads, and of each."""

        def skill(mine: FloatArray, theirs: FloatArray) -> FloatArray:
            return 1 - mine / theirs

        overall = paired(skill, self._overall[model, metric], self._overall[baseline, metric])
        per_lead = paired(skill, self._per_lead[model, metric], self._per_lead[baseline, metric])
        interval = self._bootstrap.interval
        return interval(overall), [interval(column) for column in per_lead.T]


def find_differences(
    scores: Mapping[str, Scores], convention: Convention, *, model: str, draws: Draws | None
) -> dict[str, dict[str, Difference]]:
    """The model against every baseline, by baseline and metric.

    Args:
        scores: of all forecasters under the convention.
        convention: which way is up for each metric.
        model: the row to compare.
        draws: of the same forecasters; None where there are no intervals.
    """
    found: dict[str, dict[str, Difference]] = {}
    for name, row in scores.items():
        if row.role == "baseline":
            found[name] = {}
            for metric in convention.metrics:
                if metric.better is None:
                    continue
                mine, theirs = scores[model].overall[metric.name], row.overall[metric.name]
                interval = None if draws is None else draws.difference(model, name, metric.name)
                value = float(mine - theirs) if np.isfinite([mine, theirs]).all() else float("nan")
                outcome = _outcome(interval, metric.better, mine, theirs)
                found[name][metric.name] = Difference(value=value, interval=interval, outcome=outcome)
    return found


def outcome_of_skill(interval: Interval | None) -> Outcome:
    """What an interval of a skill says of the model."""
    return _outcome(interval, "higher", 0.0, 0.0)


def _outcome(interval: Interval | None, better: Better, mine: float, theirs: float) -> Outcome:
    """Whether an interval of differences lies on one side of 0.

    For a metric that is best at 0 or 1 a difference has no fixed sign: it is better only where the figures themselves
    lie on one side of the best value, so that coming nearer has a direction.
    """
    if interval is None or np.isnan(interval).any():
        return "unclear"
    low, high = interval
    if low <= 0 <= high:
        return "unclear"
    up = better == "higher"
    if better in ("zero", "one"):
        best = 1.0 if better == "one" else 0.0
        if (mine - best) * (theirs - best) < 0:
            return "unclear"
        up = min(mine, theirs) < best
    return "better" if (low > 0) == up else "worse"
