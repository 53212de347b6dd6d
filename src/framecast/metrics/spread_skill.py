"""Spread and skill: does an ensemble know how wrong it is?

The spread is the root of the mean variance of the members (S - 1 in the denominator), the skill the root mean squared
error of their mean. Where truth and members are drawn alike, the squared error of the mean of S members is (S + 1) / S
times the variance; with that factor the ratio of a reliable ensemble is 1, whatever its size (Fortin et al., "Why
should ensemble spread match the RMSE of the ensemble mean?", Journal of Hydrometeorology 15, 2014). Below 1 it is too
sure of itself.

A single forecast has no spread: the value is NaN.

Axes: B clips, S members, T leads, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import AnyStatistic, EnsembleStatistic, ValueCount, frame_sum, value_count


@final
@dataclass(frozen=True, slots=True)
class EnsembleMoments(EnsembleStatistic):
    """Sums over the values of the frame: ``ensemble_variance`` of the members, ``expected_error``, which is that times
    (S + 1) / S, and ``mean_error``, the squared error of the members' mean."""

    def per_frame(self, members: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`EnsembleStatistic.per_frame`."""
        number = members.shape[1]
        mean = members.mean(dim=1)
        found = {"mean_error": frame_sum((mean - target).square(), mask)}
        if number == 1:
            undefined = torch.where(value_count(target, mask) > 0, torch.nan, 0.0)
            return found | {"ensemble_variance": undefined, "expected_error": undefined}
        squares = torch.zeros_like(mean)
        for member in members.unbind(1):
            squares += (member - mean).square()
        variance = frame_sum(squares, mask) / (number - 1)
        return found | {"ensemble_variance": variance, "expected_error": variance * (number + 1) / number}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleSpread(Metric):
    """√(Σ variance of the members / number of values)."""

    name: str = "spread"
    summary: str = "Spread of the members of an ensemble: root of their mean variance."
    better: Better | None = None
    degree: int = 1

    @property
    def statistics(self) -> tuple[AnyStatistic, ...]:
        """See :attr:`Metric.statistics`."""
        return EnsembleMoments(), ValueCount()

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return np.sqrt(ratio(sums["ensemble_variance"], sums["count"]))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleSkill(Metric):
    """√(Σ squared error of the members' mean / number of values)."""

    name: str = "ensemble_rmse"
    summary: str = "Root mean squared error of the mean of an ensemble's members."
    better: Better | None = "lower"
    degree: int = 1

    @property
    def statistics(self) -> tuple[AnyStatistic, ...]:
        """See :attr:`Metric.statistics`."""
        return EnsembleMoments(), ValueCount()

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return np.sqrt(ratio(sums["mean_error"], sums["count"]))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadSkillRatio(Metric):
    """√((S + 1) / S) · spread / skill."""

    name: str = "spread_skill_ratio"
    summary: str = "Spread over skill, corrected for the number of members: below 1 the ensemble is too sure of itself."
    better: Better | None = "one"

    @property
    def statistics(self) -> tuple[AnyStatistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (EnsembleMoments(),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return np.sqrt(ratio(sums["expected_error"], sums["mean_error"]))
