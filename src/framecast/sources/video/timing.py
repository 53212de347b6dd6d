"""When the frames of a video are shown, and which of them stand for even steps in time.

A forecast needs frames at one time step. Phones and screen recorders store a frame when there is something new, so
their steps vary. Such a file is read at even times, taking at each the frame that is shown nearest to it; which one
that is, is settled when the file is opened, so that a read is as exact as any other.

Axes: T frames.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError

_MOST_GROWTH = 10
"""Frames of an uneven file may be repeated until it is so many times longer; beyond that its times are not believed."""

_MOST_FRAMES = 50_000_000
"""Frames that a step set by the user may lead to."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How a file is read in time."""

    step_seconds: float | None
    """Between the frames that are read; None when unknown."""

    frame_map: NDArray[np.int64] | None = None
    """(T,) the stored frame that each frame is, ascending; None where each is itself."""

    remark: str | None = None
    """Part of a sentence about this file."""


def timing(
    times: NDArray[np.int64] | None,
    *,
    num_frames: int,
    tick_seconds: Fraction | None,
    header_seconds: float | None,
    resample_seconds: float | None = None,
) -> Timing:
    """Settle the time step, and the frames that stand for it.

    Args:
        times: (T,) presentation times in ticks, ascending; None where they are unknown.
        num_frames: T.
        tick_seconds: length of a tick.
        header_seconds: the step that the header tells.
        resample_seconds: the step that the user asks for; None takes the file's own, or the median of an uneven file.

    Raises:
        SourceError: it cannot be read at the step asked for; says why, as the end of a sentence.
    """
    seconds: NDArray[np.float64] | None = None
    if times is not None and len(times) > 1 and tick_seconds is not None:
        seconds = (times - times[0]) * float(tick_seconds)
    natural = _even_step(seconds, float(tick_seconds or 0), header_seconds)
    if resample_seconds is not None:
        if seconds is None and natural is not None:
            seconds = np.arange(num_frames, dtype=np.float64) * natural
        if seconds is None:
            raise SourceError(
                "it does not say when its frames are shown; set source.step_seconds, not resample_seconds"
            )
        return _resampled(seconds, resample_seconds)
    if natural is not None or seconds is None:
        return Timing(step_seconds=natural)
    return _evened(seconds)


def even_frames(seconds: NDArray[np.float64], step_seconds: float) -> NDArray[np.int64]:
    """Which frame is shown nearest to each of the times 0, step, 2 step and so on, up to the last frame.

    Args:
        seconds: (T,) when frames are shown, ascending, the first at 0.
        step_seconds: above 0.

    Returns:
        (T',) indices of frames, ascending; of two that are equally near, the earlier.
    """
    # A thousandth of a step is left for rounding, so that the last frame of an even file is reached.
    wanted = np.arange(int(seconds[-1] / step_seconds + 1e-3) + 1) * step_seconds
    after = np.searchsorted(seconds, wanted).clip(max=len(seconds) - 1)
    before = np.maximum(after - 1, 0)
    nearer = wanted - seconds[before] <= (seconds[after] - wanted) + 1e-9
    return np.where(nearer, before, after).astype(np.int64)


def _even_step(seconds: NDArray[np.float64] | None, tick_seconds: float, header_seconds: float | None) -> float | None:
    """The step of an even file, or of one that does not tell when its frames are shown; None for an uneven one."""
    if seconds is None:
        return header_seconds
    gaps = len(seconds) - 1
    mean = float(seconds[-1]) / gaps
    steps = np.diff(seconds)
    if gaps > 1:
        usual = float(np.median(steps))
        strays = float(np.abs(seconds - np.arange(gaps + 1) * mean).max())
        if steps.max() > 1.5 * usual + tick_seconds * 1.001 or strays > max(0.5 * mean, tick_seconds):
            return None
    # The header, unless frames contradict it: 30 frames a second of GIF step by 3, 3, 4 hundredths.
    if header_seconds and abs(header_seconds - mean) <= max(0.01 * mean, tick_seconds / gaps):
        return header_seconds
    return mean


def _evened(seconds: NDArray[np.float64]) -> Timing:
    steps = np.diff(seconds)
    step = float(np.median(steps))
    uneven = f"is not evenly spaced in time (steps of {steps.min():.3g} to {steps.max():.3g} s)"
    if seconds[-1] / step > _MOST_GROWTH * len(seconds):
        mean = float(seconds[-1]) / len(steps)
        return Timing(
            step_seconds=mean,
            remark=f"{uneven}, too unevenly to fill its pauses; its frames are used one after the other. "
            "source.resample_seconds reads them at even times",
        )
    chosen = even_frames(seconds, step)
    return Timing(
        step_seconds=step,
        frame_map=chosen,
        remark=f"{uneven}; it is read every {step:.3g} s, the nearest frame each time, so that "
        f"{_cost(chosen, seconds)}. source.resample_seconds chooses another step; source.step_seconds takes each "
        "frame as it comes",
    )


def _resampled(seconds: NDArray[np.float64], step_seconds: float) -> Timing:
    if seconds[-1] / step_seconds > _MOST_FRAMES:
        raise SourceError(
            f"its {seconds[-1]:.3g} seconds every {step_seconds:g} s are too many frames; set a longer "
            "source.resample_seconds"
        )
    chosen = even_frames(seconds, step_seconds)
    if np.array_equal(chosen, np.arange(len(seconds))):
        return Timing(step_seconds=step_seconds)
    repeats = bool((np.diff(chosen) == 0).any())
    remark = f"is read every {step_seconds:g} s, so that {_cost(chosen, seconds)}" if repeats else None
    return Timing(step_seconds=step_seconds, frame_map=chosen, remark=remark)


def _cost(chosen: NDArray[np.int64], seconds: NDArray[np.float64]) -> str:
    repeats = int((np.diff(chosen) == 0).sum())
    left = len(seconds) - len(np.unique(chosen))
    return f"{repeats} of {len(chosen)} frames repeat the one before and {left} of {len(seconds)} are left out"
