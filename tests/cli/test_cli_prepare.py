"""``framecast prepare``: once through the recordings, then every command takes the store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.sources.open import open_source


def test_from_films_to_a_forecast(cli: Callable[..., Any], films: Path, tiny: list[str], in_tmp: Path) -> None:
    done = cli(
        "prepare", films, "--out", "films.zarr", "--size", "12x16", "--color", "grey", "--workers", "1", "--quiet"
    )
    assert (done.code, done.err) == (0, "")
    assert "8 sequences, 96 frames" in done.out
    assert "8 prepared" in done.out
    found = cli("inspect", "films.zarr", "--json").json
    assert (found["kind"], found["num_sequences"], found["num_frames"]) == ("store", 8, 96)
    assert {(s["height"], s["width"], s["channels"]) for s in found["sequences"]} == {(12, 16, 1)}
    assert found["sequences"][0]["name"] == "film_0.avi"
    assert cli("train", "films.zarr", *tiny, "--out", "run", "--quiet").code == 0
    assert cli("evaluate", "run", "--quiet").code == 0
    assert json.loads(Path("run/run.json").read_text(encoding="utf-8"))["status"] == "finished"
    predicted = cli("predict", "run", "films.zarr", "--out", "next", "--json").json["predictions"]
    assert len(predicted) == 8


def test_a_second_time_it_says_that_nothing_is_to_be_done(
    cli: Callable[..., Any], pictures: Path, in_tmp: Path
) -> None:
    words = ("prepare", pictures, "--out", "cells.zarr", "--workers", "1")
    first = cli(*words, "--json").json
    assert (first["sequences"], first["frames"], first["prepared"], first["unchanged"]) == (2, 20, 2, False)
    again = cli(*words)
    assert again.code == 0
    assert "'" + str(in_tmp / "cells.zarr") + "' is up to date: 2 sequences, 20 frames" in again.out


def test_what_is_left_out_is_named(cli: Callable[..., Any], in_tmp: Path) -> None:
    for number in range(3):
        np.save(f"a{number}.npy", np.full((4, 8, 9), 1.0, np.float32))
    np.save("bad.npy", np.full((4, 8, 9), np.nan, np.float32))
    words = ("prepare", ".", "--out", "../s.zarr", "--workers", "1")
    done = cli(*words)
    assert done.code == 0
    assert "Left out: bad.npy: 'bad.npy' holds 288 values that are NaN" in done.out
    assert len(open_source("../s.zarr").sequences) == 3
    strict = cli("prepare", ".", "--out", "../t.zarr", "--workers", "1", "--max-rejected", "0")
    assert strict.code == 2
    assert "1 of 4 recordings cannot be read" in strict.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "big"], "--size is one number, or height x width such as 48x64; found 'big'"),
        (["--size", "1x2x3"], "found '1x2x3'"),
        (["--size", "0"], "size must be at least 1"),
        (["--workers", "0"], "workers must be at least 1"),
        (["--set", "clips.size=3"], "Here --set says how recordings are read"),
        (["--set", "source.lyout=THW"], "did you mean 'layout'"),
    ],
)
def test_mistakes_end_in_one_sentence(cli: Callable[..., Any], in_tmp: Path, words: list[str], said: str) -> None:
    np.save("a.npy", np.zeros((4, 8, 9), np.uint8))
    done = cli("prepare", "a.npy", "--out", "s.zarr", *words)
    assert done.code == 2
    assert said in done.err
    assert not Path("s.zarr").exists()
    assert not Path("s.zarr.part").exists()


def test_other_settings_are_refused_until_they_are_wanted(cli: Callable[..., Any], in_tmp: Path) -> None:
    np.save("a.npy", np.zeros((4, 8, 9), np.uint8))
    assert cli("prepare", "a.npy", "--out", "s.zarr", "--workers", "1").code == 0
    refused = cli("prepare", "a.npy", "--out", "s.zarr", "--workers", "1", "--size", "4")
    assert refused.code == 2
    assert "was prepared otherwise: its size was None, and is [4, 4] now" in refused.err
    refused = cli("prepare", "a.npy", "--out", "s.zarr", "--workers", "1", "--set", "source.step_seconds=5")
    assert "its source settings were {}, and are {'step_seconds': 5} now" in refused.err
    assert cli("prepare", "a.npy", "--out", "s.zarr", "--workers", "1", "--size", "4", "--overwrite").code == 0


def test_real_videos(cli: Callable[..., Any], test_data: Path, in_tmp: Path) -> None:
    words = ("prepare", test_data / "ucf101" / "videos", "--set", "source.pattern=v_B*.avi", "--size", "32")
    done = cli(*words, "--out", "ucf.zarr", "--workers", "1", "--json").json
    assert done["sequences"] == done["prepared"] == 6
    stored = open_source("ucf.zarr").sequences
    originals = open_source(test_data / "ucf101" / "videos", options={"pattern": "v_B*.avi"}).sequences
    assert [sequence.info.name for sequence in stored] == [sequence.info.name for sequence in originals]
    from framecast.clips.conversion import resize_frames

    np.testing.assert_array_equal(stored[3].read(20, 25), resize_frames(originals[3].read(20, 25), 32, 32))


def test_real_radar_keeps_times_units_and_missing_values(
    cli: Callable[..., Any], test_data: Path, in_tmp: Path
) -> None:
    words = ("prepare", test_data / "radar" / "knmi", "--out", "radar.zarr", "--compression", "zstd", "--workers", "1")
    assert cli(*words, "--size", "96").code == 0
    (stored,) = open_source("radar.zarr").sequences
    (original,) = open_source(test_data / "radar" / "knmi").sequences
    for name in ("num_frames", "start_time", "step_seconds", "units", "has_missing", "fixed_orientation", "name"):
        assert getattr(stored.info, name) == getattr(original.info, name)
    assert stored.info.grid is not None
    assert original.info.grid is not None
    assert stored.info.grid.projection == original.info.grid.projection
    assert (len(stored.info.grid.y.values), len(stored.info.grid.x.values)) == (96, 96)
    assert np.isnan(stored.read(0, 1)).any()
