"""A convolution that keeps the size of frames, with its two gradients as functions of their own.

Sequence operations run the same convolution at every step and need the gradients apart: that of the input is wanted
step by step, that of the weights may wait for many steps and be summed in one call, inside which sums are float32
whatever the precision of the frames. Frames have their channels last in memory, the layout in which convolutions are
fastest on most hardware.

With few input channels (frames themselves) the kernels of convolution libraries are mostly idle. Then the values under
the kernel are laid out in columns, and the convolution is one matrix product.

Axes: N frames, C input channels, O output channels, H height, W width, K side of the kernel.
"""

from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

FEW_CHANNELS = 4
"""Up to so many input channels the columns are faster."""


@final
class SameConvolution:
    """One set of weights, ready for use in a given precision.

    Args:
        weight: (O, C, K, K), K odd.
        bias: (O,) or None.
        dtype: of the frames; products are rounded to it, sums inside a product are not.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, dtype: torch.dtype) -> None:
        self.channels, self._kernel = weight.shape[1], weight.shape[-1]
        self._as_columns = self.channels <= FEW_CHANNELS
        self._weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self._bias = None if bias is None else bias.to(dtype)

    def __call__(self, frames: Tensor) -> Tensor:
        """Convolve (N, H, W, C) to (N, H, W, O)."""
        if not self._as_columns:
            return _last(F.conv2d(_first(frames), self._weight, self._bias, padding=self._kernel // 2))
        columns, matrix = self._columns(frames), self._weight.flatten(1).t()
        product = columns @ matrix if self._bias is None else torch.addmm(self._bias, columns, matrix)
        return product.unflatten(0, frames.shape[:3])

    def input_gradient(self, gradient: Tensor) -> Tensor:
        """The gradient of frames (N, H, W, C) from that of the result (N, H, W, O)."""
        frames = gradient.new_empty((*gradient.shape[:3], self.channels))  # only the shape matters
        return _last(self._gradients(gradient, frames, [True, False, False])[0])

    def weight_gradient(self, gradient: Tensor, frames: Tensor) -> Tensor:
        """The gradient of the weights, (O, C, K, K), from that of the result (N, H, W, O) and the frames."""
        if not self._as_columns:
            return self._gradients(gradient, frames, [False, True, False])[1]
        products = self._columns(frames).t() @ gradient.flatten(0, 2)
        return products.t().unflatten(1, self._weight.shape[1:])

    def _gradients(self, gradient: Tensor, frames: Tensor, wanted: list[bool]) -> tuple[Tensor, ...]:
        same = [self._kernel // 2] * 2
        return torch.ops.aten.convolution_backward(
            _first(gradient), _first(frames), self._weight, None, [1, 1], same, [1, 1], False, [0, 0], 1, wanted
        )

    def _columns(self, frames: Tensor) -> Tensor:
        """(N * H * W, C * K * K): what the kernel covers at each position."""
        columns = F.unfold(_first(frames), self._kernel, padding=self._kernel // 2)
        return columns.transpose(1, 2).flatten(0, 1)


def _first(frames: Tensor) -> Tensor:
    """(N, H, W, C) as (N, C, H, W), in place."""
    return frames.permute(0, 3, 1, 2)


def _last(frames: Tensor) -> Tensor:
    """(N, C, H, W) as (N, H, W, C), without a copy where channels lie last in memory."""
    return frames.permute(0, 2, 3, 1).contiguous()
