"""``pysteps``: scores as ``pysteps.verification`` computes them, counts summed over all clips and leads.

Two things there are surprising. The categorical scores take values *above* the threshold as events, the fractions
skill score those at or above. And a pixel without a value is no event: missing in both fields, it is a correct
negative, which raises the scores that know correct negatives (``hss``, ``ets``, ``event_accuracy``, ...).
"""

from collections.abc import Callable

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
from framecast.metrics.event_skill import (
    EquitableThreatScore,
    EventAccuracy,
    ExtremalDependence,
    F1Score,
    HeidkeSkillScore,
    MatthewsCorrelation,
    PeirceSkillScore,
    ProbabilityOfFalseDetection,
)
from framecast.metrics.fractions_skill import fractions_skill
from framecast.metrics.metric import Metric
from framecast.metrics.squared_error import MeanSquaredError, RootMeanSquaredError

_SCORES: tuple[Callable[..., EventScore], ...] = (
    CriticalSuccessIndex,
    ProbabilityOfDetection,
    FalseAlarmRatio,
    ProbabilityOfFalseDetection,
    FrequencyBias,
    HeidkeSkillScore,
    EquitableThreatScore,
    PeirceSkillScore,
    F1Score,
    MatthewsCorrelation,
    ExtremalDependence,
    EventAccuracy,
)


def _events(thresholds: tuple[float, ...]) -> tuple[Metric, ...]:
    return (
        *(metric for score in _SCORES for metric in mean_and_each(score(rule=">", gaps="no_event"), thresholds)),
        *(metric for score in fractions_skill(4, 16, gaps="no_event") for metric in mean_and_each(score, thresholds)),
    )


PYSTEPS = Convention(
    name="pysteps",
    summary="pysteps: events above a threshold, pixels without a value are no event; FSS of 4 and 16 pixels.",
    source="https://pysteps.readthedocs.io, pysteps.verification",
    space="native",
    metrics=(MeanSquaredError(), MeanAbsoluteError(), RootMeanSquaredError(), Bias()),
    events=_events,
    notes=(
        "An event is a value above the threshold; for fss, a value at or above it.",
        "A pixel that is missing is an event neither in forecast nor in truth, hence a correct negative; physical "
        "leaves it out.",
        "A forecast that is not finite is no event, and only mse, mae, rmse and bias show it.",
        "Scores come from counts over all clips and leads; those without a threshold in their name are means over the "
        "thresholds at which the truth has an event, which pysteps itself does not print.",
        "Names in pysteps: bias is ME, frequency_bias BIAS, pofd FA, event_accuracy ACC, ets GSS.",
    ),
)
