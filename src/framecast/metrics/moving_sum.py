"""Moving sums: how many events lie in the square around each pixel, exactly.

Axes: any leading ones, then H height, W width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def square_sum(events: Tensor, size: int) -> Tensor:
    """Sum over the square of ``size`` × ``size`` pixels around each pixel; there is nothing beyond the edges.

    The square around pixel i begins at i - ⌊size / 2⌋, as in ``scipy.ndimage.uniform_filter`` with zeros outside.

    Args:
        events: (..., H, W) bool.
        size: pixels, at least 1.

    Returns:
        (..., H, W) of an integer type.
    """
    exact = torch.int16 if size * size < 2**15 else torch.int32
    before, after = size // 2, size - size // 2 - 1
    padded = F.pad(events.to(exact), (before, after, before, after))
    return _line_sum(_line_sum(padded, size, -1), size, -2)


def _line_sum(values: Tensor, size: int, axis: int) -> Tensor:
    """Sums of ``size`` neighbours, n → n - size + 1, from sums of 1, 2, 4, 8 ... neighbours."""
    length = values.shape[axis] - size + 1
    total, covered, step, partial = None, 0, 1, values
    while True:
        if size & step:
            part = partial.narrow(axis, covered, length)
            total = part if total is None else total + part
            covered += step
        if covered == size:
            return values if total is None else total
        shorter = partial.shape[axis] - step
        partial = partial.narrow(axis, 0, shorter) + partial.narrow(axis, step, shorter)
        step *= 2
