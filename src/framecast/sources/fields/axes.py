"""Axes of a field: which dimension is time, which are rows and columns, and what the others are.

CF attributes (``axis``, ``standard_name``, ``units``) tell; where they are missing, the usual names do; where these
fail too, the two dimensions that are left are rows and columns.

Axes: T frames, C channels, H rows along y, W columns along x.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, final

from framecast.sources.fields.cf_times import is_date_unit, is_duration_unit
from framecast.sources.packing import text_of

Kind = Literal["time", "lead", "y", "x", "channel", "member", "level"]

_NAMES: dict[Kind, str] = {
    "time": "time t valid_time date datetime times xtime frame frames timestamp",
    "lead": "step lead lead_time leadtime forecast_period forecast_hour prediction_timedelta",
    "y": "y lat latitude rlat south_north yc northing nj j nlat grid_latitude row rows",
    "x": "x lon longitude rlon west_east xc easting ni i nlon grid_longitude column columns col cols",
    "channel": "channel channels band bands c rgb",
    "member": "number member members ensemble ensemble_member realization realisation ens nmember",
    "level": "level lev levels plev pressure depth altitude z isobaricinhpa heightaboveground bottom_top hybrid sigma",
}
_BY_NAME: dict[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_BY_STANDARD_NAME: dict[str, Kind] = {
    "time": "time",
    "forecast_reference_time": "time",
    "forecast_period": "lead",
    "latitude": "y",
    "grid_latitude": "y",
    "projection_y_coordinate": "y",
    "longitude": "x",
    "grid_longitude": "x",
    "projection_x_coordinate": "x",
    "realization": "member",
    "air_pressure": "level",
    "height": "level",
    "altitude": "level",
    "depth": "level",
}
_BY_AXIS: dict[str, Kind] = {"T": "time", "Y": "y", "X": "x", "Z": "level", "E": "member"}
_BY_UNITS: dict[str, Kind] = {
    **dict.fromkeys(("degrees_north", "degree_north", "degrees_n", "degree_n"), "y"),
    **dict.fromkeys(("degrees_east", "degree_east", "degrees_e", "degree_e"), "x"),
}


class Variable(Protocol):
    """What is known about a variable of a file before its numbers are read; xarray's variables are such."""

    @property
    def dims(self) -> tuple[Any, ...]:
        """Names of its dimensions."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Their lengths."""
        ...

    @property
    def attrs(self) -> Mapping[Any, Any]:
        """Its attributes."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FieldAxes:
    """What the dimensions of a variable are."""

    time: str | None
    """The dimension along which frames follow one another; None: the variable is a single frame."""

    y: str
    x: str

    channel: str | None = None

    others: tuple[tuple[str, Kind | None], ...] = ()
    """The other dimensions and what they are: members, levels, a second kind of time. None: nobody knows."""


def axes_of(dims: Iterable[str], variables: Mapping[Any, Variable], chosen: Mapping[Kind, str]) -> FieldAxes | None:
    """Which dimension is which.

    Args:
        dims: of the variable, outermost first.
        variables: all variables of the file, among them the coordinates.
        chosen: dimensions that the user names.

    Returns:
        None where no rows and columns can be found.
    """
    sizes = {
        dim: size for variable in variables.values() for dim, size in zip(variable.dims, variable.shape, strict=True)
    }
    left = list(dims)
    found: dict[Kind, str] = {}
    for kind, dim in chosen.items():
        if dim in left:
            found[kind] = dim
            left.remove(dim)
    kinds: dict[str, Kind | None] = {dim: kind_of(dim, variables) for dim in left}
    plane: tuple[Kind, ...] = ("y", "x", "channel")
    for kind in plane:
        match = [dim for dim in left if kinds[dim] == kind]
        if kind not in found and match:
            found[kind] = match[-1]
            left.remove(match[-1])
    if "time" not in found:
        clocks = [dim for want in ("time", "lead") for dim in left if kinds[dim] == want]
        clocks.sort(key=lambda dim: sizes[dim] == 1)  # a forecast has one time of issue and many steps
        if clocks:
            found["time"] = clocks[0]
            left.remove(clocks[0])
    unknown = [dim for dim in left if kinds[dim] is None]
    for kind in ("x", "y"):
        if kind not in found and unknown:
            found[kind] = unknown.pop()
            left.remove(found[kind])
    if "time" not in found and len(unknown) == 1 and sizes[unknown[0]] > 1:
        found["time"] = unknown[0]
        left.remove(unknown[0])
    if "y" not in found or "x" not in found:
        return None
    return FieldAxes(
        time=found.get("time"),
        y=found["y"],
        x=found["x"],
        channel=found.get("channel"),
        others=tuple((dim, kinds[dim]) for dim in left),
    )


def kind_of(dim: str, variables: Mapping[Any, Variable]) -> Kind | None:
    """What a dimension is, by its coordinate and by its name."""
    coordinate = variables.get(dim)
    if coordinate is not None and coordinate.dims == (dim,):
        attributes = {name: text_of(coordinate.attrs.get(name)) for name in ("axis", "standard_name", "units")}
        units = attributes["units"]
        told = (
            _BY_STANDARD_NAME.get(attributes["standard_name"])
            or _BY_UNITS.get(units.lower())
            or ("time" if is_date_unit(units) else None)
            or _BY_AXIS.get(attributes["axis"])
        )
        if told:
            return told
        if is_duration_unit(units) and len(units) > 1 and dim.lower() not in _BY_NAME:
            return "lead"
    return _BY_NAME.get(dim.lower())
