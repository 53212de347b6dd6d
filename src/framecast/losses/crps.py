"""Continuous ranked probability score of an ensemble, for models whose forecast has members.

With S members x and the truth y, pixel by pixel (Gneiting and Raftery 2007; the fair form: Ferro 2014)::

    mean |x_i - y|  -  s · Σ_{i<j} |x_i - x_j|,    fair: s = 1 / (S (S - 1)),    plain: s = 1 / S²

The first term pulls members to the truth, the second one apart. The plain form counts a small ensemble as if its
members were the whole distribution and so asks for too little spread; the fair one does not, and is the default. Its
weakness: where all other members are exact, it does not matter how far one strays. A share of the plain form mends that
("almost fair", Lang et al. 2024, AIFS-CRPS, with α = 0.95).
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss, LossConfig, Space, masked_mean


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CrpsConfig(LossConfig):
    """Settings of the continuous ranked probability score."""

    fair: float = 1.0
    """Share of the fair form, from 0 to 1; the rest is the plain one."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if not 0.0 <= self.fair <= 1.0:
            raise ValueError(f"fair must be a share from 0 to 1, found {self.fair}")


@final
class CrpsLoss(Loss):
    """Mean over all values; 0 when every member is exact, and the absolute error when all members are alike."""

    config_class: ClassVar[type[LossConfig]] = CrpsConfig
    space: ClassVar[Space] = "normalised"
    reads_members: ClassVar[bool] = True

    def __init__(self, config: CrpsConfig) -> None:
        super().__init__(config)
        self.fair = config.fair

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`; the forecast is (B, S, T, C, H, W).

        Raises:
            ConfigurationError: fewer than two members.
        """
        size = forecast.shape[1]
        if size < 2:
            raise ConfigurationError(
                f"The loss 'crps' compares the members of an ensemble with each other and needs 2 or more, found "
                f"{size}; give the model more members, or take another loss."
            )
        distance = (forecast - target[:, None]).abs().mean(dim=1)
        # In ascending order, member i (from 0) is the larger one of i pairs and the smaller one of S - 1 - i.
        ranks = torch.arange(size, dtype=forecast.dtype, device=forecast.device)
        pairs = torch.einsum("s,bs...->b...", 2 * ranks - (size - 1), forecast.sort(dim=1).values)
        share = self.fair / (size * (size - 1)) + (1 - self.fair) / size**2
        return masked_mean(distance - share * pairs, mask)
