"""Multi-scale SSIM against torchmetrics, scikit-image and TensorFlow. Axes: B T C H W."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional import image as torchmetrics

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.strict import STRICT
from framecast.metrics.ms_ssim_formula import WEIGHTS, MultiScaleSsimFormula
from framecast.metrics.scores import Scores
from framecast.metrics.ssim import MultiScaleStructuralSimilarity, StructuralSimilarity

ALONE = Convention(name="alone", summary="", source="", metrics=(MultiScaleStructuralSimilarity(),))


def scene(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Blurred noise in [0, 1], and a forecast that is more blurred and noisy."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(shape, generator=generator, dtype=torch.float64).flatten(0, 1)
    target = (F.avg_pool2d(noise, 5, 1, 2) * 3 - 1).clamp(0, 1)
    forecast = F.avg_pool2d(target, 3, 1, 1) + 0.05 * torch.randn(noise.shape, generator=generator)
    return forecast.clamp(0, 1).reshape(shape), target.reshape(shape)


def scores_of(convention: Convention, forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> Scores:
    accumulator = Accumulator(convention)
    accumulator.update(forecast, target, mask)
    return accumulator.scores()


def halved(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, W) → means of 2 x 2 pixels; what is left over is left out."""
    height, width = (side // 2 * 2 for side in image.shape)
    return image[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))


def by_scikit_image(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Of one grey image: SSIM maps of scikit-image, divided by their luminance, which has a formula of one line."""
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    product = 1.0
    for scale, weight in enumerate(WEIGHTS):
        similarity = structural_similarity(x, y, full=True, **options)[1][5:-5, 5:-5]
        if scale < 4:
            mean_x, mean_y = (gaussian_filter(image, 1.5, truncate=3.5)[5:-5, 5:-5] for image in (x, y))
            similarity = similarity * (mean_x**2 + mean_y**2 + 1e-4) / (2 * mean_x * mean_y + 1e-4)
        product *= np.mean(similarity) ** weight
        x, y = halved(x), halved(y)
    return float(product)


@pytest.mark.parametrize("shape", [(2, 2, 1, 176, 176), (1, 1, 1, 187, 209), (1, 2, 1, 176, 301)], ids=str)
def test_it_agrees_with_scikit_image_at_every_scale(shape: tuple[int, ...]) -> None:
    forecast, target = scene(*shape)
    pairs = zip(forecast.flatten(0, 2).numpy(), target.flatten(0, 2).numpy(), strict=True)
    expected = np.mean([by_scikit_image(x, y) for x, y in pairs])
    assert scores_of(ALONE, forecast, target).overall["ms_ssim"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [(2, 1, 1, 176, 192), (1, 1, 3, 180, 177)], ids=str)
def test_it_agrees_with_torchmetrics(shape: tuple[int, ...]) -> None:
    """Whose last scale also takes in windows that reach over the border: those are taken out again."""
    forecast, target = scene(*shape)
    x, y = forecast.flatten(0, 1), target.flatten(0, 1)
    theirs = torchmetrics.multiscale_structural_similarity_index_measure(
        x, y, data_range=1.0, normalize="relu", reduction="none"
    )
    for _ in range(4):
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    _, full = torchmetrics.structural_similarity_index_measure(
        x, y, data_range=1.0, return_full_image=True, reduction="none"
    )
    over_the_border, inside = full.flatten(1).mean(1), full[..., 5:-5, 5:-5].flatten(1).mean(1)
    theirs = theirs * (inside / over_the_border) ** WEIGHTS[-1]
    ours, defined = MultiScaleSsimFormula().per_image(forecast.flatten(0, 1), target.flatten(0, 1))
    assert defined.all()
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


def test_frames_need_176_pixels() -> None:
    assert MultiScaleSsimFormula().smallest == 176
    forecast, target = scene(1, 1, 1, 175, 400)
    assert np.isnan(scores_of(ALONE, forecast, target).overall["ms_ssim"])
    with pytest.raises(ValueError, match="needs frames of 176 pixels or more, found \\(175, 400\\)"):
        MultiScaleSsimFormula().per_image(forecast[0], target[0])
    with pytest.raises(ValueError, match="width must be larger than 160"):  # whole sixteenths of 175 are 10 < 11
        torchmetrics.multiscale_structural_similarity_index_measure(
            *(frames[0].transpose(-1, -2) for frames in (forecast, target)), data_range=1.0
        )
    assert np.isfinite(scores_of(ALONE, *scene(1, 1, 1, 176, 176)).overall["ms_ssim"])


def test_exact_constant_and_turned_frames() -> None:
    _, target = scene(1, 1, 1, 176, 176)
    assert scores_of(ALONE, target, target).overall["ms_ssim"] == pytest.approx(1, abs=1e-12)
    assert scores_of(ALONE, 1 - target, target).overall["ms_ssim"] == 0  # a negative mean has no real power
    grey = torch.full_like(target, 0.5)
    luminance = (2 * 0.5 * 0.25 + 1e-4) / (0.5**2 + 0.25**2 + 1e-4)
    assert scores_of(ALONE, grey, grey / 2).overall["ms_ssim"] == pytest.approx(luminance ** WEIGHTS[-1], rel=1e-9)


def test_missing_pixels_take_their_windows_out_at_every_scale() -> None:
    """A frame whose left part is missing scores as its right part; the cut lies on the grid of the coarsest scale."""
    forecast, target = scene(2, 1, 1, 176, 240)
    mask = torch.ones_like(target, dtype=torch.bool)
    mask[..., :32] = False
    spoilt = torch.where(mask, forecast, torch.nan)
    alone = scores_of(ALONE, forecast[..., 32:], target[..., 32:]).overall["ms_ssim"]
    assert scores_of(ALONE, spoilt, target, mask).overall["ms_ssim"] == pytest.approx(alone, rel=1e-12)
    mask[0, :, :, 88, 120] = False  # every window of the coarsest scale covers it
    only_second = scores_of(ALONE, forecast[1:, ..., 32:], target[1:, ..., 32:]).overall["ms_ssim"]
    assert scores_of(ALONE, spoilt, target, mask).overall["ms_ssim"] == pytest.approx(only_second, rel=1e-12)


def test_a_value_that_is_not_finite_spoils_its_frame_only() -> None:
    forecast, target = scene(1, 3, 1, 176, 176)
    forecast[0, 1, 0, 9, 9] = torch.nan
    assert np.isnan(scores_of(ALONE, forecast, target).per_lead["ms_ssim"]).tolist() == [False, True, False]


def test_ssim_beside_it_is_the_same_and_costs_no_second_pass() -> None:
    forecast, target = scene(1, 2, 1, 176, 180)
    mask = target > 0.01
    alone = Convention(name="x", summary="", source="", metrics=(StructuralSimilarity(),))
    for there in (None, mask):
        beside = scores_of(STRICT, forecast, target, there).overall
        assert beside["ssim"] == scores_of(alone, forecast, target, there).overall["ssim"]
        assert beside["ms_ssim"] == pytest.approx(
            scores_of(ALONE, forecast, target, there).overall["ms_ssim"], nan_ok=True
        )
    by_name = {metric.name: metric.statistics for metric in STRICT.metrics}
    assert by_name["ssim"] == by_name["ms_ssim"]


def test_it_can_be_differentiated_also_where_a_scale_counts_as_nothing() -> None:
    _, target = scene(1, 1, 1, 176, 176)
    for start in (1 - target, target * 0.5, torch.zeros_like(target)):
        forecast = start[0].clone().requires_grad_()
        similarity, _ = MultiScaleSsimFormula().per_image(forecast, target[0])
        similarity.sum().backward()
        assert forecast.grad is not None
        assert forecast.grad.isfinite().all()
