"""The data page of a source: ``inspect.json``, ``frames.png``, ``histogram.png``."""

import json
from pathlib import Path

from framecast.frames.source import Source
from framecast.reports.histogram import histogram
from framecast.reports.sample_grid import sample_grid_of
from framecast.sources.inspection import Inspection, inspect_source

FILES = ("inspect.json", "frames.png", "histogram.png")


def write_data_page(source: Source, folder: Path) -> Inspection:
    """Look at a source and write what was found, replacing earlier files of these names.

    Raises:
        SourceError: a sequence that cannot be read.
    """
    inspection = inspect_source(source)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(inspection.as_dict(), indent=2, ensure_ascii=False) + "\n"
    # Names may hold bytes that are no text; written as JSON writes them, the rest stays readable.
    (folder / "inspect.json").write_text(text, encoding="utf-8", errors="backslashreplace")
    (folder / "frames.png").write_bytes(sample_grid_of(source))
    picture = histogram(inspection.histogram_counts, inspection.histogram_edges, units=inspection.sequences[0].units)
    (folder / "histogram.png").write_bytes(picture)
    return inspection
