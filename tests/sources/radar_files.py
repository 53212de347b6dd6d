"""Radar files as the two specifications lay them out, for tests to read and to damage."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

START = datetime(2010, 8, 26, tzinfo=UTC)
STEREOGRAPHIC = "+proj=stere +lat_0=90 +lon_0=0.0 +lat_ts=60.0 +a=6378.137 +b=6356.752 +x_0=0 +y_0=0"
EQUAL_AREA = "+proj=laea +lat_0=55.0 +lon_0=10.0 +x_0=1950000.0 +y_0=-2100000.0 +units=m +ellps=WGS84"


def clock(minutes: float) -> datetime:
    """A time, counted from the start."""
    return START + timedelta(minutes=minutes)


def knmi_time(time: datetime) -> bytes:
    """As the specification writes it, in capital English months."""
    month = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"][time.month - 1]
    return f"{time.day:02d}-{month}-{time:%Y;%H:%M:%S}.000".encode()


def write_knmi(
    path: Path,
    stored: NDArray[Any],
    end: datetime,
    *,
    seconds: float = 300,
    formula: Any = b"GEO=0.01*PV+0.0",
    missing: int = 65535,
    outside: int = 65535,
    parameter: bytes = b"ACCUMULATED_PRECIPITATION_[MM]",
    product: bytes = b"RAD_NL25_RAP_5min",
) -> Path:
    """A KNMI composite of specification 3.5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        overview = file.create_group("overview").attrs
        overview["product_datetime_start"] = np.array([knmi_time(end - timedelta(seconds=seconds))])
        overview["product_datetime_end"] = np.array([knmi_time(end)])
        image = file.create_group("image1")
        image.attrs["image_geo_parameter"] = np.bytes_(parameter)
        image.attrs["image_product_name"] = np.bytes_(product)
        image.create_dataset("image_data", data=stored, compression="gzip")
        calibration = image.create_group("calibration").attrs
        calibration["calibration_formulas"] = formula
        calibration["calibration_missing_data"] = np.array([missing], dtype=np.int32)
        calibration["calibration_out_of_image"] = np.array([outside], dtype=np.int32)
        place = file.create_group("geographic").attrs
        place["geo_column_offset"] = np.array([0], dtype=np.float32)
        place["geo_row_offset"] = np.array([3650], dtype=np.float32)
        place["geo_pixel_size_x"] = np.array([1], dtype=np.float32)
        place["geo_pixel_size_y"] = np.array([-1], dtype=np.float32)
        place["geo_dim_pixel"] = np.bytes_(b"KM,KM")
        file.create_group("geographic/map_projection").attrs["projection_proj4_params"] = np.bytes_(STEREOGRAPHIC)
    return path


def write_odim(
    path: Path,
    stored: NDArray[Any],
    end: datetime,
    *,
    quantity: str = "RATE",
    seconds: float = 300,
    gain: float = 0.1,
    offset: float = 0.0,
    nodata: float = 65535,
    undetect: float = 0,
    kind: str = "COMP",
    scale: float = 2000.0,
    corners: dict[str, float] | None = None,
    projection: str = EQUAL_AREA,
    others: dict[str, NDArray[Any]] | None = None,
) -> Path:
    """An ODIM composite of version 2.3; ``others`` are further quantities, before the one that is wanted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = end - timedelta(seconds=seconds)
    with h5py.File(path, "w") as file:
        file.attrs["Conventions"] = np.bytes_(b"ODIM_H5/V2_3")
        what = file.create_group("what").attrs
        what["object"], what["version"], what["source"] = np.bytes_(kind.encode()), b"H5rad 2.3", b"ORG:247"
        what["date"], what["time"] = end.strftime("%Y%m%d"), end.strftime("%H%M%S")
        where = file.create_group("where").attrs
        where["projdef"] = projection
        where["ysize"], where["xsize"] = stored.shape
        where["xscale"] = where["yscale"] = scale
        for name, degrees in (corners or {}).items():
            where[name] = degrees
        first = file.create_group("dataset1/what").attrs
        first["product"] = np.bytes_(b"COMP")
        first["startdate"], first["starttime"] = start.strftime("%Y%m%d"), start.strftime("%H%M%S")
        first["enddate"], first["endtime"] = np.bytes_(end.strftime("%Y%m%d")), np.bytes_(end.strftime("%H%M%S"))
        for index, (name, values) in enumerate([*(others or {}).items(), (quantity, stored)], start=1):
            data = file.create_group(f"dataset1/data{index}")
            data.create_dataset("data", data=values, compression="gzip")
            facts = data.create_group("what").attrs
            facts["quantity"] = np.bytes_(name.encode())
            facts["gain"], facts["offset"], facts["nodata"], facts["undetect"] = gain, offset, nodata, undetect
    return path
