"""Which part of a frame clips show: fitted to a size, padded, cropped at random or at a fixed place."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as fuzz
from hypothesis import strategies as st

from framecast.clips.augment import AugmentConfig
from framecast.clips.config import ClipsConfig
from framecast.clips.conversion import FrameConversion, Window, resize_frames
from framecast.clips.framing import Framing, draw_place, part_within, surrounded
from framecast.clips.late_drawing import obstacle_to_drawing
from framecast.clips.loader import ClipLoader
from framecast.clips.preparing import prepare_clips
from framecast.frames.errors import ConfigurationError
from framecast.frames.sequence import SequenceInfo
from framecast.frames.settings import settings
from framecast.losses.weighted_sum import build_loss

SIDES = st.integers(1, 40)
SHORT = {"context": 2, "horizon": 1}


def info_of(height: int, width: int, channels: int = 1) -> SequenceInfo:
    return SequenceInfo(name="x", num_frames=3, channels=channels, height=height, width=width, dtype="uint8")


@fuzz(deadline=None, max_examples=150)
@given(SIDES, SIDES, SIDES, SIDES)
def test_fitted_frames_keep_their_shape_and_touch_the_size(height: int, width: int, rows: int, columns: int) -> None:
    covering, within = (
        FrameConversion((rows, columns), fit=fit).scaled(height, width)  # type: ignore[arg-type]
        for fit in ("crop", "pad")
    )
    assert covering[0] >= rows
    assert covering[1] >= columns
    assert within[0] <= rows
    assert within[1] <= columns
    for found in (covering, within):
        assert found[0] == rows or found[1] == columns
        scales = [found[0] / height, found[1] / width]
        # The side that was not fitted is rounded to whole pixels, and has at least one.
        slack = max(0.5 / height, 0.5 / width)
        assert abs(scales[0] - scales[1]) <= slack + 1e-9 or min(found) == 1
    assert FrameConversion((rows, columns)).scaled(height, width) == (rows, columns)
    assert FrameConversion().scaled(height, width) == (height, width)


@fuzz(deadline=None, max_examples=120)
@given(st.data())
def test_a_window_holds_the_same_bits_as_that_part_of_the_whole(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 17)), data.draw(st.integers(1, 17))
    size = data.draw(st.none() | st.tuples(st.integers(1, 17), st.integers(1, 17)))
    fit = data.draw(st.sampled_from(["stretch", "crop", "pad"])) if size else "stretch"
    conversion = FrameConversion(size, data.draw(st.sampled_from(["keep", "grey", "rgb"])), fit)
    dtype = data.draw(st.sampled_from(["uint8", "uint16", "float32", "float64"]))
    native = (np.random.default_rng(3).random((2, 3, height, width)) * 255).astype(dtype)
    if dtype.startswith("float") and data.draw(st.booleans()):
        native[1, :, height // 2 :, : width // 2 + 1] = np.nan
    whole = conversion.convert(native)
    high, wide = whole.shape[-2:]
    top, left = data.draw(st.integers(0, high - 1)), data.draw(st.integers(0, wide - 1))
    window = Window(top, left, data.draw(st.integers(1, high - top)), data.draw(st.integers(1, wide - left)))
    part = conversion.convert(native, window)
    np.testing.assert_array_equal(part, window.cut(whole), strict=True)
    resized = resize_frames(native, high, wide, window)
    np.testing.assert_array_equal(resized, window.cut(resize_frames(native, high, wide)), strict=True)


@fuzz(deadline=None, max_examples=300)
@given(st.data())
def test_crops_lie_on_the_canvas_and_show_as_much_of_the_frame_as_they_can(data: st.DataObject) -> None:
    info = info_of(data.draw(SIDES), data.draw(SIDES))
    size = data.draw(st.none() | st.tuples(SIDES, SIDES))
    fit = data.draw(st.sampled_from(["stretch", "crop", "pad"])) if size else "stretch"
    canvas = size or (info.height, info.width)
    crop = tuple(data.draw(st.integers(1, side)) for side in canvas)
    place = data.draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))
    framing = Framing(conversion=FrameConversion(size, fit=fit), crop=(crop[0], crop[1]))
    window = framing.window(info, place)
    assert (window.height, window.width) == crop == framing.shape(info)[1:]
    converted = framing.conversion.shape(info)[1:]
    inside = part_within(window, *converted)
    whole = Framing(conversion=framing.conversion).window(info)
    for axis, (begin, end) in enumerate([(window.top, window.bottom), (window.left, window.right)]):
        low, high = [(whole.top, whole.bottom), (whole.left, whole.right)][axis]
        assert low <= begin
        assert end <= high
        seen = min(high, converted[axis]) - max(low, 0)  # of the frame, on the canvas
        assert (inside.height, inside.width)[axis] == min(seen, crop[axis])


def test_the_middle_is_the_middle_and_corners_are_corners() -> None:
    framing = Framing(crop=(4, 6))
    info = info_of(10, 11)
    assert framing.window(info) == Window(3, 3, 4, 6)
    assert framing.window(info, (0.0, 0.0)) == Window(0, 0, 4, 6)
    assert framing.window(info, (1.0, 1.0)) == Window(6, 5, 4, 6)
    tops = {framing.window(info, draw_place(seed=0, epoch=0, clip=clip)).top for clip in range(200)}
    assert tops == set(range(7))


def test_padding_is_missing_and_the_frame_stays_as_it_was() -> None:
    frames = np.arange(12, dtype=np.uint16).reshape(1, 1, 3, 4)
    whole = surrounded(frames, Window(0, 0, 3, 4), Window(-1, -2, 5, 8))
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole[0, 0, 1:4, 2:6], frames[0, 0])
    assert np.isnan(whole).sum() == 5 * 8 - 12
    assert surrounded(frames, Window(0, 0, 3, 4), Window(0, 0, 3, 4)) is frames


@pytest.mark.parametrize("cache_gib", [0, 1])
def test_random_crops_are_windows_of_the_frames_alike_in_all_frames_of_a_clip(make_source: Any, cache_gib: int) -> None:
    source = make_source([14] * 4, shape=(2, 9, 11))
    config = ClipsConfig(**SHORT, crop=(4, 5), cache_gib=cache_gib)
    train = prepare_clips(source, config, seed=3).train
    places: set[tuple[int, int]] = set()
    for index in range(len(train)):
        clip, found = train.clip(index), train.native_frames(index)
        whole = source.sequences[clip.sequence].frames[clip.start : clip.start + 3]
        assert found.shape == (3, 2, 4, 5)
        windows = np.lib.stride_tricks.sliding_window_view(whole, (4, 5), axis=(2, 3))
        hits = np.argwhere((windows == found[:, :, None, None]).all(axis=(0, 1, 4, 5)))
        assert len(hits) == 1  # noise: the same place in every frame, and one place only
        places.add(tuple(hits[0]))
    assert len(places) > 8


def test_crops_follow_from_seed_epoch_and_clip_whoever_reads(make_source: Any) -> None:
    config = ClipsConfig(**SHORT, crop=3)
    one, other = (prepare_clips(make_source([20] * 4), config, seed=seed).train for seed in (0, 1))
    first = one.at_epoch(1).batch([3, 5]).frames
    assert torch.equal(one.at_epoch(1).batch([5]).frames[0], first[1])
    assert not torch.equal(one.at_epoch(2).batch([3, 5]).frames, first)
    assert not torch.equal(other.at_epoch(1).batch([3, 5]).frames, first)
    assert one.augments
    loader = ClipLoader(one, batch_size=5, shuffle=True, seed=2)
    loader.set_epoch(4)
    whole = [batch.frames for batch in loader]
    loader.set_epoch(4, start_batch=2)
    assert all(torch.equal(a, b.frames) for a, b in zip(whole[2:], loader, strict=True))


def test_crops_leave_the_draws_of_augmentation_as_they_are(make_source: Any) -> None:
    augment = AugmentConfig(flip_horizontal=True, noise=0.1)
    source = make_source([20] * 4)
    for sequence in source.sequences:
        sequence.frames[:] = np.arange(6)[:, None] * 40  # rows: every crop over all columns of the first row alike
    whole = prepare_clips(source, ClipsConfig(**SHORT, augment=augment), seed=1).train.native_batch(range(9))
    parts = prepare_clips(source, ClipsConfig(**SHORT, augment=augment, crop=6), seed=1).train.native_batch(range(9))
    assert torch.equal(whole.drawn(), parts.drawn())
    assert whole.noise is not None
    assert parts.noise is not None
    assert torch.equal(whole.noise, parts.noise)


def test_validation_and_test_are_cut_at_one_place(make_source: Any) -> None:
    source = make_source([20] * 4, shape=(1, 9, 11))
    sets = prepare_clips(source, ClipsConfig(**SHORT, crop=(4, 5)))
    for clips in (sets.validation, sets.test, sets.train.plain()):
        clip = clips.clip(0)
        expected = source.sequences[clip.sequence].frames[clip.start : clip.start + 3, :, 3:7, 3:8]
        for epoch in (0, 3):
            np.testing.assert_array_equal(clips.at_epoch(epoch).native_frames(0), expected)
    assert (sets.spec.height, sets.spec.width) == (4, 5)
    assert any("windows of 4x5" in note and "not of whole frames" in note for note in sets.notes)


def test_a_place_that_is_set_holds_for_training_too(make_source: Any) -> None:
    source = make_source([20] * 4, shape=(1, 9, 11), dtype="float32")
    for sequence in source.sequences:
        sequence.frames[..., 4:, :] = 1e6  # beyond the window
    sets = prepare_clips(source, ClipsConfig(**SHORT, crop=(4, 5), crop_at=(0.0, 1.0), normaliser="standard"))
    for clips in (sets.train, sets.test):
        clip = clips.clip(0)
        expected = source.sequences[clip.sequence].frames[clip.start : clip.start + 3, :, :4, 6:]
        np.testing.assert_array_equal(clips.native_frames(0), expected)
    assert not sets.train.augments
    assert sets.normaliser.offset[0] < 300  # fitted on what clips show


def test_crops_bring_frames_of_several_sizes_together(make_source: Any) -> None:
    source = make_source([20] * 3)
    source.sequences[1].frames = np.zeros((20, 1, 8, 12), np.uint8)
    source.sequences[1].info = dataclasses.replace(source.sequences[1].info, height=8, width=12)
    with pytest.raises(ConfigurationError, match=r"differ in frame size.*clips\.crop"):
        prepare_clips(source, ClipsConfig(**SHORT))
    train = prepare_clips(source, ClipsConfig(**SHORT, crop=5)).train
    assert train.batch(range(len(train))).frames.shape[-2:] == (5, 5)
    with pytest.raises(ConfigurationError, match=r"clips\.crop=7x5 is larger than the frames of 'seq-00'.*6x6"):
        prepare_clips(source, ClipsConfig(**SHORT, crop=(7, 5)))


def test_fit_crop_shows_the_middle_undistorted(make_source: Any) -> None:
    source = make_source([20] * 3, shape=(1, 8, 16))
    sets = prepare_clips(source, ClipsConfig(**SHORT, size=4, fit="crop"))
    clip = sets.train.clip(0)
    whole = resize_frames(source.sequences[clip.sequence].frames[clip.start : clip.start + 3], 4, 8)
    np.testing.assert_array_equal(sets.train.native_frames(0), whole[..., 2:6])
    assert any("cover 4x4" in note and "8x16 (3 sequences)" in note for note in sets.notes)


@pytest.mark.parametrize(("dtype", "becomes"), [("uint8", "float32"), ("int32", "float64"), ("float64", "float64")])
def test_fit_pad_keeps_all_and_masks_the_rest(make_source: Any, dtype: str, becomes: str) -> None:
    source = make_source([20] * 3, shape=(2, 8, 16), dtype=dtype)
    sets = prepare_clips(source, ClipsConfig(**SHORT, size=(6, 8), fit="pad", normaliser="standard"))
    clip, found = sets.train.clip(0), sets.train.native_frames(0)
    assert found.dtype == sets.train.dtype == becomes
    whole = resize_frames(source.sequences[clip.sequence].frames[clip.start : clip.start + 3], 4, 8)
    np.testing.assert_array_equal(found[..., 1:5, :], whole)
    assert np.isnan(found[..., [0, 5], :]).all()
    batch = sets.train.batch([0, 1])
    assert batch.mask is not None
    assert batch.mask[..., 1:5, :].all()
    assert not batch.mask[..., [0, 5], :].any()
    assert not batch.frames[~batch.mask].any()
    plain = prepare_clips(source, ClipsConfig(**SHORT, size=(4, 8), normaliser="standard"))
    assert plain.normaliser == sets.normaliser  # padding is no part of the statistics
    assert torch.equal(plain.train.batch([0, 1]).frames, batch.frames[..., 1:5, :])
    assert any("within 6x8" in note and "neither trained on nor scored" in note for note in sets.notes)


def test_what_a_model_writes_into_the_padding_costs_nothing(make_source: Any) -> None:
    source = make_source([20] * 3, shape=(1, 8, 16))
    sets = prepare_clips(source, ClipsConfig(**SHORT, size=6, fit="pad"))
    batch = sets.train.batch([0, 1])
    loss, mask = build_loss({"mse": 1.0, "mae": 1.0, "gdl": 0.1}), batch.target_mask
    assert mask is not None
    forecast = torch.rand_like(batch.target)
    elsewhere = torch.where(mask, forecast, forecast + 7)
    one, other = (
        loss(frames, batch.target, to_unit=sets.normaliser.to_unit, mask=mask)[0] for frames in (forecast, elsewhere)
    )
    assert torch.equal(one, other)


def test_missing_values_go_along_with_crops_flips_and_time(make_source: Any) -> None:
    source = make_source([12] * 6, dtype="float32", shape=(1, 9, 9), has_missing=True)
    for sequence in source.sequences:
        sequence.frames[np.random.default_rng(1).random(sequence.frames.shape) < 0.2] = np.nan
    everything = AugmentConfig(
        flip_horizontal=True, flip_vertical=True, quarter_turns=True, reverse_time=True, brightness=0.3, noise=0.1
    )
    config = ClipsConfig(**SHORT, crop=5, augment=everything)
    augmented = prepare_clips(source, config, seed=4).train
    cropped = prepare_clips(source, dataclasses.replace(config, augment=AugmentConfig()), seed=4).train
    indices = range(len(augmented))
    changed, plain = augmented.batch(indices), cropped.batch(indices)
    assert changed.mask is not None
    assert plain.mask is not None
    assert not changed.frames[~changed.mask].any()
    for mask, was in zip(changed.mask, plain.mask, strict=True):
        forms = [
            torch.rot90(form, turns, (-2, -1))
            for form in (was, was.flip(-1), was.flip(0), was.flip(0, -1))
            for turns in range(4)
        ]
        assert any(torch.equal(mask, form) for form in forms)


def test_a_crop_cannot_be_drawn_late(make_source: Any) -> None:
    clips = prepare_clips(make_source([12] * 4), ClipsConfig(**SHORT, crop=3)).train
    source = dataclasses.replace(clips.source)
    object.__setattr__(source, "drawing", lambda places, frames: object())
    obstacle = obstacle_to_drawing(dataclasses.replace(clips, source=source))
    assert obstacle is not None
    assert "clips.crop null" in obstacle


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop": 0}, "crop must be at least 1"),
        ({"crop": [4, -1]}, "crop must be at least 1"),
        ({"crop_at": [0.5, 1.5]}, "crop_at must be two shares from 0 to 1"),
        ({"fit": "pad"}, "fit=pad needs a size"),
        ({"fit": "letterbox", "size": 4}, r"clips\.fit"),
        ({"size": 4, "crop": 5}, "crop=5x5 is larger than size=4x4"),
    ],
)
def test_wrong_settings_are_explained(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        settings(ClipsConfig, values, where="clips")


def test_crops_come_from_a_file_section() -> None:
    config = settings(ClipsConfig, {"crop": [48, 64], "crop_at": [0, 1], "size": 128, "fit": "crop"}, where="clips")
    assert config.crop_size == (48, 64)
    assert config.crop_at == (0.0, 1.0)
    assert settings(ClipsConfig, {"crop": 32}, where="clips").crop_size == (32, 32)
    assert settings(ClipsConfig, {}, where="clips").crop_size is None
