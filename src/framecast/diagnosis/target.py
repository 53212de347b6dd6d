"""A target that reaches the model at test time: a forecast that changes with the truth that it is compared with.

The rows of an evaluation are asked as an evaluation asks them, for batches that differ in nothing but the target.
One-step rows read true frames, and say so; they are left out.
"""

from collections.abc import Iterable
from typing import ClassVar, final

import torch

from framecast.diagnosis.check import Check
from framecast.diagnosis.patient import Need, Patient
from framecast.diagnosis.undisturbed import Repeatability, largest_difference, noise, undisturbed
from framecast.evaluation.rows import Row, rows_for
from framecast.frames.batch import Batch
from framecast.runs.findings import Finding

_CLIPS = 2


@final
class TargetAtTestTime(Check):
    """Replaces the target and looks whether a forecast changes."""

    name = "target-at-test-time"
    needs: ClassVar[tuple[Need, ...]] = ("run",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A fault for the model's row."""
        run = patient.trained
        spec = run.record.spec
        frames = noise(run.model, _CLIPS, spec.context + spec.horizon)
        context, target = frames[:, : spec.context], frames[:, spec.context :]
        others = [noise(run.model, _CLIPS, spec.horizon, seed=1), torch.full_like(target, torch.nan)]
        for row in rows_for(run, baselines=(), horizon=spec.horizon, one_step=False):
            with undisturbed(run.model):
                before = _asked(row, context, target)
                repeated = Repeatability.of(before, _asked(row, context, target))
                change = max(largest_difference(before, _asked(row, context, other)) for other in others)
            if change > repeated.limit:
                yield self.fault(
                    f"The target reaches '{row.name}' at test time: its scores are worth nothing.",
                    evidence=f"The same {_CLIPS} contexts with another target give forecasts that differ by up to "
                    f"{_amount(change)}; asked twice alike, by {repeated.spread:.1g}.",
                    mend="A forecaster may read the context and the length of the horizon alone: look where its "
                    "forward gets other frames from, and where it keeps frames between two calls.",
                )


def _asked(row: Row, context: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return row.predict(Batch(context.clone(), target.clone())).frames


def _amount(change: float) -> str:
    return "values that are not finite" if change == float("inf") else f"{change:.3g}"
