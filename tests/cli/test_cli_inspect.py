"""``framecast inspect``: what is in there, for every kind of source, on the screen, as JSON and as files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from framecast.sources.writing import write_frames

PROMISED = {"name", "frames", "height", "width", "channels", "dtype", "step_seconds"}


def sequences(found: Any) -> list[tuple[Any, ...]]:
    assert all(set(sequence) >= PROMISED for sequence in found["sequences"])
    return [
        tuple(sequence[key] for key in ("name", "frames", "height", "width", "channels", "dtype", "step_seconds"))
        for sequence in found["sequences"]
    ]


def test_a_folder_of_films(cli: Callable[..., Any], films: Path) -> None:
    found = cli("inspect", films, "--json").json
    assert (found["kind"], found["layout"]) == ("video", None)
    assert sequences(found)[0] == ("film_0.avi", 12, 24, 32, 3, "uint8", pytest.approx(1 / 12))
    assert (found["num_sequences"], found["num_frames"], found["value_range"]) == (8, 96, [0, 255])
    one = cli("inspect", films, "--set", "source.pattern=*_1.avi", "--json").json
    assert [sequence["name"] for sequence in one["sequences"]] == ["film_1.avi"]
    shown = " ".join(cli("inspect", films).out.split())  # a long path breaks the title into lines
    for text in ("(video): 8 sequences, 96 frames", "film_7.avi", "24 × 32 × 3", "uint8", "83.3 ms"):
        assert text in shown


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov", ".webm", ".gif"])
def test_one_film_of_each_kind(cli: Callable[..., Any], tmp_path: Path, spot: Callable[..., Any], ending: str) -> None:
    path = write_frames(tmp_path / f"film{ending}", spot(6, 16, 20, channels=3), step_seconds=0.2)
    found = cli("inspect", path, "--json").json
    assert sequences(found) == [(path.name, 6, 16, 20, 3, "uint8", pytest.approx(0.2))]


def test_folders_of_images(cli: Callable[..., Any], pictures: Path) -> None:
    found = cli("inspect", pictures, "--json").json
    assert found["kind"] == "images"
    assert sequences(found) == [(f"cell_{number}", 10, 20, 28, 1, "uint8", None) for number in range(2)]
    timed = cli("inspect", pictures, "--set", "source.step_seconds=60", "--json").json
    assert {sequence["step_seconds"] for sequence in timed["sequences"]} == {60}
    one = cli("inspect", pictures, "--set", "source.pattern=cell_1/*", "--json").json
    assert [sequence["name"] for sequence in one["sequences"]] == ["cell_1"]


def test_a_tiff_of_16_bits(cli: Callable[..., Any], tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((8, 9), 1000 * page, dtype=np.uint16)) for page in range(5)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    found = cli("inspect", tmp_path / "stack.tif", "--json").json
    assert sequences(found) == [("stack.tif", 5, 8, 9, 1, "uint16", None)]
    # Of 16 bits a camera uses a part, and which part only the data can tell.
    assert (found["value_range"], found["minimum"], found["maximum"]) == (None, 0, 4000)


@pytest.mark.parametrize(
    ("shape", "layout", "count"),
    [((6, 8, 9), "THW", 1), ((6, 8, 9, 3), "THWC", 1), ((5, 6, 8, 9), "NTHW", 5), ((5, 6, 8, 9, 3), "NTHWC", 5)],
)
def test_the_layout_of_an_array_is_shown(
    cli: Callable[..., Any], in_tmp: Path, shape: tuple[int, ...], layout: str, count: int
) -> None:
    np.save("a.npy", np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8))
    found = cli("inspect", "a.npy", "--json").json
    assert (found["kind"], found["layout"], found["num_sequences"]) == ("array", layout, count)
    assert {row[1:5] for row in sequences(found)} == {(6, 8, 9, 3 if layout.endswith("C") else 1)}
    assert f"(array, layout {layout})" in cli("inspect", "a.npy").out


def test_a_guessed_layout_is_said_and_can_be_set(cli: Callable[..., Any], in_tmp: Path) -> None:
    np.save("a.npy", np.random.default_rng(0).integers(0, 255, (5, 6, 8, 9)).astype(np.uint8))
    guessed = cli("inspect", "a.npy")
    assert "was guessed as NTHW; set source.layout to change it." in guessed.out
    told = cli("inspect", "a.npy", "--set", "source.layout=TNHW")
    assert "(array, layout TNHW): 6 sequences, 30 frames" in told.out
    assert "guessed" not in told.out
    assert {row[1] for row in sequences(cli("inspect", "a.npy", "--set", "source.layout=TNHW", "--json").json)} == {5}


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        (["random", "--set", "source.num_sequences=3", "--set", "source.height=8"], (20, 8, 64, 1, "float32")),
        (["moving-digits", "--set", "source.train_sequences=4"], (20, 32, 32, 1, "uint8")),
    ],
)
def test_generators(cli: Callable[..., Any], words: list[str], shape: tuple[Any, ...]) -> None:
    found = cli("inspect", *words, "--json").json
    assert found["kind"] == words[0]
    assert {row[1:6] for row in sequences(found)} == {shape}


def test_what_is_missing_repeated_and_static_is_counted(cli: Callable[..., Any], tmp_path: Path) -> None:
    frames = np.random.default_rng(0).random((5, 10, 10)).astype(np.float32)
    frames[2] = frames[1]  # one of four steps repeats
    frames[:, :, :5] = 0.25  # half of every frame stands still
    frames[4, 0, :5] = np.nan
    frames[4, 1, :5] = np.inf
    np.save(tmp_path / "a.npy", frames)
    found = cli("inspect", tmp_path / "a.npy", "--json").json
    assert found["missing_share"] == pytest.approx(10 / 500)
    assert found["repeated_share"] == pytest.approx(1 / 4)
    assert found["static_share"] == pytest.approx((50 + 100 + 50 + 40) / 400)
    assert 0 <= found["minimum"] < found["maximum"] < 1
    assert found["value_range"] is None, "only the data can tell the range of floats"
    shown = cli("inspect", tmp_path / "a.npy").out
    for text in ("2.0%", "25%", "60%"):
        assert text in shown


def test_cells_where_nothing_is_ever_measured_do_not_count_as_static(cli: Callable[..., Any], tmp_path: Path) -> None:
    frames = np.random.default_rng(0).random((3, 10, 10)).astype(np.float32)
    frames[:, :8] = np.nan  # outside of the range of a radar
    frames[:, 8] = 0.25
    np.save(tmp_path / "a.npy", frames)
    found = cli("inspect", tmp_path / "a.npy", "--set", "source.missing=nan", "--json").json
    assert found["static_share"] == pytest.approx(1 / 2)


def test_the_files(cli: Callable[..., Any], films: Path, tmp_path: Path) -> None:
    done = cli("inspect", films, "--out", tmp_path / "page")
    assert done.code == 0
    assert "inspect.json" in done.out
    assert sorted(path.name for path in (tmp_path / "page").iterdir()) == [
        "frames.png",
        "histogram.png",
        "inspect.json",
    ]
    written = json.loads((tmp_path / "page" / "inspect.json").read_text(encoding="utf-8"))
    assert written == cli("inspect", films, "--json").json
    assert sum(written["histogram_counts"]) == 8 * 12 * 24 * 32 * 3
    with Image.open(tmp_path / "page" / "frames.png") as grid:
        assert np.asarray(grid.convert("L")).std() > 5, "there is something to see"


def test_files_are_replaced_only_when_asked(cli: Callable[..., Any], films: Path, tmp_path: Path) -> None:
    (tmp_path / "frames.png").write_text("mine", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    done = cli("inspect", films, "--out", tmp_path)
    assert done.code == 2
    assert "already holds frames.png; choose another --out, or replace them with --overwrite" in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames.png", "notes.txt"]
    assert cli("inspect", films, "--out", tmp_path, "--overwrite").code == 0
    assert (tmp_path / "frames.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_files_that_were_left_out_are_said(cli: Callable[..., Any], tmp_path: Path, spot: Callable[..., Any]) -> None:
    write_frames(tmp_path / "film.mkv", spot(6, 16, 20), step_seconds=0.2)
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    (tmp_path / "broken.mkv").write_text("no video", encoding="utf-8")
    done = cli("inspect", tmp_path)
    assert done.code == 0
    assert ".txt (1)" in done.out
    assert "broken.mkv" in done.out


def test_values_that_nobody_expected_are_shown_and_counted(cli: Callable[..., Any], tmp_path: Path) -> None:
    frames = np.random.default_rng(0).random((6, 8, 9)).astype(np.float32)
    frames[2, 3:5] = np.nan
    frames[4, 0, 0] = np.inf
    np.save(tmp_path / "x.npy", frames)
    found = cli("inspect", tmp_path / "x.npy", "--out", tmp_path / "look", "--json").json
    assert found["missing_share"] == pytest.approx(19 / 432)
    with Image.open(tmp_path / "look" / "frames.png") as picture:
        assert min(picture.size) > 50
