"""The frame reader gives the same frames whatever it keeps, and keeps no more than it may."""

import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from framecast.clips.conversion import FrameConversion, Window
from framecast.clips.frame_reader import FrameReader

SHRINK = FrameConversion(size=(4, 5), color="grey")


@pytest.fixture
def source(make_source):
    """Blocks of small frames are 1024 long."""
    return make_source([2500, 30], shape=(3, 8, 8))


@pytest.mark.parametrize("max_bytes", [0, 21_000, 10**9])
@pytest.mark.parametrize(("start", "stop", "step"), [(0, 2500, 1), (1000, 1030, 3), (1023, 1024, 1), (2049, 2500, 7)])
def test_frames_do_not_depend_on_memory(source, max_bytes: int, start: int, stop: int, step: int) -> None:
    sequence = source.sequences[0]
    reader = FrameReader(SHRINK, max_bytes)
    expected = SHRINK.convert(sequence.frames[start:stop:step])
    for _ in range(2):
        np.testing.assert_array_equal(reader.read(sequence, start, stop, step=step), expected)
    assert reader.held_bytes <= max_bytes


@pytest.mark.parametrize("conversion", [SHRINK, FrameConversion()])
@pytest.mark.parametrize("max_bytes", [0, 250_000, 10**9])
@pytest.mark.parametrize("window", [None, Window(0, 0, 4, 5), Window(1, 2, 3, 2)])
@pytest.mark.parametrize("frames", [(3, 24, 1), (1000, 1030, 1), (1000, 1030, 3)])
def test_frames_read_to_a_place_are_the_same(source, conversion, max_bytes, window, frames) -> None:
    sequence, (start, stop, step) = source.sequences[0], frames
    expected = FrameReader(conversion, 0).read(sequence, start, stop, step=step, window=window)
    reader = FrameReader(conversion, max_bytes)
    for dtype in ("uint8", "uint16"):
        out = np.full((2, *expected.shape), 7, dtype)
        reader.read_into(out[0], sequence, start, stop, step=step, window=window)
        np.testing.assert_array_equal(out[0], expected)
        assert (out[1] == 7).all()
    assert reader.held_bytes <= max_bytes


def test_what_fits_is_read_once(source) -> None:
    reader = FrameReader(SHRINK, 10**9)
    for start in range(0, 2480, 200):
        reader.read(source.sequences[0], start, start + 20)
    assert source.sequences[0].reads == [(0, 1024), (1024, 2048), (2048, 2500)]
    assert reader.held_bytes == 2500 * 20


def test_what_does_not_fit_is_read_as_asked_for(source) -> None:
    reader = FrameReader(SHRINK, 1024 * 20)
    for _ in range(2):
        reader.read(source.sequences[0], 5, 15)
        reader.read(source.sequences[0], 1500, 1510)
        reader.read(source.sequences[1], 5, 15)
    assert source.sequences[0].reads == [(0, 1024), (1500, 1510), (1500, 1510)]
    assert source.sequences[1].reads == [(5, 15), (5, 15)]


def test_kept_frames_are_copies_that_nobody_can_change(source) -> None:
    sequence = source.sequences[0]
    reader = FrameReader(FrameConversion(), 10**9)
    frames = reader.read(sequence, 0, 10)
    assert not np.shares_memory(frames, sequence.frames)
    with pytest.raises(ValueError, match="read-only"):
        frames[0] = 0
    assert sequence.frames.flags.writeable


def test_travels_to_another_process_without_frames(source) -> None:
    reader = FrameReader(SHRINK, 10**9)
    reader.read(source.sequences[0], 0, 2500)
    travelled = pickle.loads(pickle.dumps(reader))
    assert len(pickle.dumps(reader)) < 1000
    assert travelled.held_bytes == 0
    assert travelled.conversion == SHRINK


def test_processes_share_the_room_that_is_left(source) -> None:
    reader = FrameReader(SHRINK, 60_000)
    reader.read(source.sequences[0], 0, 1024)
    workers = [pickle.loads(pickle.dumps(reader)).divided(4) for _ in range(4)]
    for worker in workers:
        worker.read(source.sequences[0], 2048, 2100)
        worker.read(source.sequences[0], 0, 1024)
    assert all(worker.held_bytes == 452 * 20 for worker in workers)
    assert reader.held_bytes + sum(worker.held_bytes for worker in workers) <= 60_000


def test_one_thread_reads_at_a_time(source) -> None:
    sequence = source.sequences[0]
    inside: list[int] = []
    most: list[int] = []

    def slow_read(start: int, stop: int) -> np.ndarray:
        inside.append(start)
        most.append(len(inside))
        time.sleep(0.01)
        inside.pop()
        return sequence.frames[start:stop]

    sequence._read = slow_read
    reader = FrameReader(SHRINK, 1024 * 20)
    with ThreadPoolExecutor(4) as executor:
        results = list(executor.map(lambda start: reader.read(sequence, start, start + 9), range(0, 2400, 300)))
    for start, frames in zip(range(0, 2400, 300), results, strict=True):
        np.testing.assert_array_equal(frames, SHRINK.convert(sequence.frames[start : start + 9]))
    assert max(most) == 1
