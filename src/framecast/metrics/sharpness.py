"""Sharpness: how strong the edges of a forecast are, beside those of the truth. 1 is as sharp, 0 is flat.

Forecasts that are trained on squared errors are blurred, because a blur hedges; noise makes them sharper than the
truth. The gradient of a pixel is taken to its right and to its lower neighbour, in every channel by itself::

    |∇x| = √((x(i, j + 1) - x(i, j))² + (x(i + 1, j) - x(i, j))²)

The ratio is of sums over all frames, not a mean of ratios, so that frames without edges do no harm. Where the edges lie
has no influence: read it beside an error.

Axes: B clips, T leads, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import Statistic, frame_sum


@final
@dataclass(frozen=True, slots=True)
class Gradients(Statistic):
    """``gradient_forecast``, ``gradient_target``: |∇| summed over the pixels that have both neighbours.

    A pixel counts where it and both neighbours are there. Frames with a single row or column have none.
    """

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        if mask is not None:
            mask = mask[..., :-1, :-1] & mask[..., :-1, 1:] & mask[..., 1:, :-1]
        return {
            "gradient_forecast": frame_sum(_magnitude(forecast), mask),
            "gradient_target": frame_sum(_magnitude(target), mask),
        }


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness(Metric):
    """Σ |∇ forecast| / Σ |∇ truth|; NaN where the truth has no edge at all."""

    name: str = "sharpness"
    summary: str = "Strength of edges beside the truth's: below 1 is blurred, above 1 noisy."
    better: Better | None = "one"

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (Gradients(),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["gradient_forecast"], sums["gradient_target"])


def _magnitude(frames: Tensor) -> Tensor:
    """(B, T, C, H, W) → (B, T, C, H - 1, W - 1)."""
    corner = frames[..., :-1, :-1]
    return torch.hypot(frames[..., :-1, 1:] - corner, frames[..., 1:, :-1] - corner)
