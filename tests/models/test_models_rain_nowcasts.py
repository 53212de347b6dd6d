"""Nowcasts of rain by pysteps: what it gives when asked directly, quietly, and persistence where nothing rains."""

import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.frames.quantity import Quantity
from framecast.models.baselines.choice import usual_baselines
from framecast.models.baselines.rain_scale import from_rate, rain_kind, to_native, to_rate
from framecast.models.baselines.table import BASELINES
from framecast.models.building import build_baseline

SPEC = ClipSpec(context=3, horizon=3, channels=1, height=64, width=72)
RATE = Quantity(units="mm/h", offset=(0.0,), scale=(30.0,), step_seconds=300.0, pixel_metres=1000.0)
NOWCASTS = ("pysteps-extrapolation", "sprog", "steps")


def showers(frames: int = 3, *, seed: int = 0, height: int = 64, width: int = 72) -> Tensor:
    """(1, T, 1, H, W) mm/h: showers of all sizes that move by (2, 1) a frame."""
    noise = np.random.default_rng(seed).normal(size=(height + 40, width + 40))
    field = 10 * gaussian_filter(noise, 3) * 3 + 5 * gaussian_filter(noise, 8) * 8
    whole = [np.maximum(shift(field, (t, 2 * t), order=1, mode="nearest")[20:-20, 20:-20], 0) for t in range(frames)]
    return torch.from_numpy(np.stack(whole)[None, :, None]).float()


def global_draws() -> Any:
    """The state of numpy's global generator, which pysteps seeds."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return np.append(state[1], state[2]).copy()


def forecast(name: str, rate: Tensor, horizon: int = 3, quantity: Quantity = RATE) -> Any:
    scale = torch.tensor(quantity.scale).view(-1, 1, 1)
    return build_baseline(name, SPEC, quantity).eval()(rate / scale, horizon)


def asked_directly(name: str, rate: Tensor, horizon: int) -> Tensor:
    """(M, H, W) mm/h, by the library's own transformation and calls, as its manual has them."""
    pysteps = pytest.importorskip("pysteps")
    from pysteps import motion, nowcasts, utils

    assert pysteps is not None
    fields, metadata = utils.transformation.dB_transform(
        rate[0, :, 0].double().numpy(),
        {"unit": "mm/h", "transform": None, "accutime": 5, "threshold": 0.1, "zerovalue": 0.0},
        threshold=0.1,
        zerovalue=-15.0,
    )
    velocity = motion.get_method("LK")(fields)
    if name == "pysteps-extrapolation":
        found = nowcasts.get_method("extrapolation")(fields[-1], velocity, horizon)
    else:
        found = nowcasts.get_method("sprog")(fields, velocity, horizon, precip_thr=-10.0)
    back, _ = utils.transformation.dB_transform(found, metadata, threshold=-10.0, inverse=True)
    return torch.from_numpy(np.nan_to_num(back, nan=0.0)).float()


@pytest.mark.parametrize("name", ["pysteps-extrapolation", "sprog"])
@pytest.mark.filterwarnings("ignore")
def test_they_are_what_pysteps_gives(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    rate = showers()
    expected = asked_directly(name, rate / 30 * 30, 3)  # rounded as normalised values are
    capsys.readouterr()
    found = forecast(name, rate).frames[0, :, 0] * 30
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert (expected > 0.1).float().mean() > 0.1
    assert not torch.allclose(found[0], rate[0, -1, 0], atol=0.1)


@pytest.mark.parametrize("name", NOWCASTS)
def test_nothing_is_printed_or_warned_of_and_no_state_is_changed(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pysteps")
    rate = showers()
    drawn, errors, filters = global_draws(), np.geterr(), list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = forecast(name, rate, 2)
    again = forecast(name, rate, 2)
    assert torch.equal(first.frames, again.frames)
    assert capfd.readouterr() == ("", "")
    assert np.array_equal(drawn, global_draws())
    assert np.geterr() == errors
    assert list(warnings.filters) == filters
    assert first.frames.isfinite().all()
    assert (first.frames >= 0).all()


def test_steps_is_an_ensemble_with_its_mean() -> None:
    pytest.importorskip("pysteps")
    rate = showers()
    found = forecast("steps", rate, 2)
    assert found.members.shape == (1, 20, 2, 1, 64, 72)
    torch.testing.assert_close(found.members.mean(dim=1), found.frames)
    assert found.members.std(dim=1).mean() > 0.01
    other = forecast("steps", rate.flip(-1), 2)
    assert not torch.allclose(other.members.flip(-1), found.members, atol=0.01)


@pytest.mark.parametrize("name", NOWCASTS)
def test_where_nothing_rains_all_stays_and_clips_keep_apart(name: str) -> None:
    pytest.importorskip("pysteps")
    dry, drizzle = torch.zeros(1, 3, 1, 64, 72), torch.full((1, 3, 1, 64, 72), 0.05)
    batch = torch.cat([showers(), dry, drizzle])
    whole, alone = forecast(name, batch, 2), forecast(name, batch[:1], 2)
    assert torch.equal(whole.frames[:1], alone.frames)
    assert torch.equal(whole.frames[1:], (batch[1:, -1:] / 30).expand(-1, 2, -1, -1, -1))
    if name == "steps":
        assert whole.members[1:].std(dim=1).max() == 0


@pytest.mark.parametrize("name", NOWCASTS)
def test_a_single_wet_pixel_breaks_nothing(name: str) -> None:
    pytest.importorskip("pysteps")
    rate = torch.zeros(1, 3, 1, 64, 72)
    rate[..., 30, 30] = 5.0
    assert forecast(name, rate, 2).frames.isfinite().all()
    rate[:, :2] = 0
    assert forecast(name, rate, 2).frames.isfinite().all()


@pytest.mark.parametrize("name", NOWCASTS)
def test_too_few_frames_or_too_small_ones_persist(name: str) -> None:
    pytest.importorskip("pysteps")
    rate = showers()
    for part in (rate[:, -1:], rate[..., :20, :20]):
        found = forecast(name, part, 2).frames
        torch.testing.assert_close(found, (part[:, -1:] / 30).expand_as(found))


def test_only_channels_that_are_forecast_move() -> None:
    pytest.importorskip("pysteps")
    spec = ClipSpec(context=3, horizon=2, channels=2, height=64, width=72, forecast_channels=(1,))
    quantity = Quantity(units="mm/h", offset=(0.0, 0.0), scale=(1.0, 30.0))
    heights, rate = torch.rand(1, 1, 1, 64, 72).expand(1, 3, 1, 64, 72), showers() / 30
    found = build_baseline("pysteps-extrapolation", spec, quantity)(torch.cat([heights, rate], dim=2), 2).frames
    assert torch.equal(found[:, :, :1], heights[:, :2])
    assert torch.equal(found[:, :, 1:], forecast("pysteps-extrapolation", showers(), 2).frames)


@pytest.mark.parametrize(
    ("units", "kind"), [("mm/h", "rate"), ("mm h-1", "rate"), ("dBZ", "reflectivity"), ("mm", "amount"), ("K", None)]
)
def test_units_of_rain_are_known(units: str, kind: str | None) -> None:
    assert rain_kind(Quantity(units=units, step_seconds=300.0)) == kind
    assert rain_kind(Quantity(units="mm")) is None
    assert rain_kind(Quantity()) is None


def test_reflectivity_and_amounts_give_the_same_nowcast_as_rates() -> None:
    pytest.importorskip("pysteps")
    rate = showers()
    expected = forecast("pysteps-extrapolation", rate, 2).frames * 30
    for quantity in (
        Quantity(units="dBZ", offset=(-10.0,), scale=(70.0,)),
        Quantity(units="mm", offset=(0.0,), scale=(5.0,), step_seconds=300.0),
    ):
        native = from_rate(rate, quantity)
        normalised = (native - quantity.offset[0]) / quantity.scale[0]
        found = build_baseline("pysteps-extrapolation", SPEC, quantity)(normalised, 2).frames
        back = to_rate(to_native(found, quantity), quantity)
        torch.testing.assert_close(back, expected, atol=2e-3, rtol=2e-3)


def test_marshall_palmer_at_its_published_points() -> None:
    reflectivity = Quantity(units="dBZ")
    found = to_rate(torch.tensor([[[10 * np.log10(200.0), 10 * np.log10(200.0) + 16, -5.0]]]), reflectivity)
    torch.testing.assert_close(found, torch.tensor([[[1.0, 10.0, 0.0]]]), check_dtype=False)


def test_what_is_not_rain_is_refused_with_the_way_out() -> None:
    pytest.importorskip("pysteps")
    with pytest.raises(ConfigurationError, match=r"forecast rain.*'K'.*null"):
        build_baseline("sprog", SPEC, Quantity(units="K"))(torch.rand(1, 3, 1, 64, 72), 1)


def test_without_pysteps_it_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysteps", None)
    with pytest.raises(ConfigurationError, match=r"'sprog' is not available: .*framecast\[nowcast\]"):
        build_baseline("sprog", SPEC, RATE)
    assert not set(NOWCASTS) & set(usual_baselines(SPEC, RATE))


def test_the_usual_choice_is_what_suits_and_is_quick() -> None:
    pytest.importorskip("pysteps")
    pictures = usual_baselines(SPEC, Quantity())
    assert pictures == ("persistence", "mean", "climatology", "linear", "flow", "flow-damped")
    assert usual_baselines(SPEC, RATE) == tuple(name for name in BASELINES if name not in ("steps",))
