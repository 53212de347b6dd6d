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

Per = Literal["pixel", "channel", "frame"]
"""What an error is divided by: the number of values; or of frames, so that errors are summed over a frame; or of
channels of frames, so that they are summed over the pixels of a channel."""


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
            Named float64 tensors, (B, T) or, for several numbers that belong together (a spectrum), (B, T, K). Where
            the forecast is NaN, a number that depends on it is NaN. A frame for which a number is not defined (all
            missing, too small) adds 0, and adds 0 to the count that goes with it.
        """


class EnsembleStatistic(ABC):
    """One or more numbers of each frame that look at every member of an ensemble; else like :class:`Statistic`."""

    @abstractmethod
    def per_frame(self, members: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """Look at every frame by itself.

        Args:
            members: (B, S, T, C, H, W) float64, as the forecast of :meth:`Statistic.per_frame`; S is 1 for a forecast
                of one future.
            target: (B, T, C, H, W) of the truth.
            mask: (B, T, C, H, W) bool, True where a value is there; None when every value is.

        Returns:
            As :meth:`Statistic.per_frame`.
        """


class ClipStatistic(ABC):
    """Numbers of a whole clip that are compared as sets, not summed: features of a film, for its Fréchet distance."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """What :meth:`per_clip` returns."""

    @abstractmethod
    def per_clip(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """Look at every clip by itself.

        Args:
            forecast: as for :meth:`Statistic.per_frame`.
            target: the same of the truth.
            mask: (B, T, C, H, W) bool or None.

        Returns:
            Named (B, K) float64 tensors.
        """


AnyStatistic = Statistic | EnsembleStatistic | ClipStatistic


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


@final
@dataclass(frozen=True, slots=True)
class ChannelCount(Statistic):
    """``channels``: the channels of the frame in which any value is there."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        del forecast
        if mask is None:
            return {"channels": target.new_full(target.shape[:2], float(target.shape[2]))}
        return {"channels": mask.flatten(3).any(dim=3).sum(dim=2).to(target.dtype)}


def frame_sum(values: Tensor, mask: Tensor | None) -> Tensor:
    """Sum over each frame, (B, T, C, H, W) → (B, T), leaving out what the mask says is missing.

    Lines come first: a single long sum may be shared among the processor's cores, which adds a frame that is alone in
    its batch in another order than one in company.
    """
    if mask is not None:
        values = torch.where(mask, values, 0.0)
    return values.sum(dim=-1).sum(dim=(-2, -1))


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
    match per:
        case "pixel":
            return ValueCount(), "count"
        case "channel":
            return ChannelCount(), "channels"
        case "frame":
            return FrameCount(), "frames"
