"""``sevir``: how forecasts of the SEVIR radar data set (vertically integrated liquid, VIL, 0 to 255) are scored.

Counts are summed over all clips before anything is divided, and 1e-4 is added to each denominator, as in the metric
that Earthformer published (``SEVIRSkillScore``). Pooled scores, of blocks of 4 × 4 and 16 × 16 pixels, are those of
later papers. Earthformer takes the mean over thresholds of counts over all leads (its mode "0"); the SEVIR challenge
takes the mean over leads as well (mode "2"), which has the names ``..._lead_mean`` here.
"""

from dataclasses import replace

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.event_score import EventScore, mean_and_each
from framecast.metrics.event_scores import CriticalSuccessIndex, ProbabilityOfDetection, SuccessRatio
from framecast.metrics.metric import Metric
from framecast.metrics.sevir_bias import SevirBias
from framecast.metrics.squared_error import MeanSquaredError

THRESHOLDS = (16.0, 74.0, 133.0, 160.0, 181.0, 219.0)
EPSILON = 1e-4

_POOLS = (4, 16)
_SCORES: tuple[EventScore, ...] = (
    CriticalSuccessIndex(gaps="dropped", mean_over="all", epsilon=EPSILON),
    *(
        CriticalSuccessIndex(
            name=f"csi_pool{size}",
            family="csi_pool",
            window=size,
            summary=f"Critical success index of blocks of {size} x {size} pixels, each with its highest value.",
            gaps="dropped",
            mean_over="all",
            epsilon=EPSILON,
        )
        for size in _POOLS
    ),
    ProbabilityOfDetection(gaps="dropped", mean_over="all", epsilon=EPSILON),
    SuccessRatio(name="sucr", gaps="dropped", mean_over="all", epsilon=EPSILON),
    SevirBias(gaps="dropped", mean_over="all", epsilon=EPSILON),
)


def _events(thresholds: tuple[float, ...]) -> tuple[Metric, ...]:
    pooled = tuple(metric for score in _SCORES for metric in mean_and_each(score, thresholds))
    by_lead = replace(
        _SCORES[0],
        name="csi_lead_mean",
        family="csi",
        thresholds=thresholds,
        lead_mean=True,
        summary="Critical success index, mean over thresholds and leads, as the SEVIR challenge has it.",
    )
    return (*pooled[: len(thresholds) + 1], by_lead, *pooled[len(thresholds) + 1 :])


SEVIR = Convention(
    name="sevir",
    summary="SEVIR and Earthformer: events of VIL at or above 16 to 219, counts over everything, ε = 1e-4.",
    source="https://github.com/amazon-science/earth-forecasting-transformer, src/earthformer/metrics/sevir.py",
    space="native",
    metrics=(MeanSquaredError(), MeanAbsoluteError()),
    events=_events,
    thresholds=THRESHOLDS,
    notes=(
        "Values are taken as VIL from 0 to 255; mse / 255² is what papers print in units of 1e-3.",
        "An event is a value at or above the threshold; pixels that are missing or not finite are no event in "
        "forecast and truth alike, so that mse and mae alone show a forecast that is not finite.",
        "csi, pod, sucr and bias are means over all six thresholds, and 0 where a threshold is never reached.",
        "bias is (frequency bias / ln 2)², as it is published: the best value is 2.08, and a threshold that is "
        "forecast but never reached gives a huge one.",
        "csi sums over leads first, csi_lead_mean takes the mean of the leads' values: figures differ.",
        "Forecasts of 8-bit recordings are rounded, as they would be written; the published code does not round them.",
        "Earthformer's pod and sucr were exchanged, and its bias inverted, until October 2022.",
    ),
)
