"""Images and stacks of them: png, jpg, tiff, bmp, webp, pgm.

The images of one folder are one sequence, in natural order or by the times in their names, cut where one is missing.
Sub-folders with images are sequences of their own, and so is a file of several frames. Grey stays one channel in its
own type, colour stays RGB; transparency is dropped with a note.

Axes: T frames, C channels (1 grey, 3 RGB, more in stacks), H height, W width.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self, final

from framecast.frames.paths import user_path
from framecast.frames.source import Source
from framecast.sources.files import files_at, holds, starts_with
from framecast.sources.images.config import ImageConfig
from framecast.sources.images.formats import TIFF_OPENINGS
from framecast.sources.images.listing import list_images
from framecast.sources.images.pnm import ENDINGS as PNM_ENDINGS

_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", *PNM_ENDINGS)
_OPENINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", *TIFF_OPENINGS)

_STILL_ENDINGS = (".gif",)
"""Read as pictures only when the user says that they are images: by themselves they are animations."""


@final
@dataclass(frozen=True, kw_only=True)
class ImageSource(Source):
    """A folder of images, a folder of such folders, or one stack."""

    config_class: ClassVar[type[ImageConfig]] = ImageConfig
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is an image by its ending or first bytes, or a folder with one in it."""
        if path.is_dir():
            return holds(path, _ENDINGS)
        return path.name.lower().endswith(_ENDINGS) or starts_with(path, *_OPENINGS)

    @classmethod
    def open(cls, location: str, config: ImageConfig) -> Self:
        """List the sequences; headers are read, no picture is decoded.

        Args:
            location: a file, or a folder that is searched at any depth.
            config: which files, their groups, times and values, and what is read of stacks.

        Raises:
            SourceError: no image can be read, or images of one sequence differ in size or type.
            NotAvailableError: a stack needs a package that is not installed.
        """
        root = user_path(location).absolute()
        still = root.is_dir() and not holds(root, _ENDINGS) and holds(root, _STILL_ENDINGS)
        files, notes = files_at(root, _STILL_ENDINGS if still else _ENDINGS, pattern=config.pattern)
        listing = list_images(files, root, config)
        return cls(
            kind="images",
            location=location,
            sequences=listing.sequences,
            notes=notes + listing.notes,
            rejected=listing.rejected,
        )
