"""Head and foot of a page: what was evaluated on what, what must be kept in mind, and when."""

from datetime import UTC, datetime

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.load import ReportData
from framecast.version import __version__


def header_facts(results: Results) -> list[tuple[str, str]]:
    """What was evaluated on what."""
    source = results.source if results.source_kind in ("", results.source) else None
    frames = f"{results.context} seen, {results.horizon} forecast"
    if results.trained_horizon != results.horizon:
        frames += f" (trained for {results.trained_horizon})"
    facts = [
        ("Source", source or f"{results.source} ({results.source_kind})"),
        ("Model", results.model),
        ("Split", results.split),
        ("Clips", f"{formatting.count(results.clips)} from {formatting.counted(results.sequences, 'sequence')}"),
        ("Frames", frames),
    ]
    if results.step_seconds:
        facts.append(("Time step", formatting.duration(results.step_seconds)))
    if results.units:
        low, high = (formatting.number(value) for value in results.value_range)
        facts.append(("Values", f"{low} to {high} {results.units}"))
    return facts


def warnings_of(data: ReportData) -> list[str]:
    """Warnings of the evaluation, and what must stand beside the numbers of each forecaster and of the run."""
    said = data.results.notes
    of_the_run = data.record.caveats if data.record else ()
    return said + [caveat for caveat in of_the_run if not any(caveat in sentence for sentence in said)]


def footer(results: Results) -> str:
    """When the run was evaluated, and with which versions."""
    when = ""
    if results.created:
        try:
            when = f" on {datetime.fromisoformat(results.created).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        except ValueError:
            when = f" on {results.created}"
    return f"Evaluated{when} with framecast {results.framecast or __version__}; page made with framecast {__version__}."
