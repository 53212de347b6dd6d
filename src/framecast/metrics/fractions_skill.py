"""Fractions skill score: are there as many events around each pixel as in truth, wherever exactly they are?

Roberts and Lean, "Scale-selective verification of rainfall accumulations from high-resolution forecasts of convective
events", Monthly Weather Review 136 (2008), summed over frames before the division, as pysteps does.

Axes: B clips, T leads, K thresholds, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.contingency import EventRule, Gaps, counted, not_finite, reaches, without_gaps
from framecast.metrics.event_score import THRESHOLDS, at_or_mean
from framecast.metrics.metric import Better, FloatArray, Metric
from framecast.metrics.moving_sum import square_sum
from framecast.metrics.statistic import Statistic


@final
@dataclass(frozen=True, slots=True)
class FractionSums(Statistic):
    """``fractions_forecast_<n>px``, ``fractions_target_<n>px``, ``fractions_product_<n>px``: with S the number of
    events in the square of n × n pixels around a pixel, Σ S², Σ S² and Σ S S' over the pixels of each frame, (B, T, K).

    A missing pixel is like one beyond the edge of the frame: there is no event, and no square is centred on it. With
    ``no_event`` squares are centred on it all the same, as in pysteps.
    """

    thresholds: tuple[float, ...]
    windows: tuple[int, ...]
    rule: EventRule = ">="
    gaps: Gaps = "left_out"

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        there = counted(forecast, target, mask, self.gaps)
        gaps = mask if there is None else there
        found = {
            f"fractions_{what}_{window}px": forecast.new_zeros((*forecast.shape[:2], len(self.thresholds)))
            for window in self.windows
            for what in ("forecast", "target", "product")
        }
        # Lead by lead, which holds no more than a frame of each clip at once, in a processor's cache if may be.
        for lead in range(forecast.shape[1]):
            here = None if gaps is None else gaps[:, lead]
            pair = torch.stack([without_gaps(values[:, lead], here) for values in (forecast, target)], dim=1)
            centres = None if there is None else there[:, lead].flatten(1)[:, None]
            for place, threshold in enumerate(self.thresholds):
                events = reaches(pair, threshold, self.rule)
                for window in self.windows:
                    sums = square_sum(events, window).double().flatten(2)
                    sums = sums if centres is None else sums * centres
                    products = sums @ sums.mT  # (B, 2, 2): whole numbers below 2⁵³, hence exact
                    found[f"fractions_forecast_{window}px"][:, lead, place] = products[:, 0, 0]
                    found[f"fractions_target_{window}px"][:, lead, place] = products[:, 1, 1]
                    found[f"fractions_product_{window}px"][:, lead, place] = products[:, 0, 1]
        if self.gaps == "left_out":
            spoilt = not_finite(forecast, target)[..., None]
            found = {name: sums.masked_fill(spoilt, torch.nan) for name, sums in found.items()}
        return found


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FractionsSkillScore(Metric):
    """1 - Σ (S - S')² / (Σ S² + Σ S'²): 1 where the fractions agree, 0 where they have nothing in common."""

    name: str = "fss"
    summary: str = "Fractions skill score: events in squares of 16 pixels around each pixel."
    better: Better | None = "higher"
    window: int | None = 16

    thresholds: tuple[float, ...] = THRESHOLDS
    """What makes an event, ascending. With ``threshold`` it is the value at that one, else the mean."""

    windows: tuple[int, ...] = (16,)
    """All sizes that are computed together, ``window`` among them."""

    rule: EventRule = ">="
    """Whether the threshold itself belongs to the event."""

    gaps: Gaps = "left_out"
    """What becomes of pixels without a value."""

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (FractionSums(self.thresholds, self.windows, self.rule, self.gaps),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        expected, true, both = (sums[f"fractions_{what}_{self.window}px"] for what in ("forecast", "target", "product"))
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1.0 - (expected - 2.0 * both + true) / (expected + true)
        return at_or_mean(scores, true != 0, self.thresholds, self.threshold)


def fractions_skill(*windows: int, gaps: Gaps = "left_out") -> tuple[FractionsSkillScore, ...]:
    """A score for each size of the square, in pixels: ``fss_4px``, ``fss_16px``."""
    return tuple(
        FractionsSkillScore(
            name=f"fss_{window}px",
            family="fss",
            window=window,
            windows=windows,
            gaps=gaps,
            summary=f"Fractions skill score: events in squares of {window} pixels around each pixel.",
        )
        for window in windows
    )
