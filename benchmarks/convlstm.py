"""``python -m benchmarks.convlstm``: framecast's ConvLSTM against its peers and against the convolutions alone.

Measures one process at a time, saves after each, and prints the report at the end.
"""

import argparse
import math
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import get_args

from benchmarks.contender import FrameworkName
from benchmarks.jobs import CUDA_BATCHES, KERAS, Job, missing, plan, run_job, same_network
from benchmarks.machine import Machine, available_cores, describe_machine
from benchmarks.measurement import Measurement, empty_measurement
from benchmarks.plot import draw_sweep
from benchmarks.report import report
from benchmarks.results_file import BenchmarkRun, add_run, load_runs, save_runs
from benchmarks.sweep import plan_sweep
from benchmarks.timing import Effort
from benchmarks.workloads import DEFAULTS, GROUPS, WORKLOADS, Device, Precision, Workload

RESULTS = Path(__file__).parent / "results"

QUIET = 0.25
"""Above this load for each core, something else was at work."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    asked = parser.parse_args(given)
    if asked.sweep and asked.quick:
        parser.error("a sweep changes the sizes that --quick makes tiny; leave one of both out")
    if asked.check:
        _check()
    elif asked.report:
        _publish([run for path in asked.report for run in load_runs(path)], asked.device, asked.out)
    else:
        _measure(asked, command=shlex.join(["python", "-m", "benchmarks.convlstm", *given]))


def _measure(asked: argparse.Namespace, *, command: str) -> None:
    """Measure, save after every process, and publish."""
    machine = describe_machine(with_gpu=asked.device == "cuda")
    if machine.load is not None and machine.load > QUIET * machine.cores:
        print(f"Something else is at work on this machine (load {machine.load:.2f}): times will be too long.\n")
    folder = _folder(asked, machine)
    file = None if folder is None else folder / f"convlstm-{asked.device}.json"
    older = [] if file is None else load_runs(file)
    run = BenchmarkRun(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        command=command,
        machine=machine.to_json(),
        measurements=(),
    )
    for measurement in _measurements(asked):
        run = replace(run, measurements=(*run.measurements, measurement))
        if file is not None:
            save_runs(file, add_run(older, run))
    _publish(add_run(older, run), asked.device, folder)


def _measurements(asked: argparse.Namespace) -> Iterator[Measurement]:
    """Every job of every round, announced as it ends."""
    jobs, gpu = _jobs(asked), asked.device == "cuda"
    effort = Effort(steps=asked.steps or (20 if gpu else 3), seconds=asked.seconds, warm_up=3 if gpu else 1)
    rounds = asked.rounds or (1 if gpu or asked.sweep or asked.quick else 2)
    minutes = asked.minutes or (9.0 if gpu else math.inf)
    end, failed = time.monotonic() + 60 * minutes, set[Job]()
    for number in range(rounds):
        again = [job for job in jobs if number == 0 or not (job.once or job in failed)]
        for place, job in enumerate(again, start=1):
            begin = time.monotonic()
            if end - begin < 1:
                found = replace(_nothing(job), problem=f"the {minutes:g} minutes were over")
            else:
                limit = min(asked.limit or (300 if gpu else 150), end - begin)
                found = run_job(job, effort=effort, threads=asked.threads, limit_seconds=limit)
            if found.problem:
                failed.add(job)
            took = time.monotonic() - begin
            count = f"round {number + 1} of {rounds}, {place} of {len(again)}, {took:.0f} s"
            print(f"[{count}] {job.text}: {_outcome(found)}", flush=True)
            yield replace(found, round=number)


def _jobs(asked: argparse.Namespace) -> list[Job]:
    """One round, as the command line wants it."""
    device: Device = asked.device
    if asked.sweep:
        jobs = plan_sweep(device, precision=asked.precision or ("bf16" if device == "cuda" else "32"))
    else:
        names = asked.workload or DEFAULTS[device]
        batches = asked.batch or (CUDA_BATCHES if device == "cuda" else ())
        compiled = asked.compile or device == "cuda"
        jobs = [
            job
            for name in dict.fromkeys(one for name in names for one in GROUPS.get(name, (name,)))
            for job in plan(WORKLOADS[name], device, batches=batches, compiled=compiled)
        ]
    # Time may be short on a GPU: what the marks ask for comes first, of all workloads.
    jobs.sort(key=lambda job: device == "cuda" and job.precision == "32")
    if asked.quick:
        jobs = list(dict.fromkeys(replace(job, workload=_tiny(job)) for job in jobs))
    if asked.framework:
        jobs = [job for job in jobs if job.framework in asked.framework]
    if asked.precision:
        jobs = [job for job in jobs if job.precision == asked.precision]
    return jobs


def _tiny(job: Job) -> Workload:
    return job.workload.resized(batch=2, frame_size=8 * job.workload.patch, length=3, width=4)


def _nothing(job: Job) -> Measurement:
    return empty_measurement(job.workload, job.framework, job.precision, job.device)


def _outcome(found: Measurement) -> str:
    if found.problem:
        return f"not measured, {found.problem}"
    return f"{sorted(found.step_seconds)[len(found.step_seconds) // 2]:.3g} s a step"


def _folder(asked: argparse.Namespace, machine: Machine) -> Path | None:
    """Where results are kept. Shortened tables are not, unless told where: they would replace full ones."""
    if asked.out is not None:
        return asked.out
    shortened = asked.quick or asked.framework or asked.batch or (asked.precision and not asked.sweep)
    return None if shortened else RESULTS / machine.slug


def _publish(runs: list[BenchmarkRun], device: Device, folder: Path | None) -> None:
    """Print the report; write it and the picture where there is a folder."""
    picture = None
    if folder is not None:
        picture = f"convlstm-{device}.png"
        everything = [one for run in runs for one in run.measurements]
        picture = picture if draw_sweep(everything, folder / picture, device=device) else None
    text = report(runs, device=device, plot=picture)
    print("\n" + text, flush=True)
    if folder is not None:
        page = folder / f"convlstm-{device}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
        print(f"Kept in '{folder}'.")


def _check() -> None:
    """Compare every network with framecast's, each in a process of its own; ends with exit code 1 where one differs."""
    loops: tuple[FrameworkName, ...] = ("plain",)
    differing = 0
    for framework, name in (*product(loops, WORKLOADS), *product(KERAS, ("r0",))):
        job = Job(workload=WORKLOADS[name], framework=framework, precision="32", device="cpu")
        ours = replace(job, framework="framecast")
        if reason := missing(job) or missing(ours):
            print(f"{name}, framecast and {framework}: not compared, {reason}", flush=True)
            continue
        differing += not same_network(framework, name)
    if differing:
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.convlstm",
        description="Measure framecast's ConvLSTM against its peers and against the convolutions alone. See "
        "benchmarks/README.md.",
    )
    add = parser.add_argument
    add("--device", choices=get_args(Device), default="cpu")
    add("--workload", action="append", choices=[*WORKLOADS, *GROUPS], help="may be given again; default: the marks'")
    add("--framework", action="append", choices=get_args(FrameworkName), help="only these; may be given again")
    add("--precision", choices=get_args(Precision), help="only this one; of a sweep, the one to take")
    add("--batch", action="append", type=int, help="clips a step, instead of the usual; may be given again")
    add("--compile", action="store_true", help="also the plain loop under torch.compile (on a GPU: always)")
    add("--sweep", action="store_true", help="instead of the table: cost against batch, frame size, length, width")
    add("--quick", action="store_true", help="tiny networks: shows that everything runs, and measures nothing")
    add("--check", action="store_true", help="only compare the outputs of all networks with framecast's")
    add("--report", action="append", type=Path, metavar="FILE", help="only print the report of kept results")
    add("--out", type=Path, help="folder for the results; default: benchmarks/results/MACHINE")
    add("--rounds", type=int, help="passes over all contenders (CPU 2; GPU, sweep and quick 1)")
    add("--steps", type=int, help="timed steps of each contender in a round, at most (CPU 3, GPU 20)")
    add("--seconds", type=float, default=15.0, help="time after which a contender begins no further step, but for two")
    add("--limit", type=float, help="seconds after which a contender's process is ended (CPU 150, GPU 300)")
    add("--minutes", type=float, help="time after which no further contender is measured (GPU 9)")
    add("--threads", type=int, default=available_cores(), help="threads, and processors, of each contender")
    return parser


if __name__ == "__main__":
    main()
