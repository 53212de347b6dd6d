"""Event scores that most papers print: which events were found, and which of those forecast came.

H hits, M misses, F false alarms. Definitions as in Wilks, "Statistical Methods in the Atmospheric Sciences", chapter on
forecast verification.
"""

from dataclasses import dataclass
from typing import final

from framecast.metrics.event_score import EventScore
from framecast.metrics.metric import Better, FloatArray


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalSuccessIndex(EventScore):
    """H / (H + M + F)."""

    name: str = "csi"
    summary: str = "Critical success index (threat score): hits among all events observed or forecast."
    better: Better | None = "higher"

    epsilon: float = 0.0
    """Added to the denominator."""

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        del correct_negatives
        return hits / (hits + misses + false_alarms + self.epsilon)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityOfDetection(EventScore):
    """H / (H + M)."""

    name: str = "pod"
    summary: str = "Probability of detection: the share of observed events that were forecast."
    better: Better | None = "higher"

    epsilon: float = 0.0
    """Added to the denominator."""

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        del false_alarms, correct_negatives
        return hits / (hits + misses + self.epsilon)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarmRatio(EventScore):
    """F / (H + F)."""

    name: str = "far"
    summary: str = "False alarm ratio: the share of forecast events that did not come."
    better: Better | None = "lower"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        del misses, correct_negatives
        return false_alarms / (hits + false_alarms)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessRatio(EventScore):
    """H / (H + F)."""

    name: str = "success_ratio"
    summary: str = "Success ratio: the share of forecast events that came, 1 - false alarm ratio."
    better: Better | None = "higher"

    epsilon: float = 0.0
    """Added to the denominator."""

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        del misses, correct_negatives
        return hits / (hits + false_alarms + self.epsilon)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyBias(EventScore):
    """(H + F) / (H + M): above 1 where events are forecast too often."""

    name: str = "frequency_bias"
    summary: str = "Frequency bias: events forecast for each one observed."
    better: Better | None = "one"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        del correct_negatives
        return (hits + false_alarms) / (hits + misses)
