"""ConvLSTM stack: ConvLSTM layers one upon the other, batch normalisation after each, and a 3-D convolution on top.

This is the network of the Keras tutorials on next-frame prediction (``ConvLSTM2D`` with ``return_sequences=True``,
``BatchNormalization``, ``Conv3D`` with a sigmoid), and parameter totals equal Keras's when the running statistics of
the batch normalisation are counted.

Two objectives. ``next_frame``: output t predicts frame t + 1; a horizon is reached by feeding forecasts back, one frame
at a time, from the states where the context left them. ``direct``: output t of the K-frame context is lead t. By then
the layers have read t frames (and the head looks at one more), so that early leads, as in the published network, know
nothing of the end of the context.

Choice: a convolution over time that is padded on both sides sees the frame after the one it stands at. With
``next_frame`` that is the very frame to predict, so the head is causal unless ``causal_head=False`` asks for the
published form, and then :meth:`ConvLSTMStack.caveats` says what its scores are worth. With ``direct`` every output lies
beyond every input, nothing can leak, and the head is padded on both sides as published.

Axes: B clips, K context frames, M horizon frames, T frames, C channels, F filters, H height, W width.
"""

from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor, nn

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.frames.forecaster import Forecast
from framecast.models.layers.convlstm import CellActivation, ConvLSTMLayer, State, kernels_per_layer
from framecast.models.layers.framewise import framewise
from framecast.models.layers.space_time import space_time_convolution
from framecast.models.layers.value_range import Output, ValueRange
from framecast.models.model import Model


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConvLSTMStackConfig:
    """Settings of the ConvLSTM stack."""

    objective: Literal["next_frame", "direct"] = "next_frame"
    """``next_frame``: output t predicts frame t + 1. ``direct``: output t is lead t, so the horizon is at most K."""

    filters: tuple[int, ...] = (64, 64)
    """Channels of each layer's state, bottom layer first."""

    kernel_sizes: int | tuple[int, ...] = 3
    """Side of the layers' kernels, odd: one number for all layers, or one for each."""

    activation: CellActivation = "tanh"
    """Function of the cell's candidate and output. The tutorials use ``relu``, which has no bound and may diverge."""

    peepholes: bool = False
    """Whether the gates see the cell (one weight per channel). Keras has none."""

    batch_norm: bool = True
    """Whether each layer is followed by batch normalisation (with Keras's momentum and epsilon)."""

    head_kernel: int = 3
    """Side of the last convolution, over time, height and width; odd."""

    causal_head: bool = True
    """Whether the last convolution sees no frame after its own. Only next-frame models can leak, and only they obey."""

    output: Output = "sigmoid"
    """``sigmoid`` keeps forecasts between the lowest and highest value; ``linear`` does not."""

    initial_output: float = 0.5
    """Where forecasts lie before training, between 0 (lowest value) and 1 (highest). Keras's sigmoid starts at 0.5; for
    sparse frames and the loss ``mse`` take the data's mean."""

    def __post_init__(self) -> None:
        if not self.filters or min(self.filters) < 1:
            raise ValueError(f"filters needs at least one layer, each of at least 1 channel, found {self.filters}")
        if self.head_kernel < 1 or self.head_kernel % 2 == 0:
            raise ValueError(f"head_kernel must be odd and positive, found {self.head_kernel}")
        if not 0 < self.initial_output < 1:
            raise ValueError(f"initial_output must lie between 0 and 1, found {self.initial_output}")
        kernels_per_layer(self.kernel_sizes, len(self.filters))


@final
class ConvLSTMStack(Model):
    """Stacked ConvLSTM layers with batch normalisation and a head that is a convolution over space and time.

    Raises:
        ConfigurationError: a ``direct`` stack asked for more frames than it sees.
    """

    config_class = ConvLSTMStackConfig

    def __init__(self, config: ConvLSTMStackConfig, spec: ClipSpec) -> None:
        super().__init__(config, spec)
        if config.objective == "direct" and spec.horizon > spec.context:
            raise ConfigurationError(
                f"A direct model writes one frame for each context frame: with a context of {spec.context} the horizon "
                f"can be at most {spec.context}, found {spec.horizon}; lengthen the context or take 'next_frame'."
            )
        self.objective = config.objective
        kernels = kernels_per_layer(config.kernel_sizes, len(config.filters))
        below = (spec.channels, *config.filters[:-1])
        self.layers = nn.ModuleList(
            ConvLSTMLayer(
                channels, filters, kernel_size=kernel, activation=config.activation, peepholes=config.peepholes
            )
            for channels, filters, kernel in zip(below, config.filters, kernels, strict=True)
        )
        # Keras writes the share of the old statistics, 0.99, torch that of the new.
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01) if config.batch_norm else nn.Identity()
            for filters in config.filters
        )
        size = config.head_kernel
        self.head = nn.Conv3d(config.filters[-1], spec.channels, size, padding=(0, size // 2, size // 2))
        self.value_range = ValueRange(config.output, spec)
        causal = config.objective == "next_frame" and config.causal_head
        self.steps_after = 0 if causal else size // 2
        self.steps_before = size - 1 - self.steps_after
        nn.init.xavier_uniform_(self.head.weight)
        self.value_range.start_at(config.initial_output, layer=self.head)

    def caveats(self) -> tuple[str, ...]:
        """Says so when the head sees the frame that it must predict."""
        if self.objective == "direct" or self.steps_after == 0:
            return ()
        return (
            "The last convolution sees the very frame that it must predict (causal_head=False): one-step scores are no "
            "forecasts, and the first true forecast finds zeros where training had shown the answer.",
        )

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        """Forecast ``horizon`` frames (B, M, C, H, W) from the context (B, K, C, H, W); see :class:`Forecaster`.

        Raises:
            ValueError: a ``direct`` stack asked for more frames than it is shown.
        """
        num_frames = context.shape[1]
        features, states = self._recur(context, [None] * len(self.layers))
        outputs = self._head(features, num_frames)
        if self.objective == "direct":
            if horizon > num_frames:
                raise ValueError(f"a direct model shown {num_frames} frames forecasts at most as many, not {horizon}")
            return Forecast(outputs[:, :horizon])
        leads, latest = [outputs[:, -1:]], context
        for _ in range(horizon - 1):
            latest = self.fed_back(leads[-1], latest)
            newest, states = self._recur(latest, states)
            # The head looks no further back than this, so earlier features can go.
            features = torch.cat([features[:, max(0, features.shape[1] - self.steps_before) :], newest], dim=1)
            leads.append(self._head(features, 1))
        return Forecast(torch.cat(leads, dim=1), one_step=outputs[:, :-1] if num_frames > 1 else None)

    def _recur(self, frames: Tensor, states: list[State | None]) -> tuple[Tensor, list[State | None]]:
        """Run the layers over (B, T, C, H, W) from given states; features (B, T, F, H, W) and the states after them."""
        after: list[State | None] = []
        for layer, norm, state in zip(self.layers, self.norms, states, strict=True):
            frames, state_after = layer(frames, state)
            frames = framewise(norm, frames)
            after.append(state_after)
        return frames, after

    def _head(self, features: Tensor, num_outputs: int) -> Tensor:
        """The frames that belong to the last ``num_outputs`` of the features (B, T, F, H, W).

        Features before the first, and after the last where the head looks ahead, count as zero.
        """
        numbers = space_time_convolution(
            features,
            self.head.weight,
            self.head.bias,
            num_outputs=num_outputs,
            steps_before=self.steps_before,
            steps_after=self.steps_after,
        )
        return self.value_range(numbers)
