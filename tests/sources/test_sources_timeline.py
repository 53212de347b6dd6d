"""Runs of frames without a gap, from the times of files."""

import itertools
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from framecast.sources.timeline import TimeRun, runs_without_gap, usual_step

START = datetime(2010, 8, 26)


def at(*minutes: float) -> list[datetime]:
    return [START + timedelta(minutes=minute) for minute in minutes]


def test_a_missing_file_divides():
    assert usual_step(at(0, 5, 10, 20, 25)) == 300
    assert runs_without_gap(at(0, 5, 10, 20, 25)) == (TimeRun(0, 3), TimeRun(3, 5))


def test_jitter_of_a_clock_does_not_divide():
    assert runs_without_gap(at(0, 5.2, 9.9, 15.1)) == (TimeRun(0, 4),)


def test_times_that_repeat_divide():
    assert runs_without_gap(at(0, 5, 5, 10)) == (TimeRun(0, 2), TimeRun(2, 4))
    assert usual_step(at(3, 3)) is None
    assert runs_without_gap(at(3, 3)) == (TimeRun(0, 1), TimeRun(1, 2))


def test_one_time_is_one_run():
    assert usual_step(at(3)) is None
    assert runs_without_gap(at(3)) == (TimeRun(0, 1),)


@given(gone=st.sets(st.integers(0, 40)))
def test_runs_cover_everything_and_none_holds_a_gap(gone):
    minutes = [5 * number for number in range(42) if number not in gone]
    runs = runs_without_gap(at(*minutes), 300)
    assert [place for run in runs for place in range(run.start, run.stop)] == list(range(len(minutes)))
    for run in runs:
        inside = minutes[run.start : run.stop]
        assert all(after - before == 5 for before, after in itertools.pairwise(inside))
    for before, after in itertools.pairwise(runs):
        assert minutes[after.start] - minutes[before.stop - 1] > 5


def test_the_usual_step_is_one_that_occurs():
    assert usual_step(at(0, 10, 25)) == 600
    assert runs_without_gap(at(0, 10, 25)) == (TimeRun(0, 2), TimeRun(2, 3))
