"""Flow: what moved goes on moving, and changes in no other way.

The motion at the end of the context (see ``motion.py``: DIS optical flow where OpenCV is installed, else a method of
our own) carries the last frame along (see :mod:`framecast.models.layers.advection`). For rain this is the Lagrangian
persistence of U. Germann and I. Zawadzki (Monthly Weather Review 130, 2002), which forecasters have used for decades.

All channels are carried along by one motion. Missing values are seen as what they were filled with, and move too.

Axes: B clips, K context frames, M horizon frames, C channels, H height, W width.
"""

from typing import final

from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.frames.quantity import Quantity
from framecast.models.baselines.baseline import Baseline
from framecast.models.baselines.dis_flow import opencv
from framecast.models.baselines.motion import motion_of
from framecast.models.layers.advection import advect

FALLBACK = (
    "Its motion was estimated without OpenCV, by a method that finds nearly the same; DIS optical flow comes with: "
    'pip install "framecast[flow]"'
)


def flow_forecast(context: Tensor, horizon: int, spec: ClipSpec, quantity: Quantity) -> Tensor:
    """Carry the last frame of (B, K, C, H, W) along: (B, M, C, H, W). Of one frame nothing is known to move."""
    if context.shape[1] < 2:
        return context[:, -1:].repeat(1, horizon, 1, 1, 1)
    return advect(context[:, -1], motion_of(context, spec, quantity), horizon)


@final
class Flow(Baseline):
    """Carries the last frame along by the motion that the last two show; with a context of one it is persistence."""

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        """Forecast ``horizon`` frames (B, M, C, H, W) from the context (B, K, C, H, W)."""
        return Forecast(flow_forecast(context, horizon, self.spec, self.quantity))

    def caveats(self) -> tuple[str, ...]:
        """Says so where OpenCV is not there."""
        return () if opencv() is not None else (FALLBACK,)
