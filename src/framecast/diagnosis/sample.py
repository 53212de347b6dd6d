"""Sample: some clips with what the model makes of them, in bounded memory.

Axes: B clips, K frames of context, M leads, C channels to forecast, H height, W width.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from framecast.clips.clip_set import ClipSet
from framecast.diagnosis.undisturbed import undisturbed
from framecast.evaluation.scales import chosen_channels
from framecast.forecasting.roll_out import roll_out
from framecast.frames.batch import Batch
from framecast.models.model import Model

_MOST_VALUES = 2**25
"""Values of all clips together: of large frames fewer clips are taken, but at least two."""

_FEWEST = 2


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Clips and forecasts, normalised, with the channels to forecast only, on the CPU."""

    split: str
    context: Tensor
    """(B, K, C, H, W)."""
    truth: Tensor
    """(B, M, C, H, W)."""
    there: Tensor
    """(B, M, C, H, W) bool: where the truth has a value."""
    forecast: Tensor
    """(B, M, C, H, W), free-running."""
    low: Tensor
    """(C, 1, 1): the normalised value of the lowest native value."""
    high: Tensor

    @property
    def span(self) -> Tensor:
        """(C, 1, 1): from the lowest value to the highest."""
        return self.high - self.low

    def distance(self, one: Tensor, other: Tensor) -> float:
        """Mean squared difference where the truth has values, as a share of the squared range of each channel.

        Args:
            one: (B, M, C, H, W), or what can be spread to that.
            other: likewise.
        """
        squares = ((one - other) / self.span).double().square().expand(self.truth.shape)[self.there]
        return float(squares.mean()) if squares.numel() else float("nan")


def take_sample(model: Model, clips: ClipSet, *, count: int) -> Sample:
    """Forecast some clips, spread evenly.

    Args:
        model: stays as it is.
        clips: at least one; not augmented.
        count: at most so many.
    """
    spec = model.spec
    values = (clips.context + clips.horizon) * spec.channels * spec.height * spec.width
    chosen = clips.spread(max(min(count, _MOST_VALUES // values), _FEWEST))
    device = next(model.parameters()).device
    batches, forecasts = list[Batch](), list[Tensor]()
    with undisturbed(model):
        at_once = max(1, min(16, _MOST_VALUES // (8 * values)))
        for begin in range(0, len(chosen), at_once):
            batch = chosen.batch(range(begin, min(begin + at_once, len(chosen))))
            batches.append(batch)
            forecasts.append(roll_out(model, batch.context.to(device), batch.horizon).float().cpu())
    wanted = spec.forecast_channels
    places = list(wanted) or list(range(spec.channels))
    masks = [batch.target_mask for batch in batches]
    there = [
        torch.ones_like(b.target, dtype=torch.bool) if m is None else m for b, m in zip(batches, masks, strict=True)
    ]
    return Sample(
        split=clips.split,
        context=chosen_channels(torch.cat([batch.context for batch in batches]), wanted),
        truth=chosen_channels(torch.cat([batch.target for batch in batches]), wanted),
        there=chosen_channels(torch.cat(there), wanted),
        forecast=chosen_channels(torch.cat(forecasts), wanted),
        low=torch.tensor([spec.low[place] for place in places]).view(-1, 1, 1),
        high=torch.tensor([spec.high[place] for place in places]).view(-1, 1, 1),
    )
