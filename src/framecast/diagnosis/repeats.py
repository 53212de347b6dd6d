"""Repeated frames: they flatter whoever copies the last one."""

from collections.abc import Iterable
from contextlib import suppress
from typing import ClassVar, final

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import CannotLook, Need, Patient
from framecast.evaluation.cautions import REPEATS_WORTH_SAYING
from framecast.runs.findings import Finding


@final
class RepeatedFrames(Check):
    """Looks at how many frames equal the one before, in the recordings and among the evaluated clips."""

    name = "repeated-frames"
    needs: ClassVar[tuple[Need, ...]] = ("recordings",)
    short: ClassVar[tuple[Moment, ...]] = ("before",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """One warning at most."""
        shares = {"of the frames that were read": float(patient.inspection["repeated_share"])}
        if patient.run is not None:
            with suppress(CannotLook):  # not evaluated yet
                shares["of the steps in the evaluated clips"] = patient.results.repeated_share
        many = {where: share for where, share in shares.items() if share > REPEATS_WORTH_SAYING}
        if many:
            yield self.warning(
                "Frames equal the one before them: that flatters whoever copies the last one, and makes every forecast "
                "look better than it is where things move.",
                evidence=", and ".join(f"{share:.0%} {where}" for where, share in many.items()) + ".",
                mend="Leave them out with --drop-repeats (source.drop_repeats=true), and train anew.",
            )
