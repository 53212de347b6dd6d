"""From a source to clip sets: what they hold, who may touch them, and what goes wrong."""

import json
import pickle

import numpy as np
import pytest
import torch

from framecast.clips.augment import AugmentConfig
from framecast.clips.config import ClipsConfig
from framecast.clips.normaliser import Normaliser
from framecast.clips.preparing import FITTING_FRAMES, prepare_clips
from framecast.clips.splits import SplitConfig
from framecast.frames.errors import ConfigurationError, SplitError, TooShortError
from framecast.frames.sequence import SPLITS, SequenceInfo
from framecast.frames.settings import settings

SHORT = ClipsConfig(context=3, horizon=2)


def test_clips_are_the_frames_that_they_say(make_source) -> None:
    source = make_source([60], step_seconds=300.0, units="mm/h")
    sets = prepare_clips(source, ClipsConfig(context=2, horizon=1, frame_step=2))
    frames = source.sequences[0].frames
    for clips in (sets.train, sets.validation):
        batch = clips.batch(range(len(clips)))
        for index in range(len(clips)):
            start = clips.clip(index).start
            expected = torch.from_numpy(frames[start : start + 5 : 2].astype(np.float32)) / 255
            assert torch.equal(batch.frames[index], expected)
            np.testing.assert_array_equal(clips.native_frames(index), frames[start : start + 5 : 2])
        assert batch.context.shape == (len(clips), 2, 1, 6, 6)
        assert batch.context.dtype == torch.float32
        assert batch.mask is None
        assert clips.units == "mm/h"
    origin = sets.test.describe(0)
    assert (origin.sequence, origin.group, origin.start, origin.step_seconds) == ("seq-00", "seq-00", 54, 600.0)
    assert sets.spec.context == 2
    assert (sets.spec.low, sets.spec.high) == ((0.0,), (1.0,))


def test_default_strides_use_all_training_windows_and_forecast_no_test_frame_twice(make_source) -> None:
    sets = prepare_clips(make_source([200]), ClipsConfig(context=3, horizon=2, frame_step=2))
    assert sets.train.windows.start.tolist() == list(range(152))
    assert sets.test.windows.start.tolist() == [180, 184, 188]
    strided = prepare_clips(make_source([200]), ClipsConfig(context=3, horizon=2, stride=10))
    assert strided.train.windows.start.tolist() == list(range(0, 156, 10))
    assert strided.test.windows.start.tolist() == [180, 190]


@pytest.mark.parametrize("kind", ["unit", "standard"])
def test_the_normaliser_sees_training_frames_only(make_source, kind: str) -> None:
    def prepared(planted: tuple[str, ...]) -> Normaliser:
        source = make_source([60, 60], dtype="float32")
        assignment = prepare_clips(source, SHORT).assignment()
        for split in planted:
            for name, start, stop in assignment[split]:
                sequence = next(sequence for sequence in source.sequences if sequence.info.name == name)
                sequence.frames[start:stop] = 1e6
        return prepare_clips(source, ClipsConfig(context=3, horizon=2, normaliser=kind)).normaliser

    assert prepared(("validation", "test")) == prepared(())
    assert prepared(("train",)) != prepared(())


def test_fitting_reads_a_bounded_even_share_of_the_training_frames(make_source) -> None:
    source = make_source([6000], shape=(1, 2, 2), dtype="float32")
    config = ClipsConfig(context=3, horizon=2, normaliser="standard", cache_gib=0)
    normaliser = prepare_clips(source, config).normaliser
    reads = source.sequences[0].reads
    assert sum(stop - start for start, stop in reads) <= FITTING_FRAMES
    assert max(stop for _, stop in reads) > 4700
    assert max(stop for _, stop in reads) <= 4800
    assert normaliser.offset[0] == pytest.approx(source.sequences[0].frames[:4800].mean(), rel=0.02)


def test_a_given_normaliser_is_used_as_it_is(make_source) -> None:
    source = make_source([30] * 3, dtype="float32")
    given = Normaliser.fit("symmetric", (), channels=1, value_range=(-5.0, 300.0))
    sets = prepare_clips(source, SHORT, normaliser=given)
    assert sets.normaliser is given
    assert sets.train.normaliser is given
    assert all(not sequence.reads for sequence in source.sequences)
    other = prepare_clips(make_source([30] * 3), SHORT, normaliser=given)
    assert "0 to 255; the run was trained on -5 to 300" in other.notes[0]
    with pytest.raises(ConfigurationError, match=r"trained on 1 channel, found 3.*'grey'"):
        prepare_clips(make_source([30] * 3, shape=(3, 4, 4)), SHORT, normaliser=given)


def test_missing_values_are_masked_and_filled(make_source) -> None:
    source = make_source([10] * 3, dtype="float32", has_missing=True)
    for sequence in source.sequences:
        sequence.frames[4, 0, 1, 2] = np.nan
        sequence.frames[5, 0, 0, 0] = np.inf
    clips = prepare_clips(source, ClipsConfig(context=4, horizon=4, normaliser="standard")).train
    batch = clips.batch([0, 1])
    assert batch.mask is not None
    for index in range(2):
        missing = torch.from_numpy(~np.isfinite(clips.native_frames(index)))
        assert torch.equal(batch.mask[index], ~missing)
        assert missing.sum() == 2
        assert not batch.frames[index][missing].any()
    assert torch.isfinite(batch.frames).all()
    whole = prepare_clips(make_source([10] * 3, dtype="float32"), ClipsConfig(context=4, horizon=4)).train
    assert whole.batch([0]).mask is None


def test_size_and_colour_reach_batch_and_spec(make_source) -> None:
    sets = prepare_clips(
        make_source([9] * 3, shape=(3, 8, 12)), ClipsConfig(context=3, horizon=2, size=4, color="grey")
    )
    assert sets.train.batch([0]).frames.shape == (1, 5, 1, 4, 4)
    assert (sets.spec.channels, sets.spec.height, sets.spec.width) == (1, 4, 4)
    assert any("stretched to 4x4" in note and "8x12 (3 sequences)" in note for note in sets.notes)


def test_the_test_split_is_sealed_in_training(make_source) -> None:
    sets = prepare_clips(make_source([20] * 3), SHORT)
    view = sets.for_training()
    assert view.train is sets.train
    assert view.validation is sets.validation
    with pytest.raises(SplitError, match="may not touch the test split"):
        _ = view.test
    held = {value for name in type(view).__slots__ if (value := getattr(view, name)) is not None}
    assert sets.test not in held
    assert sets not in held


def test_assignment_names_disjoint_frames(make_source) -> None:
    assignment = prepare_clips(make_source([40, 50]), SHORT).assignment()
    assert json.loads(json.dumps(assignment))["test"] == [["seq-00", 36, 40], ["seq-01", 45, 50]]
    frames = [
        (name, frame) for split in SPLITS for name, start, stop in assignment[split] for frame in range(start, stop)
    ]
    assert len(frames) == len(set(frames)) == 90


def test_the_same_settings_give_the_same_clips(make_source) -> None:
    one, other = (prepare_clips(make_source([20] * 5), SHORT) for _ in range(2))
    for split in SPLITS:
        assert torch.equal(one.of(split).batch([0]).frames, other.of(split).batch([0]).frames)
        assert one.of(split).split == split


def test_a_clip_set_travels_to_another_process(make_source) -> None:
    clips = prepare_clips(make_source([20] * 3), SHORT).train
    assert torch.equal(pickle.loads(pickle.dumps(clips)).batch([2]).frames, clips.batch([2]).frames)


def test_spread_keeps_the_number_asked_for(make_source) -> None:
    clips = prepare_clips(make_source([20] * 3), SHORT).train
    assert len(clips) == 16
    assert clips.spread(4).windows.start.tolist() == [0, 4, 8, 12]
    assert len(clips.spread(100)) == 16


def test_sequences_that_are_too_short_are_left_out_or_refused(make_source) -> None:
    source = make_source([4, 20, 20, 20, 3])
    sets = prepare_clips(source, SHORT)
    assert all(piece.sequence in (1, 2, 3) for split in SPLITS for piece in sets.splits.segments[split])
    assert "2 of 5 sequences" in sets.notes[0]
    assert "'seq-00' has 4, 'seq-04' has 3" in sets.notes[0]
    with pytest.raises(TooShortError, match=r"2 of 5 sequences.*too_short=skip"):
        prepare_clips(source, ClipsConfig(context=3, horizon=2, too_short="error"))


@pytest.mark.parametrize(("frame_step", "needed", "fits"), [(1, 20, 15), (2, 39, 8)])
def test_nothing_long_enough_says_found_needed_and_possible(
    make_source, frame_step: int, needed: int, fits: int
) -> None:
    with pytest.raises(TooShortError) as error:
        prepare_clips(make_source([12, 15]), ClipsConfig(frame_step=frame_step))
    message = str(error.value)
    assert "longest of 2 sequences has 15 frames" in message
    assert f"{needed} are needed" in message
    assert f"has {fits} frames" in message
    # The advice works: a clip of that length can be cut.
    config = ClipsConfig(context=fits - 1, horizon=1, frame_step=frame_step, split=SplitConfig(validation=0, test=0))
    assert len(prepare_clips(make_source([12, 15]), config).train) > 0


@pytest.mark.parametrize("frame_step", [1, 3])
def test_a_split_that_would_be_empty_names_the_longest_clip_that_fits(make_source, frame_step: int) -> None:
    source = make_source([120])
    with pytest.raises(SplitError) as error:
        prepare_clips(source, ClipsConfig(frame_step=frame_step))
    fits = (12 - 1) // frame_step + 1
    assert "validation split of 'memory' has at most 12 frames" in str(error.value)
    assert f"The longest clip that fits has {fits} frames" in str(error.value)
    fitting = ClipsConfig(context=fits - 1, horizon=1, frame_step=frame_step)
    assert all(len(prepare_clips(source, fitting).of(split)) for split in SPLITS)
    with pytest.raises(SplitError):
        prepare_clips(source, ClipsConfig(context=fits, horizon=1, frame_step=frame_step))


def test_only_required_splits_must_hold_a_clip(make_source) -> None:
    given = Normaliser.fit("unit", (), channels=1, value_range=(0.0, 255.0))
    source = make_source([30], splits=["test"])
    sets = prepare_clips(source, SHORT, normaliser=given, required=("test",))
    assert len(sets.test) > 0
    assert len(sets.train) == 0
    with pytest.raises(SplitError, match=r"leaves nothing for the train split.*1 for test"):
        prepare_clips(source, SHORT)
    with pytest.raises(SplitError, match="no training frames"):
        prepare_clips(source, SHORT, required=("test",))
    unwanted = ClipsConfig(context=3, horizon=2, split=SplitConfig(validation=0))
    assert len(prepare_clips(make_source([60]), unwanted).validation) == 0


def other(info: SequenceInfo, **values: object) -> SequenceInfo:
    return SequenceInfo(
        **{
            "name": "other",
            "num_frames": info.num_frames,
            "channels": info.channels,
            "height": info.height,
            "width": info.width,
            "dtype": info.dtype,
            "value_range": info.value_range,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"height": 8}, r"found 6x6 \(2 sequences\), 8x6 \(1 sequence\).*clips\.size"),
        ({"channels": 3}, r"found 1 \(2 sequences\), 3 \(1 sequence\).*clips\.color"),
        ({"dtype": "uint16", "value_range": (0.0, 65535.0)}, r"uint8 for 0 to 255.*uint16 for 0 to 65535"),
        ({"dtype": "float32", "value_range": None}, "unknown range"),
    ],
)
def test_sequences_that_cannot_share_a_batch_are_refused(make_source, values: dict[str, object], message: str) -> None:
    source = make_source([20] * 3)
    source.sequences[1].info = other(source.sequences[1].info, **values)
    with pytest.raises(ConfigurationError, match=message):
        prepare_clips(source, SHORT)


def test_size_brings_mixed_frames_together(make_source) -> None:
    source = make_source([20] * 3)
    source.sequences[1].frames = np.zeros((20, 1, 8, 12), np.uint8)
    source.sequences[1].info = other(source.sequences[1].info, height=8, width=12)
    sets = prepare_clips(source, ClipsConfig(context=3, horizon=2, size=(5, 5)))
    assert sets.train.batch([0]).frames.shape[-2:] == (5, 5)


def test_quarter_turns_need_square_frames(make_source) -> None:
    source = make_source([20] * 3, shape=(1, 4, 6))
    turning = AugmentConfig(quarter_turns=True)
    with pytest.raises(ConfigurationError, match="square frames, found 4x6"):
        prepare_clips(source, ClipsConfig(context=3, horizon=2, augment=turning))
    prepare_clips(source, ClipsConfig(context=3, horizon=2, augment=turning, size=4))


def test_settings_come_from_a_file_section() -> None:
    config = settings(
        ClipsConfig, {"size": [48, 64], "split": {"by": "time", "gap": 4}, "augment": {"noise": 0.1}}, where="clips"
    )
    assert config.frame_size == (48, 64)
    assert config.split.gap == 4
    assert settings(ClipsConfig, {"size": 32}, where="clips").frame_size == (32, 32)
    assert settings(ClipsConfig, {}, where="clips").frame_size is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"context": 0}, "context must be at least 1, found 0"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"size": [4, 0]}, "size must be at least 1"),
        ({"cache_gib": -1}, "cache_gib must be 0 or more"),
        ({"horizn": 3}, "did you mean 'horizon'"),
        ({"split": {"by": "date"}}, r"clips\.split\.by"),
    ],
)
def test_wrong_settings_are_explained(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        settings(ClipsConfig, values, where="clips")
