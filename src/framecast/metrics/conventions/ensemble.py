"""``ensemble``: forecasts of many futures, judged as probabilities, in the recording's own units.

Forecasts of one future stand beside them where a score has a meaning for them (``crps``, ``brier``).
"""

from framecast.metrics.conventions.convention import Convention
from framecast.metrics.crps import ContinuousRankedProbabilityScore
from framecast.metrics.event_probability import BrierScore, Reliability
from framecast.metrics.event_score import mean_and_each
from framecast.metrics.metric import Metric
from framecast.metrics.rank_histogram import RankDeviation
from framecast.metrics.spread_skill import EnsembleSkill, EnsembleSpread, SpreadSkillRatio


def _events(thresholds: tuple[float, ...]) -> tuple[Metric, ...]:
    return (*mean_and_each(BrierScore(), thresholds), *mean_and_each(Reliability(), thresholds))


ENSEMBLE = Convention(
    name="ensemble",
    summary="Ensembles: fair CRPS, spread and skill, ranks; with thresholds, Brier score and reliability.",
    source="Ferro 2014 for the fair CRPS, Fortin et al. 2014 for spread and skill; the rest is defined by the notes",
    space="native",
    metrics=(
        ContinuousRankedProbabilityScore(),
        EnsembleSkill(),
        EnsembleSpread(),
        SpreadSkillRatio(),
        RankDeviation(),
    ),
    events=_events,
    notes=(
        "Values are those of the recording, in its units; members count as they would be written to a file.",
        "crps does not depend on the number of members; of a single forecast it is the absolute error.",
        "skill is the root mean squared error of the members' mean, spread the root of their mean variance; "
        "spread_skill_ratio is corrected for the number of members, so that 1 is best.",
        "A single forecast has no spread.",
        "Where members equal the truth, the ranks that it could have count in equal parts.",
        "The probability of an event is the share of members with a value at or above the threshold.",
    ),
)
