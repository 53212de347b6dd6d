"""The normaliser: fit, inverse, unit scale, native types, JSON."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from framecast.clips.normaliser import Normaliser, NormaliserKind
from framecast.clips.transforms import Transform
from framecast.frames.errors import RunError, SourceError

KINDS: tuple[NormaliserKind, ...] = ("unit", "symmetric", "standard")


def frames(dtype: str = "float32", channels: int = 2) -> np.ndarray:
    scales = np.array([3.0, 200.0, 1e5])[:channels, None, None]
    return (np.random.default_rng(1).random((20, channels, 5, 4)) * scales + scales).astype(dtype)


def fitted(kind: NormaliserKind, native: np.ndarray, value_range: tuple[float, float] | None = None) -> Normaliser:
    pieces = [native[:3], native[3:11], native[11:]]
    return Normaliser.fit(kind, pieces, channels=native.shape[1], value_range=value_range)


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("unit", 0.0, 1.0), ("symmetric", -1.0, 1.0)], ids=["unit", "symmetric"]
)
def test_known_ranges_need_no_frame(kind: NormaliserKind, low: float, high: float) -> None:
    normaliser = Normaliser.fit(kind, iter(()), channels=3, value_range=(0.0, 255.0))
    assert normaliser.bounds == ((low,) * 3, (high,) * 3)
    native = torch.tensor([0.0, 255.0, 127.5]).view(1, 3, 1, 1).expand(2, 3, 1, 1)
    expected = torch.tensor([low, high, (low + high) / 2]).view(3, 1, 1)
    assert torch.equal(normaliser.normalise(native), expected.expand(2, 3, 1, 1))


def test_standard_agrees_with_numpy() -> None:
    native = frames("float64", channels=3)
    normaliser = fitted("standard", native)
    assert normaliser.offset == pytest.approx(native.mean(axis=(0, 2, 3)).tolist(), rel=1e-12)
    assert normaliser.scale == pytest.approx(native.std(axis=(0, 2, 3)).tolist(), rel=1e-10)
    normalised = normaliser.normalise(torch.from_numpy(native))
    assert normalised.mean(dim=(0, 2, 3)).abs().max() < 1e-10
    assert normaliser.low == tuple(native.min(axis=(0, 2, 3)).tolist())
    assert normaliser.high == tuple(native.max(axis=(0, 2, 3)).tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_missing_values_take_no_part(kind: NormaliserKind) -> None:
    native = frames("float64")
    holed = np.concatenate([native, np.full_like(native, np.nan), np.full_like(native, np.inf)])
    assert fitted(kind, holed).offset == pytest.approx(fitted(kind, native).offset)
    assert fitted(kind, holed).scale == pytest.approx(fitted(kind, native).scale)
    native[:, 1] = np.nan
    if kind == "standard":
        with pytest.raises(SourceError, match="channel 2 of 2"):
            fitted(kind, native)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_and_unit(kind: NormaliserKind) -> None:
    native = torch.from_numpy(frames("float64", channels=3))
    normaliser = fitted(kind, native.numpy())
    normalised = normaliser.normalise(native)
    torch.testing.assert_close(normaliser.denormalise(normalised), native)
    unit = normaliser.to_unit(normalised)
    low, high = native.amin(dim=(0, 2, 3), keepdim=True), native.amax(dim=(0, 2, 3), keepdim=True)
    torch.testing.assert_close(unit, (native - low) / (high - low))
    ends = normaliser.to_unit(torch.tensor(normaliser.bounds).double().view(2, 3, 1, 1))
    torch.testing.assert_close(ends.flatten(), torch.tensor([0.0, 0, 0, 1, 1, 1]).double())
    assert normaliser.written(normalised).equal(normaliser.denormalise(normalised))
    assert normaliser.plain() is normaliser


@pytest.mark.parametrize("kind", KINDS)
def test_the_channels_of_a_picture_share_one_measured_range(kind: NormaliserKind) -> None:
    native = frames("float64", channels=3)
    normaliser = Normaliser.fit(kind, [native], channels=3, shared_range=True)
    assert normaliser.low == (native.min(),) * 3
    assert normaliser.high == (native.max(),) * 3
    unit = normaliser.to_unit(normaliser.normalise(torch.from_numpy(native)))
    torch.testing.assert_close(unit, torch.from_numpy((native - native.min()) / (native.max() - native.min())))


def test_unit_leaves_unit_values_bit_for_bit() -> None:
    values = torch.rand(4, 1, 6, 6)
    normaliser = fitted("unit", frames("uint8", channels=1), (0.0, 255.0))
    assert torch.equal(normaliser.to_unit(values), values)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(KINDS), st.sampled_from(["uint8", "uint16", "int16"]))
def test_integers_come_back_exactly(kind: NormaliserKind, dtype: str) -> None:
    limits = np.iinfo(dtype)
    native = np.linspace(limits.min, limits.max, 4000).astype(dtype).reshape(40, 1, 10, 10)
    normaliser = fitted(kind, native, (float(limits.min), float(limits.max)))
    normalised = normaliser.normalise(torch.from_numpy(native.astype(np.float32)))
    back = np.rint(normaliser.denormalise(normalised.double()).numpy())
    np.testing.assert_array_equal(back, native)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_recording_becomes_finite_and_comes_back(kind: NormaliserKind) -> None:
    native = np.full((4, 2, 3, 3), 7.25)
    normaliser = fitted(kind, native)
    normalised = normaliser.normalise(torch.from_numpy(native))
    assert torch.isfinite(normalised).all()
    assert torch.equal(normaliser.denormalise(normalised), torch.from_numpy(native))
    if kind != "symmetric":
        assert not normalised.any()


@pytest.mark.parametrize("kind", KINDS)
def test_json_keeps_every_bit(kind: NormaliserKind) -> None:
    normaliser = fitted(kind, frames("float64", channels=3))
    assert Normaliser.from_json(normaliser.to_json()) == normaliser


def test_runs_of_earlier_versions_have_one_range_and_no_transform() -> None:
    text = '{"kind": "symmetric", "low": -5.0, "high": 300.5, "offset": [1.0, 2.0], "scale": [3.0, 4.0]}'
    normaliser = Normaliser.from_json(text)
    assert (normaliser.low, normaliser.high) == ((-5.0, -5.0), (300.5, 300.5))
    assert (normaliser.transform, normaliser.value_range) == (Transform(), (-5.0, 300.5))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"kind": "unit", "low": 1, "high": 0, "offset": [0], "scale": [1]}',
        '{"kind": "unit", "low": 0, "high": 1, "offset": [0], "scale": [1], "transform": {"name": "cube"}}',
        '{"kind": "unit", "low": [0], "high": [1], "offset": [0, 0], "scale": [1, 1]}',
    ],
)
def test_damaged_json_is_a_run_error(text: str) -> None:
    with pytest.raises(RunError, match="damaged"):
        Normaliser.from_json(text)


def test_other_channels_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="expected 2 channels"):
        fitted("unit", frames()).normalise(torch.zeros(4, 3, 5, 5))
