"""Timeline: from the times of many files to runs of frames that follow one another without a gap.

A recording that is stored as one file a frame has a gap where a file is missing. No clip may reach across it, so each
run between two gaps is a sequence of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

_TOLERANCE = 0.25
"""A step may differ from the usual one by this share of it: clocks jitter; a missing file leaves a whole step more."""


@final
@dataclass(frozen=True, slots=True)
class TimeRun:
    """Frames ``start:stop`` of the ordered times, one usual step apart."""

    start: int
    stop: int


def usual_step(times: Iterable[datetime]) -> float | None:
    """Seconds from one time to the next, as they mostly are.

    Args:
        times: in ascending order.

    Returns:
        The median of the differences above 0; None where there are none.
    """
    steps = _differences(tuple(times))
    steps = steps[steps > 0]
    # The lower of two middles: between a step and a step with a gap lies no step that occurs.
    return float(np.sort(steps)[(steps.size - 1) // 2]) if steps.size else None


def runs_without_gap(times: Sequence[datetime], step_seconds: float | None = None) -> tuple[TimeRun, ...]:
    """Divide ordered times where one differs from the one before by anything but the usual step.

    Args:
        times: in ascending order, at least one.
        step_seconds: the usual step; None finds it.

    Returns:
        Runs that cover all times, in order.
    """
    step = usual_step(times) if step_seconds is None else step_seconds
    if step is None:
        return (TimeRun(0, len(times)),) if len(times) == 1 else tuple(TimeRun(i, i + 1) for i in range(len(times)))
    borders = np.flatnonzero(np.abs(_differences(times) - step) > _TOLERANCE * step) + 1
    edges = [0, *borders.tolist(), len(times)]
    return tuple(TimeRun(start, stop) for start, stop in pairwise(edges))


def _differences(times: Sequence[datetime]) -> NDArray[np.float64]:
    """Seconds from each time to the next. Never through ``timestamp()``: it takes a time without a zone for local
    time, and a change to summer time would be a gap."""
    return np.diff(np.array([(time - times[0]).total_seconds() for time in times]))
