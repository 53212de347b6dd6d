"""Mean squared error and its root."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import Per, Statistic, frame_sum, weight_of


@final
@dataclass(frozen=True, slots=True)
class SquaredError(Statistic):
    """``squared_error``: (forecast - target)² summed over the frame."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        return {"squared_error": frame_sum((forecast - target).square(), mask)}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSquaredError(Metric):
    """Σ (forecast - target)² / number of values; or / number of frames, as many papers print it."""

    name: str = "mse"
    summary: str = "Mean squared error per pixel."
    better: Better | None = "lower"
    degree: int = 2

    per: Per = "pixel"
    """``frame`` sums over C, H and W and takes the mean over frames only; ``channel`` sums over H and W."""

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return SquaredError(), weight_of(self.per)[0]

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["squared_error"], sums[weight_of(self.per)[1]])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RootMeanSquaredError(Metric):
    """The root of the mean squared error of all frames together (not the mean of roots of single frames)."""

    name: str = "rmse"
    summary: str = "Root of the pooled mean squared error."
    better: Better | None = "lower"
    degree: int = 1

    per: Per = "pixel"
    """``frame`` sums over C, H and W and takes the mean over frames only; ``channel`` sums over H and W."""

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return SquaredError(), weight_of(self.per)[0]

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return np.sqrt(ratio(sums["squared_error"], sums[weight_of(self.per)[1]]))
