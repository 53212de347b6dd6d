"""TIFF stacks, with the time step and the size of a pixel, as microscopes' programs read them.

``.tif`` is what ImageJ and Fiji open as a hyperstack, for the types that ImageJ knows; ``.ome.tif``, and ``.tif`` of
all other types, is OME-TIFF, which also keeps names of channels, the time of the first frame, and the bits of the
camera.

Axes: T frames, C channels, H height, W width.
"""

import importlib.util
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from framecast.frames.errors import SourceError
from framecast.sources.frame_facts import FrameFacts
from framecast.sources.images.tiff_facts import MICROMETRES
from framecast.sources.images.tiff_reading import tifffile

_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
_TYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
_PILLOW_TYPES = ("uint8", "uint16", "int32", "float32")

_IMAGEJ_LIMIT = 2**32 - 2**20
"""Bytes of a plain TIFF, of which ImageJ's form is one."""

_METRES_FROM = 1e5
"""Micrometres of a pixel from which ImageJ is told metres: its fractions of 32 bits hold no map in micrometres."""


def write_tiff(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """A stack for ImageJ in the native type, where ImageJ knows it; else OME-TIFF. Not compressed."""
    _check_type(frames)
    size = _pixel_size(facts)
    plain = len(frames[0]) in (1, 3) and frames.dtype.name in _PILLOW_TYPES
    known = facts.step_seconds is not None or size is not None
    if importlib.util.find_spec("tifffile") is None and plain and not known:
        _write_pages(path, frames)
    elif frames.dtype.name in _IMAGEJ_TYPES and frames.nbytes < _IMAGEJ_LIMIT:
        _write_imagej(path, frames, facts, size)
    else:
        write_ome_tiff(path, frames, facts)


def write_ome_tiff(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """OME-TIFF in the native type, not compressed."""
    _check_type(frames)
    size = _pixel_size(facts)
    metadata: dict[str, Any] = {"Name": facts.name}
    if facts.step_seconds is not None:
        metadata |= {"TimeIncrement": facts.step_seconds, "TimeIncrementUnit": "s"}
    if facts.start_time is not None:
        metadata["AcquisitionDate"] = facts.start_time.isoformat()
    if size is not None:
        metadata |= {
            "PhysicalSizeY": size[0],
            "PhysicalSizeX": size[1],
            "PhysicalSizeYUnit": "µm",
            "PhysicalSizeXUnit": "µm",
        }
    bits = _significant_bits(frames.dtype, facts.value_range)
    if bits is not None:
        metadata["SignificantBits"] = bits
    if facts.channel_names:
        metadata["Channel"] = {"Name": list(facts.channel_names)}
    stack, axes = _stacked(frames, facts, colour=("uint8", "uint16"))
    metadata["axes"] = axes
    tifffile().imwrite(path, stack, ome=True, photometric=_photometric(axes), metadata=metadata)


def _write_imagej(path: Path, frames: NDArray[np.generic], facts: FrameFacts, size: tuple[float, float] | None) -> None:
    stack, axes = _stacked(frames, facts, colour=("uint8",))
    metadata: dict[str, Any] = {"axes": axes}
    resolution: tuple[float, float] | None = None
    if facts.step_seconds is not None:
        metadata["finterval"] = facts.step_seconds
    if facts.units:
        # A straight line from stored values to themselves, so that ImageJ shows the unit.
        metadata |= {"cf": 0, "c0": 0, "c1": 1, "vunit": facts.units.encode("ascii", "backslashreplace").decode()}
    if size is not None:
        metres = min(size) >= _METRES_FROM
        metadata["unit"] = "m" if metres else "um"
        resolution = tuple((1e6 if metres else 1.0) / length for length in reversed(size))  # pyright: ignore
    tifffile().imwrite(
        path, stack, imagej=True, photometric=_photometric(axes), resolution=resolution, metadata=metadata
    )


def _write_pages(path: Path, frames: NDArray[np.generic]) -> None:
    first, *others = [
        Image.fromarray(np.ascontiguousarray(frame[0] if len(frame) == 1 else frame.transpose(1, 2, 0)))
        for frame in frames
    ]
    first.save(path, save_all=True, append_images=others)


def _check_type(frames: NDArray[np.generic]) -> None:
    if frames.dtype.name not in _TYPES:
        raise SourceError(
            f"A TIFF holds frames of {', '.join(_TYPES)}; these are {frames.dtype}. Write them to .npy or .npz."
        )


def _stacked(
    frames: NDArray[np.generic], facts: FrameFacts, *, colour: tuple[str, ...]
) -> tuple[NDArray[np.generic], str]:
    """Frames and their axes in the letters of tifffile: three samples in every pixel, where the three channels are
    colours and the type is one of ``colour``; else a plane for each channel."""
    if frames.shape[1] == 3 and frames.dtype.name in colour and not facts.channel_names:
        return np.ascontiguousarray(frames.transpose(0, 2, 3, 1)), "TYXS"
    return np.ascontiguousarray(frames), "TCYX"


def _photometric(axes: str) -> str:
    return "rgb" if axes.endswith("S") else "minisblack"


def _pixel_size(facts: FrameFacts) -> tuple[float, float] | None:
    """Micrometres along y and x; None where the grid has no lengths (degrees), or there is none."""
    size = None if facts.grid is None else facts.grid.pixel_size
    if facts.grid is None or size is None:
        return None
    along, across = (MICROMETRES.get(axis.units or "") for axis in (facts.grid.y, facts.grid.x))
    return None if along is None or across is None else (size[0] * along, size[1] * across)


def _significant_bits(dtype: np.dtype[Any], value_range: tuple[float, float] | None) -> int | None:
    if dtype.kind != "u" or value_range is None or value_range[0] != 0:
        return None
    bits = log2(value_range[1] + 1)
    return int(bits) if bits == int(bits) and bits < dtype.itemsize * 8 else None
