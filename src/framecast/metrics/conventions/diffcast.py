"""``diffcast``: scores of radar nowcasts as DiffCast's code prints them, also for the papers that took its code over.

Counts are summed over clips for each lead; a score is the mean over leads, then over thresholds, and a lead for which
it is undefined counts as 0 (also in ``far``, where 0 is perfect). Pooled scores sum over the leads instead. The code
pads frames with zeros before it pools; for thresholds above 0, that is the same as smaller blocks at the edge.
"""

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.event_score import EventScore, mean_and_each
from framecast.metrics.event_scores import CriticalSuccessIndex, FalseAlarmRatio, ProbabilityOfDetection
from framecast.metrics.event_skill import HeidkeSkillScore
from framecast.metrics.metric import Metric
from framecast.metrics.squared_error import MeanSquaredError

_SCORES: tuple[EventScore, ...] = (
    CriticalSuccessIndex(lead_mean=True, undefined=0.0, mean_over="all"),
    *(
        CriticalSuccessIndex(
            name=f"csi_pool{size}",
            family="csi_pool",
            window=size,
            summary=f"Critical success index of blocks of {size} x {size} pixels, each with its highest value.",
            mean_over="all",
        )
        for size in (4, 16)
    ),
    FalseAlarmRatio(lead_mean=True, undefined=0.0, mean_over="all"),
    ProbabilityOfDetection(lead_mean=True, undefined=0.0, mean_over="all"),
    HeidkeSkillScore(lead_mean=True, undefined=0.0, mean_over="all"),
)


def _events(thresholds: tuple[float, ...]) -> tuple[Metric, ...]:
    return tuple(metric for score in _SCORES for metric in mean_and_each(score, thresholds))


DIFFCAST = Convention(
    name="diffcast",
    summary="DiffCast: events at or above thresholds, means over leads and thresholds, undefined scores count as 0.",
    source="https://github.com/DeminYu98/DiffCast, utils/metrics.py",
    space="native",
    metrics=(MeanSquaredError(), MeanAbsoluteError()),
    events=_events,
    notes=(
        "Thresholds are the user's, or usual for the units; in the paper, 20, 30, 35, 40 for Shanghai and CIKM, "
        "12, 18, 24, 32 for MeteoNet, and those of sevir for SEVIR.",
        "csi, far, pod and hss are means over single leads; csi_pool4 and csi_pool16 sum over leads first.",
        "A lead without events counts as 0, in far as in csi.",
        "The published code clips values to the scale of the data set and cuts decimals off; here they stay, which is "
        "the same for whole thresholds within the scale, except that forecasts of integer recordings are rounded.",
        "mse and mae are in the recording's units, of forecasts that are not clipped.",
        "The ssim and lpips that its code prints are those of strict and perceptual, and so is its psnr, exact frames "
        "apart, where the native range is the scale of the data set. Its CRPS is not the usual score, which ensemble "
        "has.",
    ),
)
