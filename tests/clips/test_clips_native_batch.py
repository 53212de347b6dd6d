"""Frames travel in their native type, and torch makes the numbers of them that numpy made, bit for bit."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from framecast.clips.augment import AugmentConfig
from framecast.clips.config import ClipsConfig
from framecast.clips.native_batch import NativeBatch
from framecast.clips.normaliser import Normaliser, NormaliserKind
from framecast.clips.preparing import prepare_clips

KINDS: tuple[NormaliserKind, ...] = ("unit", "symmetric", "standard")
DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float16", "float32", "float64")


def by_numpy(
    normaliser: Normaliser, native: NDArray[Any], noise: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """(B, T, C, H, W): the arithmetic of a normaliser, written once more."""
    exact = np.float32 if native.dtype.itemsize <= 2 or native.dtype == np.float32 else np.float64
    frames = native.astype(exact)
    frames -= np.array(normaliser.offset, exact)[:, None, None]
    frames /= np.array(normaliser.scale, exact)[:, None, None]
    frames = frames.astype(np.float32)
    if noise is not None:
        low, high = (np.array(bound, np.float32)[:, None, None] for bound in normaliser.bounds)
        noisy = frames + noise[:, None] * (high - low)
        frames = np.clip(noisy, np.minimum(frames, low), np.maximum(frames, high))
    return np.where(np.isfinite(native), frames, np.float32(0)) if native.dtype.kind == "f" else frames


def recorded(dtype: str, *, holes: bool) -> NDArray[Any]:
    """(B, T, C, H, W) over most of the range of the type; two channels of different size."""
    generator = np.random.default_rng(7)
    if np.dtype(dtype).kind == "f":
        native = (generator.standard_normal((3, 5, 2, 6, 4)) * np.array([3.0, 900.0])[:, None, None]).astype(dtype)
    elif dtype == "bool":
        native = generator.random((3, 5, 2, 6, 4)) < 0.3
    else:
        limits = np.iinfo(dtype)
        native = generator.integers(limits.min, limits.max, (3, 5, 2, 6, 4), dtype, endpoint=True)
        native[:, :, 0] //= 2
    if holes:
        native[1, 2, 0, 3], native[2, 0, 1, 1, 1] = np.nan, np.inf
    return native


def assert_bits(found: torch.Tensor, expected: NDArray[np.float32]) -> None:
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_torch_normalises_as_numpy_does_bit_for_bit(kind: NormaliserKind, dtype: str, *, noisy: bool) -> None:
    native = recorded(dtype, holes=False)
    normaliser = Normaliser.fit(kind, native[:2], channels=2)  # the third clip may lie beyond the measured range
    noise = np.random.default_rng(1).standard_normal((3, 2, 6, 4), np.float32) * np.float32(0.2) if noisy else None
    batch = normaliser.batch(
        NativeBatch(
            frames=torch.from_numpy(native), context=2, noise=None if noise is None else torch.from_numpy(noise)
        )
    )
    expected = by_numpy(normaliser, native, noise)
    assert_bits(batch.context, expected[:, :2])
    assert_bits(batch.target, expected[:, 2:])
    assert batch.mask is None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_missing_values_become_zero_and_are_masked(kind: NormaliserKind, dtype: str) -> None:
    native = recorded(dtype, holes=True)
    normaliser = Normaliser.fit(kind, native, channels=2)
    noise = np.full((3, 2, 6, 4), 0.1, np.float32)
    batch = normaliser.batch(
        NativeBatch(frames=torch.from_numpy(native), context=3, noise=torch.from_numpy(noise), missing=True)
    )
    assert_bits(batch.frames, by_numpy(normaliser, native, noise))
    assert batch.mask is not None
    np.testing.assert_array_equal(batch.mask.numpy(), np.isfinite(native))
    assert (batch.frames[~batch.mask] == 0).all()


def test_every_value_of_eight_and_sixteen_bits() -> None:
    for dtype in (np.uint8, np.uint16):
        limits = np.iinfo(dtype)
        native = np.arange(limits.max + 1).astype(dtype).reshape(1, 2, 1, 16, -1)
        for kind in KINDS:
            normaliser = Normaliser.fit(kind, native, channels=1, value_range=(0.0, float(limits.max)))
            batch = normaliser.batch(NativeBatch(frames=torch.from_numpy(native), context=1))
            assert_bits(batch.frames, by_numpy(normaliser, native))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_frames_travel_as_they_were_recorded(make_source: Callable[..., Any], dtype: str) -> None:
    clips = prepare_clips(make_source([12] * 4, dtype=dtype), ClipsConfig(context=3, horizon=2)).train
    native = clips.native_batch([4, 0])
    assert isinstance(native.frames, torch.Tensor)
    assert native.frames.dtype == getattr(torch, dtype)
    np.testing.assert_array_equal(
        native.frames.numpy(), np.stack([clips.native_frames(index) for index in (4, 0)]), strict=True
    )
    assert (native.noise, native.missing, native.context) == (None, False, 3)


def test_noise_travels_once_a_clip(make_source: Callable[..., Any]) -> None:
    config = ClipsConfig(context=3, horizon=2, augment=AugmentConfig(noise=0.1))
    clips = prepare_clips(make_source([12] * 4, shape=(2, 6, 5)), config).train
    noise = clips.native_batch([4, 0, 1]).noise
    assert noise is not None
    assert (noise.shape, noise.dtype) == ((3, 2, 6, 5), torch.float32)


def test_a_hole_is_noticed_in_the_batch_that_has_it(make_source: Callable[..., Any]) -> None:
    source = make_source([5] * 10, dtype="float32", has_missing=True)
    clips = prepare_clips(source, ClipsConfig(context=3, horizon=2, cache_gib=0)).train
    source.sequences[clips.clip(1).sequence].frames[4, 0, 2, 2] = np.nan
    assert [clips.native_batch([index]).missing for index in range(3)] == [False, True, False]
    batch = clips.batch([0, 1])
    assert batch.mask is not None
    assert (~batch.mask).nonzero().tolist() == [[1, 4, 0, 2, 2]]


@pytest.mark.parametrize("types", [("float32", "float64"), ("float64", "float16"), (">f4", "<f4"), (">i2", ">i2")])
def test_recordings_of_several_types_share_batches(make_source: Callable[..., Any], types: tuple[str, str]) -> None:
    """And the numbers of a clip do not depend on the company that it is in."""
    source = make_source([12] * 6, dtype="float64")
    for place, sequence in enumerate(source.sequences):
        sequence.frames = (sequence.frames * 1.7).astype(types[place % 2])
        sequence.info = dataclasses.replace(sequence.info, dtype=types[place % 2], value_range=None)
    clips = prepare_clips(source, ClipsConfig(context=3, horizon=2, normaliser="standard")).train
    together = clips.batch(range(len(clips))).frames
    assert torch.equal(together, torch.cat([clips.batch([index]).frames for index in range(len(clips))]))


def test_floats_of_more_than_64_bits_are_cut(make_source: Callable[..., Any]) -> None:
    source = make_source([12] * 4, dtype="longdouble")
    clips = prepare_clips(source, ClipsConfig(context=3, horizon=2)).train
    frames = clips.native_batch([0]).drawn()
    assert frames.dtype == torch.float64
    np.testing.assert_array_equal(frames[0].numpy(), clips.native_frames(0).astype(np.float64))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_large_batches_are_normalised_in_pieces_to_the_same_bits(
    kind: NormaliserKind, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = recorded(dtype, holes=False)
    before = native.copy()
    normaliser = Normaliser.fit(kind, native[:2], channels=2)
    for piece in (1, 100, 150):  # a frame has 48 values
        monkeypatch.setattr("framecast.clips.normaliser._LARGE", 0)
        monkeypatch.setattr("framecast.clips.normaliser._PIECE", piece)
        batch = normaliser.batch(NativeBatch(frames=torch.from_numpy(native), context=2))
        assert_bits(batch.context, by_numpy(normaliser, native)[:, :2])
        assert_bits(batch.target, by_numpy(normaliser, native)[:, 2:])
    np.testing.assert_array_equal(native, before)


def test_other_channels_are_a_programming_error() -> None:
    normaliser = Normaliser.fit("unit", iter(()), channels=2, value_range=(0.0, 255.0))
    with pytest.raises(ValueError, match="expected 2 channels"):
        normaliser.batch(NativeBatch(frames=torch.zeros(1, 4, 3, 5, 5, dtype=torch.uint8), context=2))
