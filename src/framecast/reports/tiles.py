"""Tiles: frames as small pictures of equal size, and the type and colours that stand around them.

Pictures are drawn with two pixels for each pixel of a page, so that labels stay sharp on fine screens. Frames are
enlarged by whole factors without smoothing, because a smoothed forecast looks better than it is.

Axes: T frames, C channels, H height, W width.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (28, 34, 48)
MUTED: Colour = (98, 107, 120)
EDGE: Colour = (214, 218, 224)
MISSING: Colour = (176, 190, 204)
"""Blue-grey, which neither grey frames nor error maps contain."""

GAP = 8
"""Pixels between two tiles."""


def rgb_tiles(frames: NDArray[Any], *, low: float = 0.0, high: float = 1.0) -> Pixels:
    """Frames as 8-bit colours.

    Args:
        frames: (T, C, H, W). One channel is shown in grey, three as red, green and blue, of any other number the first.
        low: the value shown as black.
        high: the value shown as white.

    Returns:
        (T, H, W, 3); missing values (NaN) in :data:`MISSING`.
    """
    if frames.ndim != 4:
        raise ValueError(f"frames to show must be (T, C, H, W), found shape {frames.shape}")
    shown = frames if frames.shape[1] == 3 else frames[:, :1]
    values = (shown.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-12))
    gaps = np.isnan(values).any(axis=1)
    levels = np.rint(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)
    tiles = np.broadcast_to(np.moveaxis(levels, 1, -1), (*gaps.shape, 3)).copy()
    tiles[gaps] = MISSING
    return tiles


def absolute_error(forecast: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float32]:
    """``|forecast - truth|`` of what is shown, mean over the colours of RGB: (T, C, H, W) twice to (T, H, W)."""
    difference = np.abs(forecast.astype(np.float32) - truth.astype(np.float32))
    return difference.mean(axis=1) if difference.shape[1] == 3 else difference[:, 0]


def error_scale(errors: Iterable[NDArray[np.float32]], *, limit: float = 1.0) -> float:
    """The error at the bright end of the colour scale: 99.5 % of all errors lie below, rounded up to 1, 2 or 5.

    Args:
        errors: of the same scale.
        limit: the largest error that can be, 1 on the unit range; infinite for native values. The scale does not
            exceed it, nor fall below a thousandth of it.
    """
    values = np.concatenate([error[np.isfinite(error)].reshape(-1) for error in errors])
    high = float(np.quantile(values, 0.995)) if values.size else 0.0
    decade = 10.0 ** np.floor(np.log10(max(high, 1e-3 * limit if math.isfinite(limit) else 1e-9)))
    steps = (float(f"{step * decade:.6g}") for step in (1, 2, 5, 10))
    return min(limit, next(step for step in steps if step >= high * (1 - 1e-6)))


def error_tiles(error: NDArray[np.float32], scale: float, *, missing: Colour = MISSING) -> Pixels:
    """Errors in colours that are perceptually even and safe for the colour-blind (black, violet, orange, pale).

    Args:
        error: (T, H, W), 0 or more.
        scale: the error shown brightest.
        missing: the colour of missing values.

    Returns:
        (T, H, W, 3).
    """
    level = np.rint(np.clip(np.nan_to_num(error) / scale, 0, 1) * 255).astype(np.intp)
    tiles = _error_colours()[level]
    tiles[np.isnan(error)] = missing
    return tiles


def tile_size(height: int, width: int, *, target: int = 192) -> tuple[int, int]:
    """Height and width in which to show a frame: a whole multiple near ``target``, or shrunk to it when much larger."""
    longest = max(height, width)
    if longest > target * 4 // 3:
        return max(1, round(height * target / longest)), max(1, round(width * target / longest))
    factor = max(1, round(target / longest))
    return height * factor, width * factor


def scaled(tile: Pixels, size: tuple[int, int]) -> Image.Image:
    """A tile (H, W, 3) at the (height, width) of :func:`tile_size`: repeated pixels, or their mean when shrinking."""
    height, width = size
    method = Image.Resampling.BOX if height < tile.shape[0] or width < tile.shape[1] else Image.Resampling.NEAREST
    return Image.fromarray(tile).resize((width, height), method)


def evenly(count: int, at_most: int) -> list[int]:
    """Positions among ``count``: all of them, or ``at_most`` spread evenly with the first and the last."""
    if count <= at_most:
        return list(range(count))
    return [round(position) for position in np.linspace(0, count - 1, max(at_most, 1)).tolist()]


@lru_cache(maxsize=8)
def font(size: int, weight: Literal["regular", "bold"] = "regular") -> ImageFont.FreeTypeFont:
    """The typeface of labels: DejaVu Sans, which comes with matplotlib and covers the scripts of Europe."""
    import matplotlib

    file = {"regular": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf"}[weight]
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / file), size)


def text_width(text: str, kind: ImageFont.FreeTypeFont) -> int:
    """Width in pixels."""
    return round(kind.getlength(text))


def shortened(text: str, kind: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, or as much of its beginning and end as fits into ``width`` pixels, with an ellipsis between."""
    text = " ".join(text.split())
    kept = len(text)
    short = text
    while kept and text_width(short, kind) > width:
        kept -= 1
        short = text[: kept - kept // 2] + "…" + text[len(text) - kept // 2 :]
    return short


def paste(canvas: Image.Image, tile: Image.Image, left: int, top: int, *, edge: Colour = EDGE, border: int = 1) -> None:
    """Put a tile on the canvas with a border around it, outside its pixels."""
    box = (left - border, top - border, left + tile.width + border - 1, top + tile.height + border - 1)
    ImageDraw.Draw(canvas).rectangle(box, outline=edge, width=border)
    canvas.paste(tile, (left, top))


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG file that names its density, two pixels for each pixel of a page."""
    buffer = BytesIO()
    picture.save(buffer, "PNG", dpi=(192, 192))
    return buffer.getvalue()


@lru_cache(maxsize=1)
def _error_colours() -> Pixels:
    import matplotlib

    return np.asarray(matplotlib.colormaps["magma"](np.arange(256), bytes=True)[:, :3])
