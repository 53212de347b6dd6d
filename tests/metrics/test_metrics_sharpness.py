"""Sharpness by hand, by plain NumPy, and its properties. Axes: B T C H W."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import Tensor

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.scores import Scores
from framecast.metrics.sharpness import Sharpness

ALONE = Convention(name="alone", summary="", source="", metrics=(Sharpness(),))


def scores_of(forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> Scores:
    accumulator = Accumulator(ALONE)
    accumulator.update(forecast, target, mask)
    return accumulator.scores()


def sharpness(forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> float:
    return scores_of(forecast, target, mask).overall["sharpness"]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_value_worked_out_by_hand() -> None:
    """A single bright pixel: its own gradient is √2, the pixels to its left and above it have 1 each."""
    target = torch.zeros(1, 1, 1, 4, 4)
    target[..., 2, 2] = 1
    forecast = torch.zeros(1, 1, 1, 4, 4)
    forecast[..., 2] = 0.5  # a column: three rows with an edge of 0.5 on either side
    assert sharpness(forecast, target) == pytest.approx(3 * (0.5 + 0.5) / (2 + 2**0.5))


def test_it_agrees_with_numpy() -> None:
    forecast, target = noise(3, 2, 3, 9, 14), noise(3, 2, 3, 9, 14, seed=1)

    def total(frames: np.ndarray) -> float:
        right, down = np.diff(frames, axis=-1)[..., :-1, :], np.diff(frames, axis=-2)[..., :-1]
        return float(np.sum(np.sqrt(right**2 + down**2)))

    assert sharpness(forecast, target) == pytest.approx(total(forecast.numpy()) / total(target.numpy()), rel=1e-12)


def test_blur_lies_below_one_and_noise_above() -> None:
    target = torch.from_numpy(gaussian_filter(noise(2, 2, 1, 40, 40).numpy(), (0, 0, 0, 1.5, 1.5)))
    blurred = torch.from_numpy(gaussian_filter(target.numpy(), (0, 0, 0, 2, 2)))
    more = torch.from_numpy(gaussian_filter(target.numpy(), (0, 0, 0, 4, 4)))
    noisy = target + 0.1 * noise(2, 2, 1, 40, 40, seed=2)
    values = [sharpness(frames, target) for frames in (more, blurred, target, noisy)]
    assert values == sorted(values)
    assert values[2] == 1


@settings(deadline=None, max_examples=20)
@given(factor=st.floats(0.01, 100), offset=st.floats(-5, 5))
def test_contrast_scales_it_and_brightness_does_not(factor: float, offset: float) -> None:
    target = noise(1, 2, 1, 6, 7)
    assert sharpness(factor * target + offset, target) == pytest.approx(factor, rel=1e-9)


def test_it_is_a_ratio_of_sums() -> None:
    """A frame without edges changes nothing, where a mean of ratios would not exist."""
    target, forecast = noise(2, 1, 1, 8, 8), noise(2, 1, 1, 8, 8, seed=1)
    flat = torch.full((1, 1, 1, 8, 8), 0.3, dtype=torch.float64)
    with_flat = sharpness(torch.cat([forecast, flat]), torch.cat([target, flat]))
    assert with_flat == pytest.approx(sharpness(forecast, target), rel=1e-12)


def test_frames_without_edges() -> None:
    target = noise(1, 1, 1, 5, 5)
    grey = torch.full_like(target, 0.5)
    assert sharpness(grey, target) == 0
    assert np.isnan(sharpness(target, grey))
    assert np.isnan(sharpness(target[..., :1, :], target[..., :1, :]))  # a single row has no lower neighbour


def test_edges_of_missing_regions_do_not_count() -> None:
    target, forecast = noise(2, 1, 1, 8, 9), noise(2, 1, 1, 8, 9, seed=1)
    mask = torch.zeros_like(target, dtype=torch.bool)
    mask[..., 2:7, 3:8] = True
    spoilt = torch.where(mask, forecast, torch.nan)
    alone = sharpness(forecast[..., 2:7, 3:8], target[..., 2:7, 3:8])
    assert sharpness(spoilt, torch.where(mask, target, 9.0), mask) == pytest.approx(alone, rel=1e-12)
    assert sharpness(forecast, target) != pytest.approx(alone, rel=1e-6)
