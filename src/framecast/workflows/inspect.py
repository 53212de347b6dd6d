"""Inspect: what a source holds, as a record and as pictures."""

from pathlib import Path

from framecast.clips.config import ClipsConfig
from framecast.clips.split_view import SplitView, view_splits
from framecast.frames.errors import SourceError
from framecast.frames.source import Source
from framecast.sources.inspection import Inspection, inspect_source
from framecast.sources.open import open_source
from framecast.workflows.data_page import FILES, write_data_page


def inspect(
    source: str | Path | Source, *, out: str | Path | None = None, kind: str | None = None, overwrite: bool = False
) -> Inspection:
    """Look at a source.

    Args:
        source: a path, the name of a generator, or a source.
        out: folder for ``inspect.json``, ``frames.png`` (a grid of sample frames) and ``histogram.png``; None writes
            nothing.
        kind: the reader to use; None finds it.
        overwrite: replace these files.

    Raises:
        SourceError: nothing readable, or the files are already there, or ``out`` is a file.
    """
    opened = open_source(source, kind=kind)
    folder = None if out is None else Path(out)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise SourceError(f"'{folder}' is a file; --out needs a folder for {', '.join(FILES)}.")
    if folder is not None and not overwrite:
        there = [name for name in FILES if (folder / name).exists()]
        if there:
            raise SourceError(
                f"'{folder}' already holds {', '.join(there)}; choose another --out, or replace them with --overwrite."
            )
    return inspect_source(opened) if folder is None else write_data_page(opened, folder)


def inspect_splits(source: str | Path | Source, clips: ClipsConfig | None = None) -> SplitView:
    """Who would go where in a training; no frame is read.

    Args:
        source: a path, the name of a generator, or a source.
        clips: length of the clips, and how to divide; None takes the defaults.

    Raises:
        FramecastError: nothing readable, nothing long enough for a clip, or a division that is not possible.
    """
    return view_splits(open_source(source), clips or ClipsConfig())
