"""Any horizon from any forecaster, without ground truth.

Axes: B clips, T frames (K of context, M of horizon), C channels, H height, W width.
"""

import torch
from torch import Tensor

from framecast.frames.forecaster import Forecaster
from framecast.models.model import Model


def roll_out(forecaster: Forecaster, context: Tensor, horizon: int) -> Tensor:
    """Forecast ``horizon`` frames.

    A model that was trained to write a whole horizon is not asked for more than that at once: a longer one is chained,
    the model's own forecasts becoming its next context. Next-frame models feed forecasts back by themselves, and
    baselines reach any horizon in one go.

    Args:
        forecaster: model or baseline, in eval mode.
        context: (B, K, C, H, W), normalised.
        horizon: M, at least 1.

    Returns:
        (B, M, C, H, W), normalised.
    """
    block = longest_block(forecaster, context.shape[1]) or horizon
    seen, forecasts = context, list[Tensor]()
    remaining = horizon
    while remaining > 0:
        frames = forecaster(seen, min(block, remaining)).frames
        forecasts.append(frames)
        remaining -= frames.shape[1]
        if remaining and isinstance(forecaster, Model):
            seen = torch.cat([seen, forecaster.fed_back(frames, seen)], dim=1)[:, -context.shape[1] :]
    return torch.cat(forecasts, dim=1)


def longest_block(forecaster: Forecaster, context: int) -> int | None:
    """How many frames a forecaster writes at once; None when there is no limit."""
    if not isinstance(forecaster, Model) or forecaster.objective == "next_frame":
        return None
    trained = forecaster.spec.horizon
    return min(trained, context) if forecaster.objective == "direct" else trained
