"""The sequence operation against the reference cell, written out step by step and differentiated by autograd."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters
from torch.nn import functional as F

from framecast.models.layers.convlstm_gates import CellActivation
from framecast.models.layers.convlstm_passes import Manner, Weights
from framecast.models.layers.convlstm_sequence import run_sequence
from framecast.models.layers.fusing import can_fuse, compile_seconds

fusing = pytest.mark.skipif(not can_fuse("cpu"), reason="no C++ compiler")


class Problem(NamedTuple):
    """Leaves that want a gradient; inputs or state are None where there are none."""

    inputs: Tensor | None
    hidden: Tensor | None
    cell: Tensor | None
    weights: Weights

    @property
    def leaves(self) -> list[Tensor]:
        return [leaf for leaf in (self.inputs, self.hidden, self.cell, *self.weights) if leaf is not None]


def problem(
    *,
    channels: int | None,
    starts: bool,
    peepholes: bool,
    bias: bool = True,
    steps: int = 4,
    batch: int = 2,
    size: tuple[int, int] = (5, 4),
    filters: int = 3,
    kernel: int = 3,
    dtype: torch.dtype = torch.float64,
) -> Problem:
    generator = torch.Generator().manual_seed(7)

    def leaf(*shape: int, scale: float = 1.0) -> Tensor:
        return (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_()

    state = [leaf(batch, filters, *size) if starts else None for _ in range(2)]
    weights = Weights(
        None if channels is None else leaf(4 * filters, channels, kernel, kernel, scale=0.3),
        leaf(4 * filters, filters, kernel, kernel, scale=0.3),
        leaf(4 * filters) if bias else None,
        *(leaf(filters) if peepholes else None for _ in range(3)),
    )
    return Problem(None if channels is None else leaf(batch, steps, channels, *size), *state, weights)


def reference(given: Problem, steps: int, activation: CellActivation) -> tuple[Tensor, Tensor, Tensor]:
    """Equation 3 of Shi et al. 2015, one step after the other."""
    phi = torch.tanh if activation == "tanh" else torch.relu
    weights = given.weights
    filters, kernel = weights.recurrent.shape[1], weights.recurrent.shape[-1]
    like = given.hidden if given.inputs is None else given.inputs
    assert like is not None
    zeros = like.new_zeros(like.shape[0], filters, *like.shape[-2:])
    hidden = zeros if given.hidden is None else given.hidden
    cell = zeros if given.cell is None else given.cell
    peepholes = [zeros.new_zeros(1) if weight is None else weight.view(-1, 1, 1) for weight in weights[3:]]
    outputs: list[Tensor] = []
    for step in range(steps):
        gates = F.conv2d(hidden, weights.recurrent, weights.bias, padding=kernel // 2)
        if given.inputs is not None:
            assert weights.input is not None
            gates = gates + F.conv2d(given.inputs[:, step], weights.input, padding=kernel // 2)
        i, f, g, o = gates.chunk(4, dim=1)
        i, f = torch.sigmoid(i + peepholes[0] * cell), torch.sigmoid(f + peepholes[1] * cell)
        cell = f * cell + i * phi(g)
        hidden = torch.sigmoid(o + peepholes[2] * cell) * phi(cell)
        outputs.append(hidden)
    return torch.stack(outputs, dim=1), hidden, cell


def manner(steps: int, activation: CellActivation = "tanh", *, fused: bool = False, keep: bool = True) -> Manner:
    return Manner(num_steps=steps, activation=activation, fused=fused, keep_gates=keep)


def gradients(outcome: tuple[Tensor, Tensor, Tensor], leaves: list[Tensor], used: str = "hlc") -> list[Tensor]:
    """Of a sum with fixed random weights, over the outputs (h), the last hidden state (l) and the last cell (c)."""
    generator = torch.Generator().manual_seed(11)
    total = torch.zeros((), dtype=torch.float64)
    for name, tensor in zip("hlc", outcome, strict=True):
        factor = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        if name in used:
            total = total + (tensor.double() * factor).sum()
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if grad is None else grad for grad, leaf in zip(found, leaves, strict=True)]


def relative_error(found: Tensor, expected: Tensor) -> float:
    found, expected = found.detach().double(), expected.detach().double()
    return float((found - expected).norm() / expected.norm().clamp(min=1e-12))


def cases() -> Iterator[tuple[int | None, bool, bool]]:
    for channels, starts, peepholes in itertools.product((None, 1, 6), (False, True), (False, True)):
        if channels is not None or starts:
            yield channels, starts, peepholes


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "recomputed"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("case", list(cases()))
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_outputs_and_gradients_are_those_of_the_reference(
    case: tuple[int | None, bool, bool], activation: CellActivation, keep: bool, dtype: torch.dtype, tolerance: float
) -> None:
    channels, starts, peepholes = case
    given = problem(channels=channels, starts=starts, peepholes=peepholes, dtype=dtype)
    exact = problem(channels=channels, starts=starts, peepholes=peepholes)
    found = run_sequence(given.inputs, given.hidden, given.cell, given.weights, manner(4, activation, keep=keep))
    expected = reference(exact, 4, activation)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        assert relative_error(one, other) < tolerance
    for one, other in zip(gradients(found, given.leaves), gradients(expected, exact.leaves), strict=True):
        assert relative_error(one, other) < tolerance


@pytest.mark.parametrize("used", ["h", "l", "c", "lc"])
def test_outputs_that_nobody_uses_need_no_gradient(used: str) -> None:
    given = problem(channels=2, starts=True, peepholes=True)
    found = gradients(run_sequence(*given[:3], given.weights, manner(4)), given.leaves, used)
    expected = gradients(reference(given, 4, "tanh"), given.leaves, used)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_many_small_steps_share_convolutions_and_large_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    given = problem(channels=5, starts=True, peepholes=True, steps=7)
    expected = gradients(reference(given, 7, "tanh"), given.leaves)
    for at_once in (1, 3, 7):
        step_bytes = 2 * 5 * 4 * 4 * 3 * 8
        monkeypatch.setattr("framecast.models.layers.convlstm_passes._BYTES_AT_ONCE", {"cpu": at_once * step_bytes})
        for keep in (True, False):
            found = run_sequence(*given[:3], given.weights, manner(7, keep=keep))
            for one, other in zip(gradients(found, given.leaves), expected, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradcheck(activation: CellActivation, keep: bool) -> None:
    given = problem(channels=1, starts=True, peepholes=True, steps=2, batch=1, size=(2, 3), filters=2)
    leaves = given.leaves

    def run(*leaves: Tensor) -> tuple[Tensor, ...]:
        inputs, hidden, cell, *weights = leaves
        return run_sequence(inputs, hidden, cell, Weights(*weights), manner(2, activation, keep=keep))

    assert torch.autograd.gradcheck(run, leaves)


def test_nothing_is_kept_and_nothing_differs_without_gradients() -> None:
    given = problem(channels=2, starts=True, peepholes=True)
    with_gradients = run_sequence(*given[:3], given.weights, manner(4))
    with torch.no_grad():
        without = run_sequence(*given[:3], given.weights, manner(4))
    for one, other in zip(with_gradients, without, strict=True):
        assert torch.equal(one, other)
        assert other.grad_fn is None


@fusing
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_fused_formulas_mean_the_same(activation: CellActivation, dtype: torch.dtype) -> None:
    given = problem(channels=2, starts=True, peepholes=True, dtype=dtype)
    # Layers hand over views of their peepholes, which are no leaves.
    views = Weights(*given.weights[:3], *(weight.view(3, 1, 1).flatten() for weight in given.weights[3:]))
    found = run_sequence(*given[:3], views, manner(4, activation, fused=True))
    expected = run_sequence(*given[:3], given.weights, manner(4, activation))
    tolerance = 1e-10 if dtype == torch.float64 else 1e-5
    for one, other in zip(found, expected, strict=True):
        assert relative_error(one, other) < tolerance
    for one, other in zip(gradients(found, given.leaves), gradients(expected, given.leaves), strict=True):
        assert relative_error(one, other) < tolerance


@fusing
@pytest.mark.parametrize("channels", [2, 6])
def test_no_other_size_compiles_anything_again(channels: int) -> None:
    def run(**changes: int | tuple[int, int]) -> None:
        # Equal numbers at first, so that a compiler could take one for the other.
        sizes = {"steps": 4, "batch": 4, "size": (4, 4), "filters": 4} | changes
        given = problem(channels=channels, starts=False, peepholes=False, dtype=torch.float32, **sizes)
        outcome = run_sequence(*given[:3], given.weights, manner(int(str(sizes["steps"])), fused=True))
        gradients(outcome, given.leaves)

    run()
    before, spent = counters["stats"]["unique_graphs"], compile_seconds()
    assert before > 0
    assert spent > 0
    run(batch=1)
    run(batch=3)  # the last batch of an epoch
    run(steps=8)
    run(size=(9, 5))
    run(filters=5)
    run(batch=2, steps=2, size=(3, 3), filters=2)
    assert counters["stats"]["unique_graphs"] == before
    assert compile_seconds() == spent


@pytest.mark.parametrize("fused", [False, pytest.param(True, marks=fusing)])
def test_bfloat16_rounds_the_convolutions_and_not_the_cells_or_sums(fused: bool) -> None:
    given = problem(channels=6, starts=True, peepholes=True, dtype=torch.float32, steps=6)
    exact = run_sequence(*given[:3], given.weights, manner(6))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = run_sequence(*given[:3], given.weights, manner(6, fused=fused))
    assert found.hidden.dtype == found.last_hidden.dtype == torch.bfloat16
    assert found.last_cell.dtype == torch.float32
    for one, other in zip(found, exact, strict=True):
        assert 1e-5 < relative_error(one, other) < 2e-2
    for one, other in zip(gradients(found, given.leaves), gradients(exact, given.leaves), strict=True):
        assert one.dtype == torch.float32
        assert relative_error(one, other) < 3e-2


def test_weight_gradients_are_summed_in_float32() -> None:
    """Many equal small contributions: a sum kept in bfloat16 would stand still long before the end."""
    steps, weights = 600, Weights(torch.zeros(4, 8, 1, 1), torch.zeros(4, 1, 1, 1), torch.zeros(4), None, None, None)
    weights.input.requires_grad_()
    inputs = torch.ones(1, steps, 8, 64, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = run_sequence(inputs, None, None, weights, manner(steps))
    (gradient,) = torch.autograd.grad(found.hidden.float().sum(), weights.input)
    exact = run_sequence(inputs, None, None, weights, manner(steps))
    (expected,) = torch.autograd.grad(exact.hidden.sum(), weights.input)
    assert relative_error(gradient, expected) < 1e-2
