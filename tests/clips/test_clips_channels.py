"""Channels that are added behind the recorded ones, and channels that are not forecast."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import cos, pi, sin
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framecast.clips.augment import AugmentConfig
from framecast.clips.channels import ChannelsConfig
from framecast.clips.config import ClipsConfig
from framecast.clips.loader import ClipLoader
from framecast.clips.normaliser import Normaliser
from framecast.clips.preparing import prepare_clips
from framecast.clips.transforms import Transform
from framecast.frames.errors import ConfigurationError, SourceError


def config(**channels: Any) -> ClipsConfig:
    return ClipsConfig(context=3, horizon=2, channels=ChannelsConfig(**channels))


def test_nothing_is_added_by_default(make_source: Callable[..., Any]) -> None:
    clips = prepare_clips(make_source([12] * 4, shape=(2, 6, 5)), config())
    assert (clips.spec.channels, clips.spec.forecast_channels) == (2, ())
    assert clips.train.native_batch([0]).added is None
    assert clips.train.batch([0]).mask is None


def test_missing_values_are_shown(make_source: Callable[..., Any]) -> None:
    source = make_source([12] * 4, shape=(2, 6, 5), dtype="float32", has_missing=True)
    for sequence in source.sequences:
        sequence.frames[4, 1, 2, 3] = np.nan
    clips = prepare_clips(source, config(missing=True))
    assert (clips.spec.channels, clips.spec.forecast_channels) == (3, (0, 1))
    batch = clips.train.batch([2])  # frames 2 .. 6
    there = torch.ones(5, 6, 5)
    there[2, 2, 3] = 0
    torch.testing.assert_close(batch.frames[0, :, 2], there)
    assert batch.mask is not None
    assert not batch.mask[0, :, 2].any(), "what is not forecast is not scored"
    assert batch.mask[0, :, 0].all()
    assert (~batch.mask[0, :, 1]).nonzero().tolist() == [[2, 2, 3]]


@pytest.mark.parametrize("zone", [None, UTC])
def test_times_are_shown_as_sine_and_cosine(make_source: Callable[..., Any], zone: Any) -> None:
    source = make_source([12] * 4, start_time=datetime(2021, 4, 1, 5, 0, tzinfo=zone), step_seconds=1800.0)
    clips = prepare_clips(source, config(hour=True, day_of_year=True))
    assert (clips.spec.channels, clips.spec.forecast_channels) == (5, (0,))
    batch = clips.train.batch([1])  # the first frame is half past five
    for frame in range(5):
        hour, day = 5.5 + 0.5 * frame, 90 + (5.5 + 0.5 * frame) / 24
        angles = 2 * pi * hour / 24, 2 * pi * day / 365.2425
        expected = [(wave(angle) + 1) / 2 for angle in angles for wave in (sin, cos)]
        for channel, value in enumerate(expected, start=1):
            assert batch.frames[0, frame, channel].unique().item() == pytest.approx(value, abs=1e-6)


def test_times_that_nobody_knows_are_refused(make_source: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="need recordings that say when they were made"):
        prepare_clips(make_source([12] * 4), config(hour=True))


def test_fields_follow_crops_flips_and_turns(make_source: Callable[..., Any], tmp_path: Path) -> None:
    heights = np.arange(64.0).reshape(8, 8) * 10 - 5
    np.save(tmp_path / "heights.npy", heights)
    # Every pixel of the recording says where it is, so what lies beside it must say the same.
    source = make_source([12] * 4, shape=(1, 8, 8))
    for sequence in source.sequences:
        sequence.frames[:] = np.arange(64, dtype=np.uint8).reshape(8, 8)
    clips = prepare_clips(
        source,
        ClipsConfig(
            context=3,
            horizon=2,
            crop=5,
            channels=ChannelsConfig(static=(str(tmp_path / "heights.npy"),)),
            augment=AugmentConfig(flip_horizontal=True, flip_vertical=True, quarter_turns=True, reverse_time=True),
        ),
    )
    for epoch in range(4):
        batch = clips.train.at_epoch(epoch).batch(range(6))
        torch.testing.assert_close(batch.frames[:, :, 1], batch.frames[:, :, 0] * 255 / 63)


def test_a_field_is_scaled_and_resized_like_the_frames(make_source: Callable[..., Any], tmp_path: Path) -> None:
    np.save(tmp_path / "two.npy", np.stack([np.zeros((6, 6)), np.tri(6)]))
    clips = prepare_clips(
        make_source([12] * 4),
        ClipsConfig(context=3, horizon=2, size=3, channels=ChannelsConfig(static=(str(tmp_path / "two.npy"),))),
    )
    batch = clips.train.batch([0])
    assert batch.frames.shape == (1, 5, 3, 3, 3)
    assert not batch.frames[:, :, 1].any()
    torch.testing.assert_close(batch.frames[0, 0, 2], torch.tensor([[0.75, 0, 0], [1, 0.75, 0], [1, 1, 0.75]]))


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.zeros((5, 6)), ConfigurationError, r"shape \(5, 6\).*recordings are 6x6"),
        (np.array([["a"] * 6] * 6), ConfigurationError, "type <U1"),
        (np.zeros(6), ConfigurationError, r"must be \(H, W\)"),
        (None, SourceError, "cannot be read"),
    ],
)
def test_fields_that_do_not_fit_are_refused(
    make_source: Callable[..., Any], tmp_path: Path, array: Any, error: type[Exception], message: str
) -> None:
    path = tmp_path / "field.npy"
    if array is None:
        np.save(path, np.array([{}], object), allow_pickle=True)
    else:
        np.save(path, array)
    with pytest.raises(error, match=message):
        prepare_clips(make_source([12] * 4), config(static=(str(path),)))


def test_channels_are_chosen_by_name_or_number(make_source: Callable[..., Any]) -> None:
    source = make_source([12] * 4, shape=(3, 6, 6), channel_names=("rain", "wind", "heat"))
    for wanted, places in ((("heat", 0), (0, 2)), ((1,), (1,)), (("rain", "wind", 2), ())):
        clips = prepare_clips(source, config(forecast=wanted))
        assert clips.spec.forecast_channels == places
        mask = clips.train.batch([0]).mask
        if places:
            assert mask is not None
            assert [channel for channel in range(3) if mask[:, :, channel].all()] == list(places)
            assert mask.any(dim=(0, 1, 3, 4)).tolist() == [channel in places for channel in range(3)]
    with pytest.raises(ConfigurationError, match=r"names 'snow'.*channels 0 to 2 \(rain, wind, heat\)"):
        prepare_clips(source, config(forecast=("snow",)))
    with pytest.raises(ConfigurationError, match="at least one channel"):
        prepare_clips(source, config(forecast=()))


def test_batches_are_the_same_whoever_reads(make_source: Callable[..., Any]) -> None:
    source = make_source([12] * 4, start_time=datetime(2021, 4, 1), step_seconds=60.0)
    clips = prepare_clips(source, config(hour=True, missing=True)).train
    batches = [list(ClipLoader(clips, batch_size=3, num_workers=workers)) for workers in (0, 1)]
    for one, other in zip(*batches, strict=True):
        torch.testing.assert_close(one.frames, other.frames, rtol=0, atol=0)
        assert one.mask is not None
        assert torch.equal(one.mask, other.mask)


@pytest.mark.parametrize("transform", [Transform(), Transform(name="log", floor=0.5)])
def test_added_channels_come_through_the_normaliser_as_they_are(transform: Transform) -> None:
    frames = [np.random.default_rng(0).random((4, 1, 3, 3)) * 40]
    plain = Normaliser.fit("standard", frames, channels=1, transform=transform)
    normaliser = plain.with_added(2)
    assert (normaliser.channels, normaliser.recorded) == (3, 1)
    assert plain.with_added(0) is plain
    np.testing.assert_allclose([ends[1:] for ends in normaliser.bounds], [(0, 0), (1, 1)], atol=1e-12)
    native = torch.from_numpy(frames[0])
    torch.testing.assert_close(normaliser.normalise(native), plain.normalise(native))
    assert Normaliser.from_json(normaliser.to_json()) == normaliser
    joined = torch.cat([plain.normalise(native), torch.rand(4, 2, 3, 3)], dim=1)
    torch.testing.assert_close(normaliser.denormalise(joined)[:, :1], native)
    assert normaliser.value_range == plain.value_range
