"""Dead parameters: counted, paid for, and of no effect.

Two kinds: those that no output depends on by the structure of the model, and those that no gradient reaches on real
clips because what lies above them is off (a ReLU that is 0 for everything).
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, cast, final

import torch
from torch import Tensor
from torch.func import functional_call

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import Need, Patient
from framecast.frames.forecaster import Forecast
from framecast.models.counting import dead_parameters
from framecast.models.model import Model
from framecast.runs.findings import Finding

_CLIPS = 4
_NAMED = 5


@final
class Dead(Check):
    """Goes back from the outputs to every parameter."""

    name = "dead-parameters"
    needs: ClassVar[tuple[Need, ...]] = ("model",)
    short: ClassVar[tuple[Moment, ...]] = ("before",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A warning for what is never used, another for what is off."""
        model = patient.model
        trainable = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
        dead = dead_parameters(model)
        if dead.names:
            yield self.warning(
                "Some parameters are never used: no output depends on them.",
                evidence=f"{dead.count:,} of {trainable:,} ({dead.count / trainable:.1%}): {_list(dead.names)}.",
                mend="Take these modules out of the model, or use them; until then its size flatters others.",
            )
        if patient.reason_without("run") or patient.reason_without("clips"):
            return
        patient.check_cost(clips=3 * _CLIPS, frames=model.spec.horizon)
        off = _without_effect(patient, dead.names)
        if off:
            count = sum(model.get_parameter(name).numel() for name in off)
            yield self.warning(
                "No gradient reaches some parameters: what lies above them is off for every clip.",
                evidence=f"{count:,} of {trainable:,} ({count / trainable:.1%}) have a gradient of exactly 0 on "
                f"{_CLIPS} clips: {_list(off)}.",
                mend="Units that are always 0 stay so: train anew with a lower training.optimizer.lr, or with "
                "model.activation=tanh where the model has that.",
            )


def _without_effect(patient: Patient, known: tuple[str, ...]) -> list[str]:
    """Trainable parameters, beside those known, whose gradient is 0 throughout."""
    model = patient.model
    context = patient.sample.context[:_CLIPS]
    if context.shape[2] != model.spec.channels:  # a sample has the channels to forecast alone
        clips = next(clips for split in ("test", "validation", "train") if len(clips := patient.clips.of(split)))
        context = clips.plain().batch(range(min(_CLIPS, len(clips)))).context
    return _zero_gradients(model, context.to(patient.device), known)


def _zero_gradients(model: Model, context: Tensor, known: tuple[str, ...]) -> list[str]:
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad and name not in known}
    # Statistics that training mode would change are copies; gradients are handed out, not kept.
    buffers = {name: values.detach().clone() for name, values in model.named_buffers()}
    was_training = model.training
    device = context.device
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.enable_grad():
            torch.manual_seed(0)
            model.train()
            forecast: Forecast = functional_call(model, buffers, (context, model.spec.horizon))
            outputs = [forecast.outputs, *forecast.penalties.values()]
            outputs = [values for values in outputs if values.requires_grad]
            # Random weights, as an error has: with a plain sum, changes that keep the sum would go unseen.
            weights = [torch.rand_like(values) - 0.5 for values in outputs]
            weighted = torch.autograd.grad(outputs, list(trained.values()), weights, allow_unused=True)
            slopes = cast("Sequence[Tensor | None]", weighted)  # as its annotation does not say
    finally:
        model.train(was_training)
    found = zip(trained, slopes, strict=True)
    return [name for name, slope in found if not bool(torch.as_tensor(0.0 if slope is None else slope).any())]


def _list(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
