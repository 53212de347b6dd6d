"""Layouts: which axis of an array is which, and how to tell when nobody says.

Axes: N sequences, T frames, C channels, H height, W width.

The guess goes by shape first. An axis of 1 to 4 in the place of C is taken for channels, because nobody forecasts
sequences of so few frames or pictures so narrow. Whether the first of four axes counts sequences or frames cannot be
seen in a shape: N before T is the habit, T before N when it looks like the published Moving MNIST test file (at most
64 before at least 1,000). There the frames themselves decide, where they are clear: neighbours in time resemble each
other, neighbouring sequences do not.

Time may also come last, as SEVIR stores it. Then the two axes before it are rows and columns, which is guessed where
they are equally many and more than the frames: pictures are more often square than as high as the film is long.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Layout = Literal["THW", "HWT", "THWC", "TCHW", "NTHW", "TNHW", "NHWT", "NTHWC", "NTCHW"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

_MOST_CHANNELS = 4
_SAMPLES = 6
"""Places along each of two axes where neighbours are compared."""

_CLEAR = 0.8
"""Neighbours along time differ less than this share of what neighbouring sequences differ by, or it is not clear:
0.6 for two moving digits, 1 for noise."""


def fitting_layouts(shape: tuple[int, ...]) -> tuple[Layout, ...]:
    """Layouts that an array of this shape may have, the most likely first; empty when it cannot hold frames."""
    choices: tuple[Layout, ...] = ()
    match shape:
        case (first, second, last) if first == second > last:
            choices = ("HWT", "THW")
        case (_, _, _):
            choices = ("THW",)
        case (_, _, _, last) if last <= _MOST_CHANNELS:
            choices = ("THWC",)
        case (_, second, _, _) if second <= _MOST_CHANNELS:
            choices = ("TCHW",) if second == 1 else ("TCHW", "NTHW")
        case (_, second, third, last) if second == third > last:
            choices = ("NHWT", "NTHW", "TNHW")
        case (first, second, _, _):
            choices = ("TNHW", "NTHW") if first <= 64 and second >= 1000 else ("NTHW", "TNHW")
        case (_, _, third, _, last) if min(third, last) <= _MOST_CHANNELS:
            choices = ("NTHWC",) if last <= _MOST_CHANNELS else ("NTCHW",)
        case (_, _, third, _, last):
            choices = ("NTCHW", "NTHWC") if third < last else ("NTHWC", "NTCHW")
        case _:
            pass
    return choices


def unfit(shape: tuple[int, ...], dtype: np.dtype[Any], layout: Layout | None) -> str:
    """Why an array cannot hold frames, as the rest of a sentence; empty when it can."""
    if dtype.hasobject:
        return "holds Python objects, which are never loaded because they can run code; save a plain array of numbers"
    if dtype.kind not in "biuf":
        return f"has the type {dtype}, which is no plain number"
    if layout is not None and len(shape) != len(layout):
        return f"has the shape {shape}, which does not fit the layout {layout}"
    if not fitting_layouts(shape):
        return f"has the shape {shape}; frames need 3 to 5 axes"
    return "" if min(shape) else f"has the shape {shape}, which holds nothing"


def frames_of(array: Any, layout: Layout, *, index: int, start: int, stop: int) -> NDArray[Any]:
    """Frames of one sequence, read in one piece.

    Args:
        array: in memory, mapped, or in a file; whatever takes an index of numbers and slices.
        layout: of its axes.
        index: which sequence, where there are several.
        start: first frame.
        stop: one past the last.

    Returns:
        (T, C, H, W), perhaps a view.
    """
    place = {"N": index, "T": slice(start, stop)}
    frames: NDArray[Any] = array[tuple(place.get(axis, slice(None)) for axis in layout)]
    rest = layout.replace("N", "")
    if "C" not in rest:
        frames, rest = frames[..., None], rest + "C"
    return frames.transpose([rest.index(axis) for axis in "TCHW"])


def guess_layout(array: NDArray[np.generic]) -> Layout:
    """The layout that an array most likely has.

    Args:
        array: numbers of three to five axes; of a memory-mapped one only a few frames are read.

    Raises:
        ValueError: the array has too few or too many axes.
    """
    choices = fitting_layouts(array.shape)
    if not choices:
        raise ValueError(f"frames need 3 to 5 axes, found the shape {array.shape}")
    if set(choices) == {"NTHW", "TNHW"}:
        along_first, along_second = _differences(array)
        if along_first < _CLEAR * along_second:
            return "TNHW"
        if along_second < _CLEAR * along_first:
            return "NTHW"
    return choices[0]


def guess_notes(guesses: Mapping[Layout, str]) -> list[str]:
    """A sentence for each layout that was guessed.

    Args:
        guesses: by layout, the first array that has it, as the subject of a sentence.
    """
    return [
        f"The layout of {which} was guessed as {layout}; set source.layout to change it."
        for layout, which in guesses.items()
    ]


def _differences(array: NDArray[np.generic]) -> tuple[float, float]:
    """Mean absolute difference between neighbours along the first and along the second axis, from a few samples."""
    if min(array.shape[:2]) < 2:
        return 0.0, 0.0
    thin = tuple(slice(None, None, max(1, size // 64)) for size in array.shape[2:])
    first = np.linspace(0, array.shape[0] - 2, _SAMPLES).round().astype(int)
    second = np.linspace(0, array.shape[1] - 2, _SAMPLES).round().astype(int)
    sums = np.zeros(2)
    for i in np.unique(first):
        for j in np.unique(second):
            here, ahead, aside = (
                np.nan_to_num(array[(*place, *thin)].astype(np.float64)) for place in ((i, j), (i + 1, j), (i, j + 1))
            )
            sums += np.abs(ahead - here).mean(), np.abs(aside - here).mean()
    return float(sums[0]), float(sums[1])
