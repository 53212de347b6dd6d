"""Loss curves: training and validation loss over the epochs, the learning rate below, and each term of the loss."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from framecast.reports.figure import BLUE, INK, MUTED, OTHERS, ChartFormat, calm, new_figure, points, render

LogRow = Mapping[str, float]

_TRAIN = OTHERS[0]
_LOG_FROM = 20.0
"""Losses that fall by more than this factor are drawn on a logarithmic axis."""


def loss_curves(rows: Sequence[LogRow], *, best_epoch: int | None = None, format: ChartFormat = "svg") -> bytes | None:
    """Draw the total loss of training and validation, the best epoch, and the learning rate.

    Args:
        rows: of the training log, with ``epoch``, ``train_loss``, ``val_loss`` and ``lr``; any may be missing.
        best_epoch: the one whose weights were kept; None marks the lowest validation loss.
        format: of the file.

    Returns:
        An SVG or PNG file; None when there is no loss in the log.
    """
    if not any(_finite(row, name) for row in rows for name in ("train_loss", "val_loss")):
        return None
    width, height = 560.0, 340.0
    figure = new_figure(width, height)
    with_rate = any(_finite(row, "lr") for row in rows)
    bottom = 122.0 if with_rate else 48.0
    span = (58 / width, 1 - 158 / width)
    axes = figure.add_axes((span[0], bottom / height, span[1], 1 - (bottom + 54) / height))
    _draw_losses(axes, rows, "train_loss", "val_loss")
    best = best_row(rows, best_epoch)
    if best is not None:
        epoch, value = best["epoch"], best["val_loss"]
        axes.plot([epoch], [value], "o", markersize=points(9), color=BLUE, markeredgecolor="white", zorder=4)
        axes.annotate(
            f"best: epoch {epoch:g}",
            (epoch, value),
            (0, points(14)),
            textcoords="offset points",
            ha=_side(epoch, rows),
            color=INK,
            fontsize=points(12),
        )
    calm(axes, title="Loss", subtitle=_scale_losses(axes), x_label="" if with_rate else "epoch")
    if with_rate:
        _draw_rate(figure.add_axes((span[0], 46 / height, span[1], 46 / height), sharex=axes), rows)
        axes.tick_params(labelbottom=False)
    return render(figure, format)


def loss_terms(rows: Sequence[LogRow], *, format: ChartFormat = "svg") -> dict[str, bytes]:
    """Draw each term of the loss, before weighting, when there is more than one.

    Args:
        rows: of the training log; the columns ``train_<term>`` and ``val_<term>``.
        format: of the files.

    Returns:
        A file for each term, by name; empty when the loss has only one.
    """
    names = {name.partition("_")[2] for row in rows for name in row if name.startswith(("train_", "val_"))}
    terms = [
        name
        for name in sorted(names - {"loss"})
        if any(_finite(row, f"{part}_{name}") for row in rows for part in ("train", "val"))
    ]
    drawn: dict[str, bytes] = {}
    for term in terms if len(terms) > 1 else []:
        width, height = 380.0, 240.0
        figure = new_figure(width, height)
        axes = figure.add_axes((58 / width, 48 / height, 1 - 138 / width, 1 - 102 / height))
        _draw_losses(axes, rows, f"train_{term}", f"val_{term}")
        calm(axes, title=term, subtitle=_scale_losses(axes), x_label="epoch")
        drawn[term] = render(figure, format)
    return drawn


def best_row(rows: Sequence[LogRow], epoch: int | None = None) -> LogRow | None:
    """The validated row of an epoch, or without one the row of the lowest validation loss; None when there is none."""
    validated = [row for row in rows if _finite(row, "val_loss") and _finite(row, "epoch")]
    if epoch is not None:
        validated = [row for row in validated if row["epoch"] == epoch]
    return min(validated, key=lambda row: row["val_loss"], default=None)


def _draw_losses(axes: Axes, rows: Sequence[LogRow], train: str, validation: str) -> None:
    ends: list[tuple[float, str, str]] = []
    for column, name, colour in ((train, "training", _TRAIN), (validation, "validation", BLUE)):
        series = [(_epoch(row, i), row[column]) for i, row in enumerate(rows) if _finite(row, column)]
        if not series:
            continue
        axes.plot(
            *zip(*series, strict=True),
            color=colour,
            linewidth=points(2.2),
            marker="o" if len(series) < 3 else "",
            markersize=points(5),
        )
        ends.append((series[-1][1], name, colour))
    # The two ends are often close: the higher name goes up, the lower one down.
    ends.sort()
    for i, (value, name, colour) in enumerate(ends):
        shift = 0.0 if len(ends) == 1 else points(-7 if i == 0 else 7)
        axes.annotate(
            name,
            (1, value),
            (points(8), shift),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            color=colour,
            fontsize=points(12),
            va="center",
            annotation_clip=False,
        )
    # One epoch alone would be given fractions of epochs around it.
    low, high = axes.get_xlim()
    if ends and high - low < 1:
        axes.set_xlim((low + high) / 2 - 0.5, (low + high) / 2 + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))


def _scale_losses(axes: Axes) -> str:
    """Choose a linear or logarithmic axis; returns what to say of it."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines])
    if values.min() > 0 and values.max() / values.min() > _LOG_FROM:
        decades = float(np.log10(values.max() / values.min()))
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1, 3) if decades < 3.5 else (1,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        return "logarithmic"
    axes.yaxis.set_major_locator(MaxNLocator(5))
    return ""


def _draw_rate(axes: Axes, rows: Sequence[LogRow]) -> None:
    steps = [(_epoch(row, i), row["lr"]) for i, row in enumerate(rows) if _finite(row, "lr")]
    rates = [rate for _, rate in steps]
    axes.plot(*zip(*steps, strict=True), color=MUTED, linewidth=points(1.6), marker="o" if len(steps) < 3 else "")
    low, high = min(rates), max(rates)
    if low > 0 and high / low > _LOG_FROM:
        axes.set_yscale("log")
        axes.set_yticks([low, high])
    else:
        axes.set_ylim(0, high * 1.15 or 1.0)
        axes.set_yticks([0, high])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:.2g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    calm(axes, x_label="epoch")
    axes.annotate(
        "learning rate",
        (1, rates[-1]),
        (points(8), 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        color=MUTED,
        fontsize=points(12),
        va="center",
        annotation_clip=False,
    )


def _side(epoch: float, rows: Sequence[LogRow]) -> str:
    """Where the best epoch's label hangs, so that it stays inside the chart."""
    epochs = [_epoch(row, i) for i, row in enumerate(rows)]
    middle = (min(epochs) + max(epochs)) / 2
    return "right" if epoch > middle else "left"


def _epoch(row: LogRow, index: int) -> float:
    return row["epoch"] if _finite(row, "epoch") else index + 1.0


def _finite(row: LogRow, name: str) -> bool:
    return math.isfinite(row.get(name, math.nan))
