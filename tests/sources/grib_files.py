"""Small GRIB files, written by eccodes, for the tests of this room."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


def write_grib(path: Path, messages: list[dict[str, Any]]) -> Path:
    """One message for each dictionary: its keys, and ``values`` (H, W) from north to south, NaN where missing."""
    eccodes = pytest.importorskip("eccodes")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for message in messages:
            values: NDArray[np.float64] = np.asarray(message["values"], np.float64)
            handle = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
            height, width = values.shape
            place = {
                "Ni": width,
                "Nj": height,
                "latitudeOfFirstGridPointInDegrees": 50,
                "latitudeOfLastGridPointInDegrees": 50 - 0.5 * (height - 1),
                "longitudeOfFirstGridPointInDegrees": 0,
                "longitudeOfLastGridPointInDegrees": 0.5 * (width - 1),
                "iDirectionIncrementInDegrees": 0.5,
                "jDirectionIncrementInDegrees": 0.5,
                "missingValue": 9999,
                "bitmapPresent": 1,
                "bitsPerValue": 16,
            }
            for key, value in (place | {key: value for key, value in message.items() if key != "values"}).items():
                eccodes.codes_set(handle, key, value)
            eccodes.codes_set_values(handle, np.nan_to_num(values, nan=9999.0).ravel())
            eccodes.codes_write(handle, file)
            eccodes.codes_release(handle)
    return path


def hourly(frames: NDArray[Any], *, date: int = 20200101, **keys: Any) -> list[dict[str, Any]]:
    """Messages of (T, H, W) frames of one day, an hour apart."""
    return [
        {"shortName": "t", "level": 500, **keys, "dataDate": date, "dataTime": 100 * hour, "values": frame}
        for hour, frame in enumerate(frames)
    ]
