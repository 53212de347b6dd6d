"""Recordings: missing values, recordings in which nothing happens, gaps in time, files that cannot be read, too few."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, ClassVar, final

from framecast.diagnosis.check import Check
from framecast.diagnosis.patient import CannotLook, Need, Patient
from framecast.evaluation.independence import FEWEST
from framecast.frames.errors import FramecastError
from framecast.frames.sequence import SPLITS
from framecast.runs.findings import Finding

_MOSTLY_MISSING = 0.9
_MUCH_MISSING = 0.05
_SPLITS = 3
_CLIPS = 8
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
        yield from self._missing(patient, found, sequences)
        yield from self._constant(sequences)
        yield from self._gaps(sequences)
        if patient.run is None:
            yield from self._few(patient, sequences)

    def _unreadable(self, found: Mapping[str, Any]) -> Iterable[Finding]:
        if found["rejected"]:
            first = found["rejected"][0]
            named = "" if first["path"] in first["reason"] else f"'{first['path']}': "
            yield self.warning(
                "Some files cannot be read and are left out.",
                evidence=f"{len(found['rejected'])}, first {named}{first['reason']}.",
                mend="Mend or remove them; if the recordings are whole without them, nothing needs to be done.",
            )

    def _missing(
        self, patient: Patient, found: Mapping[str, Any], sequences: Sequence[Mapping[str, Any]]
    ) -> Iterable[Finding]:
        empty = [one["name"] for one in sequences if one["frames_read"] and one["missing_share"] == 1]
        if empty:
            yield self.warning(
                "Recordings without a single value.",
                evidence=f"{len(empty)}, first '{empty[0]}'; every value that was read of them is missing.",
                mend="Leave them out with source.pattern, or look at source.missing and the variable that is read.",
            )
        share, cropped = found["missing_share"], _missing_in_crops(patient)
        if cropped is not None:
            share = cropped
        if share > _MUCH_MISSING:
            finding = self.warning if share > _MOSTLY_MISSING else self.note
            where, setting = ("that were read", "clips.crop")
            if cropped is not None:
                where, setting = ("inside of clips.crop", "a smaller clips.crop, or clips.crop_at")
            yield finding(
                "Values are missing: they are neither trained on nor scored.",
                evidence=f"{share:.1%} of the values {where}.",
                mend=f"Where a border has no values at all, as outside of a radar's range, cut it off with {setting}.",
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
        if len(groups) < _SPLITS and not any(one["split"] for one in sequences):
            yield self.note(
                "There are too few recordings to give training, validation and test their own: they are divided by "
                "time.",
                evidence=f"{len(groups)} group{'s' if len(groups) > 1 else ''} (people, videos, days), "
                f"{len(sequences)} sequence{'s' if len(sequences) > 1 else ''}.",
                mend="Add recordings; until then scores speak of later frames of the same recordings.",
            )
        if patient.find_clips is None:
            return
        try:
            clips = patient.clips
            empty = [split for split in SPLITS if not len(clips.of(split))]
            if empty and patient.cut_to_train is not None:
                patient.cut_to_train()
        except FramecastError as error:
            yield self.warning(
                "Training would refuse these recordings as they are.",
                evidence=str(error),
                mend="Set what the sentence names; --set works here as for a training.",
            )
            return
        tested = {sequences[piece.sequence]["group"] for piece in clips.splits.segments["test"]}
        if clips.splits.method != "time" and 0 < len(tested) < FEWEST:
            yield self.note(
                "The test holds few independent recordings: its scores will have no interval over recordings.",
                evidence=f"{len(tested)} of {len(groups)} groups (people, videos, days); it takes {FEWEST}.",
                mend="Give the test a larger share with clips.split.test, or add recordings.",
            )
        if empty:
            yield self.warning(
                f"No clip falls into {' and '.join(empty)}.",
                evidence=", ".join(f"{len(clips.of(split)):,} {split} clips" for split in SPLITS) + ".",
                mend="Change the shares of clips.split, or shorten clips.context and clips.horizon.",
            )


def _missing_in_crops(patient: Patient) -> float | None:
    """Share of the values inside of the cropped windows, on a few clips; None where nothing is cropped, or no clip."""
    try:
        chosen = next((clips for split in SPLITS if patient.find_clips and len(clips := patient.clips.of(split))), None)
    except (FramecastError, CannotLook):
        return None
    if chosen is None or chosen.framing.crop is None:
        return None
    clips = chosen.plain().spread(_CLIPS)
    masks = [clips.batch([index]).mask for index in range(len(clips))]
    return sum(0.0 if mask is None else float((~mask).float().mean()) for mask in masks) / len(masks)


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
