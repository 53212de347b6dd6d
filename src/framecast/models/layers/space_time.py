"""A convolution over time, height and width, as one over height and width and a sum over time.

With few output channels, as where a network writes frames, most of a three-dimensional convolution's arithmetic units
are idle, and its library kernels are slow. The kernel's slices in time can share one two-dimensional convolution of
every frame, as further output channels; the frames of the result are then sums of shifted ones.

Axes: B sequences, T frames, F input channels, C output channels, H height, W width, K side of the kernel.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from framecast.models.layers.framewise import framewise


def space_time_convolution(
    frames: Tensor, weight: Tensor, bias: Tensor | None, *, num_outputs: int, steps_before: int, steps_after: int
) -> Tensor:
    """Convolve over time, height and width.

    Args:
        frames: (B, T, F, H, W).
        weight: (C, F, K, K, K), K odd.
        bias: (C,) or None.
        num_outputs: how many results, those at the last frames.
        steps_before: frames before its own that a result sees; those before the first count as zero.
        steps_after: frames after its own that it sees, likewise; K = steps_before + 1 + steps_after.

    Returns:
        (B, num_outputs, C, H, W), in float32 or finer.
    """
    channels, kernel = weight.shape[0], weight.shape[-1]
    slices = weight.transpose(1, 2).transpose(0, 1).flatten(0, 1)  # (K * C, F, K, K)
    parts = framewise(lambda flat: F.conv2d(flat, slices, padding=kernel // 2), frames)
    parts = parts.to(torch.promote_types(parts.dtype, torch.float32)).unflatten(2, (kernel, channels))
    missing = num_outputs + steps_before - frames.shape[1]
    padded = F.pad(parts, (0, 0, 0, 0, 0, 0, 0, 0, missing, steps_after))
    total = padded[:, :num_outputs, 0]
    for step in range(1, kernel):
        total = total + padded[:, step : step + num_outputs, step]
    return total if bias is None else total + bias.view(-1, 1, 1)
