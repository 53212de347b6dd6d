"""The files of an evaluation: writing and reading them (see :mod:`framecast.evaluation.results` for what they hold)."""

import csv
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from framecast.evaluation.results.schema import Results
from framecast.frames.errors import RunError
from framecast.runs.folder import EVALUATION_FILES


def save_results(
    folder: Path,
    results: Results,
    *,
    origins: Sequence[Mapping[str, Any]],
    per_clip: Mapping[str, Any],
    diagrams: Mapping[str, Any],
    examples: Mapping[str, Any],
) -> None:
    """Write the files; only files of these names are replaced. The record comes last, when all else is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["convention", "forecaster", "role", "metric", "lead", "value", "low", "high"])
        writer.writeheader()
        writer.writerows(results.rows())
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["clip", "sequence", "group", "class", "start", "time"])
        writer.writeheader()
        writer.writerows(origins)
    np.savez_compressed(folder / "clips.npz", **per_clip)
    np.savez_compressed(folder / "diagrams.npz", **diagrams)
    np.savez_compressed(folder / "examples.npz", **examples)
    (folder / "results.json").write_text(results.to_json(), encoding="utf-8")


def check_replaceable(folder: Path) -> None:
    """See whether results may be written to a folder that somebody named.

    Raises:
        RunError: files of the same names are there, and they are no results of framecast.
    """
    there = [name for name in EVALUATION_FILES if (folder / name).exists()]
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
