"""Predictor: a forecast is in the recording's own size, type, colours and values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from framecast.clips.config import ClipsConfig
from framecast.clips.conversion import LUMA
from framecast.clips.normaliser import Normaliser
from framecast.clips.preparing import prepare_clips
from framecast.clips.splits import SplitConfig
from framecast.forecasting.predictor import Predictor
from framecast.frames.errors import SourceError, TooShortError
from framecast.runs.run import Run

MakeRun = Callable[..., Run]


def noise(*shape: int, dtype: str = "uint8", top: float = 256) -> np.ndarray:
    return (np.random.default_rng(1).random(shape) * top).astype(dtype)


def forecast(run: Run, sequence: Any, horizon: int = 2) -> np.ndarray:
    predictor = Predictor(run)
    return predictor.forecast(predictor.context_of(sequence), sequence.info, horizon)


@pytest.mark.parametrize(
    ("dtype", "top"), [("uint8", 256), ("uint16", 65536), ("int16", 32768), ("int32", 2**31), ("bool", 2)]
)
def test_integers_come_back_as_they_were(make_run: MakeRun, make_sequence: Any, dtype: str, top: int) -> None:
    frames = noise(4, 1, 8, 8, dtype="int64", top=top).astype(dtype)
    run = make_run(dtype=dtype, value_range=make_sequence(frames).info.value_range)
    found = forecast(run, make_sequence(frames))
    assert found.dtype == frames.dtype
    slack = 2**31 * 2**-23 if dtype == "int32" else 0  # a model computes in float32
    assert np.abs(found.astype(np.int64) - frames[-1].astype(np.int64)).max() <= slack


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_floats_come_back_in_their_units(make_run: MakeRun, make_sequence: Any, dtype: str) -> None:
    frames = noise(4, 1, 8, 8, dtype=dtype, top=40) + np.asarray(250, dtype)
    run = make_run(dtype=dtype, value_range=(250.0, 290.0), step=0.5)
    found = forecast(run, make_sequence(frames))
    assert found.dtype == frames.dtype
    assert np.allclose(found, frames[-1] + np.array([20.0, 40.0]).reshape(2, 1, 1, 1), rtol=2e-3)


def test_a_small_change_on_a_large_offset_is_not_lost(make_run: MakeRun, make_sequence: Any) -> None:
    frames = 1e6 + noise(3, 1, 8, 8, dtype="float64", top=1.0)
    run = make_run(dtype="float64", value_range=(1e6, 1e6 + 1))
    assert np.abs(forecast(run, make_sequence(frames)) - frames[-1]).max() < 1e-6


def test_values_beyond_the_type_are_clipped_and_rounded(make_run: MakeRun, make_sequence: Any) -> None:
    frames = np.full((3, 1, 8, 8), 100, np.uint8)
    for step, expected in ((0.501 / 255, [101, 101]), (0.9, [255, 255]), (-0.9, [0, 0])):
        found = forecast(make_run(step=step), make_sequence(frames))
        assert found[:, 0, 0, 0].tolist() == expected


@pytest.mark.parametrize("size", [(8, 8), (5, 11), (16, 20)])
def test_the_forecast_has_the_size_of_the_recording(
    make_run: MakeRun, make_sequence: Any, size: tuple[int, int]
) -> None:
    frames = np.broadcast_to(np.linspace(0, 200, size[1]).astype(np.uint8), (3, 1, *size)).copy()
    found = forecast(make_run(), make_sequence(frames), horizon=3)
    assert found.shape == (3, 1, *size)
    assert np.abs(found.astype(int) - frames[-1]).max() <= 30  # a ramp survives being resized and back


def test_the_model_sees_what_it_saw_in_training(make_run: MakeRun, make_source: Any) -> None:
    """The same frames through the clips of training and through the predictor give the same numbers."""
    config = ClipsConfig(
        context=3, horizon=1, size=(6, 4), color="grey", normaliser="standard", split=SplitConfig(by="time", test=0)
    )
    recording = noise(9, 3, 9, 9)
    source = make_source(recording)
    sets = prepare_clips(source, config, required=("train",))
    run = make_run(normaliser=sets.normaliser, size=(6, 4), horizon=1, clips={"size": [6, 4], "color": "grey"})
    [head] = make_source(recording[:3]).sequences
    forecast(run, head, horizon=1)
    [(seen, _)] = run.model.asked
    assert torch.equal(seen, sets.train.batch([0]).context)


@pytest.mark.parametrize("color", ["keep", "rgb"])
def test_a_run_in_colour_forecasts_grey_recordings(make_run: MakeRun, make_sequence: Any, color: str) -> None:
    frames = noise(3, 1, 8, 8)
    run = make_run(channels=3, clips={"color": color})
    found = forecast(run, make_sequence(frames))
    assert run.model.asked[0][0].shape[2] == 3
    assert np.array_equal(found, np.repeat(frames[-1:], 2, axis=0))


@pytest.mark.parametrize("color", ["keep", "grey"])
def test_a_grey_run_forecasts_colour_recordings(make_run: MakeRun, make_sequence: Any, color: str) -> None:
    frames = noise(3, 3, 8, 8)
    found = forecast(make_run(clips={"color": color}), make_sequence(frames))
    assert found.shape == (2, 3, 8, 8)
    luma = np.rint(np.tensordot(LUMA, frames[-1].astype(float), axes=(0, 0)))
    assert np.abs(found - luma).max() <= 1


def test_a_run_in_colour_keeps_colours(make_run: MakeRun, make_sequence: Any) -> None:
    frames = noise(3, 3, 8, 8)
    assert np.array_equal(forecast(make_run(channels=3), make_sequence(frames))[0], frames[-1])


def test_other_integer_types_are_read_on_their_own_scale(make_run: MakeRun, make_sequence: Any) -> None:
    frames = (noise(3, 1, 8, 8).astype(np.uint16)) * 257
    run = make_run()
    found = forecast(run, make_sequence(frames))
    assert found.dtype == np.uint16
    assert np.array_equal(found[0], frames[-1])
    assert run.model.asked[0][0].max() <= 1
    unit = (noise(3, 1, 8, 8) / 255).astype(np.float32)
    found = forecast(run, make_sequence(unit, value_range=(0.0, 1.0)))
    assert np.allclose(found[0], unit[-1], atol=1e-6)


def test_twelve_bits_in_sixteen_are_read_on_the_scale_that_was_stated(make_run: MakeRun, make_sequence: Any) -> None:
    camera = {"dtype": "uint16", "value_range": (0.0, 4095.0)}
    bright = np.full((3, 1, 8, 8), 255, np.uint8)
    run = make_run(**camera)
    assert np.array_equal(forecast(run, make_sequence(bright))[0], bright[-1])
    assert run.model.asked[0][0].unique().tolist() == pytest.approx([1.0])
    run = make_run()
    found = forecast(run, make_sequence(np.full((3, 1, 8, 8), 4095, np.uint16), value_range=(0.0, 4095.0)))
    assert found.max() == found.min() == 4095
    assert run.model.asked[0][0].unique().tolist() == pytest.approx([1.0])


def test_recordings_that_mean_something_else_are_refused(make_run: MakeRun, make_sequence: Any) -> None:
    cases = [
        (make_run(), make_sequence(noise(3, 1, 8, 8, dtype="float32", top=3.0)), "holds float32 values.* uint8"),
        (make_run(dtype="float32"), make_sequence(noise(3, 1, 8, 8)), "holds uint8 values.* float32"),
        (make_run(), make_sequence(noise(3, 2, 8, 8)), "has 2 channels, but the run was trained on 1"),
        (make_run(channels=2), make_sequence(noise(3, 3, 8, 8)), "has 3 channels, but the run was trained on 2"),
    ]
    for run, sequence, message in cases:
        with pytest.raises(SourceError, match=message):
            Predictor(run).check(sequence.info)
        with pytest.raises(SourceError, match=message):
            forecast(run, sequence)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_missing_values_become_what_they_were_in_training(make_run: MakeRun, make_sequence: Any, hole: float) -> None:
    frames = noise(3, 1, 8, 8, dtype="float32", top=10) + 20
    frames[2, 0, 3, 3] = hole
    normaliser = Normaliser(kind="standard", low=(20.0,), high=(30.0,), offset=(25.0,), scale=(2.0,))
    run = make_run(dtype="float32", normaliser=normaliser)
    found = forecast(run, make_sequence(frames, has_missing=True))
    seen = run.model.asked[0][0]
    assert seen.isfinite().all()
    assert seen[0, 2, 0, 3, 3] == 0
    assert np.isfinite(found).all()
    assert found[0, 0, 3, 3] == 25


def test_the_context_is_the_end_at_the_frame_step_of_the_run(make_run: MakeRun, make_sequence: Any) -> None:
    frames = np.arange(9, dtype=np.uint8).reshape(9, 1, 1, 1).repeat(8, 2).repeat(8, 3)
    sequence = make_sequence(frames)
    predictor = Predictor(make_run(clips={"frame_step": 2}))
    assert predictor.frames_needed == 5
    assert predictor.context_of(sequence)[:, 0, 0, 0].tolist() == [4, 6, 8]
    assert sequence.reads == [(4, 9)]  # no frame more than is needed


def test_a_recording_that_is_too_short_says_how_many_frames_are_needed(make_run: MakeRun, make_sequence: Any) -> None:
    predictor = Predictor(make_run(clips={"frame_step": 2}))
    with pytest.raises(
        TooShortError, match=r"'recording' has 4 frames; this run needs 5 \(a context of 3 at frame step 2"
    ):
        predictor.context_of(make_sequence(noise(4, 1, 8, 8)))
    assert predictor.context_of(make_sequence(noise(5, 1, 8, 8))).shape == (3, 1, 8, 8)


def test_caveats_stand_beside_what_was_not_trained(make_run: MakeRun) -> None:
    for objective, how in (
        ("horizon", "chained from the model's own forecasts"),
        ("direct", "chained from the model's own forecasts"),
        ("next_frame", "continued by feeding forecasts back"),
    ):
        predictor = Predictor(make_run(objective=objective))
        assert predictor.caveats(1) == predictor.caveats(2) == ()
        [sentence] = predictor.caveats(3)
        assert "Leads beyond 2" in sentence
        assert how in sentence


def test_caveats_of_the_model_come_first(make_run: MakeRun) -> None:
    run = make_run()
    run.model.caveats = lambda: ("It sees the answer.",)
    assert Predictor(run).caveats(1) == ("It sees the answer.",)
    assert len(Predictor(run).caveats(9)) == 2
