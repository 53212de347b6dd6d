"""Baseline: a forecaster that is fitted, if at all, by one pass over training clips."""

from collections.abc import Iterable

from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecaster
from framecast.frames.quantity import Quantity


class Baseline(Forecaster):
    """What a model has to beat. Constructed as ``SomeBaseline(spec, quantity)``; fitted statistics are buffers, so that
    they are stored with a run like weights.
    """

    def __init__(self, spec: ClipSpec, quantity: Quantity | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.quantity = quantity or Quantity()

    @classmethod
    def unavailable(cls) -> str | None:
        """Why it cannot be computed here, and how to get what is missing; None where it can."""
        return None

    def fit(self, clips: Iterable[Batch]) -> None:
        """Learn from training clips; most baselines have nothing to learn.

        Args:
            clips: normalised training batches, read once.
        """
        del clips
