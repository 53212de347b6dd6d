"""What a report is made of, and reading it from a run folder."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from numpy.typing import NDArray

from framecast.evaluation.results import Results, load_arrays, load_results
from framecast.frames.errors import RunError
from framecast.runs.findings import Diagnosis, load_diagnosis
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord


@final
@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Everything that a page shows. Only the results are needed; what is missing is left out of the page."""

    results: Results

    examples: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
    """``context`` (E, K, C, H, W), ``truth`` (E, M, C, H, W) and ``forecast/<forecaster>`` (E, M, C, H, W), unit range;
    the E clips of ``results.examples``."""

    diagrams: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
    """Error maps, spectra, rank histograms and reliability, by the names of ``diagrams.npz``."""

    diagnosis: Diagnosis | None = None
    """What the doctor looked for and found; None where it was not asked."""

    channel_range: tuple[float, float] | None = None
    """The native range that the first channel of ``examples`` is scaled by, where the run tells; None takes that of the
    results."""

    config_yaml: str = ""
    """The resolved configuration."""

    log: Sequence[Mapping[str, float]] = ()
    """Rows of the training log; what was not logged is missing from its row."""

    data: Mapping[str, Any] | None = None
    """The content of ``inspect.json``."""

    sample_frames: bytes | None = None
    """``frames.png``."""

    record: RunRecord | None = None
    """How the run was trained."""

    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    """Versions of what numbers depend on."""

    notes: Sequence[str] = ()
    """What a person should know of the data."""


def load_report_data(run_folder: Path | str) -> ReportData:
    """Read what a run folder holds.

    Args:
        run_folder: of a run that has been evaluated.

    Raises:
        RunError: the run was not evaluated, or a file in it is damaged.
    """
    folder = RunFolder(run_folder)
    results = load_results(folder.evaluation)
    examples, diagrams = folder.evaluation / "examples.npz", folder.evaluation / "diagrams.npz"
    record = RunRecord.load(folder.record) if folder.record.is_file() else None
    return ReportData(
        results=results,
        examples=load_arrays(examples) if examples.is_file() else {},
        diagrams=load_arrays(diagrams) if diagrams.is_file() else {},
        diagnosis=load_diagnosis(folder.doctor),
        channel_range=_channel_range(_read_json(folder.normaliser), record),
        config_yaml=folder.config.read_text(encoding="utf-8") if folder.config.is_file() else "",
        log=_read_log(folder.log),
        data=_read_json(folder.inspection),
        sample_frames=_read_png(folder.sample_frames),
        record=record,
        versions={} if record is None else record.versions,
        notes=() if record is None else record.notes,
    )


def _channel_range(normaliser: Mapping[str, Any] | None, record: RunRecord | None) -> tuple[float, float] | None:
    """The native range of the first channel that is forecast; earlier versions knew one for all channels."""
    if normaliser is None or record is None:
        return None
    channel = next(iter(record.spec.forecast_channels), 0)
    ends: list[float] = []
    for name in ("low", "high"):
        values: Any = normaliser.get(name)
        if isinstance(values, list):
            values = values[channel] if channel < len(values) else None
        if not isinstance(values, int | float):
            return None
        ends.append(float(values))
    return ends[0], ends[1]


def _read_log(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [{name: float(text) for name, text in row.items() if text} for row in csv.DictReader(file)]
    except (ValueError, TypeError) as error:
        raise RunError(f"'{path}' is not a training log of framecast ({error}).") from None


def _read_png(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    content = path.read_bytes()
    if not content.startswith(b"\x89PNG"):
        raise RunError(f"'{path}' is not a picture that framecast wrote.")
    return content


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"'{path}' is not readable as JSON ({error}).") from None
    if not isinstance(content, dict):
        raise RunError(f"'{path}' was not written by framecast: it holds no named values.")
    return content
