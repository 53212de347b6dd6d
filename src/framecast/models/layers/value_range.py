"""The last step of a network: from unbounded numbers to values of a frame.

A sigmoid output trained by mean squared error on sparse frames (bright digits on black) easily stays at black: its
first updates all push towards 0, where its gradient vanishes. So a network's output bias should start near the mean
of the data, not in the middle of the range; :meth:`ValueRange.start_at` sets it.

Axes: C channels, H height, W width.
"""

from typing import Literal, final

import torch
from torch import Tensor, nn

from framecast.frames.clip import ClipSpec

Output = Literal["linear", "sigmoid"]
"""``linear``: values are what the last convolution says. ``sigmoid``: they are squashed between the lowest and the
highest value of each channel."""


@final
class ValueRange(nn.Module):
    """Maps the last convolution's numbers to frame values.

    Args:
        output: how.
        spec: tells the lowest and highest normalised value of each channel.
    """

    low: Tensor
    span: Tensor

    def __init__(self, output: Output, spec: ClipSpec) -> None:
        super().__init__()
        self.output: Output = output
        low, high = torch.tensor(spec.low), torch.tensor(spec.high)
        # Known from the clips, so not stored with the weights.
        self.register_buffer("low", low.view(-1, 1, 1), persistent=False)
        self.register_buffer("span", (high - low).view(-1, 1, 1), persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """Map (..., C, H, W) to frame values of the same shape, in float32 (or finer, as the model is)."""
        # Autocast may hand over numbers rounded to 16 bits, of which a logistic function makes few values near 1.
        numbers = numbers.to(torch.promote_types(numbers.dtype, self.low.dtype))
        if self.output == "linear":
            return numbers
        return self.low + self.span * torch.sigmoid(numbers)

    @torch.no_grad()
    def start_at(self, fraction: float, *, layer: nn.Conv2d | nn.Conv3d) -> None:
        """Set the bias of the last convolution so that untrained values lie about a given place in their range.

        Args:
            fraction: between 0 (lowest value) and 1 (highest), exclusive.
            layer: has a bias, and the same number of output channels, next to each other, for each of the C channels.
        """
        value = (
            torch.full_like(self.low, fraction).logit() if self.output == "sigmoid" else self.low + self.span * fraction
        )
        assert layer.bias is not None
        layer.bias.copy_(value.flatten().repeat_interleave(layer.out_channels // len(value)))
