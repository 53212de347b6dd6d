"""Ctrl-C, a scheduler's SIGTERM or the end of the time allowed as a polite request: finish the step, save, say how to
resume.
"""

import math
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, final


@final
class StopRequest:
    """Made once the user has asked to stop, or the time is up."""

    def __init__(self, *, seconds: float = math.inf) -> None:
        """Start the clock.

        Args:
            seconds: the time allowed.
        """
        self._deadline = time.perf_counter() + seconds
        self._made = False

    @property
    def made(self) -> bool:
        """Whether to stop; once true, it stays true."""
        self._made = self._made or time.perf_counter() >= self._deadline
        return self._made

    def make(self) -> None:
        """Ask to stop."""
        self._made = True


@contextmanager
def stop_on_signals(*, max_minutes: float | None = None) -> Generator[StopRequest, None, None]:
    """Turn the first SIGINT or SIGTERM into a request; a second SIGINT interrupts at once, as usual.

    Outside the main thread signals cannot be caught, and only the clock makes the request.

    Args:
        max_minutes: the time allowed; None has no limit.
    """
    request = StopRequest(seconds=math.inf if max_minutes is None else 60 * max_minutes)
    before: dict[signal.Signals, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        request.make()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            before[name] = signal.signal(name, note)
        except ValueError:
            break
    try:
        yield request
    finally:
        for name, handler in before.items():
            # None: it was not set from Python, and cannot be set again from here.
            signal.signal(name, signal.SIG_DFL if handler is None else handler)
