"""Focal frequency loss: the squared distance of two spectra, in which frequencies that are far off count more.

Jiang, Dai, Wu and Loy, "Focal frequency loss for image reconstruction and synthesis", ICCV 2021, equations 6 to 8. With
the orthonormal Fourier transforms F of forecast and truth, for each frame and channel::

    d(u, v) = |F_forecast(u, v) - F_truth(u, v)|,   w = (d / max d)^α,   loss = mean w d²

The factors w are constants: no gradient flows through them. With α = 0 all are 1 and the loss is the mean squared error
(Parseval). Since d is the spectrum of the error, a missing value, where the error is 0, has no influence.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from framecast.losses.loss import Loss, LossConfig, Space, masked_mean


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FocalFrequencyConfig(LossConfig):
    """Settings of the focal frequency loss."""

    alpha: float = 1.0
    """How much more the frequencies that are far off count; 0 is the mean squared error."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if not 0.0 <= self.alpha <= 4.0:
            raise ValueError(f"alpha must be between 0 and 4, found {self.alpha}")


@final
class FocalFrequencyLoss(Loss):
    """Mean over frequencies, channels, leads and clips; a frame without any value does not count."""

    config_class: ClassVar[type[LossConfig]] = FocalFrequencyConfig
    space: ClassVar[Space] = "unit"

    def __init__(self, config: FocalFrequencyConfig) -> None:
        super().__init__(config)
        self.alpha = config.alpha

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`."""
        spectrum = torch.fft.fft2(forecast - target, norm="ortho")
        power = spectrum.real.square() + spectrum.imag.square()
        with torch.no_grad():
            largest = power.amax(dim=(-2, -1), keepdim=True)
            # A frame without error has factors of 0 / 0; whatever they are, they multiply nothing.
            factors = (power / torch.where(largest > 0, largest, 1.0)).pow(self.alpha / 2)
        frames = (factors * power).mean(dim=(-2, -1))
        return masked_mean(frames, None if mask is None else mask.flatten(3).any(dim=3))
