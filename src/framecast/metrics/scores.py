"""Scores: values of every metric from per-clip statistics, which results keep, so nothing is ever computed twice.

Sums are correctly rounded (``math.fsum``): the order of clips, and how they were cut into chunks or given to workers,
cannot change a single bit of them.

Axes: N clips, T leads, K numbers that belong together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from typing import final

import numpy as np

from framecast.metrics.conventions.convention import Convention
from framecast.metrics.metric import FloatArray, Metric, SetMetric
from framecast.metrics.statistic import ClipStatistic


@final
@dataclass(frozen=True, slots=True)
class Scores:
    """What one forecaster scores under one convention."""

    overall: dict[str, float]
    """By metric, over all clips and leads. NaN where the metric is not defined."""

    per_lead: dict[str, FloatArray]
    """By metric, (T,): over all clips, for each lead."""


def score(convention: Convention, per_clip: Mapping[str, FloatArray]) -> Scores:
    """Turn per-clip statistics into values.

    Args:
        convention: the one under which the statistics were gathered.
        per_clip: (N, T) or (N, T, K) by statistic; any selection of clips, for example the clips of one group.
    """
    summed = summable(convention, per_clip)
    by_lead = {name: exact_sum(rows) for name, rows in summed.items()}
    everything = {name: exact_sum(rows.reshape(-1, *rows.shape[2:])) for name, rows in summed.items()}
    num_leads = max((rows.shape[1] for rows in per_clip.values()), default=0)
    overall, per_lead = dict[str, float](), dict[str, FloatArray]()
    for metric in convention.metrics:
        if isinstance(metric, SetMetric):
            overall[metric.name] = metric.value_of_set(per_clip)
            per_lead[metric.name] = np.full(num_leads, np.nan)
        else:
            per_lead[metric.name] = metric.value(by_lead)
            overall[metric.name] = float(per_lead[metric.name].mean() if metric.lead_mean else metric.value(everything))
    return Scores(overall=overall, per_lead=per_lead)


def summable(convention: Convention, per_clip: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The statistics that may be added up, without those of sets."""
    sets = {
        name
        for metric in convention.metrics
        for statistic in metric.statistics
        if isinstance(statistic, ClipStatistic)
        for name in statistic.names
    }
    return {name: rows for name, rows in per_clip.items() if name not in sets}


def clip_values(metric: Metric, per_clip: Mapping[str, FloatArray]) -> FloatArray:
    """One metric's value of every clip by itself, over its leads, (N,): to find typical, best and worst clips.

    Args:
        metric: a metric of the convention under which the statistics were gathered; of a set no clip has a value.
        per_clip: (N, T) or (N, T, K) by statistic.
    """
    if isinstance(metric, SetMetric):
        return np.full(len(next(iter(per_clip.values()))), np.nan)
    wanted = {name for name, rows in per_clip.items() if rows.ndim >= 2}
    if metric.lead_mean:
        return metric.value({name: per_clip[name] for name in wanted}).mean(axis=1)
    return metric.value({name: exact_sum(np.moveaxis(per_clip[name], 1, 0)) for name in wanted})


def exact_sum(rows: FloatArray) -> FloatArray:
    """Sum over the first axis, correctly rounded, hence the same for every order of rows.

    Infinity and NaN behave as in a plain sum.
    """
    num_columns = int(np.prod(rows.shape[1:]))
    columns = rows.reshape(rows.shape[0], num_columns).T.tolist()
    return np.array([_sum(column) for column in columns], dtype=np.float64).reshape(rows.shape[1:])


def _sum(values: list[float]) -> float:
    try:
        return fsum(values)
    except (ValueError, OverflowError):  # ∞ - ∞, or finite values beyond the range of a float
        with np.errstate(invalid="ignore", over="ignore"):
            return float(np.sum(values))
