"""``framecast train``: recordings in, a run folder out."""

import dataclasses
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framecast.cli.terminal import (
    INTERRUPTED,
    DeviceName,
    Flag,
    Json,
    PrecisionName,
    Quiet,
    Settings,
    progress_console,
    show,
    show_json,
    show_note,
)
from framecast.frames.errors import ConfigurationError

if TYPE_CHECKING:
    from framecast.runs.config import RunConfig
    from framecast.runs.run import Run


def train(
    source: str | None = None,
    /,
    *,
    out: Path | None = None,
    preset: str | None = None,
    config: Path | None = None,
    model: str | None = None,
    context: int | None = None,
    horizon: int | None = None,
    epochs: int | None = None,
    max_steps: int | None = None,
    device: DeviceName | None = None,
    precision: PrecisionName | None = None,
    max_minutes: float | None = None,
    seed: int | None = None,
    drop_repeats: Flag = False,
    assignments: Settings = (),
    init_from: Path | None = None,
    dry_run: Flag = False,
    resume: Flag = False,
    overwrite: Flag = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Train a forecaster on recordings.

    Parameters
    ----------
    source
        A file, a folder, or the name of a generator; not needed when the configuration names one.
    out
        The run folder to write.
    preset
        Settings to start from (see: framecast list presets).
    config
        A YAML file that may name everything; flags win over it.
    model
        Which model (see: framecast list models).
    context
        Frames seen.
    horizon
        Frames to forecast.
    epochs
        Passes over the training clips.
    max_steps
        Stop after this many optimiser steps.
    device
        Where to compute.
    precision
        In what: auto takes bf16 where the processor has it, else 32; weights stay float32.
    max_minutes
        Stop after so many minutes, to be resumed.
    seed
        Every random draw follows from it.
    drop_repeats
        Leave out every frame that equals the one before it.
    assignments
        Any setting: --set training.optimizer.lr=1e-4. Can be given several times.
    init_from
        A run whose weights the model starts from.
    dry_run
        Show configuration, splits, parameters, and an estimate of time, memory and disk; write nothing.
    resume
        Continue the run in --out exactly where it stopped.
    overwrite
        Replace the run in --out.
    quiet
        No progress, only the result.
    as_json
        Results as JSON on standard output.
    """
    from framecast.runs.configure import configure
    from framecast.training.progress import progress_bar
    from framecast.workflows.train import resumed_config
    from framecast.workflows.train import train as run_train

    flags = {
        "model.name": model,
        "clips.context": context,
        "clips.horizon": horizon,
        "training.epochs": epochs,
        "training.max_steps": max_steps,
        "training.device": device,
        "training.precision": precision,
        "training.max_minutes": max_minutes,
        "training.seed": seed,
        "source.drop_repeats": drop_repeats or None,
    }
    named = [f"{key}={json.dumps(value)}" for key, value in flags.items() if value is not None]
    if resume:
        _refuse_with_resume(source=source, preset=preset, config=config, init_from=init_from, overwrite=overwrite)
        if out is None:
            raise ConfigurationError("--resume needs --out RUN, the run folder to continue.")
        resolved = resumed_config(out, assignments=[*assignments, *named])
    else:
        resolved = configure(source, preset=preset, file=config, assignments=[*assignments, *named])
    if dry_run:
        return _show_plan(resolved, as_json=as_json)
    with progress_bar(progress_console(silent=quiet or as_json)) as monitor:
        run = run_train(resolved, out=out, resume=resume, overwrite=overwrite, init_from=init_from, monitor=monitor)
    record = run.record
    if as_json:
        show_json({"run": str(run.folder.path), **dataclasses.asdict(record)})
    else:
        _print_training(run)
        show_note(record.waiting_advice)
    if record.status == "interrupted":
        show_note(f"Resume with: framecast train --resume --out {shlex.quote(str(run.folder.path))}")
        return INTERRUPTED
    return 0


def _print_training(run: "Run") -> None:
    record, folder = run.record, shlex.quote(str(run.folder.path))
    best = ""
    if record.best_epoch is not None:
        which = "best" if run.config.training.keep == "best" else "last"
        best = f", {which} validation loss {record.best_loss:.5f} in epoch {record.best_epoch}"
    compiling = f" ({record.compile_seconds:.0f} s of it compiling)" if record.compiled else ""
    show(f"{record.model}: {record.status} after {record.steps} steps in {record.seconds:.0f} s{compiling}{best}.")
    if record.status != "interrupted":
        show(f"Next: framecast evaluate {folder}, then framecast report {folder}")


def _show_plan(config: "RunConfig", *, as_json: bool) -> int:
    from framecast.reports.tables import plan_table
    from framecast.workflows.plan import plan

    planned = plan(config)
    if as_json:
        show_json(dataclasses.asdict(planned))
    else:
        show(planned.configuration, plan_table(dataclasses.asdict(planned)), *planned.notes)
    return 0


def _refuse_with_resume(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise ConfigurationError(
                f"--resume continues the run as it was configured; leave out {name.replace('_', '-')} (only training "
                "settings can change)."
            )
