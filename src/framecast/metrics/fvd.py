"""Fréchet video distance (Unterthiner et al. 2018, "Towards Accurate Generative Models of Video"): how different the
forecast films are from the true ones as a set, to a network that was trained to recognise actions.

Compared are the forecast frames alone, without their context, with the true ones of the same leads: the 400 logits of
I3D for each clip. It is as the code of StyleGAN-V gives it, whose I3D is used, with covariances divided by the number
of clips; but frames are not rounded to eight bits first.

Films of fewer than ten frames have no features, and the value is NaN. It falls with the number of clips, so that only
values from equally many may be compared; below a few hundred it says little.

Axes: B clips, N all clips, T leads, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.features.i3d import MIN_FRAMES, NUM_LOGITS, i3d, i3d_unavailable
from framecast.metrics.features.network import as_colour
from framecast.metrics.features.precision import plain_float32
from framecast.metrics.frechet import Covariance, frechet_distance
from framecast.metrics.metric import Better, FloatArray, SetMetric
from framecast.metrics.statistic import ClipStatistic

FORECAST, TARGET = "i3d_forecast", "i3d_target"


@final
@dataclass(frozen=True, slots=True)
class VideoLogits(ClipStatistic):
    """``i3d_forecast`` and ``i3d_target``: the logits of I3D for each clip.

    NaN for both where a clip is too short or missing altogether; NaN for a forecast with a value that is not finite.
    Each film is looked at by itself, so that the batch it came in cannot change a bit of the result.
    """

    weights: str | None
    checksum: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """See :attr:`ClipStatistic.names`."""
        return FORECAST, TARGET

    def per_clip(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`ClipStatistic.per_clip`."""
        found = {name: target.new_full((len(target), NUM_LOGITS), torch.nan) for name in self.names}
        if target.shape[1] < MIN_FRAMES:
            return found
        network = i3d(target.device, self.weights, self.checksum)
        for clip in range(len(target)):
            if mask is not None and not mask[clip].any():
                continue
            for name, frames in ((FORECAST, forecast[clip]), (TARGET, target[clip])):
                if frames.isfinite().all():
                    with plain_float32(target.device):
                        found[name][clip] = network.logits(_films(frames)).mean(dim=0).to(target.dtype)
        return found


def _films(frames: Tensor) -> Tensor:
    """(T, C, H, W) → (films, T, 3, H, W): one, or one for each channel that has to be looked at by itself."""
    images = as_colour(frames.to(torch.float32))
    return images.reshape(len(frames), -1, *images.shape[1:]).transpose(0, 1)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FrechetVideoDistance(SetMetric):
    """The squared Fréchet distance between forecast and true films. Channels as for LPIPS; where each channel is a film
    of its own, their logits are averaged.
    """

    name: str = "fvd"
    summary: str = "Fréchet video distance (FVD) of I3D logits, forecast frames only."
    better: Better | None = "lower"
    whole_frames: bool = True

    covariance: Covariance = "population"
    """Whether covariances are divided by the number of clips, or by one less."""

    weights: str | None = None
    """Another TorchScript file than the published one."""

    checksum: str | None = None
    """Of that file, ``"sha256:…"``; without it, it is not run."""

    def unavailable(self) -> str | None:
        """See :meth:`Metric.unavailable`."""
        return i3d_unavailable(self.weights, self.checksum)

    @property
    def statistics(self) -> tuple[ClipStatistic, ...]:
        """See :attr:`SetMetric.statistics`."""
        return (VideoLogits(self.weights, self.checksum),)

    def value_of_set(self, per_clip: Mapping[str, FloatArray]) -> float:
        """See :meth:`SetMetric.value_of_set`. NaN for fewer than two clips."""
        forecast, target = (per_clip[name].reshape(-1, NUM_LOGITS) for name in (FORECAST, TARGET))
        counted = np.isfinite(target).all(axis=1)
        if counted.sum() < 2:
            return float("nan")
        return frechet_distance(forecast[counted], target[counted], self.covariance)
