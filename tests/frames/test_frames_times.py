"""Times of frames."""

from datetime import UTC, datetime, timedelta

import pytest

from framecast.frames.sequence import SequenceInfo


def info(**known):
    return SequenceInfo(name="a", num_frames=4, channels=1, height=2, width=2, dtype="float32", **known)


def test_frames_are_timed_from_the_first_and_beyond_the_last():
    start = datetime(2010, 8, 26, 0, 5, tzinfo=UTC)
    timed = info(start_time=start, step_seconds=300)
    assert [timed.time_of(frame) for frame in (0, 3, 4)] == [start + timedelta(minutes=5 * n) for n in (0, 3, 4)]


def test_nothing_is_made_up():
    assert info(step_seconds=300).time_of(0) is None
    assert info(start_time=datetime(2020, 1, 1)).time_of(0) == datetime(2020, 1, 1)
    assert info(start_time=datetime(2020, 1, 1)).time_of(1) is None


def test_integers_cannot_hold_missing_values():
    with pytest.raises(ValueError, match="missing values are NaN, which uint8 cannot hold"):
        SequenceInfo(name="a", num_frames=4, channels=1, height=2, width=2, dtype="uint8", has_missing=True)
