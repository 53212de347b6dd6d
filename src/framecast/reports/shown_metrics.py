"""Which metrics of a convention are shown where: in the main table, in tables of events, or as a limit of another."""

import math
from collections.abc import Sequence

from framecast.evaluation.results import Interval, MetricInfo, Results, Scores

MAIN_METRICS = ("mse", "mae", "psnr", "ssim", "bias", "crps", "csi", "lpips", "fvd")
"""What to show where there is room for a few."""

_NEXT_METRICS = ("sharpness", "bce", "accuracy", "rmse")

_MOST_COLUMNS = 8
"""More do not fit beside each other on a page."""

_JUDGES = ("mse", "crps", "lpips", "mae")
"""Errors that are 0 for a perfect forecast, in the order in which a verdict prefers them."""

_MEANS = ("csi", "brier")
"""Means over thresholds that stand in the main table as well."""

_LIMITS = ("_floor", "_ceiling")
_ONE_STEP = "one-step"


def shown_metrics(results: Results, convention: str) -> list[str]:
    """The metrics of the main table: without floors and ceilings that belong to another metric, without events (but
    with two means over all thresholds), and without those that are defined for no forecaster.
    """
    computed = computed_metrics(results, convention)
    return [
        name
        for name in computed
        if not _limits_another(name, computed)
        and (name in _MEANS or not is_event(results.metric_info(convention, name)))
        and _is_defined(results, convention, name)
    ]


def main_metrics(results: Results, convention: str) -> list[str]:
    """The metrics that a page shows at once: all that are shown, or of many those that are read most."""
    shown = shown_metrics(results, convention)
    if len(shown) <= _MOST_COLUMNS:
        return shown
    main = [name for name in (*MAIN_METRICS, *_NEXT_METRICS) if name in shown]
    return [name for name in shown if name in main[:_MOST_COLUMNS]] or shown[:_MOST_COLUMNS]


def undefined_metrics(results: Results, convention: str) -> list[str]:
    """Metrics that were computed and are defined for nobody, such as MS-SSIM of frames that are too small."""
    computed = computed_metrics(results, convention)
    return [
        name for name in computed if not _limits_another(name, computed) and not _is_defined(results, convention, name)
    ]


def computed_metrics(results: Results, convention: str) -> list[str]:
    """All metrics of a convention, whatever their values."""
    return list(dict.fromkeys(name for row in results.conventions[convention].values() for name in row.overall))


def is_event(info: MetricInfo | None) -> bool:
    """Whether a metric is one of several that differ by threshold or window only, or their mean."""
    return info is not None and bool(info.family)


def judged_by(results: Results) -> str | None:
    """The error that skill is about: that of the leading convention by which models are judged."""
    computed = computed_metrics(results, leading_convention(results))
    return next((name for name in _JUDGES if name in computed), None)


def leading_convention(results: Results) -> str:
    """The first one."""
    return next(iter(results.conventions))


def leading_metric(results: Results) -> str:
    """The metric by which clips are chosen: the error that skill is about, else the first of the leading convention."""
    convention = leading_convention(results)
    return judged_by(results) or (shown_metrics(results, convention) or computed_metrics(results, convention))[0]


def limit_value(results: Results, convention: str, metric: str) -> float | None:
    """What a perfect forecast scores, overall; None where the results do not tell."""
    for scores in results.conventions[convention].values():
        for ending in _LIMITS:
            if metric + ending in scores.overall:
                return scores.overall[metric + ending]
    return None


def limit_per_lead(results: Results, convention: str, metric: str) -> list[float] | None:
    """What a perfect forecast scores at each lead; None where the results do not tell."""
    for scores in results.conventions[convention].values():
        for ending in _LIMITS:
            if metric + ending in scores.per_lead:
                return scores.per_lead[metric + ending]
    return None


def is_one_step(forecaster: str) -> bool:
    """Whether a row shows forecasts of one step from true frames."""
    return _ONE_STEP in forecaster


def best_baseline(results: Results) -> str | None:
    """The baseline that the verdict is about."""
    return results.verdict.best_baseline if results.verdict else None


def known_interval(interval: Interval | Sequence[float] | None) -> Interval | None:
    """An interval whose two ends are numbers; None for any other."""
    if interval is None or len(interval) != 2 or not all(map(math.isfinite, interval)):
        return None
    return float(interval[0]), float(interval[1])


def best_value(forecasters: dict[str, Scores], metric: str, better: str | None) -> float | None:
    """The best of all forecasters that see no truth; None where there is no contest."""
    values = [
        scores.overall[metric]
        for name, scores in forecasters.items()
        if not is_one_step(name) and math.isfinite(scores.overall.get(metric, math.nan))
    ]
    if better is None or len(values) < 2:
        return None
    match better:
        case "zero":
            return min(values, key=abs)
        case "one":
            return min(values, key=lambda value: abs(value - 1))
        case "lower":
            return min(values)
        case _:
            return max(values)


def _limits_another(name: str, computed: Sequence[str]) -> bool:
    return any(name.endswith(ending) and name.removesuffix(ending) in computed for ending in _LIMITS)


def _is_defined(results: Results, convention: str, metric: str) -> bool:
    rows = results.conventions[convention].values()
    return any(not math.isnan(row.overall.get(metric, math.nan)) for row in rows)
