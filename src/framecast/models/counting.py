"""What a model costs: its parameters, those that nothing depends on, and the multiplications of one forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, final

import torch
from torch import Tensor
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from framecast.frames.forecaster import Forecast, Forecaster
from framecast.models.model import Model


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCount:
    """How many numbers a forecaster has learned."""

    trainable: int
    """Numbers that the optimiser changes."""

    total: int
    """These, frozen ones, and stored statistics such as the running mean and variance of batch normalisation: what
    Keras's summary calls total parameters."""


def parameter_count(forecaster: Forecaster) -> ParameterCount:
    """Count parameters and stored statistics."""
    # Integers, such as batch normalisation's count of batches, are book-keeping that Keras does not store.
    stored = [values.numel() for values in forecaster.state_dict().values() if values.is_floating_point()]
    trainable = [weight.numel() for weight in forecaster.parameters() if weight.requires_grad]
    return ParameterCount(trainable=sum(trainable), total=sum(stored))


def macs_per_frame(model: Model) -> int:
    """Multiply–accumulate operations of one forecast, divided by the frames that it yields.

    Only convolutions and matrix products are counted, as is the custom. Nothing is computed: the forward pass runs on
    tensors without data, so asking costs little and leaves the model as it is.

    Returns:
        The operations for a single clip of the model's own context, size and horizon, per frame of the horizon.
    """
    spec = model.spec
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    shadows = {name: torch.empty_like(values, device="meta") for name, values in tensors.items()}
    context = torch.empty(1, spec.context, spec.channels, spec.height, spec.width, device="meta")
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        functional_call(model, shadows, (context, spec.horizon))
    return counter.get_total_flops() // 2 // spec.horizon


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DeadParameters:
    """Weights that are trained and counted, and that nothing depends on."""

    names: tuple[str, ...]
    """Dotted names inside the model."""

    count: int
    """How many numbers they hold."""


def dead_parameters(model: Model) -> DeadParameters:
    """Find trainable weights that no output depends on, neither the forecast nor a penalty.

    Only the structure is looked at, in training mode and, for what that does not reach, in eval mode: the passes
    forwards and backwards run on tensors without data, or on random ones where a model has to look at its values. The
    model stays as it is: weights, gradients, statistics and mode.
    """
    dead = [name for name, weight in model.named_parameters() if weight.requires_grad]
    was_training = model.training
    try:
        for mode in (True, False):
            if dead:
                model.train(mode)
                dead = _unreached(model, dead)
    finally:
        model.train(was_training)
    return DeadParameters(names=tuple(dead), count=sum(model.get_parameter(name).numel() for name in dead))


def _unreached(model: Model, names: list[str]) -> list[str]:
    """Those of the named parameters that the outputs do not depend on, in the model's present mode."""
    try:
        return _without_slope(model, names, torch.device("meta"))
    except RuntimeError:
        device = model.get_parameter(names[0]).device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            return _without_slope(model, names, device)


def _without_slope(model: Model, names: list[str], device: torch.device) -> list[str]:
    spec = model.spec
    with torch.inference_mode(mode=False), torch.enable_grad():
        stored = dict(model.named_parameters()) | dict(model.named_buffers())
        shadows = {
            name: torch.empty_like(values, device=device) if device.type == "meta" else values.detach().clone()
            for name, values in stored.items()
        }
        trained = [shadows[name].requires_grad_() for name in names]
        # Two clips: of a single one batch normalisation may have nothing to take a mean of.
        context = torch.rand(2, spec.context, spec.channels, spec.height, spec.width, device=device)
        forecast: Forecast = functional_call(model, shadows, (context, spec.horizon))
        outputs = [forecast.outputs, *forecast.penalties.values()]
        outputs += [] if forecast.members is None else [forecast.members]
        # What depends on no weight at all has no graph to go back through.
        outputs = [values for values in outputs if values.requires_grad]
        if not outputs:
            return names
        ones = [torch.ones_like(values) for values in outputs]
        # Its annotation leaves out that what is not used has None.
        slopes = cast("Sequence[Tensor | None]", torch.autograd.grad(outputs, trained, ones, allow_unused=True))
    return [name for name, slope in zip(names, slopes, strict=True) if slope is None]
