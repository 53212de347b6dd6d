"""The look of every chart: its colours, its axes, and how it becomes bytes.

Colours are those of Okabe and Ito (2008, "Color Universal Design"), which people with any kind of colour vision can
tell apart; blue belongs to the model. Text of an SVG stays text, so that it takes the typeface of the page around it.
Sizes are given in pixels of a page.
"""

import warnings
from io import BytesIO
from typing import Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

ChartFormat = Literal["svg", "png"]
Dash = str | tuple[int, tuple[float, ...]]

INK = "#1c2230"
MUTED = "#626b78"
RULE = "#d6dae0"
BLUE = "#0072b2"
RED = "#d55e00"
OTHERS = ("#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a8a")
"""Okabe and Ito's colours without blue (the model's), yellow (too pale on white) and black."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""Shapes that tell lines apart without their colours."""

DASHES: tuple[Dash, ...] = (
    "-",
    (0, (7.0, 2.0)),
    (0, (3.0, 1.6)),
    (0, (7.0, 2.0, 1.4, 2.0)),
    (0, (1.4, 1.4)),
    (0, (5.0, 1.6, 1.4, 1.6, 1.4, 1.6)),
)
"""Strokes that tell lines apart without their colours; the first is whole."""

_PIXELS_PER_INCH = 96.0
_EDGE = 6
"""Pixels that stay free beside labels: typefaces of other computers are a little wider or narrower."""

_TYPEFACES = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans'"


def points(pixels: float) -> float:
    """Pixels of a page as the points that matplotlib measures type and lines in."""
    return pixels * 72 / _PIXELS_PER_INCH


def new_figure(width: float, height: float) -> Figure:
    """An empty figure.

    Args:
        width: in pixels of a page.
        height: in pixels of a page.
    """
    figure = Figure(figsize=(width / _PIXELS_PER_INCH, height / _PIXELS_PER_INCH), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def calm(axes: Axes, *, title: str = "", subtitle: str = "", x_label: str = "", grid: bool = True) -> None:
    """Leave of a chart's frame only what helps to read it.

    Args:
        axes: what to dress.
        title: set in bold at the upper left.
        subtitle: below the title, muted.
        x_label: below the horizontal axis.
        grid: faint horizontal lines.
    """
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(colors=MUTED, labelsize=points(12), length=0, pad=5, which="both")
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis="y", color=RULE, linewidth=0.6)
    if x_label:
        axes.set_xlabel(x_label, color=MUTED, fontsize=points(12), labelpad=5)
    above = (title, 28.0 if subtitle else 12.0, INK, 14.0, "bold"), (subtitle, 11.0, MUTED, 12.0, "normal")
    for text, lift, colour, size, weight in above:
        axes.annotate(
            text,
            (0, 1),
            (0, points(lift)),
            xycoords="axes fraction",
            textcoords="offset points",
            color=colour,
            fontsize=points(size),
            fontweight=weight,
            annotation_clip=False,
            parse_math=False,
        )


def make_room(axes: Axes) -> None:
    """Narrow a chart from the left or right where the labels of its axes would be cut off by the edge."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # places the labels
    width, box = figure.bbox.width, axes.get_position()
    labels: list[Bbox] = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        ticks = axis.get_major_ticks()  # some of them beyond the ends of the axis, where they are not drawn
        labels += [tick.label1.get_window_extent() for tick in ticks if low <= tick.get_loc() <= high]
    left = max(0.0, *(_EDGE - label.x0 for label in labels)) / width
    right = max(0.0, *(label.x1 - width + _EDGE for label in labels)) / width
    axes.set_position((box.x0 + left, box.y0, box.width - left - right, box.height))


def render(figure: Figure, format: ChartFormat) -> bytes:
    """Write the figure: as SVG with text as text, or as PNG with two pixels for each pixel of a page."""
    buffer = BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "framecast"}), warnings.catch_warnings():
        # Names may be in a script that matplotlib's own typeface lacks; the page's typeface has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None} if format == "svg" else {}
        figure.savefig(buffer, format=format, dpi=2 * _PIXELS_PER_INCH, metadata=metadata)
    if format == "svg":
        return buffer.getvalue().replace(b"'DejaVu Sans'", _TYPEFACES.encode())
    return buffer.getvalue()
