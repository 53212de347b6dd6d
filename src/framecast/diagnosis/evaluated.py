"""The evaluation: made of other weights, of few recordings, or of less than was asked for."""

from collections.abc import Iterable
from typing import ClassVar, final

from framecast.diagnosis.check import Check
from framecast.diagnosis.patient import Need, Patient
from framecast.evaluation.independence import FEWEST
from framecast.models.baselines.baseline import Baseline
from framecast.models.baselines.table import BASELINES
from framecast.runs.findings import Finding
from framecast.runs.run import Run


@final
class Evaluated(Check):
    """Compares the results with the run that they are of."""

    name = "evaluation"
    needs: ClassVar[tuple[Need, ...]] = ("run",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A fault for results of earlier weights, notes on the rest."""
        run, results = patient.trained, patient.results
        # Results of earlier versions do not tell of which weights they are.
        if results.weights and results.weights != (found := run.folder.fingerprint()):
            yield self.fault(
                "The results are of other weights: of an earlier state of the run.",
                evidence=f"The fingerprint of '{run.folder.weights.name}' begins with {found[:8]}, that of the results "
                f"with {results.weights[:8]}.",
                mend="Evaluate again: framecast evaluate RUN.",
            )
        if results.split == "train":
            yield self.warning(
                "The results are of clips that the model was trained on.",
                evidence=f"{results.clips:,} clips of the train split.",
                mend="Evaluate on the test: framecast evaluate RUN.",
            )
        if 0 < results.groups < FEWEST:
            yield self.note(
                "The scores come from very few independent recordings.",
                evidence=f"{results.groups} of them; from {FEWEST} on there are intervals over recordings.",
                mend="Evaluate on more recordings: framecast evaluate RUN --source NEW --split all.",
            )
        missing = {name: why for name, why in results.unavailable.items() if not _too_slow(run, name, why)}
        if missing:
            first, reason = next(iter(missing.items()))
            yield self.note(
                "Some of what was asked for was not computed.",
                evidence=f"{', '.join(missing)}; {first}: {reason}",
                mend="Get what is missing and evaluate again, or name others with evaluation.conventions and "
                "evaluation.baselines.",
            )


def _too_slow(run: Run, name: str, reason: str) -> bool:
    """Whether a baseline was left out because it is slow and nobody had asked for it, which is as it should be."""
    if name not in BASELINES:
        return False
    baseline: type[Baseline] = BASELINES.load(name)
    why = baseline.expensive(run.record.spec)
    return why is not None and reason.startswith(why)
