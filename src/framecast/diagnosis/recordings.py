"""Recordings: missing values, recordings in which nothing happens, gaps in time, files that cannot be read, too few."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, ClassVar, final

from framecast.diagnosis.check import Check
from framecast.diagnosis.patient import Need, Patient
from framecast.frames.errors import FramecastError
from framecast.frames.sequence import SPLITS
from framecast.runs.findings import Finding

_MOSTLY_MISSING = 0.9
_MUCH_MISSING = 0.05
_SPLITS = 3
_FEW_GROUPS = 5
_GAP_STEPS = 1.5
"""A recording that begins so many steps after the one before it has ended leaves a gap; sooner, it goes on."""


@final
class Recordings(Check):
    """Looks at what an inspection found."""

    name = "recordings"
    needs: ClassVar[tuple[Need, ...]] = ("recordings",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """Findings in the order of what they mean for a training."""
        found = patient.inspection
        sequences: Sequence[Mapping[str, Any]] = found["sequences"]
        yield from self._unreadable(found)
        yield from self._missing(found, sequences)
        yield from self._constant(sequences)
        yield from self._gaps(sequences)
        if patient.run is None:
            yield from self._few(patient, sequences)

    def _unreadable(self, found: Mapping[str, Any]) -> Iterable[Finding]:
        if found["rejected"]:
            first = found["rejected"][0]
            yield self.warning(
                "Some files cannot be read and are left out.",
                evidence=f"{len(found['rejected'])}, first '{first['path']}': {first['reason']}.",
                mend="Mend or remove them; if the recordings are whole without them, nothing needs to be done.",
            )

    def _missing(self, found: Mapping[str, Any], sequences: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
        share = found["missing_share"]
        empty = [one["name"] for one in sequences if one["frames_read"] and one["missing_share"] == 1]
        if empty:
            yield self.warning(
                "Recordings without a single value.",
                evidence=f"{len(empty)}, first '{empty[0]}'; every value that was read of them is missing.",
                mend="Leave them out with source.pattern, or look at source.missing and the variable that is read.",
            )
        if share > _MUCH_MISSING:
            finding = self.warning if share > _MOSTLY_MISSING else self.note
            yield finding(
                "Values are missing: they are neither trained on nor scored.",
                evidence=f"{share:.1%} of the values that were read.",
                mend="Where a border has no values at all, as outside of a radar's range, cut it off with clips.crop.",
            )

    def _constant(self, sequences: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
        read = [one for one in sequences if one["frames_read"] and one["minimum"] is not None]
        constant = [one["name"] for one in read if one["minimum"] == one["maximum"]]
        still = [one["name"] for one in read if one["frames_read"] > 1 and one["static_share"] == 1]
        still = [name for name in still if name not in set(constant)]
        for names, what in ((constant, "hold one value everywhere"), (still, "show a picture that never changes")):
            if names:
                yield self.warning(
                    f"Recordings {what}: every forecast of them is perfect.",
                    evidence=f"{len(names)} of {len(read)} that were read, first '{names[0]}'.",
                    mend="Leave them out with source.pattern, or see whether the right channel is read.",
                )

    def _gaps(self, sequences: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
        gaps = _gaps(sequences)
        if gaps:
            longest, name = max(gaps)
            yield self.note(
                "There are gaps in time; no clip reaches across one.",
                evidence=f"{len(gaps)}, the longest of {longest:,.0f} seconds before '{name}'.",
                mend="Nothing needs to be done; where frames should be there, look for missing files.",
            )

    def _few(self, patient: Patient, sequences: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
        """Whether there is enough to divide; only before there is a run, which has divided."""
        groups = {one["group"] for one in sequences}
        official = any(one["split"] for one in sequences)
        if len(groups) < _SPLITS and not official:
            yield self.note(
                "There are too few recordings to give training, validation and test their own: they are divided by "
                "time.",
                evidence=f"{len(groups)} group{'s' if len(groups) > 1 else ''} (people, videos, days), "
                f"{len(sequences)} sequence{'s' if len(sequences) > 1 else ''}.",
                mend="Add recordings; until then scores speak of later frames of the same recordings.",
            )
        elif len(groups) < _FEW_GROUPS * _SPLITS and not official:
            yield self.note(
                "There are few recordings: a test of less than five has no interval over recordings.",
                evidence=f"{len(groups)} groups (people, videos, days).",
                mend="Give the test a larger share with clips.split.test, or add recordings.",
            )
        if patient.find_clips is None:
            return
        try:
            clips = patient.clips
        except FramecastError as error:
            yield self.warning(
                "Training would refuse these recordings as they are.",
                evidence=str(error),
                mend="Set what the sentence names; --set works here as for a training.",
            )
            return
        empty = [split for split in SPLITS if not len(clips.of(split))]
        if empty:
            yield self.warning(
                f"No clip falls into {' and '.join(empty)}.",
                evidence=", ".join(f"{len(clips.of(split)):,} {split} clips" for split in SPLITS) + ".",
                mend="Change the shares of clips.split, or shorten clips.context and clips.horizon.",
            )


def _gaps(sequences: Sequence[Mapping[str, Any]]) -> list[tuple[float, str]]:
    """Seconds, and name of the recording that comes after, of every gap within a group."""
    dated: dict[str, list[tuple[datetime, float, str, float]]] = {}
    for one in sequences:
        if one["start_time"] and one["step_seconds"]:
            start, step = datetime.fromisoformat(one["start_time"]), one["step_seconds"]
            zone = "with a zone" if start.tzinfo else "without"  # those cannot be compared with each other
            dated.setdefault(f"{one['group']} {zone}", []).append((start, one["frames"] * step, one["name"], step))
    found: list[tuple[float, str]] = []
    for parts in dated.values():
        for (start, seconds, _, step), (later, _, name, _) in pairwise(sorted(parts)):
            gap = (later - start).total_seconds() - seconds  # 0 where the next frame comes when it should
            if gap > (_GAP_STEPS - 1) * step:
                found.append((gap, name))
    return found
