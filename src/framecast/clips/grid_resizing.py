"""The grid of frames that were resized: where the new pixels lie.

Axes: H rows along y, W columns along x.
"""

import dataclasses
from typing import final

import numpy as np

from framecast.frames.grid import Axis, Grid


@final
class GridResizing:
    """Resizes the grids of many sequences; a grid that they share is shared again."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], tuple[Grid, Grid | None]] = {}  # with its source, which keeps its id

    def resized(self, grid: Grid | None, height: int, width: int) -> Grid | None:
        """See :func:`resized_grid`."""
        if grid is None:
            return None
        key = id(grid), height, width
        if key not in self._known:
            self._known[key] = grid, resized_grid(grid, height, width)
        return self._known[key][1]


def resized_grid(grid: Grid | None, height: int, width: int) -> Grid | None:
    """A grid of ``height`` rows and ``width`` columns that covers the same surface.

    Args:
        grid: of the frames as they were; None where it is not known.
        height: new rows.
        width: new columns.

    Returns:
        The same grid where nothing changes; None where an axis with a single pixel leaves its width unknown.
    """
    if grid is None or (len(grid.y.values), len(grid.x.values)) == (height, width):
        return grid
    y, x = _resized(grid.y, height), _resized(grid.x, width)
    return None if y is None or x is None else Grid(y=y, x=x, projection=grid.projection)


def _resized(axis: Axis, new: int) -> Axis | None:
    """Centres of new pixels, between the old centres; half a pixel beyond the outer ones, the axis goes on straight."""
    old = len(axis.values)
    if old == new:
        return axis
    if old < 2:
        return None
    centres = np.array(axis.values, np.float64)
    places = (np.arange(new) + 0.5) * (old / new) - 0.5
    left = np.clip(np.floor(places).astype(np.int64), 0, old - 2)
    values = centres[left] + (places - left) * (centres[left + 1] - centres[left])
    return dataclasses.replace(axis, values=tuple(values.tolist()))
