"""Pictures that Pillow reads: what their headers say, and their pixels.

Axes: T pictures, C channels (1 grey, 3 RGB), H height, W width.
"""

import re
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from framecast.frames.errors import SourceError
from framecast.sources.images.file import MOST_PIXELS, ImageFacts, ImageFile, PictureKind, check_page

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
_GREY = {"1": "uint8", "L": "uint8", "LA": "uint8", "La": "uint8", "I": "int32", "F": "float32"}
"""Native types of Pillow's modes of one channel; all that begin with ``I;16`` are uint16, the rest becomes RGB."""

_DESCRIPTION = 270
"""The TIFF tag that microscopes' programs write their facts into."""

_COMPLAINTS = "complaints"
"""Where the number of Pillow's warnings is kept beside an image."""

_TURNED = ("JPEG", "WEBP")
"""Formats of cameras, whose pictures say which way is up."""


@final
@dataclass(frozen=True, slots=True)
class PillowPictures:
    """Reads with Pillow. Frame i is page i."""

    def read(self, path: Path, start: int, stop: int) -> NDArray[np.generic]:
        """Frames ``start:stop`` as (T, C, H, W)."""
        frames: list[NDArray[np.generic]] = []
        with opened(path) as image:
            for page in range(start, stop):
                if page:
                    image.seek(page)
                frames.append(_pixels(image))
        return np.stack(frames)


PILLOW = PillowPictures()
"""One for all pictures, so that a long list of them stays small when it is sent to another process."""


@contextmanager
def opened(path: Path) -> Generator[Image.Image]:
    """An image file, its header read.

    Raises:
        SourceError: the file is no image that can be read, here or in the body.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            # Pillow warns of tags that it cannot make sense of, and goes on without them.
            warnings.filterwarnings("always", module="PIL")
            with Image.open(path, formats=_FORMATS) as image:
                image.info[_COMPLAINTS] = len(caught)
                yield image
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise SourceError(f"The image '{path}' cannot be read; it may be damaged or cut off ({error}).") from error


def picture_file(image: Image.Image, path: Path, facts: ImageFacts) -> ImageFile:
    """What an opened image holds: one picture, or the pages of a TIFF. Only headers are read.

    Raises:
        SourceError: its pages differ, or it has more pixels than any picture.
    """
    kind = _kind(image)
    if kind.height * kind.width > MOST_PIXELS:
        raise SourceError(
            f"The image '{path}' cannot be read; its header claims {kind}, more than {MOST_PIXELS} pixels."
        )
    remarks = tuple(_remarks(image))
    pages = int(getattr(image, "n_frames", 1))
    if image.format != "TIFF":
        if pages > 1:
            remarks += ("Of an animation, the first frame was taken",)
        return ImageFile(path=path, num_frames=1, kind=kind, decoder=PILLOW, facts=facts, remarks=remarks)
    for page in range(1, pages):
        image.seek(page)
        check_page(path, page, _kind(image), kind)
    return ImageFile(path=path, num_frames=pages, kind=kind, decoder=PILLOW, facts=facts, remarks=remarks)


def tiff_description(image: Image.Image) -> str:
    """What a program wrote into the first page of a TIFF; empty when it is none, or wrote nothing."""
    return str(_tag(image, _DESCRIPTION) or "") if image.format == "TIFF" else ""


def tiff_resolution(image: Image.Image) -> tuple[float, float] | None:
    """Pixels per unit along y and x, as a TIFF says it."""
    try:
        across, along = (float(_tag(image, tag) or 0.0) for tag in (282, 283))  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (along, across) if along > 0 and across > 0 else None


def has_planes(image: Image.Image) -> bool:
    """Whether Pillow would misread a TIFF: its pages are not only one after the other, or its colours lie apart."""
    description = tiff_description(image)
    count = re.search(r"^images=(\d+)", description, re.MULTILINE) if description.startswith("ImageJ=") else None
    return (
        "<OME" in description
        or (count is not None and int(count.group(1)) > 1)
        or (_bits(image) > 8 and _tag(image, 284) == 2)
    )


def wants_tifffile(image: Image.Image) -> bool:
    """Whether a TIFF holds what Pillow does not read in full: several pages, planes with a meaning, other types."""
    if image.format != "TIFF":
        return False
    wide = {"I": 32, "F": 32}.get(image.mode, 16 if image.mode.startswith("I;16") else 8)
    return (
        has_planes(image)
        or bool(getattr(image, "is_animated", False))
        # A table of colours that only paints what was measured.
        or (image.mode == "P" and tiff_description(image).startswith("ImageJ="))
        # Types that Pillow forces into others: colour of 16 bits, signed numbers of 16, floats of 64.
        or _bits(image) not in (1, wide)
        or bool(image.info.get(_COMPLAINTS))
    )


def _bits(image: Image.Image) -> int:
    """Of the widest sample of a TIFF."""
    stored = _tag(image, 258)
    return max((int(bits) for bits in stored), default=1) if isinstance(stored, tuple) else 1  # pyright: ignore


def _tag(image: Image.Image, tag: int) -> object:
    tags = getattr(image, "tag_v2", None)
    return None if tags is None else tags.get(tag)


def _kind(image: Image.Image) -> PictureKind:
    width, height = image.size
    if image.format in _TURNED and image.getexif().get(0x0112, 1) > 4:
        # The camera was held upright: exif_transpose will turn the picture by a quarter.
        width, height = height, width
    if image.mode.startswith("I;16"):
        return PictureKind(1, height, width, "uint16")
    return PictureKind(1 if image.mode in _GREY else 3, height, width, _GREY.get(image.mode, "uint8"))


def _remarks(image: Image.Image) -> Iterator[str]:
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        yield "Transparency was dropped"
    # What a tile is decoded from stands in its raw mode, such as "RGB;16B".
    if not image.mode.startswith("I;16") and ";16" in str(getattr(image, "tile", "")):
        yield "Colour with 16 bits per value is read with 8"


def _pixels(image: Image.Image) -> NDArray[np.generic]:
    """(C, H, W)."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[None]
    if image.mode in ("I", "F"):
        return np.asarray(image)[None]
    upright = ImageOps.exif_transpose(image) if image.format in _TURNED else image
    pixels = np.asarray(upright.convert("L" if image.mode in _GREY else "RGB"))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
