"""What is compared with what: inputs and targets of every objective, with models whose forecasts are known."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from framecast.clips.normaliser import Normaliser
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast, Objective
from framecast.losses.weighted_sum import build_loss
from framecast.models.model import Model
from framecast.training.module import TrainingModule

SPEC = ClipSpec(context=3, horizon=2, channels=1, height=4, width=4)
UNIT = Normaliser(kind="unit", low=(0.0,), high=(1.0,), offset=(0.0,), scale=(1.0,))


class Echo(Model):
    """Next-frame: says that the next frame is the one it has just seen. Others: says 0.25 everywhere."""

    def __init__(self, objective: Objective, penalty: bool = False) -> None:
        super().__init__(None, SPEC)
        self.objective = objective
        self.penalty = penalty
        self.seen: list[tuple[Tensor, int]] = []
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        self.seen.append((context, horizon))
        penalties = {"size": self.weight + 2.0} if self.penalty else {}
        if self.objective != "next_frame":
            return Forecast(context.new_full((len(context), horizon, *context.shape[2:]), 0.25), penalties=penalties)
        one_step = context[:, :-1] if context.shape[1] > 1 else None
        return Forecast(context[:, -1:].repeat(1, horizon, 1, 1, 1), one_step=one_step, penalties=penalties)


def clips(context: int = 3, horizon: int = 2) -> tuple[Tensor, Tensor]:
    frames = torch.rand(2, context + horizon, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    return frames[:, :context], frames[:, context:]


def compute(model: Model, *batch: Any, loss: dict[str, Any] | None = None, **penalties: float) -> dict[str, float]:
    total, parts = TrainingModule(model, build_loss(loss or {"mse": 1.0}, penalties), UNIT)(*batch)
    return {name: float(part.detach()) for name, part in {"loss": total, **parts}.items()}


def test_next_frame_compares_every_output_with_the_frame_that_follows() -> None:
    context, target = clips()
    model = Echo("next_frame")
    found = compute(model, context, target, None)
    frames = torch.cat([context, target], dim=1).numpy()
    assert found["mse"] == pytest.approx(float(np.mean((frames[:, :-1] - frames[:, 1:]) ** 2)), rel=1e-6)
    [(seen, horizon)] = model.seen
    assert torch.equal(seen, torch.from_numpy(frames[:, :-1]))  # the last frame is a target, never an input
    assert horizon == 1


def test_next_frame_of_the_shortest_clip() -> None:
    context, target = clips(1, 1)
    found = compute(Echo("next_frame"), context, target, None)
    assert found["mse"] == pytest.approx(float((context - target).square().mean()), rel=1e-6)


def test_next_frame_shifts_the_mask_with_the_targets() -> None:
    context, target = clips()
    mask = torch.rand(2, 5, 1, 4, 4, generator=torch.Generator().manual_seed(2)) > 0.4
    found = compute(Echo("next_frame"), context, target, mask)
    frames, valid = torch.cat([context, target], dim=1).numpy(), mask.numpy()[:, 1:]
    assert found["mse"] == pytest.approx(float(((frames[:, :-1] - frames[:, 1:]) ** 2)[valid].mean()), rel=1e-6)


@pytest.mark.parametrize("objective", ["horizon", "direct"])
def test_others_compare_the_horizon_with_the_target(objective: Objective) -> None:
    context, target = clips()
    mask = torch.rand(2, 5, 1, 4, 4, generator=torch.Generator().manual_seed(2)) > 0.4
    model = Echo(objective)
    found = compute(model, context, target, mask)
    expected = ((target - 0.25) ** 2)[mask[:, 3:]].mean()
    assert found["mse"] == pytest.approx(float(expected), rel=1e-6)
    [(seen, horizon)] = model.seen
    assert torch.equal(seen, context)
    assert horizon == 2


def test_penalties_of_the_model_are_added_with_their_weights() -> None:
    context, target = clips()
    plain = compute(Echo("horizon"), context, target, None)["loss"]
    found = compute(Echo("horizon", penalty=True), context, target, None, size=0.5)
    assert found["loss"] == pytest.approx(plain + 0.5 * 2.0)
    assert found["penalty_size"] == 2.0


def test_losses_of_the_unit_scale_are_given_it() -> None:
    context, target = clips()
    symmetric = Normaliser(kind="symmetric", low=(0.0,), high=(1.0,), offset=(0.5,), scale=(0.5,))
    module = TrainingModule(Echo("horizon"), build_loss({"bce": 1.0}), symmetric)
    _, parts = module(symmetric.normalise(context), symmetric.normalise(target), None)
    probability = symmetric.to_unit(torch.tensor([[[0.25]]])).item()
    expected = nn.functional.binary_cross_entropy(torch.full_like(target, probability), target)
    assert float(parts["bce"]) == pytest.approx(float(expected), rel=1e-5)
