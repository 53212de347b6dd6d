"""Inspect and the data page, from Python."""

import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import framecast
from framecast.frames.errors import SourceError
from framecast.workflows.data_page import FILES, write_data_page


def test_a_source_that_is_open_already(recordings: framecast.Source, in_empty: Path) -> None:
    found = framecast.inspect(recordings)
    assert (found.num_sequences, found.num_frames, found.layout) == (10, 120, "NTHW")
    assert found.sequences[3].name == "bars.npy[3]"
    assert not any(in_empty.iterdir()), "nothing is written unless asked"


def test_a_path_and_a_kind(recordings: framecast.Source) -> None:
    assert framecast.inspect(recordings.location, kind="array").num_frames == 120
    with pytest.raises(SourceError, match=r"bars\.npy"):
        framecast.inspect(recordings.location, kind="video")


def test_the_page_has_three_files_and_replaces_them(recordings: framecast.Source, tmp_path: Path) -> None:
    page = tmp_path / "deep" / "page"
    first = framecast.inspect(recordings, out=page)
    assert sorted(path.name for path in page.iterdir()) == sorted(FILES)
    written = (page / "inspect.json").read_text(encoding="utf-8")
    assert json.loads(written)["sequences"] == first.as_dict()["sequences"]
    with pytest.raises(SourceError, match=r"already holds inspect\.json, frames\.png, histogram\.png"):
        framecast.inspect(recordings, out=page)
    (page / "inspect.json").write_text("old", encoding="utf-8")
    framecast.inspect(recordings, out=page, overwrite=True)
    assert (page / "inspect.json").read_text(encoding="utf-8") == written


def test_a_training_leaves_the_same_page(run: framecast.Run, recordings: framecast.Source, tmp_path: Path) -> None:
    write_data_page(recordings, tmp_path)
    for name in FILES:
        assert (run.folder.path / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_recording_that_is_damaged_behind_its_header_is_named_beside_the_others(tmp_path: Path) -> None:
    for folder in ("damaged", "whole"):
        (tmp_path / folder).mkdir()
        for number in range(4):
            pixels = np.random.default_rng(number).integers(0, 200, (32, 32), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{number}.png")
    picture = tmp_path / "damaged" / "2.png"
    picture.write_bytes(picture.read_bytes()[:300])
    found = framecast.inspect(tmp_path)
    assert [(sequence.name, sequence.frames_read) for sequence in found.sequences] == [("damaged", 0), ("whole", 4)]
    assert "2.png' cannot be read" in found.rejected[0]["reason"]
    assert found.rejected[0]["path"] == str(tmp_path / "damaged")
    assert found.notes[-1] == "Figures come from 4 frames of 1 sequence; the rest was not read."
    with pytest.raises(SourceError, match=r"2\.png"):
        framecast.inspect(tmp_path / "damaged")


def test_memory_does_not_follow_the_size_of_the_frames(tmp_path: Path) -> None:
    frames = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (40, 1000, 1000, 3))
    frames[20:] = 3
    del frames
    tracemalloc.start()
    found = framecast.inspect(tmp_path / "x.npy")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.sequences[0].mean, found.repeated_share) == (1.5, 38 / 39)
    assert most < 300e6


def test_a_name_that_is_no_text_is_written_as_json_writes_it(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(np.full((16, 16), number, np.uint8)).save(tmp_path / f"{number}.png")
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    for number in range(3):
        (tmp_path / f"{number}.png").rename(folder / f"{number}.png")
    framecast.inspect(tmp_path, out=tmp_path / "page")
    written = (tmp_path / "page" / "inspect.json").read_text(encoding="utf-8")
    assert os.fsencode(json.loads(written)["sequences"][0]["name"]) == b"caf\xe9"
