"""Forecaster and forecast: the socket that every model and every baseline fits.

Axes: B clips, T frames (K of context, M of horizon), C channels, H height, W width.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor, nn

Objective = Literal["horizon", "next_frame", "direct"]
"""What a model's outputs stand for.

``horizon``: the model writes all M leads. ``next_frame``: output t predicts frame t + 1, and a horizon is reached by
feeding forecasts back. ``direct``: output t of a K-frame context is lead t, so one pass forecasts at most K frames.
"""


@final
@dataclass(frozen=True, slots=True)
class Forecast:
    """Predicted frames, and penalties that the model itself contributes to its training loss."""

    frames: Tensor
    """(B, M, C, H, W), normalised; frame j is lead j + 1. Of an ensemble: the mean of its members."""

    members: Tensor | None = None
    """(B, S, M, C, H, W): the S members of an ensemble, at least 2, each a forecast that may come true. None for a
    forecast of one future."""

    one_step: Tensor | None = None
    """(B, K - 1, C, H, W): for next-frame models, frames 2 .. K of the context, each predicted from the true frames
    before it (in training, from what a teacher lets the model read). None for other objectives (and when K is 1)."""

    penalties: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """Named scalars, added to the loss with configured weights."""

    @property
    def outputs(self) -> Tensor:
        """Every predicted frame in the order of time: those of the context, where there are any, then the horizon."""
        return self.frames if self.one_step is None else torch.cat([self.one_step, self.frames], dim=1)


class Forecaster(nn.Module, ABC):
    """Whatever turns a context and a horizon into a forecast. A baseline is one too.

    A forecaster is a module so that what it has learned (weights, fitted statistics) saves and loads in one way.
    It keeps no state between calls, treats the clips of a batch independently in eval mode, and knows nothing of
    losses, data, devices or files.
    """

    objective: Objective = "horizon"

    @abstractmethod
    def forward(self, context: Tensor, horizon: int) -> Forecast:
        """Forecast.

        Args:
            context: (B, K, C, H, W) float, normalised.
            horizon: number of frames to forecast, at least 1. For ``direct`` models at most K.

        Returns:
            A forecast of exactly ``horizon`` frames.
        """

    if TYPE_CHECKING:

        def __call__(self, context: Tensor, horizon: int) -> Forecast: ...  # noqa: D102 - it is forward, typed

    def caveats(self) -> tuple[str, ...]:
        """Sentences that must stand beside every result of this forecaster (none for a sound one)."""
        return ()
