"""Applying a two-dimensional layer to every frame of a sequence in one call.

Axes: B sequences, T frames, C channels, H height, W width. Time goes first before the two axes are merged: the
recurrent layers keep their steps in that order in memory, so that merging copies nothing.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def framewise(layer: Callable[[Tensor], Tensor], frames: Tensor) -> Tensor:
    """Apply ``layer`` to all frames at once.

    Args:
        layer: takes and returns (N, C, H, W); channels and size may change.
        frames: (B, T, C, H, W).

    Returns:
        (B, T, C', H', W').
    """
    batch, time = frames.shape[:2]
    merged = _KeepLayout.apply(layer(frames.transpose(0, 1).flatten(0, 1)))
    return merged.unflatten(0, (time, batch)).transpose(0, 1)


class _KeepLayout(torch.autograd.Function):
    """The identity; a gradient that comes in another order of axes is laid out like the values.

    Sums over sequences and steps arrive with these two exchanged, and library kernels for gradients, that of batch
    normalisation above all, are far slower on such memory than one copy.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        last = values.is_contiguous(memory_format=torch.channels_last)
        ctx.layout = torch.channels_last if last else torch.contiguous_format
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return gradient.contiguous(memory_format=ctx.layout)
