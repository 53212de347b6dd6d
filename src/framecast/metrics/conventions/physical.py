"""``physical``: errors of measured fields in the units that they were measured in.

Forecasts are compared as they would be written to a file of the recording's own type: rounded and limited to the type
where that is an integer, else as they are, also beyond the range of the training. A transform of the normaliser has
been undone, and what its quantity cannot be (rain below the floor) is 0.

Where thresholds are given, or usual for the units, there are scores of events besides: values at or above a threshold.
Pixels that are missing count nowhere in them.
"""

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.bias import Bias
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.event_score import EventScore, mean_and_each
from framecast.metrics.event_scores import (
    CriticalSuccessIndex,
    FalseAlarmRatio,
    FrequencyBias,
    ProbabilityOfDetection,
)
from framecast.metrics.event_skill import EquitableThreatScore, HeidkeSkillScore
from framecast.metrics.fractions_skill import fractions_skill
from framecast.metrics.metric import Metric
from framecast.metrics.squared_error import MeanSquaredError, RootMeanSquaredError

_SCORES: tuple[EventScore, ...] = (
    CriticalSuccessIndex(),
    ProbabilityOfDetection(),
    FalseAlarmRatio(),
    FrequencyBias(),
    HeidkeSkillScore(),
    EquitableThreatScore(),
)


def _events(thresholds: tuple[float, ...]) -> tuple[Metric, ...]:
    return tuple(metric for score in (*_SCORES, *fractions_skill(4, 16)) for metric in mean_and_each(score, thresholds))


PHYSICAL = Convention(
    name="physical",
    summary="Errors in the recording's own units (mm/h, K, dBZ), of forecasts as they would be written to a file.",
    source="defined by its notes",
    space="native",
    metrics=(MeanSquaredError(), MeanAbsoluteError(), RootMeanSquaredError(), Bias()),
    events=_events,
    notes=(
        "Values are those of the recording, in its units: no range is scaled or clipped.",
        "Forecasts count as they would be written to a file of the recording's type; below the floor of a dbz "
        "transform that is 0.",
        "mse, mae and bias are means per pixel, rmse is the root of mse; missing pixels do not count.",
        "An event is a value at or above a threshold, in the recording's units; within a millionth of it, a value "
        "is equal to it. Scores of events come from counts over all clips and leads; those without a threshold in "
        "their name are means over the thresholds at which the truth has an event.",
    ),
)
