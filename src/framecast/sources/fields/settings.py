"""Settings that readers of fields share: netCDF, Zarr and GRIB name variables and dimensions alike."""

from dataclasses import dataclass, field

from framecast.sources.fields.axes import Kind
from framecast.sources.measured import MeasuredConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSettings(MeasuredConfig):
    """What is read of a file with several variables and dimensions."""

    variable: str | tuple[str, ...] | None = None
    """The variable to read, or several of one shape, which become channels. None reads the only one that has rows,
    columns and times."""

    select: dict[str, float | str] = field(default_factory=dict[str, float | str])
    """Which place to take along dimensions other than time, rows and columns, by the value of their coordinate:
    ``{level: 500}``. By its number, from 0, where a dimension has no coordinate."""

    time_dimension: str | None = None
    """The dimension along which frames follow one another; None finds it. ``step`` reads each forecast of a file as
    a sequence."""

    y_dimension: str | None = None
    """The dimension of the rows; None finds it."""

    x_dimension: str | None = None
    """The dimension of the columns; None finds it."""

    north_up: bool = False
    """Turn fields whose rows run from south to north, so that north is at the top of pictures. Otherwise rows stay in
    the order of the file."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables asked for; empty when the file decides."""
        if self.variable is None:
            return ()
        return (self.variable,) if isinstance(self.variable, str) else tuple(self.variable)

    @property
    def dimensions(self) -> dict[Kind, str]:
        """The dimensions that the user names."""
        named: dict[Kind, str | None] = {"time": self.time_dimension, "y": self.y_dimension, "x": self.x_dimension}
        return {kind: dim for kind, dim in named.items() if dim is not None}
