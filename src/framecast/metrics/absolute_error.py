"""Mean absolute error."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import Per, Statistic, frame_sum, weight_of


@final
@dataclass(frozen=True, slots=True)
class AbsoluteError(Statistic):
    """``absolute_error``: |forecast - target| summed over the frame."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        return {"absolute_error": frame_sum((forecast - target).abs(), mask)}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MeanAbsoluteError(Metric):
    """Σ |forecast - target| / number of values; or / number of frames, as many papers print it."""

    name: str = "mae"
    summary: str = "Mean absolute error per pixel."
    better: Better | None = "lower"
    degree: int = 1

    per: Per = "pixel"
    """``frame`` sums over C, H and W and takes the mean over frames only; ``channel`` sums over H and W."""

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return AbsoluteError(), weight_of(self.per)[0]

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["absolute_error"], sums[weight_of(self.per)[1]])
