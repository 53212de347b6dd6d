"""Map projections of radar composites: from PROJ text to metres on the map, and to attributes of the CF conventions.

Polar stereographic, Lambert azimuthal equal-area and Mercator, on a sphere or an ellipsoid, after Snyder ("Map
Projections: A Working Manual", USGS Professional Paper 1395, 1987, chapters 21, 24 and 7). These three are what most
composites use; for all others there is no projection here, and a caller goes on without.
"""

import math
from dataclasses import dataclass
from typing import Literal, Self, final

Kind = Literal["stere", "laea", "merc"]
_KINDS: dict[str, Kind] = {"stere": "stere", "laea": "laea", "merc": "merc"}

_ELLIPSOIDS = {
    "wgs84": (6378137.0, 298.257223563),
    "grs80": (6378137.0, 298.257222101),
    "intl": (6378388.0, 297.0),
    "bessel": (6377397.155, 299.1528128),
}
"""Half of the longer axis in metres, and one over the flattening."""

_LARGEST_IN_KILOMETRES = 1e5
"""An earth with a smaller radius is given in kilometres."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MapProjection:
    """A projection of the earth onto a plane."""

    kind: Kind

    major: float
    """Half of the longer axis of the earth, in metres."""

    minor: float
    """Half of the shorter axis, in metres."""

    latitude: float
    """Of the centre, in degrees; 90 or -90 where the projection is polar."""

    longitude: float
    """Of the centre, in degrees."""

    true_latitude: float
    """Where lengths are true, in degrees; without a meaning for equal area."""

    easting: float = 0.0
    """x of the centre, in metres."""

    northing: float = 0.0
    """y of the centre, in metres."""

    @classmethod
    def of(cls, proj4: str) -> Self | None:
        """The projection of a PROJ text; None where it is none of the three, or not understood."""
        words: dict[str, str] = {}
        for word in proj4.split():
            name, _, value = word.lstrip("+").partition("=")
            words[name] = value
        kind = _KINDS.get(words.get("proj", ""))
        try:
            radius, other = _earth(words)
            latitude = float(words.get("lat_0", 0))
            true_latitude = float(words.get("lat_ts", latitude if kind == "stere" else 0))
            scale = float(words.get("k", words.get("k_0", 1)))
            numbers = (float(words.get("lon_0", 0)), float(words.get("x_0", 0)), float(words.get("y_0", 0)))
        except ValueError:
            return None
        if kind is None or scale != 1 or (kind == "stere" and abs(latitude) != 90):
            return None
        metres = 1000.0 if radius < _LARGEST_IN_KILOMETRES else 1.0
        return cls(
            kind=kind,
            major=radius * metres,
            minor=other * metres,
            latitude=latitude,
            longitude=numbers[0],
            true_latitude=true_latitude,
            easting=numbers[1] * metres,
            northing=numbers[2] * metres,
        )

    def attributes(self) -> dict[str, str | float]:
        """Attributes of a CF grid mapping."""
        shared: dict[str, str | float] = {
            "semi_major_axis": self.major,
            "semi_minor_axis": self.minor,
            "false_easting": self.easting,
            "false_northing": self.northing,
        }
        if self.kind == "stere":
            return {
                "grid_mapping_name": "polar_stereographic",
                "latitude_of_projection_origin": self.latitude,
                "straight_vertical_longitude_from_pole": self.longitude,
                "standard_parallel": self.true_latitude,
                **shared,
            }
        if self.kind == "laea":
            return {
                "grid_mapping_name": "lambert_azimuthal_equal_area",
                "latitude_of_projection_origin": self.latitude,
                "longitude_of_projection_origin": self.longitude,
                **shared,
            }
        return {
            "grid_mapping_name": "mercator",
            "longitude_of_projection_origin": self.longitude,
            "standard_parallel": self.true_latitude,
            **shared,
        }

    def metres(self, longitude: float, latitude: float) -> tuple[float, float]:
        """x and y on the map, in metres, of a place in degrees."""
        turn = longitude - self.longitude
        # The edge of a map of the world, half a turn away, stays on its own side.
        turn = math.radians(turn if abs(turn) <= 180 else (turn + 180) % 360 - 180)
        north = math.radians(latitude)
        forward = {"stere": self._stereographic, "laea": self._equal_area, "merc": self._mercator}[self.kind]
        x, y = forward(turn, north)
        return x + self.easting, y + self.northing

    def _stereographic(self, turn: float, north: float) -> tuple[float, float]:
        side = math.copysign(1.0, self.latitude)
        true = side * math.radians(self.true_latitude)
        if math.isclose(true, math.pi / 2):
            e = self._eccentricity
            scale = 2 / math.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e))
        else:
            scale = self._parallel(true) / self._towards_pole(true)
        distance = self.major * scale * self._towards_pole(side * north)
        return distance * math.sin(turn), -side * distance * math.cos(turn)

    def _equal_area(self, turn: float, north: float) -> tuple[float, float]:
        whole = self._area(math.pi / 2)
        centre = math.radians(self.latitude)
        beta, beta_0 = (math.asin(max(-1.0, min(1.0, self._area(angle) / whole))) for angle in (north, centre))
        radius = self.major * math.sqrt(whole / 2)
        polar = math.isclose(abs(self.latitude), 90)
        shape = 1.0 if polar else self.major * self._parallel(centre) / (radius * math.cos(beta_0))
        nearness = 1 + math.sin(beta_0) * math.sin(beta) + math.cos(beta_0) * math.cos(beta) * math.cos(turn)
        distance = radius * math.sqrt(2 / nearness)
        y = math.cos(beta_0) * math.sin(beta) - math.sin(beta_0) * math.cos(beta) * math.cos(turn)
        return distance * shape * math.cos(beta) * math.sin(turn), distance / shape * y

    def _mercator(self, turn: float, north: float) -> tuple[float, float]:
        radius = self.major * self._parallel(math.radians(self.true_latitude))
        return radius * turn, -radius * math.log(self._towards_pole(north))

    @property
    def _eccentricity(self) -> float:
        return math.sqrt(max(0.0, 1 - (self.minor / self.major) ** 2))

    def _parallel(self, north: float) -> float:
        """Radius of a circle of latitude, as a share of the longer half axis (Snyder's m)."""
        return math.cos(north) / math.sqrt(1 - (self._eccentricity * math.sin(north)) ** 2)

    def _towards_pole(self, north: float) -> float:
        """Snyder's t: 0 at the pole, 1 at the equator."""
        bulge = self._eccentricity * math.sin(north)
        return math.tan(math.pi / 4 - north / 2) / ((1 - bulge) / (1 + bulge)) ** (self._eccentricity / 2)

    def _area(self, north: float) -> float:
        """Snyder's q, which grows with the area south of a latitude."""
        e = self._eccentricity
        if e < 1e-9:
            return 2 * math.sin(north)
        bulge = e * math.sin(north)
        return (1 - e**2) * (math.sin(north) / (1 - bulge**2) - math.log((1 - bulge) / (1 + bulge)) / (2 * e))


def _earth(words: dict[str, str]) -> tuple[float, float]:
    """Half axes as the text gives them, in metres or kilometres."""
    if "R" in words:
        return float(words["R"]), float(words["R"])
    if "a" in words:
        major = float(words["a"])
        if "rf" in words:
            return major, major * (1 - 1 / float(words["rf"]))
        return major, float(words.get("b", major))
    name = words.get("ellps", words.get("datum", "WGS84")).lower()
    if name == "sphere":
        return 6370997.0, 6370997.0
    if name not in _ELLIPSOIDS:
        raise ValueError(name)
    major, flattening = _ELLIPSOIDS[name]
    return major, major * (1 - 1 / flattening)
