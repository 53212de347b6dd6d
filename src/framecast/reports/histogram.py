"""Histogram of the values of a source."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import FuncFormatter

from framecast.reports.figure import BLUE, ChartFormat, calm, make_room, new_figure, render

_LOG_FROM = 0.5
"""A bin with more than this share of all values would hide the others on a linear axis."""


def histogram(
    counts: Sequence[float],
    edges: Sequence[float],
    *,
    units: str | None = None,
    title: str = "Values",
    format: ChartFormat = "png",
) -> bytes:
    """Draw a histogram.

    Args:
        counts: values in each of the N bins.
        edges: N + 1 borders of the bins, in native units.
        units: of the values.
        title: in bold above.
        format: of the file.

    Returns:
        A PNG or SVG file. The vertical axis is the share of all values, logarithmic when one bin holds most of them.

    Raises:
        ValueError: there is not one edge more than there are counts.
    """
    if len(edges) != len(counts) + 1 or not counts:
        raise ValueError(f"a histogram of N bins has N + 1 edges, found {len(counts)} and {len(edges)}")
    shares = np.asarray(counts, dtype=np.float64) / max(sum(counts), 1)
    logarithmic = bool(shares.max() > _LOG_FROM) and np.count_nonzero(shares) > 1
    figure = new_figure(420, 250)
    axes = figure.add_axes((0.13, 0.2, 0.83, 0.56))
    floor = float(shares[shares > 0].min()) / 2 if logarithmic else 0.0
    axes.stairs(shares, np.asarray(edges), baseline=floor, fill=True, color=BLUE, alpha=0.85)
    axes.set_xlim(edges[0], edges[-1])
    if logarithmic:
        axes.set_yscale("log")
        axes.set_ylim(bottom=floor)
    else:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g}%"))
    scale = "share of all values, logarithmic" if logarithmic else "share of all values"
    calm(axes, title=title, subtitle=scale, x_label=units or "native value")
    make_room(axes)
    return render(figure, format)
