"""Evaluate: the same clips through the model and every baseline, under every convention, in bounded memory.

Axes: B clips of a batch, N all clips, S members of an ensemble, M leads, C channels, H height, W width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.clips.clip_set import ClipOrigin, ClipSet
from framecast.clips.loader import ClipLoader
from framecast.evaluation.bootstrap import Bootstrap
from framecast.evaluation.cautions import Cautions
from framecast.evaluation.examples import choose_examples, example_frames
from framecast.evaluation.independence import Units
from framecast.evaluation.intervals import Draws, find_differences
from framecast.evaluation.latency import latencies
from framecast.evaluation.parts import parts_of, scores_by
from framecast.evaluation.results import Cost, Difference, MetricInfo, Results, Scores
from framecast.evaluation.rows import Row
from framecast.evaluation.scales import in_units, on_plain_scale
from framecast.evaluation.tallies import Tallies
from framecast.evaluation.verdict import find_verdict, leading_metric
from framecast.frames.errors import SplitError
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.metric import Metric
from framecast.models.counting import dead_parameters
from framecast.runs.run import Run
from framecast.version import __version__


@final
@dataclass(frozen=True)
class Evaluation:
    """Results, and what is saved beside them."""

    results: Results
    origins: Sequence[ClipOrigin]
    per_clip: dict[str, NDArray[Any]]
    diagrams: dict[str, NDArray[Any]]
    examples: dict[str, NDArray[np.float32]]


def evaluate_rows(
    rows: Sequence[Row],
    clips: ClipSet,
    *,
    run: Run,
    split: str,
    source: tuple[str, str],
    conventions: Sequence[Convention],
    batch_size: int,
    max_clips: int | None = None,
    resamples: int = 1000,
    watch: Callable[[int, int], None] | None = None,
    precision: str = "32",
    warnings: Sequence[str] = (),
    unavailable: Mapping[str, str] | None = None,
) -> Evaluation:
    """Evaluate.

    Args:
        rows: the first one is the model that the verdict is about.
        clips: clips that training never saw, normalised as the run wants them.
        run: where normaliser, units and cost come from.
        split: the name of the split, for the record.
        source: (location, kind), for the record.
        conventions: with the metrics that can be computed here; the first one leads.
        batch_size: clips at a time; changes no number.
        max_clips: at most so many clips, spread evenly; None takes all.
        resamples: draws for each interval; 0 gives none.
        watch: called with (clips done, clips in all).
        precision: in what the caller lets forecasts be computed, for the record.
        warnings: sentences to keep with the results.
        unavailable: what was asked for and cannot be computed, and why, for the record.

    Raises:
        SplitError: there is no clip to evaluate on.
    """
    if not len(clips):
        raise SplitError(f"The {split} split of '{source[0]}' holds no clip to evaluate on.")
    clips = clips if max_clips is None else clips.spread(max_clips)
    num_clips, leading, model = len(clips), conventions[0], rows[0].name
    device = next(run.model.parameters()).device
    tallies = Tallies(rows, conventions, clips, run)
    cautions = Cautions()
    seconds, done, latency = 0.0, 0, dict[str, float]()
    with torch.inference_mode():
        for batch in ClipLoader(clips, batch_size=batch_size, device=device):
            cautions.add(batch, run.record.spec.forecast_channels)
            inputs = {False: batch, True: on_plain_scale(batch, run.normaliser)}
            seconds += tallies.add(inputs, device)
            latency = latency or latencies(rows, inputs)
            done += len(batch)
            if watch is not None:
                watch(done, num_clips)
    origins = [clips.describe(index) for index in range(num_clips)]
    units = Units(origins, clip_frames=(clips.context + clips.horizon - 1) * clips.frame_step + 1)
    drawing = None
    if resamples and units.independence.unit != "none":
        drawing = Bootstrap(units.of_clip, resamples=resamples)
    parts = parts_of(origins)
    scores, differences = dict[str, dict[str, Scores]](), dict[str, dict[str, dict[str, Difference]]]()
    draws: dict[str, Draws | None] = {}
    for convention in conventions:
        per_clip = tallies.per_clip(convention)
        drawn = draws[convention.name] = None if drawing is None else Draws(convention, per_clip, drawing)
        found: dict[str, Scores] = {}
        for row in rows:
            plain = _scores(tallies.of[convention.name, row.name], row)
            by = scores_by(convention, per_clip[row.name], parts) | tallies.by_channel(convention, row.name)
            found[row.name] = replace(plain if drawn is None else drawn.with_intervals(row.name, plain), by=by)
        scores[convention.name] = found
        differences[convention.name] = find_differences(found, convention, model=model, draws=drawn)
    judged_by = leading_metric(leading)
    if judged_by is None:
        warnings = [*warnings, f"The convention '{leading.name}' has no error to judge by, so there is no verdict."]
    first_metric = next(metric.name for metric in leading.metrics if metric.better is not None)
    examples = choose_examples(tallies.of[leading.name, model], clips, judged_by or first_metric)
    metrics = _metrics(conventions, clips.units)
    results = Results(
        run=run.folder.name,
        model=model,
        source=source[0],
        source_kind=source[1],
        split=split,
        clips=num_clips,
        sequences=len({origin.sequence for origin in origins}),
        groups=len({origin.group for origin in origins}),
        context=clips.context,
        horizon=clips.horizon,
        trained_horizon=run.record.spec.horizon,
        step_seconds=origins[0].step_seconds,
        units=clips.units,
        value_range=run.normaliser.value_range,
        conventions=scores,
        repeated_share=cautions.repeated_share,
        metrics=metrics,
        verdict=judged_by
        and find_verdict(
            scores[leading.name],
            model=model,
            metric=judged_by,
            unit=metrics[judged_by].unit if leading.space == "native" else "",
            draws=draws[leading.name],
            too_few=units.independence.unit == "none",
        ),
        independence=units.independence,
        differences=differences,
        unavailable=dict(unavailable or {}),
        weights=run.folder.fingerprint(),
        cost=Cost(
            parameters=run.record.parameters,
            trainable=run.record.trainable,
            macs_per_frame=run.record.macs_per_frame,
            seconds_per_frame=seconds / (num_clips * clips.horizon),
            dead=dead_parameters(run.model).count,
            latency_seconds=latency,
        ),
        examples=[example for _, example in examples],
        precision=precision,
        warnings=[*warnings, *cautions.sentences(), *units.warnings],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        framecast=__version__,
    )
    return Evaluation(
        results,
        origins=origins,
        per_clip={
            # Spectra and the like are long, and no score is computed from the file's: single precision will do.
            f"{convention}/{name}/{key}": values if values.ndim == 2 else values.astype(np.float32)
            for (convention, name), tally in tallies.of.items()
            for key, values in tally.per_clip.items()
        },
        diagrams=tallies.diagrams(),
        examples=example_frames(rows, clips, [index for index, _ in examples], run, device),
    )


def _scores(tally: Accumulator, row: Row) -> Scores:
    scores = tally.scores()
    per_lead = {name: values.tolist() for name, values in scores.per_lead.items()}
    return Scores(role=row.role, overall=scores.overall, per_lead=per_lead, caveats=row.caveats)


def _metrics(conventions: Sequence[Convention], units: str | None) -> dict[str, MetricInfo]:
    """What each metric is; one that another convention defines differently is there a second time, with its name."""
    found: dict[str, MetricInfo] = {}
    for convention in conventions:
        for metric in convention.metrics:
            info = _info(metric, in_units(units, metric.degree) if convention.space == "native" else metric.unit)
            if found.setdefault(metric.name, info) != info:
                found[f"{convention.name}/{metric.name}"] = info
    return found


def _info(metric: Metric, unit: str) -> MetricInfo:
    return MetricInfo(
        summary=metric.summary,
        better=metric.better,
        unit=unit,
        family=metric.family,
        threshold=metric.threshold,
        window=metric.window,
    )
