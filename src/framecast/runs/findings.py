"""Findings: what the doctor (:mod:`framecast.diagnosis`) found, as a run keeps it (``doctor.json``)."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from framecast.frames.errors import RunError

SCHEMA = 1

Severity = Literal["fault", "warning", "note"]
"""``fault``: results cannot be believed. ``warning``: they may mean something else than they seem to. ``note``: worth
knowing."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that ruins results silently, or may."""

    check: str
    """The name of the check that found it."""

    severity: Severity

    what: str
    """What is wrong, one sentence."""

    evidence: str
    """The figures that show it."""

    mend: str
    """What to do."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was looked for and what was found."""

    subject: str
    """The run or the recordings that were looked at."""

    checks: tuple[str, ...]
    """Names of the checks that were made."""

    skipped: dict[str, str]
    """By check: why it could not be made."""

    findings: tuple[Finding, ...]
    """The worst first."""

    created: str = ""
    """UTC, ISO 8601."""

    framecast: str = ""
    """Version that made it."""

    schema: int = SCHEMA

    def to_json(self) -> str:
        """The text of ``doctor.json``."""
        record = dataclasses.asdict(self)
        ordered = {"schema": record.pop("schema"), **record}
        return json.dumps(ordered, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def load_diagnosis(path: Path) -> Diagnosis | None:
    """Read ``doctor.json``; None where there is none.

    Raises:
        RunError: it is damaged, or of a schema that this version cannot read.
    """
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA:
            raise RunError(f"'{path}' has schema {record['schema']}; this version of framecast reads {SCHEMA}.")
        findings = tuple(Finding(**_known(Finding, finding)) for finding in record["findings"])
        rest: dict[str, Any] = {
            "checks": tuple(record["checks"]),
            "skipped": dict(record["skipped"]),
            "findings": findings,
        }
        return Diagnosis(**{**_known(Diagnosis, record), **rest})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"'{path}' is not a diagnosis that framecast wrote ({error}).") from None


def _known(kind: type[Any], record: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    return {name: value for name, value in record.items() if name in names}


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Sorted by severity, in the order of the checks within each."""
    order: tuple[Severity, ...] = ("fault", "warning", "note")
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))
