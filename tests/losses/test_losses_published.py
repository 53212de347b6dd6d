"""Losses of the literature against their formulas in NumPy and SciPy, and against scoringrules. Axes: B T C H W."""

import math
from typing import Any

import numpy as np
import pytest
import scoringrules
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from framecast.clips.normaliser import Normaliser
from framecast.clips.transforms import Transform
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss
from framecast.losses.table import LOSSES
from framecast.losses.weighted_sum import build_loss

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def build(name: str, **options: Any) -> Loss:
    kind = LOSSES.load(name)
    return kind(kind.config_class(**options))


def clips(*shape: int) -> tuple[Tensor, Tensor]:
    """Double precision, so that agreement can be asked for to many digits."""
    generator = torch.Generator().manual_seed(17)
    target = torch.rand(shape, generator=generator, dtype=torch.float64)
    return 0.8 * target + 0.2 * torch.rand(shape, generator=generator, dtype=torch.float64), target


def smooth(*shape: int) -> tuple[Tensor, Tensor]:
    """Frames with structure at every scale, and the same with noise."""
    generator = torch.Generator().manual_seed(5)
    noise = torch.rand(shape, generator=generator, dtype=torch.float64)
    target = noise.cumsum(-1).cumsum(-2)
    target = target - torch.linspace(0, 1, shape[-1], dtype=torch.float64) * target[..., -1:]
    target = (target - target.min()) / (target.max() - target.min())
    return (target + 0.2 * (noise - 0.5)).clamp(0, 1), target


def calibrated(loss: Loss, *, channels: int = 1, highest: float = 1.0, normaliser: Normaliser | None = None) -> Loss:
    spec = ClipSpec(context=1, horizon=1, channels=channels, height=4, width=4, high=(highest,) * channels)
    loss.calibrate(spec, (lambda native: native) if normaliser is None else normaliser.normalise)
    return loss


@pytest.mark.parametrize("eps", [1e-3, 0.5])
def test_charbonnier_is_its_formula_without_the_offset(eps: float) -> None:
    forecast, target = clips(2, 3, 2, 5, 7)
    expected = np.mean(np.sqrt((forecast - target).numpy() ** 2 + eps**2)) - eps
    assert float(build("charbonnier", eps=eps)(forecast, target)) == pytest.approx(expected, rel=1e-12)


def test_charbonnier_goes_from_squares_to_absolute_values() -> None:
    loss, zero = build("charbonnier", eps=0.1), torch.zeros(1, 1, 1, 1, 1, dtype=torch.float64)
    assert float(loss(zero + 1e-4, zero)) == pytest.approx(1e-8 / 0.2, rel=1e-5)
    assert float(loss(zero + 1e4, zero)) == pytest.approx(1e4 - 0.1, rel=1e-9)


def multi_scale(p: NDArray[np.float64], t: NDArray[np.float64], scales: int) -> float:
    """Equation 7 of Wang et al. 2003 for one (C, H, W) frame, with SciPy's filter."""
    kept = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    value = 1.0
    for scale, weight in enumerate(kept):
        if scale:
            p, t = ((f[:, ::2, ::2] + f[:, 1::2, ::2] + f[:, ::2, 1::2] + f[:, 1::2, 1::2]) / 4 for f in (p, t))

        def local(frames: NDArray[np.float64]) -> NDArray[np.float64]:
            return gaussian_filter(frames, (0, 1.5, 1.5), radius=(0, 5, 5))[:, 5:-5, 5:-5]

        mean_p, mean_t = local(p), local(t)
        spread = local(p * p) - mean_p**2 + local(t * t) - mean_t**2
        factor = (2 * (local(p * t) - mean_p * mean_t) + 0.03**2) / (spread + 0.03**2)
        if scale == scales - 1:
            factor = factor * (2 * mean_p * mean_t + 0.01**2) / (mean_p**2 + mean_t**2 + 0.01**2)
        value *= max(float(factor.mean()), 0.0) ** weight
    return value


@pytest.mark.parametrize(("size", "scales"), [((176, 192), 5), ((88, 104), 4), ((64, 64), 3), ((22, 44), 2)])
def test_ms_ssim_agrees_with_the_paper(size: tuple[int, int], scales: int) -> None:
    forecast, target = smooth(1, 2, 2, *size)
    pairs = zip(forecast[0].numpy(), target[0].numpy(), strict=True)
    expected = 1 - np.mean([multi_scale(p, t, scales) for p, t in pairs])
    assert 0.01 < expected < 0.95
    value = build("ms_ssim")(forecast, target)
    assert float(value) == pytest.approx(expected, abs=1e-10)
    assert float(build("ms_ssim", scales=scales)(forecast, target)) == float(value)


def test_ms_ssim_with_one_scale_is_ssim() -> None:
    forecast, target = smooth(2, 2, 1, 30, 30)
    one = build("ms_ssim", scales=1)(forecast, target)
    assert float(one) == pytest.approx(float(build("ssim")(forecast, target)), abs=1e-12)
    assert float(build("ms_ssim")(forecast, target)) != pytest.approx(float(one), abs=1e-3)


def test_ms_ssim_leaves_out_frames_without_a_whole_window() -> None:
    forecast, target = smooth(1, 2, 1, 44, 44)
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[:, 1, :, ::5, ::5] = False
    alone = build("ms_ssim", scales=1)(forecast[:, :1], target[:, :1])
    assert float(build("ms_ssim", scales=1)(forecast, target, mask)) == pytest.approx(float(alone), abs=1e-12)


def test_ms_ssim_says_how_large_frames_must_be() -> None:
    frames = torch.zeros(1, 1, 1, 64, 80)
    with pytest.raises(ConfigurationError, match=r"found frames of 64x80: 4 scales need 88 pixels a side\. Use larger"):
        build("ms_ssim", scales=4)(frames, frames)


def focal(p: NDArray[np.float64], t: NDArray[np.float64], alpha: float) -> float:
    """Equations 6 to 8 of Jiang et al. for one (H, W) frame."""
    height, width = t.shape
    distance = np.abs(np.fft.fft2(p) - np.fft.fft2(t)) / math.sqrt(height * width)
    weight = (distance / distance.max()) ** alpha
    return float((weight * distance**2).mean())


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("size", [(8, 8), (9, 14)])
def test_focal_frequency_agrees_with_the_paper(alpha: float, size: tuple[int, int]) -> None:
    forecast, target = clips(2, 2, 3, *size)
    pairs = zip(forecast.flatten(0, 2).numpy(), target.flatten(0, 2).numpy(), strict=True)
    expected = np.mean([focal(p, t, alpha) for p, t in pairs])
    loss = build("focal_frequency", alpha=alpha)
    assert float(loss(forecast, target)) == pytest.approx(expected, rel=1e-10)
    if alpha == 0:
        assert float(loss(forecast, target)) == pytest.approx(float(build("mse")(forecast, target)), rel=1e-10)


def test_no_gradient_flows_through_the_factors_of_focal_frequency() -> None:
    forecast, target = clips(1, 1, 1, 6, 5)
    forecast.requires_grad_()
    distance = np.abs(np.fft.fft2((forecast - target).detach().numpy()[0, 0, 0]))
    factors = torch.from_numpy(distance / distance.max())
    held = (factors * torch.fft.fft2(forecast - target, norm="ortho").abs().square()).mean()
    expected = torch.autograd.grad(held, forecast)[0]
    found = torch.autograd.grad(build("focal_frequency")(forecast, target), forecast)[0]
    torch.testing.assert_close(found, expected)


def radial(frame: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power of each ring of a whole spectrum but that of the mean, coefficient by coefficient."""
    height, width = frame.shape
    power = np.abs(np.fft.fft2(frame)) ** 2 / (height * width)
    rings: dict[int, list[float]] = {}
    for i in range(height):
        for j in range(width):
            ring = round(math.hypot(min(i, height - i), min(j, width - j)))
            rings.setdefault(ring, []).append(float(power[i, j]))
    return np.array([np.mean(rings[ring]) for ring in range(1, (max(height, width) + 1) // 2)])


@pytest.mark.parametrize("size", [(8, 8), (7, 12), (13, 6), (1, 9)])
def test_spectral_agrees_with_sums_over_rings(size: tuple[int, int]) -> None:
    forecast, target = clips(2, 2, 2, *size)
    pairs = zip(forecast.flatten(0, 2).numpy(), target.flatten(0, 2).numpy(), strict=True)
    expected = np.mean([np.abs(np.log(radial(p) + 1e-6) - np.log(radial(t) + 1e-6)).mean() for p, t in pairs])
    assert float(build("spectral")(forecast, target)) == pytest.approx(expected, rel=1e-10)


def test_spectral_sees_blur_and_strength_and_not_the_mean() -> None:
    _, target = smooth(1, 1, 1, 32, 32)
    loss = build("spectral", floor=1e-10)
    blurred = [(target + target.roll(1, -1) * much) / (1 + much) for much in (0.0, 0.3, 1.0)]
    values = [float(loss(frames, target)) for frames in blurred]
    assert values[0] == 0
    assert values[0] < values[1] < values[2]
    assert float(loss(1.1 * target, target)) == pytest.approx(2 * math.log(1.1), rel=1e-3)
    assert float(loss(target + 0.3, target)) == pytest.approx(0, abs=1e-9)


def test_spectral_works_after_it_was_first_used_without_gradients() -> None:
    forecast, target = clips(1, 1, 1, 11, 19)
    with torch.inference_mode():
        build("spectral")(forecast, target)
    forecast.requires_grad_()
    build("spectral")(forecast, target).backward()
    assert forecast.grad is not None
    assert forecast.grad.isfinite().all()


def divergence(p: NDArray[np.float64], t: NDArray[np.float64], tau: float) -> float:
    """Mean over steps of Σ p log (p / q) for one (T, C, H, W) clip."""

    def share(change: NDArray[np.float64]) -> NDArray[np.float64]:
        powers = np.exp(change / tau - (change / tau).max())
        return powers / powers.sum()

    steps: list[float] = []
    for lead in range(1, len(t)):
        found, true = share((p[lead] - p[lead - 1]).ravel()), share((t[lead] - t[lead - 1]).ravel())
        steps.append(float(np.sum(found * np.log(found / true))))
    return float(np.mean(steps))


@pytest.mark.parametrize("tau", [0.1, 1.0])
def test_difference_divergence_agrees_with_the_paper(tau: float) -> None:
    forecast, target = clips(3, 4, 2, 6, 5)
    expected = np.mean([divergence(p, t, tau) for p, t in zip(forecast.numpy(), target.numpy(), strict=True)])
    assert float(build("difference_divergence", tau=tau)(forecast, target)) == pytest.approx(expected, rel=1e-10)


def test_difference_divergence_does_not_depend_on_the_size_of_frames() -> None:
    forecast, target = clips(1, 3, 1, 8, 8)
    small = build("difference_divergence")(forecast, target)
    large = build("difference_divergence")(forecast.repeat(1, 1, 1, 3, 2), target.repeat(1, 1, 1, 3, 2))
    torch.testing.assert_close(small, large)


def test_difference_divergence_looks_only_at_pixels_that_are_there_in_both_frames() -> None:
    forecast, target = clips(1, 2, 1, 3, 4)
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[0, 0, 0, 0, 0] = mask[0, 1, 0, 2, 3] = False
    kept = [frames.flatten(2)[:, :, 1:-1].reshape(1, 2, 1, 1, 10) for frames in (forecast, target)]
    whole = build("difference_divergence")(*kept)
    torch.testing.assert_close(build("difference_divergence")(forecast, target, mask), whole)


def test_difference_divergence_needs_two_frames() -> None:
    with pytest.raises(ConfigurationError, match=r"found a single frame to forecast; use clips\.horizon=2"):
        build("difference_divergence")(torch.zeros(1, 1, 1, 4, 4), torch.zeros(1, 1, 1, 4, 4))


def test_weighted_has_the_published_steps() -> None:
    rates = torch.tensor([0.0, 1.99, 2.0, 4.9, 5.0, 9.9, 10.0, 29.9, 30.0, 99.0], dtype=torch.float64)
    rates = rates.view(1, 1, 1, 1, -1)
    factors = [1, 1, 2, 2, 5, 5, 10, 10, 30, 30]
    squared, absolute = (calibrated(build("weighted", power=power), highest=100.0) for power in (2, 1))
    for place, factor in enumerate(factors):
        forecast = rates.clone()
        forecast[..., place] += 3.0
        assert float(squared(forecast, rates)) == pytest.approx(9 * factor / 10, rel=1e-12)
        assert float(absolute(forecast, rates)) == pytest.approx(3 * factor / 10, rel=1e-12)


def test_weighted_has_native_thresholds_and_normalised_errors() -> None:
    """Of radar in mm/h that a model sees in dBZ, as in the published system."""
    normaliser = Normaliser.fit("unit", [], channels=1, value_range=(0.0, 100.0), transform=Transform(name="dbz"))
    generator = torch.Generator().manual_seed(2)
    rain = 60 * torch.rand(2, 2, 1, 6, 6, generator=generator, dtype=torch.float64) ** 3
    target, forecast = (normaliser.normalise(rates) for rates in (rain, rain.roll(1, -1)))
    factors = np.select([rain.numpy() >= low for low in (30, 10, 5, 2)], [30, 10, 5, 2], 1)
    assert len(np.unique(factors)) == 5
    expected = np.mean(factors * (forecast - target).numpy() ** 2)
    loss = calibrated(build("weighted"), normaliser=normaliser)
    assert float(loss(forecast, target)) == pytest.approx(float(expected), rel=1e-12)


def test_weighted_thresholds_hold_for_each_channel_on_its_own_scale() -> None:
    normaliser = Normaliser(kind="unit", low=(0.0, 0.0), high=(50.0, 5.0), offset=(0.0, 0.0), scale=(50.0, 5.0))
    loss = calibrated(build("weighted"), channels=2, normaliser=normaliser)
    target = torch.full((1, 1, 2, 2, 2), 0.5)  # 25 and 2.5 mm/h
    assert float(loss(target + 1, target)) == (10 + 2) / 2


def test_weighted_refuses_recordings_that_never_reach_a_threshold() -> None:
    with pytest.raises(ConfigurationError, match="lowest threshold at 2, and no value of these recordings is so high"):
        calibrated(build("weighted"), highest=1.0)
    calibrated(build("weighted", thresholds=(0.5,), factors=(1.0, 3.0)), highest=1.0)
    with pytest.raises(RuntimeError, match="calibrate has to be called"):
        build("weighted")(torch.zeros(1, 1, 1, 2, 2), torch.zeros(1, 1, 1, 2, 2))


def test_weighted_can_be_configured() -> None:
    section = {"weighted": {"weight": 2, "power": 1, "thresholds": [0.5], "factors": [1, 4]}}
    loss = build_loss(section)
    loss.prepare(ClipSpec(context=1, horizon=1, channels=1, height=2, width=2), lambda native: native)
    target = torch.tensor([0.25, 0.75]).view(1, 1, 1, 1, 2)
    total, _ = loss(target + 1, target, to_unit=lambda frames: frames)
    assert float(total) == 2 * (1 + 4) / 2


@pytest.mark.parametrize(("fair", "estimator"), [(1.0, "fair"), (0.0, "nrg")])
@pytest.mark.parametrize("size", [2, 3, 10])
def test_crps_agrees_with_scoringrules(fair: float, estimator: str, size: int) -> None:
    generator = torch.Generator().manual_seed(8)
    members = torch.rand(2, size, 3, 2, 4, 5, generator=generator, dtype=torch.float64)
    target = torch.rand(2, 3, 2, 4, 5, generator=generator, dtype=torch.float64)
    expected = scoringrules.crps_ensemble(target.numpy(), members.numpy(), m_axis=1, estimator=estimator)
    assert float(build("crps", fair=fair)(members, target)) == pytest.approx(float(np.mean(expected)), rel=1e-10)


def test_crps_of_a_mixture_lies_between() -> None:
    members, target = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1, 1, 1), torch.full((1, 1, 1, 1, 1), 0.5)
    fair, almost, plain = (float(build("crps", fair=share)(members, target)) for share in (1.0, 0.5, 0.0))
    assert (fair, almost, plain) == (0.0, 0.125, 0.25)


def test_crps_respects_the_mask_and_wants_two_members() -> None:
    members, target = torch.rand(1, 3, 2, 1, 4, 4), torch.rand(1, 2, 1, 4, 4)
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[..., 0] = False
    members[..., 0] = torch.nan
    expected = build("crps")(members[..., 1:], target[..., 1:])
    torch.testing.assert_close(build("crps")(members, target, mask), expected)
    with pytest.raises(ConfigurationError, match="needs 2 or more, found 1"):
        build("crps")(members[:, :1], target)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.floats(-5, 5))
def test_fair_crps_is_never_below_zero_and_does_not_depend_on_the_order(values: list[float], truth: float) -> None:
    members = torch.tensor(values, dtype=torch.float64).view(1, -1, 1, 1, 1, 1)
    target = torch.full((1, 1, 1, 1, 1), truth, dtype=torch.float64)
    value = float(build("crps")(members, target))
    assert value >= -1e-12
    assert float(build("crps")(members.flip(1), target)) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("charbonnier", {"eps": 0.0}, "eps must be a finite number of at least 1e-6"),
        ("charbonnier", {"eps": math.nan}, "eps must be"),
        ("ms_ssim", {"scales": 6}, "scales must be between 1 and 5"),
        ("focal_frequency", {"alpha": -1.0}, "alpha must be between 0 and 4"),
        ("spectral", {"floor": 0.0}, "floor must be between 1e-10 and 1"),
        ("difference_divergence", {"tau": 0.0}, "tau must be"),
        ("weighted", {"thresholds": (5.0, 2.0)}, "thresholds must be finite and ascending"),
        ("weighted", {"thresholds": (), "factors": (1.0,)}, "at least one"),
        ("weighted", {"factors": (1.0, 2.0)}, "factors must be one more than the 4 thresholds, found 2"),
        ("weighted", {"factors": (0.0,) * 5}, "not all 0"),
        ("crps", {"fair": 1.5}, "fair must be a share from 0 to 1"),
        ("crps", {"weight": -1.0}, "weight must be"),
    ],
)
def test_settings_have_bounds(name: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build(name, **options)


def test_spectral_refuses_single_pixels() -> None:
    with pytest.raises(ConfigurationError, match="found frames of 1x1 pixels; use frames of 3"):
        build("spectral")(torch.zeros(1, 1, 1, 1, 1), torch.zeros(1, 1, 1, 1, 1))


def test_spectral_sees_of_a_gap_only_its_shape() -> None:
    _, target = smooth(1, 1, 1, 16, 16)
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[..., 4:9, 4:9] = False
    loss = build("spectral")
    assert float(loss(target + 0.2, target, mask)) == pytest.approx(0, abs=1e-9)
    assert float(loss(target + 0.2, target)) == pytest.approx(0, abs=1e-9)
    assert float(loss(target.flip(-1) * 0.5, target, mask)) > 0.5
