"""Signal-to-noise ratio: 10 log10 (mean t² / mean e²) of each frame, then the mean over frames, as OpenSTL prints it.

Unlike PSNR it depends on how bright the truth is. A frame forecast exactly is infinitely good. A black frame has no
signal: minus infinity with any error, and NaN without, as the formula has it; one such frame decides the mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import FrameCount, Statistic, frame_sum, value_count


@final
@dataclass(frozen=True, slots=True)
class FrameSnr(Statistic):
    """``snr``: of the frame in dB; 0 for a frame that is missing altogether."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        signal, noise = frame_sum(target.square(), mask), frame_sum((forecast - target).square(), mask)
        return {"snr": torch.where(value_count(target, mask) > 0, 10.0 * (signal / noise).log10(), 0.0)}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalToNoiseRatio(Metric):
    """The mean of the SNR of single frames."""

    name: str = "snr"
    summary: str = "Signal-to-noise ratio, mean of per-frame values."
    better: Better | None = "higher"
    unit: str = "dB"

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return FrameSnr(), FrameCount()

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["snr"], sums["frames"])
