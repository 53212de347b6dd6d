"""Published tables, read from the YAML files of this folder.

A figure belongs to a column (what is measured), a row (a method) and a group (rows of one origin and budget). It has
the convention that it was computed under (the row's, else the group's, else the column's), and may have known faults.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, final

import yaml

from framecast.frames.settings import settings

Known = Literal["source", "figure", "documentation", "thread", "recalled"]
"""How a figure is known: read in its authors' own files, in a figure of a paper, in documentation that quotes it, in a
thread, or recalled and not looked up."""

_FOLDER = Path(__file__).parent

PSNR_ALLOWANCE = 5.0
"""dB by which a mean of per-frame PSNR may lie above that of the mean squared error. It lies 0.3 to 2.3 dB above in all
published rows but those whose PSNR wraps, where it is 16 and more."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What is measured."""

    title: str
    convention: str | None = None
    """The convention of framecast under which its figures were computed; None for costs."""
    metric: str | None = None
    """Its name in that convention."""
    better: Literal["lower", "higher"] | None = None
    times: float = 1.0
    """What framecast's value is multiplied by to be in the table's unit."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the rows were asked to do."""

    data: str
    test: str
    context: int
    horizon: int
    size: tuple[int, int]
    channels: int
    loss: str
    sources: dict[str, str]
    """Kinds of sources whose clips may be set beside the table, each with a caveat or nothing; ``*`` is any other."""
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    """What such a source must be set to, as far as it has the setting."""
    test_clips: int | None = None
    training_sequences: int | None = None
    """In an epoch."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One method."""

    method: str
    values: dict[str, float]
    """By column."""
    known: Known
    epochs: int | None = None
    source: str = ""
    known_of: dict[str, Known] = field(default_factory=dict[str, Known])
    """By column, where it differs from the rest of the row."""
    conventions: dict[str, str | None] = field(default_factory=dict[str, str | None])
    """By column, where it is not that of its group; None where nobody knows."""
    faults: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By column: names of the table's faults."""
    notes: tuple[str, ...] = ()

    def known_by(self, column: str) -> Known:
        """How the figure in a column is known."""
        return self.known_of.get(column, self.known)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that may be compared with each other."""

    name: str
    title: str
    rows: tuple[Row, ...]
    epochs: int | None = None
    not_comparable: str = ""
    """Why its rows may not even be compared with each other; empty where they may."""
    faults: tuple[str, ...] = ()
    """Names of the table's faults that hold for every row."""
    notes: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """What the literature prints for one task."""

    name: str
    title: str
    source: str
    task: Task
    columns: dict[str, Column]
    groups: tuple[Group, ...]
    faults: dict[str, str] = field(default_factory=dict[str, str])
    """By name: a sentence."""
    notes: tuple[str, ...] = ()

    def convention(self, row: Row, column: str) -> str | None:
        """Under which convention a figure was computed; None for costs, and where nobody knows."""
        return row.conventions.get(column, self.columns[column].convention)

    @property
    def conventions(self) -> tuple[str, ...]:
        """All that a figure of the table was computed under, most figures first."""
        found = [
            name
            for group in self.groups
            for row in group.rows
            for column in row.values
            if (name := self.convention(row, column)) is not None
        ]
        return tuple(sorted(set(found), key=lambda name: -found.count(name)))

    def psnr_excess(self, row: Row) -> float | None:
        """By how many dB a row's PSNR lies above that of its mean squared error; None where it lacks one of them.

        The squared error is a sum over a frame, so that of D values has a PSNR of 10 log10(D / MSE).
        """
        if not {"mse", "psnr"} <= row.values.keys():
            return None
        values_of_frame = math.prod(self.task.size) * self.task.channels
        return row.values["psnr"] - 10 * math.log10(values_of_frame / row.values["mse"])

    def wraps(self, row: Row) -> bool:
        """Whether a row's PSNR cannot be that of its squared error."""
        excess = self.psnr_excess(row)
        return excess is not None and excess > PSNR_ALLOWANCE


@cache
def published_tables() -> Mapping[str, PublishedTable]:
    """All tables that ship with framecast, by name."""
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("*.yaml"), key=lambda path: path.stem)}


def _read(path: Path) -> PublishedTable:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    columns = set(content["columns"])
    content["groups"] = [_group(name, group, columns) for name, group in content["groups"].items()]
    return settings(PublishedTable, {"name": path.stem, **content}, where=path.name)


def _group(name: str, content: dict[str, Any], columns: set[str]) -> dict[str, Any]:
    """What a group says of all its rows goes to each of them."""
    content = dict(content)
    known, conventions = content.pop("known", None), content.pop("conventions", {})
    rows: list[dict[str, Any]] = []
    for method, given in content.pop("rows").items():
        row = {key: value for key, value in given.items() if key not in columns}
        values = {key: value for key, value in given.items() if key in columns}
        of_group = {column: convention for column, convention in conventions.items() if column in values}
        row["conventions"] = of_group | row.get("conventions", {})
        rows.append({"known": known, "epochs": content.get("epochs"), **row, "method": method, "values": values})
    return {**content, "name": name, "rows": rows}
