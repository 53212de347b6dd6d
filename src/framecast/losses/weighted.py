"""Balanced errors: mean squared or absolute error in which heavy rain counts more.

Shi et al., "Deep learning for precipitation nowcasting: a benchmark and a new model", NeurIPS 2017: B-MSE and B-MAE.
Every value of the truth has a factor that rises in steps with its rain rate::

    below 2 mm/h: 1    from 2: 2    from 5: 5    from 10: 10    from 30: 30

Choices made. Thresholds are in the recording's own units, errors on the model's normalised scale: as in the published
system, whose thresholds are in mm/h and whose errors are those of pixels that are linear in dBZ (here: with
``clips.transform.name=dbz``). The paper sums over a frame; here it is a mean over values, so that the weight does not
depend on the frame's size. It is not divided by the sum of the factors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss, LossConfig, Space, masked_mean


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedConfig(LossConfig):
    """Settings of the balanced errors."""

    power: Literal[1, 2] = 2
    """2 is B-MSE, 1 is B-MAE."""

    thresholds: tuple[float, ...] = (2.0, 5.0, 10.0, 30.0)
    """Where the factor changes, ascending, in the recording's own units; a threshold belongs to the step above it."""

    factors: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0)
    """What an error is multiplied by: below the first threshold, from the first on, and so on."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        ascending = all(low < high for low, high in pairwise(self.thresholds))
        if not (self.thresholds and ascending and all(map(isfinite, self.thresholds))):
            raise ValueError(f"thresholds must be finite and ascending, at least one, found {self.thresholds}")
        if len(self.factors) != len(self.thresholds) + 1:
            raise ValueError(
                f"factors must be one more than the {len(self.thresholds)} thresholds, found {len(self.factors)}"
            )
        if not all(isfinite(factor) and factor >= 0 for factor in self.factors) or not any(self.factors):
            raise ValueError(f"factors must be finite, at least 0 and not all 0, found {self.factors}")


@final
class WeightedLoss(Loss):
    """mean w(truth) · e² or mean w(truth) · \\|e\\|."""

    config_class: ClassVar[type[LossConfig]] = WeightedConfig
    space: ClassVar[Space] = "normalised"

    def __init__(self, config: WeightedConfig) -> None:
        super().__init__(config)
        self.power = config.power
        self.thresholds = config.thresholds
        self.factors = config.factors
        self.steps: Tensor | None
        self.register_buffer("steps", None, persistent=False)

    def calibrate(self, spec: ClipSpec, normalise: Callable[[Tensor], Tensor]) -> None:
        """Bring the thresholds to the normalised scale, where the truth is.

        Args:
            spec: what the clips look like.
            normalise: from native values (..., C, H, W) to normalised ones; rising.

        Raises:
            ConfigurationError: the recordings do not reach the lowest threshold, so that no value would count more.
        """
        native = torch.tensor(self.thresholds, dtype=torch.float64).view(-1, 1, 1, 1)
        steps = normalise(native.expand(-1, spec.channels, 1, 1)).detach().cpu()
        wanted = spec.forecast_channels or range(spec.channels)
        if all(float(steps[0, channel]) > spec.high[channel] for channel in wanted):
            raise ConfigurationError(
                f"The loss 'weighted' has its lowest threshold at {self.thresholds[0]:g}, and no value of these "
                "recordings is so high; set loss.weighted.thresholds in the recordings' own units."
            )
        self.steps = steps

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`.

        Raises:
            RuntimeError: the loss has not been told the scale (:meth:`calibrate`).
        """
        error = (forecast - target).abs()
        weights = self._weights(target)
        return masked_mean(weights * (error.square() if self.power == 2 else error), mask)

    def _weights(self, target: Tensor) -> Tensor:
        if self.steps is None:
            raise RuntimeError("WeightedLoss.calibrate has to be called before the loss is computed")
        weights = torch.full_like(target, self.factors[0])
        for step, factor in zip(self.steps.to(target), self.factors[1:], strict=True):
            weights = torch.where(target >= step, factor, weights)
        return weights
