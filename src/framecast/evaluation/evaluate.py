"""Evaluate: the same clips through the model and every baseline, under every convention, in bounded memory.

Axes: B clips of a batch, N all clips, K frames of context, M leads, C channels, H height, W width.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.clips.clip_set import ClipSet
from framecast.clips.loader import ClipLoader
from framecast.evaluation.cautions import Cautions
from framecast.evaluation.results import Cost, Example, ExampleClip, MetricInfo, Results, Role, Scores
from framecast.evaluation.scales import chosen_channels, forecast_on, in_units, on_plain_scale, truth_on
from framecast.evaluation.verdict import find_verdict
from framecast.forecasting.roll_out import longest_block, roll_out
from framecast.frames.batch import Batch
from framecast.frames.errors import SplitError
from framecast.frames.forecaster import Forecaster
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention, Space
from framecast.metrics.scores import clip_values
from framecast.runs.run import Run
from framecast.version import __version__

LEADING_METRIC = "mse"
ONE_STEP = " (one-step)"

Predict = Callable[[Batch], Tensor]


@final
@dataclass(frozen=True)
class Row:
    """One line of the table: a forecaster, and how it is asked."""

    name: str
    role: Role
    predict: Predict
    """From a batch to (B, M, C, H, W), both on its own scale. Only the one-step row looks at the target, as input."""
    caveats: tuple[str, ...] = ()
    plain: bool = False
    """Whether it lives on native values (``normaliser.plain()``), not on the scale of the run's model."""


@final
@dataclass(frozen=True)
class Evaluation:
    """Results, and the arrays that are saved beside them."""

    results: Results
    per_clip: dict[str, NDArray[np.float64]]
    examples: dict[str, NDArray[np.float32]]


def rows_for(run: Run, *, baselines: Sequence[str], horizon: int, one_step: bool) -> list[Row]:
    """The rows of a run's table: its model, a one-step row for next-frame models, and the baselines."""
    model = run.model
    caveats = list(model.caveats())
    trained = run.record.spec.horizon
    if horizon > trained and longest_block(model, run.record.spec.context) is not None:
        caveats.append(f"Leads beyond {trained} are chained from the model's own forecasts.")
    rows = [Row(run.config.model.name, "model", _free_running(model), tuple(caveats))]
    if one_step and model.objective == "next_frame":
        caveat = "Every lead is forecast from the true frames before it: comparable only with other one-step rows."
        rows.append(Row(run.config.model.name + ONE_STEP, "model", _one_step(model), (caveat, *model.caveats())))
    device = next(model.parameters()).device
    for name in baselines:
        rows.append(Row(name, "baseline", _free_running(run.baseline(name).to(device)), plain=True))
    return rows


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
    watch: Callable[[int, int], None] | None = None,
    precision: str = "32",
    warnings: Sequence[str] = (),
) -> Evaluation:
    """Evaluate.

    Args:
        rows: the first one is the model that the verdict is about.
        clips: clips that training never saw, normalised as the run wants them.
        run: where normaliser, units and cost come from.
        split: the name of the split, for the record.
        source: (location, kind), for the record.
        conventions: the first one leads.
        batch_size: clips at a time; changes no number.
        max_clips: at most so many clips, spread evenly; None takes all.
        watch: called with (clips done, clips in all).
        precision: in what the caller lets forecasts be computed, for the record.
        warnings: sentences to keep with the results.

    Raises:
        SplitError: there is no clip to evaluate on.
    """
    if not len(clips):
        raise SplitError(f"The {split} split of '{source[0]}' holds no clip to evaluate on.")
    clips = clips if max_clips is None else clips.spread(max_clips)
    num_clips = len(clips)
    device = next(run.model.parameters()).device
    tallies = {(c.name, row.name): Accumulator(c) for c in conventions for row in rows}
    spaces: set[Space] = {convention.space for convention in conventions}
    scale_of = {False: run.normaliser, True: run.normaliser.plain()}
    wanted = run.record.spec.forecast_channels
    cautions = Cautions()
    seconds, done = 0.0, 0
    with torch.inference_mode():
        for batch in ClipLoader(clips, batch_size=batch_size, device=device):
            cautions.add(batch, wanted)
            mask = None if batch.target_mask is None else chosen_channels(batch.target_mask, wanted)
            inputs = {False: batch, True: on_plain_scale(batch, run.normaliser)}
            truth = truth_on(spaces, inputs[True].target, run.normaliser, dtype=clips.dtype)
            for number, row in enumerate(rows):
                started = time.perf_counter()
                forecast = row.predict(inputs[row.plain])
                if number == 0:
                    _wait_for(device)
                    seconds += time.perf_counter() - started
                found = forecast_on(spaces, forecast, scale_of[row.plain], dtype=clips.dtype)
                for convention in conventions:
                    tally, space = tallies[convention.name, row.name], convention.space
                    tally.update(chosen_channels(found[space], wanted), chosen_channels(truth[space], wanted), mask)
            done += len(batch)
            if watch is not None:
                watch(done, num_clips)
    scores = {c.name: {row.name: _scores(tallies[c.name, row.name], row) for row in rows} for c in conventions}
    leading = tallies[conventions[0].name, rows[0].name]
    examples = _choose_examples(leading, clips)
    origins = [clips.describe(index) for index in range(num_clips)]
    results = Results(
        run=run.folder.name,
        model=rows[0].name,
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
        metrics=(metrics := _metrics(conventions, clips.units)),
        verdict=find_verdict(
            scores[conventions[0].name],
            model=rows[0].name,
            metric=LEADING_METRIC,
            unit=metrics[LEADING_METRIC].unit if conventions[0].space == "native" else "",
        ),
        cost=Cost(
            parameters=run.record.parameters,
            trainable=run.record.trainable,
            macs_per_frame=run.record.macs_per_frame,
            seconds_per_frame=seconds / (num_clips * clips.horizon),
        ),
        examples=[example for _, example in examples],
        precision=precision,
        warnings=[*warnings, *cautions.sentences(origins)],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        framecast=__version__,
    )
    return Evaluation(
        results,
        per_clip={f"{c}/{name}/{key}": rows_ for (c, name), t in tallies.items() for key, rows_ in t.per_clip.items()},
        examples=_example_frames(rows, clips, [index for index, _ in examples], run, device),
    )


def _free_running(forecaster: Forecaster) -> Predict:
    return lambda batch: roll_out(forecaster, batch.context, batch.horizon)


def _one_step(model: Forecaster) -> Predict:
    return lambda batch: model(batch.frames[:, :-1], 1).outputs[:, -batch.horizon :]


def _scores(tally: Accumulator, row: Row) -> Scores:
    scores = tally.scores()
    per_lead = {name: values.tolist() for name, values in scores.per_lead.items()}
    return Scores(role=row.role, overall=scores.overall, per_lead=per_lead, caveats=row.caveats)


def _metrics(conventions: Sequence[Convention], units: str | None) -> dict[str, MetricInfo]:
    """What each metric is; one that another convention defines differently is there a second time, with its name."""
    found: dict[str, MetricInfo] = {}
    for convention in conventions:
        for metric in convention.metrics:
            unit = in_units(units, metric.degree) if convention.space == "native" else metric.unit
            info = MetricInfo(summary=metric.summary, better=metric.better, unit=unit)
            if found.setdefault(metric.name, info) != info:
                found[f"{convention.name}/{metric.name}"] = info
    return found


def _choose_examples(tally: Accumulator, clips: ClipSet) -> list[tuple[int, ExampleClip]]:
    """The clips with the median, lowest and highest error of the model; one without a value to score shows nothing."""
    metric = next(metric for metric in tally.convention.metrics if metric.name == LEADING_METRIC)
    values = clip_values(metric, tally.per_clip)
    order = np.argsort(values, kind="stable")
    scored = np.any([rows.any(axis=1) for rows in tally.per_clip.values()], axis=0)  # else it added 0 to everything
    order = order[scored[order]] if scored.any() else order
    places: list[tuple[Example, int]] = [("typical", len(order) // 2), ("best", 0), ("worst", len(order) - 1)]
    kept: dict[int, ExampleClip] = {}
    for why, place in places:
        index = int(order[place])
        origin = clips.describe(index)
        example = ExampleClip(why=why, sequence=origin.sequence, start=origin.start, score=float(values[index]))
        kept.setdefault(index, example)
    return list(kept.items())


@torch.inference_mode()
def _example_frames(
    rows: Sequence[Row], clips: ClipSet, indices: list[int], run: Run, device: torch.device
) -> dict[str, NDArray[np.float32]]:
    batch = clips.batch(indices).to(device)
    inputs = {False: batch, True: on_plain_scale(batch, run.normaliser)}
    scale_of = {False: run.normaliser, True: run.normaliser.plain()}
    there = torch.ones_like(batch.frames, dtype=torch.bool) if batch.mask is None else batch.mask

    def drawn(frames: Tensor) -> NDArray[np.float32]:
        chosen = chosen_channels(frames, run.record.spec.forecast_channels)
        return chosen.clamp(0, 1).float().cpu().numpy()

    truth = truth_on(("unit",), inputs[True].frames, run.normaliser, dtype=clips.dtype)["unit"].where(there, torch.nan)
    frames = {"context": drawn(truth[:, : -batch.horizon]), "truth": drawn(truth[:, -batch.horizon :])}
    for row in rows:
        forecast = row.predict(inputs[row.plain])
        unit = forecast_on(("unit",), forecast, scale_of[row.plain], dtype=clips.dtype)["unit"]
        frames[f"forecast/{row.name}"] = drawn(unit)
    return frames


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
