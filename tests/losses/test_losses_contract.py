"""What every loss of the table must hold, where it is a distance. Axes: B T C H W."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss, LossConfig, Space
from framecast.losses.table import LOSSES

SHAPE = (2, 3, 2, 20, 19)

DISTANCES = tuple(name for name in LOSSES if LOSSES.load(name).is_distance)
"""Other terms of training are tested in files of their own."""

SHIFT_BLIND = {"spectral"}
"""They compare how much, not where: a frame that is rolled round is as good as the truth."""

FIXED_FACTORS = {"focal_frequency"}
"""Factors follow from the forecast and are constants by definition: the gradient is not the slope of the value."""

NETWORKS = {"perceptual", "lpips"}
"""They look through a large network, which takes time, and frames of 16 pixels."""

HIGHEST = 60.0
"""Of the native values that a normalised 1 stands for, so that thresholds of rain lie inside."""


class OfOneFuture(Loss):
    """A loss of members as one of a single future: all members are alike. What else it does has tests of its own."""

    space: Space = "normalised"

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.config)
        self.loss = loss

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        return self.loss(forecast[:, None].expand(-1, 3, -1, -1, -1, -1), target, mask)


@pytest.fixture(params=DISTANCES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def loss(name: str, random_weights: Path) -> Loss:
    return build(name, SHAPE)


def build(name: str, shape: tuple[int, ...]) -> Loss:
    """A loss that is ready for clips, as training makes it ready, of recordings of rain up to 60 mm/h."""
    kind = LOSSES.load(name)
    loss: Loss = kind(kind.config_class())
    spec = ClipSpec(context=1, horizon=shape[1], channels=shape[2], height=shape[3], width=shape[4])
    loss.prepare(spec)
    loss.calibrate(spec, lambda native: native / HIGHEST)
    return OfOneFuture(loss) if loss.reads_members else loss


def clips(shape: tuple[int, ...] = SHAPE, *, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """A forecast inside (0, 1) and a target with black, white and grey pixels."""
    generator = torch.Generator().manual_seed(3)
    target = (torch.rand(shape, generator=generator, dtype=dtype) * 2 - 0.5).clamp(0, 1)
    noise = torch.rand(shape, generator=generator, dtype=dtype)
    return (0.6 * target + 0.1 + 0.2 * noise).requires_grad_(), target


def gradient(value: Tensor, forecast: Tensor) -> Tensor:
    return torch.autograd.grad(value, forecast)[0]


def test_it_is_a_scalar_above_zero_with_a_gradient_everywhere(loss: Loss) -> None:
    forecast, target = clips()
    value = loss(forecast, target)
    assert value.shape == ()
    assert value.dtype == torch.float32
    assert value > 0
    slopes = gradient(value, forecast)
    assert slopes.isfinite().all()
    assert (slopes != 0).float().mean() > 0.8


def test_it_is_zero_for_exact_black_and_white(loss: Loss) -> None:
    _, target = clips()
    assert float(loss(target.round(), target.round())) == pytest.approx(0, abs=1e-6)


def test_nothing_is_better_than_the_truth(loss: Loss, name: str) -> None:
    forecast, target = clips()
    exact = loss(target, target)
    for other in (forecast, torch.zeros_like(target)):
        assert loss(other, target) > exact
    shifted = loss(target.roll(1, dims=-1), target)
    assert shifted > exact if name not in SHIFT_BLIND else float(shifted) == pytest.approx(float(exact), abs=1e-4)


def test_a_small_step_against_the_gradient_helps(loss: Loss) -> None:
    forecast, target = clips()
    value = loss(forecast, target)
    slopes = gradient(value, forecast)
    step = 1e-3 * slopes / slopes.abs().max()
    assert loss(forecast - step, target) < value < loss(forecast + step, target)


def test_the_gradient_is_the_slope(name: str, random_weights: Path) -> None:
    shape = (1, 2, 1, 16, 16) if name in NETWORKS else (1, 2, 1, 12, 11)
    forecast, target = clips(shape, dtype=torch.float64)
    loss = build(name, shape)
    holds = torch.autograd.gradcheck(
        lambda x: loss(x, target), (forecast,), raise_exception=False, fast_mode=name in NETWORKS
    )
    assert holds == (name not in FIXED_FACTORS)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_comes_in_and_single_precision_goes_out(loss: Loss, dtype: torch.dtype) -> None:
    forecast, target = (frames.detach().to(dtype) for frames in clips())
    value = loss(forecast, target)
    assert value.dtype == torch.float32
    assert value == loss(forecast.float(), target.float())


def test_autocast_changes_nothing(loss: Loss) -> None:
    forecast, target = clips()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(forecast, target)
    assert value.dtype == torch.float32
    assert value == loss(forecast, target)


def test_autocast_does_not_reach_into_a_loss() -> None:
    class ProjectionLoss(Loss):
        space = "normalised"

        def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
            return (forecast @ target.mT).mean()

    forecast, target = clips()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = ProjectionLoss(LossConfig())(forecast, target)
    assert value.dtype == torch.float32


@pytest.mark.parametrize("masked", [False, True])
def test_the_size_of_the_batch_does_not_matter(loss: Loss, masked: bool) -> None:
    forecast, target = clips()
    mask = torch.rand(SHAPE, generator=torch.Generator().manual_seed(5)) > 0.01 if masked else None
    batch = (forecast, target) if mask is None else (forecast, target, mask)
    one = loss(*(tensor[:1] for tensor in batch))
    three = loss(*(tensor[:1].expand(3, *SHAPE[1:]) for tensor in batch))
    torch.testing.assert_close(one, three, rtol=1e-6, atol=0)


def test_clips_are_averaged(loss: Loss) -> None:
    forecast, target = clips()
    single = torch.stack([loss(forecast[clip, None], target[clip, None]) for clip in range(len(forecast))])
    torch.testing.assert_close(loss(forecast, target), single.mean(), rtol=1e-5, atol=0)


def test_a_full_mask_changes_nothing(loss: Loss) -> None:
    forecast, target = clips()
    full = torch.ones(SHAPE, dtype=torch.bool)
    torch.testing.assert_close(loss(forecast, target, full), loss(forecast, target), rtol=1e-6, atol=0)


@pytest.mark.parametrize("spoilt", [1e3, torch.nan, torch.inf])
def test_missing_values_have_no_influence_and_no_gradient(loss: Loss, spoilt: float) -> None:
    forecast, target = clips()
    mask = torch.ones(SHAPE, dtype=torch.bool)
    mask[0, :, :, :2, :4] = False
    mask[1, 1] = False
    value = loss(forecast, target, mask)
    garbage = torch.where(mask, forecast, spoilt).detach().requires_grad_()
    again = loss(garbage, torch.where(mask, target, spoilt), mask)
    assert again == value
    slopes = gradient(again, garbage)
    assert slopes.isfinite().all()
    assert (slopes[~mask] == 0).all()
    assert (slopes[mask] != 0).any()


def test_a_batch_without_any_value_is_zero(loss: Loss) -> None:
    forecast, target = clips()
    value = loss(forecast, target, torch.zeros(SHAPE, dtype=torch.bool))
    assert value == 0
    assert (gradient(value, forecast) == 0).all()


@pytest.mark.parametrize("target", [0.0, 0.5, 1.0, "binary"])
@pytest.mark.parametrize("forecast", [-3.0, 0.0, 1e-7, 0.5, 1.0, 4.0, "binary"])
def test_gradients_are_finite_at_the_extremes(loss: Loss, forecast: float | str, target: float | str) -> None:
    checkers = ((torch.arange(16)[:, None] + torch.arange(16)) % 2).float().expand(1, 2, 2, 16, 16)
    frames = [
        checkers.clone() if isinstance(value, str) else torch.full((1, 2, 2, 16, 16), value)
        for value in (forecast, target)
    ]
    value = loss(frames[0].requires_grad_(), frames[1])
    assert value.isfinite()
    assert gradient(value, frames[0]).isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (10, 30)])
def test_tiny_frames_have_a_loss_or_an_explanation(loss: Loss, size: tuple[int, int]) -> None:
    forecast, target = clips((1, 2, 2, *size))
    try:
        value = loss(forecast, target)
    except ConfigurationError as error:
        explanation = str(error)
    else:
        explanation = None
        assert value.isfinite()
        assert gradient(value, forecast).isfinite().all()
    assert explanation is None or f"found frames of {size[0]}x{size[1]}" in explanation


@pytest.mark.parametrize(("name", "size"), [("ssim", 10), ("ms_ssim", 10), ("spectral", 2), ("lpips", 15)])
def test_frames_that_are_too_small_are_refused_before_training(name: str, size: int, random_weights: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"found frames of {size}x"):
        build(name, (1, 1, 1, size, 30) if name != "spectral" else (1, 1, 1, size, size))


def test_it_has_no_state(loss: Loss) -> None:
    forecast, target = clips()
    assert loss(forecast, target) == loss(forecast, target)
    assert not loss.state_dict()


@pytest.mark.parametrize(("first", "second"), [(SHAPE, SHAPE[1:]), (SHAPE[1:], SHAPE[1:]), (SHAPE, (2, 3, 1, 20, 19))])
def test_frames_that_do_not_match_are_refused(loss: Loss, first: tuple[int, ...], second: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be B T C H W"):
        loss(torch.zeros(first), torch.zeros(second))
