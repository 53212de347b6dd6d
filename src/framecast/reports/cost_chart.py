"""Cost against quality: a labelled point for each forecaster, cheap on the left, good at the bottom or the top."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from framecast.reports import formatting
from framecast.reports.curves import short_name
from framecast.reports.figure import BLUE, INK, MUTED, ChartFormat, calm, make_room, new_figure, points, render

_TICKS = 5

CostKind = Literal["seconds", "parameters", "macs"]

_LABELS: dict[CostKind, str] = {
    "seconds": "time for one forecast frame",
    "parameters": "parameters",
    "macs": "multiply-adds for one forecast frame",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CostPoint:
    """One forecaster."""

    name: str
    cost: float
    quality: float
    model: bool
    """Filled and round; baselines are open squares."""
    interval: tuple[float, float] | None = None
    """Of the quality."""


def cost_chart(
    shown: Sequence[CostPoint],
    *,
    kind: CostKind,
    metric: str,
    better: str | None,
    unit: str = "",
    format: ChartFormat = "svg",
) -> bytes | None:
    """Draw quality over cost.

    Args:
        shown: points; those whose cost is not above 0 are left out.
        kind: what the cost is.
        metric: what the quality is.
        better: which way is better.
        unit: of the quality.
        format: of the file.

    Returns:
        None where fewer than two points are left.
    """
    kept = [point for point in shown if point.cost > 0 and point.quality == point.quality]
    if len(kept) < 2:
        return None
    width, height = 380.0, 300.0
    figure = new_figure(width, height)
    axes = figure.add_axes((56 / width, 52 / height, 1 - 86 / width, 1 - 112 / height))
    for point in kept:
        if point.interval is not None:
            axes.vlines(point.cost, *point.interval, color=MUTED, linewidth=points(1.6), zorder=1)
        axes.plot(
            [point.cost],
            [point.quality],
            marker="o" if point.model else "s",
            markersize=points(11 if point.model else 9),
            markerfacecolor=BLUE if point.model else "white",
            markeredgecolor=BLUE if point.model else INK,
            markeredgewidth=points(1.6),
            linewidth=0,
            zorder=3,
            clip_on=False,
        )
    axes.set_xscale("log")
    low, high = min(point.cost for point in kept), max(point.cost for point in kept)
    room = 1.6 if high / low < 3 else (high / low) ** 0.14
    axes.set_xlim(low / room, high * room)
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom - 0.08 * (top - bottom), top + 0.12 * (top - bottom))
    _name_points(axes, kept)
    text = {"seconds": formatting.duration, "parameters": formatting.large, "macs": formatting.large}[kind]
    axes.xaxis.set_major_locator(FixedLocator(_round_numbers(low / room, high * room)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(MaxNLocator(5))
    said = [unit] if unit else []
    said += [f"{better} is better"] if better in ("lower", "higher") else []
    calm(
        axes,
        title=f"{metric.replace('_', ' ')} and {'time' if kind == 'seconds' else _LABELS[kind].split(' for')[0]}",
        subtitle=", ".join([*said, "● models, □ baselines"]),
        x_label=f"{_LABELS[kind]}, logarithmic",
    )
    make_room(axes)
    return render(figure, format)


def _round_numbers(low: float, high: float) -> list[float]:
    """A few round numbers between two ends, even on a logarithmic axis."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        ticks = [digit * 10.0**power for power in range(first, last + 1) for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= _TICKS:
            return ticks or [low]
    return ticks[:: -(-len(ticks) // _TICKS)]


def _name_points(axes: Axes, kept: Sequence[CostPoint]) -> None:
    """Write each name beside its point, where no other name stands already."""
    taken: list[tuple[float, float, float, float]] = []
    frame = axes.get_window_extent()
    pixel = axes.get_figure(root=True).dpi / 96  # pyright: ignore[reportOptionalMemberAccess]
    spots = [tuple(axes.transData.transform((point.cost, point.quality))) for point in kept]
    taken += [(x - 7 * pixel, y - 7 * pixel, x + 7 * pixel, y + 7 * pixel) for x, y in spots]
    for point, (x, y) in sorted(zip(kept, spots, strict=True), key=lambda pair: not pair[0].model):
        name = short_name(point.name)
        long = (7.0 * len(name) + 4) * pixel
        choices = [(right, up) for up in (0, 15, -15, 30, -30, 45, -45, 60, -60) for right in (1, -1)]
        for right, up in choices:
            start = x + (12 * pixel if right > 0 else -12 * pixel - long)
            box = (start, y + (up - 7) * pixel, start + long, y + (up + 7) * pixel)
            free = not any(_meet(box, other) for other in taken)
            if free and box[0] >= frame.x0 - 20 * pixel and box[2] <= frame.x1 + 26 * pixel:
                break
        else:
            right, up = 1, 0
            box = (x, y, x, y)
        taken.append(box)
        axes.annotate(
            name,
            (point.cost, point.quality),
            (points(12 * right), points(up)),
            textcoords="offset points",
            ha="left" if right > 0 else "right",
            va="center",
            color=BLUE if point.model else INK,
            fontsize=points(12),
            fontweight="bold" if point.model else "normal",
            annotation_clip=False,
            parse_math=False,
        )


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
