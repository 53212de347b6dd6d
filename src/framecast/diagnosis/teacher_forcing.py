"""Teacher forcing that is still on: a model that has never had to go on from its own forecasts, as it must in use."""

import inspect
from collections.abc import Iterable
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import CannotLook, Need, Patient
from framecast.diagnosis.undisturbed import noise, undisturbed
from framecast.frames.teacher import Teacher
from framecast.models.model import Model, TeachableModel
from framecast.runs.findings import Finding

GAP = 1.5
"""By how many times the error must grow from one-step to free-running, beside that of copying the last frame, to be
worth a note: later leads are harder for everybody."""

_CLIPS = 16


@final
class TeacherForcing(Check):
    """Looks at the sampling schedule's end, at the gap between one-step and free-running, and for teachers in use."""

    name = "teacher-forcing"
    needs: ClassVar[tuple[Need, ...]] = ("run",)
    short: ClassVar[tuple[Moment, ...]] = ("after",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A fault for a teacher that is taken in use, a warning for a schedule that has not ended, else a note."""
        model, run = patient.model, patient.trained
        yield from self._in_use(model)
        if patient.truth_probability:
            sampling, steps = run.config.training.sampling, max(run.record.steps, 1)
            yield self.warning(
                "Teacher forcing was still on when the training ended: in the horizon the model read true frames, "
                "which it does not have in use.",
                evidence=f"At the last step, {run.record.steps:,}, an input of the horizon was the truth with "
                f"probability {patient.truth_probability:.3g}.",
                mend=f"Train longer than the schedule ({sampling.stop_step:,} steps), or shorten it: "
                f"training.sampling.stop_step={max(steps * 4 // 5, 1)}"
                + (
                    f" and training.sampling.decrease={_decrease(sampling.start, steps):.2g}."
                    if _scheduled(run)
                    else "."
                ),
            )
        elif model.objective == "next_frame" and run.config.training.sampling.name == "none" and not patient.hurry:
            yield from self._gap(patient, model)

    def _in_use(self, model: Model) -> Iterable[Finding]:
        """A model that takes a teacher must refuse it in eval mode."""
        if "teacher" not in inspect.signature(model.forward).parameters:
            return
        spec = model.spec
        frames = noise(model, 1, spec.context + spec.horizon - 1)
        always = torch.ones(1, frames.shape[1], 1, 1, 1, dtype=torch.bool, device=frames.device)
        asked: Any = model
        with undisturbed(model):
            try:
                asked(frames[:, : spec.context], spec.horizon, teacher=Teacher(frames, always))
            except ValueError:
                return
        yield self.fault(
            "The model takes a teacher outside of training: true frames can reach it in use.",
            evidence="In eval mode its forward accepts one, where it must raise ValueError.",
            mend="Derive it from TeachableModel, whose forward refuses that.",
        )

    def _gap(self, patient: Patient, model: Model) -> Iterable[Finding]:
        """One-step against free-running, on the same clips and leads, for the model and for copying the last frame."""
        if patient.reason_without("clips") or model.spec.horizon < 2:
            return
        clips = next((c for split in ("test", "validation") if len(c := patient.clips.of(split))), None)
        if clips is None:
            raise CannotLook("there is no clip that was not trained on")
        chosen = clips.plain().spread(min(_CLIPS, patient.max_clips))
        one_step, free_running, copied_step, copied = 0.0, 0.0, 0.0, 0.0
        count = 0
        with undisturbed(model):
            for index in range(len(chosen)):
                batch = chosen.batch([index]).to(patient.device)
                there = torch.ones_like(batch.target, dtype=torch.bool) if batch.mask is None else batch.target_mask
                assert there is not None
                leads = there[:, 1:]  # the first lead is the same for both
                target = batch.target
                one_step += _error(model(batch.frames[:, :-1], 1).outputs[:, -batch.horizon :], target, leads)
                free_running += _error(model(batch.context, batch.horizon).frames, target, leads)
                copied_step += _error(batch.frames[:, -batch.horizon - 1 : -1], target, leads)
                copied += _error(batch.context[:, -1:], target, leads)
                count += int(leads.sum())
        if copied_step and free_running * copied_step > GAP * one_step * max(copied, copied_step):
            unrolled = isinstance(model, TeachableModel)
            yield self.note(
                "The model was trained on true frames alone, and loses much when it goes on from its own forecasts.",
                evidence=f"At leads 2 and later the squared error is {free_running / count:.4g} free-running and "
                f"{one_step / count:.4g} with true frames as input; of copying the last frame, {copied / count:.4g} "
                f"and {copied_step / count:.4g} ({len(chosen)} {clips.split} clips).",
                mend="Where forecasts of several frames matter, "
                + ("train" if unrolled else "take a model that is unrolled in training (convlstm_autoregressive)")
                + " with training.sampling.name=scheduled; compare only the free-running row.",
            )


def _error(frames: Tensor, target: Tensor, leads: Tensor) -> float:
    """Sum of squares over the leads from the second on that are there."""
    return float(((frames - target)[:, 1:].double().square() * leads).sum())


def _scheduled(run: Any) -> bool:
    return run.config.training.sampling.name == "scheduled"


def _decrease(start: float, steps: int) -> float:
    """By how much the probability must fall with every step to end at four fifths of them."""
    return start / max(steps * 4 // 5, 1)
