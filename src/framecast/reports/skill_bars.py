"""Skill bars: how much of the best baseline's error the model saves at every lead."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from framecast.reports.curves import lead_ticks, short_name
from framecast.reports.figure import BLUE, INK, MUTED, RED, ChartFormat, calm, make_room, new_figure, points, render

_LOWEST_BAR = -100.0
"""In percent; one lead that is much worse must not flatten all others."""


def skill_bars(
    skill: Sequence[float],
    *,
    baseline: str,
    intervals: Sequence[tuple[float, float]] = (),
    format: ChartFormat = "svg",
) -> bytes:
    """Draw the skill of every lead as a bar: blue above the baseline's level, orange-red below.

    Args:
        skill: 1 - MSE(model) / MSE(baseline), lead 1 first.
        baseline: the name of what is compared with.
        intervals: of each lead, drawn as whiskers; empty where there are none.
        format: of the file.
    """
    width, height = 380.0, 190.0
    figure = new_figure(width, height)
    axes = figure.add_axes((46 / width, 46 / height, 1 - 56 / width, 1 - 100 / height))
    percent = 100 * np.asarray([value if np.isfinite(value) else 0.0 for value in skill], dtype=np.float64)
    leads = np.arange(1, len(percent) + 1)
    axes.bar(leads, percent, width=0.78, color=[BLUE if value >= 0 else RED for value in percent])
    axes.axhline(0, color=MUTED, linewidth=points(1))
    ends = 100 * np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    known = np.isfinite(ends).all(axis=1)
    axes.vlines(leads[: len(ends)][known], *ends[known].T, color=INK, linewidth=points(1.6))
    percent = np.concatenate([percent, ends[known].reshape(-1)])
    lowest = max(float(percent.min(initial=0)), _LOWEST_BAR)
    cut = f", bars end at {_LOWEST_BAR:.0f}%".replace("-", "−") if percent.min(initial=0) < _LOWEST_BAR else ""
    axes.set_ylim(lowest * 1.1, max(10.0, float(percent.max(initial=0)) * 1.1))
    axes.set_xticks(lead_ticks(len(leads)))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f}%".replace("-", "−"))
    calm(
        axes,
        title="Skill at each lead",
        subtitle=f"error saved against {short_name(baseline)}{cut}{', whiskers: 95%' if known.any() else ''}",
        x_label="lead (frames)",
    )
    make_room(axes)
    return render(figure, format)
