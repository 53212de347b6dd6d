"""Grid: where the pixels of a frame lie, for recordings that say so (radar, models of the weather, microscopes).

Axes: H rows along y, W columns along x.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self, final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The centres of the rows or of the columns."""

    name: str
    """What the recording calls it: ``"y"``, ``"lat"``."""

    values: tuple[float, ...]
    """One for each row or column, in the order of the pixels: often from north to south for rows."""

    units: str | None = None
    """``"m"``, ``"km"``, ``"µm"``, ``"degrees_north"``; None when unknown."""

    standard_name: str | None = None
    """The CF standard name, such as ``"projection_x_coordinate"`` or ``"latitude"``."""

    @property
    def step(self) -> float | None:
        """Distance from one centre to the next, with its sign; None when there is only one, or they are uneven."""
        if len(self.values) < 2:
            return None
        mean = (self.values[-1] - self.values[0]) / (len(self.values) - 1)
        even = all(
            abs(after - before - mean) <= 1e-3 * abs(mean)
            for before, after in zip(self.values, self.values[1:], strict=False)
        )
        return mean if even and mean else None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Rows, columns, and the projection that they are measured in."""

    y: Axis
    """H centres."""

    x: Axis
    """W centres."""

    projection: Mapping[str, str | float] = field(default_factory=dict[str, str | float])
    """Attributes of the CF grid mapping; ``proj4`` and ``crs_wkt`` hold the same as text. Empty when unknown."""

    def __post_init__(self) -> None:
        # A plain copy, because a mapping proxy cannot travel to another process.
        object.__setattr__(self, "projection", dict(self.projection))

    @classmethod
    def even(cls, height: int, width: int, *, pixel_size: tuple[float, float], units: str | None) -> Self:
        """A grid that begins with half a pixel.

        Args:
            height: H.
            width: W.
            pixel_size: of a pixel along y and x, in ``units``.
            units: of both axes.
        """
        rows, columns = (
            tuple((place + 0.5) * size for place in range(count))
            for count, size in zip((height, width), pixel_size, strict=True)
        )
        return cls(y=Axis(name="y", values=rows, units=units), x=Axis(name="x", values=columns, units=units))

    @property
    def pixel_size(self) -> tuple[float, float] | None:
        """Lengths of a pixel along y and x, above 0; None where a step is unknown."""
        steps = self.y.step, self.x.step
        return None if steps[0] is None or steps[1] is None else (abs(steps[0]), abs(steps[1]))

    @property
    def pixel_metres(self) -> float | None:
        """Length of a pixel in metres, the mean of both axes; None where the units are no lengths on the ground."""
        size = self.pixel_size
        if size is None or self.y.units not in _METRES or self.x.units not in _METRES:
            return None
        return (size[0] * _METRES[self.y.units] + size[1] * _METRES[self.x.units]) / 2


_METRES: dict[str | None, float] = {"m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0, "km": 1000.0}
