"""Spectral loss: fine detail should be as strong in the forecast as in the truth, wherever it lies.

Forecasts that are trained on squared errors lose power at short wavelengths: they are blurred. Compared are the
logarithms of the power at each wavelength, a mean over all directions (see :mod:`framecast.metrics.spectrum`)::

    mean over wavenumbers k ≥ 1 of  | log (P_forecast(k) + ε) - log (P_truth(k) + ε) |

for each frame and channel, P from the orthonormal Fourier transform, so that white noise of standard deviation σ has
P = σ² at any frame size. It is a distance in nepers of power: 0.1 is about 10 % too much or too little everywhere.

Choices made. Logarithms, so that the weak short wavelengths count as much as the strong long ones; ε, so that frames
without detail have a finite loss and gradient; k = 0, the mean, is left out. Missing values become the mean of those
that are there, in forecast and truth, so that only the shape of the gap is seen. The phase is not seen, so a shifted or
mirrored frame is as good as the truth: the loss needs a companion such as ``mse``.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss, LossConfig, Space, masked_mean
from framecast.metrics.spectrum import num_wavenumbers, radial_power


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralConfig(LossConfig):
    """Settings of the spectral loss."""

    floor: float = 1e-6
    """ε, the power below which differences cease to count: that of noise with a standard deviation of 0.1 % of the
    native range."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if not 1e-10 <= self.floor <= 1.0:
            raise ValueError(f"floor must be between 1e-10 and 1, found {self.floor}")


@final
class SpectralLoss(Loss):
    """Mean distance of logarithmic spectra; a frame without any value does not count."""

    config_class: ClassVar[type[LossConfig]] = SpectralConfig
    space: ClassVar[Space] = "unit"

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__(config)
        self.floor = config.floor

    def prepare(self, spec: ClipSpec) -> None:
        """See :meth:`Loss.prepare`."""
        _require_wavelengths(spec.height, spec.width)

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`.

        Raises:
            ConfigurationError: frames of so few pixels that there is no wavelength to compare.
        """
        _require_wavelengths(*target.shape[-2:])
        if mask is not None:
            forecast, target = _filled(forecast, mask), _filled(target, mask)
        found, true = (torch.log(radial_power(frames)[..., 1:] + self.floor) for frames in (forecast, target))
        frames = (found - true).abs().mean(dim=-1)
        return masked_mean(frames, None if mask is None else mask.flatten(3).any(dim=3))


def _require_wavelengths(height: int, width: int) -> None:
    if num_wavenumbers(height, width) < 2:
        raise ConfigurationError(
            f"The loss 'spectral' compares wavelengths, found frames of {height}x{width} pixels; use frames of 3 "
            "pixels or more, or another loss."
        )


def _filled(frames: Tensor, mask: Tensor) -> Tensor:
    """Missing values, which are 0, become the mean of those of their frame and channel."""
    count = mask.sum(dim=(-2, -1), keepdim=True).clamp(min=1)
    return torch.where(mask, frames, frames.sum(dim=(-2, -1), keepdim=True) / count)
