"""The weighted sum that a configuration names. Axes: B T C H W."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.loss import Loss
from framecast.losses.table import LOSSES
from framecast.losses.weighted_sum import build_loss

SHAPE = (2, 2, 1, 12, 12)


def clips() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    target = 2 * torch.rand(SHAPE, generator=generator) - 1
    return (0.9 * target).requires_grad_(), target


def to_unit(normalised: Tensor) -> Tensor:
    """From [-1, 1]."""
    return (normalised + 1) / 2


def not_called(normalised: Tensor) -> Tensor:
    raise AssertionError(normalised)


def part(name: str, forecast: Tensor, target: Tensor, mask: Tensor | None = None, **options: Any) -> Tensor:
    kind = LOSSES.load(name)
    loss = kind(kind.config_class(**options))
    if name in ("bce", "ssim"):
        forecast, target = to_unit(forecast), to_unit(target)
    return loss(forecast, target, mask)


@pytest.mark.parametrize("masked", [False, True])
def test_the_total_is_the_weighted_sum_of_the_parts(masked: bool) -> None:
    forecast, target = clips()
    mask = target > -0.99 if masked else None
    loss = build_loss({"mse": 2, "mae": None, "bce": 10.0, "ssim": 0.5, "gdl": {"weight": 0.1, "alpha": 2}})
    total, parts = loss(forecast, target, to_unit=to_unit, mask=mask)
    expected = {name: part(name, forecast, target, mask) for name in ("mse", "mae", "bce", "ssim")}
    expected["gdl"] = part("gdl", forecast, target, mask, alpha=2.0)
    assert parts == expected
    weights = {"mse": 2, "mae": 1, "bce": 10, "ssim": 0.5, "gdl": 0.1}
    torch.testing.assert_close(total, sum((weights[name] * value for name, value in expected.items()), torch.zeros(())))
    assert total.requires_grad
    assert not any(value.requires_grad for value in parts.values())
    assert loss.weights == weights


def test_every_loss_of_the_table_can_be_named() -> None:
    build_loss(dict.fromkeys(LOSSES, 1.0))


def test_every_distance_that_needs_no_file_is_prepared_and_has_its_part() -> None:
    forecast, target = clips()
    # Weights of networks are files, and discriminators belong to training.
    names = [name for name in LOSSES if name not in ("perceptual", "lpips", "adversarial")]
    loss = build_loss(dict.fromkeys(names, 1.0))
    spec = ClipSpec(context=1, horizon=2, channels=1, height=12, width=12, low=(-1.0,), high=(1.0,))
    loss.prepare(spec, lambda native: native / 50 - 1)
    members = torch.stack([forecast, forecast + 0.1], dim=1)
    total, parts = loss(forecast, target, to_unit=to_unit, members=members)
    assert list(parts) == names
    assert torch.autograd.grad(total, forecast)[0].isfinite().all()


def test_every_loss_is_prepared_once_for_the_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, object]] = []
    monkeypatch.setattr(Loss, "prepare", lambda self, spec: calls.append((type(self).__name__, spec)))
    monkeypatch.setattr(Loss, "calibrate", lambda self, spec, normalise: calls.append(("calibrate", normalise)))
    spec = ClipSpec(context=1, horizon=2, channels=1, height=12, width=12)
    build_loss({"mse": 1, "mae": 1}).prepare(spec, to_unit)
    assert calls == [
        ("SquaredErrorLoss", spec),
        ("calibrate", to_unit),
        ("AbsoluteErrorLoss", spec),
        ("calibrate", to_unit),
    ]


def test_members_are_compared_on_the_loss_s_scale_and_over_their_leads() -> None:
    _, target = clips()
    members = torch.rand(2, 3, 1, 1, 12, 12, generator=torch.Generator().manual_seed(4))  # of the last frame alone
    mask = target > -0.5
    loss = build_loss({"mse": 1, "crps": 1})
    _, parts = loss(torch.zeros_like(target), target, to_unit=to_unit, mask=mask, members=members)
    crps = LOSSES.load("crps")(LOSSES.load("crps").config_class())
    unit = crps.space == "unit"
    seen, truth = (to_unit(members), to_unit(target)) if unit else (members, target)
    assert parts["crps"] == crps(seen, truth[:, 1:], mask[:, 1:])
    with pytest.raises(ConfigurationError, match="'crps' compares the members of an ensemble"):
        loss(torch.zeros_like(target), target, to_unit=to_unit)


def test_pointwise_losses_do_not_ask_for_another_scale() -> None:
    forecast, target = clips()
    total, _ = build_loss({"mse": 1, "mae": 1, "gdl": 1})(forecast, target, to_unit=not_called)
    assert total > 0


def test_half_precision_is_raised_before_it_is_scaled() -> None:
    forecast, target = (frames.detach().bfloat16() for frames in clips())
    section = {"bce": 1, "mse": 1}
    total, _ = build_loss(section)(forecast, target, to_unit=to_unit)
    again, _ = build_loss(section)(forecast.float(), target.float(), to_unit=to_unit)
    assert total.dtype == torch.float32
    assert total == again


def test_a_weight_of_zero_only_watches() -> None:
    forecast, target = clips()
    total, parts = build_loss({"mse": 1, "mae": 0})(forecast, target, to_unit=not_called)
    assert total == parts["mse"]
    assert parts["mae"] == part("mae", forecast, target)


def test_penalties_are_added_with_their_weights_or_with_one() -> None:
    forecast, target = clips()
    penalties = {"decoupling": torch.tensor(3.0, requires_grad=True), "moments": torch.tensor(5.0)}
    loss = build_loss({"mse": 1}, {"decoupling": 0.1})
    total, parts = loss(forecast, target, to_unit=not_called, penalties=penalties)
    torch.testing.assert_close(total, parts["mse"] + 0.1 * 3 + 5)
    assert parts["penalty_decoupling"] == 3
    assert parts["penalty_moments"] == 5
    assert torch.autograd.grad(total, penalties["decoupling"])[0] == pytest.approx(0.1)


def test_a_weight_without_its_penalty_is_an_error_in_training_only() -> None:
    forecast, target = clips()
    loss = build_loss({"mse": 1}, {"decupling": 0.1})
    with pytest.raises(ConfigurationError, match="penalty 'decupling', but the model has none; remove it"):
        loss(forecast, target, to_unit=not_called)
    with pytest.raises(ConfigurationError, match="did you mean 'decoupling'"):
        loss(forecast, target, to_unit=not_called, penalties={"decoupling": torch.zeros(())})
    total, parts = loss.eval()(forecast, target, to_unit=not_called)
    assert total == parts["mse"]


def test_it_adds_nothing_to_a_checkpoint() -> None:
    assert not build_loss({"mse": 1, "ssim": 1}).state_dict()


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"msee": 1}, "In 'loss': There is no loss 'msee'; did you mean 'mse'? Choose from: adversarial, bce"),
        ({"gdl": {"alpha": "big"}}, "'loss.gdl.alpha' does not fit: found 'big', it must be a valid number"),
        ({"gdl": {"alpha": 0}}, "'loss.gdl' does not fit: alpha must be between 1 and 4"),
        ({"gdl": {"alhpa": 1}}, "In 'loss.gdl': There is no setting 'alhpa'; did you mean 'alpha'?"),
        ({"mse": {"weigth": 1}}, "In 'loss.mse': There is no setting 'weigth'; did you mean 'weight'?"),
        ({"mse": "much"}, "'loss.mse.weight' does not fit: found 'much'"),
        ({"mse": [1]}, "'loss.mse.weight' does not fit: found [1]"),
        ({"mse": -1}, "'loss.mse' does not fit: weight must be a finite number of at least 0"),
        ({}, "'loss' names nothing to train on, found {}; give at least one loss a weight above 0"),
        ({"mse": 0}, "'loss' names nothing to train on, found {'mse': 0}"),
        ("mse", "'loss' must hold weights by name (mse: 1), found 'mse'"),
    ],
)
def test_a_mistake_is_explained_in_one_sentence(section: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        build_loss(section)


@pytest.mark.parametrize("weight", [-0.1, float("nan")])
def test_a_penalty_cannot_have_any_weight(weight: float) -> None:
    with pytest.raises(ConfigurationError, match="weight of penalty 'moments' must be at least 0 and finite"):
        build_loss({"mse": 1}, {"moments": weight})
