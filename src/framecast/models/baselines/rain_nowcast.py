"""Nowcasts of rain by pysteps: what those of them that fit our socket share.

S. Pulkkinen and others, "Pysteps: an open-source Python library for probabilistic precipitation nowcasting"
(Geoscientific Model Development 12, 2019). It is the yardstick of operational services, called here as its manual
shows: rain rates become decibels (10 log10 of mm/h from 0.1 mm/h on, -15 dB below), sparse Lucas-Kanade finds the
motion in the last three pictures, and what comes out becomes a rate again.

Where pysteps cannot tell what moves, persistence stands in: in a context with no rain, or too short, or frames too
small for it. That is part of the definition: where nothing rains, nothing moves. What flows in from outside is dry.

Axes: B clips, S members, K context frames, M horizon frames, C channels, H height, W width.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.frames.forecaster import Forecast
from framecast.frames.quantity import Quantity
from framecast.models.baselines.baseline import Baseline
from framecast.models.baselines.quiet_pysteps import pysteps_missing, pysteps_module, quiet
from framecast.models.baselines.rain_scale import THRESHOLD, from_native, from_rate, rain_kind, to_native, to_rate

NO_RAIN_DB = -15.0
"""Decibels that stand for no rain, five below the lightest rain, as pysteps has them."""

THRESHOLD_DB = -10.0
"""The lightest rain, 0.1 mm/h."""

_QUICK_PIXELS = 320**2
"""Larger frames take more than about a second a clip and forecaster."""

_PICTURES = 3
"""So many of the last frames are looked at."""

_SMALLEST_SIDE = 32
"""Pixels; on smaller frames neither corners nor cascades of scales can be found."""

_NOTHING_TO_GO_BY = (ValueError, ArithmeticError, LookupError, RuntimeError)
"""What pysteps raises, deep inside, for fields with next to no rain."""


class RainNowcast(Baseline):
    """A nowcast of each channel of rain by itself; abstract."""

    pictures_needed: ClassVar[int] = 2
    """Frames without which it is persistence; at most 3."""

    num_members: ClassVar[int] = 1
    """S."""

    @classmethod
    def suits(cls, spec: ClipSpec, quantity: Quantity) -> bool:
        """Rain only."""
        del spec
        return rain_kind(quantity) is not None

    @classmethod
    def expensive(cls, spec: ClipSpec) -> str | None:
        """On large frames, where it takes seconds a clip."""
        if spec.height * spec.width > _QUICK_PIXELS:
            return f"on frames of {spec.height}x{spec.width} it takes several seconds a clip"
        return super().expensive(spec)

    @classmethod
    def unavailable(cls) -> str | None:
        """How to install pysteps, where it is not there."""
        return pysteps_missing()

    @abstractmethod
    def nowcast(self, decibels: NDArray[np.float64], velocity: NDArray[np.float64], horizon: int) -> NDArray[Any]:
        """Ask pysteps. Whatever it prints and warns of is not seen.

        Args:
            decibels: (3, H, W), or (2, H, W) where the context has no more and that is enough.
            velocity: (2, H, W), pixels a frame, x first.
            horizon: M.

        Returns:
            (S, M, H, W) in decibels; what is not finite counts as dry.
        """

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        """Forecast ``horizon`` frames (B, M, C, H, W) from the context (B, K, C, H, W).

        Raises:
            ConfigurationError: the values do not measure rain.
        """
        if not self.suits(self.spec, self.quantity):
            units = self.quantity.units
            raise ConfigurationError(
                "Nowcasts by pysteps forecast rain, in mm/h, in dBZ, or in mm over a known time; here "
                f"{f'the units are {units!r}' if units else 'no units are known'}. Leave them out of "
                "'evaluation.baselines'; null takes all that fit."
            )
        members = torch.stack([self._of_clip(clip, horizon) for clip in context.float().cpu()]).to(context)
        if self.num_members == 1:
            return Forecast(members[:, 0])
        return Forecast(members.mean(dim=1), members=members)

    def _of_clip(self, clip: Tensor, horizon: int) -> Tensor:
        """(S, M, C, H, W) of (K, C, H, W)."""
        last = clip[-1].expand(self.num_members, horizon, *clip.shape[1:])
        rate = to_rate(to_native(clip[-_PICTURES:], self.quantity), self.quantity).nan_to_num()
        forecast, found = torch.zeros_like(last), torch.zeros(clip.shape[1], 1, 1, dtype=torch.bool)
        for channel in self.spec.forecast_channels or range(clip.shape[1]):
            nowcast = self._of_channel(to_rain_decibels(rate[:, channel]), horizon)
            if nowcast is not None:
                forecast[:, :, channel], found[channel] = nowcast, True
        return torch.where(found, from_native(from_rate(forecast, self.quantity), self.quantity), last)

    def _of_channel(self, decibels: NDArray[np.float64], horizon: int) -> Tensor | None:
        """Rates (S, M, H, W) of (K, H, W); None where nothing can be said but that all stays."""
        too_little = len(decibels) < self.pictures_needed or min(decibels.shape[1:]) < _SMALLEST_SIDE
        if too_little or (decibels < THRESHOLD_DB).all():
            return None
        lucas_kanade = pysteps_module("motion.lucaskanade")
        try:
            with quiet():
                forecast = self.nowcast(decibels, lucas_kanade.dense_lucaskanade(decibels), horizon)
        except _NOTHING_TO_GO_BY:
            return None
        decibels_found = torch.from_numpy(np.array(forecast, dtype=np.float32))
        return torch.where(decibels_found >= THRESHOLD_DB, 10 ** (decibels_found / 10), 0.0)


def to_rain_decibels(rate: Tensor) -> NDArray[np.float64]:
    """Rates in mm/h as pysteps wants them: 10 log10, and -15 dB below 0.1 mm/h."""
    rate = rate.double()
    return torch.where(rate >= THRESHOLD, 10 * rate.clamp(min=THRESHOLD).log10(), NO_RAIN_DB).numpy()
