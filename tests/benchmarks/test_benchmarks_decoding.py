"""The comparison with a bare decoding loop: its marks, its videos, and that every contender decodes all of it."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from benchmarks.decoding import VIDEOS, Rates, Size, Video, contenders, judge, loader_name, main, page, write_videos

TINY = Size(files=2, frames=12, clip=4, batch=2, rounds=1, workers=(0,))
SMALL = Video(name="small", codec="mpeg4", ending=".avi", height=48, width=64, grey=False)


def rates(**per_second: float) -> dict[str, Rates]:
    names = {"one": loader_name(1), "two": loader_name(2), "bare_one": "bare, one thread"}
    return {
        names.get(name, name): Rates(per_second=[rate], per_processor_second=[rate])
        for name, rate in per_second.items()
    }


def test_videos_hold_the_frames_that_are_counted(tmp_path: Path) -> None:
    for path in write_videos(tmp_path, SMALL, TINY):
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == TINY.frames
        assert frames[0].shape == (48, 64, 3)
        assert np.abs(np.diff(np.stack(frames).astype(int), axis=0)).mean() > 1


def test_every_contender_decodes_every_frame(tmp_path: Path) -> None:
    paths = write_videos(tmp_path, SMALL, TINY)
    counts = {name: run() for name, run in contenders(tmp_path, paths, SMALL, TINY).items()}
    assert set(counts) == {"bare", "bare, one thread", "sequence", "batches", "normalised", "loader, 0 workers"}
    assert set(counts.values()) == {TINY.files * TINY.frames}


def test_marks_go_by_the_faster_loop_and_by_one_worker() -> None:
    found = rates(bare=50, bare_one=100, sequence=85, batches=70, normalised=40, one=10, two=17)
    first, second, third, fourth = judge(found, (0, 1, 2), cores=4)
    assert (first["value"], first["met"]) == (pytest.approx(0.85), True)
    assert (second["value"], second["met"]) == (pytest.approx(0.7), False)
    assert (third["value"], third["met"]) == (pytest.approx(0.4), None)
    assert (fourth["value"], fourth["bound"], fourth["met"]) == (pytest.approx(1.7), pytest.approx(1.6), True)
    assert judge({**found, **rates(sequence=79)}, (0, 1, 2), cores=4)[0]["met"] is False


def test_more_workers_than_processors_are_not_judged() -> None:
    found = rates(bare=50, bare_one=100, sequence=85, batches=60, normalised=40, one=10, two=11)
    mark = judge(found, (0, 1, 2), cores=2)[3]
    assert (mark["value"], mark["met"]) == (pytest.approx(1.1), None)
    assert mark["name"].endswith("(2 processors are too few to judge)")
    assert len(judge(found, (0,), cores=2)) == 3


def test_it_writes_a_page_and_all_figures(tmp_path: Path) -> None:
    name = VIDEOS[1].name
    code = main(["--quick", "--video", name, "--workers", "0", "--rounds", "1", "--out", str(tmp_path)])
    found: dict[str, Any] = json.loads((tmp_path / "decoding.json").read_text(encoding="utf-8"))
    assert (tmp_path / "decoding.md").read_text(encoding="utf-8") == page(found)
    (video,) = found["videos"]
    assert video["name"] == name
    assert all(len(one["per_second"]) == 1 for one in video["rates"].values())
    assert code == int(any(mark["met"] is False for mark in video["marks"]))
