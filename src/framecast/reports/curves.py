"""Curves over the horizon: a metric at every lead for all forecasters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from framecast.reports.figure import (
    BLUE,
    DASHES,
    INK,
    MARKERS,
    MUTED,
    OTHERS,
    ChartFormat,
    Dash,
    calm,
    make_room,
    new_figure,
    points,
    render,
)

_DIRECT_LABELS = 6
"""Up to so many lines are named at their ends; more are named in a legend below."""

_BANDS = 3
"""Bands of so many lines can be told apart; of more, only those of emphasised lines are drawn."""

_MARKS = 12
"""At most about so many marks on a line."""

_WIDTH, _HEIGHT = 380.0, 270.0
_LETTER = 7.4
"""Width of a broad letter of 12 pixels, for the space that names need."""


@final
@dataclass(frozen=True, slots=True)
class Style:
    """How a line looks."""

    colour: str
    marker: str
    dash: Dash


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve."""

    name: str
    values: Sequence[float]
    """M values, lead 1 first; NaN leaves a gap."""
    emphasised: bool = False
    """The model's: thick and in front."""
    dashed: bool = False
    colour: str | None = None
    """None takes blue for the first emphasised line and the next free colour for any other."""
    style: Style | None = None
    """None finds one that no other line has."""
    band: Sequence[tuple[float, float]] = ()
    """Lowest and highest plausible value of each lead; empty where there are none."""


def lead_curves(
    lines: Sequence[Line],
    *,
    title: str,
    better: Literal["lower", "higher", "zero", "one"] | None = None,
    unit: str = "",
    limit: Sequence[float] | None = None,
    level: float | None = None,
    step_seconds: float | None = None,
    format: ChartFormat = "svg",
) -> bytes:
    """Draw one metric over the leads.

    Args:
        lines: one for each forecaster, in the order in which colours are given out.
        title: the metric.
        better: which way is up.
        unit: of the metric.
        limit: what a perfect forecast would score at each lead (a floor or a ceiling), drawn dotted.
        level: a value to draw a thin line at, such as no skill.
        step_seconds: seconds between frames, named below the axis where known.
        format: of the file.

    Returns:
        An SVG or PNG file.
    """
    drawn = [(line, style) for line, style in zip(lines, styles_of(lines), strict=True) if _finite(line.values)]
    direct = len(drawn) <= _DIRECT_LABELS
    margin = 10 + (max((len(short_name(line.name)) for line, _ in drawn), default=0) * _LETTER + 12 if direct else 6)
    legend_rows = 0 if direct else -(-len(drawn) // 3)
    figure = new_figure(_WIDTH, height := _HEIGHT + 18 * legend_rows)
    below, above = 48 + 18 * legend_rows, 54
    axes = figure.add_axes((46 / _WIDTH, below / height, 1 - (46 + margin) / _WIDTH, 1 - (below + above) / height))
    horizon = max((len(line.values) for line in lines), default=1)
    if limit is not None and _finite(limit):
        axes.plot(range(1, len(limit) + 1), limit, color=MUTED, linewidth=points(1.2), linestyle=":")
    if level is not None:
        axes.axhline(level, color=MUTED, linewidth=points(1.2))
    with_bands = [pair for pair in drawn if len(drawn) <= _BANDS or pair[0].emphasised]
    for line, style in with_bands:
        _draw_band(axes, line, style.colour)
    for line, style in drawn:
        _draw_line(axes, line, style, horizon=horizon)
    ends = [[end for pair in line.band for end in pair] for line, _ in drawn]
    _scale(axes, [*(line.values for line, _ in drawn), *ends, *([limit] if limit is not None else [])], better)
    axes.set_xticks(lead_ticks(horizon))
    axes.set_xlim(1 - 0.02 * horizon if horizon > 1 else 0.5, horizon if horizon > 1 else 1.5)
    calm(
        axes,
        title=title,
        subtitle=_subtitle(better, unit, limit, banded=any(line.band for line, _ in with_bands)),
        x_label=lead_label(step_seconds),
    )
    make_room(axes)
    if direct:
        _label_ends(figure, axes, drawn)
    else:
        handles = [axes.lines[len(axes.lines) - len(drawn) + i] for i in range(len(drawn))]
        figure.legend(
            handles,
            [short_name(line.name) for line, _ in drawn],
            loc="lower left",
            ncols=3,
            frameon=False,
            fontsize=points(11),
            labelcolor=INK,
            handlelength=1.4,
            columnspacing=1.2,
        )
    return render(figure, format)


def lead_label(step_seconds: float | None) -> str:
    """What the axis of leads counts: frames, and how long one is where that is known."""
    if not step_seconds:
        return "lead (frames)"
    for seconds, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if step_seconds >= seconds:
            return f"lead (frames of {step_seconds / seconds:.3g} {name})"
    return f"lead (frames of {1000 * step_seconds:.3g} ms)"


def lead_ticks(horizon: int) -> list[int]:
    """Where the axis of leads has numbers: every lead of a short horizon; otherwise the first and round numbers."""
    if horizon <= 10:
        return list(range(1, horizon + 1))
    step = next(size * 10**power for power in range(9) for size in (5, 10, 20) if horizon <= 6 * size * 10**power)
    return [1, *range(step, horizon + 1, step)]


def styles_of(lines: Sequence[Line]) -> list[Style]:
    """Colour, shape and stroke of each line, so that no two look alike, with or without colour vision."""
    blue_taken = False
    given: list[Style] = []
    others = 0
    for place, line in enumerate(lines):
        colour = line.colour or (BLUE if line.emphasised and not blue_taken else OTHERS[others % len(OTHERS)])
        blue_taken = blue_taken or colour == BLUE
        others += line.colour is None and colour != BLUE
        dash = "-" if line.emphasised else (0, (4.0, 2.0)) if line.dashed else DASHES[others % len(DASHES)]
        given.append(line.style or Style(colour, MARKERS[place % len(MARKERS)], dash))
    return given


def _draw_line(axes: Axes, line: Line, style: Style, *, horizon: int) -> None:
    axes.plot(
        range(1, len(line.values) + 1),
        line.values,
        color=style.colour,
        linewidth=points(3.0 if line.emphasised else 1.8),
        linestyle=style.dash,
        marker=style.marker,
        markevery=max(1, -(-horizon // _MARKS)),
        markersize=points(6.5 if line.emphasised else 5.0),
        zorder=3 if line.emphasised else 2,
        clip_on=False,
    )


def _draw_band(axes: Axes, line: Line, colour: str) -> None:
    if not line.band:
        return
    low, high = zip(*line.band, strict=True)
    leads = np.arange(1, len(low) + 1)
    axes.fill_between(leads, low, high, color=colour, alpha=0.2 if line.emphasised else 0.12, linewidth=0, zorder=1)
    if len(low) == 1:  # a band of no width cannot be seen
        axes.vlines(leads, low, high, color=colour, linewidth=points(5), alpha=0.4, zorder=1)


def _scale(axes: Axes, lines: list[Sequence[float]], better: Literal["lower", "higher", "zero", "one"] | None) -> None:
    """Errors start at 0; other metrics take the room that they need."""
    values = np.concatenate([np.asarray(line, dtype=np.float64) for line in lines]) if lines else np.zeros(0)
    values = values[np.isfinite(values)]
    if not values.size:
        axes.set_ylim(0, 1)
        return
    low, high = float(values.min()), float(values.max())
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    axes.set_ylim(0.0 if better == "lower" and low >= 0 else low - room, high + room)
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _subtitle(
    better: Literal["lower", "higher", "zero", "one"] | None,
    unit: str,
    limit: Sequence[float] | None,
    *,
    banded: bool,
) -> str:
    parts = [unit] if unit else []
    if better is not None:
        parts.append({"zero": "0 is best", "one": "1 is best"}.get(better, f"{better} is better"))
    if limit is not None and _finite(limit):
        parts.append("dotted: a perfect forecast")
    if banded:
        parts.append("bands: 95%")
    return ", ".join(parts)


def _label_ends(figure: Figure, axes: Axes, drawn: list[tuple[Line, Style]]) -> None:
    """Write each name where its line ends; names that would overlap are pushed apart."""
    box = axes.get_window_extent()
    pixel = figure.dpi / 96
    ends: list[tuple[float, str, bool, str]] = []
    for line, style in drawn:
        last = [value for value in line.values if np.isfinite(value)][-1]
        height = float(axes.transData.transform((1.0, last))[1]) - float(box.y0)
        ends.append((height, short_name(line.name), line.emphasised, style.colour))
    ends.sort(key=lambda end: end[0])
    places = _spread([end[0] for end in ends], gap=15 * pixel, low=-6 * pixel, high=float(box.height) + 6 * pixel)
    for (_, name, emphasised, colour), place in zip(ends, places, strict=True):
        axes.annotate(
            name,
            (1, place / float(box.height)),
            (points(9), 0),
            xycoords="axes fraction",
            textcoords="offset points",
            color=colour,
            fontsize=points(12),
            fontweight="bold" if emphasised else "normal",
            va="center",
            annotation_clip=False,
            parse_math=False,
        )


def _spread(places: list[float], *, gap: float, low: float, high: float) -> list[float]:
    """Rising places, each two at least ``gap`` apart, moved as little as possible (least squares).

    Without the gaps this is an isotonic regression, which pooling neighbours out of order solves exactly.
    """
    pools: list[tuple[float, int]] = []
    for i, place in enumerate(places):
        mean, count = place - i * gap, 1
        while pools and pools[-1][0] > mean:
            before, members = pools.pop()
            mean, count = (before * members + mean * count) / (members + count), members + count
        pools.append((mean, count))
    spread = [mean for mean, count in pools for _ in range(count)]
    top = high - (len(places) - 1) * gap
    return [max(low, min(place, top)) + i * gap for i, place in enumerate(spread)]


def _finite(values: Sequence[float]) -> bool:
    return any(np.isfinite(value) for value in values)


def short_name(name: str) -> str:
    """A name, or the beginning and end of a long one."""
    return name if len(name) <= 18 else f"{name[:9]}…{name[-8:]}"
