"""Clips that influence each other, and calls that do: a forecast may depend on nothing but its own context.

Where it depends on the rest of the batch, scores change with the batch size and with the order of clips; where it
depends on earlier calls, a state is kept that belongs to other recordings. Both in eval mode: in training batch
normalisation mixes clips by design.
"""

from collections.abc import Iterable
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import Need, Patient
from framecast.diagnosis.undisturbed import Repeatability, largest_difference, noise, undisturbed
from framecast.models.model import Model
from framecast.runs.findings import Finding

_CLIPS = 3


@final
class Independence(Check):
    """Replaces one clip of a batch and looks at the others; asks again after another batch."""

    name = "independent-clips"
    needs: ClassVar[tuple[Need, ...]] = ("model",)
    short: ClassVar[tuple[Moment, ...]] = ("before",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A fault for clips, and one for calls."""
        model = patient.model
        spec = model.spec
        patient.check_cost(clips=5 * _CLIPS, frames=spec.horizon)
        clips, others = noise(model, _CLIPS, spec.context), noise(model, _CLIPS, spec.context, seed=1)
        beside = torch.cat([clips[:1], others[1:2], clips[2:]])
        with undisturbed(model):
            first, second = _forecast(model, clips), _forecast(model, clips)
            repeated = Repeatability.of(first, second)
            mixed = _forecast(model, beside)
            neighbours = largest_difference(first[[0, 2]], mixed[[0, 2]])
            later = largest_difference(first, _forecast(model, clips))
        if neighbours > repeated.limit:
            mixing = _batch_statistics(model)
            where = f"{', '.join(mixing)} normalise{'s' if len(mixing) == 1 else ''} by the batch" if mixing else ""
            yield self.fault(
                "Clips of a batch influence each other in eval mode: scores depend on the batch size and on the order "
                "of the clips.",
                evidence=f"With one of {_CLIPS} clips replaced, the forecasts of the others change by up to "
                f"{neighbours:.3g}; asked twice alike, by {repeated.spread:.1g}.",
                mend=(f"{where}: " if where else "")
                + "take running statistics in eval mode, or group, layer or instance normalisation; no operation may "
                "join the first axis.",
            )
        elif later > repeated.limit:
            yield self.fault(
                "The model remembers earlier calls: what it forecast before changes what it forecasts now.",
                evidence=f"After one other batch the same contexts give forecasts that differ by up to {later:.3g}; "
                f"right after one another, by {repeated.spread:.1g}.",
                mend="Keep recurrent states in variables of forward, not on the module.",
            )
        elif repeated.spread > _visible(first):
            yield self.note(
                "Forecasts are drawn at random in eval mode: asked twice, the model answers differently.",
                evidence=f"Two forecasts of the same contexts differ by up to {repeated.spread:.3g}.",
                mend="Where this is not meant, look for dropout or noise that does not ask for self.training.",
            )


def _forecast(model: Model, context: Tensor) -> Tensor:
    return model(context, model.spec.horizon).outputs


def _visible(frames: Tensor) -> float:
    """A thousandth of the range of the values."""
    values = frames[frames.isfinite()]
    return 1e-3 * float(values.max() - values.min()) if values.numel() else 0.0


def _batch_statistics(model: Model) -> list[str]:
    """Modules that take mean and variance of the batch in eval mode."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return [name for name, module in model.named_modules() if isinstance(module, kinds) and module.running_mean is None]
