"""Animation: truth, forecast and error side by side, playing through the context and then the horizon.

An orange border marks frames of the context, a blue one the forecast; the bar below says where in the clip we are.

Axes: K context frames, M leads, C channels, H height, W width.
"""

import math
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from framecast.reports.shading import Greys, Legend, Shading, draw_legend, legend_height
from framecast.reports.tiles import (
    EDGE,
    INK,
    MISSING,
    MUTED,
    PAPER,
    Colour,
    Pixels,
    absolute_error,
    error_scale,
    error_tiles,
    font,
    paste,
    png,
    scaled,
    shortened,
    tile_size,
)

AnimationFormat = Literal["gif", "webp"]

CONTEXT_COLOUR: Colour = (230, 159, 0)
FORECAST_COLOUR: Colour = (0, 114, 178)
_EMPTY: Colour = (244, 245, 247)
_BORDER = 4
_PANEL_GAP = 22
_TITLE = 40
_FOOT = 68
_LEGEND_LETTERS = 17


def animation(
    context: NDArray[Any],
    truth: NDArray[Any] | None,
    forecast: NDArray[Any],
    *,
    name: str = "forecast",
    error_max: float | None = None,
    white: float = 1.0,
    shading: Shading | None = None,
    frame_milliseconds: int = 180,
    format: AnimationFormat = "gif",
) -> bytes:
    """Draw an animation that loops.

    Args:
        context: (K, C, H, W), unit range [0, 1]; NaN where a value is missing.
        truth: (M, C, H, W), unit range; None when it is not known: then the forecast plays alone.
        forecast: (M, C, H, W), unit range.
        name: the forecaster's.
        error_max: the error shown brightest; None takes one that suits this clip.
        white: the value shown as white.
        shading: how to draw measured values; all frames, and ``error_max``, are then native values. None: pictures in
            unit range.
        frame_milliseconds: how long each frame stands; the last one stands longer.
        format: ``gif`` plays everywhere (one palette of 256 colours for the whole clip); ``webp`` has all colours and
            is smaller.

    Returns:
        An animated GIF or WebP file.

    Raises:
        ValueError: shapes that do not fit together.
    """
    shown = shading or Greys(high=white)
    limit = 1.0 if shading is None else math.inf
    pictures = _pictures(context, truth, forecast, name=name, error_max=error_max, shading=shown, limit=limit)
    durations = [frame_milliseconds] * len(pictures)
    durations[-1] += 4 * frame_milliseconds
    buffer = BytesIO()
    if format == "webp":
        pictures[0].save(
            buffer, "WEBP", save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=82, method=4
        )
        return buffer.getvalue()
    palette = _shared_palette(
        [shown.tiles(part) for part in (context, truth, forecast) if part is not None], shown.legend
    )
    coloured = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    coloured[0].save(
        buffer, "GIF", save_all=True, append_images=coloured[1:], duration=durations, loop=0, disposal=1, optimize=False
    )
    return buffer.getvalue()


def still(animated: bytes) -> bytes:
    """The last frame of an animation as a PNG, for print and for readers who have asked for less motion."""
    with Image.open(BytesIO(animated)) as picture:
        picture.seek(getattr(picture, "n_frames", 1) - 1)
        return png(picture.convert("RGB"))


def _pictures(
    context: NDArray[Any],
    truth: NDArray[Any] | None,
    forecast: NDArray[Any],
    *,
    name: str,
    error_max: float | None,
    shading: Shading,
    limit: float,
) -> list[Image.Image]:
    others = [frames for frames in (truth, forecast) if frames is not None]
    if context.ndim != 4 or any(frames.shape[1:] != context.shape[1:] for frames in others):
        raise ValueError(f"context {context.shape} and {[frames.shape for frames in others]} do not fit together")
    if truth is not None and truth.shape != forecast.shape:
        raise ValueError(f"truth {truth.shape} and forecast {forecast.shape} differ")
    seen, size = shading.tiles(context), tile_size(*context.shape[2:], target=224)
    panels: list[tuple[str, Pixels, Pixels | None]] = [(name, shading.tiles(forecast), seen)]
    if truth is not None:
        error = absolute_error(forecast, truth)
        scale = error_max or error_scale([error], limit=limit)
        panels = [
            ("truth", shading.tiles(truth), seen),
            *panels,
            ("error", error_tiles(error, scale, missing=shading.missing), None),
        ]
    pictures: list[Image.Image] = []
    for position in range(len(context) + len(forecast)):
        pictures.append(_picture(panels, position, (len(context), len(forecast)), size=size, legend=shading.legend))
    return pictures


def _picture(
    panels: list[tuple[str, Pixels, Pixels | None]],
    position: int,
    counts: tuple[int, int],
    *,
    size: tuple[int, int],
    legend: Legend | None,
) -> Image.Image:
    (height, width), (seen, leads) = size, counts
    step = width + 2 * _BORDER + _PANEL_GAP
    foot = _TITLE + height + 2 * _BORDER
    total = len(panels) * step - _PANEL_GAP
    canvas = Image.new("RGB", (total, foot + _FOOT + (legend_height(_LEGEND_LETTERS) if legend else 0)), PAPER)
    draw, label = ImageDraw.Draw(canvas), font(_letters(canvas))
    lead = position - seen
    colour = CONTEXT_COLOUR if lead < 0 else FORECAST_COLOUR
    for column, (title, frames, before) in enumerate(panels):
        left, top = column * step + _BORDER, _TITLE + _BORDER
        draw.text((left + width // 2, 28), shortened(title, label, width), font=label, fill=INK, anchor="ms")
        if lead >= 0:
            paste(canvas, scaled(frames[lead], size), left, top, edge=colour if before is not None else EDGE, border=4)
        elif before is not None:
            paste(canvas, scaled(before[position], size), left, top, edge=colour, border=4)
        else:
            blank = np.broadcast_to(np.array(_EMPTY, dtype=np.uint8), (height, width, 3))
            paste(canvas, Image.fromarray(blank.copy()), left, top, edge=EDGE, border=4)
    _draw_position(canvas, position, seen, leads, foot)
    if legend:
        draw_legend(canvas, legend, left=8, top=foot + _FOOT, right=total - 8, size=_LEGEND_LETTERS)
    return canvas


def _draw_position(canvas: Image.Image, position: int, seen: int, leads: int, top: int) -> None:
    """The bar below: one piece for each frame, filled up to the present one, and its number in words."""
    draw, small = ImageDraw.Draw(canvas), font(_letters(canvas))
    total = seen + leads
    gap = 3 if canvas.width / total > 8 else 0
    for frame in range(total):
        start, end = round(frame * canvas.width / total), round((frame + 1) * canvas.width / total) - 1 - gap
        full = CONTEXT_COLOUR if frame < seen else FORECAST_COLOUR
        draw.rectangle((start, top + 14, max(end, start), top + 21), fill=full if frame <= position else EDGE)
    lead = position - seen + 1
    text, colour = (f"lead {lead} of {leads}", INK) if lead > 0 else (f"context {position + 1} of {seen}", MUTED)
    draw.text((canvas.width // 2, top + 56), text, font=small, fill=colour, anchor="ms")


def _letters(canvas: Image.Image) -> int:
    """Size of letters that stays readable when a wide canvas is shown small."""
    return min(max(canvas.width // 30, 20), 30)


def _shared_palette(frames: list[Pixels], legend: Legend | None) -> Image.Image:
    """One palette for the whole clip, or colours would flicker from frame to frame.

    The fixed part holds exactly what stands around the frames, the greys between paper and ink that letters are made
    of, the colours of errors and some of the legend's; the rest adapts to the frames.
    """
    letters = np.linspace(PAPER, INK, 10).round().astype(np.uint8)
    borders = np.array([MUTED, EDGE, _EMPTY, MISSING, CONTEXT_COLOUR, FORECAST_COLOUR], dtype=np.uint8)
    errors = error_tiles(np.linspace(0, 1, 72, dtype=np.float32)[None, None, :], 1.0)[0, 0]
    bar = [] if legend is None else [legend.missing, *legend.colours[:: -(-len(legend.colours) // 32)]]
    fixed = np.concatenate([letters, borders, errors, np.array(bar, dtype=np.uint8).reshape(-1, 3)])
    shown = np.concatenate(frames)
    sheet = Image.fromarray(shown.reshape(-1, shown.shape[2], 3))
    free = 256 - len(fixed)
    adapted = sheet.quantize(colors=free, method=Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*fixed.reshape(-1).tolist(), *adapted[: 3 * free]])
    return palette
