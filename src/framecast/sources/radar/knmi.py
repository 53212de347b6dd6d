"""KNMI composites: HDF5 files of the Royal Netherlands Meteorological Institute.

"KNMI HDF5 Data Format Specification, v3.5" (Roozekrans and Holleman, internal report IR-2003-05, 2003): the picture
is ``image1/image_data``; ``image1/calibration`` holds a formula such as ``GEO=0.01*PV+0.0``, from which only its two
numbers are taken, and two numbers that stand for missing values; ``overview`` holds the times, ``geographic`` says
where the pixels lie.

Axes: H rows from north to south, W columns from west to east.
"""

import re
from datetime import UTC, datetime, timedelta
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

_PICTURE = "image1/image_data"
_CALIBRATION = ("calibration_formulas", "calibration_missing_data", "calibration_out_of_image")
_PLACE = ("geo_column_offset", "geo_row_offset", "geo_pixel_size_x", "geo_pixel_size_y")

_NUMBER = r"([+-]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_FORMULA = re.compile(
    rf"GEO\s*=\s*{_NUMBER}\s*\*\s*PV\s*(?:\+\s*{_NUMBER}|(-\s*[\d.]+(?:[eE][+-]?\d+)?))?", re.IGNORECASE
)

_TIME = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4});(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
"""Written out, because what a machine calls a month depends on where it stands."""


def is_knmi(file: Any) -> bool:
    """Whether an open HDF5 file follows the KNMI specification."""
    return "overview" in file and ("geographic" in file or "image1" in file)


def knmi_composite(file: Any) -> tuple[Composite, datetime]:
    """What an open file holds, and when it was measured.

    Raises:
        NoCompositeError: it holds something else (a polar volume, a forecast), or a formula that is not understood.
    """
    if _PICTURE not in file:
        raise NoCompositeError("is a KNMI file without a picture (image1/image_data); only composites are read")
    if "image2" in file and "image_datetime_valid" in file["image2"].attrs:
        raise NoCompositeError("holds a forecast of several pictures; only files of one measured picture are read")
    dataset: Any = file[_PICTURE]
    height, width = check_picture(dataset)
    image = attributes(file, "image1", ("image_geo_parameter", "image_product_name"))
    calibration = attributes(file, "image1/calibration", _CALIBRATION)
    overview = attributes(file, "overview", ("product_datetime_start", "product_datetime_end"))
    end = knmi_time(text(overview["product_datetime_end"]))
    seconds = (end - knmi_time(text(overview["product_datetime_start"]))).total_seconds()
    gain, offset = knmi_formula(text(calibration["calibration_formulas"]))
    units = _units(text(image.get("image_geo_parameter", "")))
    missing, no_echo = _special(calibration, units)
    composite = Composite(
        dataset=_PICTURE,
        product=text(image.get("image_product_name", "")),
        height=height,
        width=width,
        units=units,
        gain=gain,
        offset=offset,
        missing=missing,
        no_echo=no_echo,
        interval_seconds=seconds if seconds > 0 else None,
    )
    return composite, end


def knmi_formula(formula: str) -> tuple[float, float]:
    """Gain and offset of a calibration formula, ``GEO = gain * PV + offset``.

    Raises:
        NoCompositeError: the text is no such formula.
    """
    found = _FORMULA.fullmatch(formula)
    if found is None:
        raise NoCompositeError(f"has the calibration '{formula[:80]}', which is not of the form GEO=a*PV+b")
    gain, plus, minus = (part.replace(" ", "") if part else "0" for part in found.groups())
    return float(gain), float(plus) + float(minus)


def knmi_time(written: str) -> datetime:
    """A time such as ``26-AUG-2010;00:05:00.000``, which is in UTC.

    Raises:
        NoCompositeError: it is written in another way.
    """
    found = _TIME.fullmatch(written)
    if found is None or found[2].upper() not in _MONTHS:
        raise NoCompositeError(f"has the time '{written[:80]}', which is not of the form 26-AUG-2010;00:05:00.000")
    day, year, hour, minute, second = (int(found[place]) for place in (1, 3, 4, 5, 6))
    start = datetime(year, _MONTHS.index(found[2].upper()) + 1, day, hour, minute, tzinfo=UTC)
    return start + timedelta(seconds=second, microseconds=int((found[7] or "0").ljust(6, "0")))


def knmi_grid(file: Any, composite: Composite) -> Grid | None:
    """Where the pixels lie; None where the file does not say.

    The offsets count pixels from the origin of the projection to the upper left corner.
    """
    place = attributes(file, "geographic", (*_PLACE, "geo_dim_pixel"))
    if not place.keys() >= set(_PLACE):
        return None
    units = text(place.get("geo_dim_pixel", "KM,KM")).split(",")[0].lower()
    rows = _centres(composite.height, number(place["geo_row_offset"]), number(place["geo_pixel_size_y"]))
    columns = _centres(composite.width, number(place["geo_column_offset"]), number(place["geo_pixel_size_x"]))
    name = "projection_proj4_params"
    written = text(attributes(file, "geographic/map_projection", (name,)).get(name, ""))
    known = MapProjection.of(written)
    return Grid(
        y=Axis(name="y", values=rows, units=units, standard_name="projection_y_coordinate"),
        x=Axis(name="x", values=columns, units=units, standard_name="projection_x_coordinate"),
        projection={**({"proj4": written} if written else {}), **(known.attributes() if known else {})},
    )


def _centres(count: int, offset: float, size: float) -> tuple[float, ...]:
    return tuple((offset + index + 0.5) * size for index in range(count))


def _units(parameter: str) -> RainUnits:
    """Of ``ACCUMULATED_PRECIPITATION_[MM]``, ``REFLECTIVITY_[DBZ]`` and the like."""
    unit = parameter.upper().rpartition("[")[2].rstrip("]")
    named: dict[str, RainUnits] = {"MM": "mm", "DBZ": "dBZ", "MM/H": "mm/h", "MM/HR": "mm/h"}
    if unit not in named:
        raise NoCompositeError(
            f"holds '{parameter[:80]}'; what can be read is rain and reflectivity, in [MM], [MM/H] or [DBZ]"
        )
    return named[unit]


def _special(calibration: Any, units: RainUnits) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The numbers that stand for a missing value, and those that stand for no echo."""
    outside = numbers(calibration.get("calibration_out_of_image", ()))
    missing = numbers(calibration.get("calibration_missing_data", ()))
    if units == "dBZ" and missing == (0.0,) and outside != (0.0,):
        # Another number already says where no radar looks, so 0, the weakest value, is where one saw nothing.
        return outside, missing
    return tuple(dict.fromkeys(outside + missing)), ()
