"""``openstl`` against its formulas in plain NumPy, scikit-image, and values worked out by hand. Axes: B T C H W."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.openstl import OPENSTL
from framecast.metrics.conventions.strict import STRICT
from framecast.metrics.scores import Scores

Frames = NDArray[np.float64]


def scene(*shape: int, seed: int = 0) -> tuple[Frames, Frames]:
    """Bright spots on black, and a forecast that is blurred, noisy and leaves [0, 1] on both sides."""
    rng = np.random.default_rng(seed)
    target = np.clip(rng.normal(-0.3, 0.8, shape), 0, 1)
    forecast = 0.8 * target + 0.1 * np.roll(target, 1, axis=-1) + rng.normal(0, 0.15, shape)
    forecast[..., 0, :2] = -0.5, 1.6
    return forecast, target


def scores_of(forecast: Frames, target: Frames) -> Scores:
    metrics = tuple(metric for metric in OPENSTL.metrics if metric.name != "lpips")  # has tests of its own
    accumulator = Accumulator(replace(OPENSTL, metrics=metrics))
    accumulator.update(torch.from_numpy(forecast), torch.from_numpy(target))
    return accumulator.scores()


def by_the_formulas(forecast: Frames, target: Frames) -> dict[str, float]:
    """Frame by frame, as the definition reads."""
    squared, absolute, psnr, ssim, snr = 0.0, 0.0, 0.0, 0.0, 0.0
    clips, leads = target.shape[:2]
    for n in range(clips):
        for t in range(leads):
            error = forecast[n, t] - target[n, t]
            squared += np.sum(error**2)
            absolute += np.sum(np.abs(error))
            clipped = np.maximum(np.minimum(forecast[n, t], 1), 0)
            psnr += -10 * np.log10(np.mean((clipped - target[n, t]) ** 2))
            ssim += uniform_ssim(clipped, target[n, t])
            snr += 10 * np.log10(np.mean(target[n, t] ** 2) / np.mean((target[n, t] - clipped) ** 2))
    frames = clips * leads
    return {
        "mse": squared / frames,
        "mae": absolute / frames,
        "rmse": np.sqrt(squared / frames),
        "psnr": psnr / frames,
        "ssim": ssim / frames,
        "snr": snr / frames,
    }


def uniform_ssim(x: Frames, y: Frames) -> float:
    """Every 7x7 window that lies inside a (C, H, W) frame by itself: L = 2, variances and covariance over 48."""
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    values = []
    for channel in range(x.shape[0]):
        for top in range(x.shape[1] - 6):
            for left in range(x.shape[2] - 6):
                a = x[channel, top : top + 7, left : left + 7].ravel()
                b = y[channel, top : top + 7, left : left + 7].ravel()
                (var_a, cov), (_, var_b) = np.cov(a, b)
                luminance = (2 * a.mean() * b.mean() + c1) / (a.mean() ** 2 + b.mean() ** 2 + c1)
                values.append(luminance * (2 * cov + c2) / (var_a + var_b + c2))
    return float(np.mean(values))


@pytest.mark.parametrize("shape", [(2, 3, 1, 13, 9), (1, 2, 3, 8, 8), (2, 1, 1, 7, 7)], ids=str)
def test_it_agrees_with_its_formulas(shape: tuple[int, ...]) -> None:
    forecast, target = scene(*shape)
    assert scores_of(forecast, target).overall == pytest.approx(by_the_formulas(forecast, target), rel=1e-9)


def test_each_lead_agrees_with_its_formulas() -> None:
    forecast, target = scene(3, 2, 1, 10, 12)
    scores = scores_of(forecast, target)
    for lead in range(2):
        expected = by_the_formulas(forecast[:, lead : lead + 1], target[:, lead : lead + 1])
        assert {name: values[lead] for name, values in scores.per_lead.items()} == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(2, 2, 1, 64, 64), (1, 2, 3, 21, 30)], ids=str)
def test_ssim_agrees_with_scikit_image(shape: tuple[int, ...]) -> None:
    """Its defaults, with the range that it took for floats when the published figures were made. OpenSTL hands it
    (W, H, C), which changes nothing."""
    forecast, target = scene(*shape)
    clipped = np.clip(forecast, 0, 1)
    theirs = [
        structural_similarity(clipped[n, t].swapaxes(0, 2), target[n, t].swapaxes(0, 2), channel_axis=-1, data_range=2)
        for n in range(shape[0])
        for t in range(shape[1])
    ]
    assert scores_of(forecast, target).overall["ssim"] == pytest.approx(np.mean(theirs), abs=1e-9)


def test_values_worked_out_by_hand() -> None:
    target = np.zeros((1, 2, 1, 8, 8))
    forecast = target.copy()
    forecast[0, 0] = 0.5  # 64 pixels: squared error 16, absolute error 32, PSNR 6.02 dB
    forecast[0, 1, 0, 0, :] = -2  # 8 pixels below the range: 32 and 16 as they are, exact once clipped
    scores = scores_of(forecast, target)
    assert scores.overall["mse"] == 24
    assert scores.overall["mae"] == 24
    assert scores.overall["rmse"] == pytest.approx(24**0.5)
    assert scores.per_lead["mse"].tolist() == [16, 32]
    assert scores.per_lead["psnr"][0] == pytest.approx(10 * np.log10(4))
    assert np.isposinf(scores.per_lead["psnr"][1])
    # No contrast in either frame: only the luminance term is left, C1 / (0.25 + C1) with C1 = 0.0004.
    assert scores.per_lead["ssim"].tolist() == pytest.approx([0.0004 / 0.2504, 1.0])


def test_snr_of_exact_and_of_black_frames_is_what_its_formula_has() -> None:
    """Nothing is left out, as in its code: one black frame with an error makes the mean minus infinity."""
    _, target = scene(1, 2, 1, 8, 8)
    black = np.zeros_like(target)
    assert np.isposinf(scores_of(target, target).overall["snr"])
    assert np.isneginf(scores_of(target, black).overall["snr"])
    assert np.isnan(scores_of(black, black).overall["snr"])
    assert scores_of(target / 2, target).overall["snr"] == pytest.approx(20 * np.log10(2))
    half_black = np.concatenate([target, black])
    assert np.isneginf(scores_of(half_black / 2 + 0.1, half_black).overall["snr"])


def test_its_mse_is_that_of_the_pixels_times_their_number() -> None:
    """So that a figure of either kind can be turned into the other, as long as nothing was clipped."""
    forecast, target = scene(2, 3, 3, 16, 12)
    inside = np.clip(forecast, 0, 1)
    accumulator = Accumulator(STRICT)
    accumulator.update(torch.from_numpy(inside), torch.from_numpy(target))
    strict, openstl = accumulator.scores().overall, scores_of(inside, target).overall
    assert openstl["mse"] == pytest.approx(3 * 16 * 12 * strict["mse"], rel=1e-12)
    assert openstl["psnr"] == pytest.approx(strict["psnr"], rel=1e-12)
