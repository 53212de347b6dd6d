"""Frame histogram: how often each of a few whole numbers occurs in each frame.

Axes: B clips, T leads, C channels, H height, W width.
"""

import torch
from torch import Tensor


def frame_histogram(numbers: Tensor, size: int, mask: Tensor | None) -> Tensor:
    """Count.

    Args:
        numbers: (B, T, C, H, W) of an integer type, from 0 to ``size`` - 1.
        size: how many different numbers there are.
        mask: bool, True where to count; None for everywhere.

    Returns:
        (B, T, size) float64.
    """
    frames = torch.arange(numbers.shape[:2].numel(), device=numbers.device).view(*numbers.shape[:2], 1, 1, 1)
    places = frames * size + numbers
    counts = torch.bincount((places if mask is None else places[mask]).flatten(), minlength=frames.numel() * size)
    return counts.view(*numbers.shape[:2], size).double()
