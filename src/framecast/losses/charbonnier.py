"""Charbonnier loss: the absolute error with a round tip, over normalised values.

Charbonnier, Blanc-Féraud, Aubert and Barlaud, "Two deterministic half-quadratic regularization algorithms for computed
imaging", ICIP 1994::

    √(e² + ε²) - ε

Choice made: ε is subtracted, which makes the loss 0 for an exact forecast; gradients are those of the published form.
Errors far below ε count as squares (e² / 2ε), those far above it as absolute values.
"""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, final

from torch import Tensor

from framecast.losses.loss import Loss, LossConfig, Space, masked_mean


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CharbonnierConfig(LossConfig):
    """Settings of the Charbonnier loss."""

    eps: float = 1e-3
    """Where squares become absolute values, on the normalised scale."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if not (isfinite(self.eps) and self.eps >= 1e-6):
            raise ValueError(f"eps must be a finite number of at least 1e-6, found {self.eps}")


@final
class CharbonnierLoss(Loss):
    """mean (√(e² + ε²) - ε)."""

    config_class: ClassVar[type[LossConfig]] = CharbonnierConfig
    space: ClassVar[Space] = "normalised"

    def __init__(self, config: CharbonnierConfig) -> None:
        super().__init__(config)
        self.eps = config.eps

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`."""
        square = (forecast - target).square()
        # The difference of two numbers that are nearly the same, written as a quotient, which loses no digits.
        return masked_mean(square / ((square + self.eps**2).sqrt() + self.eps), mask)
