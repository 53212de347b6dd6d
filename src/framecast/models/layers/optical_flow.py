"""Dense optical flow between two pictures: coarse to fine, in torch, for whole batches.

The idea is that of B. D. Lucas and T. Kanade ("An iterative image registration technique", IJCAI 1981): around each
pixel, find the small displacement after which one picture looks like the other, in the sense of least squares. It is
made dense by doing so at every pixel at once, and reaches large motions by beginning on pictures made small and warping
at each finer level by what was found before. Where a neighbourhood shows no texture, a small penalty keeps what the
coarser level said; the field is smoothed after each round, so that it has no holes.

Only sums of shifted pictures and arithmetic on each pixel are used, no convolution whose order of summation depends on
the shape of a batch: the flow of a clip does not depend on the other clips, to the bit.

Axes: B pairs, H height, W width; vectors are (x to the right, y downwards) in pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from framecast.models.layers.advection import pixel_places, read_at

_SMALLEST = 8
"""No level is smaller than so many pixels on its shorter side."""

_ROUNDS = 4
"""Of least squares and warping, on each level."""

_WINDOW = (0.06, 0.12, 0.2, 0.24, 0.2, 0.12, 0.06)
"""Weights of the neighbourhood along each axis, about a bell of two pixels; it is applied twice."""

_SMOOTH = (0.25, 0.5, 0.25)
"""Weights by which the field is smoothed after each round."""

_PENALTY = 3e-3
"""On changing the flow, beside squared gradients of pictures that run from 0 to 1."""

_LONGEST_STEP = 1.0
"""Pixels by which one round may change the flow: a linear expansion holds no further."""


def finest_level(height: int, width: int) -> int:
    """How often pictures of this size are halved before their motion is found: up to 256 pixels none of it is lost."""
    longest, level = max(height, width), 0
    while longest > 256:
        longest, level = (longest + 1) // 2, level + 1
    return level


def optical_flow(first: Tensor, second: Tensor) -> Tensor:
    """Where each pixel of the first picture is found in the second.

    Args:
        first: (B, H, W) float32, from about 0 to about 1.
        second: the same.

    Returns:
        (B, 2, H, W) float32: first(x) looks like second(x + flow(x)).
    """
    height, width = first.shape[-2:]
    finest = finest_level(height, width)
    levels = [torch.stack([first, second], dim=1)]
    while len(levels) <= finest or min(levels[-1].shape[-2:]) >= 2 * _SMALLEST:
        levels.append(avg_pool2d(levels[-1], 2, ceil_mode=True, count_include_pad=False))
    flow = torch.zeros_like(levels[-1])
    for pictures in reversed(levels[finest:]):
        flow = _resized(flow, pictures.shape[-2:])
        for _ in range(_ROUNDS):
            flow = _smoothed(flow + _correction(pictures, flow), _SMOOTH)
    return _resized(flow, (height, width))


def _correction(pictures: Tensor, flow: Tensor) -> Tensor:
    first, second = pictures.split(1, dim=1)
    warped = read_at(second, pixel_places(second) + flow)
    difference = first - warped
    slope_x, slope_y = _slopes((first + warped) / 2)
    sums = torch.cat(
        [slope_x * slope_x, slope_x * slope_y, slope_y * slope_y, slope_x * difference, slope_y * difference], dim=1
    )
    xx, xy, yy, x, y = _smoothed(_smoothed(sums, _WINDOW), _WINDOW).split(1, dim=1)
    xx, yy = xx + _PENALTY, yy + _PENALTY
    solved = torch.cat([yy * x - xy * y, xx * y - xy * x], dim=1) / (xx * yy - xy * xy)
    return solved.clamp(-_LONGEST_STEP, _LONGEST_STEP)


def _slopes(picture: Tensor) -> tuple[Tensor, Tensor]:
    wide = pad(picture, (1, 1, 1, 1), mode="replicate")
    return (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2, (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2


def _smoothed(field: Tensor, weights: Sequence[float]) -> Tensor:
    reach = len(weights) // 2
    for axis in (-1, -2):
        edges = (reach, reach, 0, 0) if axis == -1 else (0, 0, reach, reach)
        wide, length = pad(field, edges, mode="replicate"), field.shape[axis]
        field = sum(
            (weight * wide.narrow(axis, shift, length) for shift, weight in enumerate(weights)), start=field * 0
        )
    return field


def _resized(flow: Tensor, size: Sequence[int]) -> Tensor:
    if flow.shape[-2:] == tuple(size):
        return flow
    scale = torch.tensor([size[1] / flow.shape[-1], size[0] / flow.shape[-2]], device=flow.device).view(1, 2, 1, 1)
    return interpolate(flow, tuple(size), mode="bilinear", align_corners=False) * scale
