"""The record of an evaluation as dataclasses, to JSON and back."""

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, final

from framecast.frames.errors import RunError

SCHEMA = 1

Role = Literal["model", "baseline"]
Example = Literal["typical", "best", "worst"]
Unit = Literal["group", "block", "none"]

Interval = tuple[float, float]
"""Lowest and highest value that are plausible at 95%; NaN where nothing can be said."""


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
    intervals: dict[str, Interval] = field(default_factory=dict[str, Interval])
    """By metric: of the overall value. Empty where there are none (see :class:`Independence`)."""
    per_lead_intervals: dict[str, list[Interval]] = field(default_factory=dict[str, list[Interval]])
    """By metric: of the value of each lead."""
    by: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict[str, dict[str, dict[str, float]]])
    """Overall values of parts: by kind (``"channel"``, ``"group"``, ``"class"``, ``"day"``), by name, by metric."""


@final
@dataclass(frozen=True, kw_only=True)
class Difference:
    """Model minus baseline, of one metric over all clips and leads."""

    value: float
    interval: Interval | None
    """Of the difference, from the same draws for both; None where there is none."""
    outcome: Literal["better", "worse", "unclear"]
    """What the interval says of the model; unclear where it holds 0, or there is none."""


@final
@dataclass(frozen=True, kw_only=True)
class Independence:
    """What intervals are drawn over: the parts of the clips that are independent of each other."""

    unit: Unit
    """``group``: people, videos, days. ``block``: stretches of one long recording. ``none``: no interval is given."""
    count: int
    """How many of them."""
    reason: str
    """One sentence: over what the intervals are drawn, or why there are none."""


@final
@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """What a reader needs to know of a metric to show it."""

    summary: str
    better: Literal["lower", "higher", "zero", "one"] | None
    """None for floors and ceilings."""
    unit: str = ""
    """``"dB"``; ``"(mm/h)²"`` where a convention reads native values; empty where there is none."""
    family: str = ""
    """What metrics that differ only by threshold and window share: ``"csi"`` of ``csi@0.5``; empty for the others."""
    threshold: float | None = None
    window: int | None = None
    """Pixels of the neighbourhood in which an event counts."""


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
    skill_interval: Interval | None = None
    """Of ``skill``; None where there is none."""
    skill_per_lead_intervals: list[Interval] = field(default_factory=list[Interval])
    """Of ``skill_per_lead``; empty where there are none."""
    outcome: Literal["better", "worse", "unclear"] = "unclear"
    """What the interval of the skill says of the model; unclear where it holds 0, or there is none."""


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
    dead: int = 0
    """Those of ``trainable`` that no forecast depends on: they are counted, and never used."""
    latency_seconds: dict[str, float] = field(default_factory=dict[str, float])
    """By forecaster: median time from one context to its forecast, divided by the frames of the horizon, for a single
    clip."""


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
    independence: Independence = field(
        default_factory=lambda: Independence(unit="none", count=0, reason="No intervals were computed.")
    )
    differences: dict[str, dict[str, dict[str, Difference]]] = field(
        default_factory=dict[str, dict[str, dict[str, Difference]]]
    )
    """By convention, by baseline, by metric: the model against it."""
    unavailable: dict[str, str] = field(default_factory=dict[str, str])
    """By metric (``convention/metric``) or baseline that was asked for and not computed: why, and how to get it."""
    weights: str = ""
    """SHA-256 of the run's ``weights.safetensors``, by which results of an earlier state of it are known."""
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
            fields["independence"] = _independence(record)
            fields["differences"] = {
                convention: {
                    name: {metric: _difference(one) for metric, one in row.items()} for name, row in rows.items()
                }
                for convention, rows in record.get("differences", {}).items()
            }
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
                    ends = [scores.intervals.get(metric), *scores.per_lead_intervals.get(metric, ())]
                    for lead, value in enumerate([overall, *scores.per_lead[metric]]):
                        low, high = (ends[lead] if lead < len(ends) else None) or ("", "")
                        table.append(
                            {
                                "convention": convention,
                                "forecaster": name,
                                "role": scores.role,
                                "metric": metric,
                                "lead": lead,
                                "value": value,
                                "low": low,
                                "high": high,
                            }
                        )
        return table


def _known(kind: type[Any], record: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    return {name: value for name, value in record.items() if name in names}


def _scores(row: dict[str, Any]) -> Scores:
    fields = _known(Scores, _nan(row))
    fields["caveats"] = tuple(fields.get("caveats", ()))
    fields["intervals"] = {name: _interval(ends) for name, ends in fields.get("intervals", {}).items()}
    fields["per_lead_intervals"] = {
        name: [_interval(ends) for ends in rows] for name, rows in fields.get("per_lead_intervals", {}).items()
    }
    return Scores(**fields)


def _interval(ends: Sequence[float | None]) -> Interval:
    low, high = ends
    return math.nan if low is None else low, math.nan if high is None else high


def _difference(record: dict[str, Any]) -> Difference:
    fields = _known(Difference, record)
    fields["value"] = _nan(record["value"])
    fields["interval"] = None if record["interval"] is None else _interval(record["interval"])
    return Difference(**fields)


def _independence(record: dict[str, Any]) -> Independence:
    if "independence" not in record:
        return Independence(unit="none", count=0, reason="These results were made before there were intervals.")
    return Independence(**_known(Independence, record["independence"]))


def _verdict(record: dict[str, Any]) -> Verdict:
    # The skill over persistence is really null when persistence was not evaluated.
    fields: dict[str, Any] = {name: _nan(record[name]) for name in ("skill", "skill_per_lead")}
    if record.get("skill_interval") is not None:
        fields["skill_interval"] = _interval(record["skill_interval"])
    fields["skill_per_lead_intervals"] = [_interval(ends) for ends in record.get("skill_per_lead_intervals", [])]
    return Verdict(**_known(Verdict, record | fields))


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
