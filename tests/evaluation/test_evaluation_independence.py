"""What intervals are drawn over: groups, blocks of time of one recording, or nothing at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framecast.clips.clip_set import ClipOrigin
from framecast.evaluation.independence import Units


def origins(*groups: str, sequences: str | None = None, step: int = 10) -> list[ClipOrigin]:
    """One clip each; in a sequence of its own, or in those named."""
    names = sequences or [f"{group}-{number}" for number, group in enumerate(groups)]
    return [
        ClipOrigin(sequence=name, group=group, start=number * step, step_seconds=None)
        for number, (group, name) in enumerate(zip(groups, names, strict=True))
    ]


def test_clips_of_one_group_are_one_unit() -> None:
    units = Units(origins(*"abcadeb"), clip_frames=4)
    assert units.of_clip.tolist() == [0, 1, 2, 0, 3, 4, 1]
    assert (units.independence.unit, units.independence.count) == ("group", 5)
    assert units.warnings == []


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (origins(*"abcd"), "All figures come from 4 independent recordings, too few to tell"),
        (origins(*"abab" * 50), "All figures come from 2 independent recordings, too few"),
        (origins("a"), "All figures come from one recording of 4 frames, too short for 5 blocks of 8 frames"),
        (origins(*"aaaa", sequences="ssss"), "All figures come from one recording of 34 frames, too short"),
    ],
)
def test_too_few_units_give_no_interval_and_the_reason(of: list[ClipOrigin], said: str) -> None:
    units = Units(of, clip_frames=4)
    assert units.independence.unit == "none"
    assert len(units.warnings) == 1
    assert units.warnings[0].startswith(said)


def test_one_long_recording_is_cut_into_blocks_of_time() -> None:
    units = Units(origins(*"a" * 30, sequences="s" * 30, step=4), clip_frames=4)
    # 120 frames make 15 blocks of 8 frames, in each of which two clips begin.
    assert (units.independence.unit, units.independence.count) == ("block", 15)
    assert units.of_clip.tolist() == [clip // 2 for clip in range(30)]
    assert "not between recordings" in units.warnings[0]
    assert "too narrow where what happens lasts longer than a block" in units.warnings[0]


def test_pieces_of_one_recording_follow_each_other() -> None:
    pieces = [
        ClipOrigin(sequence=name, group="film", start=start, step_seconds=None)
        for name in "pqr"
        for start in range(500, 540, 4)
    ]
    units = Units(pieces, clip_frames=4)
    assert units.independence.unit == "block"
    assert np.array_equal(units.of_clip, np.sort(units.of_clip))  # in the order of time


@given(st.integers(1, 400), st.integers(1, 30), st.integers(1, 12))
def test_blocks_are_numbered_without_gaps_and_long_enough(clips: int, clip_frames: int, step: int) -> None:
    of = origins(*"a" * clips, sequences="s" * clips, step=step)
    units = Units(of, clip_frames=clip_frames)
    if units.independence.unit == "block":
        assert set(units.of_clip.tolist()) == set(range(units.independence.count))
        assert units.independence.count >= 5
        frames = (clips - 1) * step + clip_frames
        assert units.independence.count * 2 * clip_frames <= frames
