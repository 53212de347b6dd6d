"""Evaluate: a run and every baseline on the same clips; the table, the verdict, the files behind a report."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch

from framecast.clips.clip_set import ClipOrigin, ClipSet
from framecast.clips.clip_sets import ClipSets
from framecast.clips.preparing import prepare_clips
from framecast.clips.splits import SplitConfig
from framecast.evaluation.evaluate import evaluate_rows
from framecast.evaluation.results import Results, check_replaceable, save_results
from framecast.evaluation.rows import rows_for
from framecast.frames.errors import ConfigurationError, SplitError
from framecast.frames.quantity import Quantity
from framecast.frames.sequence import Split
from framecast.frames.source import Source
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.table import CONVENTIONS
from framecast.metrics.usual_thresholds import usual_thresholds
from framecast.models.baselines.choice import left_out, usual_baselines
from framecast.models.baselines.table import BASELINES
from framecast.runs.config import Device, Precision
from framecast.runs.division import load_division, trained_on
from framecast.runs.run import Run
from framecast.training.device import choose_device, choose_precision, computing

EvaluationSplit = Literal["test", "validation", "train", "all"]


def evaluate(
    run: Run | str | Path,
    *,
    source: str | Path | Source | None = None,
    split: EvaluationSplit = "test",
    conventions: Sequence[str] = (),
    baselines: Sequence[str] = (),
    thresholds: Sequence[float] = (),
    max_clips: int | None = None,
    out: str | Path | None = None,
    device: Device = "auto",
    precision: Precision = 32,
    watch: Callable[[int, int], None] | None = None,
) -> Results:
    """Evaluate a run.

    Args:
        run: an opened run, or its folder.
        source: other recordings than those of the run; they are cut and normalised as the run's were.
        split: which part of the source; "all" takes every clip of it (for a source that training never saw).
        conventions: names from ``framecast list conventions``, the first one leads; empty takes the run's, and where it
            names none, ``physical`` and ``strict`` for recordings with units, ``strict`` for pictures.
        baselines: names from ``framecast list baselines``; empty takes the run's, and where it names none, all that
            suit the recordings and can be computed here.
        thresholds: what counts as an event, in the recording's own units; empty takes the run's, and where it names
            none, the usual ones of the units.
        max_clips: at most so many clips, at least 1, spread evenly; None takes the run's setting.
        out: where the files go; None takes ``RUN/evaluation``. Only files of an earlier evaluation are replaced.
        device: where to compute.
        precision: in what the forecasts are computed, whatever the training's was; the results keep it. Metrics are
            always computed in float64.
        watch: called with (clips done, clips in all).

    Raises:
        FramecastError: no such run, source, split or convention; ``out`` holds files of somebody else's.
    """
    if max_clips is not None and max_clips < 1:
        raise ConfigurationError(f"At least 1 clip is needed to evaluate, found --max-clips {max_clips}.")
    if not all(map(math.isfinite, thresholds)):
        found = ", ".join(f"{value:g}" for value in thresholds)
        raise ConfigurationError(f"Thresholds must be numbers, found --threshold {found}.")
    if out is not None:
        check_replaceable(Path(out))
    if not isinstance(run, Run):
        run = Run.open(run)
    place = choose_device(device)
    run.model.to(torch.device(place))
    settings = run.config.evaluation
    named = tuple(dict.fromkeys(conventions or settings.conventions or ()))
    for name in named:
        CONVENTIONS[name]  # found to be misspelt before anything is read
    recordings = _recordings(run, source)
    clips, notes = _clips(run, recordings, split)
    _check_units(run, clips)
    asked = tuple(sorted(set(thresholds))) or settings.thresholds or ()
    chosen, unavailable = _conventions(
        named or (("physical", "strict") if clips.units else ("strict",)), asked or _usual_thresholds(clips)
    )
    quantity = _quantity(run, clips)
    references, missing = _baselines(baselines or settings.baselines, run, quantity)
    warnings = [*run.record.notes, *notes]
    if split == "train":
        warnings.append(
            "These are the clips that the model was trained on: the scores say nothing about new recordings."
        )
    if without := [one.name for one in chosen if one.name in named and one.events is not None]:
        warnings.append(
            f"No events were scored under {', '.join(without)}: they need thresholds, in the recording's own units; "
            "give some with --threshold."
        )
    if asked and not any(convention.thresholds == asked for convention in chosen):
        names = ", ".join(convention.name for convention in chosen)
        warnings.append(
            f"The thresholds that were given had no effect: the conventions of this evaluation ({names}) count no "
            "events, or have thresholds of their own; --convention physical takes any."
        )
    with computing(place, precision):
        evaluation = evaluate_rows(
            rows_for(run, baselines=references, horizon=clips.horizon, one_step=settings.one_step, quantity=quantity),
            clips,
            run=run,
            split=split,
            source=(recordings.location, recordings.kind),
            conventions=chosen,
            batch_size=settings.batch_size or run.config.training.batch_size,
            max_clips=settings.max_clips if max_clips is None else max_clips,
            resamples=settings.resamples,
            watch=watch,
            precision=str(choose_precision(place, precision)),
            warnings=list(dict.fromkeys(warnings)),
            unavailable=unavailable | missing,
        )
    save_results(
        run.folder.evaluation if out is None else Path(out),
        evaluation.results,
        origins=[_origin(index, origin) for index, origin in enumerate(evaluation.origins)],
        per_clip=evaluation.per_clip,
        diagrams=evaluation.diagrams,
        examples=evaluation.examples,
    )
    return evaluation.results


def _conventions(names: Sequence[str], thresholds: tuple[float, ...]) -> tuple[list[Convention], dict[str, str]]:
    """Conventions with these thresholds and the metrics that can be computed here, and why others cannot."""
    chosen: list[Convention] = []
    unavailable: dict[str, str] = {}
    for name in names:
        convention: Convention = CONVENTIONS.load(name).at(thresholds)
        missing = convention.unavailable()
        unavailable |= {f"{name}/{metric}": reason for metric, reason in missing.items()}
        convention = convention.available()
        if not any(metric.better for metric in convention.metrics):
            reasons = " ".join(dict.fromkeys(missing.values()))
            why = reasons or "It needs thresholds; give some, in the recording's own units, with --threshold."
            raise ConfigurationError(f"The convention '{name}' has nothing that can be computed here. {why}")
        chosen.append(convention)
    return chosen, unavailable


def _usual_thresholds(clips: ClipSet) -> tuple[float, ...]:
    """Those of the recordings' units; amounts of rain fell in the time from one recorded frame to the next."""
    if not len(clips):
        return ()
    return usual_thresholds(clips.units, clips.source.sequences[clips.clip(0).sequence].info.step_seconds)


def _quantity(run: Run, clips: ClipSet) -> Quantity:
    """What the evaluated values measure; the recordings know more than the run: how long a pixel is."""
    resized = run.config.clips.size is not None
    grid = clips.source.sequences[clips.clip(0).sequence].info.grid if len(clips) and not resized else None
    return run.quantity if grid is None else dataclasses.replace(run.quantity, pixel_metres=grid.pixel_metres)


def _baselines(named: Sequence[str] | None, run: Run, quantity: Quantity) -> tuple[Sequence[str], dict[str, str]]:
    """Those to compare with; and of others that were named, or would suit, why they are not there."""
    spec = run.normaliser.plain_spec(run.record.spec)
    missing = left_out(spec, quantity) if named is None else {}
    chosen = usual_baselines(spec, quantity) if named is None else named
    for name in chosen:
        if reason := BASELINES.load(name).unavailable():
            missing[name] = reason
        elif not run.has_baseline(name):
            missing[name] = "it is fitted in training, and this run was trained without it; train again to have it"
    return [name for name in chosen if name not in missing], missing


def _origin(index: int, origin: ClipOrigin) -> dict[str, str | int]:
    """A row of ``clips.csv``."""
    return {
        "clip": index,
        "sequence": origin.sequence,
        "group": origin.group,
        "class": origin.label,
        "start": origin.start,
        "time": "" if origin.time is None else origin.time.isoformat(),
    }


def _recordings(run: Run, source: str | Path | Source | None) -> Source:
    if isinstance(source, Source):
        return source
    if source is not None:
        return run.config.source.open_alike(source)
    return run.config.source.open()


def _clips(run: Run, recordings: Source, split: EvaluationSplit) -> tuple[ClipSet, list[str]]:
    config = run.config.clips
    part: Split = "test" if split == "all" else split
    if split == "all":
        everything = SplitConfig(by="group", train=0, validation=0, test=1)
        config = dataclasses.replace(config, split=everything)
    sets = prepare_clips(recordings, config, normaliser=run.normaliser, static=run.static(), required=(part,))
    notes = [*recordings.notes, *sets.notes]
    if split != "train":
        notes += _leaks(run, recordings, sets, split)
    return sets.of(part).plain(), notes


def _check_units(run: Run, clips: ClipSet) -> None:
    trained = run.record.units
    if len(clips) and trained and clips.units and clips.units != trained:
        raise ConfigurationError(
            f"The run was trained on values in {trained}, and these recordings are in {clips.units}; give recordings "
            f"in {trained}, or set source.units if the files are wrong."
        )


def _leaks(run: Run, recordings: Source, sets: ClipSets, split: Literal["validation", "test", "all"]) -> list[str]:
    """Refuse to score the run's own recordings where training saw them; of others with such names only tell, and
    where all of a source was asked for."""
    names = trained_on(load_division(run.folder.splits), sets.assignment(), "test" if split == "all" else split)
    if not names:
        return []
    which = "of these" if split == "all" else f"of the {split} split"
    seen = f"{len(names)} recordings {which} have names and frames that the run was trained on, first '{names[0]}'"
    if split == "all" or recordings.location != run.config.source.location:
        return [f"{seen}: if they are the same recordings, these scores mean nothing."]
    raise SplitError(
        f"{seen}: recordings were added, removed or renamed since, and the splits have moved. Restore them, or give "
        "recordings that training never saw with --source NEW --split all."
    )
