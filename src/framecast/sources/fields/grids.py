"""Grids: from CF coordinates and grid mappings to :class:`Grid`, and back.

Axes: H rows along y, W columns along x.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framecast.frames.grid import Axis, Grid
from framecast.sources.fields.axes import FieldAxes, Variable
from framecast.sources.packing import coordinate_values, text_of


def grid_of(
    axes: FieldAxes, variable: Variable, variables: Mapping[Any, Variable], *, reverse_rows: bool
) -> Grid | None:
    """The grid of a variable, where its rows and columns have coordinates.

    Args:
        axes: which dimension is which.
        variable: whose attributes may name a grid mapping.
        variables: all variables of the file.
        reverse_rows: rows will be read from the last to the first.
    """
    rows, columns = axis_of(axes.y, variables), axis_of(axes.x, variables)
    if rows is None or columns is None:
        return None
    if reverse_rows:
        rows = Axis(name=rows.name, values=rows.values[::-1], units=rows.units, standard_name=rows.standard_name)
    return Grid(y=rows, x=columns, projection=_projection(variable, variables))


def axis_of(dim: str, variables: Mapping[Any, Variable]) -> Axis | None:
    """The coordinate of a dimension; None when there is none of finite numbers."""
    coordinate: Any = variables.get(dim)
    if coordinate is None or coordinate.dims != (dim,):
        return None
    values = coordinate_values(coordinate.values, coordinate.attrs)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        return None
    return Axis(
        name=dim,
        values=tuple(values.astype(np.float64).tolist()),
        units=text_of(coordinate.attrs.get("units")) or None,
        standard_name=text_of(coordinate.attrs.get("standard_name")) or None,
    )


def runs_north(axis: Axis | None) -> bool:
    """Whether rows run from south to north, which shows pictures upside down."""
    if axis is None or axis.step is None or axis.step < 0:
        return False
    names = (axis.standard_name or "", (axis.units or "").lower(), axis.name.lower())
    return bool(
        {"latitude", "grid_latitude", "projection_y_coordinate", "degrees_north", "degree_north"}.intersection(names)
        or {"lat", "rlat"}.intersection(names)
    )


def coordinates(grid: Grid | None) -> tuple[dict[str, tuple[str, NDArray[np.float64], dict[str, str]]], dict[str, Any]]:
    """A grid as variables of a file.

    Returns:
        (dimension, values, attributes) by name, and the attributes of the grid mapping (empty without one).
    """
    if grid is None:
        return {}, {}
    found: dict[str, tuple[str, NDArray[np.float64], dict[str, str]]] = {}
    for axis, letter in ((grid.y, "Y"), (grid.x, "X")):
        attributes = {"axis": letter, "units": axis.units, "standard_name": axis.standard_name}
        kept = {name: text for name, text in attributes.items() if text}
        found[axis.name] = (axis.name, np.array(axis.values, np.float64), kept)
    return found, dict(grid.projection)


def _projection(variable: Variable, variables: Mapping[Any, Variable]) -> dict[str, str | float]:
    """Attributes of the grid mapping that the variable names; lists of numbers as text."""
    name = text_of(variable.attrs.get("grid_mapping")).split(":")[0].split(" ")[0]
    mapping = variables.get(name) if name else None
    found: dict[str, str | float] = {}
    for key, value in {} if mapping is None else dict(mapping.attrs).items():
        numbers = np.asarray(value)
        if numbers.dtype.kind in "iuf" and numbers.size == 1:
            found[str(key)] = float(numbers.ravel()[0])
        elif numbers.dtype.kind in "iuf":
            found[str(key)] = " ".join(repr(number) for number in numbers.ravel().tolist())
        elif str(key) not in ("_FillValue", "coordinates", "DIMENSION_LIST"):
            found[str(key)] = text_of(value)
    return found
