"""Continuous ranked probability score (CRPS) of an ensemble, fair: it does not depend on how many members there are.

The mean over pixels of E|X - y| - ½ E|X - X'|, with X and X' two different members (Ferro 2014, "Fair scores for
ensemble forecasts"). The ensemble that scores best is one whose members and the truth are drawn alike. A forecast of
one future has no second member: its score is the absolute error, so both may stand in one table.

Axes: B clips, S members, T leads, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import AnyStatistic, EnsembleStatistic, ValueCount, frame_sum


@final
@dataclass(frozen=True, slots=True)
class FairCrps(EnsembleStatistic):
    """``crps``: the fair score summed over the values of the frame."""

    def per_frame(self, members: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`EnsembleStatistic.per_frame`."""
        scores = torch.zeros_like(target)
        for lead in range(target.shape[1]):  # sorting needs room for two more ensembles
            scores[:, lead] = fair_crps(members[:, :, lead], target[:, lead])
        return {"crps": frame_sum(scores, mask)}


def fair_crps(members: Tensor, target: Tensor) -> Tensor:
    """The score of each value, (B, ...); NaN where a member is NaN.

    Args:
        members: (B, S, ...).
        target: (B, ...).
    """
    number = members.shape[1]
    error = (members - target[:, None]).abs().mean(dim=1)
    if number == 1:
        return error
    # Of sorted members, Σ |x - x'| over all pairs is Σ (2 i - S - 1) x_i with i from 1: S log S steps instead of S².
    weights = torch.arange(1 - number, number, 2, dtype=members.dtype, device=members.device)
    ordered = members.sort(dim=1).values
    return error - torch.einsum("s,bs...->b...", weights, ordered) / (number * (number - 1))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuousRankedProbabilityScore(Metric):
    """Σ fair CRPS / number of values."""

    name: str = "crps"
    summary: str = "Continuous ranked probability score, fair; the absolute error of a single forecast."
    better: Better | None = "lower"
    degree: int = 1

    @property
    def statistics(self) -> tuple[AnyStatistic, ...]:
        """See :attr:`Metric.statistics`."""
        return FairCrps(), ValueCount()

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["crps"], sums["count"])
