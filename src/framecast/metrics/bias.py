"""Bias: the mean error, above 0 where forecasts are too high on the whole, below 0 where they are too low."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import Statistic, ValueCount, frame_sum


@final
@dataclass(frozen=True, slots=True)
class SignedError(Statistic):
    """``error``: forecast - target summed over the frame."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        return {"error": frame_sum(forecast - target, mask)}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Bias(Metric):
    """Σ (forecast - target) / number of values."""

    name: str = "bias"
    summary: str = "Mean error per pixel: above 0 where forecasts are too high."
    better: Better | None = "zero"
    degree: int = 1

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return SignedError(), ValueCount()

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["error"], sums["count"])
