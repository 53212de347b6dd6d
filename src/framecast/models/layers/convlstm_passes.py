"""The two passes over a sequence of ConvLSTM steps: forward, and backward through what the first has kept.

What a network written step by step loses its time and memory on is left out. Input and state lie side by side, so that
one convolution reads both; so do its gradients. Weight gradients are summed in the weights' precision as steps go by.
The pointwise part runs as one formula (``layers/convlstm_gates.py``). Channels lie last in memory and steps one after
the other, so that no step lays anything out anew. Of a step, its gates and its cell are kept for the gradient, or its
cell only, and then the gates are computed again.

Inputs of few channels are the exception: their convolutions, of many steps at once, are matrix products.

Convolutions run in a precision of choice; cells and all sums over steps stay in the weights' own.

Axes: T steps, B sequences, H height, W width, C input channels, F filters, N positions (B, H and W together); frames
are (T, B, H, W, C).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from framecast.models.layers.convlstm_gates import CellActivation, backward_gates, forward_gates
from framecast.models.layers.same_convolution import FEW_CHANNELS, SameConvolution

_BYTES_AT_ONCE = {"cpu": 2**21, "cuda": 2**30}
"""Gates of steps that share a call where steps need not wait for each other (inputs of few channels, gradients of
weights): on a CPU what stays in its cache, on a GPU what fits beside the rest."""


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


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What the forward pass leaves."""

    hidden: Tensor
    """(T, B, H, W, F): the state after each step."""

    last_hidden: Tensor
    """(B, H, W, F)."""

    last_cell: Tensor
    """(B, H, W, F)."""

    frames: Tensor | None
    """(T, B, H, W, C): inputs of few channels, which lie by themselves."""

    joined: Tensor
    """(1 + T, B, H, W, C + F): what each step convolves, its input and the state before it. Without inputs, and with
    inputs of few channels, the state alone. The last one holds the state after the last step."""

    cells: list[Tensor]
    """(N, F) each: the cell before the first step and after each; only the last where no gradient is wanted."""

    gates: list[Tensor]
    """(N, 4F) each; empty if not kept."""


@final
class Convolutions:
    """The convolutions of a layer.

    Args:
        weights: of the layer.
        dtype: what they run in.
    """

    def __init__(self, weights: Weights, dtype: torch.dtype) -> None:
        given, state, bias = weights[:3]
        self.inputs = None if given is None else SameConvolution(given, bias, dtype=dtype)
        """Of inputs alone, with the bias."""
        self.apart = given is not None and given.shape[1] <= FEW_CHANNELS
        """Whether inputs are convolved by themselves."""
        self.state = SameConvolution(state, bias if given is None else None, dtype=dtype)
        """Of the state alone; with the bias where there are no inputs."""
        self.joint = self.state
        """Of what each step convolves."""
        self.side = 0
        """Channels of input in it."""
        if given is not None and not self.apart:
            self.joint = SameConvolution(torch.cat([given, state], dim=1), bias, dtype=dtype)
            self.side = given.shape[1]

    def of_step(self, joined: Tensor, given: Tensor | None, *, first: bool) -> Tensor:
        """The gates before their functions, (B, H, W, 4F).

        Args:
            joined: (B, H, W, C + F), of this step.
            given: (B, H, W, 4F), the share of inputs that lie by themselves; None where there are none.
            first: the state is zero and need not be convolved.
        """
        if not first:
            return self.joint(joined) if given is None else self.state(joined).add_(given)
        if given is not None:
            return given
        assert self.inputs is not None  # a layer without inputs has a state to start from
        return self.inputs(joined[..., : self.side].contiguous())


def forward_pass(
    inputs: Tensor | None,
    hidden: Tensor | None,
    cell: Tensor | None,
    weights: Weights,
    *,
    manner: Manner,
    dtype: torch.dtype,
    keep: bool,
) -> Trace:
    """Run all steps.

    Args:
        inputs: (B, T, C, H, W) or None.
        hidden: (B, F, H, W), the state to start from; None for zeros.
        cell: (B, F, H, W), likewise.
        weights: of the layer.
        manner: how.
        dtype: precision of convolutions and hidden states.
        keep: whether a gradient will be wanted.
    """
    like = hidden if inputs is None else inputs
    assert like is not None
    convolutions = Convolutions(weights, dtype)
    side, filters = convolutions.side, weights.recurrent.shape[1]
    batch, height, width = like.shape[0], *like.shape[-2:]
    joined = like.new_empty((1 + manner.num_steps, batch, height, width, side + filters), dtype=dtype)
    frames = None if inputs is None else inputs.permute(1, 0, 3, 4, 2)
    if frames is not None and not convolutions.apart:
        joined[:-1, ..., :side] = frames
    joined[0, ..., side:] = 0 if hidden is None else hidden.permute(0, 2, 3, 1)
    frames = frames.to(dtype).contiguous() if frames is not None and convolutions.apart else None
    states = joined[1:] if side == 0 else joined.new_empty((manner.num_steps, batch, height, width, filters))
    precise = weights.recurrent.dtype
    if cell is None:
        cells = [like.new_zeros((batch * height * width, filters), dtype=precise)]
    else:
        cells = [cell.permute(0, 2, 3, 1).to(precise).contiguous().view(-1, filters)]
    peepholes = [None if weight is None else weight.detach() for weight in weights[3:]]  # no gradient passes here
    gates: list[Tensor] = []
    last_hidden, given = states[0], None
    at_once = steps_at_once(states[0], manner.num_steps)
    for step in range(manner.num_steps):
        if frames is not None and step % at_once == 0:
            given = of_frames(convolutions, frames[step : step + at_once])
        before = convolutions.of_step(
            joined[step], None if given is None else given[step % at_once], first=step == 0 and hidden is None
        )
        last_hidden, after = forward_gates(
            before.view(-1, 4 * filters),
            cells[-1],
            *peepholes,
            fused=manner.fused,
            activation=manner.activation,
            keep=keep and manner.keep_gates,
        )
        last_hidden = last_hidden.view(states.shape[1:])
        states[step] = last_hidden
        if side:
            joined[step + 1, ..., side:] = last_hidden
        if not keep:
            cells.clear()
        cells.append(after)
        if keep and manner.keep_gates:
            gates.append(before.view(-1, 4 * filters))
    return Trace(
        hidden=states,
        last_hidden=last_hidden,
        last_cell=cells[-1].view(last_hidden.shape),
        frames=frames,
        joined=joined,
        cells=cells,
        gates=gates,
    )


def of_frames(convolutions: Convolutions, frames: Tensor) -> Tensor:
    """Convolve the inputs (T, B, H, W, C) of some steps at once, to (T, B, H, W, 4F)."""
    assert convolutions.inputs is not None
    return convolutions.inputs(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])


def steps_at_once(state: Tensor, num_steps: int) -> int:
    """How many of the steps share a call, where they can."""
    step_bytes = 4 * state.numel() * state.element_size()
    return min(num_steps, max(1, _BYTES_AT_ONCE.get(state.device.type, 2**21) // step_bytes))


@final
class BackwardPass:
    """Walks a sequence from its last step to its first and sums gradients as it goes.

    Args:
        weights: of the layer.
        manner: how the forward pass was run.
        frames: what it left, and so the next three.
        joined: see :class:`Trace`.
        gates: likewise.
        cells: likewise.
        starts_at_zero: whether there was no state to start from.
        wanted: whether the gradients of inputs, hidden state and cell are.
    """

    def __init__(
        self,
        weights: Weights,
        manner: Manner,
        *,
        frames: Tensor | None,
        joined: Tensor,
        gates: Sequence[Tensor],
        cells: Sequence[Tensor],
        starts_at_zero: bool,
        wanted: Sequence[bool],
    ) -> None:
        self._weights, self._manner = weights, manner
        self._frames, self._joined, self._gates, self._cells = frames, joined, gates, cells
        self._starts_at_zero = starts_at_zero
        self._wants_inputs, self._wants_hidden, self._wants_cell = wanted
        self._convolutions = Convolutions(weights, joined.dtype)
        self._state = (*joined.shape[1:4], weights.recurrent.shape[1])  # (B, H, W, F)
        joint = (4 * self._state[3], self._convolutions.joint.channels, *weights.recurrent.shape[2:])
        # As weights lie in convolutions, so that adding to it lays nothing out anew.
        self._d_joint = weights.recurrent.new_zeros(joint).contiguous(memory_format=torch.channels_last)
        self._d_given = None if weights.input is None else torch.zeros_like(weights.input)
        self._small_sums = [torch.zeros_like(weight) for weight in (*weights[3:], weights.bias) if weight is not None]
        self._d_inputs: Tensor | None = None
        if self._wants_inputs and weights.input is not None:
            channels = weights.input.shape[1]
            self._d_inputs = joined.new_empty((manner.num_steps, *self._state[:3], channels))

    def run(self, d_hidden: Tensor | None, d_last_hidden: Tensor | None, d_last_cell: Tensor | None) -> list[Any]:
        """From the gradients of all hidden states, (B, T, F, H, W), of the last one and of the last cell, (B, F, H, W),
        to those of inputs, hidden state, cell and each of the weights."""
        dtype, filters = self._joined.dtype, self._state[-1]
        d_steps = None if d_hidden is None else d_hidden.permute(1, 0, 3, 4, 2).to(dtype).contiguous()
        d_state = None if d_last_hidden is None else d_last_hidden.permute(0, 2, 3, 1).to(dtype)
        if d_last_cell is None:
            d_cell = torch.zeros_like(self._cells[-1])
        else:
            d_cell = d_last_cell.permute(0, 2, 3, 1).to(self._cells[-1].dtype).contiguous().view(-1, filters)
        num_steps = self._manner.num_steps
        at_once = steps_at_once(self._joined[0, ..., -filters:], num_steps)
        for start in reversed(range(0, num_steps, at_once)):
            stop = min(start + at_once, num_steps)
            given = None
            if self._frames is not None and not self._gates:
                given = of_frames(self._convolutions, self._frames[start:stop])
            d_gates: list[Tensor] = []
            for step in reversed(range(start, stop)):
                found, d_cell, *sums = backward_gates(
                    self._gates_of(step, None if given is None else given[step - start]),
                    self._cells[step],
                    self._cells[step + 1],
                    self._sum(None if d_steps is None else d_steps[step], d_state).view(-1, filters),
                    d_cell,
                    *self._weights[3:],
                    fused=self._manner.fused,
                    activation=self._manner.activation,
                    bias=self._weights.bias is not None,
                )
                d_gates.append(found.view(*self._state[:3], 4 * filters))
                d_state = self._before(step, d_gates[-1])
                for total, share in zip(self._small_sums, sums, strict=True):
                    total.add_(share)
            self._add(start, stop, d_gates[0].unsqueeze(0) if len(d_gates) == 1 else torch.stack(d_gates[::-1]))
        return [
            None if self._d_inputs is None else self._d_inputs.permute(1, 0, 4, 2, 3),
            d_state.permute(0, 3, 1, 2) if d_state is not None and self._wants_hidden else None,
            d_cell.view(self._state).permute(0, 3, 1, 2) if self._wants_cell else None,
            *self._weight_gradients(),
        ]

    def _weight_gradients(self) -> Weights:
        """The sums, each to its weight."""
        side, sums = self._convolutions.side, list(self._small_sums)
        bias = None if self._weights.bias is None else sums.pop()
        if side and self._d_given is not None:
            self._d_given += self._d_joint[:, :side]
        return Weights(self._d_given, self._d_joint[:, side:], bias, *(sums or (None, None, None)))

    def _gates_of(self, step: int, given: Tensor | None) -> Tensor:
        """The gates (N, 4F) of one step, kept or computed again."""
        if self._gates:
            return self._gates[step]
        before = self._convolutions.of_step(self._joined[step], given, first=step == 0 and self._starts_at_zero)
        gates = before.view(-1, before.shape[-1])
        forward_gates(
            gates,
            self._cells[step],
            *self._weights[3:],
            fused=self._manner.fused,
            activation=self._manner.activation,
            keep=True,
        )
        return gates

    def _sum(self, one: Tensor | None, other: Tensor | None) -> Tensor:
        """What reaches a state from above and from the next step, (B, H, W, F); None is zero.

        No slice of the gradient of all steps, because compiled formulas tell slices apart.
        """
        if one is None:
            return self._joined.new_zeros(self._state) if other is None else other.contiguous()
        return one.clone() if other is None else (one + other).contiguous()

    def _before(self, step: int, d_gates: Tensor) -> Tensor | None:
        """Write the gradient of a step's inputs.

        Returns:
            That of the state before it, (B, H, W, F), where it is wanted.
        """
        convolutions, side = self._convolutions, self._convolutions.side
        wants_state = step > 0 or self._wants_hidden
        if self._d_inputs is not None:
            if side and wants_state:
                d_joined = convolutions.joint.input_gradient(d_gates)
                self._d_inputs[step] = d_joined[..., :side]
                return d_joined[..., side:]
            assert convolutions.inputs is not None
            self._d_inputs[step] = convolutions.inputs.input_gradient(d_gates)
        return convolutions.state.input_gradient(d_gates) if wants_state else None

    def _add(self, start: int, stop: int, d_gates: Tensor) -> None:
        """Add what some steps contribute to the gradients of convolutions.

        Args:
            start: the first of them.
            stop: the one after the last.
            d_gates: (stop - start, B, H, W, 4F).
        """
        convolutions, side = self._convolutions, self._convolutions.side
        begin = start
        if start == 0 and self._starts_at_zero:  # a state of zeros contributes nothing
            begin = 1
            if side and self._d_given is not None and convolutions.inputs is not None:
                frames = self._joined[0, ..., :side].contiguous()
                self._d_given += convolutions.inputs.weight_gradient(d_gates[0], frames)
        if begin < stop:
            frames = self._joined[begin:stop].flatten(0, 1)
            self._d_joint += convolutions.joint.weight_gradient(d_gates[begin - start :].flatten(0, 1), frames)
        if self._frames is not None and self._d_given is not None and convolutions.inputs is not None:
            frames = self._frames[start:stop].flatten(0, 1)
            self._d_given += convolutions.inputs.weight_gradient(d_gates.flatten(0, 1), frames)
