"""The pointwise part of a ConvLSTM step, forward and backward.

With a the gates before their functions (the sum of all convolutions and biases), C the cell before the step, φ tanh or
ReLU, σ the logistic function (Shi et al. 2015, equation 3)::

    i = σ(a_i + w_ci ∘ C)    f = σ(a_f + w_cf ∘ C)    g = φ(a_g)
    C' = f ∘ C + i ∘ g
    o = σ(a_o + w_co ∘ C')
    H' = o ∘ φ(C')

Backward, with δ for the gradient of the loss, and φ' written through the value y of φ (1 - y² or y > 0)::

    δa_o = δH' ∘ φ(C') ∘ o ∘ (1 - o)
    d    = δC' + δH' ∘ o ∘ φ'(C') + w_co ∘ δa_o              all that reaches C'
    δa_i = d ∘ g ∘ i ∘ (1 - i)    δa_f = d ∘ C ∘ f ∘ (1 - f)    δa_g = d ∘ i ∘ φ'(g)
    δC   = d ∘ f + w_ci ∘ δa_i + w_cf ∘ δa_f
    δw_ci = Σ δa_i ∘ C    δw_cf = Σ δa_f ∘ C    δw_co = Σ δa_o ∘ C'    δb = Σ δa

Everything is computed in the cell's precision, whatever that of the gates.

Axes: N positions (batch, height and width together), F filters; the gates lie side by side as i, f, g, o.
"""

from typing import Literal

import torch
from torch import Tensor

from framecast.models.layers.fusing import Formula

CellActivation = Literal["tanh", "relu"]
"""The function of the candidate and of the cell's output; the gates are always logistic."""


@Formula
def forward_gates(
    before: Tensor,
    cell: Tensor,
    w_ci: Tensor | None,
    w_cf: Tensor | None,
    w_co: Tensor | None,
    *,
    activation: CellActivation,
    keep: bool,
) -> tuple[Tensor, Tensor]:
    """One step.

    Args:
        before: (N, 4F), a above.
        cell: (N, F), in the precision to compute in.
        w_ci: (F,), and so w_cf and w_co: peepholes; None for none.
        activation: φ.
        keep: whether to write the gates over ``before``, for the gradient: memory of their own would be cold.

    Returns:
        The hidden state (N, F) in the precision of ``before``, and the cell (N, F).
    """
    coarse = before.dtype != cell.dtype
    i, f, g, o = before.to(cell.dtype).chunk(4, dim=1)
    if w_ci is not None and w_cf is not None:
        i, f = i + w_ci * cell, f + w_cf * cell
    i, f, g = torch.sigmoid(i), torch.sigmoid(f), _phi(g, activation, coarse=coarse)
    cell = f * cell + i * g
    if w_co is not None:
        o = o + w_co * cell
    o = torch.sigmoid(o)
    hidden = (o * _phi(cell, activation, coarse=coarse)).to(before.dtype)
    if keep:
        before.copy_(torch.cat([i, f, g, o], dim=1))
    return hidden, cell


@Formula
def backward_gates(  # noqa: PLR0917 - a formula takes its tensors by position
    gates: Tensor,
    cell_before: Tensor,
    cell: Tensor,
    d_hidden: Tensor,
    d_cell: Tensor,
    w_ci: Tensor | None,
    w_cf: Tensor | None,
    w_co: Tensor | None,
    *,
    activation: CellActivation,
    bias: bool,
) -> tuple[Tensor, ...]:
    """The gradients of one step.

    Args:
        gates: (N, 4F), what :func:`forward_gates` has written.
        cell_before: (N, F), C.
        cell: (N, F), C'.
        d_hidden: (N, F), δH'.
        d_cell: (N, F), δC'.
        w_ci: (F,), and so w_cf and w_co: peepholes; None for none.
        activation: φ.
        bias: whether the gradient of biases is wanted.

    Returns:
        δa (N, 4F) in the precision of the gates, δC (N, F), with peepholes δw_ci, δw_cf, δw_co (F,), and last, if
        wanted, the sum of δa, (4F,).
    """
    i, f, g, o = gates.to(cell.dtype).chunk(4, dim=1)
    d_hidden = d_hidden.to(cell.dtype)
    output = _phi(cell, activation, coarse=gates.dtype != cell.dtype)
    d_o = d_hidden * output * o * (1 - o)
    d = d_cell + d_hidden * o * _slope(output, activation)
    if w_co is not None:
        d = d + w_co * d_o
    d_i, d_f, d_g = d * g * i * (1 - i), d * cell_before * f * (1 - f), d * i * _slope(g, activation)
    d_cell_before = d * f
    d_before = torch.cat([d_i, d_f, d_g, d_o], dim=1).to(gates.dtype)
    sums: list[Tensor] = []
    if w_ci is not None and w_cf is not None:
        d_cell_before = d_cell_before + w_ci * d_i + w_cf * d_f
        sums += [(d_i * cell_before).sum(dim=0), (d_f * cell_before).sum(dim=0), (d_o * cell).sum(dim=0)]
    if bias:
        sums.append(torch.cat([d_i.sum(dim=0), d_f.sum(dim=0), d_g.sum(dim=0), d_o.sum(dim=0)]))
    return d_before, d_cell_before, *sums


def _phi(values: Tensor, activation: CellActivation, *, coarse: bool) -> Tensor:
    """φ. Where the result is rounded to 16 bits, tanh comes from the logistic function, which is several times faster
    on a CPU and wrong by 1e-7 at most."""
    if activation == "relu":
        return torch.relu(values)
    return 2 * torch.sigmoid(2 * values) - 1 if coarse else torch.tanh(values)


def _slope(value: Tensor, activation: CellActivation) -> Tensor:
    """φ' where φ has this value."""
    return (value > 0).to(value.dtype) if activation == "relu" else 1 - value * value
