"""Statistic: numbers of each frame that may be added up, over clips and over leads.

A metric is statistic → sum → value. Because everything between a frame and a final value is a plain sum, chunks,
workers and leads add up exactly. A count is a statistic like any other: it is what a sum is divided by.

Axes: B clips, T leads, C channels, H height, W width.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

Per = Literal["pixel", "frame"]
"""What an error is divided by: the number of values, or the number of frames (errors are then summed over a frame)."""


class Statistic(ABC):
    """One or more numbers of each frame.

    A subclass is a frozen dataclass: statistics that compare equal are computed once, however many metrics ask.
    """

    @abstractmethod
    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """Look at every frame by itself.

        Args:
            forecast: (B, T, C, H, W) float64 on the scale that the convention reads; missing values are 0, values that
                are not finite are NaN.
            target: the same of the truth.
            mask: (B, T, C, H, W) bool, True where a value is there; None when every value is.

        Returns:
            Named (B, T) float64 tensors. Where the forecast is NaN, a number that depends on it is NaN. A frame for
            which a number is not defined (all missing, too small) adds 0, and adds 0 to the count that goes with it.
        """


@final
@dataclass(frozen=True, slots=True)
class ValueCount(Statistic):
    """``count``: the values of the frame that are there."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        del forecast
        return {"count": value_count(target, mask)}


@final
@dataclass(frozen=True, slots=True)
class FrameCount(Statistic):
    """``frames``: 1 for a frame in which any value is there, 0 for one that is missing altogether."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        del forecast
        if mask is None:
            return {"frames": target.new_ones(target.shape[:2])}
        return {"frames": mask.flatten(2).any(dim=2).to(target.dtype)}


def frame_sum(values: Tensor, mask: Tensor | None) -> Tensor:
    """Sum over each frame, (B, T, C, H, W) → (B, T), leaving out what the mask says is missing."""
    if mask is not None:
        values = torch.where(mask, values, 0.0)
    return values.sum(dim=(-3, -2, -1))


def value_count(target: Tensor, mask: Tensor | None) -> Tensor:
    """How many values of each frame are there, (B, T) in the type of the target."""
    if mask is None:
        return target.new_full(target.shape[:2], float(target.shape[2:].numel()))
    return mask.flatten(2).sum(dim=2).to(target.dtype)


def count_where(condition: Tensor, mask: Tensor | None, *frames: Tensor) -> Tensor:
    """Count where a condition holds in each frame, (B, T) float64; NaN for a frame in which any of ``frames`` is NaN.

    Comparisons forget NaN, so it has to be looked for.
    """
    if mask is not None:
        condition = condition & mask
    count = condition.flatten(2).sum(dim=2).to(torch.float64)
    for values in frames:
        count = torch.where(values.isnan().flatten(2).any(dim=2), torch.nan, count)
    return count


def weight_of(per: Per) -> tuple[Statistic, str]:
    """The count that an error is divided by, and the name under which it is summed."""
    return (ValueCount(), "count") if per == "pixel" else (FrameCount(), "frames")
