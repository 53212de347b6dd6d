"""All steps of a ConvLSTM layer as one operation with a gradient of its own.

The mathematics of both passes is in ``layers/convlstm_passes.py``; here it meets autograd and autocast.

The pattern for relatives of the cell: a pointwise forward and backward formula, two passes around
:class:`~framecast.models.layers.same_convolution.SameConvolution`, and a function like this one.

Axes: T steps, B sequences, F filters, C input channels, H height, W width.
"""

from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from framecast.models.layers.convlstm_passes import BackwardPass, Manner, Trace, Weights, forward_pass


class Outcome(NamedTuple):
    """What a sequence gives."""

    hidden: Tensor
    """(B, T, F, H, W), of all steps, in the precision of the convolutions."""

    last_hidden: Tensor
    """(B, F, H, W), likewise."""

    last_cell: Tensor
    """(B, F, H, W), in the precision of the weights."""


def run_sequence(
    inputs: Tensor | None, hidden: Tensor | None, cell: Tensor | None, weights: Weights, manner: Manner
) -> Outcome:
    """Run a layer over a sequence.

    Convolutions run in the precision of autocast where it is on.

    Args:
        inputs: (B, T, C, H, W) or None.
        hidden: (B, F, H, W), the state to start from; None for zeros. Needed where there are no inputs.
        cell: (B, F, H, W), likewise.
        weights: of the layer.
        manner: how.
    """
    everything = (inputs, hidden, cell, *weights)
    device = weights.recurrent.device.type
    mixed = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if mixed else weights.recurrent.dtype
    with torch.autocast(device, enabled=False) if mixed else nullcontext():
        if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in everything):
            return Outcome(*_Sequence.apply(*everything, manner, dtype))
        return _outcome(forward_pass(inputs, hidden, cell, weights, manner=manner, dtype=dtype, keep=False))


def _outcome(trace: Trace) -> Outcome:
    return Outcome(
        trace.hidden.permute(1, 0, 4, 2, 3), trace.last_hidden.permute(0, 3, 1, 2), trace.last_cell.permute(0, 3, 1, 2)
    )


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        inputs, hidden, cell, *weights, manner, dtype = arguments
        trace = forward_pass(inputs, hidden, cell, Weights(*weights), manner=manner, dtype=dtype, keep=True)
        ctx.set_materialize_grads(False)
        ctx.manner, ctx.starts_at_zero, ctx.num_gates = manner, hidden is None, len(trace.gates)
        ctx.save_for_backward(*weights, trace.frames, trace.joined, *trace.gates, *trace.cells)
        return tuple(_outcome(trace))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved = ctx.saved_tensors
        weights, (frames, joined), kept = saved[:6], saved[6:8], saved[8:]
        device = joined.device.type
        with torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext():
            backward = BackwardPass(
                Weights(*(None if weight is None else weight.detach() for weight in weights)),  # pyright: ignore[reportArgumentType]
                ctx.manner,
                frames=frames,
                joined=joined,
                gates=kept[: ctx.num_gates],
                cells=kept[ctx.num_gates :],
                starts_at_zero=ctx.starts_at_zero,
                wanted=ctx.needs_input_grad[:3],
            )
            return *backward.run(*gradients), None, None
