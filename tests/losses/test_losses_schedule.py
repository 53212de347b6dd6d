"""Weights that follow the training step."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError
from framecast.losses.adversarial import AdversarialLoss
from framecast.losses.weight_schedule import WeightSchedule
from framecast.losses.weighted_sum import build_loss
from framecast.runs.config import TrainingConfig
from framecast.training.gradients import check_recording


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("constant", [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]),
        ("linear", [1.0, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0]),
        ("cosine", [1.0, 1.0, 2 - math.sqrt(0.5), 2.0, 2 + math.sqrt(0.5), 3.0, 3.0]),
        ("step", [1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0]),
    ],
)
def test_each_shape_has_its_known_weights(shape: Any, expected: list[float]) -> None:
    schedule = WeightSchedule(shape=shape, from_weight=1.0, start_step=10, stop_step=14)
    found = [schedule.weight(3.0, step=step) for step in (0, 10, 11, 12, 13, 14, 1000)]
    assert found == pytest.approx(expected, abs=1e-12)


def test_nothing_changes_unless_it_is_said() -> None:
    assert not WeightSchedule().changes
    assert [WeightSchedule().weight(0.7, step=step) for step in (0, 1, 10**6)] == [0.7] * 3


@pytest.mark.parametrize("shape", ["linear", "cosine", "step"])
def test_two_equal_steps_are_a_jump(shape: Any) -> None:
    schedule = WeightSchedule(shape=shape, start_step=5, stop_step=5)
    assert [schedule.weight(2.0, step=step) for step in (0, 4, 5, 6)] == [0, 0, 2, 2]


@given(
    shape=st.sampled_from(["linear", "cosine", "step"]),
    first=st.floats(0, 10),
    final=st.floats(0, 10),
    start=st.integers(0, 50),
    length=st.integers(0, 50),
)
def test_weights_go_one_way_from_the_first_to_the_final(
    shape: Any, first: float, final: float, start: int, length: int
) -> None:
    schedule = WeightSchedule(shape=shape, from_weight=first, start_step=start, stop_step=start + length)
    found = [schedule.weight(final, step=step) for step in range(start + length + 2)]
    assert found[-1] == final
    if start:
        assert found[0] == first
    way = 1 if final >= first else -1
    assert all(way * (after - before) >= -1e-9 for before, after in pairwise(found))
    assert all(min(first, final) - 1e-9 <= weight <= max(first, final) + 1e-9 for weight in found)


def test_the_sum_takes_the_weight_of_the_step_and_the_final_one_without_a_step() -> None:
    schedule = {"shape": "linear", "from_weight": 1.0, "stop_step": 4}
    loss = build_loss({"mse": 1.0, "mae": {"weight": 3.0, "schedule": schedule}})
    assert loss.scheduled == ("mae",)
    forecast, target = torch.full((1, 1, 1, 2, 2), 0.5), torch.zeros(1, 1, 1, 2, 2)

    def total(step: int | None) -> float:
        value, parts = loss(forecast, target, to_unit=lambda frames: frames, step=step)
        assert float(parts["mae"]) == 0.5  # parts are logged before weighting
        return float(value)

    assert [total(step) for step in (0, 2, 4, 9)] == [0.25 + 0.5 * weight for weight in (1, 2, 3, 3)]
    assert total(None) == 0.25 + 1.5


def test_a_weight_of_zero_for_now_is_watched_and_not_trained_on() -> None:
    loss = build_loss({"mse": 1.0, "mae": {"weight": 1.0, "schedule": {"shape": "step", "stop_step": 3}}})
    forecast = torch.full((1, 1, 1, 2, 2), 0.5, requires_grad=True)
    total, parts = loss(forecast, torch.zeros(1, 1, 1, 2, 2), to_unit=lambda frames: frames, step=0)
    assert torch.autograd.grad(total, forecast)[0].allclose(torch.full_like(forecast, 0.25))  # 2 · 0.5 / 4, no mae
    assert float(parts["mae"]) == 0.5


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"start_step": 9, "stop_step": 3}, "stop_step must not come before start_step, found 3 < 9"),
        ({"start_step": -1}, "start_step must be at least 0, found -1"),
        ({"from_weight": -0.5}, "from_weight must be a finite number of at least 0, found -0.5"),
        ({"from_weight": float("inf")}, "from_weight must be a finite number"),
        ({"shape": "sudden"}, "found 'sudden', it must be 'constant', 'linear', 'cosine' or 'step'"),
        ({"begin": 3}, "In 'loss.mse.schedule': There is no setting 'begin'"),
    ],
)
def test_a_schedule_that_does_not_fit_is_explained(schedule: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_loss({"mse": {"schedule": schedule}})
    assert words in str(caught.value)


def test_the_final_weights_decide_whether_there_is_something_to_train_on() -> None:
    fading = {"weight": 0.0, "schedule": {"shape": "linear", "from_weight": 1.0}}
    build_loss({"mse": fading, "mae": 1.0})
    with pytest.raises(ConfigurationError, match="nothing to train on, found"):
        build_loss({"mse": fading})
    with pytest.raises(ConfigurationError, match="nothing to train on beside 'adversarial'"):
        build_loss({"mse": 0, "adversarial": 1})


def test_recorded_steps_are_refused() -> None:
    config = TrainingConfig(cuda_graphs=True)
    check_recording(config, "cuda", build_loss({"mse": 1.0}))
    scheduled = build_loss({"mse": 1.0, "mae": {"schedule": {"shape": "linear"}}})
    with pytest.raises(ConfigurationError, match=r"weight of loss\.mae follows a schedule"):
        check_recording(config, "cuda", scheduled)
    adversarial = build_loss({"mse": 1.0, "adversarial": 0.1})
    assert isinstance(adversarial.adversarial, AdversarialLoss)
    with pytest.raises(ConfigurationError, match="the loss has an adversarial term"):
        check_recording(config, "cuda", adversarial)
    for loss in (scheduled, adversarial):
        check_recording(TrainingConfig(), "cuda", loss)
