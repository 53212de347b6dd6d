"""Pictures of forecasts on the same few validation clips, to see a model learn."""

from pathlib import Path
from typing import final

import torch
from torch import Tensor

from framecast.clips.clip_set import ClipSet
from framecast.clips.normaliser import Normaliser
from framecast.forecasting.roll_out import roll_out
from framecast.models.model import Model
from framecast.reports.film_strip import film_strip
from framecast.reports.shading import shading_of

_CLIPS = 3


@final
class ValidationPictures:
    """Draws ``epoch_0005_clip_1.png`` and so on: context, truth, forecast and error; no forecast sees the truth."""

    def __init__(self, validation: ClipSet, normaliser: Normaliser, folder: Path, *, every: int) -> None:
        self.every = every
        """Epochs from one set of pictures to the next."""
        clips = validation.spread(_CLIPS)
        self._batch = clips.batch(range(len(clips)))
        self._units = validation.units
        self._normaliser = normaliser
        self._folder = folder

    @torch.no_grad()
    def draw(self, model: Model, *, epoch: int) -> None:
        """Write the picture of this epoch (1-based); the model is in eval mode."""
        batch = self._batch.to(next(model.parameters()).device)
        forecast = roll_out(model, batch.context, batch.horizon)
        shown = list(model.spec.forecast_channels or range(model.spec.channels))
        seen, scored = (None, None) if batch.mask is None else (batch.mask[:, : -batch.horizon], batch.target_mask)
        context, truth, drawn = (
            self._drawn(frames, mask)[:, :, shown].cpu().numpy()
            for frames, mask in ((batch.context, seen), (batch.target, scored), (forecast, None))
        )
        low, high = self._normaliser.low[shown[0]], self._normaliser.high[shown[0]]
        native = [low + (high - low) * frames[:, :, :1] for frames in (context, truth, drawn)]
        shading = shading_of(self._units, len(shown), native[:2])
        if shading is not None:
            context, truth, drawn = native
        self._folder.mkdir(exist_ok=True)
        for number in range(len(batch)):
            title = f"epoch {epoch}, clip {number + 1}"
            picture = film_strip(
                context[number], truth[number], {"forecast": drawn[number]}, title=title, shading=shading
            )
            (self._folder / f"epoch_{epoch:04d}_clip_{number + 1}.png").write_bytes(picture)

    def _drawn(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """On the scale of pictures; NaN where the mask says that a value is missing."""
        unit = self._normaliser.to_unit(frames).clamp(0, 1).float()
        return unit if mask is None else torch.where(mask, unit, torch.nan)
