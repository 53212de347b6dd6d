"""Augmentation: the same for every frame, exact, and a function of (seed, epoch, clip)."""

import numpy as np
import pytest
import torch

from framecast.clips.augment import AugmentConfig, draw_augmentation
from framecast.clips.config import ClipsConfig
from framecast.clips.preparing import prepare_clips
from framecast.frames.errors import ConfigurationError
from framecast.frames.settings import settings

EVERYTHING = AugmentConfig(flip_horizontal=True, flip_vertical=True, quarter_turns=True)


def test_every_symmetry_of_the_square_is_drawn_about_equally_often() -> None:
    frame = np.arange(9).reshape(1, 1, 3, 3)
    seen: dict[bytes, int] = {}
    for clip in range(800):
        turned = draw_augmentation(EVERYTHING, (1, 3, 3), seed=0, epoch=0, clip=clip).turn(frame)
        seen[turned.tobytes()] = seen.get(turned.tobytes(), 0) + 1
    assert len(seen) == 8
    assert min(seen.values()) > 60


@pytest.mark.parametrize("name", ["flip_horizontal", "flip_vertical", "quarter_turns"])
def test_only_what_is_switched_on_happens(name: str) -> None:
    frame = np.arange(4).reshape(1, 1, 2, 2)
    allowed = {
        "flip_horizontal": [frame, frame[..., ::-1]],
        "flip_vertical": [frame, frame[..., ::-1, :]],
        "quarter_turns": [np.rot90(frame, turns, (-2, -1)) for turns in range(4)],
    }[name]
    config = AugmentConfig(**{name: True})
    seen = {
        draw_augmentation(config, (1, 2, 2), seed=1, epoch=2, clip=clip).turn(frame).tobytes() for clip in range(50)
    }
    assert seen == {one.tobytes() for one in allowed}


@pytest.mark.parametrize("normaliser", ["unit", "symmetric", "standard"])
def test_all_frames_of_a_clip_are_changed_alike(make_source, normaliser: str) -> None:
    source = make_source([12] * 4, shape=(2, 6, 6))
    for sequence in source.sequences:  # every frame of a sequence is the same, so a difference comes from augmentation
        sequence.frames[:] = np.clip(sequence.frames[0], 60, 190)
    config = ClipsConfig(
        context=4,
        horizon=3,
        normaliser=normaliser,
        augment=AugmentConfig(flip_horizontal=True, flip_vertical=True, quarter_turns=True, noise=0.05),
    )
    sets = prepare_clips(source, config, seed=3)
    batch = sets.train.batch(range(len(sets.train)))
    frames = batch.frames
    assert torch.equal(frames, frames[:, :1].expand_as(frames))
    plain = sets.train.plain().batch(range(len(sets.train))).frames
    assert not torch.equal(frames, plain)
    unit = sets.normaliser.to_unit(frames)
    assert unit.min() >= 0
    assert unit.max() <= 1


@pytest.mark.parametrize("normaliser", ["unit", "symmetric", "standard"])
def test_noise_has_the_deviation_that_was_asked_for_and_stays_in_range(make_source, normaliser: str) -> None:
    source = make_source([3, 3, 3], shape=(1, 60, 60))
    config = ClipsConfig(context=1, horizon=1, normaliser=normaliser, augment=AugmentConfig(noise=0.02))
    sets = prepare_clips(source, config)
    noisy, plain = (sets.normaliser.to_unit(clips.batch([0]).frames) for clips in (sets.train, sets.train.plain()))
    middle = (plain > 0.2) & (plain < 0.8)
    assert (noisy - plain)[middle].std().item() == pytest.approx(0.02, rel=0.1)
    assert noisy.min() >= -1e-6
    assert noisy.max() <= 1 + 1e-6


def test_draws_follow_from_seed_epoch_and_clip(make_source) -> None:
    config = ClipsConfig(context=2, horizon=2, augment=AugmentConfig(noise=0.1))
    one, other = (prepare_clips(make_source([20] * 4), config, seed=seed).train for seed in (0, 1))
    first = one.at_epoch(1).batch([3, 5])
    assert torch.equal(one.at_epoch(1).batch([5]).frames[0], first.frames[1])
    assert not torch.equal(one.at_epoch(2).batch([3, 5]).frames, first.frames)
    assert not torch.equal(other.at_epoch(1).batch([3, 5]).frames, first.frames)
    fields = [
        draw_augmentation(config.augment, (1, 4, 4), seed=seed, epoch=epoch, clip=clip).noise.tobytes()
        for seed in range(3)
        for epoch in range(3)
        for clip in range(3)
    ]
    assert len(set(fields)) == 27


def test_validation_and_test_are_never_augmented(make_source) -> None:
    config = ClipsConfig(context=2, horizon=2, augment=AugmentConfig(noise=0.5, flip_horizontal=True))
    sets = prepare_clips(make_source([20] * 4), config)
    assert sets.train.augments
    for clips in (sets.validation, sets.test):
        native = torch.from_numpy(clips.native_frames(0).astype(np.float32)) / 255
        assert torch.equal(clips.at_epoch(4).batch([0]).frames[0], native)


def test_the_draws_of_earlier_versions_stay() -> None:
    """Trainings that are resumed, or repeated from their configuration, see the clips that they saw."""
    config = AugmentConfig(flip_horizontal=True, flip_vertical=True, quarter_turns=True, noise=0.25)
    for place in ((0, 0, 0), (3, 2, 7), (1, 9, 400)):
        seed, epoch, clip = place
        drawn = draw_augmentation(config, (2, 3, 3), seed=seed, epoch=epoch, clip=clip)
        generator = np.random.default_rng([1, *place])
        flips = generator.random(2)
        assert [drawn.flip_horizontal, drawn.flip_vertical] == (flips < 0.5).tolist()
        assert drawn.quarter_turns == generator.integers(4)
        noise = generator.standard_normal((2, 3, 3), dtype=np.float32) * np.float32(0.25)
        np.testing.assert_array_equal(drawn.noise, noise)
        assert not drawn.reverse_time


def test_time_is_reversed_half_of_the_time_for_the_whole_clip() -> None:
    frames = np.arange(5)[:, None, None, None] * np.ones((5, 1, 2, 2), int)
    config = AugmentConfig(reverse_time=True)
    turned = [draw_augmentation(config, (1, 2, 2), seed=0, epoch=1, clip=clip).turn(frames) for clip in range(400)]
    backwards = [np.array_equal(one, frames[::-1]) for one in turned]
    assert all(back or np.array_equal(one, frames) for back, one in zip(backwards, turned, strict=True))
    assert 150 < sum(backwards) < 250


def test_every_change_of_place_can_be_undone() -> None:
    frames = np.random.default_rng(0).random((4, 2, 5, 5))
    config = AugmentConfig(flip_horizontal=True, flip_vertical=True, quarter_turns=True, reverse_time=True)
    for clip in range(40):
        drawn = draw_augmentation(config, (2, 5, 5), seed=1, epoch=0, clip=clip)
        back = np.rot90(drawn.turn(frames), -drawn.quarter_turns, axes=(-2, -1))
        back = back[..., ::-1, :] if drawn.flip_vertical else back
        back = back[..., ::-1] if drawn.flip_horizontal else back
        np.testing.assert_array_equal(back[::-1] if drawn.reverse_time else back, frames)


@pytest.mark.parametrize("normaliser", ["unit", "symmetric", "standard"])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_brightness_is_one_number_a_clip_within_its_share(make_source, normaliser: str, noise: float) -> None:
    source = make_source([9] * 12)
    for sequence in source.sequences:
        sequence.frames[:] = sequence.frames // 2 + 64  # far from both ends of the range
    config = ClipsConfig(
        context=2, horizon=2, normaliser=normaliser, augment=AugmentConfig(brightness=0.1, noise=noise)
    )
    sets = prepare_clips(source, config)
    every = range(len(sets.train))
    bright, plain = (sets.normaliser.to_unit(clips.batch(every).frames) for clips in (sets.train, sets.train.plain()))
    change = (bright - plain).flatten(1)
    shift = change.mean(dim=1)
    assert change.std(dim=1).max() < (2e-6 if not noise else 3 * noise)
    assert shift.abs().max() <= 0.1 + noise
    assert shift.min() < -0.05
    assert shift.max() > 0.05
    field = sets.train.native_batch([0, 1]).noise
    assert field is not None
    assert field.shape == ((2, 1, 1, 1) if not noise else (2, 1, 6, 6))


def test_brightness_leaves_no_range(make_source) -> None:
    source = make_source([9] * 6)
    sets = prepare_clips(source, ClipsConfig(context=2, horizon=2, augment=AugmentConfig(brightness=0.9)))
    unit = sets.normaliser.to_unit(sets.train.batch(range(len(sets.train))).frames)
    assert unit.min() >= -1e-6
    assert unit.max() <= 1 + 1e-6


def test_recordings_of_a_fixed_orientation_are_neither_flipped_nor_turned(make_source) -> None:
    augment = AugmentConfig(flip_horizontal=True, quarter_turns=True, noise=0.1, reverse_time=True)
    config = ClipsConfig(context=2, horizon=2, augment=augment)
    maps = make_source([20] * 4, fixed_orientation=True)
    sets = prepare_clips(maps, config)
    assert sets.train.augment == AugmentConfig(noise=0.1, reverse_time=True)
    [note] = [note for note in sets.notes if "fixed orientation" in note]
    assert "'seq-00'" in note
    assert "clips.augment.ignore_orientation=true" in note
    wide = make_source([20] * 4, fixed_orientation=True, shape=(1, 4, 6))
    assert prepare_clips(wide, config).train.augments  # turns that are left out need no square frames
    forced = settings(ClipsConfig, {"augment": {"flip_vertical": True, "ignore_orientation": True}}, where="clips")
    forced = prepare_clips(maps, forced)
    assert forced.train.augment.flip_vertical
    pictures = prepare_clips(make_source([20] * 4), config)
    assert pictures.train.augment == augment
    for other in (forced, pictures, prepare_clips(maps, ClipsConfig(context=2, horizon=2))):
        assert not any("orientation" in note for note in other.notes)


@pytest.mark.parametrize("name", ["noise", "brightness"])
@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_impossible_shares_are_refused(name: str, share: float) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be a share"):
        settings(AugmentConfig, {name: share}, where="clips.augment")
