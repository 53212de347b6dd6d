"""Image file: what one file of pictures holds, whatever its format, and how its frames are read.

Axes: T frames, C channels, H height, W width.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError

MOST_PIXELS = 2**28
"""Frames of more pixels are refused: no camera makes them, but a damaged header claims them."""


@final
@dataclass(frozen=True, slots=True)
class PictureKind:
    """What the frames of one sequence have in common."""

    channels: int
    height: int
    width: int
    dtype: str

    def __str__(self) -> str:
        colour = {1: "grey", 3: "RGB"}.get(self.channels, f"{self.channels} channels of")
        return f"{self.height}x{self.width} (H x W) {colour} {self.dtype}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What a file says of its frames, beside their values."""

    step_seconds: float | None = None
    start_time: datetime | None = None

    pixel_size: tuple[float, float] | None = None
    """Micrometres along y and x."""

    channel_names: tuple[str, ...] = ()
    """C names, or nothing."""

    value_range: tuple[float, float] | None = None
    """The values that can occur, where fewer than the type holds: (0, 4095) for a camera of 12 bits."""

    units: str | None = None
    """Of the values."""


class Decoder(Protocol):
    """How frames come out of a file. It is sent to other processes, so it holds no open file."""

    def read(self, path: Path, start: int, stop: int) -> NDArray[np.generic]:
        """Frames ``start:stop`` of a file.

        Returns:
            (stop - start, C, H, W).

        Raises:
            SourceError: the file cannot be decoded.
        """
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One recording in one file: a picture, or a stack of them."""

    path: Path
    num_frames: int
    """T: 1 for a picture, and for a stack whose planes make up one frame."""

    kind: PictureKind
    decoder: Decoder
    facts: ImageFacts = field(default_factory=ImageFacts)

    label: str = ""
    """Which of several recordings in this file it is; empty when it is the only one."""

    remarks: tuple[str, ...] = ()
    """Sentences without their full stop that a person should see."""

    companions: tuple[Path, ...] = ()
    """Other files that the frames lie in."""


def check_page(path: Path, page: int, kind: PictureKind, first: PictureKind) -> None:
    """Raise SourceError when a page is of another kind than the first."""
    if kind != first:
        raise SourceError(
            f"The images of one sequence must agree in size and type: '{path}' is {first}, '{path} (page {page + 1})' "
            f"is {kind}. Save them as files of their own."
        )
