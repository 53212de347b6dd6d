"""Which decoder reads an image file: told by its first bytes, not by its name.

Pillow reads pictures, and TIFFs that are no more than that; tifffile reads whatever else a TIFF can be.
"""

import importlib.util
from pathlib import Path

from framecast.frames.errors import SourceError
from framecast.sources.images.file import ImageFacts, ImageFile
from framecast.sources.images.pictures import (
    has_planes,
    opened,
    picture_file,
    tiff_description,
    tiff_resolution,
    wants_tifffile,
)
from framecast.sources.images.pnm import OPENINGS as PNM_OPENINGS
from framecast.sources.images.pnm import pnm_file
from framecast.sources.images.tiff import tiff_files
from framecast.sources.images.tiff_axes import StackChoice
from framecast.sources.images.tiff_facts import imagej_facts
from framecast.sources.images.tiff_reading import OpenTiffs

_GZIP = b"\x1f\x8b"
TIFF_OPENINGS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
"""Plain TIFF, and BigTIFF for more than 4 GB, in both orders of bytes."""


def image_files(path: Path, choice: StackChoice, memory: OpenTiffs) -> list[ImageFile]:
    """The recordings in an image file, mostly one. Only headers are read.

    Args:
        path: an image.
        choice: what the user chose of stacks.
        memory: keeps files of compressed pages open.

    Raises:
        SourceError: the file is no image that can be read.
        NotAvailableError: it is a stack for which a package is not installed.
    """
    try:
        with path.open("rb") as file:
            opening = file.read(4)
    except OSError as error:
        raise SourceError(f"The image '{path}' cannot be read ({error.strerror or error}).") from error
    if opening.startswith((*PNM_OPENINGS, _GZIP)):
        return [pnm_file(path)]
    try:
        with opened(path) as image:
            description = tiff_description(image)
            if not wants_tifffile(image) or not (has_tifffile() or has_planes(image)):
                imagej = description.startswith("ImageJ=")
                facts = imagej_facts(description, tiff_resolution(image)) if imagej else ImageFacts()
                return [picture_file(image, path, facts)]
    except SourceError:
        if opening not in TIFF_OPENINGS or not has_tifffile():
            raise
    return tiff_files(path, choice, memory)


def has_tifffile() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("tifffile") is not None
