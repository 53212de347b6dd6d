"""``framecast predict``: every kind of input, every kind of output, no ground truth."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from framecast.sources.open import open_source
from framecast.sources.writing import write_frames


def read(path: Path) -> Any:
    sequence = open_source(path).sequences[0]
    return sequence.info, sequence.read()


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif", ".tif", ".npz", "", "/"])
def test_the_ending_chooses_the_format_and_the_size_is_the_recordings_own(
    cli: Callable[..., Any], trained: Path, films: Path, tmp_path: Path, ending: str
) -> None:
    out = f"{tmp_path}/next{ending}"
    done = cli("predict", trained, films / "film_0.avi", "--out", out)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{Path(out)}  2 frames\n"
    info, frames = read(Path(out))
    assert frames.shape == (2, 3, 24, 32)
    assert frames.dtype == np.uint8
    if ending in (".mp4", ".mov", ".mkv", ".avi", ".webm"):
        assert info.step_seconds == pytest.approx(1 / 12), "the forecast goes on at the recording's pace"


def test_an_array_of_one_sequence(
    cli: Callable[..., Any], trained: Path, in_tmp: Path, spot: Callable[..., Any]
) -> None:
    np.save("new.npy", spot(7, 21, 35)[:, 0])
    assert cli("predict", trained, "new.npy", "--out", "next.npy").code == 0
    frames = np.load("next.npy")
    assert (frames.shape, frames.dtype) == ((2, 21, 35), np.uint8)


def test_an_array_of_several_sequences_in_any_layout(
    cli: Callable[..., Any], trained: Path, in_tmp: Path, spot: Callable[..., Any]
) -> None:
    several = np.stack([spot(6, 24, 32, start=5 * number)[:, 0] for number in range(5)])
    np.save("several.npy", several)
    np.save("turned.npy", several.swapaxes(0, 1))
    assert cli("predict", trained, "several.npy", "--out", "one").code == 0
    assert cli("predict", trained, "turned.npy", "--out", "two", "--set", "source.layout=TNHW").code == 0
    for number in range(5):
        frames = np.load(f"one/several.npy[{number}].npy")
        assert frames.shape == (2, 24, 32)
        np.testing.assert_array_equal(frames, np.load(f"two/turned.npy[{number}].npy"))


def test_folders_of_images(cli: Callable[..., Any], trained: Path, pictures: Path, in_tmp: Path) -> None:
    assert cli("predict", trained, pictures / "cell_0", "--out", "next").code == 0
    assert sorted(path.name for path in Path("next").iterdir()) == ["frame_0001.png", "frame_0002.png"]
    with Image.open("next/frame_0001.png") as image:
        assert (image.mode, image.size) == ("L", (28, 20))
    assert cli("predict", trained, pictures, "--out", "all").code == 0
    assert sorted(path.as_posix() for path in Path("all").rglob("*.png")) == [
        f"all/cell_{number}/frame_000{frame}.png" for number in range(2) for frame in (1, 2)
    ]


def test_a_folder_of_films_becomes_a_folder_of_films(
    cli: Callable[..., Any], trained: Path, films: Path, tmp_path: Path
) -> None:
    done = cli("predict", trained, films, "--out", tmp_path / "next", "--json")
    assert [row["sequence"] for row in done.json["predictions"]] == [f"film_{number}.avi" for number in range(8)]
    assert {row["frames"] for row in done.json["predictions"]} == {2}
    for row in done.json["predictions"]:
        assert read(Path(row["path"]))[1].shape == (2, 3, 24, 32)


@pytest.mark.parametrize("horizon", [1, 2, 3, 11])
def test_any_horizon_and_a_note_where_it_is_longer_than_trained(
    cli: Callable[..., Any], trained: Path, films: Path, tmp_path: Path, horizon: int
) -> None:
    done = cli("predict", trained, films / "film_0.avi", "--out", tmp_path / "next.npy", "--horizon", horizon)
    assert np.load(tmp_path / "next.npy").shape == (horizon, 24, 32, 3)
    assert ("Note: Leads beyond 2" in done.out) == (horizon > 2)
    words = ["predict", trained, films / "film_0.avi", "--out", tmp_path / "two.npy", "--json"]
    (found,) = cli(*words, "--horizon", horizon).json["predictions"]
    assert bool(found["caveats"]) == (horizon > 2)


def test_a_longer_forecast_begins_like_a_shorter_one(
    cli: Callable[..., Any], trained: Path, films: Path, in_tmp: Path
) -> None:
    for horizon in (2, 5):
        cli("predict", trained, films / "film_3.avi", "--out", f"{horizon}.npy", "--horizon", horizon)
    np.testing.assert_array_equal(np.load("5.npy")[:2], np.load("2.npy"))


def test_only_the_end_of_the_input_matters(
    cli: Callable[..., Any], trained: Path, in_tmp: Path, spot: Callable[..., Any]
) -> None:
    frames = spot(9, 24, 32)[:, 0]
    np.save("long.npy", frames)
    np.save("end.npy", frames[-3:])
    for name in ("long", "end"):
        assert cli("predict", trained, f"{name}.npy", "--out", f"next_{name}.npy").code == 0
    np.testing.assert_array_equal(np.load("next_long.npy"), np.load("next_end.npy"))


def test_with_context_the_recordings_own_last_frames_come_first(
    cli: Callable[..., Any], trained: Path, in_tmp: Path, spot: Callable[..., Any]
) -> None:
    frames = spot(9, 24, 32)[:, 0]
    np.save("new.npy", frames)
    cli("predict", trained, "new.npy", "--out", "alone.npy")
    cli("predict", trained, "new.npy", "--out", "joined.npy", "--with-context")
    joined = np.load("joined.npy")
    np.testing.assert_array_equal(joined[:3], frames[-3:])
    np.testing.assert_array_equal(joined[3:], np.load("alone.npy"))


def test_the_pace_can_be_set(cli: Callable[..., Any], trained: Path, films: Path, tmp_path: Path) -> None:
    cli("predict", trained, films / "film_0.avi", "--out", tmp_path / "next.mp4", "--fps", "5", "--horizon", "10")
    info, frames = read(tmp_path / "next.mp4")
    assert len(frames) == 10
    with av.open(str(tmp_path / "next.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(5)
    # However fast they are shown, the frames are as far apart as those of the recording.
    assert Fraction(info.step_seconds).limit_denominator(1000) == Fraction(1, 12)


def test_a_16_bit_recording_keeps_its_type(cli: Callable[..., Any], tiny: list[str], in_tmp: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 60000, (60, 1, 12, 14)).astype(np.uint16)
    write_frames("cells.tif", frames, step_seconds=None)
    assert cli("train", "cells.tif", *tiny, "--out", "run", "--quiet").code == 0
    assert cli("predict", "run", "cells.tif", "--out", "next.tif").code == 0
    info, forecast = read(Path("next.tif"))
    assert (info.dtype, forecast.shape) == ("uint16", (2, 1, 12, 14))
    assert forecast.max() > 255, "values are in the recording's own units"


def test_measured_fields_keep_their_units(cli: Callable[..., Any], tiny: list[str], in_tmp: Path) -> None:
    field = 273 + np.random.default_rng(0).normal(size=(60, 12, 14)).astype(np.float32)
    np.save("field.npy", field)
    assert cli("train", "field.npy", *tiny, "--set", "clips.normaliser=standard", "--out", "run", "--quiet").code == 0
    assert cli("predict", "run", "field.npy", "--out", "next.npy").code == 0
    forecast = np.load("next.npy")
    assert (forecast.dtype, forecast.shape) == (np.float32, (2, 12, 14))
    assert 265 < forecast.mean() < 281


def test_nothing_is_overwritten_unasked(
    cli: Callable[..., Any], trained: Path, films: Path, in_tmp: Path, listing: Callable[[Path], Any]
) -> None:
    for name in ("next.mp4", "all/film_3.avi", "images/frame_0001.png", "images/notes.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("mine", encoding="utf-8")
    before = listing(in_tmp)
    inputs = {"next.mp4": films / "film_0.avi", "all": films, "images": films / "film_0.avi"}
    for out, recording in inputs.items():
        done = cli("predict", trained, recording, "--out", out)
        assert (done.code, done.out) == (2, "")
        assert "is already there; choose another --out, or replace it with --overwrite" in done.err
    assert listing(in_tmp) == before, "not even the outputs that were free"
    for out, recording in inputs.items():
        assert cli("predict", trained, recording, "--out", out, "--overwrite").code == 0
    assert Path("images/notes.txt").read_text(encoding="utf-8") == "mine"
    assert read(Path("next.mp4"))[1].shape == (2, 3, 24, 32)


def test_quiet_says_nothing(cli: Callable[..., Any], trained: Path, films: Path, tmp_path: Path) -> None:
    done = cli("predict", trained, films / "film_0.avi", "--out", tmp_path / "next.gif", "--quiet", "--horizon", "5")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "next.gif").is_file()


def test_a_run_is_enough_to_predict_with(cli: Callable[..., Any], own_run: Path, films: Path, tmp_path: Path) -> None:
    """No recordings, no log, no pictures of the training are needed."""
    for path in own_run.rglob("*"):
        if path.is_file() and path.name not in ("config.yaml", "run.json", "weights.safetensors", "normaliser.json"):
            path.unlink()
    config = own_run / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(str(films), "/gone"), encoding="utf-8")
    done = cli("predict", own_run, films / "film_0.avi", "--out", tmp_path / "next.npy", "--json")
    assert json.loads(done.out)["predictions"][0]["frames"] == 2
