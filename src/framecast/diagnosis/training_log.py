"""The training log: a loss that never fell, a training that stopped too early or too late, few clips to choose by."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, final

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import Need, Patient
from framecast.models.model import TeachableModel
from framecast.runs.findings import Finding
from framecast.runs.run import Run

_FEWEST_ROWS = 3
"""Validations below which a course cannot be told."""

_BETTER = 0.01
"""By how much of itself a loss must fall to count as having fallen."""

_STILL_FALLING = 0.02
_ENDED = 0.1
"""Of its highest value: a learning rate below this has ended, and what was reached is where it leads."""

_OVERFIT = 2.0
_FEWEST_CLIPS = 8

_NO_SAY = 0.01
"""A discriminator whose loss stays below this has won; one whose scores differ by less is undecided."""

Rows = Sequence[Mapping[str, float]]


@final
class TrainingLog(Check):
    """Reads the course of the losses."""

    name = "training-log"
    needs: ClassVar[tuple[Need, ...]] = ("run",)
    short: ClassVar[tuple[Moment, ...]] = ("after",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A warning where nothing was learned, notes on the course."""
        run = patient.trained
        if run.record.status == "stopped: loss not finite":
            yield self.warning(
                "The training stopped because its loss was no longer finite; the weights are the last good ones.",
                evidence=f"It ended after step {run.record.steps:,} in epoch {run.record.epochs}.",
                mend="Train anew with a lower training.optimizer.lr or a smaller training.clip_norm.",
            )
        chosen_by = run.record.validation_clips
        if 0 < chosen_by < _FEWEST_CLIPS:
            yield self.note(
                "The best weights were chosen by very few clips.",
                evidence=f"{chosen_by} validation clip{'s' if chosen_by > 1 else ''}.",
                mend="Give clips.split.validation a larger share, or set a smaller clips.stride.",
            )
        rows = [row for row in patient.log if "val_loss" in row]
        if len(rows) >= _FEWEST_ROWS:
            yield from self._course(run, rows)
        yield from self._discriminator(patient.log)

    def _course(self, run: Run, rows: Rows) -> Iterable[Finding]:
        losses = [row["val_loss"] for row in rows]
        best = min(range(len(rows)), key=losses.__getitem__)
        first, last = losses[0], losses[-1]
        # Against discriminators the distances that a validation measures rise by design.
        opposed = any("train_discriminator" in row for row in rows)
        if losses[best] > first - _BETTER * abs(first) and not (opposed or _learned_before(rows)):
            yield self.warning(
                "The validation loss never improved: the model has learned nothing that helps on other clips.",
                evidence=f"{first:.5g} at the first validation, {losses[best]:.5g} at its best, {last:.5g} at the last "
                f"of {len(rows)}.",
                mend="Try training.optimizer.lr ten times lower, then ten times higher; look at the pictures in "
                "pictures/.",
            )
            return
        rates = [row["lr"] for row in rows if "lr" in row]
        goes_on = not rates or rates[-1] > _ENDED * max(rates)
        if best == len(rows) - 1 and goes_on and losses[-2] - last > _STILL_FALLING * abs(losses[-2]):
            yield self.note(
                "The training ended while the validation loss was still falling.",
                evidence=f"{losses[-2]:.5g} at the last validation but one, {last:.5g} at the last.",
                mend=f"Continue it: framecast train --resume --out RUN {_longer(run)}.",
            )
        sampled = isinstance(
            run.model, TeachableModel
        )  # validated as it is used, trained on what a teacher lets it read
        training = rows[best].get("train_loss", math.nan)
        if not sampled and training > 0 and losses[best] > _OVERFIT * training:
            yield self.note(
                "The loss on validation clips is much higher than on training clips.",
                evidence=f"{losses[best]:.5g} and {training:.5g} at the best epoch, {int(rows[best].get('epoch', 0))}.",
                mend="More recordings help most; then clips.augment, a smaller model, or "
                "training.optimizer.weight_decay. If the splits hold different scenes, that may be all there is.",
            )

    def _discriminator(self, rows: Rows) -> Iterable[Finding]:
        """Its columns are there only where it was trained; before its warm-up is over they are empty."""
        latest = [row for row in rows if "train_discriminator" in row][-_FEWEST_ROWS:]
        if len(latest) < _FEWEST_ROWS:
            return
        losses = [row["train_discriminator"] for row in latest]
        gaps = [row.get("train_discriminator_real", 0.0) - row.get("train_discriminator_fake", 0.0) for row in latest]
        if all(abs(loss) < _NO_SAY for loss in losses):
            yield self.warning(
                "The discriminator always wins: the adversarial loss teaches nothing.",
                evidence=f"Its loss was {_numbers(losses)} at the last {len(losses)} validations.",
                mend="Lower the discriminator's learning rate, or strengthen its R1 penalty.",
            )
        elif all(abs(gap) < _NO_SAY for gap in gaps):
            yield self.note(
                "The discriminator does not tell forecasts from the truth: they are as good, or it has given up.",
                evidence=f"Its scores of the truth are above those of forecasts by {_numbers(gaps)} at the last "
                f"{len(gaps)} validations.",
                mend="Look at the pictures; where forecasts are blurred, raise the discriminator's learning rate.",
            )


def _longer(run: Run) -> str:
    """The flag that lets a training go on for as long again, by whatever ended it."""
    limit = run.config.training.max_steps
    if limit is not None and run.record.steps >= limit:
        return f"--max-steps {2 * limit}"
    return f"--epochs {2 * max(run.record.epochs, 1)}"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def _learned_before(rows: Rows) -> bool:
    """Whether the training loss fell before the first validation already, so that little was left to fall: the first
    row's training loss is a mean over its steps, and lies well above its validation loss."""
    training = rows[0].get("train_loss", math.nan)
    return training > 1.2 * rows[0]["val_loss"]
