"""What is counted and never used is found."""

import pytest
import torch
from torch import Tensor, nn

from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.models.building import build_model
from framecast.models.counting import dead_parameters
from framecast.models.model import Model
from framecast.models.table import MODELS

SPEC = ClipSpec(context=3, horizon=2, channels=2, height=16, width=16)


class HalfUsed(Model):
    """A layer for the forecast, one for a penalty, one for nobody, and one that is frozen."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__(None, spec)
        self.used = nn.Conv2d(2, 2, 1)
        self.penalised = nn.Linear(2, 1, bias=False)
        self.forgotten = nn.Linear(5, 3)
        self.frozen = nn.Linear(7, 7).requires_grad_(requires_grad=False)

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        frame = self.used(context[:, -1])[:, None]
        penalty = self.penalised(context.mean(dim=(0, 1, 3, 4))).sum()
        return Forecast(frame.repeat(1, horizon, 1, 1, 1), penalties={"size": penalty})


def test_weights_that_nothing_depends_on_are_dead() -> None:
    found = dead_parameters(HalfUsed(SPEC))
    assert found.names == ("forgotten.weight", "forgotten.bias")
    assert found.count == 18


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_no_model_of_the_table_has_any(name: str, training: bool) -> None:
    model = build_model(name, None, SPEC).train(training)
    with torch.inference_mode():  # as in an evaluation
        assert dead_parameters(model).names == ()
    assert all(weight.grad is None for weight in model.parameters())
