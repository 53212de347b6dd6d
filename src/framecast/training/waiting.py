"""How long a loop waits for its batches."""

import time
from collections.abc import Iterable, Iterator
from typing import final

from framecast.frames.batch import Batch


@final
class TimedWaiting(Iterator[Batch]):
    """The batches of a loader, and the time that passed between asking for each and having it."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = iter(batches)
        self.seconds = 0.0
        """Spent waiting so far."""

    def __next__(self) -> Batch:
        begin = time.perf_counter()
        try:
            return next(self._batches)
        finally:
            self.seconds += time.perf_counter() - begin
