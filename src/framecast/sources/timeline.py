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
    stamps = np.array([time.timestamp() for time in times])
    steps = np.diff(stamps)
    steps = steps[steps > 0]
    return float(np.median(steps)) if steps.size else None


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
    differences = np.diff(np.array([time.timestamp() for time in times]))
    borders = np.flatnonzero(np.abs(differences - step) > _TOLERANCE * step) + 1
    edges = [0, *borders.tolist(), len(times)]
    return tuple(TimeRun(start, stop) for start, stop in pairwise(edges))
