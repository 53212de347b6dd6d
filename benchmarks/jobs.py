"""Jobs: which contenders are measured on which workloads, in which order, each in a process of its own.

One after the other, never two at a time. A round is one pass over all contenders, so that what changes slowly on a
machine (its temperature, its neighbours) does not fall upon one contender alone. In a round the contenders that the
marks compare come first: where time is short, the rest is left out and says so.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import final

from benchmarks.contender import FrameworkName
from benchmarks.measurement import Measurement, empty_measurement, from_output
from benchmarks.timing import Effort
from benchmarks.workloads import Device, Precision, Workload
from framecast.models.table import MODELS

CUDA_BATCHES = (16, 32, 64, 128, 256)
"""Clips a step at which framecast is measured on a GPU; its peers are at the first."""

ROOT = Path(__file__).parents[1]
"""Where ``benchmarks`` can be imported from."""

KERAS: tuple[FrameworkName, ...] = ("keras-tensorflow", "keras-torch", "keras-jax")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One contender on one workload."""

    workload: Workload
    framework: FrameworkName
    precision: Precision
    device: Device

    once: bool = False
    """Measured in the first round alone: no mark compares it."""

    @property
    def text(self) -> str:
        """For people."""
        size = self.workload
        return (
            f"{size.name} (batch {size.batch}, {size.frame_size}x{size.frame_size}, {size.length} to {size.length} "
            f"frames, widths {'-'.join(map(str, size.widths))}): {self.framework}, {self.precision}"
        )


def plan(workload: Workload, device: Device, *, batches: Sequence[int] = (), compiled: bool = False) -> list[Job]:
    """One round of a workload.

    Args:
        workload: what to measure.
        device: where.
        batches: clips a step, for framecast; peers are measured at the first. Empty: the workload's own.
        compiled: whether the plain loop is also measured under torch.compile.
    """
    sizes = [workload.resized(batch=batch) for batch in batches] or [workload]
    loops: tuple[FrameworkName, ...] = ("plain", "plain-compiled") if compiled else ("plain",)
    # On a CPU, Keras is a peer of its own tutorials' network alone.
    peers = (*loops, *KERAS) if device == "cuda" or workload.family == "stack" else loops

    def jobs(framework: FrameworkName, precision: Precision, over: Sequence[Workload]) -> list[Job]:
        once = framework in ("plain-compiled", "keras-torch", "keras-jax")
        return [Job(workload=size, framework=framework, precision=precision, device=device, once=once) for size in over]

    planned: list[Job] = []
    if device == "cuda":
        planned += jobs("framecast", "bf16", sizes) + jobs("framecast-recorded", "bf16", sizes)
        planned += [job for peer in peers for job in jobs(peer, "bf16", sizes[:1])]
        planned += jobs("floor", "bf16", list(dict.fromkeys([sizes[0], sizes[-1]])))
        return planned + [job for one in ("framecast", *peers) for job in jobs(one, "32", sizes[:1])]
    in_order: tuple[Precision, ...] = ("32", "bf16")
    for precision in in_order:
        planned += jobs("framecast", precision, sizes)
        planned += [job for peer in peers for job in jobs(peer, precision, sizes[:1])]
        planned += jobs("floor", precision, sizes)
    return planned


def missing(job: Job) -> str:
    """What a contender lacks here; empty if nothing."""
    if job.framework.startswith("framecast") and job.workload.model not in MODELS:
        return f"framecast has no model '{job.workload.model}'"
    if job.framework.startswith("keras-"):
        for package in ("keras", job.framework.removeprefix("keras-")):
            if find_spec(package) is None:
                return f"{package} is not installed"
    return ""


def run_job(job: Job, *, effort: Effort, threads: int, limit_seconds: float) -> Measurement:
    """Measure in a new process.

    Returns:
        The figures, or a measurement that says why there are none. A worker that fails ends nothing but itself.
    """
    nothing = empty_measurement(job.workload, job.framework, job.precision, job.device)
    if reason := missing(job):
        return replace(nothing, problem=reason)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(
                _command(job, effort, threads),
                env=_environment(job.device, scratch),
                cwd=ROOT,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return replace(nothing, problem=f"not done after {limit_seconds:.0f} s")
    found = from_output(done.stdout)
    if found is None:
        return replace(nothing, problem=_failure(done.returncode, done.stderr))
    return found


def same_network(framework: FrameworkName, workload: str) -> bool:
    """Compare a peer's network with framecast's, in a new process, which prints what it finds."""
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.agreement", "--framework", framework, "--workload", workload],
            env=_environment("cpu", scratch),
            cwd=ROOT,
            check=False,
        )
    return done.returncode == 0


def _command(job: Job, effort: Effort, threads: int) -> list[str]:
    size = job.workload
    width = size.widths[0]
    if size.widths != (width,) * len(size.widths):
        raise ValueError(f"a worker is told one width for all layers, found {size.widths}")
    options = {
        "framework": job.framework,
        "workload": size.name,
        "precision": job.precision,
        "device": job.device,
        "batch": size.batch,
        "frame-size": size.frame_size,
        "length": size.length,
        "width": width,
        "threads": threads,
        "steps": effort.steps,
        "seconds": effort.seconds,
        "warm-up": effort.warm_up,
    }
    pairs = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return [sys.executable, "-m", "benchmarks.convlstm_worker", *pairs]


def _environment(device: Device, scratch: str) -> dict[str, str]:
    """What the frameworks are told: where to compute, and to keep their files out of the user's home."""
    extra = {"KERAS_HOME": scratch, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if device == "cpu":
        extra |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu"}
    else:
        # Else JAX takes three quarters of the GPU's memory whatever it needs.
        extra |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    return {**os.environ, **extra}


def _failure(returncode: int, errors: str) -> str:
    """The worker's last words, shortened."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    return f"failed with exit code {returncode}: {last[:300]}"
