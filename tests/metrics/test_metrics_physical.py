"""``physical`` against torchmetrics and values worked out by hand. Axes: B T C H W."""

import numpy as np
import pytest
import torch
from torchmetrics.functional import mean_absolute_error, mean_squared_error

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.physical import PHYSICAL
from framecast.metrics.conventions.table import CONVENTIONS
from framecast.metrics.scores import Scores


def scores_of(forecast: torch.Tensor, target: torch.Tensor, mask: torch.Tensor | None = None) -> Scores:
    accumulator = Accumulator(PHYSICAL)
    accumulator.update(forecast, target, mask)
    return accumulator.scores()


def test_it_agrees_with_torchmetrics_on_values_of_any_size() -> None:
    generator = torch.Generator().manual_seed(2)
    target = 280 + 20 * torch.rand((3, 2, 1, 9, 8), generator=generator, dtype=torch.float64)
    forecast = target + torch.randn(target.shape, generator=generator, dtype=torch.float64) - 0.5
    found = scores_of(forecast, target).overall
    expected = {
        "mse": float(mean_squared_error(forecast, target)),
        "mae": float(mean_absolute_error(forecast, target)),
        "rmse": float(mean_squared_error(forecast, target, squared=False)),
        "bias": float(forecast.mean() - target.mean()),
    }
    assert found == pytest.approx(expected, rel=1e-9)


def test_values_worked_out_by_hand() -> None:
    """Rain of 2 mm/h forecast at 5, missed at 0, and a missing cell: errors +3 and -2."""
    target = torch.tensor([[2.0, 2.0, torch.nan]]).view(1, 1, 1, 1, 3)
    forecast = torch.tensor([[5.0, 0.0, 99.0]]).view(1, 1, 1, 1, 3)
    found = scores_of(forecast, target, target.isfinite()).overall
    assert found == {"mse": 6.5, "mae": 2.5, "rmse": pytest.approx(6.5**0.5), "bias": 0.5}


def test_nothing_is_clipped() -> None:
    target = torch.zeros(1, 2, 1, 3, 3)
    scores = scores_of(target - 4, target)
    assert (scores.overall["mse"], scores.overall["bias"]) == (16, -4)
    assert scores.per_lead["bias"].tolist() == [-4, -4]


def test_conventions_of_measured_fields_read_native_values() -> None:
    native = {name for name in CONVENTIONS if CONVENTIONS.load(name).space == "native"}
    assert native == {"physical", "sevir", "pysteps", "diffcast", "ensemble"}
    assert {metric.name: metric.degree for metric in PHYSICAL.metrics} == {"mse": 2, "mae": 1, "rmse": 1, "bias": 1}
    assert all(np.isfinite(metric.degree) for metric in CONVENTIONS.load("strict").metrics)
