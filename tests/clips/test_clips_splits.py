"""Splits are disjoint in frames, keep groups whole, and say what is wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framecast.clips.config import ClipsConfig
from framecast.clips.normaliser import Normaliser
from framecast.clips.preparing import prepare_clips
from framecast.clips.splits import SplitConfig, Splits, split_sequences
from framecast.frames.errors import SplitError, TooShortError
from framecast.frames.sequence import SPLITS, SequenceInfo, Split
from framecast.sources.timeline import runs_without_gap


def infos(
    lengths: Sequence[int], groups: Sequence[str] | None = None, official: Sequence[Split | None] | None = None
) -> dict[int, SequenceInfo]:
    return {
        place: SequenceInfo(
            name=f"seq-{place}",
            num_frames=length,
            channels=1,
            height=1,
            width=1,
            dtype="uint8",
            group=groups[place] if groups else "",
            split=official[place] if official else None,
        )
        for place, length in enumerate(lengths)
    }


def frames_of(splits: Splits, split: Split) -> set[tuple[int, int]]:
    return {(piece.sequence, frame) for piece in splits.segments[split] for frame in range(piece.start, piece.stop)}


def groups_of(splits: Splits, split: Split, sequences: dict[int, SequenceInfo]) -> set[str]:
    return {sequences[piece.sequence].group for piece in splits.segments[split]}


sources = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from("abcdefgh"), st.sampled_from([None, *SPLITS])),
    min_size=1,
    max_size=12,
)
configs = st.builds(
    SplitConfig,
    by=st.sampled_from(["auto", "official", "group", "sequence", "time"]),
    train=st.floats(0.01, 1),
    validation=st.floats(0, 1),
    test=st.floats(0, 1),
    gap=st.integers(0, 5),
    seed=st.integers(0, 3),
)


@settings(deadline=None, max_examples=300)
@given(sources, configs, st.booleans())
def test_no_frame_is_in_two_splits(rows: list[tuple[int, str, Split | None]], config: SplitConfig, lists: bool) -> None:
    lengths, groups, official = zip(*rows, strict=True)
    sequences = infos(lengths, groups, official if lists else None)
    try:
        splits = split_sequences(sequences, config)
    except SplitError:
        return
    frames = [frames_of(splits, split) for split in SPLITS]
    assert sum(map(len, frames)) == len(set.union(*frames))
    assert set.union(*frames) <= {(place, frame) for place, length in enumerate(lengths) for frame in range(length)}
    assert sum(piece.num_frames for split in SPLITS for piece in splits.segments[split]) == sum(map(len, frames))
    if splits.method == "group":
        owners = [groups_of(splits, split, sequences) for split in SPLITS]
        assert sum(map(len, owners)) == len(set.union(*owners)) == len(set(groups))
        assert all(owned for split, owned in zip(SPLITS, owners, strict=True) if config.share(split))
        assert sum(map(len, frames)) == sum(lengths)


def test_shares_are_met_by_groups_and_by_frames() -> None:
    by_group = split_sequences(infos([5] * 40), SplitConfig())
    assert by_group.method == "group"
    assert [len(by_group.segments[split]) for split in SPLITS] == [32, 4, 4]
    by_time = split_sequences(infos([200]), SplitConfig())
    assert [(piece.start, piece.stop) for split in SPLITS for piece in by_time.segments[split]] == [
        (0, 160),
        (160, 180),
        (180, 200),
    ]


def test_shares_count_relative_to_their_sum() -> None:
    one, other = SplitConfig(train=8, validation=1, test=1), SplitConfig()
    assert split_sequences(infos([100]), one).segments == split_sequences(infos([100]), other).segments


def test_gap_lies_between_the_parts_of_one_sequence() -> None:
    splits = split_sequences(infos([110]), SplitConfig(gap=5))
    assert [(piece.start, piece.stop) for split in SPLITS for piece in splits.segments[split]] == [
        (0, 80),
        (85, 95),
        (100, 110),
    ]


def test_groups_stay_whole_and_their_place_depends_on_seed_and_name_only() -> None:
    groups = [f"person-{number % 8}" for number in range(24)]
    sequences = infos([10] * 24, groups)
    splits = split_sequences(sequences, SplitConfig())
    assert {len(groups_of(splits, split, sequences)) for split in ("validation", "test")} == {1}
    backwards = infos([10] * 24, groups[::-1])
    for split in SPLITS:
        assert groups_of(splits, split, sequences) == groups_of(
            split_sequences(backwards, SplitConfig()), split, backwards
        )
    tests = [groups_of(split_sequences(sequences, SplitConfig(seed=seed)), "test", sequences) for seed in range(20)]
    assert len({frozenset(test) for test in tests}) > 3


def test_too_few_groups_are_divided_by_time_and_said_so() -> None:
    splits = split_sequences(infos([100, 50]), SplitConfig())
    assert splits.method == "time"
    assert [len(frames_of(splits, split)) for split in SPLITS] == [120, 15, 15]
    assert "training has seen" in splits.notes[0]
    assert split_sequences(infos([100]), SplitConfig()).notes == ()
    with pytest.raises(SplitError, match=r"at least 3 groups.*found 2.*by=time"):
        split_sequences(infos([100, 50]), SplitConfig(by="group"))


def test_sequences_of_one_group_are_divided_on_demand_and_said_so() -> None:
    sequences = infos([10] * 10, groups=["a"] * 9 + ["b"])
    splits = split_sequences(sequences, SplitConfig(by="sequence"))
    assert splits.method == "sequence"
    assert [len(splits.segments[split]) for split in SPLITS] == [8, 1, 1]
    assert "1 of 2 groups" in splits.notes[0]
    assert "first 'a'" in splits.notes[0]
    assert split_sequences(infos([10] * 10), SplitConfig(by="sequence")).notes == ()


@given(
    starts=st.lists(st.integers(0, 400), min_size=2, max_size=6),
    lengths=st.lists(st.integers(1, 60), min_size=6, max_size=6),
    gap=st.integers(0, 4),
)
def test_dated_sequences_are_cut_at_the_same_moments(starts: list[int], lengths: list[int], gap: int) -> None:
    sequences = infos(lengths[: len(starts)])
    for place, start in enumerate(starts):
        moment = datetime(2020, 5, 1) + timedelta(minutes=start)
        sequences[place] = replace(sequences[place], start_time=moment, step_seconds=60.0)
    splits = split_sequences(sequences, SplitConfig(by="time", train=0.6, validation=0.2, test=0.2, gap=gap))
    times = {split: [starts[place] + frame for place, frame in frames_of(splits, split)] for split in SPLITS}
    for earlier, later in (("train", "validation"), ("validation", "test"), ("train", "test")):
        if times[earlier] and times[later]:
            assert max(times[earlier]) < min(times[later])
    if not gap:
        assert sum(map(len, times.values())) == sum(lengths[: len(starts)])


def test_a_hole_in_a_dated_recording_moves_no_border() -> None:
    whole = infos([100])
    whole[0] = replace(whole[0], start_time=datetime(2020, 5, 1), step_seconds=300.0)
    parts = infos([40, 60])
    parts[0] = replace(parts[0], start_time=datetime(2020, 5, 1), step_seconds=300.0)
    parts[1] = replace(parts[1], start_time=whole[0].time_of(40), step_seconds=300.0)
    config = SplitConfig(by="time", train=0.6, validation=0.2, test=0.2)
    expected = [{frame for _, frame in frames_of(split_sequences(whole, config), split)} for split in SPLITS]
    joined = split_sequences(parts, config)
    assert [{frame + 40 * place for place, frame in frames_of(joined, split)} for split in SPLITS] == expected


def test_official_lists_are_used_as_they_are() -> None:
    official: list[Split | None] = ["test", "train", "validation", None, "train"]
    splits = split_sequences(infos([10] * 5, official=official), SplitConfig())
    assert splits.method == "official"
    assert [[piece.sequence for piece in splits.segments[split]] for split in SPLITS] == [[1, 4], [2], [0]]
    assert splits.notes == ("1 of 5 sequences belong to no split of the data set and are not used.",)


def test_validation_is_carved_from_official_training_groups_only() -> None:
    groups = [f"person-{number // 2}" for number in range(40)]
    official: list[Split | None] = ["train"] * 32 + ["test"] * 8
    sequences = infos([10] * 40, groups, official)
    splits = split_sequences(sequences, SplitConfig())
    assert {piece.sequence for piece in splits.segments["test"]} == set(range(32, 40))
    train, validation = (groups_of(splits, split, sequences) for split in ("train", "validation"))
    assert len(train) == 14
    assert len(validation) == 2
    assert not train & validation
    assert "no validation split" in splits.notes[0]


def test_one_official_training_recording_gives_its_end_to_validation() -> None:
    splits = split_sequences(infos([90, 30], official=["train", "test"]), SplitConfig())
    assert [(piece.sequence, piece.start, piece.stop) for split in SPLITS for piece in splits.segments[split]] == [
        (0, 0, 80),
        (0, 80, 90),
        (1, 0, 30),
    ]


def test_a_share_of_zero_carves_nothing() -> None:
    splits = split_sequences(infos([90, 30], official=["train", "test"]), SplitConfig(validation=0))
    assert splits.segments["validation"] == ()
    everything = split_sequences(infos([90, 30]), SplitConfig(train=0, validation=0, test=1))
    assert frames_of(everything, "test") == {(0, frame) for frame in range(90)} | {(1, frame) for frame in range(30)}


def test_lists_that_divide_a_group_are_refused() -> None:
    with pytest.raises(SplitError, match=r"group 'anna' into both train and test"):
        split_sequences(infos([9, 9], ["anna", "anna"], ["train", "test"]), SplitConfig())


def test_official_without_lists_is_an_error() -> None:
    with pytest.raises(SplitError, match="no lists of its own"):
        split_sequences(infos([9]), SplitConfig(by="official"))


@pytest.mark.parametrize(
    "values", [{"train": -0.1}, {"train": 0, "validation": 0, "test": 0}, {"gap": -1}, {"test": float("nan")}]
)
def test_impossible_settings_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        SplitConfig(**values)


@st.composite
def recordings_with_gaps(draw: st.DrawFn) -> list[list[int]]:
    """Some recordings, each as the minutes of the frames that it has; some frames are lost."""
    found: list[list[int]] = []
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(st.integers(0, 60)), draw(st.integers(8, 40))
        lost = draw(st.sets(st.integers(1, length - 2), max_size=3))
        found.append([start + minute for minute in range(length) if minute not in lost])
    return found


clip_configs = st.builds(
    ClipsConfig,
    context=st.integers(1, 3),
    horizon=st.integers(1, 3),
    frame_step=st.integers(1, 3),
    stride=st.sampled_from([None, 1, 2, 5]),
    split=configs,
    cache_gib=st.sampled_from([0, 1]),
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    recordings=recordings_with_gaps(),
    lists=st.lists(st.sampled_from([None, *SPLITS]), min_size=4, max_size=4),
    config=clip_configs,
)
def test_no_clip_crosses_a_gap_or_a_border_and_every_allowed_clip_is_reachable(
    make_source: Callable[..., Any],
    recordings: list[list[int]],
    lists: list[Split | None],
    config: ClipsConfig,
) -> None:
    begin = datetime(2020, 5, 1)
    runs: list[tuple[int, list[int]]] = []
    for number, minutes in enumerate(recordings):
        found = runs_without_gap([begin + timedelta(minutes=minute) for minute in minutes], 60.0)
        runs += [(number, minutes[run.start : run.stop]) for run in found]
    source = make_source(
        [len(minutes) for _, minutes in runs],
        shape=(1, 1, 1),
        dtype="uint16",
        groups=[f"recording-{number}" for number, _ in runs],
        splits=[lists[number] for number, _ in runs],
    )
    for sequence, (number, minutes) in zip(source.sequences, runs, strict=True):
        sequence.frames = (np.array(minutes, np.uint16) + 1000 * number)[:, None, None, None]  # tells its own moment
        sequence.info = replace(sequence.info, start_time=begin + timedelta(minutes=minutes[0]), step_seconds=60.0)
    unit = Normaliser(kind="unit", low=(0.0,), high=(65535.0,), offset=(0.0,), scale=(65535.0,))
    try:
        clips = prepare_clips(source, config, normaliser=unit, required=())
    except (SplitError, TooShortError):
        return
    whose: dict[tuple[int, int], Split] = {}
    for part in SPLITS:
        for place, frame in frames_of(clips.splits, part):
            assert whose.setdefault((place, frame), part) == part
    for part in SPLITS:
        every = config.stride_in(part)
        allowed: set[tuple[int, int]] = set()
        for place, (_, minutes) in enumerate(runs):
            owned = [whose.get((place, frame)) == part for frame in range(len(minutes))]
            for start in range(len(minutes) - config.span + 1):
                first = max((frame + 1 for frame in range(start) if not owned[frame]), default=0)
                if all(owned[start : start + config.span]) and (start - first) % every == 0:
                    allowed.add((place, start))
        found = clips.of(part)
        assert {(found.clip(index).sequence, found.clip(index).start) for index in range(len(found))} == allowed
        for index in range(len(found)):
            moments = found.native_frames(index)[:, 0, 0, 0].astype(int)
            number, minutes = runs[found.clip(index).sequence]
            expected = 1000 * number + minutes[found.clip(index).start] + config.frame_step * np.arange(config.length)
            assert moments.tolist() == expected.tolist(), "one step of time from each frame to the next"
