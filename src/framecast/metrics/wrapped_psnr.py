"""PSNR in 8-bit arithmetic that wraps: a slip that stands behind many published figures.

Both frames are cut to 8-bit levels; their difference is taken modulo 256, and so is its square. An error of 16 levels
has the square 256, which is 0, and no square exceeds 249: whatever is forecast, the figure cannot fall below 24.1 dB.
PSNR = 20 log10 255 - 10 log10 mean(((a - b) mod 256)² mod 256) of each frame, then the mean over frames.

It is here so that published figures can be recognised, not to judge forecasts by: more error can raise it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.preparation import LEVELS, Prepare, truncate_to_bytes
from framecast.metrics.statistic import FrameCount, Statistic, frame_sum, value_count


@final
@dataclass(frozen=True, slots=True)
class FrameWrappedPsnr(Statistic):
    """``psnr_wrapped``: of the frame in dB, of frames that were cut to 8-bit levels; 0 for one missing altogether."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        difference = (LEVELS * forecast).round() - (LEVELS * target).round()
        count = value_count(target, mask)
        # Wrapping the difference as well would change nothing: it leaves the square the same modulo 256.
        mean = frame_sum(difference.square().remainder(256), mask) / count
        psnr = -10.0 * (mean / LEVELS**2).log10()
        return {"psnr_wrapped": torch.where(count > 0, psnr, 0.0)}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedPeakSignalToNoiseRatio(Metric):
    """The mean of the wrapped PSNR of single frames; infinite for one in which every error is a multiple of 16."""

    name: str = "psnr"
    summary: str = "Peak signal-to-noise ratio in 8-bit arithmetic that wraps, mean of per-frame values."
    better: Better | None = "higher"
    unit: str = "dB"
    prepare: Prepare | None = truncate_to_bytes

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return FrameWrappedPsnr(), FrameCount()

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["psnr_wrapped"], sums["frames"])
