"""Pictures: one png, or a folder of them.

png holds 8 bits (grey and RGB) and 16-bit grey exactly; anything else is mapped to 8 bits by its value range.

Axes: T frames, C channels, H height, W width.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from framecast.frames.errors import SourceError
from framecast.sources.eight_bits import eight_bits
from framecast.sources.frame_facts import FrameFacts


def write_png(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """A single frame as one png."""
    if len(frames) > 1:
        raise SourceError(
            f"A .png holds one picture, there are {len(frames)} frames; give a folder (a name without an ending) for "
            "one image each, or .gif."
        )
    _png_pictures(frames, facts.value_range)[0].save(path)


def write_png_folder(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """One png a frame, numbered from 1 with at least four digits."""
    path.mkdir()
    digits = max(4, len(str(len(frames))))
    for number, picture in enumerate(_png_pictures(frames, facts.value_range), start=1):
        picture.save(path / f"frame_{number:0{digits}d}.png")


def _png_pictures(frames: NDArray[np.generic], value_range: tuple[float, float] | None) -> list[Image.Image]:
    if frames.dtype == np.uint16 and frames.shape[1] == 1:
        return _pictures(frames)
    return _pictures(eight_bits(frames, value_range).transpose(0, 3, 1, 2))


def _pictures(frames: NDArray[np.generic]) -> list[Image.Image]:
    return [
        Image.fromarray(np.ascontiguousarray(frame[0] if len(frame) == 1 else frame.transpose(1, 2, 0)))
        for frame in frames
    ]
