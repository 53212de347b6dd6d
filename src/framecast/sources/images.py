"""Folders of images (png, jpg, tiff): the images of one folder are one sequence, in natural order.

Sub-folders with images are sequences of their own, and so is a TIFF of several pages. Grey stays one channel in its own
type (8 or 16 bits, 32-bit integers or floats), everything else becomes 8-bit RGB; transparency is dropped with a note.

Axes: T frames, C channels (1 grey, 3 RGB), H height, W width.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Source
from framecast.sources.files import files_below, holds, starts_with
from framecast.sources.measured import MeasuredConfig
from framecast.sources.pictures import Page, Picture, pages, read_pictures
from framecast.sources.values import native_range

_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_OPENINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig(MeasuredConfig):
    """How images are chosen, grouped and timed, and what their values mean."""


@final
class ImageSequence(Sequence):
    """Images of one size and type, one after the other."""

    def __init__(self, info: SequenceInfo, pictures: tuple[Picture, ...], config: ImageConfig) -> None:
        self.info = info
        self._pictures = pictures
        self._config = config

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        return self._config.with_nan(read_pictures(self._pictures[start:stop])).astype(self.info.dtype, copy=False)


@final
@dataclass(frozen=True, kw_only=True)
class ImageSource(Source):
    """A folder of images, a folder of such folders, or one TIFF of several pages."""

    config_class: ClassVar[type[ImageConfig]] = ImageConfig
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is an image by its ending or first bytes, or a folder with one in it."""
        if path.is_dir():
            return holds(path, _ENDINGS)
        return path.suffix.lower() in _ENDINGS or starts_with(path, *_OPENINGS)

    @classmethod
    def open(cls, location: str, config: ImageConfig) -> Self:
        """List the sequences; headers are read, no picture is decoded.

        Args:
            location: a file, or a folder that is searched at any depth.
            config: which files, their groups, time step and value range.

        Raises:
            SourceError: an image cannot be read, or images of one sequence differ in size or type.
        """
        root = user_path(location).absolute()
        files, notes = [root], tuple[str, ...]()
        if root.is_dir():
            files, notes = files_below(root, _ENDINGS, pattern=config.pattern)
        recordings = _recordings(files, root)
        remarks: dict[str, str] = {}
        for page in (page for found in recordings.values() for page in found):
            for remark in page.remarks:
                remarks.setdefault(remark, page.picture.path.name)
        sequences = tuple(
            ImageSequence(_info(path, root, found, config), tuple(page.picture for page in found), config)
            for path, found in recordings.items()
        )
        notes += tuple(f"{remark}, for example of '{name}'." for remark, name in remarks.items())
        return cls(kind="images", location=location, sequences=sequences, notes=notes)


def _recordings(files: list[Path], root: Path) -> dict[Path, list[Page]]:
    """The pages of each sequence, by the folder or the many-paged file that holds them."""
    recordings: dict[Path, list[Page]] = {}
    for path in files:
        found = pages(path)
        recordings.setdefault(path if len(found) > 1 or path == root else path.parent, []).extend(found)
    for found in recordings.values():
        first = found[0]
        for page in found:
            if page.kind != first.kind:
                raise SourceError(
                    f"The images of one sequence must agree in size and type: '{first.picture}' is {first.kind}, "
                    f"'{page.picture}' is {page.kind}. Choose among them with source.pattern, or put them into "
                    "folders of their own."
                )
    return recordings


def _info(path: Path, root: Path, found: list[Page], config: ImageConfig) -> SequenceInfo:
    kind = found[0].kind
    name = root.resolve().name if path == root else path.relative_to(root).as_posix()
    native = config.dtype_of(np.dtype(kind.dtype))
    return SequenceInfo(
        name=name,
        group=config.group(name),
        num_frames=len(found),
        channels=kind.channels,
        height=kind.height,
        width=kind.width,
        dtype=str(native),
        value_range=native_range(native, config.value_range),
        step_seconds=config.step_seconds,
        units=config.units,
        has_missing=config.has_missing and native.kind == "f",
        path=str(path),
    )
