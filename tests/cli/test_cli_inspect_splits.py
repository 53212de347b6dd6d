"""``framecast inspect --splits`` and ``--drop-repeats``: who goes where, and what repeats."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def test_every_file_is_in_one_split(cli: Callable[..., Any], films: Path) -> None:
    small = ("--set", "clips.context=2", "--set", "clips.horizon=2")
    found = cli("inspect", films, "--splits", *small, "--json").json
    assert found["method"] == "group"
    names = [piece["sequence"] for piece in found["pieces"]]
    assert sorted(names) == [f"film_{number}.avi" for number in range(8)]
    assert {piece["split"] for piece in found["pieces"]} == {"train", "validation", "test"}
    assert [piece["clips"] for piece in found["pieces"] if piece["split"] == "train"] == [9] * 6
    shown = cli("inspect", films, "--splits", *small).out
    for text in ("Divided by group", "train", "6 sequences", "54", "film_7.avi"):
        assert text in shown


def test_a_division_by_time_shows_its_borders(cli: Callable[..., Any], films: Path) -> None:
    wanted = ("clips.context=2", "clips.horizon=1", "clips.split.by=time", "clips.split.gap=1")
    settings = [word for setting in wanted for word in ("--set", setting)]
    found = cli("inspect", films / "film_0.avi", "--splits", *settings, "--json").json
    assert [(piece["split"], piece["start"], piece["stop"]) for piece in found["pieces"]] == [
        ("train", 0, 8),
        ("validation", 9, 10),
        ("test", 11, 12),
    ]


def test_a_folder_that_would_stay_empty_is_refused(cli: Callable[..., Any], films: Path, tmp_path: Path) -> None:
    done = cli("inspect", films, "--splits", "--out", tmp_path / "look")
    assert done.code == 2
    assert "--out" in done.err
    assert not (tmp_path / "look").exists()


def test_clips_that_do_not_fit_are_refused(cli: Callable[..., Any], films: Path) -> None:
    done = cli("inspect", films, "--splits", "--set", "clips.context=30")
    assert done.code == 2
    assert "long enough" in done.err


def test_what_training_would_stumble_on_is_told(cli: Callable[..., Any], films: Path, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for name in ("film_0.avi", "film_1.avi"):
        (tmp_path / "films" / name).write_bytes((films / name).read_bytes())
    (tmp_path / "films" / "broken.avi").write_text("no video")
    (tmp_path / "films" / "notes.txt").touch()
    done = cli("inspect", tmp_path / "films", "--splits", "--set", "clips.context=2", "--set", "clips.horizon=4")
    assert "No clip fits into validation and test" in done.out
    assert "Files of other kinds were left out: .txt (1)." in done.out
    assert "Not read: " in done.out


@pytest.fixture
def repeating(tmp_path: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (8, 12, 12), dtype=np.uint8)
    np.save(tmp_path / "x.npy", frames.repeat(2, axis=0))
    return tmp_path / "x.npy"


def test_repeats_are_told_and_dropped(cli: Callable[..., Any], repeating: Path) -> None:
    told = cli("inspect", repeating, "--json").json
    assert (told["num_frames"], told["repeated_share"]) == (16, pytest.approx(8 / 15))
    assert "--drop-repeats leaves them out" in told["notes"][-1]
    dropped = cli("inspect", repeating, "--drop-repeats", "--json").json
    assert (dropped["num_frames"], dropped["repeated_share"]) == (8, 0)
    assert dropped["notes"][-1] == "Repeated frames were dropped: 8 of 16."
