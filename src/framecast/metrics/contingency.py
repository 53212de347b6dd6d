"""Contingency: how often an event was forecast and came (hit), came only (miss), was forecast only (false alarm), or
neither (correct negative).

An event is a pixel whose value reaches a threshold. Code bases differ in whether the threshold itself belongs to it, in
what happens to pixels without a value, and in whether single pixels or small blocks are judged; all three are settings.

Axes: B clips, T leads, K thresholds, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor

from framecast.metrics.statistic import Statistic

EventRule = Literal[">=", ">"]
"""Whether a value that equals the threshold is an event (``>=``) or is not (``>``)."""

Gaps = Literal["left_out", "dropped", "no_event"]
"""What becomes of pixels without a value.

``left_out``: where the mask says that a value is missing, nothing is counted; a forecast that is not finite makes the
numbers of its frame NaN. ``dropped``: nothing is counted there either, and neither where a value is not finite.
``no_event``: everywhere without a value there is no event, so that two gaps make a correct negative.
"""

TOLERANCE = 1e-6
"""A value that differs from the threshold by less than this share of it is equal to it. Values come back from a
normaliser in single precision, which leaves a rounding error, and radar data stand on a grid (half decibels, tenths of
a millimetre) that usual thresholds are on too: without it the error would decide what an event is."""

COUNTS = ("hits", "misses", "false_alarms", "correct_negatives")


@final
@dataclass(frozen=True, slots=True)
class ContingencyTable(Statistic):
    """``hits``, ``misses``, ``false_alarms``, ``correct_negatives`` of each frame, (B, T, K): pixels by threshold.

    With a window of n pixels the names end in ``_pool<n>``, and blocks of n × n pixels are counted instead, with an
    event where the highest value of the block is one (max-pooling with a stride of n). Blocks at the lower and right
    edge may be smaller; of pixels that are missing, a block knows nothing, and without any pixel it is missing itself.
    """

    thresholds: tuple[float, ...]
    rule: EventRule = ">="
    window: int | None = None
    gaps: Gaps = "left_out"

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        there = counted(forecast, target, mask, self.gaps)
        # What is nowhere an event needs no second look at the mask.
        lowest = [without_gaps(values, mask if there is None else there) for values in (forecast, target)]
        if self.window is not None:
            lowest = [block_maximum(values, self.window) for values in lowest]
            there = None if there is None else block_maximum(there.to(forecast.dtype), self.window) > 0
        expected, true = lowest
        number = expected.new_full(expected.shape[:2], float(expected.shape[2:].numel()))
        number = number if there is None else frame_count(there)
        spoilt = not_finite(forecast, target) if self.gaps == "left_out" else None
        rows = [
            _table(reaches(expected, level, self.rule), reaches(true, level, self.rule)) for level in self.thresholds
        ]
        hits, observed, warned = (torch.stack(column, dim=-1) for column in zip(*rows, strict=True))
        counts = (hits, observed - hits, warned - hits, number[..., None] - observed - warned + hits)
        if spoilt is not None:
            counts = tuple(count.masked_fill(spoilt[..., None], torch.nan) for count in counts)
        return {name + pool_suffix(self.window): count for name, count in zip(COUNTS, counts, strict=True)}


def pool_suffix(window: int | None) -> str:
    """What names of numbers of blocks end in: ``"_pool4"``."""
    return "" if window is None else f"_pool{window}"


def reaches(values: Tensor, threshold: float, rule: EventRule) -> Tensor:
    """Where there is an event, bool; not where the value is NaN."""
    slack = TOLERANCE * abs(threshold)
    return values >= threshold - slack if rule == ">=" else values > threshold + slack


def counted(forecast: Tensor, target: Tensor, mask: Tensor | None, gaps: Gaps) -> Tensor | None:
    """Which pixels are counted, bool; None: all of them."""
    if gaps == "no_event":
        return None
    if gaps == "left_out":
        return mask
    finite = ~(forecast + target).isnan()
    return finite if mask is None else finite & mask


def without_gaps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Minus infinity, which is no event, where the mask says that nothing is; NaN, which is none either, stays."""
    return values if mask is None else values.masked_fill(~mask, -torch.inf)


def not_finite(forecast: Tensor, target: Tensor) -> Tensor:
    """Frames in which anything is NaN, (B, T) bool."""
    return (forecast.sum(dim=(2, 3, 4)) + target.sum(dim=(2, 3, 4))).isnan()


def frame_count(condition: Tensor) -> Tensor:
    """How often a condition holds in each frame, (..., C, H, W) bool → (...) float64."""
    # Float32 counts a line exactly, and adds much faster than integers are added.
    return condition.float().sum(dim=-1).double().sum(dim=(-2, -1))


def block_maximum(values: Tensor, size: int) -> Tensor:
    """The highest value of each block of ``size`` × ``size`` pixels, (..., H, W) → (..., ⌈H / size⌉, ⌈W / size⌉).

    NaN is lower than everything.
    """
    height, width = values.shape[-2:]
    values = values.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    values = F.pad(values, (0, -width % size, 0, -height % size), value=-torch.inf)
    return values.unflatten(-1, (-1, size)).unflatten(-3, (-1, size)).amax(dim=(-3, -1))


def _table(warned: Tensor, observed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hits, observed events and forecast events of each frame, (B, T)."""
    return frame_count(warned & observed), frame_count(observed), frame_count(warned)
