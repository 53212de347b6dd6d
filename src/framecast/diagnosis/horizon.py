"""A horizon other than the one that was trained: leads that nobody taught, or leads that nobody looked at."""

from collections.abc import Iterable
from typing import ClassVar, final

from framecast.diagnosis.check import Check
from framecast.diagnosis.patient import Need, Patient
from framecast.forecasting.roll_out import longest_block
from framecast.runs.findings import Finding


@final
class Horizon(Check):
    """Compares the leads of the evaluation with those of the training."""

    name = "horizon"
    needs: ClassVar[tuple[Need, ...]] = ("run",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """One finding at most."""
        run, results = patient.trained, patient.results
        trained = run.record.spec.horizon
        if results.horizon > trained:
            chained = longest_block(run.model, run.record.spec.context) is not None
            how = "chained from its own forecasts" if chained else "continued by feeding forecasts back"
            yield self.warning(
                "The evaluation reaches further than the training: the last leads are extrapolated.",
                evidence=f"Evaluated are {results.horizon} leads, trained {trained}; the others are {how}.",
                mend=f"Train with clips.horizon={results.horizon}, or report leads 1 to {trained} alone.",
            )
        elif results.horizon < trained:
            yield self.note(
                "The evaluation does not reach as far as the training.",
                evidence=f"Evaluated are {results.horizon} leads, trained {trained}.",
                mend=f"Evaluate with clips.horizon: {trained} in the run's config.yaml, to see the hardest leads.",
            )
