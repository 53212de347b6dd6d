"""Doctor: look for what ruins results silently, in a run or in recordings; and in short form around every training."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.clips.clip_sets import ClipSets
from framecast.clips.config import ClipsConfig
from framecast.clips.leaks import LeakReport, find_leaks, load_leaks
from framecast.clips.normaliser import Normaliser
from framecast.clips.preparing import prepare_clips
from framecast.diagnosis.diagnose import diagnose
from framecast.diagnosis.patient import MOST_CLIPS, Patient
from framecast.frames.errors import ConfigurationError, RunError
from framecast.frames.source import Source
from framecast.models.model import Model, TeachableModel
from framecast.runs.config import Device, RunConfig
from framecast.runs.findings import Diagnosis, Finding, load_diagnosis, worst_first
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.run import Run
from framecast.sources.inspection import inspect_source
from framecast.sources.open import open_source
from framecast.training.device import choose_device
from framecast.training.sampling import truth_probabilities

_MARK = "Doctor: "
"""How notes that come from a finding begin, so that a later diagnosis can replace them."""


def doctor(
    subject: Run | Source | str | Path,
    *,
    source: Source | None = None,
    clips: ClipsConfig | None = None,
    max_clips: int = MOST_CLIPS,
    device: Device = "auto",
) -> Diagnosis:
    """Look for what ruins results silently.

    Args:
        subject: a run, or its folder, in which ``doctor.json`` is written; or recordings: a source, a path, the name of
            a generator.
        source: the recordings of a run that was trained on an object made in Python; None opens those that it names.
        clips: for recordings, how a training would cut and divide them; None takes the defaults.
        max_clips: at most so many clips are forecast, at least 4.
        device: where to compute.

    Returns:
        What was found, the worst first, and which checks could not be made, with the reason.

    Raises:
        FramecastError: no such run or recordings.
    """
    if max_clips < 4:
        raise ConfigurationError(f"At least 4 clips are needed for a diagnosis, found --max-clips {max_clips}.")
    if isinstance(subject, str | Path) and RunFolder(subject).holds_a_run:
        subject = Run.open(subject)
    if not isinstance(subject, Run):
        return diagnose(_recordings(open_source(subject), clips or ClipsConfig(), max_clips))
    subject.model.to(torch.device(choose_device(device)))
    diagnosis = diagnose(_run(subject, source, max_clips))
    _write(subject.folder, diagnosis)
    return diagnosis


def short_check_before(
    folder: RunFolder, *, config: RunConfig, clips: ClipSets, model: Model, leaks: LeakReport | None
) -> Diagnosis:
    """The checks that take seconds, before the first step of a training; writes ``doctor.json``.

    Args:
        folder: of the run, in which ``inspect.json`` is already.
        config: the resolved configuration.
        clips: what is trained on; of the test only names and places are looked at.
        model: not yet trained; stays as it is, as does the random state.
        leaks: what was found of the test in the training; None where nobody has looked.
    """
    patient = Patient(
        subject=folder.name,
        untrained=model,
        config=config,
        find_clips=lambda: clips,
        find_inspection=lambda: _saved_inspection(folder),
        find_leaks=(lambda: leaks) if config.clips.leak_frames else None,
        hurry=True,
    )
    diagnosis = diagnose(patient, moment="before")
    _write(folder, diagnosis)
    return diagnosis


def short_check_after(run: Run, *, clips: ClipSets) -> Diagnosis:
    """The checks that take seconds, after a training; joined to those before it in ``doctor.json``.

    Args:
        run: as it was just trained, with its best weights.
        clips: what it was trained on.
    """
    patient = Patient(
        subject=run.folder.name,
        run=run,
        config=run.config,
        find_clips=lambda: clips,
        truth_probability=_truth_probability(run),
        hurry=True,
    )
    after, before = diagnose(patient, moment="after"), _earlier(run.folder)
    if before is not None:
        made = {*after.checks, *after.skipped}
        after = dataclasses.replace(
            after,
            checks=(*(name for name in before.checks if name not in made), *after.checks),
            skipped={name: why for name, why in before.skipped.items() if name not in made} | after.skipped,
            findings=worst_first(
                [*(finding for finding in before.findings if finding.check not in made), *after.findings]
            ),
        )
    _write(run.folder, after)
    return after


def examined(run: Run, *, clips: ClipSets) -> Run:
    """A run that was just trained, after :func:`short_check_after`: what it found is among the notes of its record."""
    record = with_findings(run.record, short_check_after(run, clips=clips))
    if record != run.record:
        record.save(run.folder.record)
    return dataclasses.replace(run, record=record)


def with_findings(record: RunRecord, diagnosis: Diagnosis) -> RunRecord:
    """A record whose notes hold the faults and warnings of a diagnosis, in the place of those of an earlier one.

    Leaks are left out: training has a sentence of its own for them.
    """
    kept = (note for note in record.notes if not note.startswith(_MARK))
    return dataclasses.replace(record, notes=(*kept, *(_note(finding) for finding in _worth_saying(diagnosis))))


def _worth_saying(diagnosis: Diagnosis) -> list[Finding]:
    return [finding for finding in diagnosis.findings if finding.severity != "note" and finding.check != "leaks"]


def _note(finding: Finding) -> str:
    return f"{_MARK}{finding.what} {finding.evidence} {finding.mend}"


def _run(run: Run, source: Source | None, max_clips: int) -> Patient:
    # Opened once, and only when a check asks.
    opened = cache(run.config.source.open) if source is None else lambda: source
    config, seed, static = run.config.clips, run.config.training.seed, cache(run.static)

    def cut(normaliser: Normaliser | None) -> Callable[[], ClipSets]:
        return lambda: _cut(opened(), config, seed=seed, normaliser=normaliser, static=static())

    clips = cache(cut(run.normaliser))
    return Patient(
        subject=run.folder.name,
        run=run,
        config=run.config,
        find_clips=clips,
        refit_clips=cut(None),
        find_leaks=lambda: load_leaks(run.folder.leaks) or find_leaks(clips()),
        find_inspection=lambda: (
            _saved_inspection(run.folder)
            if source is None and run.folder.inspection.is_file()
            else inspect_source(opened()).as_dict()
        ),
        truth_probability=_truth_probability(run),
        max_clips=max_clips,
    )


def _recordings(source: Source, config: ClipsConfig, max_clips: int) -> Patient:
    clips = cache(lambda: _cut(source, config))
    return Patient(
        subject=source.location,
        find_clips=clips,
        cut_to_train=lambda: prepare_clips(source, config),
        find_inspection=lambda: inspect_source(source).as_dict(),
        find_leaks=lambda: find_leaks(clips(), budget=config.leak_frames),
        max_clips=max_clips,
    )


def _cut(
    source: Source,
    config: ClipsConfig,
    *,
    seed: int = 0,
    normaliser: Normaliser | None = None,
    static: NDArray[np.float32] | None = None,
) -> ClipSets:
    return prepare_clips(source, config, seed=seed, normaliser=normaliser, static=static, required=())


def _truth_probability(run: Run) -> float | None:
    """How likely an input in the horizon was the truth in the last step; None where nothing was sampled."""
    sampling, steps = run.config.training.sampling, run.record.steps
    if sampling.name == "none" or not steps or not isinstance(run.model, TeachableModel):
        return None
    return truth_probabilities(sampling, step=steps - 1).horizon


def _saved_inspection(folder: RunFolder) -> Mapping[str, Any]:
    try:
        return json.loads(folder.inspection.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError) as error:
        raise RunError(f"'{folder.inspection}' cannot be read ({error}); copy the run again, whole.") from None


def _earlier(folder: RunFolder) -> Diagnosis | None:
    try:
        return load_diagnosis(folder.doctor)
    except RunError:  # damaged: it is about to be replaced
        return None


def _write(folder: RunFolder, diagnosis: Diagnosis) -> None:
    scratch = folder.doctor.with_suffix(".tmp")
    scratch.write_text(diagnosis.to_json(), encoding="utf-8")
    scratch.replace(folder.doctor)
