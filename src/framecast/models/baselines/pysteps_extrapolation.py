"""Extrapolation by pysteps: rain carried along by sparse Lucas-Kanade motion, changing in no other way.

The same idea as ``flow``, with the motion that radar services use: few, sure vectors, spread smoothly over the field.

Axes: S = 1, K context frames, M horizon frames, H height, W width.
"""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.models.baselines.quiet_pysteps import pysteps_module
from framecast.models.baselines.rain_nowcast import RainNowcast


@final
class PystepsExtrapolation(RainNowcast):
    """Lagrangian persistence as pysteps computes it."""

    def nowcast(self, decibels: NDArray[np.float64], velocity: NDArray[np.float64], horizon: int) -> NDArray[Any]:
        """Carry the last picture along, (1, M, H, W)."""
        extrapolation = pysteps_module("extrapolation.semilagrangian")
        return extrapolation.extrapolate(decibels[-1], velocity, horizon)[None]
