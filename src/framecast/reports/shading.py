"""Shading: which colour a value is drawn in, and the legend that says so.

Pictures are shown as they are, in grey or in colour. Rain has a scale of its own
(:mod:`framecast.reports.rain_colours`). Any other measured field is drawn in viridis, which is perceptually even and
safe for the colour-blind.

Axes: T frames, C channels, H height, W width.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from framecast.reports import formatting, rain_colours
from framecast.reports.tiles import EDGE, INK, MISSING, MUTED, Colour, Pixels, font, rgb_tiles, text_width


@final
@dataclass(frozen=True, slots=True)
class Legend:
    """What the colours mean."""

    colours: tuple[Colour, ...]
    """From low to high."""
    labels: tuple[tuple[float, str], ...]
    """Where along the bar (0 to 1), and what stands there."""
    units: str
    missing: Colour


class Shading(ABC):
    """From values to colours."""

    @property
    @abstractmethod
    def legend(self) -> Legend | None:
        """None where the frames are pictures that explain themselves."""

    @property
    def missing(self) -> Colour:
        """The colour of missing values."""
        return MISSING if self.legend is None else self.legend.missing

    @property
    def units(self) -> str:
        """Those of the values; empty for pictures."""
        return "" if self.legend is None else self.legend.units

    @abstractmethod
    def tiles(self, frames: NDArray[Any]) -> Pixels:
        """Frames (T, C, H, W) as colours (T, H, W, 3); missing values (NaN) in a colour of their own."""


@final
@dataclass(frozen=True, slots=True)
class Greys(Shading):
    """Grey for one channel, colour for three."""

    low: float = 0.0
    """Shown as black."""
    high: float = 1.0
    """Shown as white."""

    @property
    def legend(self) -> Legend | None:
        """None: these are pictures."""
        return None

    def tiles(self, frames: NDArray[Any]) -> Pixels:
        """As :func:`framecast.reports.tiles.rgb_tiles` draws them."""
        return rgb_tiles(frames, low=self.low, high=self.high)


@final
@dataclass(frozen=True, slots=True)
class RainShading(Shading):
    """Native values of rain, in steps; of several channels the first."""

    unit: str
    """A key of ``rain_colours.STEPS``."""

    @property
    def legend(self) -> Legend:
        """One piece of the bar for each step, named by its lowest value."""
        steps = rain_colours.STEPS[self.unit]
        pieces = len(steps) + 1
        labels = tuple(((place + 1) / pieces, f"{step:g}") for place, step in enumerate(steps))
        return Legend((rain_colours.DRY, *rain_colours.COLOURS), labels, self.unit, rain_colours.UNMEASURED)

    def tiles(self, frames: NDArray[Any]) -> Pixels:
        """A value takes the colour of the last step that it reaches."""
        colours = np.array([rain_colours.DRY, *rain_colours.COLOURS], dtype=np.uint8)
        values = _first_channel(frames)
        step = np.digitize(np.nan_to_num(values, nan=-np.inf), rain_colours.STEPS[self.unit])
        tiles = colours[step]
        tiles[np.isnan(values)] = rain_colours.UNMEASURED
        return tiles


@final
@dataclass(frozen=True, slots=True)
class FieldShading(Shading):
    """Native values of a measured field, dark for low and bright for high; of several channels the first."""

    low: float
    high: float
    unit: str

    @property
    def legend(self) -> Legend:
        """A smooth bar with its two ends and its middle."""
        middle = (self.low + self.high) / 2
        labels = tuple((place, formatting.number(v)) for place, v in ((0.0, self.low), (0.5, middle), (1.0, self.high)))
        colours = tuple((int(red), int(green), int(blue)) for red, green, blue in _viridis())
        return Legend(colours, labels, self.unit, MISSING)

    def tiles(self, frames: NDArray[Any]) -> Pixels:
        """Values beyond the ends take the colour of the end."""
        values = _first_channel(frames)
        level = np.clip((values - self.low) / max(self.high - self.low, 1e-12), 0, 1)
        tiles = _viridis()[np.rint(np.nan_to_num(level) * 255).astype(np.intp)]
        tiles[np.isnan(values)] = MISSING
        return tiles


def shading_of(units: str | None, channels: int, frames: Iterable[NDArray[Any]]) -> RainShading | FieldShading | None:
    """How to draw native values.

    Args:
        units: those of the recording, where known.
        channels: C.
        frames: (…, C, H, W) native values, to find the range of what is no rain: that of the middle 99 %.

    Returns:
        None for pictures: there are no units, or three channels, which are shown as colours.
    """
    if not units or channels == 3:
        return None
    if (unit := rain_colours.rain_unit(units)) is not None:
        return RainShading(unit)
    values = np.concatenate([part[..., 0, :, :][np.isfinite(part[..., 0, :, :])].reshape(-1) for part in frames])
    if not values.size:
        return None
    low, high = (float(end) for end in np.quantile(values.astype(np.float64), (0.005, 0.995)))
    return FieldShading(low, high if high > low else low + 1.0, units)


def legend_height(size: int) -> int:
    """Pixels that :func:`draw_legend` needs for letters of ``size``."""
    return size // 2 + 20 + size + 14


def draw_legend(canvas: Image.Image, legend: Legend, *, left: int, top: int, right: int, size: int) -> None:
    """Draw a colour bar with its labels below, its units behind them, and the colour of missing values.

    Args:
        canvas: to draw on.
        legend: what to draw.
        left: where it begins.
        top: its upper edge.
        right: where it has to end.
        size: of letters, in pixels.
    """
    draw, small = ImageDraw.Draw(canvas), font(size)
    top += size // 2
    bar_height, missing_text = 20, "missing"
    missing_width = bar_height + 10 + text_width(missing_text, small)
    units_width = text_width(legend.units, small)
    width = max(min(right - left - missing_width - units_width - 70, 44 * size), 6 * size)
    ends = [left + round(place * width / len(legend.colours)) for place in range(len(legend.colours) + 1)]
    for colour, start, end in zip(legend.colours, ends[:-1], ends[1:], strict=True):
        draw.rectangle((start, top, max(end - 1, start), top + bar_height - 1), fill=colour)
    draw.rectangle((left - 1, top - 1, left + width, top + bar_height), outline=EDGE)
    base, taken = top + bar_height + size + 4, left - size
    for place, label in legend.labels:
        centre, half = left + round(place * width), text_width(label, small) // 2
        start = max(centre - half, left)
        if start >= taken + size // 3:
            draw.text((start, base), label, font=small, fill=MUTED, anchor="ls")
            taken = start + 2 * half
    after = left + width + 14
    draw.text((after, top + bar_height // 2), legend.units, font=small, fill=INK, anchor="lm")
    swatch = after + units_width + 30
    draw.rectangle((swatch, top, swatch + bar_height, top + bar_height - 1), fill=legend.missing, outline=EDGE)
    draw.text((swatch + bar_height + 10, top + bar_height // 2), missing_text, font=small, fill=MUTED, anchor="lm")


def _first_channel(frames: NDArray[Any]) -> NDArray[np.float64]:
    if frames.ndim != 4:
        raise ValueError(f"frames to show must be (T, C, H, W), found shape {frames.shape}")
    return frames[:, 0].astype(np.float64)


@lru_cache(maxsize=1)
def _viridis() -> Pixels:
    import matplotlib

    return np.asarray(matplotlib.colormaps["viridis"](np.arange(256), bytes=True)[:, :3])
