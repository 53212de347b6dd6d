"""Film strip: context, truth, forecasts and their errors, one frame beside the next.

Every row has the same columns, so that a lead is one column from top to bottom. Leads are counted from 1.

Axes: K context frames, M leads, C channels, H height, W width.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from framecast.reports.shading import Greys, Legend, Shading, draw_legend, legend_height
from framecast.reports.tiles import (
    EDGE,
    GAP,
    INK,
    MUTED,
    PAPER,
    Pixels,
    absolute_error,
    error_scale,
    error_tiles,
    evenly,
    font,
    paste,
    png,
    scaled,
    shortened,
    text_width,
    tile_size,
)

_LABEL_SIZE = 25
_NUMBER_SIZE = 22
_LINE = 36
_LABEL_WIDTHS = 175, 300
"""The least, so that strips of the same forecaster stand in line, and the most that names may take."""

_BAR_WIDTH = 18


@final
@dataclass(frozen=True, slots=True)
class _Scale:
    """How errors are coloured."""

    brightest: float
    beyond: bool
    """Whether some errors lie beyond it."""
    units: str

    @property
    def top(self) -> str:
        return ("≥ " if self.beyond else "") + f"{self.brightest:g}"


@final
@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    tiles: Pixels
    """(columns, H, W, 3)"""
    strong: bool = False
    apart: bool = False
    """Some space above: another forecast begins."""
    numbers: tuple[str, list[int]] | None = None
    """What the numbers above this row count, and the numbers."""
    scale: _Scale | None = None
    """Of a row of errors."""


def film_strip(
    context: NDArray[Any],
    truth: NDArray[Any] | None,
    forecasts: Mapping[str, NDArray[Any]],
    *,
    error: bool = True,
    error_max: float | None = None,
    white: float = 1.0,
    shading: Shading | None = None,
    max_columns: int = 10,
    title: str | None = None,
) -> bytes:
    """Draw a film strip.

    Args:
        context: (K, C, H, W), unit range [0, 1]; NaN where a value is missing. One channel is shown in grey, three in
            colour; of any other number the first is shown, and the picture says so.
        truth: (M, C, H, W), unit range; None when it is not known, as in a prediction.
        forecasts: by name, (M, C, H, W) each; the first is the one that matters.
        error: add a row ``|forecast - truth|`` below each forecast, when there is a truth.
        error_max: the error shown brightest; None takes one that suits this strip. Give the same number to strips
            that are to be compared.
        white: the value shown as white.
        shading: how to draw measured values; all frames, and ``error_max``, are then native values. None: pictures in
            unit range.
        max_columns: at most so many frames of the context and of the horizon, spread evenly.
        title: a line above.

    Returns:
        A PNG file.

    Raises:
        ValueError: shapes that do not fit together.
    """
    _check(context, truth, forecasts)
    shown = shading or Greys(high=white)
    horizon = len(next(iter(forecasts.values()))) if truth is None else len(truth)
    seen, leads = evenly(len(context), max_columns), evenly(horizon, max_columns)
    lead_numbers = ("lead", [lead + 1 for lead in leads])
    rows = [_Row("context", shown.tiles(context[seen]), numbers=("frame", [frame + 1 for frame in seen]))]
    if truth is not None:
        rows.append(_Row("truth", shown.tiles(truth[leads]), numbers=lead_numbers))
    errors = {}
    if truth is not None and error:
        errors = {name: absolute_error(frames[leads], truth[leads]) for name, frames in forecasts.items()}
        error_max = error_max or error_scale(errors.values(), limit=1.0 if shading is None else math.inf)
    for position, (name, frames) in enumerate(forecasts.items()):
        first_below = lead_numbers if truth is None and position == 0 else None
        tiles = shown.tiles(frames[leads])
        rows.append(_Row(name, tiles, position == 0, position > 0 and bool(errors), first_below))
        if name in errors and error_max:
            beyond = bool(np.nanmax(errors[name], initial=0.0) > error_max)
            shown_error = error_tiles(errors[name], error_max, missing=shown.missing)
            rows.append(_Row("error", shown_error, scale=_Scale(error_max, beyond, shown.units)))
    return png(_draw(rows, title, _remarks(context, len(seen), len(leads), horizon), shown.legend))


def _check(context: NDArray[Any], truth: NDArray[Any] | None, forecasts: Mapping[str, NDArray[Any]]) -> None:
    if truth is None and not forecasts:
        raise ValueError("a film strip needs a truth or a forecast")
    parts = {"context": context, **({} if truth is None else {"truth": truth}), **forecasts}
    for name, frames in parts.items():
        if frames.ndim != 4 or frames.shape[1:] != context.shape[1:] or len(frames) == 0:
            raise ValueError(f"'{name}' has shape {frames.shape}, which does not fit the context {context.shape}")
    if len({len(frames) for name, frames in parts.items() if name != "context"}) > 1:
        raise ValueError("truth and forecasts must have the same number of frames")


def _remarks(context: NDArray[Any], seen: int, leads: int, horizon: int) -> str:
    remarks: list[str] = []
    if context.shape[1] not in (1, 3):
        remarks.append(f"first of {context.shape[1]} channels")
    if seen < len(context):
        remarks.append(f"{seen} of {len(context)} context frames")
    if leads < horizon:
        remarks.append(f"{leads} of {horizon} leads")
    return "Shown: " + ", ".join(remarks) if remarks else ""


def _draw(rows: list[_Row], title: str | None, remarks: str, legend: Legend | None) -> Image.Image:
    regular, bold, small = font(_LABEL_SIZE), font(_LABEL_SIZE, "bold"), font(_NUMBER_SIZE)
    height, width = tile_size(*rows[0].tiles.shape[1:3])
    columns = max(len(row.tiles) for row in rows)
    labels = [shortened(row.label, bold if row.strong else regular, _LABEL_WIDTHS[1]) for row in rows]
    left = max(_LABEL_WIDTHS[0], *(text_width(label, bold) for label in labels)) + 26
    right = max(
        (text_width(text, small) for row in rows if row.scale for text in ("≥ 0.05", row.scale.top, row.scale.units)),
        default=0,
    )
    frames_end = left + columns * (width + GAP) - GAP
    total_width = frames_end + (right + _BAR_WIDTH + 30 if right else 4)
    top = 4 + (_LINE + 14 if title else 0)
    tops: list[int] = []
    for position, row in enumerate(rows):
        top += (_LINE if row.numbers else 0) + (12 if position and (row.numbers or row.apart) else 0)
        tops.append(top)
        top += height + GAP
    canvas = Image.new(
        "RGB", (total_width, top + (_LINE if remarks else 0) + (legend_height(_NUMBER_SIZE) if legend else 0)), PAPER
    )
    draw = ImageDraw.Draw(canvas)
    if title:
        draw.text((4, 4), shortened(title, bold, total_width - 8), font=bold, fill=INK)
    for row, label, row_top in zip(rows, labels, tops, strict=True):
        middle = row_top + height // 2
        colour = MUTED if row.scale else INK
        draw.text((left - 18, middle), label, font=bold if row.strong else regular, fill=colour, anchor="rm")
        if row.numbers:
            _draw_numbers(draw, row.numbers, left, row_top, width)
        for column, tile in enumerate(row.tiles):
            paste(canvas, scaled(tile, (height, width)), left + column * (width + GAP), row_top)
        if row.scale:
            _draw_bar(canvas, row.scale, left + len(row.tiles) * (width + GAP) + 8, row_top, height)
    if legend:
        draw_legend(canvas, legend, left=left, top=top, right=total_width, size=_NUMBER_SIZE)
        top += legend_height(_NUMBER_SIZE)
    if remarks:
        draw.text((left, top + 2), shortened(remarks, small, total_width - left), font=small, fill=MUTED)
    return canvas


def _draw_numbers(
    draw: ImageDraw.ImageDraw, numbers: tuple[str, list[int]], left: int, row_top: int, width: int
) -> None:
    small = font(_NUMBER_SIZE)
    base = row_top - 8
    draw.text((left - 18, base), numbers[0], font=small, fill=MUTED, anchor="rs")
    for column, number in enumerate(numbers[1]):
        draw.text((left + column * (width + GAP) + width // 2, base), str(number), font=small, fill=MUTED, anchor="ms")


def _draw_bar(canvas: Image.Image, scale: _Scale, left: int, top: int, height: int) -> None:
    ramp = np.linspace(1, 0, height, dtype=np.float32)[None, :, None].repeat(_BAR_WIDTH, axis=2)
    paste(canvas, Image.fromarray(error_tiles(ramp, 1.0)[0]), left, top, edge=EDGE)
    draw, small = ImageDraw.Draw(canvas), font(_NUMBER_SIZE)
    draw.text((left + _BAR_WIDTH + 8, top - 2), scale.top, font=small, fill=MUTED, anchor="lt")
    draw.text((left + _BAR_WIDTH + 8, top + height // 2), scale.units, font=small, fill=MUTED, anchor="lm")
    draw.text((left + _BAR_WIDTH + 8, top + height), "0", font=small, fill=MUTED, anchor="ls")
