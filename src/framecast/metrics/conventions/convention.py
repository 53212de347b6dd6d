"""Convention: a named set of metrics, each computed in one exact way.

Published figures of the same name differ by several decibels because code bases clip, average and scale differently.
A figure is therefore always given together with the convention that made it.
"""

from dataclasses import dataclass
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
