"""Bootstrap: how much a score would vary if other recordings of the same kind had been evaluated.

Units (see :mod:`framecast.evaluation.independence`) are drawn with replacement, as many as there are; the statistics of
the drawn ones are summed and turned into values, by the metrics themselves, exactly as for the score. Scores of all
forecasters use the same draws, so an interval of a difference or a skill is that of paired figures: recordings that are
hard for everybody widen neither.

Intervals are percentiles of the drawn values, at levels widened for few units: Φ(√(n/(n - 1)) t) instead of 2.5 % and
97.5 %, t being Student's quantile of n - 1 degrees of freedom (Hesterberg, "What teachers should know about the
bootstrap", The American Statistician 69(4), 2015, section 4.1.2; for a mean this makes them as wide as Student's).

Axes: R draws, U units, N clips, T leads, K numbers that belong together.
"""

from collections.abc import Callable, Mapping
from math import sqrt
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from framecast.evaluation.results import Interval
from framecast.metrics.metric import FloatArray, Metric, SetMetric

LEVEL = 0.95
"""How often an interval should hold the truth."""


@final
class Bootstrap:
    """The same draws for every score of an evaluation."""

    def __init__(self, units: NDArray[np.int64], *, resamples: int, seed: int = 0) -> None:
        """Draw.

        Args:
            units: (N,) the unit of each clip, numbered from 0 without gaps; at least two units.
            resamples: R.
            seed: of the draws, which are the same whenever an evaluation is repeated.
        """
        self._units = units
        self.num_units = int(units.max()) + 1
        drawn = np.random.default_rng(seed).integers(self.num_units, size=(resamples, self.num_units))
        self._weights = np.zeros((resamples, self.num_units))
        np.add.at(self._weights, (np.arange(resamples)[:, None], drawn), 1.0)
        self._tails = _tails(self.num_units)

    def totals(self, per_clip: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Sums of drawn statistics, (R, T) or (R, T, K).

        Args:
            per_clip: (N, T) or (N, T, K) by statistic.
        """
        return {name: self._total(rows) for name, rows in per_clip.items()}

    def _total(self, rows: FloatArray) -> FloatArray:
        by_unit = np.zeros((self.num_units, int(np.prod(rows.shape[1:]))))
        np.add.at(by_unit, self._units, rows.reshape(len(rows), -1))
        finite = np.isfinite(by_unit)
        total = self._weights @ np.where(finite, by_unit, 0.0)
        if not finite.all():  # 0 × NaN is NaN: what was not drawn must not count
            for unit, column in np.argwhere(~finite):
                total[self._weights[:, unit] > 0, column] += by_unit[unit, column]
        return total.reshape(-1, *rows.shape[1:])

    def interval(self, values: FloatArray) -> Interval:
        """Of R values of one score; NaN where fewer than half of the draws give a number.

        A score that is undefined for some draws (a threshold that none of the drawn recordings reaches) has the
        interval of the others.
        """
        known = values[~np.isnan(values)]
        if len(known) < len(values) / 2:
            return float("nan"), float("nan")
        low, high = np.quantile(known, self._tails, method="inverted_cdf" if np.isinf(known).any() else "linear")
        return float(low), float(high)


def drawn_values(metric: Metric, totals: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """A metric's value for each draw: over all leads, (R,), and of each lead, (R, T). NaN for a metric of sets.

    Args:
        metric: of the convention under which the statistics were gathered.
        totals: what :meth:`Bootstrap.totals` returns.
    """
    if isinstance(metric, SetMetric):
        first = next(iter(totals.values()))
        return np.full(first.shape[0], np.nan), np.full(first.shape[:2], np.nan)
    with np.errstate(all="ignore"):
        per_lead = metric.value(totals)
        if metric.lead_mean:
            return per_lead.mean(axis=1), per_lead
        return metric.value({name: rows.sum(axis=1) for name, rows in totals.items()}), per_lead


def paired(function: Callable[[FloatArray, FloatArray], FloatArray], one: FloatArray, other: FloatArray) -> FloatArray:
    """A function of two scores for each draw, quiet about what is undefined in some."""
    with np.errstate(all="ignore"):
        return function(one, other)


def _tails(num_units: int) -> tuple[float, float]:
    """The share of draws below an interval, and below its upper end."""
    student = float(stdtrit(num_units - 1, (1 - LEVEL) / 2))
    wide = float(ndtr(sqrt(num_units / (num_units - 1)) * student))
    return wide, 1 - wide
