"""Tiling: frames larger than what a model was trained on, forecast window by window and blended without seams.

Tiles of the trained size cover the frame, evenly spread, each overlapping its neighbours. A tile counts less towards
its borders, where it cannot see what comes in; at every pixel the weights of all tiles sum to 1, so that what all of
them forecast alike comes out as it is. Each tile is rolled out by itself to the last lead: nothing moves from one tile
into the next except through their overlap.

The frame is forecast in bands, rows of tiles from top to bottom, and rows leave as soon as no further tile reaches
them: memory grows with the width of the frame, not with its height.

Axes: b tiles at once, T frames (K of context, M of horizon), C channels, H height, W width; h, w a tile's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

OVERLAP = 0.25
"""The least part of a tile that lies also in the next one, along each axis."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Tiles along one axis."""

    tile: int
    """Pixels of a tile."""

    starts: tuple[int, ...]
    """Where each of them begins, from the first pixel to the last that leaves room for a tile."""

    weights: NDArray[np.float64]
    """(number of tiles, tile), above 0; at every pixel those of all tiles sum to 1."""

    @classmethod
    def of(cls, length: int, tile: int, overlap: float = OVERLAP) -> "Cover":
        """Cover ``length`` pixels.

        Args:
            length: at least ``tile``.
            tile: pixels of a tile.
            overlap: the least part of a tile that lies also in the next one, from 0 to 0.9.

        Raises:
            ValueError: the frame is smaller than a tile, or the overlap out of its bounds.
        """
        if not 1 <= tile <= length or not 0 <= overlap <= 0.9:
            raise ValueError(f"found tiles of {tile} for {length} pixels, overlapping by {overlap}")
        stride = max(1, tile - round(overlap * tile))
        room = length - tile
        steps = -(-room // stride)
        starts = tuple((2 * step * room + steps) // (2 * steps) for step in range(steps + 1)) if steps else (0,)
        ramp = tile - max((after - start for start, after in pairwise(starts)), default=tile)
        distance = np.minimum(np.arange(tile), np.arange(tile)[::-1]) + 1.0
        raw = np.minimum(distance, ramp + 1)
        total = np.zeros(length)
        for start in starts:
            total[start : start + tile] += raw
        return cls(tile, starts, np.stack([raw / total[start : start + tile] for start in starts]))


ReadBand = Callable[[int, int], Tensor]
"""From (first row, one past the last) to the context there, (K, C, rows, W), normalised."""

Forecast = Callable[[Tensor], Tensor]
"""From contexts (b, K, C, h, w) to forecasts (b, M, C, h, w)."""


def forecast_in_bands(
    read: ReadBand, forecast: Forecast, rows: Cover, columns: Cover, *, at_once: int
) -> Iterator[tuple[int, Tensor]]:
    """Forecast a whole frame.

    Args:
        read: gives the context.
        forecast: the model; it knows nothing of tiles.
        rows: tiles from top to bottom.
        columns: tiles from left to right.
        at_once: tiles of one call of the model, at least 1.

    Yields:
        The first row of a band, and the band (M, C, rows, W) in float64: together all rows, each once, in order.
    """
    width = columns.starts[-1] + columns.tile
    pending: Tensor | None = None  # rows from `top` on that more tiles may reach
    for number, top in enumerate(rows.starts):
        band = _band(read(top, top + rows.tile), forecast, columns, width, at_once)
        band *= torch.from_numpy(rows.weights[number])[:, None]
        if pending is not None:
            band[..., : pending.shape[-2], :] += pending
        last = number + 1 == len(rows.starts)
        finished = rows.tile if last else rows.starts[number + 1] - top
        yield top, band[..., :finished, :]
        pending = band[..., finished:, :]


def _band(context: Tensor, forecast: Forecast, columns: Cover, width: int, at_once: int) -> Tensor:
    """The weighted sum of one row of tiles, (M, C, h, W) in float64."""
    total: Tensor | None = None
    for first in range(0, len(columns.starts), at_once):
        starts = columns.starts[first : first + at_once]
        frames = forecast(torch.stack([context[..., left : left + columns.tile] for left in starts])).cpu().double()
        if total is None:
            total = torch.zeros(*frames.shape[1:-1], width, dtype=torch.float64)
        for left, weights, tile in zip(starts, columns.weights[first:], frames, strict=False):
            total[..., left : left + columns.tile] += tile * torch.from_numpy(weights)
    assert total is not None, "a cover has at least one tile"
    return total
