"""Roll-out: any horizon from any forecaster, chained from its own forecasts and nothing else."""

from typing import Any

import pytest
import torch

from framecast.forecasting.roll_out import longest_block, roll_out, roll_out_forecast
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast, Objective
from framecast.frames.quantity import Quantity
from framecast.models.baselines.table import BASELINES
from framecast.models.building import build_baseline, build_model

SPEC = ClipSpec(context=3, horizon=2, channels=1, height=4, width=4)
CONTEXT = torch.arange(3.0).view(1, 3, 1, 1, 1).repeat(2, 1, 1, 4, 4)


def leads(forecast: torch.Tensor) -> list[float]:
    assert (forecast == forecast[:1, :, :, :1, :1]).all()
    return forecast[0, :, 0, 0, 0].tolist()


@pytest.mark.parametrize("horizon", [1, 2, 3, 7])
@pytest.mark.parametrize("objective", ["horizon", "direct", "next_frame"])
def test_a_counter_counts_on(make_model: Any, objective: Objective, horizon: int) -> None:
    model = make_model(SPEC, objective=objective, step=1.0)
    assert leads(roll_out(model, CONTEXT, horizon)) == [3.0 + lead for lead in range(horizon)]


def test_a_long_horizon_is_chained_in_blocks_as_trained(make_model: Any) -> None:
    model = make_model(SPEC, step=1.0)
    roll_out(model, CONTEXT, 5)
    seen = [(leads(context), horizon) for context, horizon in model.asked]
    assert seen == [([0, 1, 2], 2), ([2, 3, 4], 2), ([4, 5, 6], 1)]


def test_a_block_longer_than_the_context_leaves_none_of_it(make_model: Any) -> None:
    model = make_model(ClipSpec(context=3, horizon=5, channels=1, height=4, width=4), step=1.0)
    roll_out(model, CONTEXT, 7)
    assert [(leads(context), horizon) for context, horizon in model.asked] == [([0, 1, 2], 5), ([5, 6, 7], 2)]


def test_direct_models_are_never_asked_for_more_than_they_see(make_model: Any) -> None:
    model = make_model(ClipSpec(context=5, horizon=4, channels=1, height=4, width=4), objective="direct", step=1.0)
    roll_out(model, CONTEXT, 5)  # three frames of context, fewer than in training
    assert [horizon for _, horizon in model.asked] == [3, 2]


def test_next_frame_models_and_baselines_go_all_the_way_by_themselves(make_model: Any) -> None:
    model = make_model(SPEC, objective="next_frame", step=1.0)
    roll_out(model, CONTEXT, 9)
    assert [horizon for _, horizon in model.asked] == [9]
    assert longest_block(model, 3) is None
    assert longest_block(build_baseline("linear", SPEC), 3) is None


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_pass_through_the_same_socket(name: str) -> None:
    if reason := BASELINES.load(name).unavailable():
        pytest.skip(reason)
    baseline = build_baseline(name, SPEC, Quantity(units="mm/h")).eval()
    for learned in ("average", "weights"):
        if hasattr(baseline, learned):
            getattr(baseline, learned).fill_({"average": 0.25, "weights": 0.0}[learned])
    stays = dict.fromkeys(("persistence", "flow", "pysteps-extrapolation", "sprog", "steps"), [2.0] * 5)
    expected = stays | {"mean": [1.0] * 5, "climatology": [0.25] * 5, "linear": [1.0] * 5, "flow-damped": [0.25] * 5}
    assert leads(roll_out(baseline, CONTEXT, 5)) == expected[name]  # the trend is clipped to 1


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("convlstm", {"hidden": [3], "patch": 2, "kernel_size": 3}),
        ("convlstm_stack", {"filters": [3], "objective": "next_frame"}),
        ("convlstm_stack", {"filters": [3], "objective": "direct"}),
    ],
)
def test_the_first_leads_do_not_depend_on_how_far_one_asks(name: str, options: dict[str, Any]) -> None:
    model = build_model(name, options, SPEC).eval()
    context = torch.rand(2, 3, 1, 4, 4)
    with torch.inference_mode():
        far = roll_out(model, context, 7)
        assert far.shape == (2, 7, 1, 4, 4)
        assert far.isfinite().all()
        for near in (1, 2, 4):
            assert torch.allclose(roll_out(model, context, near), far[:, :near], atol=1e-6)


def test_each_member_of_an_ensemble_goes_on_from_itself(make_model: Any) -> None:
    class Branching(type(make_model(SPEC, step=1.0))):
        def forward(self, context: torch.Tensor, horizon: int) -> Forecast:
            steps = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1, 1, 1)
            leads = torch.arange(1.0, horizon + 1).view(1, 1, -1, 1, 1, 1)
            members = context[:, None, -1:] + steps * leads
            return Forecast(members.mean(dim=1), members)

    model = make_model(SPEC, step=1.0)
    model.__class__ = Branching
    forecast = roll_out_forecast(model, CONTEXT, 5)
    assert forecast.members is not None
    assert forecast.members.shape == (2, 2, 5, 1, 4, 4)
    # The first two leads of a member take steps of its own; later blocks are each a draw, here the one of step 1.
    assert leads(forecast.members[:, 0]) == [3, 4, 5, 6, 7]
    assert leads(forecast.members[:, 1]) == [4, 6, 7, 8, 9]
    assert leads(forecast.frames) == [3.5, 5, 6, 7, 8]
