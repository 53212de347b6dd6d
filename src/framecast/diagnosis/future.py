"""A model that sees the future: an output that changes with frames that come after it.

Only next-frame models can, because only they are compared with frames that they also read: output t stands for frame
t + 1 and may know frames 0 .. t. Frames from one moment on are replaced, and no output before that moment may change.
A model that takes a teacher is asked once more as in training, with true frames as all its inputs.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import CannotLook, Need, Patient
from framecast.diagnosis.undisturbed import Repeatability, largest_difference, noise, undisturbed
from framecast.frames.teacher import Teacher
from framecast.models.model import Model, TeachableModel
from framecast.runs.findings import Finding

_CLIPS = 2


@final
class SeesTheFuture(Check):
    """Replaces later frames and looks whether earlier outputs change."""

    name = "sees-the-future"
    needs: ClassVar[tuple[Need, ...]] = ("model",)
    short: ClassVar[tuple[Moment, ...]] = ("before",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """One fault at most, with the module or setting that it comes from, where that can be told."""
        model = patient.model
        if model.objective != "next_frame":
            raise CannotLook(
                "only models with the objective next_frame are compared with frames that they read; this one writes "
                "frames after all that it sees"
            )
        # As in training, where context and target are one sequence.
        frames = model.spec.context + model.spec.horizon - 1
        times = sorted({time for time in (1, frames // 2, frames - 1) if 0 < time < frames})
        if not times:
            raise CannotLook("the model reads a single frame, after which nothing comes")
        ways = (_in_use, _with_teacher) if isinstance(model, TeachableModel) else (_in_use,)
        patient.check_cost(clips=len(ways) * _CLIPS * (len(times) + 2), frames=frames)
        seen, others = noise(model, _CLIPS, frames), noise(model, _CLIPS, frames, seed=1)
        with undisturbed(model):
            for outputs in ways:
                before = outputs(model, seen)
                repeated = Repeatability.of(before, outputs(model, seen))
                for time in times:
                    changed = torch.cat([seen[:, :time], others[:, time:]], dim=1)
                    # Output t knows frames 0 .. t, so the first that may change is output ``time``.
                    change = largest_difference(before[:, :time], outputs(model, changed)[:, :time])
                    if change > repeated.limit:
                        yield self._found(model, time, change, repeated, taught=outputs is _with_teacher)
                        return

    def _found(self, model: Model, time: int, change: float, repeated: Repeatability, *, taught: bool) -> Finding:
        changed = "its output for frame 2 changes" if time == 1 else f"its outputs for frames 2 to {time + 1} change"
        return self.fault(
            "The model sees frames that it must predict: its one-step forecasts are no forecasts, and it learns to "
            "copy what is not there in use.",
            evidence=f"With frames {time + 1} and later replaced{' in its teacher' if taught else ''}, {changed} by up "
            f"to {change:.3g}; without a change it gives the same to {repeated.spread:.1g}.",
            mend="With a teacher, input t is the true frame t, or the forecast of it: take it from Teacher.input_at."
            if taught
            else _mend(model),
        )


def _in_use(model: Model, frames: Tensor) -> Tensor:
    return model(frames, 1).outputs


def _with_teacher(model: Model, frames: Tensor) -> Tensor:
    """As in training, but for its layers: batch normalisation mixes frames there by design."""
    context = min(model.spec.context, frames.shape[1])
    always = torch.ones(len(frames), frames.shape[1], 1, 1, 1, dtype=torch.bool, device=frames.device)
    asked: Any = model
    model.training = True
    try:
        return asked(frames[:, :context], frames.shape[1] - context + 1, teacher=Teacher(frames, always)).outputs
    finally:
        model.training = False


def _mend(model: Model) -> str:
    settings = [
        name
        for name in getattr(type(model.config), "__dataclass_fields__", {})
        if "causal" in name and getattr(model.config, name) is False
    ]
    if settings:
        names = " and ".join(f"model.{name}=true" for name in settings)
        return f"Non-causal heads: set {names} and train anew."
    suspects = [name or "(the model itself)" for name, module in model.named_modules() if _mixes_time(module)]
    where = f"; modules that may mix times are {', '.join(suspects)}" if suspects else ""
    return (
        "Let no output read frames after its own: pad convolutions over time on the past side alone, give attention a "
        f"causal mask{where}."
    )


def _mixes_time(module: nn.Module) -> bool:
    """Whether a module of this kind can see beyond a moment, from what torch offers."""
    if isinstance(module, nn.Conv3d):
        return module.kernel_size[0] > 1
    return isinstance(module, nn.Conv1d | nn.MultiheadAttention | nn.RNNBase) and getattr(module, "bidirectional", True)
