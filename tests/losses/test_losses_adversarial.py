"""The adversarial formulas, against NumPy and against discriminators whose gradient is known. Axes: B T 1 h w."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.adversarial import AdversarialConfig, AdversarialLoss
from framecast.losses.weighted_sum import build_loss

Array = NDArray[np.float64]


def scores(seed: int, shape: tuple[int, ...] = (3, 2, 1, 2, 4)) -> Tensor:
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def softplus(values: Array) -> Array:
    return np.log1p(np.exp(-np.abs(values))) + np.maximum(values, 0)


def test_hinge_is_its_formula() -> None:
    loss = AdversarialLoss(AdversarialConfig(form="hinge"))
    fake, real = scores(1), scores(2)
    f, r = fake.double().numpy(), real.double().numpy()
    assert float(loss(fake, real)) == pytest.approx(-f.mean(), rel=1e-5)
    expected = np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean()
    assert float(loss.against(fake, real)) == pytest.approx(expected, rel=1e-5)


def test_non_saturating_is_its_formula() -> None:
    loss = AdversarialLoss(AdversarialConfig(form="non-saturating"))
    fake, real = scores(1), scores(2)
    f, r = fake.double().numpy(), real.double().numpy()
    assert float(loss(fake, real)) == pytest.approx(softplus(-f).mean(), rel=1e-5)
    assert float(loss.against(fake, real)) == pytest.approx(softplus(-r).mean() + softplus(f).mean(), rel=1e-5)


@pytest.mark.parametrize(("form", "nothing_known"), [("hinge", 2.0), ("non-saturating", 2 * np.log(2))])
def test_a_discriminator_that_knows_nothing_has_the_known_loss(form: Any, nothing_known: float) -> None:
    zero = torch.zeros(2, 1, 1, 3, 3)
    loss = AdversarialLoss(AdversarialConfig(form=form))
    assert float(loss.against(zero, zero)) == pytest.approx(nothing_known)


@pytest.mark.parametrize("form", ["hinge", "non-saturating"])
@pytest.mark.parametrize("extreme", [-1e4, -1.0, 0.0, 1.0, 1e4])
def test_values_and_gradients_are_finite_at_the_extremes(form: Any, extreme: float) -> None:
    loss = AdversarialLoss(AdversarialConfig(form=form))
    fake, real = (torch.full((1, 1, 1, 2, 2), value, requires_grad=True) for value in (extreme, -extreme))
    for value in (loss(fake, real.detach()), loss.against(fake, real)):
        assert value.isfinite()
        for slope in torch.autograd.grad(value, [fake, real], allow_unused=True):
            assert slope is None or slope.isfinite().all()


def test_each_side_lowers_its_own_objective_by_moving_scores_the_other_way() -> None:
    for form in ("hinge", "non-saturating"):
        loss = AdversarialLoss(AdversarialConfig(form=form))
        fake, real = (torch.zeros(1, 1, 1, 2, 2, requires_grad=True) for _ in range(2))
        (model,) = torch.autograd.grad(loss(fake, real.detach()), fake)
        against_fake, against_real = torch.autograd.grad(loss.against(fake, real), [fake, real])
        assert (model < 0).all()  # the model wants higher scores
        assert (against_fake > 0).all()
        assert (against_real < 0).all()


def test_half_precision_scores_are_compared_in_single_precision() -> None:
    loss = AdversarialLoss(AdversarialConfig(form="non-saturating"))
    fake, real = scores(1).bfloat16(), scores(2).bfloat16()
    value = loss(fake, real)
    assert value.dtype == torch.float32
    assert value == loss(fake.float(), real.float())


def test_r1_of_a_linear_discriminator_is_its_formula() -> None:
    """Patches that do not overlap, each with the score w · x: every gradient is w, so R1 is r1 / 2 · |w|²."""
    weights = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(3), requires_grad=True)
    truth = torch.rand(5, 1, 8, 12, generator=torch.Generator().manual_seed(4), requires_grad=True)
    loss = AdversarialLoss(AdversarialConfig(r1=7.0))
    penalty = loss.r1_penalty(torch.nn.functional.conv2d(truth, weights, stride=4), truth)
    assert float(penalty.detach()) == pytest.approx(7.0 / 2 * float(weights.detach().square().sum()), rel=1e-5)
    (slopes,) = torch.autograd.grad(penalty, weights)
    torch.testing.assert_close(slopes, 7.0 * weights.detach())


def test_r1_does_not_depend_on_the_size_of_the_batch() -> None:
    weights = torch.randn(1, 1, 3, 3, generator=torch.Generator().manual_seed(3))
    loss = AdversarialLoss(AdversarialConfig())

    def penalty(clips: int) -> float:
        truth = torch.full((clips, 1, 9, 9), 0.3, requires_grad=True)
        return float(loss.r1_penalty(torch.nn.functional.conv2d(truth, weights).square(), truth).detach())

    assert penalty(1) == pytest.approx(penalty(6), rel=1e-5)


def test_r1_is_due_every_so_many_steps_from_the_start() -> None:
    loss = AdversarialLoss(AdversarialConfig(start_step=5, r1_every=4))
    assert [step for step in range(5, 20) if loss.r1_due(step=step)] == [5, 9, 13, 17]
    assert not AdversarialLoss(AdversarialConfig(r1=0.0)).r1_due(step=0)


def test_it_is_no_distance_and_needs_one_beside_it() -> None:
    assert not AdversarialLoss.is_distance
    with pytest.raises(ConfigurationError, match="nothing to train on beside 'adversarial'"):
        build_loss({"adversarial": 1.0})
    weighted = build_loss({"mse": 1.0, "adversarial": None})
    assert weighted.weights["adversarial"] == 0.01
    frames = torch.rand(1, 1, 1, 4, 4)
    _, parts = weighted(frames, frames, to_unit=lambda values: values)
    assert set(parts) == {"mse"}  # without discriminators there is nothing to say
    _, parts = weighted(frames, frames, to_unit=lambda values: values, terms={"adversarial": torch.tensor(0.5)})
    assert float(parts["adversarial"]) == 0.5


def test_frames_smaller_than_a_patch_are_refused_before_training() -> None:
    loss = AdversarialLoss(AdversarialConfig())
    loss.prepare(ClipSpec(context=1, horizon=1, channels=1, height=16, width=17))
    with pytest.raises(ConfigurationError, match="at least 16x16 pixels, found 15x64"):
        loss.prepare(ClipSpec(context=1, horizon=1, channels=1, height=15, width=64))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spatial": False, "temporal": False}, "nothing judges"),
        ({"r1_every": 0}, "r1_every must be at least 1, found 0"),
        ({"filters": 0}, "filters must be at least 1, found 0"),
        ({"frames": 0}, "frames must be at least 1 or null, found 0"),
        ({"start_step": -1}, "start_step must be at least 0, found -1"),
        ({"lr": 0.0}, "lr must be above 0 and r1 at least 0, found 0.0"),
        ({"r1": -1.0}, "found 0.0004 and -1.0"),
        ({"betas": [0.5, 1.0]}, r"betas must be at least 0 and below 1, found (0.5, 1.0)"),
        ({"form": "wasserstein"}, "it must be 'hinge' or 'non-saturating'"),
        ({"weight": -1.0}, "weight must be a finite number"),
    ],
)
def test_settings_that_do_not_fit_are_explained(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_loss({"mse": 1.0, "adversarial": changes})
    assert words in str(caught.value)
