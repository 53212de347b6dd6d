"""Figures: finds summaries by what they are of, and derives numbers from them."""

from typing import final

from benchmarks.contender import FrameworkName
from benchmarks.convolutions import training_flops
from benchmarks.measurement import Summary
from benchmarks.workloads import WORKLOADS, Device, Precision, Workload


@final
class Figures:
    """Finds summaries by what they are of."""

    def __init__(self, summaries: list[Summary], *, device: Device) -> None:
        self.summaries = [one for one in summaries if one.first.device == device]

    def all_of(self, workload: str, framework: FrameworkName, precision: Precision) -> list[Summary]:
        """Every size that has figures."""
        asked = (workload, framework, precision)
        return [
            one
            for one in self.summaries
            if (one.first.workload, one.first.framework, one.first.precision) == asked and one.step is not None
        ]

    def one(
        self, workload: str, framework: FrameworkName, precision: Precision, *, batch: int | None = None
    ) -> Summary | None:
        """At this batch, the workload's own if not told."""
        wanted = WORKLOADS[workload].batch if batch is None else batch
        found = [one for one in self.all_of(workload, framework, precision) if one.first.batch == wanted]
        return found[0] if found else None

    def step(
        self, workload: str, framework: FrameworkName, precision: Precision, *, batch: int | None = None
    ) -> float | None:
        """Median seconds of a training step."""
        found = self.one(workload, framework, precision, batch=batch)
        return found.step.median if found and found.step else None

    def forecast(self, workload: str, framework: FrameworkName, precision: Precision) -> float | None:
        """Median seconds of a forecast."""
        found = self.one(workload, framework, precision)
        return found.forecast.median if found and found.forecast else None

    def peak(self, workload: str, framework: FrameworkName, precision: Precision) -> int | None:
        """Bytes."""
        found = self.one(workload, framework, precision)
        return found.peak_bytes if found else None

    @property
    def matrix_rate(self) -> float | None:
        """The fastest large bfloat16 matrix product that any floor has measured, operations a second."""
        rates = [one.first.matrix_flops_per_second for one in self.summaries]
        return max((rate for rate in rates if rate), default=None)


def share_of_matrix_rate(summary: Summary, rate: float | None) -> float | None:
    """Operations a second in training, as a share of the measured rate."""
    if summary.step is None or not rate:
        return None
    return training_flops(sized(summary)) / summary.step.median / rate


def sized(summary: Summary) -> Workload:
    """The workload at the size that was measured."""
    one = summary.first
    return WORKLOADS[one.workload].resized(
        batch=one.batch, frame_size=one.frame_size, length=one.length, width=one.widths[0]
    )


def is_full(summary: Summary) -> bool:
    """Whether the workload was measured as the table has it, but for the batch: not in a quick run."""
    return sized(summary) == WORKLOADS[summary.first.workload].resized(batch=summary.first.batch)


def ratio(above: float | None, below: float | None) -> float | None:
    """None where one of both is missing."""
    return None if above is None or not below else above / below


def precision_text(precision: Precision) -> str:
    """The precision's full name."""
    return "bfloat16" if precision == "bf16" else "float32"
