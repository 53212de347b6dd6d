"""Diagnose: every check of the table, made of one patient."""

from datetime import UTC, datetime

import torch

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import CannotLook, Patient
from framecast.diagnosis.table import CHECKS
from framecast.frames.errors import FramecastError
from framecast.runs.findings import Diagnosis, Finding, worst_first
from framecast.version import __version__


def diagnose(patient: Patient, *, moment: Moment | None = None) -> Diagnosis:
    """Look for everything.

    Args:
        patient: what to look at.
        moment: only the checks of this short form; None makes all.

    Returns:
        What was found, and which checks were skipped, with the reason. A check that cannot go on keeps what it had
        found until then.
    """
    made, skipped, findings = list[str](), dict[str, str](), list[Finding]()
    for name in CHECKS:
        check: Check = CHECKS.load(name)()
        if moment is not None and moment not in check.short:
            continue
        reason = next((why for need in check.needs if (why := patient.reason_without(need))), None)
        if reason is None:
            reason = _look(check, patient, findings)
        if reason is None:
            made.append(name)
        else:
            skipped[name] = reason
    return Diagnosis(
        subject=patient.subject,
        checks=tuple(made),
        skipped=skipped,
        findings=worst_first(findings),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        framecast=__version__,
    )


def _look(check: Check, patient: Patient, findings: list[Finding]) -> str | None:
    """Make one check; why it could not be made, or not to its end."""
    try:
        for finding in check.look(patient):
            findings.append(finding)
    except CannotLook as reason:
        return str(reason)
    except FramecastError as error:
        return str(error).rstrip(".")
    except torch.OutOfMemoryError:
        return "the device has too little memory for it beside what else it holds"
    return None
