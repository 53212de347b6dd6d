"""``framecast evaluate``: the run and every baseline on the same unseen clips."""

import json
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from framecast.cli.recordings import open_alike, reopened, with_flags
from framecast.cli.terminal import (
    DeviceName,
    Flag,
    Json,
    PrecisionName,
    Quiet,
    Settings,
    progress_console,
    show,
    show_json,
)

Names = Annotated[tuple[str, ...], Parameter(metavar="NAME", negative="", show_default=False)]


def evaluate(
    run: Path,
    /,
    *,
    source: str | None = None,
    drop_repeats: Flag = False,
    assignments: Settings = (),
    split: Literal["test", "validation", "train", "all"] = "test",
    convention: Names = (),
    baseline: Names = (),
    threshold: Annotated[tuple[float, ...], Parameter(metavar="VALUE", negative="", show_default=False)] = (),
    max_clips: int | None = None,
    out: Path | None = None,
    device: DeviceName = "auto",
    precision: PrecisionName = 32,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """The run and every baseline on the same unseen clips, with a verdict.

    Parameters
    ----------
    run
        A run folder.
    source
        Other recordings than the run's own.
    drop_repeats
        Leave out every frame that equals the one before it.
    assignments
        How to read the recordings: --set source.layout=TNHW. Can be given several times.
    split
        Which part of the source; all takes every clip of a source that training never saw.
    convention
        How metrics are computed (see: framecast list conventions). Can be given several times; the first one leads.
    baseline
        What to compare with (see: framecast list baselines). Can be given several times; all that suit the recordings
        when not given.
    threshold
        What counts as an event, in the recording's own units (mm/h). Can be given several times.
    max_clips
        At most so many clips, spread evenly.
    out
        Folder for the results; RUN/evaluation when not given.
    device
        Where to compute.
    precision
        In what forecasts are computed; auto takes bf16 where the processor has it.
    quiet
        No progress, only the result.
    as_json
        Results as JSON on standard output.
    """
    from framecast.reports.tables import conventions_table, thresholds_line, verdict_table
    from framecast.training.progress import counting
    from framecast.workflows.evaluate import evaluate as run_evaluate

    assignments = with_flags(assignments, drop_repeats=drop_repeats)
    recordings = None
    if source is not None:
        recordings = open_alike(run, source, assignments)
    elif assignments:
        recordings = reopened(run, assignments)
    with counting(progress_console(silent=quiet or as_json), "evaluating") as watch:
        results = run_evaluate(
            run,
            source=recordings,
            split=split,
            conventions=convention,
            baselines=tuple(dict.fromkeys(baseline)),
            thresholds=threshold,
            max_clips=max_clips,
            out=out,
            device=device,
            precision=precision,
            watch=watch,
        )
    if as_json:
        show_json(json.loads(results.to_json()))
        return 0
    show(verdict_table(results), results.verdict and results.verdict.sentence)
    show(thresholds_line(results))
    show(conventions_table(results) if len(convention) > 1 else None)
    show(*(f"Not available: {name}: {reason}" for name, reason in results.unavailable.items()))
    show(*(f"Note: {warning}" for warning in results.notes))
    show(f"Written: {out or run / 'evaluation'}")
    return 0
