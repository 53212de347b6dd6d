"""Multi-scale structural dissimilarity: 1 - MS-SSIM (Wang, Simoncelli and Bovik 2003).

Choice made: the published formula has five scales, which need frames of 176 pixels. Smaller frames have as many of its
scales as fit, the finest ones, with weights that add up to 1 again: 64 pixels have three, fewer than 22 one, which is
SSIM. A frame whose structure is turned round at some scale counts 1, the worst there is, and gets no gradient: the loss
needs a companion such as ``mse``.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss, LossConfig, Space, masked_mean
from framecast.metrics.ms_ssim_formula import WEIGHTS, MultiScaleSsimFormula


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MultiScaleConfig(LossConfig):
    """Settings of the multi-scale structural dissimilarity."""

    scales: int | None = None
    """How many scales; null takes as many of the five as fit."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if self.scales is not None and not 1 <= self.scales <= len(WEIGHTS):
            raise ValueError(f"scales must be between 1 and {len(WEIGHTS)}, or null, found {self.scales}")


@final
class MultiScaleDissimilarityLoss(Loss):
    """1 - mean MS-SSIM of the frames that have a window without a missing pixel at every scale; between 0 and 1."""

    config_class: ClassVar[type[LossConfig]] = MultiScaleConfig
    space: ClassVar[Space] = "unit"

    def __init__(self, config: MultiScaleConfig) -> None:
        super().__init__(config)
        self.scales = config.scales

    def prepare(self, spec: ClipSpec) -> None:
        """See :meth:`Loss.prepare`."""
        self._formula(spec.height, spec.width)

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`.

        Raises:
            ConfigurationError: the frames are too small for the scales asked for, or for a single one.
        """
        images = (-1, *target.shape[2:])
        there = None if mask is None else mask.reshape(images)
        formula = self._formula(*target.shape[-2:])
        similarity, defined = formula.per_image(forecast.reshape(images), target.reshape(images), there)
        return masked_mean(1.0 - torch.where(defined, similarity, 1.0), defined)

    def _formula(self, height: int, width: int) -> MultiScaleSsimFormula:
        """The finest scales of the published one: as many as were asked for, or as fit."""
        for scales in [self.scales] if self.scales else range(len(WEIGHTS), 0, -1):
            formula = _of_scales(scales)
            if min(height, width) >= formula.smallest:
                return formula
        formula = _of_scales(self.scales or 1)
        size = formula.single.size
        raise ConfigurationError(
            f"The loss 'ms_ssim' compares windows of {size}x{size} pixels, found frames of {height}x{width}: "
            f"{len(formula.weights)} scales need {formula.smallest} pixels a side. Use larger frames, fewer scales, or "
            "another loss."
        )


def _of_scales(number: int) -> MultiScaleSsimFormula:
    kept = WEIGHTS[:number]
    return MultiScaleSsimFormula(weights=tuple(weight / sum(kept) for weight in kept))
