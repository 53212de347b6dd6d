"""Contents: what one file of fields holds, from its headers and coordinates.

Files that agree in their look are pieces of one recording; their times order them.

Axes: T frames, C channels, H rows along y, W columns along x.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from framecast.frames.errors import SourceError, unknown_choice
from framecast.frames.grid import Grid
from framecast.sources.fields.axes import FieldAxes, Kind, Variable, axes_of, kind_of
from framecast.sources.fields.cf_times import Times, decode_times, is_date_unit
from framecast.sources.fields.grids import axis_of, grid_of, runs_north
from framecast.sources.fields.settings import FieldSettings
from framecast.sources.packing import Packing, coordinate_values, text_of

CHANNELS = "framecast_channels"
"""Attribute of files that framecast wrote: the variables that are channels, in order, with spaces between."""

_MOST_FRAME_BYTES = 2**30


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLook:
    """What files of one recording have in common."""

    variables: tuple[str, ...]
    """The variables that are read; more than one are channels."""

    dims: tuple[tuple[str, ...], ...]
    """The dimensions of each, outermost first."""

    axes: FieldAxes

    fixed: tuple[tuple[str, int], ...]
    """Places along the dimensions that are neither read nor listed."""

    fixed_labels: tuple[tuple[str, str], ...]
    """What lies there, and single values of levels and members: files of other levels are other recordings."""

    members: tuple[tuple[str, tuple[str, ...]], ...]
    """Dimensions along which each place is a sequence of its own, with the label of each place."""

    channel_names: tuple[str, ...]
    channels: int
    height: int
    width: int
    dtype: str
    """Of the frames, before settings of the user."""

    variable_units: tuple[str, ...]
    """Of each of the variables; empty texts where they say nothing."""

    grid: Grid | None
    reverse_rows: bool
    runs_north: bool
    """Whether north is below in the frames as they are read."""

    times: str | None
    """The variable that holds the time of each frame, where that is all there is to know about it."""

    @property
    def channel_units(self) -> tuple[str, ...]:
        """Of each of the channels, where variables are channels; nothing where a variable has several."""
        return self.variable_units if len(self.variable_units) == self.channels else ()

    @property
    def units(self) -> str | None:
        """The units that all variables share; None where they differ, or say nothing."""
        return self.variable_units[0] or None if len(set(self.variable_units)) == 1 else None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFile:
    """One file."""

    path: Path
    look: FieldLook
    num_frames: int
    times: Times | None
    """Of each frame; durations where ``starts`` holds the rest."""

    starts: tuple[str, Times] | None = None
    """Of a file with several forecasts: the dimension along which they lie, and the time that each starts from."""

    has_missing: bool


def contents(
    path: Path, variables: Mapping[Any, Any], attributes: Mapping[Any, Any], settings: FieldSettings
) -> FieldFile:
    """What a file holds.

    Args:
        path: where it lies.
        variables: undecoded variables by name, as xarray opens them without decoding; coordinates are read.
        attributes: of the file.
        settings: what the user asks for.

    Raises:
        SourceError: nothing fits, or more than one does. (Begins without the name of the file.)
    """
    names, axes = _chosen(variables, attributes, settings)
    first: Any = variables[names[0]]
    sizes: dict[str, int] = dict(zip(map(str, first.dims), first.shape, strict=True))
    fixed, members = _places(axes, sizes, variables, settings)
    packings = [Packing.of(variables[name].dtype, variables[name].attrs) for name in names]
    dtype = np.result_type(*(packing.dtype for packing in packings))
    height, width = sizes[axes.y], sizes[axes.x]
    inner = sizes[axes.channel] if axes.channel is not None else 1
    if inner > 1 and len(names) > 1:
        raise SourceError(
            f"has a dimension of channels, '{axes.channel}', in which one variable can be read, not {names}"
        )
    if height * width * inner * len(names) * dtype.itemsize > _MOST_FRAME_BYTES:
        raise SourceError(f"promises frames of {height}x{width} (H x W), which is more than a computer can handle")
    rows = axis_of(axes.y, variables)
    north = runs_north(rows)
    times, starts, plain = _times(axes, dict(fixed), members, variables)
    return FieldFile(
        path=path,
        look=FieldLook(
            variables=names,
            dims=tuple(tuple(map(str, variables[name].dims)) for name in names),
            axes=axes,
            fixed=fixed,
            fixed_labels=tuple((dim, _labels(dim, sizes[dim], variables)[place]) for dim, place in fixed)
            + _single_labels(variables),
            members=members,
            channel_names=names if inner == 1 else _labels(axes.channel, inner, variables, numbers=False),
            channels=inner * len(names),
            height=height,
            width=width,
            dtype=str(dtype),
            variable_units=tuple(text_of(variables[name].attrs.get("units")) for name in names),
            grid=grid_of(axes, first, variables, reverse_rows=north and settings.north_up),
            reverse_rows=north and settings.north_up,
            runs_north=north and not settings.north_up,
            times=plain,
        ),
        num_frames=1 if axes.time is None else sizes[axes.time],
        times=times,
        starts=starts,
        has_missing=any(packing.has_missing for packing in packings) or "GRIB_missingValue" in first.attrs,
    )


def _chosen(
    variables: Mapping[Any, Any], attributes: Mapping[Any, Any], settings: FieldSettings
) -> tuple[tuple[str, ...], FieldAxes]:
    """The variables to read, and their common axes."""
    wanted = settings.variables
    if not wanted:
        listed = tuple(text_of(attributes.get(CHANNELS)).split())
        wanted = listed if listed and all(name in variables for name in listed) else ()
    if wanted:
        for name in wanted:
            if name not in variables:
                fitting = [
                    str(other)
                    for other, variable in variables.items()
                    if variable.dtype.kind in "biuf" and _axes(variable, variables, settings) is not None
                ]
                raise SourceError(_holds_no("variable", name, fitting))
        looks = {name: _axes(variables[name], variables, settings) for name in wanted}
        for name, axes in looks.items():
            if axes is None or variables[name].dtype.kind not in "biuf":
                raise SourceError(
                    f"holds '{name}', which has no rows and columns of numbers: {_shape(variables[name])}"
                )
        kinds = {frozenset(zip(variables[name].dims, variables[name].shape, strict=True)) for name in wanted}
        axes = looks[wanted[0]]
        if axes is None or len(kinds) > 1:
            listing = ", ".join(f"'{name}' {_shape(variables[name])}" for name in wanted)
            raise SourceError(f"holds variables of different shapes, which cannot be channels of one frame: {listing}")
        return wanted, axes
    fitting = _candidates(variables, settings)
    if len(fitting) == 1:
        ((name, axes),) = fitting.items()
        return (name,), axes
    if not fitting:
        shapes = ", ".join(f"'{name}' {_shape(variable)}" for name, variable in variables.items())
        raise SourceError(f"holds no variable with rows, columns and times; there is {shapes[:600] or 'nothing'}")
    listing = ", ".join(f"'{name}' {_shape(variables[name])}" for name in fitting)
    raise SourceError(
        f"holds {len(fitting)} variables that can be read: {listing}. Choose with source.variable; a list of names "
        "reads several as channels"
    )


def _candidates(variables: Mapping[Any, Any], settings: FieldSettings) -> dict[str, FieldAxes]:
    mentioned = {
        word
        for variable in variables.values()
        for key in ("coordinates", "bounds", "grid_mapping", "ancillary_variables", "climatology")
        for word in text_of(variable.attrs.get(key)).split()
    }
    found: dict[str, FieldAxes] = {}
    for name, variable in variables.items():
        if variable.dtype.kind not in "biuf" or name in mentioned or len(variable.dims) < 2 or not all(variable.shape):
            continue
        axes = _axes(variable, variables, settings)
        if axes is not None and not (is_date_unit(text_of(variable.attrs.get("units")))):
            found[str(name)] = axes
    moving = {name: axes for name, axes in found.items() if axes.time is not None}
    if moving:
        return moving
    # Nothing moves: a file for each time, which it states once.
    dated = any(
        not variable.dims and is_date_unit(text_of(variable.attrs.get("units"))) for variable in variables.values()
    )
    return found if dated else {}


def _axes(variable: Any, variables: Mapping[Any, Variable], settings: FieldSettings) -> FieldAxes | None:
    dims = tuple(map(str, variable.dims))
    return axes_of(dims, variables, settings.dimensions) if len(set(dims)) == len(dims) >= 2 else None


def _places(
    axes: FieldAxes, sizes: Mapping[str, int], variables: Mapping[Any, Any], settings: FieldSettings
) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """What is fixed and what is listed along the dimensions beside time, rows and columns."""
    others: dict[str, Kind | None] = dict(axes.others)
    for name in settings.select:
        if name not in others:
            if name in sizes or not others:
                raise SourceError(f"has no dimension '{name}' to select from; there is {', '.join(others) or 'none'}")
            raise SourceError(_holds_no("dimension to select from called", name, others))
    fixed: list[tuple[str, int]] = []
    members: list[tuple[str, tuple[str, ...]]] = []
    for dim, kind in others.items():
        labels = _labels(dim, sizes[dim], variables)
        if dim in settings.select:
            fixed.append((dim, _place(dim, settings.select[dim], sizes[dim], variables)))
        elif sizes[dim] == 1:
            fixed.append((dim, 0))
        elif kind == "member" or (kind == "time" and settings.time_dimension is not None):
            members.append((dim, labels))
        elif kind in ("time", "lead"):
            raise SourceError(
                f"has two dimensions of time, '{axes.time}' and '{dim}'; set source.time_dimension to the one along "
                f"which frames follow one another, or choose a place along '{dim}' by source.select"
            )
        else:
            shown = ", ".join(labels[:12]) + (" …" if len(labels) > 12 else "")
            raise SourceError(
                f"has a further dimension '{dim}' with {sizes[dim]} places ({shown}); choose one, such as "
                f"source.select.{dim}={next(iter(labels))}"
            )
    return tuple(fixed), tuple(members)


def _place(dim: str, wanted: float | str, size: int, variables: Mapping[Any, Any]) -> int:
    coordinate = variables.get(dim)
    if coordinate is None or coordinate.dims != (dim,):
        if isinstance(wanted, str) or wanted != int(wanted) or not 0 <= wanted < size:
            raise SourceError(f"has no coordinate for '{dim}': choose a place from 0 to {size - 1}, found {wanted!r}")
        return int(wanted)
    values = coordinate_values(coordinate.values, coordinate.attrs)
    if values.dtype.kind in "iuf" and not isinstance(wanted, str):
        match = np.flatnonzero(np.isclose(values.astype(np.float64), wanted, rtol=1e-6, atol=1e-9))
    else:
        match = np.flatnonzero([text_of(value) == str(wanted) for value in values])
    if not match.size:
        raise SourceError(
            f"has no place {wanted!r} along '{dim}'; there is {', '.join(_labels(dim, size, variables)[:24])}"
        )
    return int(match[0])


def _labels(dim: str | None, size: int, variables: Mapping[Any, Any], *, numbers: bool = True) -> tuple[str, ...]:
    """The values of a coordinate as texts; without one, places from 0, or nothing."""
    coordinate = variables.get(dim)
    if coordinate is None or coordinate.dims != (dim,):
        return tuple(str(place) for place in range(size)) if numbers else ()
    values = coordinate_values(coordinate.values, coordinate.attrs)
    if values.dtype.kind in "iuf":
        return tuple(f"{value:g}" for value in values.tolist()) if numbers else ()
    return tuple(text_of(value) for value in values)


def _single_labels(variables: Mapping[Any, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(name), f"{float(coordinate_values(variable.values, variable.attrs)):g}")
        for name, variable in variables.items()
        if not variable.dims and variable.dtype.kind in "iuf" and kind_of(str(name), variables) in ("level", "member")
    )


def _times(
    axes: FieldAxes,
    fixed: Mapping[str, int],
    members: tuple[tuple[str, tuple[str, ...]], ...],
    variables: Mapping[Any, Any],
) -> tuple[Times | None, tuple[str, Times] | None, str | None]:
    """Times of the frames; where and when forecasts start; the variable that holds the former and nothing else."""
    here: tuple[str, ...] = () if axes.time is None else (axes.time,)
    name = next((name for name in _clocks(variables) if set(variables[name].dims) - set(fixed) == set(here)), None)
    if name is not None:
        clock = variables[name]
        values = np.asarray(clock.values)[tuple(fixed.get(str(dim), slice(None)) for dim in clock.dims)]
        return decode_times(values, clock.attrs), None, name if clock.dims == here and here else None
    if axes.time is None or axes.time not in variables:
        return None, None, None
    own = variables[axes.time]
    times = decode_times(np.asarray(own.values), own.attrs) if own.dims == here else None
    if times is None or times.has_dates:
        return times, None, None
    for dim, _ in members:
        if kind_of(dim, variables) == "time" and dim in variables:
            starts = decode_times(np.asarray(variables[dim].values), variables[dim].attrs)
            return times, None if starts is None else (dim, starts), None
    for clock in variables.values():
        places = set(clock.dims)
        if is_date_unit(text_of(clock.attrs.get("units"))) and places <= set(fixed):
            value = np.asarray(clock.values)[tuple(fixed[str(dim)] for dim in clock.dims)]
            start = decode_times(value, clock.attrs)
            return (times if start is None else start.after(times)), None, None
    return times, None, None


def _clocks(variables: Mapping[Any, Any]) -> list[str]:
    """Variables that hold dates, the most telling first: those that say when, then those that have no better name."""
    dated = [
        (text_of(variable.attrs.get("standard_name")) == "time", variable.dims == (name,), str(name))
        for name, variable in variables.items()
        if is_date_unit(text_of(variable.attrs.get("units")))
        and text_of(variable.attrs.get("standard_name")) in ("time", "")
    ]
    other = [
        str(name)
        for name, variable in variables.items()
        if is_date_unit(text_of(variable.attrs.get("units")))
        and text_of(variable.attrs.get("standard_name")) not in ("time", "")
        and variable.dims == (name,)
    ]
    return [name for *_, name in sorted(dated, key=lambda entry: (not entry[0], not entry[1]))] + other


def _holds_no(kind: str, name: str, choices: Iterable[str]) -> str:
    """What was found, to follow the name of a file."""
    return unknown_choice(kind, name, choices).replace("There is no", "holds no", 1).rstrip(".")


def _shape(variable: Any) -> str:
    return "(" + ", ".join(f"{dim} {size}" for dim, size in zip(variable.dims, variable.shape, strict=True)) + ")"
