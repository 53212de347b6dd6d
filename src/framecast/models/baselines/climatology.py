"""Climatology: the per-pixel mean of the training clips, whatever the context shows.

The mean is the constant forecast of least squared error on the training data, hence the line that a network
which has learned anything about motion must pass.

Axes: B clips, T frames, M horizon frames, C channels, H height, W width.
"""

from collections.abc import Iterable
from typing import final

import torch
from torch import Tensor

from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.frames.quantity import Quantity
from framecast.models.baselines.baseline import Baseline


@final
class Climatology(Baseline):
    """Copies the training clips' mean frame to every lead."""

    average: Tensor
    """(C, H, W) float32; NaN until fitted."""

    def __init__(self, spec: ClipSpec, quantity: Quantity | None = None) -> None:
        super().__init__(spec, quantity)
        self.register_buffer("average", torch.full((spec.channels, spec.height, spec.width), torch.nan))

    def fit(self, clips: Iterable[Batch]) -> None:
        """Average all frames of all clips, context and target; missing values do not count.

        A pixel that is missing throughout takes the mean of its channel, a channel without any value the channel's
        lowest value.

        Args:
            clips: normalised training batches, read once.

        Raises:
            ValueError: there is not a single batch.
        """
        # float64 on the CPU, which all devices can reach: float32 sums go astray after some ten million frames.
        total = torch.zeros(self.average.shape, dtype=torch.float64)
        count = torch.zeros_like(total)
        num_batches = 0
        for batch in clips:
            frames = batch.frames.cpu()
            present = torch.ones_like(frames, dtype=torch.bool) if batch.mask is None else batch.mask.cpu()
            total += torch.where(present, frames, 0).sum(dim=(0, 1), dtype=torch.float64)
            count += present.sum(dim=(0, 1))
            num_batches += 1
        if num_batches == 0:
            raise ValueError("climatology needs at least one training batch")
        low = torch.tensor(self.spec.low, dtype=torch.float64).view(-1, 1, 1)
        channel_count = count.sum(dim=(1, 2), keepdim=True)
        channel_mean = torch.where(channel_count > 0, total.sum(dim=(1, 2), keepdim=True) / channel_count, low)
        self.average.copy_(torch.where(count > 0, total / count, channel_mean))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        """Forecast ``horizon`` frames (B, M, C, H, W) for the context (B, K, C, H, W), of which only B matters.

        Raises:
            RuntimeError: not fitted yet.
            ValueError: frames of another size than those it was fitted to.
        """
        require_fitted(self.average, context, who="climatology")
        return Forecast(self.average.to(context.dtype).repeat(context.shape[0], horizon, 1, 1, 1))


def require_fitted(average: Tensor, context: Tensor, *, who: str) -> None:
    """Whether a baseline that was fitted to a mean frame can forecast.

    Args:
        average: (C, H, W) of that frame; NaN until fitted.
        context: (B, K, C, H, W).
        who: the baseline, for messages.

    Raises:
        RuntimeError: not fitted yet.
        ValueError: frames of another size than those it was fitted to.
    """
    if average.isnan().any():
        raise RuntimeError(f"{who} has to be fitted, or loaded from a run, before it can forecast")
    if context.shape[2:] != average.shape:
        raise ValueError(f"{who} knows frames of {tuple(average.shape)} (C, H, W), not {tuple(context.shape[2:])}")
