"""What code for the SEVIR radar data set prints as "bias": the frequency bias, divided by ln 2, squared.

Its name there is that of a logarithm, ln(bias) / ln 2, which it is not: a forecast with as many events as the truth has
the value 1 / (ln 2)² = 2.08, and one without any has 0.
"""

from dataclasses import dataclass
from math import log
from typing import final

from framecast.metrics.event_score import EventScore
from framecast.metrics.metric import Better, FloatArray


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SevirBias(EventScore):
    """(((H + F) / (H + M + ε)) / ln 2)²."""

    name: str = "bias"
    summary: str = "As SEVIR's code has it: (frequency bias / ln 2)², 2.08 where as many events are forecast as come."
    better: Better | None = None

    epsilon: float = 0.0
    """Added to the denominator."""

    def formula(
        self, hits: FloatArray, misses: FloatArray, false_alarms: FloatArray, correct_negatives: FloatArray
    ) -> FloatArray:
        """See :meth:`EventScore.formula`."""
        del correct_negatives
        return ((hits + false_alarms) / (hits + misses + self.epsilon) / log(2.0)) ** 2
