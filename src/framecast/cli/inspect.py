"""``framecast inspect``: what a source holds."""

from collections.abc import Sequence
from pathlib import Path

from framecast.cli.recordings import open_named, with_flags
from framecast.cli.terminal import Flag, Json, Settings, show, show_json
from framecast.frames.errors import ConfigurationError


def inspect(
    source: str,
    /,
    *,
    out: Path | None = None,
    splits: Flag = False,
    drop_repeats: Flag = False,
    assignments: Settings = (),
    overwrite: Flag = False,
    as_json: Json = False,
) -> int:
    """What is in a source: sequences, sizes, types, ranges, time steps, missing values, repeats.

    Parameters
    ----------
    source
        A file, a folder, or the name of a generator (see: framecast list sources).
    out
        Folder for inspect.json, frames.png and histogram.png.
    splits
        Who would go to training, validation and test; --set takes clips settings too: --set clips.split.by=time.
    drop_repeats
        Leave out every frame that equals the one before it.
    assignments
        How to read the source: --set source.layout=TNHW. Can be given several times.
    overwrite
        Replace these three files.
    as_json
        Results as JSON on standard output.
    """
    from framecast.reports.tables import inspection_table
    from framecast.workflows.inspect import inspect as run_inspect

    assignments = with_flags(assignments, drop_repeats=drop_repeats)
    if splits:
        if out is not None:
            raise ConfigurationError("--splits shows a table and writes nothing; leave --out away, or --splits.")
        return _show_splits(source, assignments, as_json=as_json)
    inspection = run_inspect(open_named(source, assignments), out=out, overwrite=overwrite)
    if as_json:
        show_json(inspection.as_dict())
        return 0
    show(inspection_table(inspection.as_dict()), *inspection.notes)
    show(*(f"Not read: '{rejected['path']}': {rejected['reason']}." for rejected in inspection.rejected))
    if out is not None:
        show(f"Written: {out / 'inspect.json'}, {out / 'frames.png'}, {out / 'histogram.png'}")
    return 0


def _show_splits(source: str, assignments: Sequence[str], *, as_json: bool) -> int:
    from framecast.reports.tables import split_table
    from framecast.runs.configure import configure
    from framecast.workflows.inspect import inspect_splits

    config = configure(source, assignments=list(assignments))
    opened = config.source.open()
    view = inspect_splits(opened, config.clips)
    if as_json:
        show_json(view.as_dict())
        return 0
    show(split_table(view.as_dict()), *view.notes)
    show(*(f"Not read: '{rejected.path}': {rejected.reason}." for rejected in opened.rejected))
    return 0
