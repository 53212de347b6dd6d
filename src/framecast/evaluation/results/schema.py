"""Results: the documented, versioned record of an evaluation. Reports and comparisons read nothing else.

Files in the evaluation folder (``FILES``)::

    results.json    this record
    results.csv     the same numbers, one row for each convention, forecaster, metric and lead (0 is "overall")
    clips.npz       statistics of every clip: "convention/forecaster/statistic" -> (N, M) float64
    examples.npz    frames of a few chosen clips, native range scaled to [0, 1], float32:
                    "context" (E, K, C, H, W), "truth" (E, M, C, H, W), "forecast/<forecaster>" (E, M, C, H, W);
                    NaN where a value is missing

Readers ignore keys that they do not know; the number under ``schema`` changes only when a key changes its meaning.
"""

import csv
import dataclasses
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import RunError

SCHEMA = 1

FILES = ("results.json", "results.csv", "clips.npz", "examples.npz")

Role = Literal["model", "baseline"]
Example = Literal["typical", "best", "worst"]


@final
@dataclass(frozen=True, kw_only=True)
class Scores:
    """One forecaster under one convention. Values that are not defined are NaN here and null in the file."""

    role: Role
    overall: dict[str, float]
    """Metric name to its value over all clips and leads."""
    per_lead: dict[str, list[float]]
    """Metric name to M values, lead 1 first."""
    caveats: tuple[str, ...] = ()
    """Sentences that must stand beside these numbers."""


@final
@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """What a reader needs to know of a metric to show it."""

    summary: str
    better: Literal["lower", "higher", "zero"] | None
    """None for floors and ceilings."""
    unit: str = ""
    """``"dB"``; ``"(mm/h)²"`` where a convention reads native values; empty where there is none."""


@final
@dataclass(frozen=True, kw_only=True)
class ExampleClip:
    """A clip whose frames were kept."""

    why: Example
    sequence: str
    start: int
    """First context frame, 0-based, in the sequence."""
    score: float
    """The model's value of the leading metric on this clip."""


@final
@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Is the model better than the baselines?"""

    sentence: str
    beats_best_baseline: bool
    best_baseline: str
    skill: float
    """1 - MSE(model) / MSE(best baseline), over all leads; minus infinity (null in the file) for a baseline without any
    error, NaN for a model without a defined error."""
    skill_over_persistence: float | None
    """The same against copying the last frame; None when that was not evaluated."""
    skill_per_lead: list[float]
    """Against the best baseline, lead 1 first."""


@final
@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a forecast costs."""

    parameters: int
    trainable: int
    macs_per_frame: float
    """Multiply-accumulates for one forecast frame, the context's share included."""
    seconds_per_frame: float
    """Measured in this evaluation, batch as evaluated, all else included."""


@final
@dataclass(frozen=True, kw_only=True)
class Results:
    """An evaluation: the same clips through the model and through every baseline."""

    run: str
    """Name of the run folder."""
    model: str
    """The model's row in the tables."""
    source: str
    source_kind: str
    split: str
    clips: int
    sequences: int
    """Different sequences among the clips."""
    context: int
    horizon: int
    trained_horizon: int
    """A longer horizon was reached by chaining the model's own forecasts."""
    step_seconds: float | None
    """Seconds between frames of a clip."""
    units: str | None
    value_range: tuple[float, float]
    """The native range that image metrics scale to [0, 1]; over all channels, where each has its own."""
    conventions: dict[str, dict[str, Scores]]
    """Convention name to forecaster name to scores; the first convention leads."""
    metrics: dict[str, MetricInfo]
    """By metric; a convention that defines one differently than those before it has "convention/metric" besides."""
    verdict: Verdict | None
    """None when no baseline was evaluated."""
    cost: Cost
    groups: int = 0
    """Different groups (people, videos, days) among the clips: how many independent recordings they are."""
    repeated_share: float = 0.0
    """Share of the steps from one frame of a clip to the next in which nothing at all changes."""
    precision: str = "32"
    """In what forecasts were computed: "32" or "bf16"."""
    examples: list[ExampleClip] = field(default_factory=list["ExampleClip"])
    warnings: list[str] = field(default_factory=list[str])
    created: str = ""
    """UTC, ISO 8601."""
    framecast: str = ""
    """Version that made it."""
    schema: int = SCHEMA

    def metric_info(self, convention: str, metric: str) -> MetricInfo | None:
        """What a metric is under one of the conventions; None when the file does not tell."""
        return self.metrics.get(f"{convention}/{metric}", self.metrics.get(metric))

    @property
    def notes(self) -> list[str]:
        """The warnings, and what must stand beside the numbers of each forecaster."""
        caveats = [
            f"{name}: {caveat}"
            for forecasters in self.conventions.values()
            for name, scores in forecasters.items()
            for caveat in scores.caveats
        ]
        return list(dict.fromkeys([*self.warnings, *caveats]))

    def to_json(self) -> str:
        """The text of ``results.json``; NaN and infinity become null."""
        record = dataclasses.asdict(self)
        ordered = {"schema": record.pop("schema"), **record}
        return json.dumps(_finite(ordered), indent=2, allow_nan=False, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str) -> Self:
        """Read a record; unknown keys are ignored.

        Args:
            text: what :meth:`to_json` wrote.
            where: the file's name, for errors.

        Raises:
            RunError: not such a record, or of a schema that this version cannot read.
        """
        try:
            record = json.loads(text)
            schema = record["schema"]
            if schema != SCHEMA:
                raise RunError(f"'{where}' has results schema {schema}; this version of framecast reads {SCHEMA}.")
            fields: dict[str, Any] = _known(cls, record)
            fields["conventions"] = {
                convention: {name: _scores(row) for name, row in rows.items()}
                for convention, rows in record["conventions"].items()
            }
            fields["metrics"] = {
                name: MetricInfo(**_known(MetricInfo, info)) for name, info in record["metrics"].items()
            }
            fields["verdict"] = None if record["verdict"] is None else _verdict(record["verdict"])
            fields["cost"] = Cost(**_known(Cost, _nan(record["cost"])))
            fields["examples"] = [ExampleClip(**_known(ExampleClip, _nan(clip))) for clip in record["examples"]]
            fields["value_range"] = tuple(record["value_range"])
            return cls(**fields)
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"'{where}' is not a results file of framecast ({error}); run 'framecast evaluate' anew."
            ) from None

    def rows(self) -> list[dict[str, str | int | float]]:
        """The long table: one row for each convention, forecaster, metric and lead (0: overall)."""
        table: list[dict[str, str | int | float]] = []
        for convention, forecasters in self.conventions.items():
            for name, scores in forecasters.items():
                for metric, overall in scores.overall.items():
                    for lead, value in enumerate([overall, *scores.per_lead[metric]]):
                        table.append(
                            {
                                "convention": convention,
                                "forecaster": name,
                                "role": scores.role,
                                "metric": metric,
                                "lead": lead,
                                "value": value,
                            }
                        )
        return table


def save_results(
    folder: Path,
    results: Results,
    *,
    per_clip: Mapping[str, Any],
    examples: Mapping[str, Any],
) -> None:
    """Write the four files; only files of these names are replaced. The record comes last, when all else is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["convention", "forecaster", "role", "metric", "lead", "value"])
        writer.writeheader()
        writer.writerows(results.rows())
    np.savez_compressed(folder / "clips.npz", **per_clip)
    np.savez_compressed(folder / "examples.npz", **examples)
    (folder / "results.json").write_text(results.to_json(), encoding="utf-8")


def check_replaceable(folder: Path) -> None:
    """See whether results may be written to a folder that somebody named.

    Raises:
        RunError: files of the same names are there, and they are no results of framecast.
    """
    there = [name for name in FILES if (folder / name).exists()]
    if there and not (folder / "results.json").is_file():
        raise RunError(f"'{folder}' already holds {', '.join(there)}, not written by framecast; choose another --out.")
    if there:
        load_results(folder)


def load_results(folder: Path) -> Results:
    """Read ``results.json`` of an evaluation folder.

    Raises:
        RunError: there is none; says which command makes it.
    """
    path = folder / "results.json"
    if not path.is_file():
        raise RunError(f"'{folder}' holds no results; run 'framecast evaluate' on the run first.")
    return Results.from_json(path.read_text(encoding="utf-8"), where=str(path))


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read ``clips.npz`` or ``examples.npz``.

    Raises:
        RunError: the file is missing or damaged.
    """
    if not path.is_file():
        raise RunError(f"'{path}' is missing; run 'framecast evaluate' on the run again.")
    try:
        # Opened here, because numpy leaves the file open when it turns out not to be an archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise RunError(f"'{path}' cannot be read ({error}); run 'framecast evaluate' on the run again.") from None


def _known(kind: type[Any], record: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    return {name: value for name, value in record.items() if name in names}


def _scores(row: dict[str, Any]) -> Scores:
    fields = _known(Scores, _nan(row))
    fields["caveats"] = tuple(fields.get("caveats", ()))
    return Scores(**fields)


def _verdict(record: dict[str, Any]) -> Verdict:
    # The skill over persistence is really null when persistence was not evaluated.
    undefined = {name: _nan(record[name]) for name in ("skill", "skill_per_lead")}
    return Verdict(**_known(Verdict, record | undefined))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _nan(value: Any) -> Any:
    """null back to NaN, below a record in which every number is a float."""
    if isinstance(value, dict):
        return {name: _nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_nan(item) for item in value]
    return math.nan if value is None else value
