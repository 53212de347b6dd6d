"""Spectra: how much of the frames' power is at each wavelength, and how much of it forecasts keep.

Blurred forecasts lose the short wavelengths first, long before it shows in their squared error.

Axes: T leads, K wavenumbers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from framecast.reports.curves import Line, short_name, styles_of
from framecast.reports.figure import INK, ChartFormat, calm, make_room, new_figure, points, render

_WIDTH = 380.0
_TRUTH = "truth"


def spectrum_chart(
    truth: NDArray[Any],
    forecasts: Sequence[Line],
    wavenumber: NDArray[Any],
    *,
    title: str,
    unit: str = "",
    format: ChartFormat = "svg",
) -> bytes:
    """Draw the power of one lead over the wavelength, both logarithmic.

    Args:
        truth: (K,) mean power.
        forecasts: the same of each forecaster.
        wavenumber: (K,) cycles a pixel.
        title: in bold above.
        unit: of the power.
        format: of the file.
    """
    rows = -(-(len(forecasts) + 1) // 3)
    height = 280.0 + 18 * rows
    figure = new_figure(_WIDTH, height)
    below = 50 + 18 * rows
    axes = figure.add_axes((58 / _WIDTH, below / height, 1 - 76 / _WIDTH, 1 - (below + 54) / height))
    shown = wavenumber > 0
    handles = axes.plot(
        wavenumber[shown], _positive(truth)[shown], color=INK, linewidth=points(4.5), alpha=0.75, zorder=2
    )
    for line, style in zip(forecasts, styles_of(forecasts), strict=True):
        handles += axes.plot(
            wavenumber[shown],
            _positive(np.asarray(line.values))[shown],
            color=style.colour,
            linewidth=points(3.0 if line.emphasised else 1.8),
            linestyle=style.dash,
            marker=style.marker,
            markersize=points(6.0 if line.emphasised else 4.5),
            markevery=max(1, int(shown.sum()) // 8),
            zorder=4 if line.emphasised else 3,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    _limit_decades(axes.get_ylim, axes.set_ylim, _positive(truth)[shown])
    low, high = float(wavenumber[shown].min()), float(wavenumber[shown].max())
    wavelengths = [length for length in (512, 256, 128, 64, 32, 16, 8, 4, 2) if low * 0.99 <= 1 / length <= high * 1.01]
    axes.xaxis.set_major_locator(FixedLocator([1 / length for length in wavelengths]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{1 / value:.0f}" if value > 0 else ""))
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    axes.yaxis.set_minor_formatter(NullFormatter())
    calm(
        axes,
        title=title,
        subtitle=f"mean power{f' in {unit}' if unit else ''}, logarithmic",
        x_label="wavelength (pixels), fine detail on the right",
    )
    make_room(axes)
    figure.legend(
        handles,
        [_TRUTH, *(short_name(line.name) for line in forecasts)],
        loc="lower left",
        ncols=3,
        frameon=False,
        fontsize=points(11),
        labelcolor=INK,
        handlelength=2.6,
        columnspacing=1.2,
    )
    return render(figure, format)


def kept_detail(forecast: NDArray[Any], truth: NDArray[Any], wavenumber: NDArray[Any], *, longest: float) -> float:
    """Share of the truth's power that a forecast has at short wavelengths; NaN where the truth has none.

    Spectra are means over rings of wavenumbers, and a ring holds the more waves the larger it is: each counts by its
    length.

    Args:
        forecast: (K,) mean power.
        truth: the same of the truth.
        wavenumber: (K,) cycles a pixel.
        longest: the longest of these wavelengths, in pixels.
    """
    fine = wavenumber >= 1 / longest
    there = float((truth * wavenumber)[fine].sum())
    return float((forecast * wavenumber)[fine].sum()) / there if there > 0 else float("nan")


def _positive(power: NDArray[Any]) -> NDArray[np.float64]:
    """Power that a logarithmic axis can show."""
    values = np.asarray(power, dtype=np.float64)
    return np.where(values > 0, values, np.nan)


def _limit_decades(get: Any, set_: Any, truth: NDArray[np.float64]) -> None:
    """A forecast without any detail would stretch the axis over twenty decades."""
    known = truth[np.isfinite(truth)]
    if known.size:
        low, high = get()
        set_(max(low, float(known.min()) / 1e4), high)


def _power_of_ten(value: float, _: float | None) -> str:
    if value <= 0:
        return ""
    power = round(float(np.log10(value)))
    digits = str(abs(power)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{'⁻' if power < 0 else ''}{digits}"
