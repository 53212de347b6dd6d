"""Metric: how sums of per-frame statistics become one number.

The design follows the separation of statistic, aggregation and value of WeatherBench-X (Google Research).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framecast.metrics.preparation import Prepare
from framecast.metrics.statistic import AnyStatistic, ClipStatistic

FloatArray = NDArray[np.float64]
Better = Literal["lower", "higher", "zero", "one"]
"""Which way is up: towards lower values, higher ones, or 0 or 1 from either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(ABC):
    """A number that says how good forecasts are.

    A metric of its own is one file with a subclass that gives these fields their values, and one line in the table.
    A convention that needs a variant constructs it with other settings.
    """

    name: str
    """What it is called in tables and results; unique within a convention."""

    summary: str
    """One line that says what is computed."""

    better: Better | None
    """Which way is up. None for a floor or a ceiling, which the forecast does not influence, and for what is neither
    good nor bad by itself (the spread of an ensemble)."""

    unit: str = ""
    """``"dB"``, or nothing."""

    degree: int = 0
    """The power of the frames' own unit that a value comes in: 2 for squared errors, 1 for errors, 0 for what has a
    unit of its own or none. It shows where a convention reads native values."""

    prepare: Prepare | None = None
    """How forecast and target are brought to this metric, where that differs from the rest of its convention."""

    family: str = ""
    """What metrics that differ only by threshold and scale have in common: ``"csi"`` of ``csi@0.5``. Empty: itself."""

    threshold: float | None = None
    """The value that makes an event, on the scale that the convention reads."""

    window: int | None = None
    """Pixels of the neighbourhood in which an event counts, where there is one."""

    whole_frames: bool = False
    """Whether it means something only for all channels of a frame together (a network looks at it)."""

    lead_mean: bool = False
    """Whether its value over all leads is the mean of the values of single leads, not the value of all sums."""

    def unavailable(self) -> str | None:
        """Why it cannot be computed here, and how to get what is missing; None where it can."""
        return None

    @property
    @abstractmethod
    def statistics(self) -> tuple[AnyStatistic, ...]:
        """What has to be summed for it."""

    @abstractmethod
    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """Turn sums into values.

        Args:
            sums: the numbers of :attr:`statistics` by name, summed over any clips and leads; arrays of one shape,
                each element a sum of its own: () for a single value, (T,) per lead, (N,) per clip. Of a statistic
                with K numbers a frame, one axis more, the last.

        Returns:
            Values of the same shape (without the axis of K); NaN where nothing was counted or a forecast was not
            finite.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMetric(Metric):
    """A number of a set of clips, not of sums: it has no value for single leads or clips."""

    @property
    @abstractmethod
    def statistics(self) -> tuple[ClipStatistic, ...]:
        """What has to be kept of every clip."""

    @abstractmethod
    def value_of_set(self, per_clip: Mapping[str, FloatArray]) -> float:
        """Turn the numbers of all clips into one.

        Args:
            per_clip: (N, 1, K) by name, what :attr:`statistics` found.
        """

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """NaN: there is nothing to sum."""
        shape = next(iter(sums.values())).shape if sums else ()
        return np.full(shape, np.nan)


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide; NaN where the denominator is 0, because nothing was counted there."""
    undefined = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=np.asarray(denominator) != 0)
