"""Logarithmic scales: what they are, their way back, and normalisers that have them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from framecast.clips.config import ClipsConfig
from framecast.clips.normaliser import Normaliser, NormaliserKind
from framecast.clips.preparing import prepare_clips
from framecast.clips.transforms import Transform
from framecast.frames.errors import ConfigurationError
from framecast.frames.settings import settings as build_settings

KINDS: tuple[NormaliserKind, ...] = ("unit", "symmetric", "standard")
TRANSFORMS = (
    Transform(name="log", floor=0.5),
    Transform(name="dbz"),
    Transform(name="dbz", floor=0.02, a=300, b=1.4),
)

transforms = pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: f"{t.name}-{t.floor:g}")
kinds = pytest.mark.parametrize("kind", KINDS)


def rain(shape: tuple[int, ...] = (12, 1, 6, 5), seed: int = 3) -> np.ndarray:
    """Mostly dry, rarely heavy; mm/h in float32."""
    draws = np.random.default_rng(seed)
    return (np.exp(draws.normal(-1, 2, shape)) * (draws.random(shape) < 0.4)).astype(np.float32)


def fitted(kind: NormaliserKind, transform: Transform, native: np.ndarray | None = None) -> Normaliser:
    native = rain() if native is None else native
    return Normaliser.fit(kind, [native[:5], native[5:]], channels=native.shape[1], transform=transform)


def test_dbz_is_what_marshall_and_palmer_say() -> None:
    rates = np.array([0.1, 0.5, 1.0, 10.0, 100.0])
    found = Transform(name="dbz").forward(torch.from_numpy(rates)).numpy()
    np.testing.assert_allclose(found, 10 * np.log10(200 * rates**1.6), rtol=1e-12)
    assert found[2] == pytest.approx(23.0103, abs=1e-4)  # 1 mm/h, in every textbook
    other = Transform(name="dbz", floor=0.3, a=300, b=1.4).forward(torch.tensor([10.0]).double())
    assert float(other) == pytest.approx(10 * np.log10(300 * 10**1.4), rel=1e-12)


def test_log_is_the_logarithm_of_the_value_and_the_floor() -> None:
    values = np.array([0.0, 0.02, 0.5, 7.0, 1e4])
    found = Transform(name="log", floor=0.02).forward(torch.from_numpy(values)).numpy()
    np.testing.assert_allclose(found, np.log(values + 0.02) - np.log(0.02), rtol=1e-12, atol=1e-15)
    assert found[0] == 0


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(TRANSFORMS),
    st.lists(st.floats(-1, 1e5, width=32), min_size=2, max_size=30),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_every_value_comes_back_and_order_is_kept(
    transform: Transform, values: list[float], dtype: torch.dtype
) -> None:
    native = torch.tensor(sorted(values), dtype=dtype)
    scaled = transform.forward(native)
    assert scaled.dtype == dtype
    assert (scaled.diff() >= 0).all()
    back = transform.inverse(scaled)
    tolerance = 3e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(back, native, rtol=tolerance, atol=tolerance * transform.floor)


@transforms
def test_slopes_are_finite_and_right_on_both_sides_of_the_floor(transform: Transform) -> None:
    places = transform.floor * torch.tensor([-2.0, 0.0, 0.4, 0.999, 1.0, 1.001, 3.0, 500.0], dtype=torch.float64)
    native = places.clone().requires_grad_()
    assert torch.autograd.gradcheck(transform.forward, (native[places != transform.floor],))
    (slope,) = torch.autograd.grad(transform.forward(native).sum(), native)
    scaled = transform.forward(places).requires_grad_()
    (back,) = torch.autograd.grad(transform.inverse(scaled).sum(), scaled)
    assert (slope > 0).all()
    torch.testing.assert_close(slope * back, torch.ones_like(slope))
    assert float(slope[3]) == pytest.approx(float(slope[5]), rel=0.01), "no kink at the floor"


@transforms
def test_missing_values_stay_missing(transform: Transform) -> None:
    native = torch.tensor([0.0, torch.nan, 3.0])
    for step in (transform.forward, transform.inverse, transform.written):
        assert step(native).isnan().tolist() == [False, True, False]


def test_what_a_quantity_cannot_be_is_written_as_nothing() -> None:
    native = torch.tensor([-0.4, 0.0, 0.05, 0.099, 0.09999, 0.1, 0.2])
    assert Transform(name="dbz").written(native).tolist() == pytest.approx([0, 0, 0, 0, 0.09999, 0.1, 0.2])
    assert Transform(name="log").written(native).tolist() == pytest.approx([0, 0, 0.05, 0.099, 0.09999, 0.1, 0.2])
    assert Transform().written(native) is native


@kinds
@transforms
def test_a_normaliser_scales_what_the_transform_gives(kind: NormaliserKind, transform: Transform) -> None:
    native = rain()
    normaliser = fitted(kind, transform)
    scaled = transform.forward(torch.from_numpy(native.astype(np.float64))).numpy()
    expected = {
        "unit": (scaled.min(), np.ptp(scaled)),
        "symmetric": ((scaled.min() + scaled.max()) / 2, np.ptp(scaled) / 2),
        "standard": (scaled.mean(), scaled.std()),
    }[kind]
    assert (normaliser.offset[0], normaliser.scale[0]) == pytest.approx(expected, rel=1e-9)
    assert (normaliser.low, normaliser.high) == ((0.0,), (float(native.max()),))
    normalised = normaliser.normalise(torch.from_numpy(native))
    assert normalised.dtype == torch.float32
    (low,), (high,) = normaliser.bounds
    assert (float(normalised.min()), float(normalised.max())) == pytest.approx((low, high), abs=1e-6)
    if kind != "standard":
        assert (low, high) == pytest.approx((0 if kind == "unit" else -1, 1))


@kinds
@transforms
def test_it_is_undone_on_output_and_on_the_unit_scale(kind: NormaliserKind, transform: Transform) -> None:
    native = torch.from_numpy(rain())
    normaliser = fitted(kind, transform)
    normalised = normaliser.normalise(native)
    back = normaliser.denormalise(normalised.double())
    torch.testing.assert_close(back, native.double(), rtol=1e-5, atol=1e-6)
    written = normaliser.written(normalised.double())
    dry = native < (transform.floor if transform.name == "dbz" else 0)
    assert (written[dry] == 0).all()
    assert (written[native == 0] == 0).all() or transform.name == "log"
    torch.testing.assert_close(written[~dry], native[~dry].double(), rtol=1e-5, atol=1e-6)
    unit = normaliser.to_unit(normalised)
    torch.testing.assert_close(unit, native / native.max(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(normaliser.plain().normalise(native), native / native.max())
    assert normaliser.plain().low == normaliser.low


@transforms
def test_a_rate_at_the_floor_survives_its_way_through_single_precision(transform: Transform) -> None:
    native = torch.full((1, 1, 4, 4), transform.floor)
    for kind in KINDS:
        normaliser = fitted(kind, transform)
        written = normaliser.written(normaliser.normalise(native).double())
        torch.testing.assert_close(written, native.double(), rtol=1e-4, atol=0)


@transforms
def test_the_factor_and_exponent_of_rain_do_not_reach_a_model(transform: Transform) -> None:
    """Nor does the base of a logarithm: the affine step takes them out."""
    native = torch.from_numpy(rain())
    for kind in KINDS:
        ours = fitted(kind, transform).normalise(native)
        other = Transform(name=transform.name, floor=transform.floor, a=31, b=2.5)
        torch.testing.assert_close(fitted(kind, other).normalise(native), ours, rtol=1e-5, atol=1e-5)


@transforms
def test_the_unit_scale_has_a_gradient_everywhere(transform: Transform) -> None:
    normaliser = fitted("standard", transform)
    forecast = torch.linspace(-6, 3, 50).view(1, 1, 5, 10).requires_grad_()
    (slope,) = torch.autograd.grad(normaliser.to_unit(forecast).sum(), forecast)
    assert slope.isfinite().all()
    assert (slope > 0).all()


@kinds
@transforms
def test_variables_have_ranges_of_their_own_and_json_keeps_all(kind: NormaliserKind, transform: Transform) -> None:
    native = np.concatenate([rain(), 100 + 5 * rain(seed=4)], axis=1)
    normaliser = fitted(kind, transform, native)
    assert normaliser.low == (0.0, 100.0)
    assert normaliser.value_range == (0.0, float(native.max()))
    assert Normaliser.from_json(normaliser.to_json()) == normaliser


@pytest.mark.parametrize("kind", KINDS)
def test_negative_values_are_refused(kind: NormaliserKind) -> None:
    native = rain()
    native[3, 0, 0, 0] = -9999
    with pytest.raises(ConfigurationError, match=r"name=dbz is for values of 0 and more, found -9999.*source.missing"):
        fitted(kind, Transform(name="dbz"), native)
    with pytest.raises(ConfigurationError, match="found -5 in"):
        Normaliser.fit(kind, [rain()], channels=1, value_range=(-5, 10), transform=Transform(name="log"))
    assert fitted(kind, Transform(), native).low == (-9999.0,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "cube"}, "it must be 'none', 'log' or 'dbz'"),
        ({"floor": 0}, "floor must be above 0, found 0"),
        ({"b": -1}, "b must be above 0, found -1"),
        ({"offset": 1}, "There is no setting 'offset'"),
    ],
)
def test_settings_that_do_not_fit_are_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_settings(ClipsConfig, {"transform": given}, where="clips")


def test_clips_are_prepared_with_it(make_source) -> None:
    source = make_source([30, 30, 30], dtype="float32", units="mm/h", has_missing=True)
    for number, sequence in enumerate(source.sequences):
        sequence.frames = rain((30, 1, 6, 6), seed=number)
        sequence.frames[4, 0, :2] = np.nan
    config = build_settings(ClipsConfig, {"context": 3, "horizon": 2, "transform": {"name": "dbz"}}, where="clips")
    sets = prepare_clips(source, config)
    assert sets.normaliser.transform == Transform(name="dbz")
    assert (sets.spec.low, sets.spec.high) == ((0.0,), (1.0,))
    batch = sets.train.batch([2])
    native = sets.train.native_frames(2).copy()
    expected = sets.normaliser.normalise(torch.from_numpy(native)).nan_to_num(nan=0.0)
    torch.testing.assert_close(batch.frames[0], expected)
    assert not any("mm/h" in note for note in sets.notes)
    kelvin = make_source([30, 30, 30], dtype="float32", units="K")
    assert any("these recordings are in K" in note for note in prepare_clips(kelvin, config).notes)


def test_variables_are_measured_apart_and_colours_together(make_source) -> None:
    def low(**known: object) -> tuple[float, ...]:
        source = make_source([30, 30, 30], shape=(2, 6, 6), dtype="float32", **known)
        for sequence in source.sequences:
            sequence.frames[:, 1] += 500
        return prepare_clips(source, ClipsConfig(context=3, horizon=2)).normaliser.low

    assert low() == (0.0, 0.0)
    assert low(units="K") == low(channel_names=("rain", "temperature")) == (0.0, 500.0)


def test_recordings_of_different_units_are_refused(make_source) -> None:
    source = make_source([30, 30, 30], dtype="float32", units="mm/h")
    object.__setattr__(source.sequences[1].info, "units", "K")
    with pytest.raises(ConfigurationError, match=r"differ in units: found mm/h \(2 sequences\), K \(1 sequence\)"):
        prepare_clips(source, ClipsConfig(context=3, horizon=2))
