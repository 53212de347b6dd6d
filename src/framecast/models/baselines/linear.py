"""Linear trend: each pixel goes on along the line through its own past.

Axes: B clips, K context frames, M horizon frames, C channels, H height, W width.
"""

from typing import final

import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.frames.quantity import Quantity
from framecast.models.baselines.baseline import Baseline


@final
class Linear(Baseline):
    """Extrapolates the least-squares line of each pixel and clips it to the range of the values.

    A line needs two frames; with a context of one it is persistence.
    """

    low: Tensor
    high: Tensor

    def __init__(self, spec: ClipSpec, quantity: Quantity | None = None) -> None:
        super().__init__(spec, quantity)
        self.register_buffer("low", torch.tensor(spec.low).view(-1, 1, 1), persistent=False)
        self.register_buffer("high", torch.tensor(spec.high).view(-1, 1, 1), persistent=False)

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        """Forecast ``horizon`` frames (B, M, C, H, W) from the context (B, K, C, H, W)."""
        num_frames = context.shape[1]
        centre = (num_frames - 1) / 2
        steps = torch.arange(num_frames + horizon, dtype=context.dtype, device=context.device).view(-1, 1, 1, 1)
        past, future = (steps - centre).split([num_frames, horizon])
        # Sums of products, not a matrix product, which autocast would round to bfloat16.
        slope = (context * past).sum(dim=1, keepdim=True) / past.square().sum().clamp(min=1e-6)
        line = context.mean(dim=1, keepdim=True) + slope * future
        return Forecast(line.clamp(self.low, self.high))
