"""Loss: one scalar that training lowers.

Axes: B clips, T leads, C channels, H height, W width.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, ClassVar, Literal, final

import torch
from torch import Tensor, nn

from framecast.frames.clip import ClipSpec
from framecast.losses.weight_schedule import WeightSchedule

Space = Literal["normalised", "unit"]
"""The scale on which a loss reads values: as the model sees them, or with the native range scaled to [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """Settings of one term of the weighted sum; losses with more settings extend it."""

    weight: float = 1.0
    """What the term is multiplied by; 0 computes and logs it without training on it."""

    schedule: WeightSchedule = field(default_factory=WeightSchedule)
    """How the weight comes to that value in the course of training."""

    def __post_init__(self) -> None:
        if not (isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"weight must be a finite number of at least 0, found {self.weight}")


class Loss(nn.Module, ABC):
    """A differentiable distance between forecast and target. Constructed as ``SomeLoss(config)``.

    A subclass is one file and implements :meth:`compute`; callers call the module, which sees to precision and mask.
    """

    config_class: ClassVar[type[LossConfig]] = LossConfig
    """The frozen dataclass of settings; every field has a default and a docstring."""

    space: ClassVar[Space]

    reads_members: ClassVar[bool] = False
    """Whether it compares an ensemble with the truth: the forecast is then (B, S, T, C, H, W)."""

    is_distance: ClassVar[bool] = True
    """Whether it compares a forecast with its truth and so can tell which weights are the best. False for a term that
    exists in training alone, such as what discriminators say."""

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config

    def prepare(self, spec: ClipSpec) -> None:
        """Get ready for the clips of a run: networks that depend on their channels, weights that are read from a file.

        Called once, before training; most losses have nothing to do.

        Args:
            spec: what the clips look like.

        Raises:
            ConfigurationError: the loss cannot be used on such clips.
            NotAvailableError: weights are missing; says how to get them.
        """
        del spec

    def calibrate(self, spec: ClipSpec, normalise: Callable[[Tensor], Tensor]) -> None:
        """Learn how native values are normalised, for settings in the recording's own units (thresholds in mm/h).

        Called once, after :meth:`prepare`; most losses have nothing to learn.

        Args:
            spec: what the clips look like.
            normalise: from native values (..., C, H, W), floating point, to normalised ones.

        Raises:
            ConfigurationError: the settings do not fit such values.
        """
        del spec, normalise

    @abstractmethod
    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """Return the scalar loss.

        Args:
            forecast: (B, T, C, H, W), at least float32, on the scale that :attr:`space` names; 0 where missing.
            target: the same of the truth.
            mask: (B, T, C, H, W) bool, True where a value is there; None when every value is.
        """

    @final
    def forward(self, forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compare.

        Args:
            forecast: (B, T, C, H, W) of any float type, on the scale that :attr:`space` names; (B, S, T, C, H, W) for
                a loss that reads members.
            target: the same of the truth.
            mask: (B, T, C, H, W) bool, True where a value is there; None when every value is. Missing values have no
                influence and get no gradient.

        Returns:
            A scalar, computed in float32 also under autocast (in float64 for float64 input).
        """
        one_future = (forecast.shape[0], *forecast.shape[2:]) if self.reads_members else forecast.shape
        if target.ndim != 5 or one_future != target.shape:
            raise ValueError(f"forecast {tuple(forecast.shape)} and target {tuple(target.shape)} must be B T C H W")
        with torch.autocast(forecast.device.type, enabled=False):
            forecast, target = at_least_float32(forecast), at_least_float32(target)
            if mask is not None:
                over_members = mask[:, None] if self.reads_members else mask
                forecast, target = torch.where(over_members, forecast, 0.0), torch.where(mask, target, 0.0)
            return self.compute(forecast, target, mask)

    if TYPE_CHECKING:

        def __call__(  # noqa: D102 - it is forward, typed
            self, forecast: Tensor, target: Tensor, mask: Tensor | None = None
        ) -> Tensor: ...


def at_least_float32(frames: Tensor) -> Tensor:
    """Half precision becomes float32; float32 and float64 stay."""
    return frames.to(torch.promote_types(frames.dtype, torch.float32))


def masked_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over the values that are there; 0, without gradient, when none is.

    Args:
        values: any shape.
        mask: the same shape, bool; None when every value is there.
    """
    if mask is None:
        return values.sum() / max(values.numel(), 1)
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)
