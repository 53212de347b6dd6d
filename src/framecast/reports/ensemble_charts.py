"""Charts of ensembles: are forecast probabilities right (reliability), and is the spread (rank histogram)?"""

from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from framecast.reports.curves import Line, short_name, styles_of
from framecast.reports.figure import BLUE, INK, MUTED, OTHERS, ChartFormat, calm, make_room, new_figure, points, render

_A_ROW = 3
"""So many names in a row of the legend."""


def reliability_diagram(
    forecasters: Sequence[tuple[Line, NDArray[np.float64]]], *, title: str, format: ChartFormat = "svg"
) -> bytes:
    """Draw observed frequency over forecast probability, and below it how often each probability was forecast.

    Args:
        forecasters: name and look, and (bins, 3) with mean forecast probability, observed frequency and count.
        title: in bold above.
        format: of the file.
    """
    rows = -(-len(forecasters) // _A_ROW)
    width, below = 380.0, 50.0 + 18 * rows
    height = below + 334.0
    figure = new_figure(width, height)
    left, span = 52 / width, 1 - 72 / width
    axes = figure.add_axes((left, (below + 84) / height, span, 196 / height))
    counts = figure.add_axes((left, below / height, span, 60 / height), sharex=axes)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=points(1.4), linestyle=(0, (4, 3)))
    lines = [line for line, _ in forecasters]
    handles: list[Line2D] = []
    for (line, table), style in zip(forecasters, styles_of(lines), strict=True):
        used = table[(table[:, 2] > 0) & np.isfinite(table[:, :2]).all(axis=1)]
        # A single forecast knows only 0 % and 100 %: a line between them would speak of what it never said.
        dash = style.dash if len(used) > 2 else "none"
        thick = points(3.0 if line.emphasised else 1.8)
        handles += axes.plot(
            used[:, 0],
            used[:, 1],
            color=style.colour,
            linestyle=dash,
            marker=style.marker,
            linewidth=thick,
            markersize=points(6.5),
            zorder=3 if line.emphasised else 2,
            clip_on=False,
        )
        counts.plot(used[:, 0], used[:, 2], color=style.colour, linestyle=dash, linewidth=thick)
        counts.plot(
            used[:, 0], used[:, 2], color=style.colour, marker=style.marker, markersize=points(4.5), linewidth=0
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    counts.set_yscale("log")
    counts.yaxis.set_major_locator(LogLocator(numticks=3))
    counts.yaxis.set_minor_formatter(NullFormatter())
    calm(axes, title=title, subtitle="how often the event came; dashed: as forecast")
    calm(counts, x_label="forecast probability")
    counts.annotate(
        "how many forecasts, logarithmic",
        (0, 1),
        (0, points(5)),
        xycoords="axes fraction",
        textcoords="offset points",
        color=MUTED,
        fontsize=points(11),
        annotation_clip=False,
    )
    axes.tick_params(labelbottom=False)
    for one in (axes.xaxis, axes.yaxis):
        one.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}%"))
    figure.legend(
        handles,
        [short_name(line.name) for line in lines],
        loc="lower left",
        ncols=_A_ROW,
        frameon=False,
        fontsize=points(11),
        labelcolor=INK,
        handlelength=2.6,
    )
    return render(figure, format)


def rank_histogram(counts: NDArray[np.float64], *, name: str, model: bool, format: ChartFormat = "svg") -> bytes:
    """Draw how often the truth took each rank among the members.

    Args:
        counts: (S + 1,) for an ensemble of S members.
        name: the forecaster's.
        model: whether it is the model.
        format: of the file.
    """
    width, height = 380.0, 230.0
    figure = new_figure(width, height)
    axes = figure.add_axes((52 / width, 48 / height, 1 - 72 / width, 1 - 104 / height))
    shares = counts / max(float(counts.sum()), 1.0)
    ranks = np.arange(1, len(counts) + 1)
    axes.bar(ranks, shares, width=0.86, color=BLUE if model else OTHERS[5])
    axes.axhline(1 / len(counts), color=INK, linewidth=points(1.6), linestyle=(0, (4, 3)))
    axes.set_xlim(0.4, len(counts) + 0.6)  # no tick at 0: the first rank is 1
    axes.set_ylim(0, max(float(shares.max(initial=0.0)), 1 / len(counts)) * 1.15)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g}%"))
    calm(
        axes,
        title=f"Rank of the truth: {short_name(name)}",
        subtitle=f"among {len(counts) - 1} members; dashed: a right spread",
        x_label="rank",
    )
    make_room(axes)
    return render(figure, format)
