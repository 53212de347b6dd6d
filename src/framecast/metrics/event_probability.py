"""Event probability: the share of an ensemble's members that forecast an event, and how good it is as a probability.

* Brier score: the mean squared difference between probability and outcome (1 or 0); of a single forecast, the share of
  pixels that were wrong. It is the plain one of S members, which rewards large ensembles a little.
* Reliability: how far, where p was forecast, the event's frequency is from p. Murphy's term of the Brier score, with
  the mean probability of each bin.

Axes: B clips, S members, T leads, K thresholds, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.contingency import reaches
from framecast.metrics.event_score import THRESHOLDS, at_or_mean
from framecast.metrics.frame_histogram import frame_histogram
from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import AnyStatistic, EnsembleStatistic, ValueCount

MOST_BINS = 10


@final
@dataclass(frozen=True, slots=True)
class EventProbabilities(EnsembleStatistic):
    """The outcome by the probability forecast, for each threshold ``t`` (an event is a value of t or more).

    ``brier``: (B, T, K) squared differences summed over the values of the frame; ``events``: (B, T, K) values with an
    event in truth. ``reliability_count@t``, ``reliability_probability@t``, ``reliability_observed@t``: (B, T, bins) how
    many values had a probability of the bin, the sum of these probabilities, how many of them had an event. There is
    a bin for each number of members, S + 1 in all, or 10 as wide as each other (the upper edge belongs to the next one)
    where S is 10 or more.
    """

    thresholds: tuple[float, ...]

    def per_frame(self, members: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`EnsembleStatistic.per_frame`."""
        number = members.shape[1]
        bins = min(number + 1, MOST_BINS)
        bin_of = torch.arange(number + 1, device=target.device).mul(bins).floor_divide(number).clamp(max=bins - 1)
        if bins == number + 1:
            bin_of = torch.arange(bins, device=target.device)
        into_bins = torch.nn.functional.one_hot(bin_of, bins).to(target.dtype)
        probability = torch.arange(number + 1, dtype=target.dtype, device=target.device) / number
        spoilt = (members.sum(dim=1) + target).sum(dim=(2, 3, 4)).isnan()[..., None]
        found: dict[str, Tensor] = {}
        brier, events = [], []
        for threshold in self.thresholds:
            every, came = self._by_votes(members, target, mask, threshold)
            brier.append((every * probability.square() + came * (1.0 - 2.0 * probability)).sum(dim=-1))
            events.append(came.sum(dim=-1))
            found[f"reliability_count@{threshold:g}"] = every @ into_bins
            found[f"reliability_probability@{threshold:g}"] = (every * probability) @ into_bins
            found[f"reliability_observed@{threshold:g}"] = came @ into_bins
        found |= {"brier": torch.stack(brier, dim=-1), "events": torch.stack(events, dim=-1)}
        return {name: sums.masked_fill(spoilt, torch.nan) for name, sums in found.items()}

    @staticmethod
    def _by_votes(members: Tensor, target: Tensor, mask: Tensor | None, threshold: float) -> tuple[Tensor, Tensor]:
        """(B, T, S + 1) for each number of members with an event: how many values, and how many with one in truth."""
        size = members.shape[1] + 1
        votes = torch.zeros(target.shape, dtype=torch.int32, device=target.device)
        for member in members.unbind(1):
            votes += reaches(member, threshold, ">=")
        came = reaches(target, threshold, ">=")
        without_event, with_event = frame_histogram(votes + size * came, 2 * size, mask).split(size, dim=-1)
        return without_event + with_event, with_event


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BrierScore(Metric):
    """Σ (p - o)² / number of values, at one threshold or as the mean over those that the truth reaches."""

    name: str = "brier"
    summary: str = "Brier score: mean squared difference between the probability of an event and its outcome."
    better: Better | None = "lower"

    thresholds: tuple[float, ...] = THRESHOLDS
    """What makes an event, ascending. With ``threshold`` it is the value at that one, else the mean."""

    @property
    def statistics(self) -> tuple[AnyStatistic, ...]:
        """See :attr:`Metric.statistics`."""
        return EventProbabilities(self.thresholds), ValueCount()

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        count = np.broadcast_to(sums["count"][..., None], sums["brier"].shape)
        scores = ratio(sums["brier"], count)
        return at_or_mean(scores, sums["events"] != 0, self.thresholds, self.threshold)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability(Metric):
    """Σ n (p - f)² / Σ n over bins of n values with mean probability p and frequency f of the event."""

    name: str = "reliability"
    summary: str = "Reliability term of the Brier score: squared distance of probabilities from frequencies."
    better: Better | None = "lower"

    thresholds: tuple[float, ...] = THRESHOLDS
    """What makes an event, ascending. With ``threshold`` it is the value at that one, else the mean."""

    @property
    def statistics(self) -> tuple[AnyStatistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (EventProbabilities(self.thresholds),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        scores = np.stack([self._at(sums, f"{threshold:g}") for threshold in self.thresholds], axis=-1)
        return at_or_mean(scores, sums["events"] != 0, self.thresholds, self.threshold)

    @staticmethod
    def _at(sums: Mapping[str, FloatArray], threshold: str) -> FloatArray:
        count = sums[f"reliability_count@{threshold}"]
        distance = sums[f"reliability_probability@{threshold}"] - sums[f"reliability_observed@{threshold}"]
        squares = np.where(count == 0, 0.0, ratio(distance * distance, count))
        return ratio(squares.sum(axis=-1), count.sum(axis=-1))
