"""What a measurement ran on: processor, memory, GPU, system, versions."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, final

FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile", "amx_bf16")
"""Instruction sets that convolutions depend on."""

PACKAGES = ("framecast", "torch", "keras", "tensorflow", "tensorflow-cpu", "jax", "jaxlib", "numpy")
ROOT = Path(__file__).parents[1]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine, as it was when something was measured."""

    processor: str
    """Model name."""

    cores: int
    """Processors that this process may run on."""

    flags: tuple[str, ...]
    """Those of :data:`FLAGS` that the processor has."""

    memory_bytes: int | None
    gpu: str | None
    """Name, memory and driver of each GPU, as nvidia-smi says."""

    system: str
    python: str
    versions: dict[str, str]

    revision: str | None
    """The commit of this checkout; with ``+`` where files differ from it."""

    load: float | None
    """Average number of running processes in the minute before. On a quiet machine it is near 0."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @property
    def slug(self) -> str:
        """A name for a folder."""
        text = self.gpu.split(",")[0] if self.gpu else f"{self.processor} {self.cores} cores"
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def describe_machine(*, with_gpu: bool) -> Machine:
    """Look around; ``with_gpu`` also asks for the GPU."""
    facts = _processor_facts()
    return Machine(
        processor=facts.get("model name") or platform.processor() or platform.machine(),
        cores=available_cores(),
        flags=tuple(flag for flag in FLAGS if flag in facts.get("flags", "").split()),
        memory_bytes=_memory(),
        gpu=_ask("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
        if with_gpu
        else None,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        versions=_versions(),
        revision=_revision(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def available_cores() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor_facts() -> dict[str, str]:
    """The first processor of ``/proc/cpuinfo``."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _revision() -> str | None:
    commit = _ask("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    if commit is None:
        return None
    return commit + ("+" if _ask("git", "-C", str(ROOT), "status", "--porcelain") else "")


def _ask(*command: str) -> str | None:
    """What a program prints; None where it is not installed, fails, or prints nothing."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout.strip() or None) if done.returncode == 0 else None
