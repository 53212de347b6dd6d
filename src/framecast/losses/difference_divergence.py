"""Difference divergence: what changes from frame to frame should change in the same places.

Tan et al., "Temporal attention unit: towards efficient spatiotemporal predictive learning", CVPR 2023. With p and q the
softmax, over all values of a frame, of the change to the next frame divided by τ, in the forecast and in the truth::

    KL(p ‖ q) = Σ p (log p - log q)

Choice made: the divergence of each step is a sum, as in the paper, and steps and clips are averaged. It is then about
half the variance of the error of the change, divided by τ²: the same for frames of any size. The authors' code divides
by the number of values of a frame, D = C·H·W, once more; its weight of 0.1 is 0.1 / D here. It also returns 0 for two
frames, which have one change and are compared here.

The loss sees neither a constant change of all pixels nor an error that every frame shares: it needs a companion such as
``mse``.
"""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, final

import torch
from torch import Tensor

from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss, LossConfig, Space, masked_mean

_NOWHERE = -1e9
"""Stands for a logit of minus infinity, which would make 0 · (∞ - ∞)."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceDivergenceConfig(LossConfig):
    """Settings of the difference divergence."""

    tau: float = 0.1
    """Temperature of the softmax, as a share of the native range; the smaller, the more the largest changes count."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if not (isfinite(self.tau) and self.tau >= 1e-3):
            raise ValueError(f"tau must be a finite number of at least 0.001, found {self.tau}")


@final
class DifferenceDivergenceLoss(Loss):
    """Mean divergence of the changes, over all steps from one frame to the next."""

    config_class: ClassVar[type[LossConfig]] = DifferenceDivergenceConfig
    space: ClassVar[Space] = "unit"

    def __init__(self, config: DifferenceDivergenceConfig) -> None:
        super().__init__(config)
        self.tau = config.tau

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`. A pixel that is missing in one of two frames has no change between them.

        Raises:
            ConfigurationError: there is only one frame.
        """
        if target.shape[1] < 2:
            raise ConfigurationError(
                "The loss 'difference_divergence' compares changes from frame to frame, found a single frame to "
                "forecast; use clips.horizon=2 or more, or another loss."
            )
        both = None if mask is None else (mask[:, 1:] & mask[:, :-1]).flatten(2)
        log_p, log_q = (self._log_share(frames, both) for frames in (forecast, target))
        terms = log_p.exp() * (log_p - log_q)
        if both is None:
            return terms.sum(dim=2).mean()
        return masked_mean(torch.where(both, terms, 0.0).sum(dim=2), both.any(dim=2))

    def _log_share(self, frames: Tensor, both: Tensor | None) -> Tensor:
        """(B, T, C, H, W) → (B, T - 1, C·H·W): the logarithm of each value's share of the change."""
        changes = frames.diff(dim=1).flatten(2) / self.tau
        return (changes if both is None else torch.where(both, changes, _NOWHERE)).log_softmax(dim=2)
