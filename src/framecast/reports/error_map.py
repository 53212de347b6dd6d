"""Error map: where in the frame the error is, of the model, of a baseline, and of which of them it is larger."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from framecast.reports.curves import short_name
from framecast.reports.figure import BLUE, INK, MUTED, RED, RULE, ChartFormat, new_figure, points, render

_PANEL = 300.0
"""Width of a panel in pixels of a page."""

_GAP, _EDGE = 28.0, 14.0
"""Between panels, and beside them for the numbers at the ends of colour bars."""

_GREY = "#c9ced4"
_WHITE = "#f7f7f7"


def error_maps(
    model: NDArray[Any],
    baseline: NDArray[Any] | None,
    *,
    names: tuple[str, str],
    unit: str,
    format: ChartFormat = "png",
) -> bytes:
    """Draw the root mean squared error of each pixel; of two forecasters on one scale, and their difference.

    Args:
        model: (H, W), NaN where nothing was ever measured, which is drawn grey and hatched.
        baseline: the same of another forecaster; None draws the model's alone.
        names: of both.
        unit: of the errors; empty where they have none.
        format: of the file.
    """
    high, width = model.shape
    panels = 1 if baseline is None else 3
    panel_height = min(max(_PANEL * high / width, 110.0), 420.0)
    page_width, page_height = panels * _PANEL + (panels - 1) * _GAP + 2 * _EDGE, panel_height + 104
    figure = new_figure(page_width, page_height)
    both = np.concatenate([values[np.isfinite(values)] for values in (model, baseline) if values is not None])
    top = float(np.quantile(both, 0.998)) if both.size else 1.0
    scale = Normalize(0, top or 1.0)
    unit_text = f" ({unit})" if unit else ""
    for place, (values, name) in enumerate([(model, names[0]), (baseline, names[1])]):
        if values is not None:
            axes = _panel(figure, place, page_width, page_height)
            shown = axes.imshow(np.ma.masked_invalid(values), cmap="magma", norm=scale, interpolation="nearest")
            _dress(figure, axes, shown, title=short_name(name), below=f"error of a pixel{unit_text}")
    if baseline is not None:
        difference = model - baseline
        known = np.abs(difference[np.isfinite(difference)])
        end = float(np.quantile(known, 0.998)) if known.size else 1.0
        colours = LinearSegmentedColormap.from_list("blue-white-red", [BLUE, _WHITE, RED])
        axes = _panel(figure, 2, page_width, page_height)
        shown = axes.imshow(
            np.ma.masked_invalid(difference),
            cmap=colours,
            norm=Normalize(-(end or 1.0), end or 1.0),
            interpolation="nearest",
        )
        _dress(figure, axes, shown, title="difference", below=f"blue: {short_name(names[0])} is better{unit_text}")
    return render(figure, format)


def _panel(figure: Figure, place: int, width: float, height: float) -> Axes:
    left = _EDGE + place * (_PANEL + _GAP)
    return figure.add_axes((left / width, 66 / height, _PANEL / width, (height - 104) / height))


def _dress(figure: Figure, axes: Axes, shown: AxesImage, *, title: str, below: str) -> None:
    """No axes, a title, a colour bar, and hatching where nothing was measured."""
    axes.set_facecolor(_GREY)
    axes.patch.set(hatch="////", edgecolor=MUTED, linewidth=0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(RULE)
    axes.set_title(title, loc="left", color=INK, fontsize=points(14), fontweight="bold", parse_math=False)
    box = axes.get_position(original=False)
    figure.draw_without_rendering()  # an image keeps its proportions, so its box is known only now
    box = axes.get_position()
    pixel = 1 / (figure.get_figheight() * 96)
    bar_axes = figure.add_axes((box.x0, box.y0 - 20 * pixel, box.width, 10 * pixel))
    bar = figure.colorbar(shown, cax=bar_axes, orientation="horizontal")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    bar_axes.xaxis.set_major_locator(MaxNLocator(4))
    bar_axes.tick_params(colors=MUTED, labelsize=points(11), length=0, pad=3)
    bar_axes.set_xlabel(below, color=MUTED, fontsize=points(12), labelpad=3, parse_math=False)
