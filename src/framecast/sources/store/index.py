"""The index of a prepared store: what its sequences are and where their frames lie, in one JSON file.

It is the ``zarr.json`` of the store's root group, so that replacing that file replaces the index in one step. It is
compact: what many sequences share is written once, and a column in which every row is the same is one value. Hundred
thousand sequences are read in about a second.

::

    STORE.zarr/
      zarr.json                   the root group; attribute "framecast_store" holds the index
      parts/<name>/zarr.json      a group; attribute "framecast_part" holds a record of each sequence (store_part.py)
      parts/<name>/frames/        a sharded array (T, C, H, W): the frames of the part's sequences, one after the other
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import Any, final

from framecast.frames.errors import SourceError
from framecast.frames.grid import Axis, Grid
from framecast.frames.sequence import SequenceInfo
from framecast.frames.source import Rejected

MARK = "framecast_store"
"""The attribute of the root group by which a store is known."""

SCHEMA = 1

WORK_ENDING = ".part"
"""Added to the name of a store for the folder of its unfinished parts."""

_GROUP_FILE = "zarr.json"
_SHARED = (
    "channels",
    "height",
    "width",
    "dtype",
    "label",
    "step_seconds",
    "units",
    "has_missing",
    "fixed_orientation",
    "channel_names",
    "channel_units",
    "value_range",
)
"""Fields in which most sequences of a store agree."""


@final
@dataclass(frozen=True, slots=True)
class StoredSequence:
    """Where the frames of a sequence lie."""

    info: SequenceInfo

    part: str
    """Name of the part."""

    first: int
    """Row of the part's array that holds the first frame."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StoreIndex:
    """What a prepared store holds."""

    sequences: tuple[StoredSequence, ...]
    """In the order of the source that they come from."""

    parts: tuple[str, ...]
    """Names of all parts of the store; some may hold nothing but records of what could not be read."""

    rejected: tuple[Rejected, ...]
    """What could not be read when the store was prepared."""

    origin: Mapping[str, Any]
    """What was prepared, and how: kind, location and settings of the source, size, colour, compression."""

    division: Mapping[str, Any]
    """Who would train and who would test by the default settings; a record, training divides by its own settings."""

    version: str
    """The framecast that wrote the index."""

    def to_json(self) -> dict[str, Any]:
        """The value of the attribute."""
        kinds, numbers = _kinds([stored.info for stored in self.sequences])
        place = {part: number for number, part in enumerate(self.parts)}
        infos = [stored.info for stored in self.sequences]
        return {
            "schema": SCHEMA,
            "version": self.version,
            "origin": dict(self.origin),
            "division": dict(self.division),
            "rejected": [[one.path, one.reason] for one in self.rejected],
            "parts": list(self.parts),
            "num_sequences": len(infos),
            **kinds,
            "columns": {
                "name": _column([info.name for info in infos]),
                "group": _column([None if info.group == info.name else info.group for info in infos]),
                "num_frames": _column([info.num_frames for info in infos]),
                "start_time": _column([info.start_time and info.start_time.isoformat() for info in infos]),
                "split": _column([info.split for info in infos]),
                "kind": _column(numbers),
                "part": _column([place[stored.part] for stored in self.sequences]),
                "first": _column([stored.first for stored in self.sequences]),
            },
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], store: Path) -> "StoreIndex":
        """What :meth:`to_json` described; ``store`` becomes the path of every sequence."""
        columns, parts, count = content["columns"], content["parts"], content["num_sequences"]
        grids = [_grid_from(grid) for grid in content["grids"]]
        kinds = [_kind_from(kind, grids) for kind in content["kinds"]]
        names = ("name", "group", "num_frames", "start_time", "split", "kind", "part", "first")
        path = str(store)
        sequences = tuple(
            StoredSequence(
                SequenceInfo(
                    name=name,
                    group=group or "",
                    num_frames=num_frames,
                    start_time=start and datetime.fromisoformat(start),
                    split=split,
                    path=path,
                    **kinds[kind],
                ),
                parts[part],
                first,
            )
            for name, group, num_frames, start, split, kind, part, first in zip(
                *(_rows(columns[name], count) for name in names), strict=True
            )
        )
        return cls(
            sequences=sequences,
            parts=tuple(parts),
            rejected=tuple(Rejected(path, reason) for path, reason in content["rejected"]),
            origin=content["origin"],
            division=content["division"],
            version=content["version"],
        )


def is_store(folder: Path) -> bool:
    """Whether a folder is a prepared store, finished or damaged; a half-written one is not."""
    try:
        return f'"{MARK}"'.encode() in (folder / _GROUP_FILE).read_bytes()
    except OSError:
        return False


def read_index(store: Path) -> StoreIndex:
    """The index of a store.

    Raises:
        SourceError: it is damaged, or was written by a newer framecast.
    """
    try:
        content = read_group(store)[MARK]
        if content["schema"] > SCHEMA:
            raise SourceError(
                f"'{store}' was prepared by a newer framecast ({content['version']}): upgrade framecast, or prepare "
                "the recordings again with this one."
            )
        return StoreIndex.from_json(content, store.absolute())
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SourceError(
            f"The index of the prepared store '{store}' is damaged ({error}); prepare the recordings again with "
            "'framecast prepare --overwrite'."
        ) from None


def write_index(store: Path, index: StoreIndex) -> None:
    """Write or replace the index, in one step."""
    write_group(store, {MARK: index.to_json()})


def read_group(folder: Path) -> dict[str, Any]:
    """The attributes of a Zarr group."""
    return json.loads((folder / _GROUP_FILE).read_bytes())["attributes"]


def write_group(folder: Path, attributes: Mapping[str, Any]) -> None:
    """Make a Zarr group, or replace its attributes, in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    # Attributes first: whoever looks for the mark finds it near the beginning.
    content = {"attributes": dict(attributes), "zarr_format": 3, "node_type": "group"}
    fresh = folder / f".{_GROUP_FILE}.{os.getpid()}"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(content, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / _GROUP_FILE)


def _column(values: list[Any]) -> dict[str, Any]:
    first = values[0] if values else None
    return {"all": first} if all(value == first for value in values) else {"each": values}


def _rows(column: Mapping[str, Any], count: int) -> Iterable[Any]:
    return column["each"] if "each" in column else repeat(column["all"], count)


def _kinds(infos: Sequence[SequenceInfo]) -> tuple[dict[str, Any], list[int]]:
    """What sequences share, written once; and for each sequence the number of its kind."""
    grids: dict[str, int] = {}
    seen: dict[int, int] = {}  # by identity: writing out a grid takes longer than everything else
    kinds: dict[tuple[Any, ...], int] = {}
    numbers: list[int] = []
    for info in infos:
        if info.grid is None:
            grid = None
        elif (grid := seen.get(id(info.grid))) is None:
            grid = seen[id(info.grid)] = grids.setdefault(json.dumps(_grid_to(info.grid)), len(grids))
        kind = (*(getattr(info, name) for name in _SHARED), grid)
        numbers.append(kinds.setdefault(kind, len(kinds)))
    rows = [dict(zip((*_SHARED, "grid"), kind, strict=True)) for kind in kinds]
    return {"grids": [json.loads(text) for text in grids], "kinds": rows}, numbers


def _kind_from(row: Mapping[str, Any], grids: list[Grid]) -> dict[str, Any]:
    known = {name: row.get(name) for name in _SHARED}
    for name in ("channel_names", "channel_units"):  # stores of earlier versions have no units of channels
        known[name] = tuple(known[name] or ())
    known["label"] = known["label"] or ""  # of earlier versions too
    known["value_range"] = known["value_range"] and tuple(map(float, known["value_range"]))
    known["grid"] = None if row["grid"] is None else grids[row["grid"]]
    return known


def _grid_to(grid: Grid) -> dict[str, Any]:
    axes = {name: [axis.name, axis.units, axis.standard_name, axis.values] for name, axis in _axes(grid).items()}
    return {**axes, "projection": dict(grid.projection)}


def _grid_from(row: Mapping[str, Any]) -> Grid:
    y, x = (
        Axis(name=name, units=units, standard_name=standard_name, values=tuple(values))
        for name, units, standard_name, values in (row["y"], row["x"])
    )
    return Grid(y=y, x=x, projection=row["projection"])


def _axes(grid: Grid) -> dict[str, Axis]:
    return {"y": grid.y, "x": grid.x}
