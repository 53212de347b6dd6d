"""Any horizon from any forecaster, without ground truth.

Axes: B clips, S members of an ensemble, T frames (K of context, M of horizon), C channels, H height, W width.
"""

import torch
from torch import Tensor

from framecast.frames.forecaster import Forecast, Forecaster
from framecast.models.model import Model


def roll_out(forecaster: Forecaster, context: Tensor, horizon: int) -> Tensor:
    """The frames of :func:`roll_out_forecast`, (B, M, C, H, W)."""
    return roll_out_forecast(forecaster, context, horizon).frames


def roll_out_forecast(forecaster: Forecaster, context: Tensor, horizon: int) -> Forecast:
    """Forecast ``horizon`` frames.

    A model that was trained to write a whole horizon is not asked for more than that at once: a longer one is chained,
    the model's own forecasts becoming its next context; of an ensemble, each member goes on from itself. Next-frame
    models feed forecasts back by themselves, and baselines reach any horizon in one go.

    Args:
        forecaster: model or baseline, in eval mode.
        context: (B, K, C, H, W), normalised.
        horizon: M, at least 1.

    Returns:
        Frames (B, M, C, H, W) and, of an ensemble, members (B, S, M, C, H, W), normalised.
    """
    block = longest_block(forecaster, context.shape[1]) or horizon
    first = forecaster(context, min(block, horizon))
    if first.frames.shape[1] == horizon or not isinstance(forecaster, Model):
        return Forecast(first.frames, first.members)
    if first.members is None:
        return Forecast(_chained(forecaster, context, first.frames, horizon, block))
    clips, members = first.members.shape[:2]
    seen, begun = context.repeat_interleave(members, dim=0), first.members.flatten(0, 1)
    ensemble = _chained(forecaster, seen, begun, horizon, block).unflatten(0, (clips, members))
    return Forecast(ensemble.mean(dim=1), ensemble)


def _chained(model: Model, context: Tensor, begun: Tensor, horizon: int, block: int) -> Tensor:
    """Go on from the forecast of the first block, (B, M', C, H, W), to (B, M, C, H, W)."""
    forecasts, seen, remaining = [begun], context, horizon - begun.shape[1]
    while remaining > 0:
        seen = torch.cat([seen, model.fed_back(forecasts[-1], seen)], dim=1)[:, -context.shape[1] :]
        forecast = model(seen, min(block, remaining))
        forecasts.append(forecast.frames if forecast.members is None else forecast.members[:, 0])
        remaining -= forecasts[-1].shape[1]
    return torch.cat(forecasts, dim=1)


def longest_block(forecaster: Forecaster, context: int) -> int | None:
    """How many frames a forecaster writes at once; None when there is no limit."""
    if not isinstance(forecaster, Model) or forecaster.objective == "next_frame":
        return None
    trained = forecaster.spec.horizon
    return min(trained, context) if forecaster.objective == "direct" else trained
