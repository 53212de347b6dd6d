"""Event score: a number made of a contingency table, at one threshold or as the mean over several.

Axes: (..., K): sums of any shape, then K thresholds.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from framecast.metrics.contingency import COUNTS, ContingencyTable, EventRule, Gaps, pool_suffix
from framecast.metrics.metric import FloatArray, Metric, ratio
from framecast.metrics.statistic import Statistic

MeanOver = Literal["observed", "all"]
"""Thresholds that take part in a mean. ``observed``: those at which the truth has an event at all, hence the same for
every forecaster. ``all``: every one."""

THRESHOLDS = (0.5,)
"""Half way between black and white, for want of a quantity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventScore(Metric):
    """A function of hits, misses, false alarms and correct negatives, each summed over everything first.

    Where it would divide by zero, the value is infinite or NaN.
    """

    thresholds: tuple[float, ...] = THRESHOLDS
    """What makes an event, ascending. With ``threshold`` it is the value at that one, else the mean."""

    rule: EventRule = ">="
    """Whether the threshold itself belongs to the event."""

    gaps: Gaps = "left_out"
    """What becomes of pixels without a value."""

    mean_over: MeanOver = "observed"
    """Which thresholds the mean is of."""

    undefined: float = np.nan
    """The value where the formula has none, though something was counted."""

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (ContingencyTable(self.thresholds, self.rule, self.window, self.gaps),)

    @abstractmethod
    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """The score; divisions by zero may stay."""

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        hits, misses, false_alarms, negatives = (sums[name + pool_suffix(self.window)] for name in COUNTS)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = self.formula(hits, misses, false_alarms, negatives)
        unknown = np.isnan(hits + misses + false_alarms + negatives) | (hits + misses + false_alarms + negatives == 0)
        scores = np.where(np.isnan(scores) & ~unknown, self.undefined, scores)
        scores = np.where(unknown, np.nan, scores)
        return at_or_mean(scores, hits + misses != 0, self.thresholds, self.threshold, self.mean_over)


def at_or_mean(
    scores: FloatArray,
    observed: NDArray[np.bool_],
    thresholds: tuple[float, ...],
    threshold: float | None,
    mean_over: MeanOver = "observed",
) -> FloatArray:
    """The score at one threshold, or the mean over several.

    Args:
        scores: (..., K).
        observed: (..., K), where the truth has an event.
        thresholds: K.
        threshold: one of them; None for the mean.
        mean_over: which thresholds the mean is of.

    Returns:
        (...); NaN where a threshold that takes part has no score, or none takes part.
    """
    if threshold is not None:
        return scores[..., thresholds.index(threshold)]
    if mean_over == "all":
        return scores.mean(axis=-1)
    total, number = np.where(observed, scores, 0.0).sum(axis=-1), observed.sum(axis=-1)
    return ratio(np.asarray(total), np.asarray(number, dtype=np.float64))


M = TypeVar("M", bound=Metric)


def mean_and_each(metric: M, thresholds: tuple[float, ...]) -> tuple[M, ...]:
    """A metric as the mean over thresholds, under its plain name, then at each: ``csi``, ``csi@0.5``, ``csi@2``.

    Args:
        metric: one with a field ``thresholds``.
        thresholds: ascending.
    """
    family = metric.family or metric.name
    changes: dict[str, Any] = {"thresholds": thresholds, "family": family}
    return (
        replace(metric, **changes, summary=f"{metric.summary[:-1]}; mean over thresholds."),
        *(
            replace(
                metric,
                **changes,
                threshold=threshold,
                name=f"{metric.name}@{threshold:g}",
                summary=f"{metric.summary[:-1]}; threshold {threshold:g}.",
            )
            for threshold in thresholds
        ),
    )
