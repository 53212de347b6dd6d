"""Findings of the doctor: faults at the top of the page, all of them with evidence and cure in a section."""

from dataclasses import dataclass
from typing import final

from framecast.runs.findings import Diagnosis, Finding, Severity, worst_first

_WORDS: dict[Severity, str] = {"fault": "✖ fault", "warning": "▲ warning", "note": "● note"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsView:
    """The section."""

    faults: tuple[Finding, ...]
    """Because of them the figures cannot be believed."""
    findings: tuple[tuple[str, Finding], ...]
    """A mark with its word, and the finding, worst first."""
    summary: str
    checks: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def findings_view(diagnosis: Diagnosis | None) -> FindingsView | None:
    """Make the section; None where the doctor was not asked."""
    if diagnosis is None:
        return None
    found = worst_first(diagnosis.findings)
    counts = {severity: sum(one.severity == severity for one in found) for severity in _WORDS}
    told = [f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items() if count]
    summary = f"{len(diagnosis.checks)} checks: {', '.join(told) or 'nothing found'}."
    return FindingsView(
        faults=tuple(one for one in found if one.severity == "fault"),
        findings=tuple((_WORDS[one.severity], one) for one in found),
        summary=summary,
        checks=diagnosis.checks,
        skipped=tuple(diagnosis.skipped.items()),
    )
