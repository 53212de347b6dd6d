"""All steps of a ConvLSTM layer as one operation with a gradient of its own.

What a step-by-step network loses its time and memory on is left out: the inputs of many steps share one convolution,
so do their gradients; weight gradients are summed in float32 as the steps go by, not stored step by step; the pointwise
part runs as one formula (``layers/convlstm_gates.py``); channels lie last in memory and steps one after the other, so
that no step copies anything into another layout. Only the gates and cells of the steps are kept for the gradient, or
only the cells, and then the gates are computed again.

Convolutions run in the precision of autocast where it is on; cells and every sum stay in the weights' own.

The pattern for relatives: a pointwise forward and backward formula, and a loop like this one around
:class:`~framecast.models.layers.same_convolution.SameConvolution`.

Axes: T steps, B sequences, H height, W width, C input channels, F filters; inside this file frames are (T, B, H, W, C).
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from framecast.models.layers.convlstm_gates import CellActivation, backward_gates, forward_gates
from framecast.models.layers.same_convolution import SameConvolution

_BYTES_AT_ONCE = {"cpu": 2**21, "cuda": 2**30}
"""Gates that one convolution of inputs makes: on a CPU what stays in its cache, on a GPU what fits beside the rest."""


class Weights(NamedTuple):
    """The weights of a layer."""

    input: Tensor | None
    """(4F, C, K, K); None without inputs."""

    recurrent: Tensor
    """(4F, F, K, K)."""

    bias: Tensor | None
    """(4F,)."""

    w_ci: Tensor | None
    """(F,), and so the next two: peepholes; None for none."""

    w_cf: Tensor | None
    w_co: Tensor | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a sequence is run; none of it changes what is computed."""

    num_steps: int
    """T."""

    activation: CellActivation
    fused: bool
    """Run the pointwise part compiled."""

    keep_gates: bool
    """Keep the gates for the gradient, or compute them again."""


class Outcome(NamedTuple):
    """What a sequence gives."""

    hidden: Tensor
    """(B, T, F, H, W), of all steps."""

    last_hidden: Tensor
    """(B, F, H, W)."""

    last_cell: Tensor
    """(B, F, H, W)."""


def run_sequence(
    inputs: Tensor | None, hidden: Tensor | None, cell: Tensor | None, weights: Weights, manner: Manner
) -> Outcome:
    """Run a layer over a sequence.

    Args:
        inputs: (B, T, C, H, W) or None.
        hidden: (B, F, H, W), the state to start from; None for zeros.
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
        trace = _run(inputs, hidden, cell, weights, manner=manner, dtype=dtype, keep=False)
    return trace.outcome


@final
@dataclass(slots=True)
class _Trace:
    """A sequence that was run."""

    frames: Tensor | None
    """(T, B, H, W, C): the inputs in the layout and precision of the convolutions."""

    hidden: Tensor
    """(1 + T, B, H, W, F): the state at the start, then those after each step."""

    starts_at_zero: bool
    last_hidden: Tensor
    cells: list[Tensor]
    """(N, F) each: the cell at the start and after each step; the last one only, where no gradient is wanted."""

    gates: list[Tensor]
    """(N, 4F) each; empty if not kept."""

    @property
    def outcome(self) -> Outcome:
        last = self.hidden[0].shape
        return Outcome(
            self.hidden[1:].permute(1, 0, 4, 2, 3),
            self.last_hidden.view(last).permute(0, 3, 1, 2),
            self.cells[-1].view(last).permute(0, 3, 1, 2),
        )


def _run(
    inputs: Tensor | None,
    hidden: Tensor | None,
    cell: Tensor | None,
    weights: Weights,
    *,
    manner: Manner,
    dtype: torch.dtype,
    keep: bool,
) -> _Trace:
    frames = None if inputs is None else inputs.permute(1, 0, 3, 4, 2).to(dtype).contiguous()
    peepholes = [None if weight is None else weight.detach() for weight in weights[3:]]  # no gradient passes here
    filters = weights.recurrent.shape[1]
    like = hidden if inputs is None else inputs
    assert like is not None
    positions = (like.shape[0], *like.shape[-2:])
    states = torch.empty((1 + manner.num_steps, *positions, filters), dtype=dtype, device=like.device)
    rows = (-1, filters)
    if hidden is None:
        states[0].zero_()
    else:
        states[0] = hidden.permute(0, 2, 3, 1)
    precise = weights.recurrent.dtype
    if cell is None:
        cells = [torch.zeros((states[0].numel() // filters, filters), dtype=precise, device=like.device)]
    else:
        cells = [cell.permute(0, 2, 3, 1).to(precise).reshape(rows)]
    of_inputs, of_state = _convolutions(weights, dtype)
    gates: list[Tensor] = []
    last_hidden = states[0]
    given: Tensor | None = None
    at_once = _steps_at_once(states, manner.num_steps)
    for step in range(manner.num_steps):
        if frames is not None and of_inputs is not None and step % at_once == 0:
            given = of_inputs(frames[step : step + at_once].flatten(0, 1)).unflatten(0, (-1, positions[0]))
        before = _before_gates(
            None if step == 0 and hidden is None else states[step],
            None if given is None else given[step % at_once],
            of_state,
        )
        last_hidden, *others = forward_gates(
            before.view(-1, 4 * filters),
            cells[-1],
            *peepholes,
            fused=manner.fused,
            activation=manner.activation,
            keep=keep and manner.keep_gates,
        )
        states[step + 1].view(rows).copy_(last_hidden)
        if not keep:
            cells.clear()
        cells.append(others[0])
        gates.extend(others[1:])
    return _Trace(frames, states, hidden is None, last_hidden, cells, gates)


def _convolutions(weights: Weights, dtype: torch.dtype) -> tuple[SameConvolution | None, SameConvolution]:
    """Of the inputs, and of the state; the bias belongs to the first where there is one."""
    if weights.input is None:
        return None, SameConvolution(weights.recurrent, weights.bias, dtype=dtype)
    return SameConvolution(weights.input, weights.bias, dtype=dtype), SameConvolution(
        weights.recurrent, None, dtype=dtype
    )


def _before_gates(state: Tensor | None, given: Tensor | None, of_state: SameConvolution) -> Tensor:
    """The sum of both convolutions, (B, H, W, 4F); a state of zeros (None) need not be convolved."""
    if state is None:
        assert given is not None
        return given
    return of_state(state) if given is None else of_state(state).add_(given)


def _steps_at_once(states: Tensor, num_steps: int) -> int:
    """How many steps' inputs are convolved together."""
    step_bytes = 4 * states[0].numel() * states.element_size()
    return min(num_steps, max(1, _BYTES_AT_ONCE.get(states.device.type, 2**21) // step_bytes))


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        inputs, hidden, cell, *weights, manner, dtype = arguments
        trace = _run(inputs, hidden, cell, Weights(*weights), manner=manner, dtype=dtype, keep=True)
        ctx.set_materialize_grads(False)
        ctx.manner, ctx.starts_at_zero, ctx.num_gates = manner, trace.starts_at_zero, len(trace.gates)
        ctx.save_for_backward(*weights, trace.frames, trace.hidden, *trace.gates, *trace.cells)
        return tuple(trace.outcome)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        saved = ctx.saved_tensors
        weights = Weights(*(None if weight is None else weight.detach() for weight in saved[:6]))  # pyright: ignore[reportArgumentType]
        (frames, states), kept = saved[6:8], saved[8:]
        with torch.autocast(states.device.type, enabled=False):
            backward = _Backward(
                weights=weights,
                manner=ctx.manner,
                frames=frames,
                states=states,
                starts_at_zero=ctx.starts_at_zero,
                gates=kept[: ctx.num_gates],
                cells=kept[ctx.num_gates :],
                wanted=ctx.needs_input_grad,
            )
            return *backward.run(*gradients), None, None


@final
class _Backward:
    """Walks a sequence from its last step to its first and sums gradients as it goes."""

    def __init__(
        self,
        *,
        weights: Weights,
        manner: Manner,
        frames: Tensor | None,
        states: Tensor,
        starts_at_zero: bool,
        gates: Sequence[Tensor],
        cells: Sequence[Tensor],
        wanted: Sequence[bool],
    ) -> None:
        self._weights, self._manner = weights, manner
        self._frames, self._states, self._starts_at_zero = frames, states, starts_at_zero
        self._gates, self._cells = gates, cells
        self._of_inputs, self._of_state = _convolutions(weights, states.dtype)
        self._wants_inputs, self._wants_state, self._wants_cell = wanted[:3]
        self._sums = Weights(
            *(None if weight is None else torch.zeros_like(weight) for weight in weights)  # pyright: ignore[reportArgumentType]
        )
        self._d_frames = torch.empty_like(frames) if frames is not None and self._wants_inputs else None

    def run(self, d_hidden: Tensor | None, d_last_hidden: Tensor | None, d_last_cell: Tensor | None) -> list[Any]:
        """From the gradients of an outcome to those of inputs, hidden, cell and each of the weights."""
        states = self._states
        positions, filters = states.shape[1:4], states.shape[-1]
        d_steps = None if d_hidden is None else d_hidden.permute(1, 0, 3, 4, 2).to(states.dtype).contiguous()
        d_state = None if d_last_hidden is None else d_last_hidden.permute(0, 2, 3, 1).to(states.dtype).contiguous()
        if d_last_cell is None:
            d_cell = torch.zeros_like(self._cells[-1])
        else:
            d_cell = d_last_cell.permute(0, 2, 3, 1).to(self._cells[-1].dtype).reshape(-1, filters)
        at_once = _steps_at_once(states, self._manner.num_steps)
        for start in reversed(range(0, self._manner.num_steps, at_once)):
            stop = min(start + at_once, self._manner.num_steps)
            d_before = states.new_empty((stop - start, *positions, 4 * filters)) if at_once > 1 else None
            given = self._given(start, stop)
            d_gates = states  # there is at least one step
            for step in reversed(range(start, stop)):
                d_gates, d_cell, *d_peepholes = backward_gates(
                    self._gates_of(step, None if given is None else given[step - start]),
                    self._cells[step],
                    self._cells[step + 1],
                    _sum(None if d_steps is None else d_steps[step], d_state, like=states[0]).view(-1, filters),
                    d_cell,
                    *self._weights[3:],
                    fused=self._manner.fused,
                    activation=self._manner.activation,
                )
                d_gates = d_gates.view(*positions, 4 * filters)
                if d_before is not None:
                    d_before[step - start] = d_gates
                for total, d_peephole in zip(self._sums[3:], d_peepholes, strict=bool(d_peepholes)):
                    assert total is not None
                    total.add_(d_peephole)
                if step > 0 or self._wants_state:
                    d_state = self._of_state.input_gradient(d_gates, states[step])
            self._add(start, d_gates.unsqueeze(0) if d_before is None else d_before)
        last = states[0].shape
        return [
            None if self._d_frames is None else self._d_frames.permute(1, 0, 4, 2, 3),
            d_state.permute(0, 3, 1, 2) if d_state is not None and self._wants_state else None,
            d_cell.view(last).permute(0, 3, 1, 2) if self._wants_cell else None,
            *self._sums,
        ]

    def _given(self, start: int, stop: int) -> Tensor | None:
        """The convolved inputs of some steps, where they are needed to compute gates again."""
        if self._gates or self._frames is None or self._of_inputs is None:
            return None
        frames = self._frames[start:stop]
        return self._of_inputs(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])

    def _gates_of(self, step: int, given: Tensor | None) -> Tensor:
        """The gates (N, 4F) of one step, kept or computed again."""
        if self._gates:
            return self._gates[step]
        state = None if step == 0 and self._starts_at_zero else self._states[step]
        before = _before_gates(state, given, self._of_state)
        return forward_gates(
            before.view(-1, before.shape[-1]),
            self._cells[step],
            *self._weights[3:],
            fused=self._manner.fused,
            activation=self._manner.activation,
            keep=True,
        )[2]

    def _add(self, start: int, d_before: Tensor) -> None:
        """Add what some steps contribute to the gradients of weights, and write those of their inputs."""
        stop = start + len(d_before)
        first = 1 if start == 0 and self._starts_at_zero else 0  # a state of zeros contributes nothing
        if first < len(d_before):
            assert self._sums.recurrent is not None
            of_steps = d_before[first:].flatten(0, 1), self._states[start + first : stop].flatten(0, 1)
            self._sums.recurrent.add_(self._of_state.weight_gradient(*of_steps))
        d_before = d_before.flatten(0, 1)
        if self._sums.bias is not None:
            self._sums.bias.add_(d_before.sum(dim=(0, 1, 2), dtype=self._sums.bias.dtype))
        if self._frames is not None and self._of_inputs is not None:
            assert self._sums.input is not None
            frames = self._frames[start:stop].flatten(0, 1)
            self._sums.input.add_(self._of_inputs.weight_gradient(d_before, frames))
            if self._d_frames is not None:
                self._d_frames[start:stop] = self._of_inputs.input_gradient(d_before, frames).unflatten(
                    0, (stop - start, -1)
                )


def _sum(a: Tensor | None, b: Tensor | None, *, like: Tensor) -> Tensor:
    """a + b, where None is zero; a tensor of its own, because compiled formulas tell views apart."""
    if a is None:
        return torch.zeros_like(like) if b is None else b
    return a.clone() if b is None else a + b
