"""Spectra against pysteps, Parseval's theorem, and values worked out by hand. Axes: B T C H W, K wavenumbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import Tensor

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.metric import FloatArray
from framecast.metrics.scores import Scores
from framecast.metrics.spectral_distance import SpectralDistance
from framecast.metrics.spectral_slope import FLOOR, SpectralSlopeError, slope
from framecast.metrics.spectrum import num_wavenumbers, radial_power, wavenumbers

SPECTRAL = Convention(name="spectral", summary="", source="", metrics=(SpectralDistance(), SpectralSlopeError()))

SIZES = [(64, 64), (33, 33), (16, 17), (20, 100), (100, 21), (7, 3), (2, 2), (1, 1), (1, 9), (5, 1), (12, 11)]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> Accumulator:
    accumulator = Accumulator(SPECTRAL)
    accumulator.update(forecast, target, mask)
    return accumulator


def scores_of(forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> Scores:
    return filled(forecast, target, mask).scores()


def blurred(frames: Tensor, sigma: float) -> Tensor:
    return torch.from_numpy(gaussian_filter(frames.numpy(), (0, 0, 0, sigma, sigma), mode="wrap"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_agrees_with_pysteps(size: tuple[int, int]) -> None:
    spectral = pytest.importorskip("pysteps.utils.spectral")
    frames = noise(3, 2, *size)
    ours = radial_power(frames)
    for index in np.ndindex(3, 2):
        theirs, frequencies = spectral.rapsd(frames[index].numpy(), fft_method=np.fft, return_freq=True)
        np.testing.assert_allclose(ours[index].numpy(), theirs, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(wavenumbers(*size), np.abs(frequencies), rtol=1e-12)
    assert ours.shape == (3, 2, num_wavenumbers(*size))


def test_statistics_are_spectra_of_frames() -> None:
    """Of several channels, the mean."""
    spectral = pytest.importorskip("pysteps.utils.spectral")
    forecast, target = noise(2, 3, 3, 10, 12), noise(2, 3, 3, 10, 12, seed=1)
    kept = filled(forecast, target).per_clip
    assert kept["spectrum_frames"].tolist() == [[1, 1, 1]] * 2
    for name, frames in (("spectrum_forecast", forecast), ("spectrum_target", target)):
        assert kept[name].shape == (2, 3, 6)
        channels = [spectral.rapsd(channel.numpy(), fft_method=np.fft) for channel in frames[1, 2]]
        np.testing.assert_allclose(kept[name][1, 2], np.mean(channels, axis=0), rtol=1e-9)


@settings(deadline=None, max_examples=25)
@given(height=st.integers(1, 24), width=st.integers(1, 24), amplitude=st.floats(0.1, 10))
def test_ring_0_holds_the_mean_and_power_grows_with_the_square(height: int, width: int, amplitude: float) -> None:
    frames = noise(height, width, seed=height)
    power = radial_power(frames)
    assert float(power[0]) == pytest.approx(float(frames.mean()) ** 2 * frames.numel(), rel=1e-9)
    torch.testing.assert_close(radial_power(amplitude * frames), amplitude**2 * power)
    torch.testing.assert_close(radial_power(frames.roll((3, 2), (0, 1))), power)  # where things are is not seen


def test_white_noise_has_its_variance_everywhere() -> None:
    frames = 0.1 * torch.randn(400, 32, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    np.testing.assert_allclose(radial_power(frames).mean(dim=0)[1:].numpy(), 0.01, rtol=0.1)


def test_a_wave_has_all_its_power_in_its_own_ring() -> None:
    wave = torch.cos(2 * torch.pi * 5 * torch.arange(32, dtype=torch.float64) / 32).expand(32, 32)
    power = radial_power(wave)
    assert power.argmax() == 5
    assert float(power.sum() - power[5]) == pytest.approx(0, abs=1e-20)


def test_the_slope_is_that_of_a_straight_line() -> None:
    powers: FloatArray = 7.0 * np.arange(1, 30.0) ** np.array([[-3.0], [-1.5], [0.0]])
    assert slope(powers) == pytest.approx([-3, -1.5, 0], abs=1e-12)
    bent = powers[0] * np.random.default_rng(0).lognormal(size=29)
    expected = np.polyfit(np.log(np.arange(1, 30)), np.log(bent), 1)[0]
    assert slope(bent) == pytest.approx(expected, rel=1e-9)


def test_blur_falls_too_fast_and_noise_too_slowly() -> None:
    target = blurred(noise(3, 2, 1, 48, 40), 1.0)
    errors = [
        scores_of(frames, target).overall["spectral_slope_error"]
        for frames in (
            blurred(target, 1.5),
            blurred(target, 0.7),
            target,
            target + 0.1 * noise(3, 2, 1, 48, 40, seed=3),
        )
    ]
    assert errors == sorted(errors)
    assert errors[1] < 0 == errors[2] < errors[3]


def test_the_distance_of_a_scaled_forecast_is_its_level() -> None:
    target = noise(2, 2, 1, 15, 20)
    scores = scores_of(0.5 * target, target)
    assert scores.overall["spectral_distance"] == pytest.approx(20 * np.log10(2), rel=1e-9)
    assert scores.overall["spectral_slope_error"] == pytest.approx(0, abs=1e-9)
    assert scores_of(target, target).overall == {"spectral_distance": 0, "spectral_slope_error": 0}
    assert scores_of(target + 0.3, target).overall["spectral_distance"] == pytest.approx(
        0, abs=1e-9
    )  # the mean is left


def test_values_are_of_mean_spectra_in_plain_numpy() -> None:
    forecast, target = noise(4, 2, 1, 16, 16), blurred(noise(4, 2, 1, 16, 16, seed=1), 0.8)
    spectra = [
        10 * np.log10(radial_power(frames)[:, :, 0, 1:].numpy().mean(axis=(0, 1))) for frames in (forecast, target)
    ]
    x = np.log10(np.arange(1, 8))
    slopes = [np.polyfit(x, spectrum / 10, 1)[0] for spectrum in spectra]
    scores = scores_of(forecast, target).overall
    assert scores["spectral_distance"] == pytest.approx(np.sqrt(np.mean((spectra[0] - spectra[1]) ** 2)), rel=1e-9)
    assert scores["spectral_slope_error"] == pytest.approx(slopes[0] - slopes[1], rel=1e-9)


def test_constant_frames_have_no_slope_but_a_distance() -> None:
    target = noise(1, 2, 1, 16, 16)
    grey = torch.full_like(target, 0.3)
    assert np.isnan(scores_of(grey, target).overall["spectral_slope_error"])
    assert np.isnan(scores_of(target, grey).overall["spectral_slope_error"])
    levels = 10 * np.log10(radial_power(target)[0, :, 0, 1:].mean(dim=0).numpy() / FLOOR)
    expected = np.sqrt(np.mean(levels**2))
    assert scores_of(grey, target).overall["spectral_distance"] == pytest.approx(expected, rel=1e-9)
    assert scores_of(grey, grey / 2).overall["spectral_distance"] == 0


@pytest.mark.parametrize(
    ("size", "slopes", "distances"), [((2, 2), 0, 0), ((4, 3), 0, 1), ((5, 2), 1, 1), ((1, 6), 1, 1)]
)
def test_small_frames_have_what_their_wavenumbers_allow(size: tuple[int, int], slopes: int, distances: int) -> None:
    found = scores_of(noise(1, 1, 1, *size), noise(1, 1, 1, *size, seed=1)).overall
    assert np.isfinite(found["spectral_slope_error"]) == bool(slopes)
    assert np.isfinite(found["spectral_distance"]) == bool(distances)


def test_missing_values_are_filled_with_the_mean_of_the_others() -> None:
    forecast, target = noise(2, 2, 1, 12, 12), noise(2, 2, 1, 12, 12, seed=1)
    mask = noise(2, 2, 1, 12, 12, seed=2) > 0.3
    kept = filled(torch.where(mask, forecast, torch.nan), torch.where(mask, target, -9.0), mask).per_clip
    for name, frames in (("spectrum_forecast", forecast), ("spectrum_target", target)):
        masked = np.ma.masked_array(frames.numpy(), ~mask.numpy())
        means = masked.mean(axis=(2, 3, 4), keepdims=True)
        expected = radial_power(torch.from_numpy(masked.filled(0) + np.where(mask, 0, means)))[:, :, 0]
        np.testing.assert_allclose(kept[name], expected.numpy(), rtol=1e-9)


def test_a_channel_of_which_too_little_is_there_takes_its_frame_out() -> None:
    forecast, target = noise(1, 3, 2, 10, 10), noise(1, 3, 2, 10, 10, seed=1)
    mask = torch.ones_like(target, dtype=torch.bool)
    mask[0, 1, 1, 1:] = False  # one row of ten is a tenth
    mask[0, 2, 1, 1:] = False
    mask[0, 2, 1, 0, 0] = False
    kept = filled(forecast, target, mask).per_clip
    assert kept["spectrum_frames"].tolist() == [[1, 1, 0]]
    assert not kept["spectrum_forecast"][0, 2].any()
    assert kept["spectrum_forecast"][0, 1].all()
    scores = scores_of(forecast, target, mask)
    assert np.isnan(scores.per_lead["spectral_distance"]).tolist() == [False, False, True]
    two = scores_of(forecast[:, :2], target[:, :2], mask[:, :2])
    assert scores.overall == pytest.approx(two.overall, rel=1e-12)


def test_a_value_that_is_not_finite_spoils_its_frame_only() -> None:
    forecast, target = noise(1, 3, 1, 8, 8), noise(1, 3, 1, 8, 8, seed=1)
    forecast[0, 1, 0, 2, 2] = torch.inf
    kept = filled(forecast, target).per_clip
    assert np.isnan(kept["spectrum_forecast"]).all(axis=2).tolist() == [[False, True, False]]
    assert np.isfinite(kept["spectrum_forecast"][0, [0, 2]]).all()
    assert np.isfinite(kept["spectrum_target"]).all()
