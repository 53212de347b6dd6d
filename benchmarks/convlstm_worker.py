"""The worker: measures one contender in a process of its own, and prints one line of JSON.

``python -m benchmarks.convlstm_worker --framework framecast --workload r0 --precision bf16``

A process of its own, because frameworks in one process share threads, caches and the peak of memory.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module, metadata
from statistics import median
from typing import get_args

from benchmarks.contender import Contender, FrameworkName, NotHereError
from benchmarks.measurement import Measurement, as_line, empty_measurement
from benchmarks.memory import peak_resident_bytes, resident_bytes
from benchmarks.timing import Effort, first_and_steps, forecasts
from benchmarks.workloads import WORKLOADS, Device, Precision, Workload


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure as the command line says."""
    asked = _parser().parse_args(arguments)
    workload = WORKLOADS[asked.workload].resized(
        batch=asked.batch, frame_size=asked.frame_size, length=asked.length, width=asked.width
    )
    _set_threads(asked.threads)
    effort = Effort(steps=asked.steps, seconds=asked.seconds, warm_up=asked.warm_up)
    start = empty_measurement(workload, asked.framework, asked.precision, asked.device)
    try:
        if asked.framework == "floor":
            found = _measure_floor(start, workload, effort)
        else:
            found = _measure(start, workload, effort)
    except NotHereError as problem:
        found = replace(start, problem=str(problem))
    print(as_line(found), flush=True)


def _measure(start: Measurement, workload: Workload, effort: Effort) -> Measurement:
    for name in _imports(start.framework):
        import_module(name)
    imported = resident_bytes()
    contender = _build(start, workload)
    first, steps = first_and_steps(contender, effort)
    # Before any forecast: the peak is that of the training.
    peak, device_peak = peak_resident_bytes(), contender.device_peak_bytes()
    return replace(
        start,
        parameters=contender.parameters,
        first_step_seconds=first,
        step_seconds=tuple(steps),
        forecast_seconds=tuple(forecasts(contender, effort)),
        imported_bytes=imported,
        peak_bytes=peak,
        device_peak_bytes=device_peak,
        versions=_versions(contender.packages),
        notes=contender.notes,
    )


def _measure_floor(start: Measurement, workload: Workload, effort: Effort) -> Measurement:
    from benchmarks.floor import matrix_flops_per_second, measure_floor

    floors = measure_floor(workload, start.precision, start.device, effort)
    return replace(
        start,
        step_seconds=tuple(floors[0].seconds),
        floor_ways={one.way.name: {part: median(seconds) for part, seconds in one.parts.items()} for one in floors},
        matrix_flops_per_second=matrix_flops_per_second("cuda") if start.device == "cuda" else None,
        versions=_versions(("torch",)),
        notes=(f"fastest is {floors[0].way.name}",),
    )


def _imports(framework: FrameworkName) -> tuple[str, ...]:
    """What the contender imports, so that its memory can be told from the network's."""
    if framework.startswith("keras-"):
        backend = framework.removeprefix("keras-")
        os.environ["KERAS_BACKEND"] = backend
        return (backend, "keras")
    return ("torch", "framecast.models.building") if framework.startswith("framecast") else ("torch",)


def _build(start: Measurement, workload: Workload) -> Contender:
    match start.framework:
        case "framecast" | "framecast-recorded":
            from benchmarks.framecast_contender import build_framecast

            recorded = start.framework == "framecast-recorded"
            return build_framecast(workload, start.precision, start.device, recorded=recorded)
        case "plain" | "plain-compiled":
            from benchmarks.plain_contender import build_plain

            compiled = start.framework == "plain-compiled"
            return build_plain(workload, start.precision, start.device, compiled=compiled)
        case _:
            from benchmarks.keras_contender import build_keras

            return build_keras(workload, start.precision, start.device)


def _set_threads(num_threads: int) -> None:
    """Before any framework is imported: as many threads as asked, and no more processors than that."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(num_threads)
    if sys.platform == "linux":
        # TensorFlow and JAX take as many threads as they may use processors.
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[:num_threads])


def _versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of those that are installed."""
    found: dict[str, str] = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.convlstm_worker", description=__doc__)
    parser.add_argument("--framework", choices=get_args(FrameworkName), required=True)
    parser.add_argument("--workload", choices=sorted(WORKLOADS), required=True)
    parser.add_argument("--precision", choices=get_args(Precision), default="32")
    parser.add_argument("--device", choices=get_args(Device), default="cpu")
    for name in ("--batch", "--frame-size", "--length", "--width"):
        parser.add_argument(name, type=int, help="another size than the workload's")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--steps", type=int, default=3, help="timed repetitions at most")
    parser.add_argument("--seconds", type=float, default=15.0, help="after which no further repetition begins")
    parser.add_argument("--warm-up", type=int, default=1, help="untimed repetitions after the first step")
    return parser


if __name__ == "__main__":
    main()
