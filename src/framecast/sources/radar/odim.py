"""ODIM composites: HDF5 files in the information model of OPERA, the programme of the European weather radars.

"EUMETNET OPERA weather radar information model for implementation with the HDF5 file format" (Michelson et al.,
versions 2.0 to 2.4): ``what``, ``where`` and ``how`` are groups that hold nothing but attributes. Those of the file
hold for everything in it, those of ``dataset1`` for that, those of ``dataset1/data1`` for that alone.

Axes: H rows from north to south, W columns from west to east.
"""

import re
from datetime import UTC, datetime
from typing import Any

from framecast.frames.grid import Axis, Grid
from framecast.sources.radar.composite import (
    Composite,
    NoCompositeError,
    attributes,
    check_picture,
    number,
    numbers,
    text,
)
from framecast.sources.radar.map_projection import MapProjection
from framecast.sources.radar.rain import RainUnits

QUANTITIES: dict[str, RainUnits] = {
    "RATE": "mm/h", "ACRR": "mm", "DBZH": "dBZ", "TH": "dBZ", "DBZV": "dBZ", "TV": "dBZ", "DBZ": "dBZ", "T": "dBZ",
}  # fmt: skip
"""What is read, with its units: rain rate, accumulated rain, reflectivity (corrected and total, two polarisations)."""

_OBJECTS = ("COMP", "IMAGE")

_FACTS = (
    "quantity", "product", "gain", "offset", "nodata", "undetect",
    "startdate", "starttime", "enddate", "endtime", "date", "time",
)  # fmt: skip
_PLACE = (
    "projdef", "xscale", "yscale",
    *(f"{corner}_{angle}" for corner in ("LL", "UL", "UR", "LR") for angle in ("lon", "lat")),
)  # fmt: skip


def is_odim(file: Any) -> bool:
    """Whether an open HDF5 file follows the information model."""
    if text(attributes(file, "/", ("Conventions",)).get("Conventions", "")).upper().startswith("ODIM_H5"):
        return True
    return "what" in file and "object" in file["what"].attrs and "where" in file


def odim_composite(file: Any, quantity: str | None) -> tuple[Composite, datetime]:
    """What an open file holds, and when it was measured.

    Args:
        file: an open HDF5 file.
        quantity: the one to read; None takes the first that is rain or reflectivity.

    Raises:
        NoCompositeError: it holds something else (a polar volume, other quantities).
    """
    kind = text(attributes(file, "what", ("object",)).get("object", ""))
    if kind not in _OBJECTS:
        raise NoCompositeError(
            f"holds an ODIM object '{kind}'; only composites ({' and '.join(_OBJECTS)}) are read, so polar scans and "
            "volumes must first be put onto a map, for example with wradlib"
        )
    data, facts = _chosen(file, quantity)
    height, width = check_picture(file[f"{data}/data"])
    end = _time(facts, "end") or _time(facts, "")
    if end is None:
        raise NoCompositeError("does not say when it was measured (enddate and endtime, or date and time)")
    start = _time(facts, "start")
    seconds = (end - start).total_seconds() if start else 0.0
    found = text(facts["quantity"])
    composite = Composite(
        dataset=f"{data}/data",
        product=" ".join(filter(None, (found, text(facts.get("product", ""))))),
        height=height,
        width=width,
        units=QUANTITIES[found],
        gain=number(facts.get("gain", 1.0)),
        offset=number(facts.get("offset", 0.0)),
        missing=numbers(facts.get("nodata", ())),
        no_echo=numbers(facts.get("undetect", ())),
        interval_seconds=seconds if seconds > 0 else None,
    )
    return composite, end


def odim_grid(file: Any, composite: Composite) -> Grid | None:
    """Where the pixels lie; None where the file does not say.

    The file gives the corners of the picture in degrees. Where its projection is not one that can be worked out here,
    or the corners do not fit the number and size of the pixels, the centres count from the corner at the lower left.
    """
    place = attributes(file, "where", _PLACE) | attributes(file, "dataset1/where", _PLACE)
    if "xscale" not in place or "yscale" not in place:
        return None
    height, width, y_scale, x_scale = (
        composite.height,
        composite.width,
        number(place["yscale"]),
        number(place["xscale"]),
    )
    written = text(place.get("projdef", ""))
    corner = _corner(place, MapProjection.of(written), (width * x_scale, height * y_scale), (x_scale, y_scale))
    left, bottom = corner or (0.0, 0.0)
    rows = tuple(bottom + (height - row - 0.5) * y_scale for row in range(height))
    columns = tuple(left + (column + 0.5) * x_scale for column in range(width))
    known = MapProjection.of(written) if corner else None
    return Grid(
        y=Axis(name="y", values=rows, units="m", standard_name="projection_y_coordinate" if known else None),
        x=Axis(name="x", values=columns, units="m", standard_name="projection_x_coordinate" if known else None),
        projection={"proj4": written, **known.attributes()} if known else {},
    )


def _corner(
    place: dict[str, Any], projection: MapProjection | None, extent: tuple[float, float], pixel: tuple[float, float]
) -> tuple[float, float] | None:
    """x and y of the lower left corner in metres; None where it cannot be told for certain.

    Args:
        place: what the file says of where it is.
        projection: of the map.
        extent: width and height of the picture in metres.
        pixel: width and height of a pixel in metres, half of which is how far any corner may be off.
    """
    if projection is None:
        return None
    found: list[tuple[float, float]] = []
    for name, right, up in (("LL", 0, 0), ("UL", 0, 1), ("UR", 1, 1), ("LR", 1, 0)):
        if f"{name}_lon" in place and f"{name}_lat" in place:
            x, y = projection.metres(number(place[f"{name}_lon"]), number(place[f"{name}_lat"]))
            found.append((x - right * extent[0], y - up * extent[1]))
    if not found or any(
        abs(other - first) > size / 2
        for corner in found
        for other, first, size in zip(corner, found[0], pixel, strict=True)
    ):
        return None
    return found[0]


def _chosen(file: Any, quantity: str | None) -> tuple[str, dict[str, Any]]:
    """The path of the data to read, and all attributes that hold for it."""
    shared = attributes(file, "what", _FACTS)
    seen: list[str] = []
    for dataset in _numbered(file, "dataset"):
        inner = shared | attributes(file, dataset, _FACTS) | attributes(file, f"{dataset}/what", _FACTS)
        for name in _numbered(file[dataset], "data"):
            data = f"{dataset}/{name}"
            facts = inner | attributes(file, data, _FACTS) | attributes(file, f"{data}/what", _FACTS)
            found = text(facts.get("quantity", ""))
            seen.append(found or "nothing named")
            if found in QUANTITIES and quantity in (None, found) and f"{data}/data" in file:
                return data, facts
    wanted = quantity or "one of " + ", ".join(QUANTITIES)
    raise NoCompositeError(f"holds the quantities {', '.join(dict.fromkeys(seen)) or 'of nothing'}; wanted {wanted}")


def _numbered(group: Any, name: str) -> list[str]:
    """The members called ``name1``, ``name2`` and so on, in that order."""
    members = [member for member in group if re.fullmatch(rf"{name}[0-9]+", member)]
    return sorted(members, key=lambda member: int(member.removeprefix(name)))


def _time(facts: dict[str, Any], which: str) -> datetime | None:
    """A time in UTC, as ``20240701`` and ``120500`` beside each other."""
    if f"{which}date" not in facts or f"{which}time" not in facts:
        return None
    written = text(facts[f"{which}date"]) + text(facts[f"{which}time"])
    try:
        return datetime.strptime(written.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise NoCompositeError(f"has the time '{written[:80]}', which is not of the form 20240701120500") from None
