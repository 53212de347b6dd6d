"""Spectrum: the power of a frame at each wavelength, averaged over all directions (RAPSD).

As ``pysteps.utils.spectral.rapsd`` defines it (Ruzanski and Chandrasekar, "Scale filtering for improved nowcasting
performance in a high-resolution X-band radar network", IEEE Transactions on Geoscience and Remote Sensing 49(6), 2011):
|FFT|² / (H W), averaged over the rings of equal rounded distance from the origin, in steps of the discrete transform.
Ring r of l = max(H, W) pixels holds r / l cycles a pixel; rings beyond the longer side's own wavenumbers are left out,
so there are K = l / 2 of them for even l, (l + 1) / 2 for odd. Rings are counted in steps of either axis, so in frames
that are not square they are ellipses in cycles a pixel; truth and forecast have the same. White noise of variance σ²
has power σ² at every wavenumber but 0, which holds the square of the mean. Of several channels, the mean of their
spectra.

Missing values are filled with the mean of those of their channel that are there, so that nothing but the mask itself
cuts into the frame, and it cuts truth and forecast alike. A frame with a channel of which less than a tenth is there
does not count: its spectrum would be that of the mask.

Axes: B clips, T leads, C channels, H height, W width, K wavenumbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.metric import FloatArray
from framecast.metrics.statistic import Statistic

LEAST_SHARE = 0.1
"""The share of a channel's values that must be there."""


@final
@dataclass(frozen=True, slots=True)
class Spectra(Statistic):
    """``spectrum_forecast``, ``spectrum_target``: (B, T, K), power by wavenumber; ``spectrum_frames``: 1, or 0 for a
    frame of which too much is missing.
    """

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        counts = target.new_ones(target.shape[:2])
        if mask is not None:
            share = mask.to(target.dtype).mean(dim=(-2, -1), keepdim=True)
            counts = (share >= LEAST_SHARE).flatten(2).all(dim=2).to(target.dtype)
            forecast, target = (
                torch.where(mask, frames, frames.where(mask, 0.0).mean(dim=(-2, -1), keepdim=True) / share)
                for frames in (forecast, target)
            )
        spectra = {"spectrum_forecast": radial_power(forecast), "spectrum_target": radial_power(target)}
        found = {name: torch.where(counts[..., None] > 0, power.mean(dim=2), 0.0) for name, power in spectra.items()}
        return found | {"spectrum_frames": counts}


def radial_power(frames: Tensor) -> Tensor:
    """Power of every ring of wavenumbers.

    Args:
        frames: (..., H, W) float.

    Returns:
        (..., K), ring 0 (the mean) first. NaN throughout for a frame that is not finite.
    """
    height, width = frames.shape[-2:]
    transform = torch.fft.rfft2(frames)
    power = (transform.real.square() + transform.imag.square()) / (height * width)
    ring, weight = _rings(height, width, frames.device)
    num_rings = num_wavenumbers(height, width)
    total = power.new_zeros((*power.shape[:-2], num_rings + 1))  # the last one collects what lies beyond
    total.scatter_add_(-1, ring.expand(*power.shape[:-2], -1), (power * weight).flatten(-2))
    share = power.new_zeros(num_rings + 1).index_add_(
        0, ring, weight.expand(power.shape[-2:]).flatten().to(power.dtype)
    )
    return total[..., :-1] / share[:-1]


def num_wavenumbers(height: int, width: int) -> int:
    """K, for frames of this size."""
    return (max(height, width) + 1) // 2


def wavenumbers(height: int, width: int) -> FloatArray:
    """(K,) in cycles a pixel, for frames of this size."""
    return np.arange(num_wavenumbers(height, width)) / max(height, width)


def mean_spectra(sums: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Mean spectra of forecasts and of truth, without ring 0, from summed statistics.

    Returns:
        Two of (..., K - 1); NaN where no frame counted, or a forecast was not finite.
    """
    frames = np.asarray(sums["spectrum_frames"])[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums["spectrum_forecast"][..., 1:] / frames, sums["spectrum_target"][..., 1:] / frames


def _rings(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of a real frame's half transform (H, W // 2 + 1): the ring of each value, flat, and how often it stands in the
    whole transform, (W // 2 + 1,): columns with a mirror image count twice.
    """
    rows = (torch.fft.fftfreq(height, device=device) * height).round()
    columns = torch.arange(width // 2 + 1, device=device)
    ring = torch.hypot(rows[:, None].double(), columns[None].double()).round().long()
    weight = torch.where((columns == 0) | (2 * columns == width), 1.0, 2.0)
    return ring.clamp(max=num_wavenumbers(height, width)).flatten(), weight
