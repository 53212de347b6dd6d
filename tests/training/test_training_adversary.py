"""The adversary of one step: who learns from what, what is judged, and when. Axes: B T C H W."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framecast.clips.normaliser import Normaliser
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.frames.forecaster import Forecast, Objective
from framecast.losses.weighted_sum import build_loss
from framecast.models.model import Model
from framecast.training.adversary import Adversary, Evidence
from framecast.training.module import TrainingModule

SPEC = ClipSpec(context=3, horizon=2, channels=1, height=16, width=16)
UNIT = Normaliser(kind="unit", low=(0.0,), high=(1.0,), offset=(0.0,), scale=(1.0,))
SMALL: dict[str, Any] = {"weight": 0.1, "start_step": 0, "filters": 2, "r1_every": 2, "frames": 1}


def rand(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def batch(clips: int = 2) -> tuple[Tensor, Tensor]:
    return rand(clips, 3, 1, 16, 16), rand(clips, 2, 1, 16, 16, seed=2)


class Scaling(Model):
    """Says that the future is the last frame seen, times a weight."""

    def __init__(self, objective: Objective = "horizon", members: int = 0, spec: ClipSpec = SPEC) -> None:
        super().__init__(None, spec)
        self.objective = objective
        self.members = members
        self.weight = nn.Parameter(torch.tensor(0.7))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        frames = self.weight * context[:, -1:].repeat(1, horizon, 1, 1, 1)
        members = torch.stack([frames * (1 + one) for one in range(self.members)], dim=1) if self.members else None
        if self.objective == "next_frame":
            return Forecast(frames, members=members, one_step=self.weight * context[:, :-1])
        return Forecast(frames, members=members)


def build(model: Model | None = None, **changes: Any) -> TrainingModule:
    loss = build_loss({"mse": 1.0, "adversarial": SMALL | changes})
    return TrainingModule(model or Scaling(), loss, UNIT, seed=5).train()


def adversary_of(module: TrainingModule) -> Adversary:
    assert module.adversary is not None
    return module.adversary


def slopes(value: Tensor, weights: Any) -> list[Tensor | None]:
    return list(torch.autograd.grad(value, list(weights), retain_graph=True, allow_unused=True))


def evidence(forecast: Tensor, **changes: Any) -> Evidence:
    context, target = batch(len(forecast))
    return Evidence(**{"context": context, "forecast": forecast, "truth": target, "horizon": 2} | changes)


def test_the_value_is_what_the_model_lowers_and_nothing_else() -> None:
    module = build()
    total, parts = module(*batch(), None, None, 0)
    assert float(total.detach()) == pytest.approx(float(parts["mse"] + 0.1 * parts["adversarial"]), rel=1e-6)
    assert set(parts) == {"mse", "adversarial", "discriminator", "discriminator_real", "discriminator_fake", "r1"}
    assert not any(part.requires_grad for part in parts.values())
    _, parts = module(*batch(), None, None, 1)
    assert "r1" not in parts  # due in every second step


def test_neither_gradient_reaches_the_weights_of_the_other() -> None:
    adversary = adversary_of(build())
    forecast = (0.5 * batch()[1]).requires_grad_()
    judgement = adversary.judge(evidence(forecast), step=0)
    weights = dict(adversary.named_parameters())
    assert len(weights) == 16  # weight and bias of four layers each
    assert not judgement.term.requires_grad or all(slope is None for slope in slopes(judgement.term, weights.values()))
    (to_model,) = slopes(judgement.term, [forecast])
    assert to_model is not None
    assert (to_model != 0).any()
    assert slopes(judgement.objective, [forecast]) == [None]
    for slope in slopes(judgement.objective, weights.values()):
        assert slope is not None
        assert slope.isfinite().all()
    assert all(weight.requires_grad for weight in weights.values())  # they are held fixed for the term alone


def test_one_backward_pass_gives_each_side_the_gradient_of_its_own_objective() -> None:
    module = build()
    adversary = adversary_of(module)
    context, target = batch()
    forecast = module.model(context, 2).frames
    state = {name: value.clone() for name, value in adversary.state_dict().items()}
    judgement = adversary.judge(evidence(forecast), step=0)
    model_lowers = (forecast - target).square().mean() + 0.1 * judgement.term
    (expected,) = slopes(model_lowers, module.model.parameters())
    against = slopes(judgement.objective, adversary.parameters())
    adversary.load_state_dict(state)  # spectral norms take a step at each look
    total, _ = module(context, target, None, None, 0)
    total.backward()
    [weight] = module.model.parameters()
    assert weight.grad is not None
    assert expected is not None
    torch.testing.assert_close(weight.grad, expected)
    for weight, slope in zip(adversary.parameters(), against, strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, slope)


def test_a_model_without_the_term_has_the_gradient_that_it_always_had() -> None:
    """Weight 0: discriminators learn, the model does not listen."""
    listening, deaf = build(Scaling()), build(Scaling(), weight=0.0)
    plain = TrainingModule(Scaling(), build_loss({"mse": 1.0}), UNIT).train()
    found: list[float] = []
    for module in (plain, deaf, listening):
        module(*batch(), None, None, 0)[0].backward()
        [weight] = module.model.parameters()
        assert weight.grad is not None
        found.append(float(weight.grad))
    assert found[0] == found[1] != found[2]
    assert all(weight.grad is not None for weight in adversary_of(deaf).parameters())


def test_before_the_warm_up_is_over_there_is_no_adversary() -> None:
    module = build(start_step=3)
    for step in range(3):
        module.zero_grad()
        total, parts = module(*batch(), None, None, step)
        total.backward()
        assert set(parts) == {"mse"}
        assert all(weight.grad is None for weight in adversary_of(module).parameters())
    assert "adversarial" in module(*batch(), None, None, 3)[1]


def test_validation_neither_asks_nor_changes_the_adversary() -> None:
    module = build()
    before = {name: value.clone() for name, value in adversary_of(module).state_dict().items()}
    module(*batch(), None, None, 0)
    spectral = [
        name for name, value in adversary_of(module).state_dict().items() if not torch.equal(value, before[name])
    ]
    assert spectral
    assert all(name.endswith(("_u", "_v")) for name in spectral)  # training looks bring spectral norms up to date
    before = {name: value.clone() for name, value in adversary_of(module).state_dict().items()}
    plain = TrainingModule(Scaling(), build_loss({"mse": 1.0}), UNIT)
    total, parts = module.eval()(*batch(), None)
    assert set(parts) == {"mse"}
    assert total == plain.eval()(*batch(), None)[0]
    assert all(torch.equal(value, before[name]) for name, value in adversary_of(module).state_dict().items())


class Noting(nn.Module):
    """In place of a discriminator: remembers what it was shown, and scores the mean of each clip."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[Tensor, ...]] = []
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, *frames: Tensor) -> Tensor:
        self.shown.append(tuple(part.detach() for part in frames))
        return self.weight * frames[-1].mean(dim=(1, 2, 3, 4)).view(-1, 1, 1, 1, 1)


@pytest.mark.parametrize("objective", ["horizon", "next_frame"])
def test_the_temporal_discriminator_sees_the_context_and_what_follows_it(
    objective: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = build(Scaling(objective), spatial=False, r1=0)
    noting = Noting()
    monkeypatch.setattr(adversary_of(module), "temporal", noting)
    context, target = batch()
    module(context, target, None, None, 0)
    (seen, judged), (seen_again, fake) = noting.shown
    assert torch.equal(seen, torch.cat([context, context]))
    assert torch.equal(seen_again, context)
    assert torch.equal(judged[:2], target)
    assert torch.equal(judged[2:], fake)
    # Leads 1 and 2: from the last frame seen, and for next-frame models from the true frame before each.
    inputs = (
        context[:, -1:].repeat(1, 2, 1, 1, 1)
        if objective == "horizon"
        else torch.stack([context[:, 2], target[:, 0]], 1)
    )
    torch.testing.assert_close(fake, 0.7 * inputs)


@pytest.mark.parametrize("objective", ["horizon", "next_frame"])
def test_the_spatial_discriminator_sees_frames_beside_their_own_truth(
    objective: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = build(Scaling(objective), temporal=False, r1=0, frames=None)
    noting = Noting()
    monkeypatch.setattr(adversary_of(module), "spatial", noting)
    context, target = batch()
    module(context, target, None, None, 0)
    ((judged,), (fake,)) = noting.shown
    truth = target if objective == "horizon" else torch.cat([context[:, 1:], target], dim=1)
    assert torch.equal(judged[:2], truth)
    assert torch.equal(judged[2:], fake)
    assert fake.shape == truth.shape


def test_frames_to_be_judged_are_drawn_from_seed_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(step: int, seed: int = 5) -> list[float]:
        loss = build_loss({"mse": 1.0, "adversarial": SMALL | {"temporal": False, "r1": 0, "frames": 3}})
        assert loss.adversarial is not None
        adversary = Adversary(loss.adversarial, SPEC, seed=seed)
        noting = Noting()
        monkeypatch.setattr(adversary, "spatial", noting)
        numbered = torch.arange(9.0).view(1, 9, 1, 1, 1).repeat(1, 1, 1, 16, 16)
        adversary.judge(evidence(numbered, truth=numbered), step=step)
        return noting.shown[-1][0][0, :, 0, 0, 0].tolist()

    assert drawn(3) == drawn(3)
    assert len({tuple(drawn(step)) for step in range(20)}) > 10
    assert {frame for step in range(40) for frame in drawn(step)} == set(range(9))
    assert [drawn(step) for step in range(5)] != [drawn(step, seed=6) for step in range(5)]
    assert all(frames == sorted(set(frames)) and len(frames) == 3 for frames in map(drawn, range(10)))


def test_missing_values_tell_nothing_and_get_no_gradient() -> None:
    module = build(frames=None)
    adversary = adversary_of(module).eval()  # spectral norms stay, so that judgements can be compared
    forecast = (0.5 * batch()[1]).requires_grad_()
    mask = rand(2, 5, 1, 16, 16, seed=7) > 0.3
    known, asked = mask[:, :3], mask[:, 3:]
    context, target = batch()
    clean = adversary.judge(evidence(forecast, context_mask=known, mask=asked), step=0)
    spoilt = {
        "context": torch.where(known, context, torch.nan),
        "truth": torch.where(asked, target, torch.inf),
    }
    garbage = torch.where(asked, forecast, torch.nan).detach().requires_grad_()
    again = adversary.judge(evidence(garbage, context_mask=known, mask=asked, **spoilt), step=0)
    assert (again.term, again.objective) == (clean.term, clean.objective)
    (slope,) = slopes(again.term, [garbage])
    assert slope is not None
    assert (slope[~asked] == 0).all()
    assert (slope[asked] != 0).any()
    whole = adversary.judge(evidence(forecast), step=0)
    assert whole.objective != clean.objective  # the mask does count
    assert float(again.parts["r1"]) > 0


def test_what_is_missing_in_a_clip_is_shown_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = build(Scaling("next_frame"), r1=0, frames=None)
    spatial, temporal = Noting(), Noting()
    monkeypatch.setattr(adversary_of(module), "spatial", spatial)
    monkeypatch.setattr(adversary_of(module), "temporal", temporal)
    mask = rand(2, 5, 1, 16, 16, seed=7) > 0.3
    module(*batch(), mask, None, 0)
    for frames in spatial.shown[0][0].chunk(2):
        assert torch.equal(frames != 0, mask[:, 1:])
    context, frames = temporal.shown[0]
    assert torch.equal(context != 0, torch.cat([mask[:, :3]] * 2))
    assert torch.equal(frames != 0, torch.cat([mask[:, 3:]] * 2))


def test_spectral_norms_take_one_step_of_their_iteration_a_training_step() -> None:
    module, twin = build(), build()
    module(*batch(), None, None, 0)  # with R1
    context, target = batch()
    adversary = adversary_of(twin)
    assert adversary.spatial is not None
    assert adversary.temporal is not None
    adversary.spatial(target)
    adversary.temporal(context, target)
    for name, value in adversary.state_dict().items():
        assert torch.equal(value, adversary_of(module).state_dict()[name]), name


def test_members_of_an_ensemble_are_judged_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    module = build(Scaling(members=3), temporal=False, r1=0, frames=None)
    noting = Noting()
    monkeypatch.setattr(adversary_of(module), "spatial", noting)
    context, target = batch()
    members = module.model(context, 2).members
    assert members is not None
    for step in range(4):
        module(context, target, None, None, step)
        torch.testing.assert_close(noting.shown[-1][0], members[:, step % 3].detach())
    module.model.objective = "next_frame"
    module(context, target, None, None, 1)
    # Frames 2 and 3 and the first lead have no members in this model, which forecasts one frame at a time in training.
    torch.testing.assert_close(noting.shown[-1][0][:, :-1], 0.7 * torch.cat([context, target[:, :0]], dim=1))
    torch.testing.assert_close(noting.shown[-1][0][:, -1], 2 * 0.7 * target[:, 0])


def test_losses_of_members_are_given_them_and_refuse_models_without() -> None:
    loss = build_loss({"crps": 1.0})
    context, target = batch()
    total, parts = TrainingModule(Scaling("next_frame", members=3), loss, UNIT)(context, target, None)
    # This model reads the clip but its last frame and forecasts that one.
    members = torch.stack([0.7 * (1 + one) * target[:, :1] for one in range(3)], dim=1)
    assert total == parts["crps"] == loss.losses["crps"](members, target[:, 1:])
    whole, _ = TrainingModule(Scaling(members=3), loss, UNIT)(context, target, None)
    members = torch.stack([0.7 * (1 + one) * context[:, -1:].repeat(1, 2, 1, 1, 1) for one in range(3)], dim=1)
    assert whole == loss.losses["crps"](members, target)
    with pytest.raises(
        ConfigurationError, match="'crps' compares the members of an ensemble, and the model forecasts one"
    ):
        TrainingModule(Scaling(), loss, UNIT)(context, target, None)


def test_autocast_does_not_reach_the_discriminators() -> None:
    module = build()
    adversary = adversary_of(module).eval()
    forecast = 0.5 * batch()[1]
    expected = adversary.judge(evidence(forecast), step=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = adversary.judge(evidence(forecast.bfloat16().float()), step=0)
        again = adversary.judge(evidence(forecast), step=0)
    assert again.objective == expected.objective
    assert found.objective.dtype == torch.float32


def test_a_seed_decides_the_first_weights_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one, other = build(), build()
    assert torch.equal(torch.rand(3), expected)
    for name, value in adversary_of(one).state_dict().items():
        assert torch.equal(value, adversary_of(other).state_dict()[name])
    loss = build_loss({"mse": 1.0, "adversarial": SMALL})
    different = TrainingModule(Scaling(), loss, UNIT, seed=6)
    assert any(
        not torch.equal(value, adversary_of(different).state_dict()[name])
        for name, value in adversary_of(one).state_dict().items()
    )
