"""S-PROG: rain carried along, and each scale of it fading as fast as it has been changing.

A. W. Seed, "A dynamic and spatial scaling approach to advection forecasting" (Journal of Applied Meteorology 42, 2003),
by pysteps: a cascade of scales, an autoregressive model of second order for each, the distribution of rates kept.
Small showers smooth out within the hour while large bands go on.

Axes: S = 1, K context frames, M horizon frames, H height, W width.
"""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.models.baselines.quiet_pysteps import pysteps_module
from framecast.models.baselines.rain_nowcast import THRESHOLD_DB, RainNowcast


@final
class SProg(RainNowcast):
    """The spectral prognosis; with fewer than three frames it is persistence."""

    pictures_needed = 3

    def nowcast(self, decibels: NDArray[np.float64], velocity: NDArray[np.float64], horizon: int) -> NDArray[Any]:
        """One smooth forecast, (1, M, H, W)."""
        sprog = pysteps_module("nowcasts.sprog")
        return sprog.forecast(decibels, velocity, horizon, precip_thr=THRESHOLD_DB)[None]
