"""The results of a machine: one JSON file, to which runs of single workloads are added.

A run holds everything that was measured by one call. What a later run measures anew replaces what earlier runs have of
the same workload, so that a ratio is always taken between figures of one run.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from benchmarks.measurement import Measurement

SCHEMA = 1


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRun:
    """What one call has measured."""

    date: str
    """Day and time of its beginning, ISO 8601, UTC."""

    command: str
    machine: dict[str, Any]
    """See :class:`benchmarks.machine.Machine`."""

    measurements: tuple[Measurement, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "date": self.date,
            "command": self.command,
            "machine": self.machine,
            "measurements": [one.to_json() for one in self.measurements],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "BenchmarkRun":
        """Undo :meth:`to_json`."""
        measurements = tuple(Measurement.from_json(one) for one in values["measurements"])
        return cls(date=values["date"], command=values["command"], machine=values["machine"], measurements=measurements)


def load_runs(path: Path) -> list[BenchmarkRun]:
    """Runs of a file, oldest first; none where there is no file.

    Raises:
        ValueError: it is of another schema.
    """
    if not path.exists():
        return []
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("schema") != SCHEMA:
        raise ValueError(f"'{path}' has the schema {document.get('schema')!r}; this version reads {SCHEMA}")
    return [BenchmarkRun.from_json(run) for run in document["runs"]]


def save_runs(path: Path, runs: list[BenchmarkRun]) -> None:
    """Write all runs; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    document = {"schema": SCHEMA, "runs": [run.to_json() for run in runs]}
    part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def add_run(runs: list[BenchmarkRun], new: BenchmarkRun) -> list[BenchmarkRun]:
    """The runs with a new one, and without what it has measured anew. Where it failed, nothing is replaced."""
    workloads = {one.workload for one in new.measurements if not one.problem}
    older = [
        replace(run, measurements=tuple(one for one in run.measurements if one.workload not in workloads))
        for run in runs
    ]
    return [*(run for run in older if run.measurements), new]
