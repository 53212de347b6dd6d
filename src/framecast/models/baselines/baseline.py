"""Baseline: a forecaster that is fitted, if at all, by one pass over training clips."""

from collections.abc import Iterable
from typing import ClassVar

from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecaster
from framecast.frames.quantity import Quantity


class Baseline(Forecaster):
    """What a model has to beat. Constructed as ``SomeBaseline(spec, quantity)``; fitted statistics are buffers, so that
    they are stored with a run like weights.
    """

    only_by_name: ClassVar[bool] = False
    """Whether it is computed only where it is asked for by its name: it takes far longer than the others."""

    def __init__(self, spec: ClipSpec, quantity: Quantity | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.quantity = quantity or Quantity()

    @classmethod
    def suits(cls, spec: ClipSpec, quantity: Quantity) -> bool:
        """Whether it makes sense for such clips; those that know some physics suit only what they know."""
        del spec, quantity
        return True

    @classmethod
    def expensive(cls, spec: ClipSpec) -> str | None:
        """Why it is left out for such clips unless it is asked for by its name; None where it costs little."""
        del spec
        return "it takes far longer than the others" if cls.only_by_name else None

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
