"""Scores equal what NumPy computes from the frames directly, whatever the size of the batches."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framecast.evaluation.results import Results, load_arrays
from framecast.evaluation.rows import ONE_STEP
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import FramecastError, SplitError
from framecast.models.building import build_model
from framecast.models.model import Model
from framecast.runs.config import SourceChoice
from framecast.runs.run import Run
from framecast.workflows.evaluate import evaluate

MakeRun = Callable[..., Run]
Frames = NDArray[np.float64]


def scores_of(results: Results) -> Any:
    """As in the file, where what is not defined equals itself."""
    return json.loads(results.to_json())["conventions"]


def direct(forecast: Frames, truth: Frames) -> dict[str, Any]:
    """Metrics as their definitions say; (N, M, C, H, W)."""
    error = np.clip(forecast, 0, 1) - truth
    mse = (error**2).mean(axis=(2, 3, 4))
    return {
        "overall": {
            "mse": (error**2).mean(),
            "mae": abs(error).mean(),
            "rmse": np.sqrt((error**2).mean()),
            "psnr": (-10 * np.log10(mse)).mean(),
            "psnr_pooled": -10 * np.log10((error**2).mean()),
        },
        "per_lead": {
            "mse": (error**2).mean(axis=(0, 2, 3, 4)),
            "mae": abs(error).mean(axis=(0, 2, 3, 4)),
            "psnr": (-10 * np.log10(mse)).mean(axis=0),
            "psnr_pooled": -10 * np.log10(mse.mean(axis=0)),
        },
    }


def assert_scores(results: Results, forecaster: str, forecast: Frames, truth: Frames) -> None:
    found, expected = results.conventions["strict"][forecaster], direct(forecast, truth)
    for name, value in expected["overall"].items():
        assert found.overall[name] == pytest.approx(value, rel=1e-5), name
    for name, values in expected["per_lead"].items():
        assert found.per_lead[name] == pytest.approx(values.tolist(), rel=1e-5), name


def fading(context: Frames, gain: float = 0.9, shift: float = 0.0) -> Frames:
    return np.stack([context[:, -1] * gain**lead + shift for lead in (1, 2)], axis=1)


def test_scores_equal_a_direct_computation(make_run: MakeRun, make_source: Any, get_truth: Any) -> None:
    source = make_source()
    clips = get_truth(source)
    assert len(clips) == 8
    context, truth = clips[:, :3], clips[:, 3:]
    results = evaluate(make_run(source), source=source)
    assert list(results.conventions["strict"])[:5] == ["convlstm", "persistence", "mean", "climatology", "linear"]
    assert {"flow", "flow-damped"} <= results.conventions["strict"].keys()
    assert_scores(results, "convlstm", fading(context), truth)
    assert_scores(results, "persistence", context[:, [-1, -1]], truth)
    assert_scores(results, "mean", context.mean(axis=1, keepdims=True).repeat(2, axis=1), truth)
    every = [sequence.read()[start : start + 5] for sequence in source.sequences[:4] for start in range(3)]
    climatology = np.stack(every).mean(axis=(0, 1)) / 255  # training takes every window
    assert_scores(results, "climatology", np.broadcast_to(climatology, truth.shape), truth)
    slope = (context[:, 2] - context[:, 0]) / 2
    line = np.stack([context.mean(axis=1) + slope * (1 + lead) for lead in (1, 2)], axis=1)
    assert_scores(results, "linear", np.clip(line, 0, 1), truth)


def test_forecasts_are_clipped_under_strict_and_not_under_tf(
    make_run: MakeRun, make_source: Any, get_truth: Any
) -> None:
    source = make_source()
    clips = get_truth(source)
    forecast = fading(clips[:, :3], shift=0.8)
    assert forecast.max() > 1
    run = make_run(source, shift=0.8, evaluation={"conventions": ["strict", "tf"]})
    results = evaluate(run, source=source)
    assert_scores(results, "convlstm", forecast, clips[:, 3:])
    unclipped = ((forecast - clips[:, 3:]) ** 2).mean()
    assert results.conventions["tf"]["convlstm"].overall["mse"] == pytest.approx(unclipped, rel=1e-5)


@pytest.mark.parametrize("normaliser", ["symmetric", "standard"])
def test_scores_do_not_depend_on_the_normaliser(
    make_run: MakeRun, make_source: Any, get_truth: Any, normaliser: str
) -> None:
    source = make_source()
    results = evaluate(make_run(source, gain=1.0, clips={"normaliser": normaliser}), source=source)
    clips = get_truth(source)
    assert_scores(results, "convlstm", clips[:, [2, 2]], clips[:, 3:])


@pytest.mark.parametrize("objective", ["horizon", "next_frame"])
def test_any_batch_size_gives_the_same_numbers(make_run: MakeRun, make_source: Any, objective: Any) -> None:
    source = make_source()
    found = [
        evaluate(make_run(source, objective=objective, evaluation={"batch_size": size}), source=source)
        for size in (1, 3, 8, 1000)
    ]
    for other in found[1:]:
        assert scores_of(other) == scores_of(found[0])  # not one bit
        assert other.examples == found[0].examples
        assert other.verdict == found[0].verdict


@pytest.mark.parametrize("name", ["convlstm", "convlstm_stack"])
def test_any_batch_size_gives_a_real_model_the_same_numbers(make_run: MakeRun, make_source: Any, name: str) -> None:
    options: dict[str, Any] = {"hidden": [3], "patch": 2} if name == "convlstm" else {"filters": [3]}

    def model(spec: ClipSpec) -> Model:
        return build_model(name, options, spec)

    source = make_source()
    run = make_run(source, model=model)
    one, other = (
        evaluate(
            Run(run.folder, _with_batch(run, size), run.record, run.normaliser, run.model), source=source
        ).conventions["strict"]["convlstm"]
        for size in (2, 8)
    )
    for metric, value in one.overall.items():
        assert other.overall[metric] == pytest.approx(value, rel=1e-5, nan_ok=True), metric


def _with_batch(run: Run, size: int) -> Any:
    import dataclasses

    return dataclasses.replace(run.config, evaluation=dataclasses.replace(run.config.evaluation, batch_size=size))


def test_the_one_step_row_sees_the_true_frames(make_run: MakeRun, make_source: Any, get_truth: Any) -> None:
    source = make_source()
    clips = get_truth(source)
    truth = clips[:, 3:]
    results = evaluate(make_run(source, objective="next_frame"), source=source)
    rows = results.conventions["strict"]
    assert list(rows)[:2] == ["convlstm", "convlstm" + ONE_STEP]
    assert_scores(results, "convlstm", fading(clips[:, :3]), truth)
    assert_scores(results, "convlstm" + ONE_STEP, clips[:, 2:4] * 0.9, truth)  # the frame before each lead, as it was
    assert rows["convlstm" + ONE_STEP].role == "model"
    assert "true frames" in rows["convlstm" + ONE_STEP].caveats[0]
    assert rows["convlstm"].caveats == ()
    assert results.verdict is not None
    assert results.model == "convlstm"
    without = evaluate(make_run(source, objective="next_frame", evaluation={"one_step": False}), source=source)
    assert "convlstm" + ONE_STEP not in without.conventions["strict"]
    horizon = evaluate(make_run(source), source=source)
    assert "convlstm" + ONE_STEP not in horizon.conventions["strict"]


def test_missing_values_do_not_count(make_run: MakeRun, make_source: Any, get_truth: Any) -> None:
    source = make_source(dtype="float32", has_missing=True)
    for sequence in source.sequences:
        sequence.frames[4, 0, :6] = np.nan
        sequence.frames[5] = np.nan
    run = make_run(source, gain=1.0)
    low, high = run.normaliser.value_range
    clips = (get_truth(source) * 255 - low) / (high - low)
    filled = np.nan_to_num(clips, nan=0.0)
    error = np.clip(filled[:, [2, 2]], 0, 1) - clips[:, 3:]
    scores = evaluate(run, source=source).conventions["strict"]["convlstm"]
    assert scores.overall["mse"] == pytest.approx(np.nanmean(error**2), rel=1e-4)
    assert scores.per_lead["mae"] == pytest.approx(np.nanmean(abs(error), axis=(0, 2, 3, 4)).tolist(), rel=1e-4)


def test_a_forecast_that_is_not_finite_is_not_hidden(make_run: MakeRun, make_source: Any) -> None:
    results = evaluate(make_run(shift=np.nan), source=make_source())
    assert np.isnan(results.conventions["strict"]["convlstm"].overall["mse"])
    assert results.verdict is not None
    assert not results.verdict.beats_best_baseline
    assert "cannot be compared" in results.verdict.sentence


def test_fewer_clips_are_spread_evenly(make_run: MakeRun, make_source: Any, get_truth: Any) -> None:
    source = make_source()
    seen: list[tuple[int, int]] = []
    run = make_run(source)
    results = evaluate(run, source=source, max_clips=4, watch=lambda done, total: seen.append((done, total)))
    clips = get_truth(source)[::2]
    assert results.clips == 4
    assert_scores(results, "convlstm", fading(clips[:, :3]), clips[:, 3:])
    assert seen == [(3, 4), (4, 4)]
    assert load_arrays(run.folder.evaluation / "clips.npz")["strict/convlstm/squared_error"].shape == (4, 2)
    assert evaluate(make_run(source, evaluation={"max_clips": 2}), source=source).clips == 2
    assert evaluate(make_run(source, evaluation={"max_clips": 2}), source=source, max_clips=100).clips == 8
    with pytest.raises(FramecastError, match="found --max-clips 0"):
        evaluate(run, source=source, max_clips=0)


def test_per_clip_statistics_give_the_scores_again(make_run: MakeRun, make_source: Any) -> None:
    run = make_run()
    results = evaluate(run, source=make_source())
    arrays = load_arrays(run.folder.evaluation / "clips.npz")
    for name, scores in results.conventions["strict"].items():
        squared, count = arrays[f"strict/{name}/squared_error"], arrays[f"strict/{name}/count"]
        assert squared.shape == count.shape == (8, 2)
        assert squared.sum() / count.sum() == pytest.approx(scores.overall["mse"], rel=1e-12)


@pytest.mark.parametrize(("split", "clips", "sequences"), [("test", 8, 4), ("validation", 4, 2), ("all", 20, 10)])
def test_parts_of_a_source(
    make_run: MakeRun, make_source: Any, get_truth: Any, *, split: Any, clips: int, sequences: int
) -> None:
    source = make_source()
    results = evaluate(make_run(source), source=source, split=split)
    assert (results.split, results.clips, results.sequences) == (split, clips, sequences)
    truth = get_truth(source, split=split)
    assert_scores(results, "convlstm", fading(truth[:, :3]), truth[:, 3:])


def test_scores_on_training_clips_come_with_a_warning_and_without_augmentation(
    make_run: MakeRun, make_source: Any
) -> None:
    source = make_source()
    plain = evaluate(make_run(source), source=source, split="train")
    assert any("trained on" in warning for warning in plain.warnings)
    augmented = evaluate(make_run(source, clips={"augment": {"noise": 0.5}}), source=source, split="train")
    assert scores_of(augmented) == scores_of(plain)
    assert not any("trained on" in warning for warning in evaluate(make_run(source), source=source).warnings)


def test_a_source_of_its_own_kind_can_be_evaluated_whole(make_run: MakeRun, make_source: Any) -> None:
    run = make_run(make_source(units="mm/h"))
    other = make_source(num_frames=5, location="elsewhere", units="mm/h")
    results = evaluate(run, source=other, split="all")
    assert (results.source, results.source_kind, results.clips) == ("elsewhere", "memory", 10)
    assert results.units == "mm/h"
    assert results.step_seconds == 0.5
    with pytest.raises(FramecastError, match="trained on values in mm/h, and these recordings are in dBZ"):
        evaluate(run, source=make_source(units="dBZ"), split="all")
    with pytest.raises(FramecastError, match="channel"):
        evaluate(run, source=make_source(channels=3), split="all")


def test_an_empty_part_says_so(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    run = make_run(source, clips={"split": {"by": "sequence", "test": 0}})
    with pytest.raises(SplitError, match="The test split of 'memory' holds no clip"):
        evaluate(run, source=source)


def test_a_convention_named_twice_counts_once(make_run: MakeRun, make_source: Any) -> None:
    run, source = make_run(), make_source()
    once = evaluate(run, source=source)
    twice = evaluate(run, source=source, conventions=["strict", "strict"])
    assert scores_of(twice) == scores_of(once)
    assert load_arrays(run.folder.evaluation / "clips.npz")["strict/mean/squared_error"].shape == (8, 2)
    leading = evaluate(run, source=source, conventions=["tf", "strict"])
    assert list(leading.conventions) == ["tf", "strict"]
    with pytest.raises(FramecastError, match="did you mean 'strict'"):
        evaluate(run, source=source, conventions=["strickt"])


def test_recordings_that_training_saw_are_not_scored(make_run: MakeRun, make_source: Any) -> None:
    run, source = make_run(), make_source()
    assert not any("trained on" in warning for warning in evaluate(run, source=source).warnings)
    division = json.loads(run.folder.splits.read_text())
    division["train"].append(division["test"][0])
    run.folder.splits.write_text(json.dumps(division))
    name = division["test"][0][0]
    told = evaluate(run, source=source).warnings  # of another place: perhaps only the names agree
    assert any(f"that the run was trained on, first '{name}'" in warning for warning in told)
    own = replace(run, config=replace(run.config, source=SourceChoice(location="memory")))
    with pytest.raises(SplitError, match="the splits have moved"):
        evaluate(own, source=source)
    assert evaluate(own, source=source, split="all").clips > 0
