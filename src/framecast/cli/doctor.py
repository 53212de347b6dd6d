"""``framecast doctor``: what ruins results silently, looked for in a run or in recordings."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from framecast.cli.recordings import reopened
from framecast.cli.terminal import DeviceName, Json, Settings, show, show_json

if TYPE_CHECKING:
    from framecast.runs.findings import Diagnosis, Severity

FAULT_FOUND = 3
"""Exit code where results cannot be believed."""


def doctor(
    subject: str,
    /,
    *,
    assignments: Settings = (),
    max_clips: int = 64,
    device: DeviceName = "auto",
    as_json: Json = False,
) -> int:
    """What ruins results silently: leaks, overlaps, a model that sees the future, collapse, wrong ranges.

    Exit code 3 when a fault was found, 0 otherwise.

    Parameters
    ----------
    subject
        A run folder; or recordings: a file, a folder, or the name of a generator.
    assignments
        How to read the recordings, and (without a run) how to cut them: --set clips.context=5. Can be given several
        times.
    max_clips
        At most so many clips are forecast.
    device
        Where to compute.
    as_json
        Findings as JSON on standard output.
    """
    from framecast.runs.configure import configure
    from framecast.runs.folder import RunFolder
    from framecast.workflows.doctor import doctor as run_doctor

    folder = RunFolder(subject)
    if folder.holds_a_run:
        source = reopened(folder.path, assignments) if assignments else None
        diagnosis = run_doctor(folder.path, source=source, max_clips=max_clips, device=device)
    else:
        config = configure(subject, assignments=list(assignments))
        diagnosis = run_doctor(config.source.open(), clips=config.clips, max_clips=max_clips, device=device)
    if as_json:
        show_json(dataclasses.asdict(diagnosis))
    else:
        show(*_lines(diagnosis))
        if folder.holds_a_run:
            show(f"Written: {Path(subject) / folder.doctor.name}")
    return FAULT_FOUND if any(finding.severity == "fault" for finding in diagnosis.findings) else 0


def _lines(diagnosis: "Diagnosis") -> Iterator[str]:
    """Findings, the worst first, and what was looked for."""
    headings: dict[Severity, tuple[str, str]] = {
        "fault": ("Faults", "results cannot be believed"),
        "warning": ("Warnings", "results may mean something else than they seem to"),
        "note": ("Notes", "worth knowing"),
    }
    for severity, (heading, meaning) in headings.items():
        found = [finding for finding in diagnosis.findings if finding.severity == severity]
        if found:
            yield f"{heading} ({meaning}):"
        for finding in found:
            yield f"  {finding.check}: {finding.what}"
            yield f"    found: {finding.evidence}"
            yield f"    mend:  {finding.mend}"
    if not diagnosis.findings:
        yield f"Nothing found in '{diagnosis.subject}'."
    yield f"Looked for: {', '.join(diagnosis.checks)}." if diagnosis.checks else "No check could be made."
    for reason in dict.fromkeys(diagnosis.skipped.values()):
        names = [name for name, why in diagnosis.skipped.items() if why == reason]
        yield f"Not looked for: {', '.join(names)} ({reason})."
