"""Repeated frames are found, and left out on demand."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framecast.sources import repeats
from framecast.sources.open import open_source
from framecast.sources.repeats import repeated_frames


def saved(folder, order, dtype="float32", name="x.npy"):
    """An array whose frames are told apart by ``order``: equal numbers make equal frames."""
    frames = np.random.default_rng(0).integers(0, 100, (max(order) + 1, 4, 5)).astype(dtype)[list(order)]
    np.save(folder / name, frames)
    return frames


@given(order=st.lists(st.integers(0, 2), min_size=1, max_size=12), at_once=st.integers(1, 5))
def test_exactly_the_frames_that_equal_the_one_before_are_found(order, at_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("repeats")
    saved(folder, order)
    expected = [False, *(one == other for one, other in zip(order[1:], order, strict=False))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "_AT_ONCE_BYTES", at_once * 4 * 5 * 4)
        assert repeated_frames(open_source(folder / "x.npy").sequences[0]).tolist() == expected


def test_dropping_keeps_the_rest_in_order_at_any_bounds(tmp_path):
    frames = saved(tmp_path, [0, 1, 1, 2, 3, 3, 3, 4])
    source = open_source(tmp_path, options={"drop_repeats": True, "step_seconds": 2})
    sequence = pickle.loads(pickle.dumps(source.sequences[0]))
    assert sequence.info.num_frames == 5
    kept = frames[[0, 1, 3, 4, 7], None]
    for start in range(5):
        for stop in range(start + 1, 6):
            np.testing.assert_array_equal(sequence.read(start, stop), kept[start:stop])
    assert "3 of 8" in source.notes[-1]
    assert "not evenly spaced" in source.notes[-1]
    assert sequence.info.step_seconds is None


def test_long_standing_pictures_are_skipped_not_read(tmp_path):
    frames = saved(tmp_path, [0] * 300 + [1, 1, 2] + [3] * 400 + [4, 5])
    source = open_source(tmp_path, options={"drop_repeats": True})
    (sequence,) = source.sequences
    asked: list[int] = []
    inner = sequence._sequence._read
    sequence._sequence._read = lambda start, stop: asked.append(stop - start) or inner(start, stop)
    np.testing.assert_array_equal(sequence.read(), frames[[0, 300, 302, 303, 703, 704], None])
    assert sum(asked) < 20


def test_an_even_rest_keeps_a_time_step(tmp_path):
    saved(tmp_path, [0, 0, 1, 1, 2, 2])
    source = open_source(tmp_path, options={"drop_repeats": True, "step_seconds": 2})
    assert source.sequences[0].info.step_seconds == 4
    assert source.notes[-1] == "Repeated frames were dropped: 3 of 6."


def test_nothing_changes_where_nothing_repeats(tmp_path):
    saved(tmp_path, [0, 1, 2])
    plain, dropped = (open_source(tmp_path, options={"drop_repeats": drop}) for drop in (False, True))
    assert dropped.notes == plain.notes
    assert dropped.sequences[0].info == plain.sequences[0].info


def test_missing_values_equal_each_other(tmp_path):
    frames = np.zeros((3, 4, 5), np.float32)
    frames[:, 1, 2] = np.nan
    frames[2, 0, 0] = np.nan
    np.save(tmp_path / "x.npy", frames)
    assert repeated_frames(open_source(tmp_path, options={"missing": "nan"}).sequences[0]).tolist() == [
        False,
        True,
        False,
    ]


def test_the_drosophila_embryo_repeats_as_its_provenance_tells(test_data):
    source = open_source(test_data / "microscopy" / "drosophila")
    assert sum(int(repeated_frames(sequence).sum()) for sequence in source.sequences) == 18
    dropped = open_source(test_data / "microscopy" / "drosophila", options={"drop_repeats": True})
    assert [sequence.info.num_frames for sequence in dropped.sequences] == [15, 15, 15]
