"""Leaks are found where they were planted, and nowhere else."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framecast.clips.channels import ChannelsConfig
from framecast.clips.config import ClipsConfig
from framecast.clips.leaks import LeakReport, find_leaks
from framecast.clips.preparing import prepare_clips
from framecast.clips.splits import SplitConfig
from framecast.frames.sequence import Split
from framecast.sources.open import open_source
from framecast.sources.writing import write_frames

SETTINGS = ClipsConfig(context=3, horizon=3)


def scene(seed: int, num_frames: int = 24, side: int = 32) -> NDArray[np.uint8]:
    """(T, 1, H, W): smooth texture through which a few blobs wander; every seed is another world."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    still = sum(
        np.sin(2 * np.pi * (draw.integers(1, 4) * x + draw.integers(1, 4) * y + draw.random())) for _ in range(3)
    )
    frames = []
    place, speed = draw.random((4, 2)), draw.normal(0, 0.04, (4, 2))
    for _ in range(num_frames):
        blobs = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 0.01) for a, b in place)
        frames.append(110 + 25 * still + 70 * blobs)
        place = (place + speed) % 1
    return np.clip(frames, 0, 255).astype(np.uint8)[:, None]


def folder_with(path: Path, recordings: dict[str, NDArray[Any]], ending: str = ".npy") -> Path:
    for name, frames in recordings.items():
        write_frames(path / f"{name}{ending}", frames, step_seconds=0.1)
    return path


def report_on(path: Path, config: ClipsConfig = SETTINGS, **named: Any) -> LeakReport | None:
    return find_leaks(prepare_clips(open_source(path), config), **named)


def names_in(path: Path, split: Split) -> list[str]:
    clips = prepare_clips(open_source(path), SETTINGS)
    sequences = clips.train.source.sequences
    return [sequences[piece.sequence].info.name for piece in clips.splits.segments[split]]


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    return folder_with(tmp_path, {f"film-{seed}": scene(seed) for seed in range(8)})


def test_nothing_is_found_in_healthy_recordings(healthy: Path) -> None:
    report = report_on(healthy)
    assert report is not None
    assert (report.same_frames, report.similar_clips, report.sentences) == (0, 0, ())
    assert (report.train_frames, report.train_frames_total) == (6 * 24, 6 * 24)
    assert (report.test_frames, report.test_frames_total) == (24, 24)


def test_a_copy_under_another_name_is_found(healthy: Path) -> None:
    (tested,), (trained, *_) = names_in(healthy, "test"), names_in(healthy, "train")
    # Ten frames of the test file lie somewhere in a file of the training.
    frames = np.concatenate([scene(100, 5), np.load(healthy / tested)[4:14, None], scene(101, 9)])
    write_frames(healthy / trained, frames, step_seconds=None, overwrite=True)
    report = report_on(healthy)
    assert report is not None
    assert report.same_frames == 10
    first = report.examples[0]
    assert (first.test, first.test_frame, first.train, first.train_frame) == (tested, 4, trained, 5)
    assert "10 of 24 test frames are in the training too" in report.sentences[0]
    assert json.loads(report.to_json())["same_frames"] == 10


@pytest.mark.parametrize("shift", [0, 5])
def test_a_recording_that_was_compressed_again_is_found(healthy: Path, shift: int) -> None:
    (tested,), (trained, *_) = names_in(healthy, "test"), names_in(healthy, "train")
    frames = np.load(healthy / tested)[:, None].astype(float)
    noisy = np.clip(0.9 * frames + 8 + np.random.default_rng(0).normal(0, 3, frames.shape), 0, 255).astype(np.uint8)
    write_frames(healthy / trained, np.roll(noisy, shift, axis=0), step_seconds=None, overwrite=True)
    report = report_on(healthy)
    assert report is not None
    assert report.same_frames == 0
    assert 2 <= report.similar_clips <= 4
    assert report.examples[0].test == tested
    assert report.examples[0].train == trained
    assert abs(report.examples[0].train_frame - report.examples[0].test_frame - shift) <= 1
    assert "look nearly like clips of the training" in report.sentences[0]


def test_black_frames_and_scenes_that_stand_still_are_no_evidence(tmp_path: Path) -> None:
    still = np.repeat(scene(0, 1), 24, axis=0)
    still = np.clip(still + np.random.default_rng(1).integers(-1, 2, still.shape), 0, 255).astype(np.uint8)
    recordings = {f"black-{n}": np.zeros((24, 1, 32, 32), np.uint8) for n in range(4)}
    recordings |= {f"still-{n}": np.roll(still, n, axis=0) + np.uint8(n % 2) for n in range(4)}
    report = report_on(folder_with(tmp_path, recordings))
    assert report is not None
    assert report.similar_clips == 0
    tested = names_in(tmp_path, "test")[0]
    assert report.same_frames == 0 or tested.startswith("still")


def test_parts_of_one_sequence_are_not_compared_with_each_other(tmp_path: Path) -> None:
    frames = np.tile(scene(0, 8), (6, 1, 1, 1))
    folder_with(tmp_path, {"one": frames, "other": scene(1, 48)})
    report = report_on(tmp_path, ClipsConfig(context=2, horizon=2, split=SplitConfig(by="time")))
    assert report is not None
    assert report.same_frames == 0


def test_the_budget_holds_and_is_told(healthy: Path) -> None:
    report = report_on(healthy, budget=60)
    assert report is not None
    assert report.train_frames + report.test_frames <= 60
    assert (report.train_frames_total, report.test_frames_total) == (6 * 24, 24)
    assert report_on(healthy, budget=0) is None


def test_generators_and_single_sequences_are_not_looked_at(tmp_path: Path) -> None:
    few = {"train_sequences": 4, "validation_sequences": 2, "test_sequences": 2, "num_frames": 6}
    digits = prepare_clips(open_source("moving-digits", options=few), SETTINGS)
    assert find_leaks(digits) is None
    assert report_on(folder_with(tmp_path, {"one": scene(0, 80)})) is None


def test_the_drosophila_folders_share_a_frame(test_data: Path) -> None:
    source = open_source(test_data / "microscopy" / "drosophila")
    report = find_leaks(prepare_clips(source, ClipsConfig(context=4, horizon=4, size=64)))
    assert report is not None
    # Each folder begins with the last frame of the folder before.
    assert report.same_frames == 1
    assert {report.examples[0].test_frame, report.examples[0].train_frame} == {0, 20}


def in_memory(make_source: Any, frames: list[NDArray[Any]], **facts: Any) -> Any:
    """Recordings with these frames, as if they lay in files."""
    num_frames, *shape = frames[0].shape
    source = make_source([num_frames] * len(frames), shape=tuple(shape), dtype=str(frames[0].dtype), path="f", **facts)
    for sequence, chosen in zip(source.sequences, frames, strict=True):
        sequence.frames = chosen
    return source


def test_long_recordings_are_read_in_pieces_with_the_same_result(
    make_source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = in_memory(make_source, [scene(seed, 30) for seed in range(6)])
    clips = prepare_clips(source, ClipsConfig(context=3, horizon=3, cache_gib=0))
    (tested,) = clips.splits.segments["test"]
    source.sequences[clips.splits.segments["train"][0].sequence].frames[3:20] = source.sequences[
        tested.sequence
    ].frames[5:22]
    whole = find_leaks(clips)
    assert whole is not None
    assert whole.same_frames == 17
    for sequence in source.sequences:
        sequence.reads.clear()
    monkeypatch.setattr("framecast.clips.leaks._AT_ONCE_BYTES", 4 * 32 * 32)
    assert find_leaks(clips) == whole
    assert max(stop - start for sequence in source.sequences for start, stop in sequence.reads) == 4


def test_what_is_read_takes_no_room_from_the_training(make_source: Any) -> None:
    source = in_memory(make_source, [scene(seed) for seed in range(8)])
    clips = prepare_clips(source, SETTINGS)
    frames = sum(piece.num_frames for piece in clips.splits.segments["train"])
    find_leaks(clips)
    assert clips.train.reader.held_bytes == frames * 32 * 32, "all of the training, nothing of the test"
    again = prepare_clips(source, SETTINGS)
    find_leaks(again, budget=60)
    assert again.train.reader.held_bytes == 0, "a sample is not worth keeping"


def test_of_large_frames_fewer_are_read(make_source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = in_memory(make_source, [scene(seed) for seed in range(8)])
    monkeypatch.setattr("framecast.clips.leaks._MOST_BYTES", 60 * 32 * 32)
    report = find_leaks(prepare_clips(source, SETTINGS))
    assert report is not None
    assert 0 < report.train_frames + report.test_frames <= 60


def test_a_variable_in_small_numbers_is_not_hidden_by_others(make_source: Any) -> None:
    def field(seed: int, noise: float) -> NDArray[np.float32]:
        small = scene(seed).astype(np.float32) / 1e6 * (1 + noise)
        drift = np.linspace(0, 50, len(small), dtype=np.float32)[:, None, None, None]
        large = 101325 + drift + np.random.default_rng(seed).normal(0, 9, small.shape).astype(np.float32)
        return np.concatenate([small, large.astype(np.float32)], axis=1)

    facts = {"channel_names": ("mixing_ratio", "pressure"), "units": "1"}
    source = in_memory(make_source, [field(seed, 0) for seed in range(8)], **facts)
    config = ClipsConfig(context=3, horizon=3, channels=ChannelsConfig(missing=True))
    clips = prepare_clips(source, config)
    assert (clean := find_leaks(clips)) is not None
    assert (clean.same_frames, clean.similar_clips) == (0, 0)
    (tested,) = clips.splits.segments["test"]
    source.sequences[clips.splits.segments["train"][0].sequence].frames = field(tested.sequence, 0.001)
    report = find_leaks(prepare_clips(source, config))
    assert report is not None
    assert report.similar_clips == 4


def test_frames_without_any_value_say_nothing(make_source: Any) -> None:
    fields = [scene(seed).astype(np.float32) for seed in range(8)]
    for frames in fields:
        frames[4:9] = np.nan
    report = find_leaks(prepare_clips(in_memory(make_source, fields, has_missing=True), SETTINGS))
    assert report is not None
    assert (report.same_frames, report.similar_clips) == (0, 0)


def test_a_frame_that_returns_in_its_own_sequence_is_still_found_in_another(make_source: Any) -> None:
    one, other = scene(0, 40), scene(1, 40)
    one[37] = one[2]  # in its training piece and in its test piece ...
    other[4] = one[2]  # ... and in the training piece of another
    config = ClipsConfig(context=2, horizon=2, split=SplitConfig(by="time"))
    report = find_leaks(prepare_clips(in_memory(make_source, [one, other]), config))
    assert report is not None
    assert report.same_frames == 1
