"""``framecast prepare``: recordings in, a store out that training reads at the speed of the disk."""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from framecast.cli.recordings import source_section, with_flags
from framecast.cli.terminal import Flag, Json, Quiet, Settings, progress_console, show, show_json
from framecast.frames.errors import ConfigurationError

if TYPE_CHECKING:
    from framecast.workflows.prepare import Preparation


def prepare(
    source: str,
    /,
    *,
    out: Path,
    size: Annotated[str | None, Parameter(metavar="SIZE")] = None,
    color: Literal["keep", "grey", "rgb"] = "keep",
    compression: Literal["none", "zstd"] = "none",
    workers: int | None = None,
    dask: Annotated[str | None, Parameter(metavar="ADDRESS")] = None,
    max_rejected: Annotated[float, Parameter(metavar="SHARE")] = 0.5,
    drop_repeats: Flag = False,
    assignments: Settings = (),
    overwrite: Flag = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Decode recordings once into a store that training reads at the speed of the disk.

    A second call on an unchanged source does nothing, and one that was stopped goes on where it was.

    Parameters
    ----------
    source
        A file, a folder, or the name of a generator (see: framecast list sources).
    out
        The store, a folder; usually named something.zarr.
    size
        Height and width of the stored frames: 64, or 48x64. As they are when not given.
    color
        Of the stored frames.
    compression
        none reads fastest, zstd takes less room.
    workers
        Processes that decode; as many as there are processors when not given.
    dask
        Address of a Dask scheduler, tcp://host:8786; its workers decode instead.
    max_rejected
        Share of recordings that may turn out unreadable; they are left out and named.
    drop_repeats
        Leave out every frame that equals the one before it.
    assignments
        How to read the source: --set source.layout=TNHW. Can be given several times.
    overwrite
        Prepare everything anew, and replace a store whatever it was prepared from.
    quiet
        No progress, only the result.
    as_json
        Results as JSON on standard output.
    """
    from framecast.training.progress import counting
    from framecast.workflows.prepare import prepare as run_prepare

    options = source_section(with_flags(assignments, drop_repeats=drop_repeats))
    kind = options.pop("kind", None)
    with counting(progress_console(silent=quiet or as_json), "preparing") as watch:
        done = run_prepare(
            source,
            out=out,
            kind=kind,
            options=options,
            size=_size(size),
            color=color,
            compression=compression,
            workers=_processors() if workers is None else workers,
            dask=dask,
            max_rejected=max_rejected,
            overwrite=overwrite,
            watch=watch,
        )
    if as_json:
        show_json(dataclasses.asdict(done))
        return 0
    show(*_told(done))
    return 0


def _told(done: "Preparation") -> list[str]:
    lines = [f"Note: {note}" for note in done.notes]
    lines += [f"Left out: {one.path}: {one.reason}." for one in done.rejected]
    plural = "" if done.sequences == 1 else "s"
    found = f"{done.sequences} sequence{plural}, {done.frames} frames, {done.bytes / 1e6:.1f} MB"
    if done.unchanged:
        return [*lines, f"'{done.path}' is up to date: {found}."]
    changes = [f"{done.prepared} prepared"]
    changes += [f"{done.kept} kept"] if done.kept else []
    changes += [f"{done.dropped} dropped"] if done.dropped else []
    return [*lines, f"Written: {done.path} ({found}; {', '.join(changes)})"]


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    numbers = text.lower().replace("×", "x").split("x")
    if not 1 <= len(numbers) <= 2 or not all(number.strip().isdecimal() for number in numbers):
        raise ConfigurationError(f"--size is one number, or height x width such as 48x64; found '{text}'.")
    return int(numbers[0]), int(numbers[-1])


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
