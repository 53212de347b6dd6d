"""Leaks: the same frames, or nearly the same clips, under another name in another split.

The comparison is that of :mod:`framecast.clips.leaks`: test against training, and test against validation. A validation
that *is* the test chooses the weights by the figures that are then reported.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, final

from framecast.clips.clip_sets import ClipSets
from framecast.clips.leaks import LeakReport, find_leaks
from framecast.clips.splits import Splits
from framecast.clips.windows import Segment
from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import CannotLook, Need, Patient
from framecast.frames.sequence import Split
from framecast.runs.findings import Finding

_APART = (
    "Remove the copies; or keep recordings that belong together in one split: name their groups with "
    "source.group_pattern, and divide with clips.split.by=group."
)
_NOTHING_TO_COMPARE = (
    "there is nothing to compare: a generator, whose splits differ by design, a single recording, or a split without "
    "clips"
)

ALL_OF_IT = 0.5
"""Share of the test's frames above which the validation is called the test."""


@final
class Leaks(Check):
    """What of the test is in the training."""

    name = "leaks"
    needs: ClassVar[tuple[Need, ...]] = ("clips",)
    short: ClassVar[tuple[Moment, ...]] = ("before",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A fault for the same frames, a warning for similar clips."""
        found = patient.leaks
        if found is None:
            raise CannotLook(_NOTHING_TO_COMPARE)
        first = found.examples[0] if found.examples else None
        if found.same_frames and first is not None:
            yield self.fault(
                "Frames of the test are in the training too, under another name.",
                evidence=f"{found.same_frames} of {found.test_frames} test frames, first frame {first.test_frame} of "
                f"'{first.test}' (frame {first.train_frame} of '{first.train}').",
                mend=_APART,
            )
        if found.similar_clips:
            similar = found.first_similar
            yield self.warning(
                "Clips of the test look nearly like clips of the training.",
                evidence=f"{found.similar_clips} clips, first at frame {similar.test_frame} of '{similar.test}' (frame "
                f"{similar.train_frame} of '{similar.train}').",
                mend=f"Look at them. {_APART}",
            )


@final
class ValidationIsTest(Check):
    """Whether the weights were chosen by the clips that they are tested on."""

    name = "validation-is-test"
    needs: ClassVar[tuple[Need, ...]] = ("clips",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """One finding at most: a fault where most of the test is in the validation."""
        report = find_leaks(_validation_for_training(patient.clips))
        if report is None:
            raise CannotLook(_NOTHING_TO_COMPARE)
        if not report.same_frames:
            return
        share, first = report.same_frames / report.test_frames, report.examples[0]
        evidence = (
            f"{report.same_frames} of {report.test_frames} test frames are validation frames, first frame "
            f"{first.test_frame} of '{first.test}' (frame {first.train_frame} of '{first.train}')."
        )
        if share > ALL_OF_IT:
            yield self.fault(
                "The validation is the test: the best weights are chosen by the figures that are reported.",
                evidence=evidence,
                mend=f"Give the validation recordings of its own, taken from the training. {_APART}",
            )
        else:
            yield self.warning(
                "Part of the test is in the validation, by which the best weights are chosen.",
                evidence=_ending(evidence, report),
                mend=_APART,
            )


def _validation_for_training(clips: ClipSets) -> ClipSets:
    segments: dict[Split, tuple[Segment, ...]] = {
        "train": clips.splits.segments["validation"],
        "validation": (),
        "test": clips.splits.segments["test"],
    }
    return replace(clips, train=clips.validation, splits=Splits(clips.splits.method, segments))


def _ending(evidence: str, report: LeakReport) -> str:
    if report.train_frames == report.train_frames_total:
        return evidence
    return f"{evidence} {report.train_frames} of {report.train_frames_total} validation frames were read."
