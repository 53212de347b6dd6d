"""Recordings of any size and shape: what training did to its frames is done to them and undone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framecast.clips.config import ClipsConfig
from framecast.clips.preparing import prepare_clips
from framecast.clips.splits import SplitConfig
from framecast.forecasting.predictor import Predictor
from framecast.frames.errors import ConfigurationError, SourceError
from framecast.runs.run import Run
from framecast.sources.open import open_source
from framecast.workflows.predict import predict

MakeRun = Callable[..., Run]


def noise(*shape: int, dtype: str = "uint8", top: float = 256) -> np.ndarray:
    return (np.random.default_rng(1).random(shape) * top).astype(dtype)


def smooth(height: int, width: int) -> np.ndarray:
    """(3, 1, H, W) uint8 that survives being resized and back."""
    rows, columns = np.linspace(0, 3, height)[:, None], np.linspace(0, 4, width)
    frame = 120 + 50 * np.sin(rows) + 50 * np.cos(columns)
    return np.repeat(frame.astype(np.uint8)[None, None], 3, axis=0)


def forecast(run: Run, sequence: Any, horizon: int = 2, overlap: float = 0.25) -> np.ndarray:
    predictor = Predictor(run, overlap=overlap)
    return predictor.forecast(predictor.context_of(sequence), sequence.info, horizon)


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
@pytest.mark.parametrize("size", [(8, 8), (9, 8), (20, 31), (64, 13)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_copying_model_gives_back_frames_of_any_size_exactly(
    make_run: MakeRun, make_sequence: Any, size: tuple[int, int], dtype: str, overlap: float
) -> None:
    frames = noise(3, 2, *size, dtype=dtype)
    # A range that is a power of two, so that floats are normalised and back without a rounding.
    value_range = (0.0, 255.0) if dtype == "uint8" else (0.0, 256.0)
    run = make_run(dtype=dtype, channels=2, value_range=value_range, clips={"crop": 8})
    found = forecast(run, make_sequence(frames), overlap=overlap)
    np.testing.assert_array_equal(found, np.repeat(frames[-1:], 2, axis=0), strict=True)
    assert {tuple(context.shape[-2:]) for context, _ in run.model.asked} == {(8, 8)}
    assert max(len(context) for context, _ in run.model.asked) <= run.config.training.batch_size


def test_every_tile_is_rolled_out_to_the_last_lead(make_run: MakeRun, make_sequence: Any) -> None:
    frames = np.full((3, 1, 20, 30), 10, np.uint8)
    found = forecast(make_run(clips={"crop": 8}, step=1 / 255), make_sequence(frames), horizon=5)
    for lead in range(5):
        assert (found[lead] == 11 + lead).all()


def test_crops_of_resized_frames_come_back_in_the_size_of_the_recording(make_run: MakeRun, make_sequence: Any) -> None:
    frames = smooth(40, 60)
    run = make_run(clips={"size": [20, 20], "crop": 8})
    found = forecast(run, make_sequence(frames))
    assert found.shape == (2, 1, 40, 60)
    assert np.abs(found.astype(int) - frames[-1]).max() <= 8
    plain = forecast(make_run(size=(20, 20), clips={"size": [20, 20]}), make_sequence(frames))
    np.testing.assert_array_equal(found, plain)  # tiles change nothing for a model that copies


@pytest.mark.parametrize(("fit", "tiles"), [("crop", 2), ("pad", 1), ("stretch", 1)])
def test_fitted_frames_come_back_whole_and_undistorted(
    make_run: MakeRun, make_sequence: Any, fit: str, tiles: int
) -> None:
    frames = smooth(32, 56)
    run = make_run(size=(16, 16), clips={"size": 16, "fit": fit})
    sequence = make_sequence(frames)
    found = forecast(run, sequence)
    assert found.shape == (2, 1, 32, 56)
    assert np.abs(found.astype(int) - frames[-1]).max() <= (16 if fit == "crop" else 30)
    assert sum(len(context) for context, _ in run.model.asked) == tiles
    assert len(Predictor(run).caveats(2, sequence.info)) == (tiles > 1)


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("normaliser", ["unit", "standard"])
def test_the_model_sees_what_it_saw_in_training(make_run: MakeRun, make_source: Any, fit: str, normaliser: str) -> None:
    recording = noise(9, 1, 9, 21)
    config = ClipsConfig(
        context=3, horizon=1, size=8, fit=fit, normaliser=normaliser, split=SplitConfig(by="time", test=0)
    )
    source = make_source(recording)
    sets = prepare_clips(source, config, required=("train",))
    run = make_run(normaliser=sets.normaliser, horizon=1, clips={"size": 8, "fit": fit})
    [head] = make_source(recording[:3]).sequences
    forecast(run, head, horizon=1)
    [(seen, _)] = run.model.asked
    assert torch.equal(seen, sets.train.batch([0]).context)


def test_tiles_are_crops_as_training_takes_them(make_run: MakeRun, make_source: Any) -> None:
    recording = noise(3, 3, 21, 30)
    clips = {"size": [16, 24], "crop": [8, 12], "color": "grey"}
    run = make_run(size=(8, 12), clips=clips)
    [sequence] = make_source(recording).sequences
    forecast(run, sequence, overlap=0.0)
    config = ClipsConfig(
        context=2,
        horizon=1,
        size=(16, 24),
        crop=(8, 12),
        color="grey",
        crop_at=(1.0, 0.0),
        split=SplitConfig(by="time", validation=0, test=0),
    )
    corner = prepare_clips(make_source(recording), config, required=("train",)).train.batch([0]).frames
    tiles = torch.cat([context for context, _ in run.model.asked])
    assert len(tiles) == 4
    assert torch.equal(tiles[2], corner[0])  # the lower left one


def test_padding_is_missing_to_the_model_and_not_in_the_forecast(make_run: MakeRun, make_sequence: Any) -> None:
    frames = np.full((3, 1, 16, 8), 200, np.uint8)
    run = make_run(clips={"size": 8, "fit": "pad"})
    found = forecast(run, make_sequence(frames))
    [(seen, _)] = run.model.asked
    assert (seen[..., 2:6] == seen[..., 2:3]).all()
    assert not seen[..., [0, 1, 6, 7]].any()
    assert (found == 200).all()


def test_recordings_smaller_than_the_crops_are_refused(make_run: MakeRun, make_sequence: Any) -> None:
    run = make_run(clips={"crop": 8})
    with pytest.raises(SourceError, match=r"'recording' are 7x12 .*smaller than the crops of 8x8"):
        Predictor(run).check(make_sequence(noise(3, 1, 7, 12)).info)
    Predictor(run).check(make_sequence(noise(3, 1, 8, 12)).info)


@pytest.mark.parametrize("overlap", [-0.1, 0.95, float("nan")])
def test_impossible_overlaps_are_refused(make_run: MakeRun, make_source: Any, overlap: float) -> None:
    with pytest.raises(ConfigurationError, match=r"overlap by 0 to 0\.9"):
        predict(make_run(), make_source(noise(3, 1, 8, 8)), tile_overlap=overlap)


def test_the_number_of_tiles_stands_beside_the_forecast(make_run: MakeRun, make_source: Any) -> None:
    run = make_run(clips={"crop": 8})
    large, exact = predict(run, make_source(noise(3, 1, 8, 20), noise(3, 1, 8, 8)), tile_overlap=0.0)
    assert len(large.caveats) == 1
    assert "3 overlapping tiles of 8x8" in large.caveats[0]
    assert exact.caveats == ()


def test_a_real_video_is_put_together_without_a_seam(make_run: MakeRun, test_data: Path) -> None:
    [sequence] = open_source(test_data / "kth" / "boxing").sequences
    channels = sequence.info.channels
    run = make_run(channels=channels, size=(48, 40), clips={"crop": [48, 40]})
    found = forecast(run, sequence, overlap=0.3)
    last = sequence.read(sequence.info.num_frames - 1)
    assert last.shape[-2:] == (120, 160)
    np.testing.assert_array_equal(found, np.repeat(last, 2, axis=0))
