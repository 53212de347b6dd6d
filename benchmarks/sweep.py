"""The sweep: cost against batch, frame size, length and width, one of them changed at a time."""

from dataclasses import dataclass
from typing import Literal, final

from benchmarks.contender import FrameworkName
from benchmarks.jobs import Job
from benchmarks.measurement import Measurement, Summary
from benchmarks.workloads import WORKLOADS, Device, Precision, Workload

Axis = Literal["batch", "frame_size", "length", "width"]

FRAMEWORKS: tuple[FrameworkName, ...] = ("framecast", "plain")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one axis stands for, and the values that it takes."""

    axis: Axis
    name: str
    values: tuple[int, ...]


LINES = (
    Line(axis="batch", name="batch (clips)", values=(2, 4, 8, 16, 32)),
    Line(axis="frame_size", name="frame size (pixels a side)", values=(32, 64, 96, 128)),
    Line(axis="length", name="length (frames of context, as many of horizon)", values=(5, 10, 15, 20)),
    Line(axis="width", name="width (channels of each layer)", values=(16, 32, 64, 128)),
)


def plan_sweep(device: Device, *, precision: Precision) -> list[Job]:
    """Every point once, for framecast and the plain loop beside each other."""
    sizes: list[Workload] = []
    for line in LINES:
        sizes += [WORKLOADS["sweep"].resized(**{line.axis: value}) for value in line.values]
    return [
        Job(workload=size, framework=framework, precision=precision, device=device)
        for size in dict.fromkeys(sizes)
        for framework in FRAMEWORKS
    ]


def value_on(axis: Axis, measurement: Measurement) -> int:
    """Where a measurement lies on an axis."""
    match axis:
        case "batch":
            return measurement.batch
        case "frame_size":
            return measurement.frame_size
        case "length":
            return measurement.length
        case "width":
            return measurement.widths[0]


def along(axis: Axis, summaries: list[Summary]) -> dict[FrameworkName, list[Summary]]:
    """The points of an axis, in order, for each contender: those that differ from the base in nothing else.

    Points without figures are left out.
    """
    base = WORKLOADS["sweep"]
    places: dict[Axis, int] = {
        "batch": base.batch,
        "frame_size": base.frame_size,
        "length": base.length,
        "width": base.widths[0],
    }
    found: dict[FrameworkName, list[Summary]] = {}
    for one in summaries:
        others = [value_on(other, one.first) == value for other, value in places.items() if other != axis]
        if one.first.workload == base.name and one.step is not None and all(others):
            found.setdefault(one.first.framework, []).append(one)
    return {name: sorted(points, key=lambda one: value_on(axis, one.first)) for name, points in found.items()}
