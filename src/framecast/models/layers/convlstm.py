"""The ConvLSTM layer: a convolutional LSTM cell run over a whole sequence.

Paper: Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting", 2015,
equation 3, with * a convolution and ∘ a product per element::

    i  = σ(W_xi * X + W_hi * H + w_ci ∘ C + b_i)          input gate
    f  = σ(W_xf * X + W_hf * H + w_cf ∘ C + b_f)          forget gate
    C' = f ∘ C + i ∘ φ(W_xc * X + W_hc * H + b_c)         cell
    o  = σ(W_xo * X + W_ho * H + w_co ∘ C' + b_o)         output gate
    H' = o ∘ φ(C')                                        hidden

Choices: φ is tanh, or ReLU as in the Keras tutorials. Peepholes w_c· are optional and have one weight per channel,
the reading that gives the parameter counts that the paper prints. The four gates lie along the output channels in the
order i, f, C, o, which is Keras's, as are the starting values (Glorot-uniform input kernel, orthogonal recurrent
kernel, forget bias 1).

Axes: B sequences, T steps, C input channels, F filters, H height, W width. Inside, time comes first and channels lie
last in memory: a step is then one dense block, the layout in which convolutions are fastest on most hardware.
"""

from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from framecast.models.layers.convlstm_gates import CellActivation
from framecast.models.layers.convlstm_passes import Manner, Weights
from framecast.models.layers.convlstm_sequence import Outcome, run_sequence
from framecast.models.layers.recurrence import RecurrentLayer


class State(NamedTuple):
    """What a ConvLSTM layer remembers."""

    hidden: Tensor
    """(B, F, H, W)."""

    cell: Tensor
    """(B, F, H, W), kept in the precision of the weights even under autocast."""

    def detach(self) -> "State":
        """The same state; no gradient reaches beyond it."""
        return State(self.hidden.detach(), self.cell.detach())


def kernels_per_layer(kernel_size: int | tuple[int, ...], num_layers: int) -> tuple[int, ...]:
    """Kernel sides of all layers, from one side for all or one for each.

    Raises:
        ValueError: another number of sides than layers, or a side that is not odd and positive.
    """
    kernels = (kernel_size,) * num_layers if isinstance(kernel_size, int) else kernel_size
    if len(kernels) != num_layers:
        raise ValueError(f"{num_layers} layers need one kernel size, or {num_layers}; found {len(kernels)}")
    if any(kernel < 1 or kernel % 2 == 0 for kernel in kernels):
        raise ValueError(f"kernel sizes must be odd and positive, so that frames keep their size; found {kernels}")
    return kernels


@final
class ConvLSTMLayer(RecurrentLayer):
    """One ConvLSTM layer over a sequence.

    Args:
        channels: C, channels of the inputs; None for a layer without inputs, driven by its state alone.
        filters: F, channels of the hidden state.
        kernel_size: side of both kernels, odd; frames keep their size.
        activation: φ above.
        peepholes: whether the gates see the cell.
        bias: whether the gates have a bias of their own (one vector for both convolutions).
        forget_bias: the starting value of the forget gate's bias; without a bias, a constant inside that gate.
    """

    constant_bias: Tensor | None

    def __init__(
        self,
        channels: int | None,
        filters: int,
        *,
        kernel_size: int,
        activation: CellActivation = "tanh",
        peepholes: bool = False,
        bias: bool = True,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__()
        self.filters = filters
        self.activation: CellActivation = activation
        self.peepholes = peepholes
        same, gates = kernel_size // 2, 4 * filters
        self.forget_bias = forget_bias
        with_input = channels is not None
        self.input_conv = nn.Conv2d(channels, gates, kernel_size, padding=same, bias=bias) if with_input else None
        self.recurrent_conv = nn.Conv2d(filters, gates, kernel_size, padding=same, bias=bias and not with_input)
        constant = torch.zeros(gates)
        constant[filters : 2 * filters] = forget_bias
        # In the place of a bias where there is none; known from the settings, so not stored with the weights.
        self.register_buffer("constant_bias", None if bias else constant, persistent=False)
        if peepholes:
            self.w_ci = nn.Parameter(torch.empty(filters, 1, 1))
            self.w_cf = nn.Parameter(torch.empty(filters, 1, 1))
            self.w_co = nn.Parameter(torch.empty(filters, 1, 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start anew: kernels as Keras draws them, peepholes 0, biases 0 but ``forget_bias`` for the forget gate."""
        nn.init.orthogonal_(self.recurrent_conv.weight)
        if self.input_conv is not None:
            nn.init.xavier_uniform_(self.input_conv.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
            nn.init.constant_(self.bias[self.filters : 2 * self.filters], self.forget_bias)
        if self.peepholes:
            for weight in (self.w_ci, self.w_cf, self.w_co):
                nn.init.zeros_(weight)

    @property
    def bias(self) -> Tensor | None:
        """(4F,): one bias per gate and channel; it belongs to the input convolution where there is one."""
        return (self.input_conv or self.recurrent_conv).bias

    def forward(
        self, inputs: Tensor | None, state: State | None = None, *, num_steps: int | None = None
    ) -> tuple[Tensor, State]:
        """Run over a sequence.

        Args:
            inputs: (B, T, C, H, W); None for a layer without inputs.
            state: where to start; None starts from zeros.
            num_steps: T, for a layer without inputs.

        Returns:
            The hidden states of all steps, (B, T, F, H, W), and the state after the last step.

        Raises:
            ValueError: inputs where the layer takes none, none where it takes some, or no step to run.
        """
        if (inputs is None) is not (self.input_conv is None):
            raise ValueError("inputs are for the layer with input channels, and only for it")
        if inputs is None and (state is None or num_steps is None or num_steps < 1):
            raise ValueError("a layer without inputs needs a state and num_steps of at least 1")
        num_steps = inputs.shape[1] if inputs is not None else num_steps
        if not num_steps:
            raise ValueError("the sequence has no step")
        outputs: list[Tensor] = []
        for steps, cut in self.recurrence.pieces(num_steps):
            if cut and state is not None:
                state = state.detach()
            piece = None if inputs is None else inputs[:, steps.start : steps.stop]
            if self.recurrence.checkpoint_steps is not None and torch.is_grad_enabled():
                hidden, *after = checkpoint(
                    self._run, piece, state, len(steps), use_reentrant=False, preserve_rng_state=False
                )
            else:
                hidden, *after = self._run(piece, state, len(steps))
            state = State(*after)
            outputs.append(hidden)
        assert state is not None
        if len(outputs) == 1:
            return outputs[0], state
        # Time first, as the steps lie in memory: joining them the other way would lay all of them out anew.
        return torch.cat([hidden.transpose(0, 1) for hidden in outputs]).transpose(0, 1), state

    def _run(self, inputs: Tensor | None, state: State | None, num_steps: int) -> Outcome:
        hidden, cell = (None, None) if state is None else state
        manner = Manner(
            num_steps=num_steps,
            activation=self.activation,
            fused=self.fused,
            keep_gates=self.recurrence.keep_gates,
        )
        return run_sequence(inputs, hidden, cell, self._weights(), manner)

    def _weights(self) -> Weights:
        peepholes = (self.w_ci, self.w_cf, self.w_co) if self.peepholes else (None, None, None)
        return Weights(
            None if self.input_conv is None else self.input_conv.weight,
            self.recurrent_conv.weight,
            self.bias if self.bias is not None else self.constant_bias,
            *(None if weight is None else weight.flatten() for weight in peepholes),
        )
