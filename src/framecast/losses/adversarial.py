"""Adversarial loss: discriminators learn to tell forecasts from the truth, and the model learns to mislead them.

A mean over pixels is lowest for the mean of all futures, which is blurred where they differ. What discriminators say
is low for any future that looks real. Mathieu, Couprie and LeCun (ICLR 2016) brought it to frame prediction.

With the discriminators' scores D, high for what they take for real, and means over clips and patches:

* hinge (Lim and Ye 2017; Miyato et al. 2018): the model lowers -D(forecast), the discriminators lower
  max(0, 1 - D(truth)) + max(0, 1 + D(forecast)).
* non-saturating (Goodfellow et al. 2014): softplus(-D(forecast)), and softplus(-D(truth)) + softplus(D(forecast)).

R1 (Mescheder, Geiger and Nowozin 2018) keeps discriminators flat around the truth: r1 / 2 · E |∇ D(truth)|². As in
StyleGAN2 (Karras et al. 2020, appendix B) it is computed in every ``r1_every``-th step alone, and counts as many times
there.

The formulas stand here; the networks are in ``models/discriminators``, and training brings the two together.

Axes: B clips, T frames or times of patches, h and w patches.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch import Tensor
from torch.nn import functional

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss, LossConfig, Space, masked_mean

_SMALLEST = 16
"""Pixels: below, three halvings leave less than two patches a side."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialConfig(LossConfig):
    """Settings of adversarial training."""

    weight: float = 0.01
    """What the term is multiplied by; it needs a distance such as ``mse`` beside it. At 0 the discriminators learn, and
    the model does not listen."""

    form: Literal["hinge", "non-saturating"] = "hinge"
    """``hinge`` stops pushing scores that are right already; ``non-saturating`` is the logistic form."""

    start_step: int = 500
    """The optimiser step (0-based) from which the discriminators exist for the training: before, the model learns from
    the other losses alone. A ``schedule`` of the weight counts the same steps."""

    spatial: bool = True
    """Have single frames judged."""

    temporal: bool = True
    """Have the forecast judged as the continuation of its context."""

    frames: int | None = 8
    """So many frames of each clip, drawn anew in every step, are judged one by one; null takes all."""

    filters: int = 32
    """Channels of the discriminators' first layer; the second has twice, the third four times as many."""

    lr: float = 4e-4
    """Learning rate of the discriminators' optimiser, which is Adam and follows no schedule. Somewhat above the
    model's it is usually stable (Heusel et al. 2017)."""

    betas: tuple[float, float] = (0.0, 0.9)
    """Decay of Adam's averages; the first is low because the discriminators' aim moves."""

    r1: float = 0.1
    """Weight of the R1 penalty, which keeps discriminators from growing steep around the truth; 0 leaves it out."""

    r1_every: int = 16
    """The penalty is computed once in so many steps, and counts as many times there."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if not (self.spatial or self.temporal):
            raise ValueError("spatial and temporal are both false, and nothing judges; set one to true")
        for name in ("filters", "r1_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        if self.frames is not None and self.frames < 1:
            raise ValueError(f"frames must be at least 1 or null, found {self.frames}")
        if self.start_step < 0:
            raise ValueError(f"start_step must be at least 0, found {self.start_step}")
        if not (0 < self.lr < float("inf") and 0 <= self.r1 < float("inf")):
            raise ValueError(f"lr must be above 0 and r1 at least 0, found {self.lr} and {self.r1}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be at least 0 and below 1, found {self.betas}")


@final
class AdversarialLoss(Loss):
    """What discriminators say. It compares their scores, (B, T, 1, h, w), where other losses compare frames."""

    config_class: ClassVar[type[LossConfig]] = AdversarialConfig
    space: ClassVar[Space] = "normalised"
    is_distance: ClassVar[bool] = False

    config: AdversarialConfig

    def __init__(self, config: AdversarialConfig) -> None:
        super().__init__(config)

    def prepare(self, spec: ClipSpec) -> None:
        """Refuse frames that are too small to be judged in patches."""
        if min(spec.height, spec.width) < _SMALLEST:
            raise ConfigurationError(
                f"The loss 'adversarial' judges frames of at least {_SMALLEST}x{_SMALLEST} pixels, found "
                f"{spec.height}x{spec.width}; use larger frames or another loss."
            )

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """What the model lowers: high scores of its forecast.

        Args:
            forecast: scores of the forecast.
            target: scores of the truth, which have no influence.
            mask: which scores count; None counts all.
        """
        del target
        return masked_mean(-forecast if self.config.form == "hinge" else functional.softplus(-forecast), mask)

    def against(self, forecast: Tensor, target: Tensor) -> Tensor:
        """What the discriminators lower: low scores of the forecast, high ones of the truth.

        Args:
            forecast: scores of the forecast, float32 and of any shape.
            target: scores of the truth.
        """
        if self.config.form == "hinge":
            return (1 - target).relu().mean() + (1 + forecast).relu().mean()
        return functional.softplus(-target).mean() + functional.softplus(forecast).mean()

    def r1_due(self, *, step: int) -> bool:
        """Whether the penalty is computed in this step of the optimiser (0-based)."""
        return self.config.r1 > 0 and (step - self.config.start_step) % self.config.r1_every == 0

    def r1_penalty(self, scores: Tensor, truth: Tensor) -> Tensor:
        """r1 / 2 · |∇ Σ D(truth)|² / number of scores. Not yet times ``r1_every``.

        For patches that do not overlap it is the mean of r1 / 2 · |∇ D|² over the patches, each taken for a sample; so
        the weight does not depend on the size of clips and batches.

        Args:
            scores: of the truth, any shape.
            truth: what they were computed from, with a gradient.

        Returns:
            A scalar whose gradient reaches the discriminator.
        """
        (slopes,) = torch.autograd.grad(scores.sum(), truth, create_graph=True)
        return self.config.r1 / 2 * slopes.square().sum() / scores.numel()
