"""Audit: what a convention computes, what a published table holds, and where a run would stand in it."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from framecast.evaluation.definitions import Comparability, definitions
from framecast.evaluation.placing import Placing, RunFacts, place
from framecast.evaluation.published.table import PublishedTable, published_tables
from framecast.evaluation.results import Results, load_results
from framecast.frames.errors import ConfigurationError, FramecastError, unknown_choice
from framecast.frames.settings import settings
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.table import CONVENTIONS
from framecast.runs.config import RunConfig
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.resolve import read_yaml, resolve
from framecast.sources.table import SOURCES


@final
@dataclass(frozen=True, kw_only=True)
class Overview:
    """All that can be asked about."""

    tables: dict[str, str]
    """Published tables, each with its title."""
    conventions: dict[str, str]
    """Conventions, each with one line."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


@final
@dataclass(frozen=True, kw_only=True)
class ConventionAudit:
    """One convention."""

    convention: Convention
    traits: dict[str, dict[str, str]]
    """By metric, what the convention decides where others decide differently."""
    used_by: dict[str, tuple[str, ...]]
    """Published tables with figures of it, and their columns."""
    comparisons: tuple[Comparability, ...]
    facts: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "convention": self.convention.name,
            "summary": self.convention.summary,
            "source": self.convention.source,
            "metrics": {
                metric.name: {"summary": metric.summary, "better": metric.better, "unit": metric.unit}
                for metric in self.convention.metrics
            },
            "notes": self.convention.notes,
            "traits": self.traits,
            "used_by": self.used_by,
            "comparisons": [dataclasses.asdict(comparison) for comparison in self.comparisons],
            "facts": self.facts,
        }


@final
@dataclass(frozen=True, kw_only=True)
class TableAudit:
    """One published table, and a run beside it where one was given."""

    table: PublishedTable
    wrapping: tuple[tuple[str, str, float], ...]
    """(group, method, dB): rows whose PSNR lies so far above that of their own squared error."""
    placing: Placing | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [
            {
                "group": group.name,
                **dataclasses.asdict(row),
                "conventions": {name: self.table.convention(row, name) for name in row.values},
            }
            for group in self.table.groups
            for row in group.rows
        ]
        table = dataclasses.asdict(self.table)
        for group in table["groups"]:
            del group["rows"]
        return {
            "table": table,
            "rows": rows,
            "wrapping": [
                {"group": group, "method": method, "excess": excess} for group, method, excess in self.wrapping
            ],
            "placing": None if self.placing is None else dataclasses.asdict(self.placing),
        }


def audit(
    name: str | None = None, *, run: str | Path | None = None, results: str | Path | None = None
) -> Overview | ConventionAudit | TableAudit:
    """Explain a convention or a published table.

    Args:
        name: of either; None lists both.
        run: a run folder to set beside a published table.
        results: the folder of an evaluation of that run; None takes ``RUN/evaluation``.

    Raises:
        ConfigurationError: there is neither such a convention nor such a table, or a run was given without a table.
        RunError: no such run, or it was not evaluated, or not with a convention of the table; names the command.
    """
    tables = published_tables()
    if run is None and results is not None:
        raise ConfigurationError("The folder of an evaluation needs its run besides; give both --run and --results.")
    if run is not None and name not in tables:
        raise ConfigurationError(
            f"A run is set beside a published table, found {_quoted(name)}. Choose from: {', '.join(tables)}."
        )
    if name is None:
        return Overview(
            tables={key: table.title for key, table in tables.items()},
            conventions={key: entry.summary for key, entry in CONVENTIONS.items()},
        )
    if name in CONVENTIONS:
        return _convention(name)
    if name not in tables and RunFolder(name).holds_a_run:
        raise ConfigurationError(
            f"'{name}' is a run; name the table that it is to be set beside: framecast audit moving-mnist --run {name}."
            f" Choose from: {', '.join(tables)}."
        )
    if name not in tables:
        raise ConfigurationError(unknown_choice("convention or published table", name, [*CONVENTIONS, *tables]))
    table = tables[name]
    return TableAudit(
        table=table,
        wrapping=tuple(
            (group.name, row.method, excess)
            for group in table.groups
            for row in group.rows
            if table.wraps(row) and (excess := table.psnr_excess(row)) is not None
        ),
        placing=None if run is None else _placed(table, RunFolder(run).require(), run, results),
    )


def _convention(name: str) -> ConventionAudit:
    known = definitions()
    convention: Convention = CONVENTIONS.load(name)
    used_by = {
        key: tuple(
            column
            for column in table.columns
            if any(
                column in row.values and table.convention(row, column) == name
                for group in table.groups
                for row in group.rows
            )
        )
        for key, table in published_tables().items()
    }
    return ConventionAudit(
        convention=convention.at(convention.thresholds or ()),
        traits=known.traits(name),
        used_by={key: columns for key, columns in used_by.items() if columns},
        comparisons=known.compare(name),
        facts=known.facts,
    )


def _placed(table: PublishedTable, folder: RunFolder, run: str | Path, results: str | Path | None) -> Placing:
    found = load_results(folder.evaluation if results is None else Path(results))
    config, record = resolve(read_yaml(folder.config)), RunRecord.load(folder.record)
    facts = RunFacts(
        folder=str(run),
        size=(record.spec.height, record.spec.width),
        channels=len(record.spec.forecast_channels) or record.spec.channels,
        loss={name: _weight(value) for name, value in config.loss.items()},
        training_clips=record.steps * config.training.batch_size,
        epochs=record.epochs,
        trained_on=_kind(config),
        source_settings=_source_settings(config, found),
    )
    return place(table, found, facts)


def _weight(value: Any) -> float:
    """Of one entry of the configuration's ``loss``."""
    if isinstance(value, dict):
        value = value.get("weight", 1.0)
    return 1.0 if value is None else float(value)


def _kind(config: RunConfig) -> str:
    return config.source.kind or (config.source.location if config.source.location in SOURCES else "")


def _source_settings(config: RunConfig, results: Results) -> dict[str, Any]:
    """Of the evaluated recordings, where they are those of the run: what was set, and else the defaults."""
    kind = results.source_kind
    if kind not in SOURCES or results.source != config.source.location:
        return {}
    try:
        return dataclasses.asdict(settings(SOURCES.load(kind).config_class, config.source.options, where="source"))
    except FramecastError:  # options of another reader than the one that was used
        return {}


def _quoted(name: str | None) -> str:
    return "none" if name is None else f"'{name}'"
