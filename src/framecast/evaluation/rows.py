"""Rows: the lines of a table, each a forecaster and how it is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from framecast.evaluation.results import Role
from framecast.forecasting.roll_out import longest_block, roll_out_forecast
from framecast.frames.batch import Batch
from framecast.frames.forecaster import Forecast, Forecaster
from framecast.frames.quantity import Quantity
from framecast.runs.run import Run

ONE_STEP = " (one-step)"

Predict = Callable[[Batch], Forecast]


@final
@dataclass(frozen=True)
class Row:
    """One line of the table: a forecaster, and how it is asked."""

    name: str
    role: Role
    predict: Predict
    """From a batch to the forecast of its horizon, on the scale of the batch. Only the one-step row looks at the
    target, as input."""
    caveats: tuple[str, ...] = ()
    plain: bool = False
    """Whether it lives on native values (``normaliser.plain()``), not on the scale of the run's model."""
    reads_target: bool = False
    """Whether true frames of the horizon are its input: the one-step row."""


def rows_for(
    run: Run, *, baselines: Sequence[str], horizon: int, one_step: bool, quantity: Quantity | None = None
) -> list[Row]:
    """The rows of a run's table: its model, a one-step row for next-frame models, and the baselines.

    Args:
        run: the model lies on the device where all rows compute.
        baselines: names from the table of baselines.
        horizon: frames to forecast.
        one_step: whether a next-frame model has a second row.
        quantity: what the evaluated values measure; None takes what the run knows.
    """
    model = run.model
    caveats = list(model.caveats())
    trained = run.record.spec.horizon
    if horizon > trained and longest_block(model, run.record.spec.context) is not None:
        caveats.append(f"Leads beyond {trained} are chained from the model's own forecasts.")
    rows = [Row(run.config.model.name, "model", _free_running(model), tuple(caveats))]
    if one_step and model.objective == "next_frame":
        caveat = "Every lead is forecast from the true frames before it: comparable only with other one-step rows."
        name = run.config.model.name + ONE_STEP
        rows.append(Row(name, "model", _one_step(model), (caveat, *model.caveats()), reads_target=True))
    device = next(model.parameters()).device
    for name in baselines:
        baseline = run.baseline(name, quantity).to(device)
        rows.append(Row(name, "baseline", _free_running(baseline), baseline.caveats(), plain=True))
    return rows


def _free_running(forecaster: Forecaster) -> Predict:
    return lambda batch: roll_out_forecast(forecaster, batch.context, batch.horizon)


def _one_step(model: Forecaster) -> Predict:
    return lambda batch: Forecast(model(batch.frames[:, :-1], 1).outputs[:, -batch.horizon :])
