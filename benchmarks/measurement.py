"""Measurement: what one process has measured of one contender; one line of JSON."""

import json
from dataclasses import asdict, dataclass, field, fields
from statistics import median
from typing import Any, final

from benchmarks.contender import FrameworkName
from benchmarks.workloads import Device, Precision, Workload

PREFIX = "measured: "
"""What the worker's line begins with; libraries write to the same stream."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One contender in one process."""

    framework: FrameworkName
    precision: Precision
    device: Device
    workload: str
    batch: int
    frame_size: int
    length: int
    widths: tuple[int, ...]

    round: int = 0
    """Repetition of the whole table, counted from 0."""

    problem: str = ""
    """Why there are no figures; empty where there are."""

    parameters: int = 0
    """Trainable numbers."""

    first_step_seconds: float | None = None
    """The first training step, with everything that the framework prepares in it."""

    step_seconds: tuple[float, ...] = ()
    """Training steps. For the floor, its fastest way."""

    forecast_seconds: tuple[float, ...] = ()
    """Forecasts of the batch."""

    imported_bytes: int | None = None
    """Resident memory once the framework is imported, before there is a network or data."""

    peak_bytes: int | None = None
    """The most resident memory up to the end of the training steps."""

    device_peak_bytes: int | None = None
    """The most GPU memory in use at once up to the end of the training steps."""

    floor_ways: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    """Of the floor: median seconds of each part, for each way."""

    matrix_flops_per_second: float | None = None
    """Of the floor on a GPU: the rate of a large bfloat16 matrix product."""

    versions: dict[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, int, int, int, tuple[int, ...]]:
        """Measurements of one contender at one size, in whatever round, have the same."""
        return (
            self.workload,
            self.framework,
            self.precision,
            self.batch,
            self.frame_size,
            self.length,
            self.widths,
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Measurement":
        """Undo :meth:`to_json`, also after a trip through JSON. Keys that are not known are left out."""
        known = {one.name for one in fields(cls)}
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**{name: value for name, value in kept.items() if name in known})


def empty_measurement(
    workload: Workload, framework: FrameworkName, precision: Precision, device: Device, *, problem: str = ""
) -> Measurement:
    """What is known before anything was measured."""
    return Measurement(
        framework=framework,
        precision=precision,
        device=device,
        workload=workload.name,
        batch=workload.batch,
        frame_size=workload.frame_size,
        length=workload.length,
        widths=workload.widths,
        problem=problem,
    )


def as_line(measurement: Measurement) -> str:
    """What a worker prints."""
    return PREFIX + json.dumps(measurement.to_json())


def from_output(output: str) -> Measurement | None:
    """Find the worker's line in all that its process wrote; None where there is none."""
    lines = [line for line in output.splitlines() if line.startswith(PREFIX)]
    return Measurement.from_json(json.loads(lines[-1].removeprefix(PREFIX))) if lines else None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A few repetitions of one thing."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: list[float]) -> "Spread | None":
        """None of nothing."""
        if not values:
            return None
        return cls(median=median(values), low=min(values), high=max(values), count=len(values))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One contender at one size over all rounds."""

    first: Measurement
    """Of the first round that gave figures, or of the first at all."""

    first_step: Spread | None
    step: Spread | None
    forecast: Spread | None

    peak_bytes: int | None
    """The largest of all rounds, as are the two below."""

    imported_bytes: int | None
    device_peak_bytes: int | None


def summarise(measurements: list[Measurement]) -> list[Summary]:
    """Put the rounds of each contender together, in the order in which contenders first appear."""
    groups: dict[object, list[Measurement]] = {}
    for one in measurements:
        groups.setdefault(one.key, []).append(one)
    return [_summary(group) for group in groups.values()]


def _summary(group: list[Measurement]) -> Summary:
    good = [one for one in group if not one.problem]

    def largest(name: str) -> int | None:
        return max((value for one in good if (value := getattr(one, name)) is not None), default=None)

    return Summary(
        first=(good or group)[0],
        first_step=Spread.of([one.first_step_seconds for one in good if one.first_step_seconds is not None]),
        step=Spread.of([seconds for one in good for seconds in one.step_seconds]),
        forecast=Spread.of([seconds for one in good for seconds in one.forecast_seconds]),
        peak_bytes=largest("peak_bytes"),
        imported_bytes=largest("imported_bytes"),
        device_peak_bytes=largest("device_peak_bytes"),
    )
