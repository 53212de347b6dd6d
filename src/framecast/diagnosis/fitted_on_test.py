"""Statistics that were fitted on the test: a normaliser or a climatology that knows what only the test could tell.

Both are fitted anew, to the training alone and to everything (the climatology also to the test), by the code that
fitted them. What equals the first is sound; what is nearer to the others is not.

Only ranges and means that are measured can leak: the range of eight-bit pictures follows from their type.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from framecast.clips.clip_set import ClipSet
from framecast.clips.clip_sets import ClipSets
from framecast.clips.normaliser import Normaliser
from framecast.clips.preparing import prepare_clips
from framecast.clips.splits import SplitConfig
from framecast.diagnosis.check import Check
from framecast.diagnosis.patient import CannotLook, Need, Patient
from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.sequence import SPLITS, Split
from framecast.models.baselines.climatology import Climatology
from framecast.models.building import build_baseline
from framecast.runs.findings import Finding

_EQUAL = 1e-6
"""As a share of the range: what two fits to the same frames may differ by."""

_NEARER = 0.2
"""What is so many times nearer to another fit than to that of the training was made by the other."""

_MOST_CLIPS = 2000
"""As many as a training reads for a climatology, so that the same clips are read here."""

_BATCH = 32


@final
class FittedOnTest(Check):
    """Fits again and compares."""

    name = "fitted-on-test"
    needs: ClassVar[tuple[Need, ...]] = ("run", "clips")

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A fault each for normaliser and climatology."""
        clips = patient.clips  # first of all: whether they are still those of the run
        yield from self._normaliser(patient)
        yield from self._climatology(patient, clips)

    def _normaliser(self, patient: Patient) -> Iterable[Finding]:
        stored = _numbers(patient.trained.normaliser)
        if patient.refit_clips is None:
            return
        clips = patient.refit_clips()
        trained = _numbers(clips.normaliser)
        if trained.shape != stored.shape:
            raise CannotLook("the recordings have other channels than those that the run was trained on")
        apart = _apart(stored, trained)
        away, differs = float(apart.max()), apart > _EQUAL
        if away <= _EQUAL:
            return
        fits: dict[str, tuple[Split, ...]] = {
            "all": SPLITS,
            "the test's": ("test",),
            "training and test": ("train", "test"),
        }
        for name, splits in fits.items():
            fit = _fitted_to(patient, clips, splits)
            if fit is not None and (near := float(_apart(stored, _numbers(fit))[differs].max())) <= _NEARER * away:
                yield self.fault(
                    "The normaliser was fitted on the test.",
                    evidence=f"It equals a fit to {name} frames to {near:.2g} of the range, and differs from one to "
                    f"the training frames by {away:.2g}.",
                    mend="Train anew; framecast fits normalisers on training frames, so look for where this one came "
                    f"from ('{patient.trained.folder.normaliser.name}').",
                )
                return
        yield self.warning(
            "The normaliser does not follow from the training frames as they are now.",
            evidence=f"A new fit differs by {away:.2g} of the range.",
            mend="Restore the recordings that the run was trained on, or train anew.",
        )

    def _climatology(self, patient: Patient, clips: ClipSets) -> Iterable[Finding]:
        run = patient.trained
        if not run.folder.baselines.is_file() or not len(clips.train) or not len(clips.test):
            return
        baseline = run.baseline("climatology")
        assert isinstance(baseline, Climatology)
        stored, spec = baseline.average.double().numpy(), run.normaliser.plain_spec(run.record.spec)
        away = float(np.abs(stored - _mean(spec, clips.train)).max())
        if away <= _EQUAL * 10:  # stored as float32
            return
        fits = {
            "the test": _mean(spec, clips.test),
            "all clips": _mean(spec, clips.train, clips.validation, clips.test),
        }
        for name, fit in fits.items():
            near = float(np.abs(stored - fit).max())
            if near <= _NEARER * away:
                yield self.fault(
                    "The climatology, a baseline, was fitted on the test: the verdict compares with what nobody can "
                    "know.",
                    evidence=f"It equals the mean of {name} to {near:.2g}, and differs from that of the training clips "
                    f"by up to {away:.2g}.",
                    mend=f"Train anew; or remove '{run.folder.baselines.name}' of the run, which it came with.",
                )
                return


def _numbers(normaliser: Normaliser) -> NDArray[np.float64]:
    """(4, C): the ends of the range, offset and scale."""
    return np.array([normaliser.low, normaliser.high, normaliser.offset, normaliser.scale])


def _apart(stored: NDArray[np.float64], fit: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far two fits are apart: in the range as a share of it, in the affine map as a share of its scale."""
    width = np.array([fit[1] - fit[0], fit[1] - fit[0], fit[3], fit[3]])
    return np.abs(stored - fit) / width


def _fitted_to(patient: Patient, clips: ClipSets, splits: Sequence[Split]) -> Normaliser | None:
    """A fit to all frames of the recordings of these splits; None where splits share recordings, or hold none."""
    source = clips.train.source
    places = {piece.sequence for split in splits for piece in clips.splits.segments[split]}
    if splits != SPLITS:
        if not places or clips.splits.method == "time":
            return None
        source = replace(source, sequences=tuple(source.sequences[place] for place in sorted(places)))
    config = patient.trained.config.clips
    whole = replace(config, split=SplitConfig(by="sequence", train=1, validation=0, test=0))
    return prepare_clips(source, whole, static=patient.trained.static(), required=("train",)).normaliser


def _mean(spec: ClipSpec, *splits: ClipSet) -> NDArray[np.float64]:
    """What a climatology fitted to these clips would be."""
    fitted = build_baseline("climatology", spec)
    assert isinstance(fitted, Climatology)
    fitted.fit(batch for clips in splits if len(clips) for batch in _batches(clips))
    return fitted.average.double().numpy()


def _batches(clips: ClipSet) -> Iterator[Batch]:
    chosen = replace(clips.plain().spread(_MOST_CLIPS), normaliser=clips.normaliser.plain())
    for begin in range(0, len(chosen), _BATCH):
        yield chosen.batch(range(begin, min(begin + _BATCH, len(chosen))))
