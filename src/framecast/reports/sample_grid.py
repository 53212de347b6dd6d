"""Sample grid: what the sequences of a source look like, one row for each, time from left to right.

Axes: T frames, C channels, H height, W width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from framecast.frames.errors import SourceError
from framecast.frames.sequence import range_of_dtype
from framecast.frames.source import Source
from framecast.reports import formatting
from framecast.reports.shading import Greys, Legend, RainShading, Shading, draw_legend, legend_height, shading_of
from framecast.reports.tiles import (
    GAP,
    INK,
    MUTED,
    PAPER,
    evenly,
    font,
    paste,
    png,
    scaled,
    shortened,
    text_width,
    tile_size,
)

_NAME_SIZE = 20
_NUMBER_SIZE = 17
_LINE = 28
_MAX_NAME_WIDTH = 340


def sample_grid(
    sequences: Sequence[tuple[str, NDArray[Any]]],
    *,
    frame_numbers: Sequence[Sequence[int]] | None = None,
    units: Sequence[str | None] | None = None,
    value_range: tuple[float, float] | None = None,
    columns: int = 8,
    title: str | None = None,
) -> bytes:
    """Draw a grid of sample frames.

    Args:
        sequences: name and frames (T, C, H, W) of each, native or unit range; sizes may differ. One channel is shown in
            grey, three in colour; of any other number the first is shown, and the row says so. Values with units are
            shown in colours that a legend explains.
        frame_numbers: for each sequence the 1-based numbers of the frames given; None when they are frames 1 to T.
        units: of the values of each sequence, None where they are not known.
        value_range: native values of black and white. None: 0 to 255 for uint8; for other types the range of the middle
            99 % of each sequence's values, which is written below its name.
        columns: at most so many frames of each sequence, spread evenly.
        title: a line above.

    Returns:
        A PNG file.

    Raises:
        ValueError: no sequence, or frames that are not (T, C, H, W).
    """
    if not sequences:
        raise ValueError("a sample grid needs at least one sequence")
    small = font(_NUMBER_SIZE)
    legends: list[Legend] = []
    rows: list[tuple[list[str], list[int], list[Image.Image]]] = []
    for index, (name, frames) in enumerate(sequences):
        numbers = list(range(1, len(frames) + 1)) if frame_numbers is None else list(frame_numbers[index])
        if len(numbers) != len(frames):
            raise ValueError(f"'{name}' has {len(frames)} frames and {len(numbers)} frame numbers")
        chosen = evenly(len(frames), columns)
        shown = frames[chosen] if frames.shape[1] == 3 else frames[chosen, :1]
        unit = units[index] if units else None
        shading, said = _shading(shown, unit, value_range)
        size = tile_size(*frames.shape[2:], target=168)
        tiles = shading.tiles(shown)
        lines = [shortened(name, font(_NAME_SIZE), _MAX_NAME_WIDTH), f"{frames.shape[3]} × {frames.shape[2]} pixels"]
        if said:
            lines.append(said)
        elif shading.legend is not None and shading.legend not in legends:
            legends.append(shading.legend)
        if frames.shape[1] not in (1, 3):
            lines.append(f"first of {frames.shape[1]} channels")
        rows.append((lines, [numbers[i] for i in chosen], [scaled(tile, size) for tile in tiles]))

    left = max(
        text_width(line, small if i else font(_NAME_SIZE)) for lines, _, _ in rows for i, line in enumerate(lines)
    )
    left += 30
    width = left + max(sum(tile.width + GAP for tile in tiles) for _, _, tiles in rows)
    heights = [max(tiles[0].height, len(lines) * 25) for lines, _, tiles in rows]
    top = 4 + (_LINE + 14 if title else 0)
    all_rows = sum(_LINE + height + 14 for height in heights)
    canvas = Image.new("RGB", (width, top + all_rows + len(legends) * legend_height(_NUMBER_SIZE)), PAPER)
    draw = ImageDraw.Draw(canvas)
    if title:
        bold = font(_NAME_SIZE, "bold")
        draw.text((4, 4), shortened(title, bold, width - 8), font=bold, fill=INK)
    for (lines, numbers, pictures), height in zip(rows, heights, strict=True):
        _draw_row(canvas, lines, numbers, pictures, left=left, top=top + _LINE)
        top += _LINE + height + 14
    for legend in legends:
        draw_legend(canvas, legend, left=left, top=top, right=width, size=_NUMBER_SIZE)
        top += legend_height(_NUMBER_SIZE)
    return png(canvas)


def sample_grid_of(source: Source, *, rows: int = 6, columns: int = 8) -> bytes:
    """Draw sample frames of a source, reading only what is shown.

    Args:
        source: what to look at.
        rows: at most so many sequences, spread evenly.
        columns: at most so many frames of each, spread evenly.

    Returns:
        A PNG file.

    Raises:
        SourceError: none of these sequences can be read; one that cannot is left out.
    """
    samples: list[tuple[str, NDArray[Any]]] = []
    numbers: list[list[int]] = []
    units: list[str | None] = []
    damage: SourceError | None = None
    for index in evenly(len(source.sequences), rows):
        sequence = source.sequences[index]
        places = evenly(sequence.info.num_frames, columns)
        try:
            # As in an inspection: a value that nobody expected shall be seen.
            frames = [sequence.read(place, place + 1, unexpected="keep") for place in places]
        except SourceError as error:
            damage = error
            continue
        samples.append((sequence.info.name, np.concatenate(frames)))
        numbers.append([place + 1 for place in places])
        units.append(sequence.info.units)
    if not samples and damage is not None:
        raise damage
    return sample_grid(samples, frame_numbers=numbers, units=units)


def _shading(frames: NDArray[Any], unit: str | None, value_range: tuple[float, float] | None) -> tuple[Shading, str]:
    """How to draw a sequence, and what to write below its name where no legend explains it."""
    field = shading_of(unit, frames.shape[1], [frames]) if value_range is None else None
    if isinstance(field, RainShading):
        return field, ""
    if field is not None:
        return field, f"dark {formatting.number(field.low)}, bright {formatting.number(field.high)} {field.units}"
    low, high, measured = _shown_range(frames, value_range)
    unit = f" {unit}" if unit else ""
    said = f"black {formatting.number(low)}, white {formatting.number(high)}{unit}" if measured else ""
    return Greys(low, high), said


def _shown_range(frames: NDArray[Any], value_range: tuple[float, float] | None) -> tuple[float, float, bool]:
    """Values of black and white, and whether they were measured."""
    declared = value_range or (range_of_dtype(frames.dtype) if frames.dtype.name in ("uint8", "bool") else None)
    if declared is not None:
        return *declared, False
    values = frames[np.isfinite(frames)]
    if not values.size:
        return 0.0, 1.0, False
    low, high = np.quantile(values.astype(np.float64), (0.005, 0.995))
    return float(low), float(high) if high > low else float(low) + 1.0, True


def _draw_row(
    canvas: Image.Image, lines: list[str], numbers: list[int], tiles: list[Image.Image], *, left: int, top: int
) -> None:
    draw, small = ImageDraw.Draw(canvas), font(_NUMBER_SIZE)
    height, width = tiles[0].height, tiles[0].width
    first = top + max(height - len(lines) * 25, 0) // 2 + 12
    for i, line in enumerate(lines):
        draw.text(
            (left - 18, first + i * 25),
            line,
            font=small if i else font(_NAME_SIZE),
            fill=MUTED if i else INK,
            anchor="rm",
        )
    draw.text((left - 18, top - 8), "frame", font=small, fill=MUTED, anchor="rs")
    for column, (number, tile) in enumerate(zip(numbers, tiles, strict=True)):
        x = left + column * (width + GAP)
        draw.text((x + width // 2, top - 8), str(number), font=small, fill=MUTED, anchor="ms")
        paste(canvas, tile, x, top)
