"""Event scores that take chance into account, or the pixels without an event.

H hits, M misses, F false alarms, R correct negatives. Each formula is written as pysteps writes it
(``pysteps.verification.detcatscores``), so that it is undefined for the same tables.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from framecast.metrics.event_score import EventScore
from framecast.metrics.metric import Better, FloatArray


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HeidkeSkillScore(EventScore):
    """2 (HR - FM) / ((H + M)(M + R) + (H + F)(F + R)): 0 for chance, 1 at best."""

    name: str = "hss"
    summary: str = "Heidke skill score: correct pixels beyond those that chance gives."
    better: Better | None = "higher"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        h, m, f, r = hits, misses, false_alarms, correct_negatives
        return 2 * (h * r - f * m) / ((h + m) * (m + r) + (h + f) * (f + r))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EquitableThreatScore(EventScore):
    """(H - C) / (H + M + F - C), where C = (H + M)(H + F) / (H + M + F + R) hits come by chance."""

    name: str = "ets"
    summary: str = "Equitable threat score (Gilbert skill score): the threat score beyond chance."
    better: Better | None = "higher"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        rate = (hits + misses) / (hits + misses + false_alarms + correct_negatives)
        found = hits / (hits + misses)
        wrong = false_alarms / (false_alarms + correct_negatives)
        return (found - wrong) / ((1 - rate * found) / (1 - rate) + wrong * (1 - rate) / rate)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PeirceSkillScore(EventScore):
    """H / (H + M) - F / (F + R)."""

    name: str = "hk"
    summary: str = "Hanssen-Kuipers discriminant (Peirce skill score): detection minus false detection."
    better: Better | None = "higher"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        return hits / (hits + misses) - false_alarms / (false_alarms + correct_negatives)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityOfFalseDetection(EventScore):
    """F / (F + R)."""

    name: str = "pofd"
    summary: str = "Probability of false detection: the share of pixels without an event for which one was forecast."
    better: Better | None = "lower"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        del hits, misses
        return false_alarms / (false_alarms + correct_negatives)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EventAccuracy(EventScore):
    """(H + R) / (H + M + F + R): near 1 for rare events, whatever is forecast."""

    name: str = "event_accuracy"
    summary: str = "The share of pixels forecast rightly, with an event or without."
    better: Better | None = "higher"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        right = hits + correct_negatives
        return right / (right + misses + false_alarms)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class F1Score(EventScore):
    """2 H / (2 H + F + M)."""

    name: str = "f1"
    summary: str = "F1 score: the harmonic mean of detection and success ratio."
    better: Better | None = "higher"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        del correct_negatives
        return 2 * hits / (2 * hits + false_alarms + misses)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MatthewsCorrelation(EventScore):
    """(HR - FM) / √((H + F)(H + M)(R + F)(R + M))."""

    name: str = "mcc"
    summary: str = "Matthews correlation coefficient of observed and forecast events."
    better: Better | None = "higher"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        h, m, f, r = hits, misses, false_alarms, correct_negatives
        return (h * r - f * m) / np.sqrt((h + f) * (h + m) * (r + f) * (r + m))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremalDependence(EventScore):
    """Ferro and Stephenson 2011: with P = H / (H + M) and Q = F / (F + R), undefined where either is 0 or 1.

    (ln Q - ln P + ln(1 - P) - ln(1 - Q)) / (ln Q + ln P + ln(1 - P) + ln(1 - Q))."""

    name: str = "sedi"
    summary: str = "Symmetric extremal dependence index: skill that does not fade for rare events."
    better: Better | None = "higher"

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        found = hits / (hits + misses)
        wrong = false_alarms / (false_alarms + correct_negatives)
        gain = np.log(wrong) - np.log(found) + np.log(1 - found) - np.log(1 - wrong)
        return gain / (np.log(wrong) + np.log(found) + np.log(1 - found) + np.log(1 - wrong))
