"""STEPS: an ensemble of rain forecasts, each of which may come true.

N. E. Bowler, C. E. Pierce and A. W. Seed, "STEPS: a probabilistic precipitation forecasting scheme" (Quarterly Journal
of the Royal Meteorological Society 132, 2006), by pysteps: S-PROG, to which noise with the spectrum of the rain is
added as scales fade, and whose motion is perturbed.

Noise is drawn from the clip's own last pictures, so that the same clip has the same members every time, and different
clips have different ones.

Axes: S members, K context frames, M horizon frames, H height, W width.
"""

from typing import Any, final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from framecast.models.baselines.quiet_pysteps import pysteps_module
from framecast.models.baselines.rain_nowcast import THRESHOLD_DB, RainNowcast

_USUAL_PIXEL_METRES = 1000.0
_USUAL_STEP_SECONDS = 300.0
"""Where the recording says neither; they scale the errors of the motion and how fast rain may spread."""


@final
class Steps(RainNowcast):
    """An ensemble of 20; the forecast is its mean. It takes its time, so it is computed only where it is asked for."""

    pictures_needed = 3
    num_members = 20
    only_by_name = True

    def nowcast(self, decibels: NDArray[np.float64], velocity: NDArray[np.float64], horizon: int) -> NDArray[Any]:
        """(20, M, H, W)."""
        steps = pysteps_module("nowcasts.steps")
        return steps.forecast(
            decibels,
            velocity,
            horizon,
            n_ens_members=self.num_members,
            precip_thr=THRESHOLD_DB,
            kmperpixel=(self.quantity.pixel_metres or _USUAL_PIXEL_METRES) / 1000,
            timestep=(self.quantity.step_seconds or _USUAL_STEP_SECONDS) / 60,
            seed=crc32(decibels.tobytes()),
        )
