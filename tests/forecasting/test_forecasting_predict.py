"""The workflow ``predict``: recordings in, files of the same kind out, nothing lost on the way."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.frames.errors import ConfigurationError, SourceError, TooShortError
from framecast.runs.run import Run
from framecast.workflows.predict import predict

MakeRun = Callable[..., Run]


def recording(path: Path, length: int = 5, *, value: int = 0) -> Path:
    frames = np.arange(length, dtype=np.uint8).reshape(-1, 1, 1).repeat(8, 1).repeat(8, 2) + np.uint8(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, frames)
    return path


def test_only_the_forecast_is_written_unless_the_context_is_asked_for(make_run: MakeRun, tmp_path: Path) -> None:
    file = recording(tmp_path / "in.npy")
    run = make_run(step=1 / 255)
    [alone] = predict(run, file, out=tmp_path / "alone.npy")
    assert np.load(tmp_path / "alone.npy")[:, 0, 0].tolist() == [5, 6]
    assert alone.frames[:, 0, 0, 0].tolist() == [5, 6]
    [both] = predict(run, file, out=tmp_path / "both.npy", with_context=True)
    assert np.load(tmp_path / "both.npy")[:, 0, 0].tolist() == [2, 3, 4, 5, 6]
    assert both.frames.dtype == np.uint8
    [far] = predict(run, file, horizon=7)
    assert far.frames[:, 0, 0, 0].tolist() == list(range(5, 12))
    assert far.path is None
    assert len(far.caveats) == 1


def test_frames_are_written_on_the_scale_of_the_recording(make_run: MakeRun, make_source: Any, tmp_path: Path) -> None:
    frames = np.full((3, 1, 16, 16), 128 * 257, np.uint16)
    predict(make_run(size=(16, 16)), make_source(frames), out=tmp_path / "out.mp4")
    from framecast.sources.open import open_source

    [video] = open_source(tmp_path / "out.mp4").sequences
    assert np.abs(video.read().astype(int) - 128).max() <= 2


def test_a_folder_of_recordings_makes_a_folder_of_forecasts(make_run: MakeRun, tmp_path: Path) -> None:
    recording(tmp_path / "in" / "a.npy")
    recording(tmp_path / "in" / "b.npy", value=10)
    predictions = predict(make_run(), tmp_path / "in", out=tmp_path / "out")
    assert [prediction.path for prediction in predictions] == [tmp_path / "out" / "a.npy", tmp_path / "out" / "b.npy"]
    assert np.load(tmp_path / "out" / "b.npy")[:, 0, 0].tolist() == [14, 14]


def test_a_folder_of_one_recording_makes_a_folder_too(make_run: MakeRun, tmp_path: Path) -> None:
    recording(tmp_path / "in" / "a.npy")
    [prediction] = predict(make_run(), tmp_path / "in", out=tmp_path / "out")
    assert prediction.path == tmp_path / "out" / "a.npy"
    with pytest.raises(ConfigurationError, match="must be a folder"):
        predict(make_run(), tmp_path / "in", out=tmp_path / "out.npy")


def test_a_file_of_several_recordings_makes_a_folder(make_run: MakeRun, make_source: Any, tmp_path: Path) -> None:
    frames = np.zeros((3, 1, 16, 16), np.uint8)
    predictions = predict(make_run(size=(16, 16)), make_source(frames, frames), out=tmp_path / "out")
    assert all(prediction.path is not None and prediction.path.exists() for prediction in predictions)
    assert len({prediction.path for prediction in predictions}) == 2
    with pytest.raises(ConfigurationError, match="must be a folder"):
        predict(make_run(size=(16, 16)), make_source(frames, frames), out=tmp_path / "out.npy")


def test_nothing_is_replaced_unasked_and_recordings_never(make_run: MakeRun, tmp_path: Path) -> None:
    recording(tmp_path / "in" / "a.npy")
    mine = recording(tmp_path / "in" / "b.npy", value=10)
    before = mine.read_bytes()
    recording(tmp_path / "out" / "b.npy", value=99)
    with pytest.raises(SourceError, match="already there"):
        predict(make_run(), tmp_path / "in", out=tmp_path / "out")
    assert not (tmp_path / "out" / "a.npy").exists()  # checked before the first forecast
    predict(make_run(), tmp_path / "in", out=tmp_path / "out", overwrite=True)
    assert np.load(tmp_path / "out" / "b.npy")[0, 0, 0] == 14
    for out in (tmp_path / "in", tmp_path / "out" / ".." / "in"):
        with pytest.raises(SourceError, match="is the recording itself"):
            predict(make_run(), tmp_path / "in", out=out, overwrite=True)
    with pytest.raises(SourceError, match="is the recording itself"):
        predict(make_run(), mine, out=mine, overwrite=True)
    assert mine.read_bytes() == before


def test_every_recording_is_computed_on_the_device_and_in_the_precision_asked_for(
    make_run: MakeRun, make_source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, Any]] = []

    def computing(device: Any, precision: Any) -> Any:
        asked.append((device, precision))
        return nullcontext()

    monkeypatch.setattr("framecast.workflows.predict.computing", computing)
    frames = np.zeros((3, 1, 8, 8), np.uint8)
    predict(make_run(), make_source(frames, frames), device="cpu", precision="bf16")
    assert asked == [("cpu", "bf16")] * 2


def test_a_recording_that_is_too_short_is_left_out_and_named(
    make_run: MakeRun, make_source: Any, tmp_path: Path
) -> None:
    long, short = np.zeros((3, 1, 8, 8), np.uint8), np.zeros((2, 1, 8, 8), np.uint8)
    predictions = predict(make_run(), make_source(long, short, long), out=tmp_path / "out")
    assert [prediction.sequence for prediction in predictions] == ["part-0", "part-2"]
    assert all(
        "Left out: 'part-1' has 2 frames; this run needs 3" in prediction.caveats[-1] for prediction in predictions
    )
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_mistakes_are_found_before_the_first_forecast(make_run: MakeRun, make_source: Any, tmp_path: Path) -> None:
    long, short = np.zeros((3, 1, 8, 8), np.uint8), np.zeros((2, 1, 8, 8), np.uint8)
    run = make_run()
    with pytest.raises(TooShortError, match="'part-0' has 2 frames; this run needs 3"):
        predict(run, make_source(short, short), out=tmp_path / "out")
    assert run.model.asked == []
    with pytest.raises(ConfigurationError, match="at least 1 frame, found 0"):
        predict(run, make_source(long), horizon=0)
    with pytest.raises(SourceError, match=r"no format is known for '\.doc'"):
        predict(run, make_source(long), out=tmp_path / "out.doc")
    assert list(tmp_path.iterdir()) == []
