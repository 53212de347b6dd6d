"""Check: one thing that the doctor looks for, in one file; the table of checks names them all."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Literal, final

from framecast.diagnosis.patient import Need, Patient
from framecast.runs.findings import Finding

Moment = Literal["before", "after"]
"""Of a training: the short forms of the diagnosis, which take seconds."""


class Check(ABC):
    """One thing to look for. Says nothing where nothing is wrong."""

    name: ClassVar[str]
    """As in the table."""

    needs: ClassVar[tuple[Need, ...]]
    """What it cannot be made without."""

    short: ClassVar[tuple[Moment, ...]] = ()
    """When it is made in short form too."""

    @abstractmethod
    def look(self, patient: Patient) -> Iterable[Finding]:
        """Look, and tell what is wrong; nothing for a healthy patient.

        Raises:
            CannotLook: it cannot be made of this patient.
        """

    @final
    def fault(self, what: str, *, evidence: str, mend: str) -> Finding:
        """Results cannot be believed."""
        return Finding(check=self.name, severity="fault", what=what, evidence=evidence, mend=mend)

    @final
    def warning(self, what: str, *, evidence: str, mend: str) -> Finding:
        """Results may mean something else than they seem to."""
        return Finding(check=self.name, severity="warning", what=what, evidence=evidence, mend=mend)

    @final
    def note(self, what: str, *, evidence: str, mend: str) -> Finding:
        """Worth knowing."""
        return Finding(check=self.name, severity="note", what=what, evidence=evidence, mend=mend)
