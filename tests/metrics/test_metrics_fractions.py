"""Fractions skill score and moving sums against pysteps, scipy and crops. Axes: B T C H W."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter
from torch import Tensor

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.physical import PHYSICAL
from framecast.metrics.conventions.pysteps import PYSTEPS
from framecast.metrics.event_score import mean_and_each
from framecast.metrics.fractions_skill import FractionSums, fractions_skill
from framecast.metrics.moving_sum import square_sum


def rain(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Smooth random fields in steps of 0.5, the forecast shifted by two pixels."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(*shape, generator=generator, dtype=torch.float64).flatten(0, 2)
    smooth = torch.nn.functional.avg_pool2d(noise[:, None], 5, 1, 2).view(shape)
    target = ((smooth * 6).exp() * 2).round() / 2
    forecast = target.roll(2, dims=-1) + (torch.rand(shape, generator=generator) > 0.9)
    return forecast, target


def overall(convention: Convention, forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> dict[str, float]:
    accumulator = Accumulator(convention)
    accumulator.update(forecast, target, mask)
    return accumulator.scores().overall


def convention_of(*windows: int, thresholds: tuple[float, ...] = (2.0,)) -> Convention:
    metrics = (metric for score in fractions_skill(*windows) for metric in mean_and_each(score, thresholds))
    return Convention(name="fss", summary="", source="", metrics=tuple(metrics))


@pytest.mark.parametrize("missing", [False, True])
def test_it_is_what_pysteps_accumulates(missing: bool) -> None:
    spatialscores = pytest.importorskip("pysteps.verification.spatialscores")
    forecast, target = rain(2, 3, 1, 21, 26)
    mask = torch.rand(target.shape, generator=torch.Generator().manual_seed(1)) > 0.2 if missing else None
    found = overall(PYSTEPS.at((2.0, 5.0)), forecast, target, mask)
    for window in (4, 16):
        for threshold in (2.0, 5.0):
            assert ((target == threshold) & (mask if mask is not None else True)).any()
            sums = spatialscores.fss_init(threshold, window)
            for clip in range(2):
                for lead in range(3):
                    pair = [values[clip, lead, 0].numpy().copy() for values in (forecast, target)]
                    if mask is not None:
                        for field in pair:
                            field[~mask[clip, lead, 0].numpy()] = np.nan
                    spatialscores.fss_accum(sums, *pair)
            expected = float(spatialscores.fss_compute(sums))
            assert 0.05 < expected < 0.99
            assert found[f"fss_{window}px@{threshold:g}"] == pytest.approx(expected, rel=1e-10)
    if not missing:  # then the two conventions are one, also at the threshold itself
        physical = overall(PHYSICAL.at((2.0, 5.0)), forecast, target)
        assert {name: found[name] for name in physical if name.startswith("fss")} == pytest.approx(
            {name: value for name, value in physical.items() if name.startswith("fss")}
        )


@pytest.mark.parametrize("window", [1, 2, 3, 7, 30])
def test_any_window_agrees_with_pysteps(window: int) -> None:
    spatialscores = pytest.importorskip("pysteps.verification.spatialscores")
    forecast, target = rain(1, 1, 1, 17, 12, seed=4)
    expected = spatialscores.fss(forecast[0, 0, 0].numpy(), target[0, 0, 0].numpy(), 2.0, window)
    name = f"fss_{window}px@2"
    assert overall(convention_of(window), forecast, target)[name] == pytest.approx(float(expected), rel=1e-10)


@settings(deadline=None, max_examples=40)
@given(height=st.integers(1, 20), width=st.integers(1, 20), size=st.integers(1, 33), seed=st.integers(0, 99))
def test_moving_sums_are_those_of_scipy(height: int, width: int, size: int, seed: int) -> None:
    events = torch.rand(2, height, width, generator=torch.Generator().manual_seed(seed)) > 0.6
    filtered = uniform_filter(events.double().numpy(), size=(1, size, size), mode="constant", cval=0.0)
    np.testing.assert_array_equal(square_sum(events, size).numpy(), (filtered * size**2).round())


def test_large_windows_do_not_overflow() -> None:
    events = torch.ones(1, 200, 190, dtype=torch.bool)
    assert int(square_sum(events, 400).max()) == 200 * 190
    assert int(square_sum(events, 181).max()) == 181 * 181


def test_a_missing_pixel_is_like_one_beyond_the_edge() -> None:
    """Fields with a hidden border score as fields that end there; in pysteps they do not."""
    forecast, target = rain(2, 2, 1, 20, 22)
    mask = torch.zeros(target.shape, dtype=torch.bool)
    mask[..., 3:17, 2:19] = True
    spoilt = torch.where(mask, forecast, torch.nan)
    cropped = forecast[..., 3:17, 2:19], target[..., 3:17, 2:19]
    for convention, same in ((PHYSICAL.at((2.0,)), True), (PYSTEPS.at((2.0,)), False)):
        hidden, alone = overall(convention, spoilt, target, mask), overall(convention, *cropped)
        for name in ("fss_4px@2", "fss_16px@2"):
            assert (hidden[name] == pytest.approx(alone[name], rel=1e-12)) == same


def test_it_forgives_a_shift_below_its_scale() -> None:
    _, target = rain(1, 2, 1, 40, 40)
    scores = overall(convention_of(1, 4, 16), target.roll(3, dims=-1), target)
    assert scores["fss_1px"] < scores["fss_4px"] < scores["fss_16px"] < 1
    assert overall(convention_of(4), target, target)["fss_4px"] == 1
    with warnings.catch_warnings(action="error"):
        assert np.isnan(overall(convention_of(4), 0 * target, 0 * target)["fss_4px@2"])
    assert overall(convention_of(4), 0 * target, target)["fss_4px@2"] == 0


def test_a_frame_that_is_not_finite_spoils_itself_alone() -> None:
    forecast, target = rain(1, 3, 1, 9, 9)
    forecast[0, 1, 0, 4, 4] = torch.nan
    sums = FractionSums((2.0,), (4,)).per_frame(forecast, target, None)
    for values in sums.values():
        assert values.isnan().flatten().tolist() == [False, True, False]


def test_channels_are_fields_of_their_own() -> None:
    forecast, target = rain(1, 1, 2, 12, 12)
    together = FractionSums((2.0,), (4,)).per_frame(forecast, target, None)
    each = [
        FractionSums((2.0,), (4,)).per_frame(forecast[:, :, c : c + 1], target[:, :, c : c + 1], None) for c in (0, 1)
    ]
    for name, values in together.items():
        assert torch.equal(values, each[0][name] + each[1][name])
