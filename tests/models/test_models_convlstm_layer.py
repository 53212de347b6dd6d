"""The ConvLSTM layer against the equations, written out once more in plain numpy."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from framecast.models.layers.convlstm import ConvLSTMLayer, State, kernels_per_layer
from framecast.models.layers.recurrence import RecurrenceConfig, set_recurrence

Array = NDArray[np.float64]


def convolve(frames: Array, kernel: Array) -> Array:
    """(B, C, H, W) with (F, C, k, k), zeros around; sum over shifts."""
    size = kernel.shape[-1]
    half, (height, width) = size // 2, frames.shape[-2:]
    padded = np.pad(frames, ((0, 0), (0, 0), (half, half), (half, half)))
    total = np.zeros((frames.shape[0], kernel.shape[0], height, width))
    for row in range(size):
        for column in range(size):
            shifted = padded[:, :, row : row + height, column : column + width]
            total += np.einsum("bchw,fc->bfhw", shifted, kernel[:, :, row, column])
    return total


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def by_the_equations(layer: ConvLSTMLayer, inputs: Array | None, hidden: Array, cell: Array, steps: int) -> list[Array]:
    weights = {name: value.detach().double().numpy() for name, value in layer.named_parameters()}
    recurrent = np.split(weights["recurrent_conv.weight"], 4)
    driven = np.split(weights["input_conv.weight"], 4) if inputs is not None else [None] * 4
    biases = np.split(weights["input_conv.bias" if inputs is not None else "recurrent_conv.bias"], 4)
    outputs = []
    for step in range(steps):

        def gate(place: int, hidden: Array = hidden, step: int = step) -> Array:
            total = convolve(hidden, recurrent[place]) + biases[place][:, None, None]
            kernel = driven[place]
            return total if inputs is None or kernel is None else total + convolve(inputs[:, step], kernel)

        i = logistic(gate(0) + weights.get("w_ci", 0) * cell)
        f = logistic(gate(1) + weights.get("w_cf", 0) * cell)
        cell = f * cell + i * np.tanh(gate(2))
        o = logistic(gate(3) + weights.get("w_co", 0) * cell)
        hidden = o * np.tanh(cell)
        outputs.append(hidden)
    return outputs


def randomised(layer: ConvLSTMLayer) -> ConvLSTMLayer:
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.5)
    return layer


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("has_input", [False, True])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_layer_follows_the_equations(peepholes: bool, has_input: bool, kernel_size: int) -> None:
    layer = randomised(ConvLSTMLayer(2 if has_input else None, 3, kernel_size=kernel_size, peepholes=peepholes))
    inputs = torch.randn(2, 4, 2, 5, 6) if has_input else None
    start = State(torch.randn(2, 3, 5, 6), torch.randn(2, 3, 5, 6))
    found, state = layer(inputs, start, num_steps=None if has_input else 4)
    as_array = None if inputs is None else inputs.double().numpy()
    expected = by_the_equations(layer, as_array, start.hidden.double().numpy(), start.cell.double().numpy(), 4)
    np.testing.assert_allclose(found.detach().numpy(), np.stack(expected, axis=1), atol=1e-5)
    torch.testing.assert_close(state.hidden, found[:, -1])


@pytest.mark.parametrize("peepholes", [False, True])
def test_no_state_is_a_state_of_zeros(peepholes: bool) -> None:
    layer = randomised(ConvLSTMLayer(2, 3, kernel_size=3, peepholes=peepholes))
    inputs = torch.randn(2, 3, 2, 5, 6)
    zeros = torch.zeros(2, 3, 5, 6)
    torch.testing.assert_close(layer(inputs), layer(inputs, State(zeros, zeros)))


def test_a_sequence_in_pieces_gives_what_it_gives_whole() -> None:
    layer = randomised(ConvLSTMLayer(1, 4, kernel_size=3, peepholes=True))
    inputs = torch.randn(2, 7, 1, 6, 5)
    whole, whole_state = layer(inputs)
    first, state = layer(inputs[:, :3])
    second, state = layer(inputs[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(state, whole_state)


@pytest.mark.parametrize("has_input", [False, True])
def test_gradients_are_those_of_finite_differences(has_input: bool) -> None:
    layer = randomised(ConvLSTMLayer(1 if has_input else None, 2, kernel_size=3, peepholes=True)).double()
    names, weights = zip(*layer.named_parameters(), strict=True)
    frames = torch.randn(1, 2, 1, 2, 3, dtype=torch.float64, requires_grad=has_input)
    hidden, cell = (torch.randn(1, 2, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def run(frames: Tensor, hidden: Tensor, cell: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        arguments = (frames if has_input else None, State(hidden, cell))
        steps = {"num_steps": None if has_input else 2}
        outputs, state = torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), arguments, steps)
        return outputs, state.cell

    assert torch.autograd.gradcheck(run, (frames, hidden, cell, *weights), fast_mode=True)


def test_cell_stays_in_float32_under_autocast() -> None:
    layer = ConvLSTMLayer(1, 4, kernel_size=3, peepholes=False)
    inputs = torch.randn(1, 5, 1, 6, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, state = layer(inputs)
        _, first = layer(inputs[:, :1])
    assert state.cell.dtype == first.cell.dtype == torch.float32
    expected, _ = layer(inputs)
    assert not torch.equal(outputs.float(), expected)
    torch.testing.assert_close(outputs.float(), expected, atol=1e-2, rtol=0)


def test_starting_values() -> None:
    layer = ConvLSTMLayer(None, 3, kernel_size=3, peepholes=True)
    assert layer.bias.tolist() == [0] * 3 + [1] * 3 + [0] * 6
    flat = layer.recurrent_conv.weight.flatten(1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(12), atol=1e-5, rtol=0)
    assert layer.w_co.abs().sum() == 0


@pytest.mark.parametrize("has_input", [False, True])
def test_what_a_layer_cannot_run_it_refuses(has_input: bool) -> None:
    layer = ConvLSTMLayer(1 if has_input else None, 2, kernel_size=3)
    state = State(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match="inputs are for"):
        layer(None if has_input else torch.zeros(1, 2, 1, 4, 4), state, num_steps=2)
    if has_input:
        with pytest.raises(ValueError, match="no step"):
            layer(torch.zeros(1, 0, 1, 4, 4))
    else:
        with pytest.raises(ValueError, match="num_steps"):
            layer(None, state, num_steps=0)
        with pytest.raises(ValueError, match="needs a state"):
            layer(None, num_steps=2)


def test_kernels_per_layer() -> None:
    assert kernels_per_layer(3, 2) == (3, 3)
    assert kernels_per_layer((5, 1), 2) == (5, 1)
    with pytest.raises(ValueError, match="2 layers need one kernel size, or 2; found 3"):
        kernels_per_layer((3, 3, 3), 2)
    with pytest.raises(ValueError, match="odd and positive"):
        kernels_per_layer((3, 4), 2)


def run_with(layer: ConvLSTMLayer, inputs: Tensor, **settings: Any) -> tuple[Tensor, list[Tensor]]:
    set_recurrence(layer, RecurrenceConfig(**settings), fused=False)
    outputs, state = layer(inputs)
    factor = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    total = (outputs * factor).sum() + state.cell.square().sum()
    return outputs, list(torch.autograd.grad(total, [inputs, *layer.parameters()]))


@pytest.mark.parametrize(
    "settings",
    [{"keep_gates": False}, {"checkpoint_steps": 3}, {"checkpoint_steps": 1}, {"checkpoint_steps": 9}],
)
def test_saving_memory_changes_no_gradient(settings: dict[str, Any]) -> None:
    layer = randomised(ConvLSTMLayer(2, 3, kernel_size=3, peepholes=True)).double()
    inputs = torch.randn(2, 7, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    expected, expected_gradients = run_with(layer, inputs)
    found, gradients = run_with(layer, inputs, **settings)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradients, expected_gradients, rtol=1e-10, atol=1e-12)


def kept_bytes(layer: ConvLSTMLayer, inputs: Tensor, **settings: Any) -> int:
    """What autograd holds between the passes."""
    set_recurrence(layer, RecurrenceConfig(**settings), fused=False)
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(inputs)
    return sum(kept.values())


def test_less_is_kept_when_asked() -> None:
    layer = ConvLSTMLayer(1, 16, kernel_size=3)
    inputs = torch.randn(1, 24, 1, 8, 8)
    all_of_it = kept_bytes(layer, inputs)
    assert kept_bytes(layer, inputs, keep_gates=False) < all_of_it / 2
    assert kept_bytes(layer, inputs, checkpoint_steps=6) < all_of_it / 4


def test_truncation_cuts_the_gradient_and_not_the_forecast() -> None:
    layer = randomised(ConvLSTMLayer(1, 3, kernel_size=3))
    inputs = torch.randn(1, 6, 1, 4, 4, requires_grad=True)
    whole, _ = layer(inputs)
    set_recurrence(layer, RecurrenceConfig(truncate_steps=2), fused=False)
    cut, state = layer(inputs)
    torch.testing.assert_close(cut, whole)
    (gradient,) = torch.autograd.grad(state.hidden.sum(), inputs)
    assert gradient[0].flatten(1).any(dim=1).tolist() == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    ("settings", "pieces"),
    [
        ({}, [(0, 7, False)]),
        ({"checkpoint_steps": 3}, [(0, 3, False), (3, 6, False), (6, 7, False)]),
        ({"truncate_steps": 4}, [(0, 4, False), (4, 7, True)]),
        (
            {"checkpoint_steps": 2, "truncate_steps": 3},
            [(0, 2, False), (2, 3, False), (3, 4, True), (4, 6, False), (6, 7, True)],
        ),
        ({"truncate_steps": 99}, [(0, 7, False)]),
    ],
)
def test_pieces(settings: dict[str, int], pieces: list[tuple[int, int, bool]]) -> None:
    found = [(steps.start, steps.stop, cut) for steps, cut in RecurrenceConfig(**settings).pieces(7)]
    assert found == pieces


def test_reach_and_memory_must_be_positive() -> None:
    with pytest.raises(ValueError, match="truncate_steps must be at least 1 or null, found 0"):
        RecurrenceConfig(truncate_steps=0)


def test_without_a_bias_the_forget_bias_is_a_constant() -> None:
    layer = ConvLSTMLayer(2, 3, kernel_size=3, bias=False, forget_bias=0.5)
    assert layer.bias is None
    assert {name for name, _ in layer.named_parameters()} == {"input_conv.weight", "recurrent_conv.weight"}
    with_bias = ConvLSTMLayer(2, 3, kernel_size=3, forget_bias=0.5)
    with_bias.load_state_dict(layer.state_dict() | {"input_conv.bias": with_bias.bias})
    inputs = torch.randn(2, 4, 2, 5, 5)
    torch.testing.assert_close(layer(inputs), with_bias(inputs))
