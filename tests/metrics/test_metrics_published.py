"""``simvp-legacy``, ``predrnn``, ``mau`` and ``earthformer`` against plain NumPy in the types of their code bases,
scikit-image and torchmetrics. Axes: B T C H W.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.earthformer import EARTHFORMER
from framecast.metrics.conventions.mau import MAU
from framecast.metrics.conventions.openstl import OPENSTL
from framecast.metrics.conventions.predrnn import PREDRNN
from framecast.metrics.conventions.simvp_legacy import SIMVP_LEGACY
from framecast.metrics.conventions.strict import STRICT
from framecast.metrics.metric import Metric
from framecast.metrics.preparation import SLACK, truncate_to_bytes
from framecast.metrics.scores import Scores

Frames = NDArray[np.float32]


def scene(*shape: int, seed: int = 0, noise: float = 0.15) -> tuple[Frames, Frames]:
    """8-bit levels: bright spots on black. A forecast that is blurred, noisy and leaves [0, 1] on both sides, no value
    so near to a whole level that rounding decides on which side of it.
    """
    rng = np.random.default_rng(seed)
    target = np.clip(rng.normal(-0.3, 0.8, shape), 0, 1)
    levels = 255 * (0.8 * target + 0.1 * np.roll(target, 1, axis=-1) + rng.normal(0, noise, shape))
    near = np.abs(levels - np.round(levels)) < 0.01
    forecast = np.where(near, levels + 0.5, levels) / 255
    forecast[..., 0, :2] = -0.5, 1.6
    return forecast.astype(np.float32), (np.floor(255 * target) / 255).astype(np.float32)


SCENES = [
    pytest.param(scene(2, 3, 1, 13, 9), id="odd"),
    pytest.param(scene(1, 2, 3, 16, 16, seed=1), id="rgb"),
    pytest.param(scene(2, 1, 1, 11, 11, seed=2, noise=0.01), id="nearly exact"),
    pytest.param(scene(2, 2, 1, 32, 32, seed=3, noise=0.5), id="far off"),
]


def scores_of(convention: Convention, forecast: Frames, target: Frames) -> Scores:
    metrics = tuple(metric for metric in convention.metrics if metric.name != "lpips")  # has tests of its own
    accumulator = Accumulator(Convention(name="x", summary="", source="", metrics=metrics, prepare=convention.prepare))
    accumulator.update(torch.from_numpy(forecast), torch.from_numpy(target))
    return accumulator.scores()


def clip(frames: Frames) -> Frames:
    return np.minimum(np.maximum(frames, 0), 1)


def mean_of_frames(measure: Callable[[Frames, Frames], float], forecast: Frames, target: Frames) -> float:
    pairs = zip(forecast.reshape(-1, *forecast.shape[2:]), target.reshape(-1, *target.shape[2:]), strict=True)
    return float(np.mean([measure(p, t) for p, t in pairs]))


def summed_square(p: Frames, t: Frames) -> float:
    return float(np.sum((p.astype(np.float64) - t) ** 2))


def summed_error(p: Frames, t: Frames) -> float:
    return float(np.sum(np.abs(p.astype(np.float64) - t)))


def uniform_ssim(data_range: float) -> Callable[[Frames, Frames], float]:
    """scikit-image's defaults, channels last, with the range that its versions of then took for granted."""

    def measure(p: Frames, t: Frames) -> float:
        p, t = (frame.transpose(1, 2, 0).astype(np.float64) for frame in (p, t))
        return float(structural_similarity(p, t, channel_axis=-1, data_range=data_range))

    return measure


def wrapped_psnr(p: Frames, t: Frames) -> float:
    """NumPy's own ``uint8`` arithmetic."""
    difference = (clip(p) * 255).astype(np.uint8) - (t * 255).astype(np.uint8)
    square = difference * difference
    assert square.dtype == np.uint8
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(255) - 10 * np.log10(np.mean(square, dtype=np.float64)))


def whole_number_psnr(p: Frames, t: Frames) -> float:
    difference = (clip(p) * 255).astype(np.uint8).astype(np.int32) - (t * 255).astype(np.uint8).astype(np.int32)
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(255) - 10 * np.log10(np.mean(difference**2)))


def float_psnr(p: Frames, t: Frames) -> float:
    return float(10 * np.log10(1 / np.mean((clip(p).astype(np.float64) - t) ** 2)))


def as_bytes(frames: Frames) -> Frames:
    return (clip(frames) * 255).astype(np.uint8).astype(np.float32)


@pytest.mark.parametrize("frames", SCENES)
def test_simvp_legacy_agrees_with_its_formulas(frames: tuple[Frames, Frames]) -> None:
    forecast, target = frames
    assert scores_of(SIMVP_LEGACY, forecast, target).overall == pytest.approx(
        {
            "mse": mean_of_frames(summed_square, forecast, target),
            "mae": mean_of_frames(summed_error, forecast, target),
            "ssim": mean_of_frames(uniform_ssim(2.0), clip(forecast), target),
            "psnr": mean_of_frames(wrapped_psnr, forecast, target),
        },
        rel=1e-9,
    )


@pytest.mark.parametrize("frames", SCENES)
def test_predrnn_agrees_with_its_formulas(frames: tuple[Frames, Frames]) -> None:
    forecast, target = frames
    assert scores_of(PREDRNN, forecast, target).overall == pytest.approx(
        {
            "mse": mean_of_frames(summed_square, clip(forecast), target),
            "psnr": mean_of_frames(whole_number_psnr, forecast, target),
            "ssim": mean_of_frames(uniform_ssim(255.0), as_bytes(forecast), as_bytes(target)),
        },
        rel=1e-9,
    )


@pytest.mark.parametrize("frames", SCENES)
def test_mau_agrees_with_its_formulas(frames: tuple[Frames, Frames]) -> None:
    forecast, target = frames
    assert scores_of(MAU, forecast, target).overall == pytest.approx(
        {
            "mse": mean_of_frames(summed_square, clip(forecast), target),
            "mae": mean_of_frames(summed_error, clip(forecast), target),
            "psnr": mean_of_frames(float_psnr, forecast, target),
            "ssim": mean_of_frames(uniform_ssim(2.0), clip(forecast), target),
        },
        rel=1e-9,
    )


def updates_of_one_clip(forecast: Frames, target: Frames) -> float:
    """torchmetrics' default, which looks for the range itself, handed a clip at a time; windows inside the frame."""
    values: list[float] = []
    for clip_of in zip(forecast, target, strict=True):
        p, t = (torch.from_numpy(frames).double() for frames in clip_of)
        _, full = structural_similarity_index_measure(p, t, return_full_image=True)
        values.append(float(full[..., 5:-5, 5:-5].mean()))
    return float(np.mean(values))


@pytest.mark.parametrize("frames", [SCENES[1], SCENES[2], SCENES[3]])
def test_earthformer_agrees_with_torchmetrics_handed_a_clip_at_a_time(frames: tuple[Frames, Frames]) -> None:
    forecast, target = frames
    channels = forecast.shape[2]
    height, width = forecast.shape[3:]
    found = scores_of(EARTHFORMER, forecast, target).overall
    assert found["ssim"] == pytest.approx(updates_of_one_clip(forecast, target), abs=1e-6)
    assert found["mse"] == pytest.approx(mean_of_frames(summed_square, forecast, target) / channels, rel=1e-9)
    error = np.abs(forecast.astype(np.float64) - target)
    assert found["mae"] == pytest.approx(error.mean() * height * width, rel=1e-9)


def test_the_range_of_earthformer_is_that_of_each_clip_by_itself() -> None:
    """A batch of two clips of different contrast scores as the two by themselves, unlike torchmetrics' one update."""
    forecast, target = scene(2, 2, 1, 12, 12, noise=0.05)
    forecast[1], target[1] = forecast[1] * 0.1, target[1] * 0.1
    both = scores_of(EARTHFORMER, forecast, target).overall["ssim"]
    alone = [scores_of(EARTHFORMER, forecast[i : i + 1], target[i : i + 1]).overall["ssim"] for i in range(2)]
    assert both == pytest.approx(np.mean(alone), rel=1e-12)
    assert alone[1] == pytest.approx(
        scores_of(EARTHFORMER, forecast[1:] * 10, target[1:] * 10).overall["ssim"], rel=1e-5
    )
    p, t = (torch.from_numpy(frames).double().flatten(0, 1) for frames in (forecast, target))
    _, full = structural_similarity_index_measure(p, t, return_full_image=True)
    assert float(full[..., 5:-5, 5:-5].mean()) > both + 0.01


def test_a_clip_without_any_range_does_not_count() -> None:
    forecast, target = scene(2, 2, 1, 12, 12)
    expected = scores_of(EARTHFORMER, forecast[1:], target[1:]).overall["ssim"]
    forecast[0], target[0] = 0.5, 0.25
    assert scores_of(EARTHFORMER, forecast, target).overall["ssim"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("spoilt", [(slice(None),), (0, 0, 3, 4)], ids=["whole clip", "one pixel"])
def test_a_forecast_that_is_not_finite_is_not_hidden_by_a_clip_without_range(spoilt: tuple[int | slice, ...]) -> None:
    forecast, target = scene(2, 2, 1, 12, 12)
    target[0], forecast[0] = 0.5, 0.25
    forecast[0][spoilt] = np.nan
    assert np.isnan(scores_of(EARTHFORMER, forecast, target).overall["ssim"])


def test_ssim_and_psnr_of_diffcast_are_those_of_strict() -> None:
    """Its formula with OpenCV's filter, on the scale of the data set; as its notes say."""
    cv2 = pytest.importorskip("cv2")
    forecast, target = scene(1, 2, 1, 24, 21)
    window = cv2.getGaussianKernel(11, 1.5) @ cv2.getGaussianKernel(11, 1.5).T

    def filtered(frame: Frames) -> Frames:
        return cv2.filter2D(frame, -1, window)[5:-5, 5:-5]

    def ssim(p: Frames, t: Frames) -> float:
        x, y = (70.0 * frame[0].astype(np.float64) for frame in (clip(p), t))
        a, b, c1, c2 = filtered(x), filtered(y), 0.7**2, 2.1**2
        spread = filtered(x * x) + filtered(y * y) - a * a - b * b
        return float(
            np.mean((2 * a * b + c1) * (2 * (filtered(x * y) - a * b) + c2) / (a * a + b * b + c1) / (spread + c2))
        )

    found = scores_of(STRICT, forecast, target).overall
    assert found["ssim"] == pytest.approx(mean_of_frames(ssim, forecast, target), rel=1e-9)
    assert found["psnr"] == pytest.approx(mean_of_frames(float_psnr, forecast, target), rel=1e-9)


def test_what_is_missing_does_not_widen_the_range() -> None:
    forecast, target = (clip(frames) for frames in scene(1, 2, 1, 12, 16))
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[..., 12:] = False
    masked = Accumulator(Convention(name="x", summary="", source="", metrics=EARTHFORMER.metrics))
    spoilt = torch.where(mask, torch.from_numpy(forecast * 0.5 + 0.2), torch.tensor(99.0))
    masked.update(spoilt, torch.from_numpy(target * 0.5 + 0.2), mask)
    expected = scores_of(EARTHFORMER, forecast[..., :12] * 0.5 + 0.2, target[..., :12] * 0.5 + 0.2)
    assert masked.scores().overall["ssim"] == pytest.approx(expected.overall["ssim"], rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (2, 2, 3, 1, 1), (1, 1, 1, 3, 5)], ids=str)
def test_single_pixels_and_tiny_frames(shape: tuple[int, ...]) -> None:
    target = np.full(shape, 100 / 255, np.float32)
    forecast = np.full(shape, 103.5 / 255, np.float32)
    psnr = 20 * np.log10(255 / 3)  # 3 levels, whatever the rest of 103.5
    assert scores_of(PREDRNN, forecast, target).overall["psnr"] == pytest.approx(psnr)
    assert scores_of(SIMVP_LEGACY, forecast, target).overall["psnr"] == pytest.approx(psnr)
    assert scores_of(MAU, forecast, target).overall["psnr"] == pytest.approx(20 * np.log10(255 / 3.5), rel=1e-5)
    assert all(np.isnan(scores_of(convention, forecast, target).overall["ssim"]) for convention in (PREDRNN, MAU))


@pytest.mark.parametrize("convention", [SIMVP_LEGACY, PREDRNN, MAU], ids=lambda convention: convention.name)
def test_frames_forecast_exactly_are_infinitely_good(convention: Convention) -> None:
    _, target = scene(2, 2, 1, 12, 12)
    scores = scores_of(convention, target, target).overall
    assert np.isposinf(scores["psnr"])
    assert scores["mse"] == 0
    assert scores["ssim"] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("error", "counts_as"), [(1, 1), (15, 225), (16, 0), (17, 33), (48, 0), (64, 0), (100, 16), (128, 0), (255, 1)]
)
def test_squares_wrap(error: int, counts_as: int) -> None:
    """In either direction: the square modulo 256 does not care for the sign."""
    black = np.zeros((1, 1, 1, 4, 4), np.float32)
    bright = black + np.float32(error / 255)
    expected = np.inf if not counts_as else 20 * np.log10(255) - 10 * np.log10(counts_as)
    assert scores_of(SIMVP_LEGACY, bright, black).overall["psnr"] == pytest.approx(expected, abs=1e-9)
    assert scores_of(SIMVP_LEGACY, black, bright).overall["psnr"] == pytest.approx(expected, abs=1e-9)


def test_the_same_forecasts_are_worth_ten_decibels_more_where_squares_wrap() -> None:
    """Strokes on black, a forecast with a blur and faint noise: what published tables show side by side."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    target, forecast = np.zeros((20, 1, 1, 64, 64)), np.zeros((20, 1, 1, 64, 64))
    for n in range(20):
        for _ in range(3):
            (y0, x0), angle = rng.uniform(12, 52, 2), rng.uniform(0, np.pi)
            across = (x - x0) * np.sin(angle) - (y - y0) * np.cos(angle)
            along = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
            stroke = np.abs(along) < 10
            target[n, 0, 0] = np.maximum(target[n, 0, 0], stroke * np.clip(2.5 - np.abs(across), 0, 1))
            forecast[n, 0, 0] = np.maximum(forecast[n, 0, 0], stroke * np.clip(2.2 - 0.7 * np.abs(across + 0.2), 0, 1))
    forecast += rng.normal(0, 0.004, forecast.shape)
    frames = forecast.astype(np.float32), target.astype(np.float32)
    right, wrapped = (scores_of(convention, *frames).overall for convention in (OPENSTL, SIMVP_LEGACY))
    assert right["psnr"] == pytest.approx(scores_of(STRICT, *frames).overall["psnr"], rel=1e-9)
    assert right["psnr"] == pytest.approx(scores_of(PREDRNN, *frames).overall["psnr"], abs=0.3)
    assert 20 < right["psnr"] < 30
    assert wrapped["psnr"] > right["psnr"] + 10
    assert wrapped["ssim"] == right["ssim"] > scores_of(STRICT, *frames).overall["ssim"] + 0.01


def test_levels_survive_a_normaliser_and_only_they_do() -> None:
    native = torch.arange(256, dtype=torch.float32).reshape(1, 1, 1, 16, 16)
    normalised = (native - 56.84) / 47.77
    unit = normalised * (47.77 / 255) + 56.84 / 255
    levels = 255 * truncate_to_bytes(unit.double(), unit.double())[1]
    assert torch.equal(levels.round(), native.double())
    between = (native.double() + 0.999 - 255 * SLACK) / 255
    assert torch.equal((255 * truncate_to_bytes(between, between)[0]).round().clamp(max=255), native.double())
    outside = torch.tensor([-3.0, 7.0, torch.nan])
    assert truncate_to_bytes(outside, outside)[0].tolist() == pytest.approx([0, 1, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("convention", "inputs", "spatial", "factor"),
    [(OPENSTL, "signed", False, 1.0), (PREDRNN, "unit", False, 1.0), (MAU, "signed", True, 100.0)],
    ids=lambda value: value.name if isinstance(value, Convention) else str(value),
)
def test_lpips_is_looked_at_as_each_code_base_does(
    convention: Convention, inputs: str, spatial: bool, factor: float, random_weights: object
) -> None:
    lpips: Metric = next(metric for metric in convention.metrics if metric.name == "lpips")
    assert (lpips.net, lpips.inputs, lpips.spatial, lpips.factor) == ("alex", inputs, spatial, factor)  # pyright: ignore
    frames = scene(1, 1, 1, 40, 40)
    values: list[float] = []
    for forecast in (frames[0], clip(frames[0])):
        accumulator = Accumulator(convention)
        accumulator.update(torch.from_numpy(forecast), torch.from_numpy(frames[1]))
        values.append(accumulator.scores().overall["lpips"])
    assert values[0] == values[1] > 0  # clipped
