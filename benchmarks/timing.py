"""Timing: how often a contender is asked, and what is written down.

The first training step is kept apart: it includes whatever the framework prepares then (tracing, compilation, choice of
algorithms). Some more steps only warm up. Then every step is timed for itself, from a device at rest to a device at
rest.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from benchmarks.contender import Contender

MIN_REPETITIONS = 2


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long to measure."""

    steps: int = 3
    """Timed training steps, and as many forecasts, at most."""

    seconds: float = 15.0
    """After this time no further repetition begins, except to reach two."""

    warm_up: int = 1
    """Untimed repetitions before the timed ones; the first step is not among them."""


def timed(action: Callable[[], object], *, wait: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    wait()
    begin = time.perf_counter()
    action()
    wait()
    return time.perf_counter() - begin


def repeat(action: Callable[[], object], *, wait: Callable[[], object], effort: Effort) -> list[float]:
    """Seconds of each of several repetitions."""
    begin, found = time.perf_counter(), list[float]()
    while len(found) < max(effort.steps, MIN_REPETITIONS):
        if len(found) >= MIN_REPETITIONS and time.perf_counter() - begin > effort.seconds:
            break
        found.append(timed(action, wait=wait))
    return found


def first_and_steps(contender: Contender, effort: Effort) -> tuple[float, list[float]]:
    """The first training step, and those after the warm-up."""
    first = timed(contender.train, wait=contender.wait)
    for _ in range(effort.warm_up):
        contender.train()
    return first, repeat(contender.train, wait=contender.wait, effort=effort)


def forecasts(contender: Contender, effort: Effort) -> list[float]:
    """Forecasts after a first one and the warm-up; none of a contender that is not asked for any."""
    forecast = contender.forecast
    if forecast is None:
        return []
    for _ in range(1 + effort.warm_up):
        forecast()
    return repeat(forecast, wait=contender.wait, effort=effort)
