"""Convention: a named set of metrics, each computed in one exact way.

Published figures of the same name differ by several decibels because code bases clip, average and scale differently.
A figure is therefore always given together with the convention that made it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, final

from framecast.metrics.metric import Metric
from framecast.metrics.preparation import Prepare, as_is

Space = Literal["unit", "native"]
"""``unit``: values with the native range scaled to [0, 1]. ``native``: values as the recording holds them, and
forecasts as they would be written to a file of its type."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """Which metrics, of frames prepared how. One constant in a file of its own, and one line in the table."""

    name: str
    """The name in the table of conventions."""

    summary: str
    """One line for ``framecast list``."""

    source: str
    """Where its definition can be read."""

    metrics: tuple[Metric, ...]
    """In the order in which they are worth reading."""

    events: Callable[[tuple[float, ...]], tuple[Metric, ...]] | None = None
    """From thresholds, ascending, to the metrics of the events that they define; None where there are none."""

    thresholds: tuple[float, ...] | None = None
    """Those that belong to the convention, on the scale that it reads; None lets the user choose."""

    space: Space = "unit"
    """The scale on which its metrics read frames."""

    prepare: Prepare = as_is
    """What happens to forecast and target first; a metric may have a preparation of its own."""

    notes: tuple[str, ...] = ()
    """Sentences that explain the figures to a reader of the report."""

    def __post_init__(self) -> None:
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names):
            raise ValueError(f"convention '{self.name}' has two metrics of one name: {', '.join(names)}")

    def at(self, thresholds: tuple[float, ...]) -> "Convention":
        """With the metrics of events; itself where it has none, or there is no threshold.

        Args:
            thresholds: what the user chose, ascending; a convention with thresholds of its own keeps those.
        """
        chosen = self.thresholds or thresholds
        if self.events is None or not chosen:
            return self
        return replace(self, metrics=(*self.metrics, *self.events(chosen)), events=None, thresholds=chosen)

    def unavailable(self) -> dict[str, str]:
        """By metric: why it cannot be computed here, and how to get what is missing."""
        reasons = {metric.name: metric.unavailable() for metric in self.metrics}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    def available(self) -> "Convention":
        """Without the metrics that cannot be computed here."""
        missing = self.unavailable()
        return replace(self, metrics=tuple(metric for metric in self.metrics if metric.name not in missing))

    def of_one_channel(self) -> "Convention":
        """Without the metrics that mean something only for whole frames."""
        return replace(self, metrics=tuple(metric for metric in self.metrics if not metric.whole_frames))
