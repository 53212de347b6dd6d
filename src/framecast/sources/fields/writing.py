"""Fields with names, units and coordinates: netCDF-4 and Zarr by the CF conventions, through xarray.

Frames of one channel are one variable (time, y, x). Several channels with names are a variable each; without names they
lie along a dimension ``channel``. Times count in seconds from the first frame, which is a date where one is known. The
native type is kept and nothing is rounded. NaN is declared as the fill value where values may be missing.

Axes: T frames, C channels, H height, W width.
"""

import json
import re
from datetime import UTC
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import NotAvailableError, SourceError
from framecast.sources.fields.contents import CHANNELS
from framecast.sources.fields.grids import coordinates
from framecast.sources.frame_facts import FrameFacts
from framecast.sources.packing import WRITTEN_OF

if TYPE_CHECKING:
    import xarray as xr

STORE_MARK = "framecast_frames"
"""Attribute of Zarr stores that this file wrote, which may be replaced when overwriting is allowed."""

_FRAME_CHUNK_BYTES = 2**22


def write_netcdf(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """A netCDF-4 file, compressed without loss."""
    dataset, encoding = _dataset(frames, facts)
    for name in encoding:
        chunks = _chunks(dataset[name].shape, frames.dtype.itemsize)
        encoding[name].update(zlib=True, complevel=1, shuffle=True, chunksizes=chunks)
    dataset.to_netcdf(path, engine="h5netcdf", format="NETCDF4", encoding=encoding)


def write_zarr(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """A Zarr store (format 3), which is a folder."""
    dataset, encoding = _dataset(frames, facts)
    for name in encoding:
        encoding[name]["chunks"] = _chunks(dataset[name].shape, frames.dtype.itemsize)
    dataset.to_zarr(path, mode="w-", zarr_format=3, consolidated=False, encoding=encoding)


def is_own_store(path: Path) -> bool:
    """Whether a folder is a Zarr store that this file wrote, and holds nothing else."""
    try:
        head = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        entries = [entry for entry in path.iterdir() if entry.name != "zarr.json"]
        return STORE_MARK in head["attributes"] and all((entry / "zarr.json").is_file() for entry in entries)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _dataset(frames: NDArray[np.generic], facts: FrameFacts) -> "tuple[xr.Dataset, dict[str, dict[str, Any]]]":
    """The frames as xarray holds them, and how each variable is stored."""
    try:
        import xarray as xr

        import_module("h5netcdf")  # xarray itself would only say that no engine fits
    except ImportError as error:
        raise NotAvailableError(
            f"Writing netCDF and Zarr needs {error.name}, which is not installed; "
            'get it with: pip install "framecast[science]"'
        ) from error
    if frames.dtype.kind not in "biuf":
        raise SourceError(f"Fields are written of plain numbers, not of {frames.dtype}.")
    # A grid of other frames, such as the input's beside a forecast in another size, says nothing about these.
    fits = facts.grid is not None and (len(facts.grid.y.values), len(facts.grid.x.values)) == frames.shape[2:]
    grid = facts.grid if fits else None
    axes, mapping = coordinates(grid)
    y, x = ("y", "x") if grid is None else (grid.y.name, grid.x.name)
    if len({"time", "channel", y, x}) < 4:
        axes, mapping, y, x = {}, {}, "y", "x"
    common: dict[str, Any] = {"units": facts.units} if facts.units else {}
    if frames.dtype == np.float16:  # netCDF has no half precision; every such value is exact in single
        frames, common[WRITTEN_OF] = frames.astype(np.float32), "float16"
    common |= {"grid_mapping": "crs"} if mapping else {}
    variables: dict[str, Any] = {}
    names = _names(facts.channel_names, taken={"time", "channel", "crs", y, x})
    if frames.shape[1] == 1:
        variables[names[0] if names else "frames"] = (("time", y, x), frames[:, 0], common)
    elif names:
        for channel, name in enumerate(names):
            own = {"units": units} if (units := facts.channel_units and facts.channel_units[channel]) else {}
            variables[name] = (("time", y, x), frames[:, channel], common | own)
    else:
        variables["frames"] = (("time", "channel", y, x), frames, common)
    has_missing = frames.dtype.kind == "f" and (facts.has_missing or bool(np.isnan(frames).any()))
    encoding: dict[str, dict[str, Any]] = {
        name: {"_FillValue": frames.dtype.type(np.nan) if has_missing else None} for name in variables
    }
    if mapping:
        variables["crs"] = ((), np.int32(0), mapping)
    attributes = {"Conventions": "CF-1.11", "source": "framecast", STORE_MARK: 1, CHANNELS: " ".join(encoding)}
    if facts.name:
        attributes["title"] = facts.name
    dataset = xr.Dataset(variables, coords=axes | _time(len(frames), facts), attrs=attributes)
    for name in dataset.coords:
        dataset[name].encoding["_FillValue"] = None
    return dataset, encoding


def _time(num_frames: int, facts: FrameFacts) -> dict[str, Any]:
    """The coordinate of time; without a step there is none, unless one frame has a date."""
    if facts.step_seconds is None and (num_frames > 1 or facts.start_time is None):
        return {}
    step = facts.step_seconds or 0.0
    units = "s"
    attributes: dict[str, Any] = {"axis": "T"}
    if facts.start_time is not None:
        start = facts.start_time
        zone = "" if start.tzinfo is None else " UTC"
        start = (start if start.tzinfo is None else start.astimezone(UTC)).replace(tzinfo=None)
        units = f"seconds since {start.isoformat(sep=' ')}{zone}"
        attributes |= {"standard_name": "time", "calendar": "proleptic_gregorian"}
    else:
        attributes["long_name"] = "time since the first frame"
    if facts.step_seconds is not None:
        attributes["step_seconds"] = facts.step_seconds
    return {"time": ("time", np.arange(num_frames) * step, attributes | {"units": units})}


def _names(channel_names: tuple[str, ...], taken: set[str]) -> list[str]:
    """Channel names as variables may be called; nothing where they are not all different."""
    names = [re.sub(r"\W", "_", name, flags=re.ASCII) for name in channel_names]
    names = [name if name[:1].isalpha() else f"v_{name}" for name in names]
    return names if len(set(names) - taken) == len(channel_names) else []


def _chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Whole frames, as many as make up a few MiB."""
    frame = int(np.prod(shape[1:])) * itemsize
    return (max(1, min(shape[0], _FRAME_CHUNK_BYTES // max(1, frame))), *shape[1:])
