"""Curves over the horizon: a metric at every lead for all forecasters, and the model's skill at every lead."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from framecast.reports.figure import (
    BLUE,
    INK,
    MUTED,
    OTHERS,
    RED,
    ChartFormat,
    calm,
    make_room,
    new_figure,
    points,
    render,
)

_DIRECT_LABELS = 6
"""Up to so many lines are named at their ends; more are named in a legend below."""

_LOWEST_BAR = -100.0
"""In percent; one lead that is much worse must not flatten all others."""

_WIDTH, _HEIGHT = 380.0, 270.0
_LETTER = 7.4
"""Width of a broad letter of 12 pixels, for the space that names need."""


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


def lead_curves(
    lines: Sequence[Line],
    *,
    title: str,
    better: Literal["lower", "higher", "zero"] | None = None,
    unit: str = "",
    limit: Sequence[float] | None = None,
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
        step_seconds: seconds between frames, named below the axis where known.
        format: of the file.

    Returns:
        An SVG or PNG file.
    """
    drawn = [(line, colour) for line, colour in zip(lines, _colours(lines), strict=True) if _finite(line.values)]
    direct = len(drawn) <= _DIRECT_LABELS
    margin = 10 + (max((len(_short(line.name)) for line, _ in drawn), default=0) * _LETTER + 12 if direct else 6)
    legend_rows = 0 if direct else -(-len(drawn) // 3)
    figure = new_figure(_WIDTH, height := _HEIGHT + 18 * legend_rows)
    below, above = 48 + 18 * legend_rows, 54
    axes = figure.add_axes((46 / _WIDTH, below / height, 1 - (46 + margin) / _WIDTH, 1 - (below + above) / height))
    horizon = max((len(line.values) for line in lines), default=1)
    if limit is not None and _finite(limit):
        axes.plot(range(1, len(limit) + 1), limit, color=MUTED, linewidth=points(1.2), linestyle=":")
    used: set[str] = set()
    for line, colour in drawn:
        _draw_line(axes, line, colour, dotted=colour in used and not line.dashed, with_markers=horizon <= 12)
        used.add(colour)
    _scale(axes, [*(line.values for line, _ in drawn), *([limit] if limit is not None else [])], better)
    axes.set_xticks(_lead_ticks(horizon))
    axes.set_xlim(1 - 0.02 * horizon if horizon > 1 else 0.5, horizon if horizon > 1 else 1.5)
    calm(axes, title=title, subtitle=_subtitle(better, unit, limit), x_label=lead_label(step_seconds))
    make_room(axes)
    if direct:
        _label_ends(figure, axes, drawn)
    else:
        handles = [axes.lines[len(axes.lines) - len(drawn) + i] for i in range(len(drawn))]
        figure.legend(
            handles,
            [_short(line.name) for line, _ in drawn],
            loc="lower left",
            ncols=3,
            frameon=False,
            fontsize=points(11),
            labelcolor=INK,
            handlelength=1.4,
            columnspacing=1.2,
        )
    return render(figure, format)


def skill_bars(skill: Sequence[float], *, baseline: str, format: ChartFormat = "svg") -> bytes:
    """Draw the skill of every lead as a bar: blue above the baseline's level, orange-red below.

    Args:
        skill: 1 - MSE(model) / MSE(baseline), lead 1 first.
        baseline: the name of what is compared with.
        format: of the file.
    """
    width, height = 380.0, 190.0
    figure = new_figure(width, height)
    axes = figure.add_axes((46 / width, 46 / height, 1 - 56 / width, 1 - 100 / height))
    percent = 100 * np.asarray([value if np.isfinite(value) else 0.0 for value in skill], dtype=np.float64)
    leads = np.arange(1, len(percent) + 1)
    axes.bar(leads, percent, width=0.78, color=[BLUE if value >= 0 else RED for value in percent])
    axes.axhline(0, color=MUTED, linewidth=points(1))
    lowest = max(float(percent.min(initial=0)), _LOWEST_BAR)
    cut = f", bars end at {_LOWEST_BAR:.0f}%".replace("-", "−") if percent.min(initial=0) < _LOWEST_BAR else ""
    axes.set_ylim(lowest * 1.1, max(10.0, float(percent.max(initial=0)) * 1.1))
    axes.set_xticks(_lead_ticks(len(percent)))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f}%".replace("-", "−"))
    calm(
        axes,
        title="Skill at each lead",
        subtitle=f"error saved against {_short(baseline)}{cut}",
        x_label="lead (frames)",
    )
    make_room(axes)
    return render(figure, format)


def lead_label(step_seconds: float | None) -> str:
    """What the axis of leads counts: frames, and how long one is where that is known."""
    if not step_seconds:
        return "lead (frames)"
    for seconds, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if step_seconds >= seconds:
            return f"lead (frames of {step_seconds / seconds:.3g} {name})"
    return f"lead (frames of {1000 * step_seconds:.3g} ms)"


def _lead_ticks(horizon: int) -> list[int]:
    """Every lead of a short horizon; otherwise the first and round numbers."""
    if horizon <= 10:
        return list(range(1, horizon + 1))
    step = next(size * 10**power for power in range(9) for size in (5, 10, 20) if horizon <= 6 * size * 10**power)
    return [1, *range(step, horizon + 1, step)]


def _colours(lines: Sequence[Line]) -> list[str]:
    blue_taken = False
    given: list[str] = []
    others = 0
    for line in lines:
        if line.colour is not None:
            given.append(line.colour)
        elif line.emphasised and not blue_taken:
            given.append(BLUE)
            blue_taken = True
        else:
            given.append(OTHERS[others % len(OTHERS)])
            others += 1
    return given


def _draw_line(axes: Axes, line: Line, colour: str, *, dotted: bool, with_markers: bool) -> None:
    dashes = (4.0, 2.0) if line.dashed else (1.2, 1.2)
    axes.plot(
        range(1, len(line.values) + 1),
        line.values,
        color=colour,
        linewidth=points(3.0 if line.emphasised else 1.8),
        linestyle=(0, dashes) if line.dashed or dotted else "-",
        marker="o" if with_markers else "",
        markersize=points(6.0 if line.emphasised else 4.0),
        zorder=3 if line.emphasised else 2,
        clip_on=False,
    )


def _scale(axes: Axes, lines: list[Sequence[float]], better: Literal["lower", "higher", "zero"] | None) -> None:
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


def _subtitle(better: Literal["lower", "higher", "zero"] | None, unit: str, limit: Sequence[float] | None) -> str:
    parts = [unit] if unit else []
    if better is not None:
        parts.append(f"{better} is better")
    if limit is not None and _finite(limit):
        parts.append("dotted: a perfect forecast")
    return ", ".join(parts)


def _label_ends(figure: Figure, axes: Axes, drawn: list[tuple[Line, str]]) -> None:
    """Write each name where its line ends; names that would overlap are pushed apart."""
    box = axes.get_window_extent()
    pixel = figure.dpi / 96
    ends: list[tuple[float, str, bool, str]] = []
    for line, colour in drawn:
        last = [value for value in line.values if np.isfinite(value)][-1]
        height = float(axes.transData.transform((1.0, last))[1]) - float(box.y0)
        ends.append((height, _short(line.name), line.emphasised, colour))
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


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:9]}…{name[-8:]}"
