"""What microscopes and their programs write into a TIFF beside the pixels: OME-XML, and ImageJ's description.

Physical sizes come out in micrometres, times in seconds.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring

import numpy as np

from framecast.frames.errors import SourceError
from framecast.sources.images.file import ImageFacts

MICROMETRES: Final[Mapping[str, float]] = {
    "µm": 1.0,  # micro sign
    "μm": 1.0,  # the Greek letter
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "nm": 1e-3,
    "mm": 1e3,
    "cm": 1e4,
    "inch": 25_400.0,
    "m": 1e6,
    "km": 1e9,
    "pm": 1e-6,
    "Å": 1e-4,
}
_SECONDS: Final[Mapping[str, float]] = {
    "s": 1.0,
    "sec": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "µs": 1e-6,
    "μs": 1e-6,
    "ns": 1e-9,
    "min": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86_400.0,
}


def imagej_facts(description: str, resolution: tuple[float, float] | None) -> ImageFacts:
    """Facts from the description that ImageJ and Fiji write.

    Args:
        description: lines of ``key=value``, the first being ``ImageJ=…``.
        resolution: pixels per unit along y and x, from the TIFF itself.
    """
    values = dict(line.split("=", 1) for line in description.splitlines() if "=" in line)
    unit = values.get("unit", "").strip()
    size = MICROMETRES.get(_unescaped(unit))
    interval = _number(values.get("finterval"))
    step = None if interval is None else interval * _SECONDS.get(_unescaped(values.get("tunit", "s")).strip(), 1.0)
    # A calibration that changes the values is not applied, so its unit would be wrong.
    identity = _number(values.get("c0", "0")) == 0 and _number(values.get("c1", "1")) == 1
    value_units = _unescaped(values.get("vunit", "").strip())
    return ImageFacts(
        step_seconds=step if step and step > 0 else None,
        pixel_size=None if size is None or resolution is None else (size / resolution[0], size / resolution[1]),
        units=value_units if identity and value_units and value_units != "Gray Value" else None,
    )


def imagej_says_time(description: str) -> bool:
    """Whether a description counts frames itself: then its slices are depth."""
    found = re.search(r"^frames=(\d+)", description, re.MULTILINE)
    return found is not None and int(found.group(1)) > 1


def ome_facts(xml: str, *, path: str, bits: int) -> list[ImageFacts]:
    """Facts of each image that an OME-XML lists, in its order.

    Args:
        xml: the text in the first page.
        path: of the file, for errors.
        bits: that one value takes in the file.

    Raises:
        SourceError: the XML is damaged.
    """
    try:
        root = fromstring(xml.strip().strip("\0"))
    except ParseError as error:
        raise SourceError(f"The OME metadata of '{path}' cannot be read; it is damaged ({error}).") from error
    return [
        _ome_image(image, pixels, bits)
        for image in root.iter()
        if _tag(image) == "Image"
        for pixels in image
        if _tag(pixels) == "Pixels"
    ]


def _ome_image(image: Element, pixels: Element, bits: int) -> ImageFacts:
    names = tuple(child.get("Name") or "" for child in pixels if _tag(child) == "Channel")
    significant = _number(pixels.get("SignificantBits"))
    # Programs put the width of the type there when they do not know the camera.
    known = significant is not None and 0 < significant < bits and significant == int(significant)
    sizes = [_micrometres(pixels, axis) for axis in "YX"]
    return ImageFacts(
        step_seconds=_time_step(pixels),
        start_time=_acquired(image),
        pixel_size=(sizes[0], sizes[1]) if sizes[0] and sizes[1] else None,
        channel_names=names if all(names) else (),
        value_range=(0.0, float(2 ** int(significant) - 1)) if known and significant is not None else None,
    )


def _time_step(pixels: Element) -> float | None:
    step = _number(pixels.get("TimeIncrement"))
    if step is not None and step > 0:
        return step * _SECONDS.get(pixels.get("TimeIncrementUnit", "s"), 1.0)
    times: dict[int, float] = {}
    for plane in pixels:
        elapsed = _number(plane.get("DeltaT")) if _tag(plane) == "Plane" else None
        if elapsed is not None:
            frame = int(_number(plane.get("TheT")) or 0)
            times.setdefault(frame, elapsed * _SECONDS.get(plane.get("DeltaTUnit", "s"), 1.0))
    steps = [times[after] - times[before] for before, after in pairwise(sorted(times)) if after == before + 1]
    usual = median(steps) if steps else 0.0
    # Where planes were not taken at an even pace there is no time step to speak of.
    return usual if usual > 0 and np.median(np.abs(np.array(steps) - usual)) <= 0.25 * usual else None


def _micrometres(pixels: Element, axis: str) -> float | None:
    size = _number(pixels.get(f"PhysicalSize{axis}"))
    unit = MICROMETRES.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    return size * unit if size and size > 0 and unit else None


def _acquired(image: Element) -> datetime | None:
    for child in image:
        if _tag(child) in ("AcquisitionDate", "AcquiredDate") and child.text:
            try:
                return datetime.fromisoformat(child.text.strip())
            except ValueError:
                return None
    return None


def _tag(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and np.isfinite(value) else None


def _unescaped(unit: str) -> str:
    return re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: chr(int(found.group(1), 16)), unit).replace("\xc2\xb5", "µ")
