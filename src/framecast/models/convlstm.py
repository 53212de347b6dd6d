"""ConvLSTM: the encoder–forecaster network.

Paper: Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation Nowcasting", 2015.

Frames are cut into patches. A stack of ConvLSTM layers, the encoder, reads the context. A second stack of the same
widths, the forecaster, starts from the encoder's states, layer by layer, and unrolls the horizon; its first layer has
no input, so no forecast is ever fed back. The hidden states of all forecaster layers together give each frame by a
1 x 1 convolution.

Choices where the paper is silent: peepholes have one weight per channel, each gate has one bias, and the 1 x 1
convolution has one; together these give exactly the parameter counts of the paper's table 1. The output is linear by
default, and its bias starts at a tenth of the value range (see ``layers/value_range.py``).

Axes: B clips, K context frames, M horizon frames, C channels, H height, W width, P side of a patch.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.models.layers.convlstm import ConvLSTMLayer, State, kernels_per_layer
from framecast.models.layers.framewise import framewise
from framecast.models.layers.patches import from_patches, to_patches
from framecast.models.layers.value_range import Output, ValueRange
from framecast.models.model import Model

_SMALL = 0.01
"""What the last layer's first weights are multiplied by where the model writes changes."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConvLSTMConfig:
    """Settings of the encoder–forecaster ConvLSTM."""

    hidden: tuple[int, ...] = (64, 64)
    """Channels of each layer's state, bottom layer first; encoder and forecaster have the same. The paper's networks
    are (256,), (128, 128) and (128, 64, 64)."""

    kernel_size: int | tuple[int, ...] = 5
    """Side of the kernels, odd: one number for all layers, or one for each."""

    patch: int = 4
    """Side of the patches into which frames are cut; 1 works on pixels."""

    peepholes: bool = True
    """Whether the gates see the cell (one weight per channel)."""

    output: Output = "linear"
    """``sigmoid`` keeps forecasts between the lowest and highest value, as the loss ``bce`` needs; ``linear`` does
    not."""

    initial_output: float = 0.1
    """Where forecasts lie before training, between 0 (lowest value) and 1 (highest): best near the data's mean."""

    residual: bool = False
    """Write the change from the last context frame instead of the frame itself, so that training begins near copying
    it: for scenes of which most stands still. Needs the linear output; not part of the paper."""

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"hidden needs at least one layer, each of at least 1 channel, found {self.hidden}")
        if self.patch < 1:
            raise ValueError(f"patch must be at least 1, found {self.patch}")
        if not 0 < self.initial_output < 1:
            raise ValueError(f"initial_output must lie between 0 and 1, found {self.initial_output}")
        if self.residual and self.output != "linear":
            raise ValueError("residual adds to the last frame and needs output: linear, found sigmoid")
        kernels_per_layer(self.kernel_size, len(self.hidden))


@final
class ConvLSTM(Model):
    """The encoder–forecaster ConvLSTM; takes any context, horizon and frame size."""

    config_class = ConvLSTMConfig

    def __init__(self, config: ConvLSTMConfig, spec: ClipSpec) -> None:
        super().__init__(config, spec)
        self.patch = config.patch
        values = spec.channels * config.patch**2
        kernels = kernels_per_layer(config.kernel_size, len(config.hidden))
        below = (values, *config.hidden[:-1])
        self.encoder = nn.ModuleList(
            ConvLSTMLayer(channels, filters, kernel_size=kernel, peepholes=config.peepholes)
            for channels, filters, kernel in zip(below, config.hidden, kernels, strict=True)
        )
        self.forecaster = nn.ModuleList(
            ConvLSTMLayer(channels, filters, kernel_size=kernel, peepholes=config.peepholes)
            for channels, filters, kernel in zip((None, *below[1:]), config.hidden, kernels, strict=True)
        )
        self.head = nn.Conv2d(sum(config.hidden), values, kernel_size=1)
        self.value_range = ValueRange(config.output, spec)
        self.residual = config.residual
        if config.residual:
            self._start_small()
        else:
            self.value_range.start_at(config.initial_output, layer=self.head)

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        """Forecast ``horizon`` frames (B, M, C, H, W) from the context (B, K, C, H, W); see :class:`Forecaster`."""
        height, width = context.shape[-2:]
        hidden = self._unroll(self._encode(to_patches(context, self.patch)), horizon)
        numbers = from_patches(framewise(self.head, hidden), self.patch, height=height, width=width)
        frames = self.value_range(numbers)
        return Forecast(context[:, -1:] + frames if self.residual else frames)

    @torch.no_grad()
    def _start_small(self) -> None:
        """Make the first changes small: random ones would take hundreds of steps to unlearn. Not 0, which would hide
        the layers below from the gradient of the first step."""
        self.head.weight.mul_(_SMALL)
        assert self.head.bias is not None
        self.head.bias.zero_()

    def _encode(self, patches: Tensor) -> list[State]:
        """Read (B, K, C * P * P, H', W'); the state of each layer after the last frame."""
        states: list[State] = []
        for layer in self.encoder:
            patches, state = layer(patches)
            states.append(state)
        return states

    def _unroll(self, states: list[State], horizon: int) -> Tensor:
        """Run the forecaster from the encoder's states; hidden states of all layers, (B, M, sum(hidden), H', W')."""
        hidden: list[Tensor] = []
        for layer, state in zip(self.forecaster, states, strict=True):
            below = hidden[-1] if hidden else None
            outputs, _ = layer(below, state, num_steps=horizon)
            hidden.append(outputs)
        return torch.cat(hidden, dim=2)
