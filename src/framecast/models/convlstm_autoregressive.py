"""Autoregressive ConvLSTM: a stack of ConvLSTM layers from frame to frame, each output fed back as the next input.

This is what the benchmark OpenSTL (Tan et al. 2023) and the code of PredRNN (Wang et al. 2017) call "ConvLSTM". Frames
are cut into patches, pass the layers, and a 1 x 1 convolution of the top layer's hidden state is the next frame; within
the context the next input is the true frame, beyond it the forecast. The network of Shi et al. 2015, an
encoder–forecaster that feeds nothing back, is the model ``convlstm``.

With its defaults on frames of one channel it has 11,675,648 parameters. The benchmark prints 15.08 M, because each of
its cells also holds two convolutions that no forward pass ever calls. Like there, no convolution has a bias, and the
forget gate has no constant added: the cell there stores the number 1 for that purpose and leaves it unused.

Choices: kernels start as those of Keras do (``layers/convlstm.py``), the head as torch draws it. Forecasts pass whole
frames on their way back, so that frames whose sides are no multiple of the patch are padded alike in context and
horizon.

Axes: B clips, K context frames, M horizon frames, T = K + M - 1 inputs, C channels, H height, W width.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.frames.teacher import Teacher
from framecast.models.layers.convlstm import ConvLSTMLayer, State, kernels_per_layer
from framecast.models.layers.framewise import framewise
from framecast.models.layers.patches import from_patches, to_patches
from framecast.models.layers.recurrence import RecurrenceConfig
from framecast.models.layers.value_range import Output, ValueRange
from framecast.models.model import TeachableModel


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AutoregressiveConvLSTMConfig:
    """Settings of the autoregressive ConvLSTM."""

    hidden: tuple[int, ...] = (128, 128, 128, 128)
    """Channels of each layer's state, bottom layer first."""

    kernel_size: int | tuple[int, ...] = 5
    """Side of the kernels, odd: one number for all layers, or one for each."""

    patch: int = 4
    """Side of the patches into which frames are cut; 1 works on pixels."""

    bias: bool = False
    """Whether the gates have a bias. The published network has none."""

    forget_bias: float = 0.0
    """Where the forget gate's bias starts; without ``bias``, a constant added in that gate. Published: 0, none at
    all."""

    peepholes: bool = False
    """Whether the gates see the cell (one weight per channel). The published network has none."""

    output: Output = "linear"
    """``sigmoid`` keeps forecasts between the lowest and highest value, as the loss ``bce`` needs; ``linear`` does
    not."""

    initial_output: float | None = None
    """Where forecasts lie before training, between 0 (lowest value) and 1 (highest): the head then has a bias that
    starts there. None: no bias, as published."""

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"hidden needs at least one layer, each of at least 1 channel, found {self.hidden}")
        if self.patch < 1:
            raise ValueError(f"patch must be at least 1, found {self.patch}")
        if self.initial_output is not None and not 0 < self.initial_output < 1:
            raise ValueError(f"initial_output must lie between 0 and 1 or be null, found {self.initial_output}")
        kernels_per_layer(self.kernel_size, len(self.hidden))


@final
class AutoregressiveConvLSTM(TeachableModel):
    """The frame-to-frame ConvLSTM; takes any context, horizon and frame size, and in training a teacher."""

    config_class = AutoregressiveConvLSTMConfig

    def __init__(self, config: AutoregressiveConvLSTMConfig, spec: ClipSpec) -> None:
        super().__init__(config, spec)
        self.patch = config.patch
        values = spec.channels * config.patch**2
        kernels = kernels_per_layer(config.kernel_size, len(config.hidden))
        self.layers = nn.ModuleList(
            ConvLSTMLayer(
                channels,
                filters,
                kernel_size=kernel,
                peepholes=config.peepholes,
                bias=config.bias,
                forget_bias=config.forget_bias,
            )
            for channels, filters, kernel in zip((values, *config.hidden[:-1]), config.hidden, kernels, strict=True)
        )
        self.head = nn.Conv2d(config.hidden[-1], values, kernel_size=1, bias=config.initial_output is not None)
        self.value_range = ValueRange(config.output, spec)
        if config.initial_output is not None:
            self.value_range.start_at(config.initial_output, layer=self.head)

    def unroll(self, context: Tensor, horizon: int, teacher: Teacher | None) -> Forecast:
        """Forecast ``horizon`` frames (B, M, C, H, W) from the context (B, K, C, H, W); see :class:`TeachableModel`."""
        num_context = context.shape[1]
        # Inputs that depend on no forecast are read in one go, as one sequence for each layer.
        num_read = num_context if teacher is None else min(num_context, teacher.num_leading)
        latest = context[:, :num_read]
        newest, states = self._read(latest, [None] * len(self.layers))
        outputs = [newest]
        for time in range(num_read, num_context + horizon - 1):
            forecast = self.fed_back(newest[:, -1:], latest)
            if self._recurrence.cuts_before(time):
                forecast = forecast.detach()
                states = [None if state is None else state.detach() for state in states]
            latest = forecast if teacher is None else teacher.input_at(time, forecast)
            newest, states = self._read(latest, states)
            outputs.append(newest)
        frames = torch.cat(outputs, dim=1)
        one_step = frames[:, : num_context - 1] if num_context > 1 else None
        return Forecast(frames[:, num_context - 1 :], one_step=one_step)

    def _read(self, frames: Tensor, states: list[State | None]) -> tuple[Tensor, list[State | None]]:
        """Read (B, T, C, H, W) from given states; the frame that follows each, of the same shape, and the states."""
        height, width = frames.shape[-2:]
        hidden = to_patches(frames, self.patch)
        after: list[State | None] = []
        for layer, state in zip(self.layers, states, strict=True):
            hidden, state_after = layer(hidden, state)
            after.append(state_after)
        numbers = from_patches(framewise(self.head, hidden), self.patch, height=height, width=width)
        return self.value_range(numbers), after

    @property
    def _recurrence(self) -> RecurrenceConfig:
        """How its layers run; what is cut between their calls is cut here."""
        first = self.layers[0]
        assert isinstance(first, ConvLSTMLayer)
        return first.recurrence
