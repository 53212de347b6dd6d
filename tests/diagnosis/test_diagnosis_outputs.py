"""Forecasts that say nothing: copies, constants, NaN, saturation; and forecasts that only look like it."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from framecast.diagnosis.patient import CannotLook
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.frames.source import Source
from framecast.models.model import Model
from framecast.runs.findings import Finding
from framecast.runs.run import Run

Look = Callable[..., list[Finding]]
MakeRun = Callable[..., Run]


def model_of(forecast: Callable[[Tensor], Tensor]) -> Callable[[ClipSpec], Model]:
    """A model that makes of the context one frame (B, 1, C, H, W) and repeats it, or a frame for every lead."""

    class Simple(Model):
        def __init__(self, spec: ClipSpec) -> None:
            super().__init__(None, spec)
            self.nothing = nn.Parameter(torch.zeros(()))

        def forward(self, context: Tensor, horizon: int) -> Forecast:
            frames = forecast(context)
            return Forecast(frames.repeat(1, horizon // frames.shape[1], 1, 1, 1) + 0 * self.nothing)

    return Simple


def last(context: Tensor) -> Tensor:
    return context[:, -1:]


def extrapolated(context: Tensor) -> Tensor:
    return context[:, -1:] + (context[:, -1:] - context[:, -2:-1])


def moving(context: Tensor) -> Tensor:
    """Goes on for three leads as it went from the last frame but one to the last."""
    return torch.cat([last(context) + lead * (extrapolated(context) - last(context)) for lead in (1, 2, 3)], dim=1)


def nearly(frame: Callable[[Tensor], Tensor], share: float) -> Callable[[Tensor], Tensor]:
    """Mostly this frame, and a share of what moved."""
    return lambda context: (1 - share) * frame(context) + share * extrapolated(context)


@pytest.mark.parametrize(
    ("forecast", "said"),
    [
        (last, "to the last frame"),
        (nearly(last, 0.1), "to the last frame"),
        (lambda context: context.mean(dim=1, keepdim=True), "to the mean of the context"),
        (lambda context: torch.zeros_like(context[:, :1]), "it is blank"),
        (lambda context: 0.001 * context[:, -1:] + 0.3, "the same picture"),
    ],
)
def test_a_collapse_is_found_and_named(
    look: Look, make_run: MakeRun, source: Source, forecast: Callable[[Tensor], Tensor], said: str
) -> None:
    found = look("collapse", run=make_run(model_of(forecast)), recordings=source)
    assert [finding.severity for finding in found] == ["warning"]
    assert said in found[0].what


def test_black_forecasts_of_sparse_frames_are_blank(
    look: Look, make_run: MakeRun, make_source: Callable[..., Source], movie: Callable[..., NDArray[np.float64]]
) -> None:
    def dots(number: int) -> NDArray[np.uint8]:
        bright = movie(number)
        return np.where(bright > 0.7, 255, 0).astype(np.uint8)

    sparse = make_source(dots)
    black = make_run(model_of(lambda context: torch.zeros_like(context[:, :1])), sparse)
    found = look("collapse", run=black, recordings=sparse)
    assert "it is blank whatever" in found[0].what


@pytest.mark.parametrize("forecast", [moving, lambda context: 0.7 * last(context) + 0.3 * moving(context)])
def test_a_forecast_that_moves_is_none(
    look: Look, make_run: MakeRun, source: Source, forecast: Callable[[Tensor], Tensor]
) -> None:
    assert look("collapse", run=make_run(model_of(forecast)), recordings=source) == []


@pytest.mark.parametrize(
    "forecast",
    [
        lambda context: nn.functional.avg_pool2d(context[:, -1], 5, 1, 2, count_include_pad=False)[:, None],
        lambda context: context[:, :1],
        extrapolated,
        lambda context: extrapolated(context) + 1e-3 * moving(context),
    ],
    ids=["blurred last frame", "first frame", "lead 1 for all", "hardly moving"],
)
def test_a_forecast_that_stands_still_is_found(
    look: Look, make_run: MakeRun, source: Source, forecast: Callable[[Tensor], Tensor]
) -> None:
    found = look("collapse", run=make_run(model_of(forecast)), recordings=source)
    assert [(finding.severity, "stands still" in finding.what) for finding in found] == [("warning", True)]
    assert "of the variance of the truth" in found[0].evidence


def test_where_nothing_moves_copying_is_right(
    look: Look, make_run: MakeRun, make_source: Callable[..., Source]
) -> None:
    still = make_source(
        lambda number: np.random.default_rng(number).integers(0, 255, (1, 1, 12, 12), np.uint8).repeat(20, 0)
    )
    assert look("collapse", run=make_run(model_of(last), still), recordings=still) == []


def test_a_collapse_cannot_be_told_from_few_clips(look: Look, make_run: MakeRun, source: Source) -> None:
    with pytest.raises(CannotLook, match="takes 4 clips to tell, found 2"):
        look("collapse", run=make_run(model_of(last)), recordings=source, max_clips=2)


@pytest.mark.parametrize(
    ("forecast", "said"),
    [
        (lambda context: context[:, -1:] / 0, ("fault", "not finite")),
        (lambda context: torch.zeros_like(context[:, :1]) + 0.4, ("fault", "one value everywhere")),
        (lambda context: (context[:, -1:] > 0.3).float(), ("warning", "the lowest value")),
        (lambda context: 1 - (context[:, -1:] > 0.3).float(), ("warning", "the highest value")),
    ],
)
def test_outputs_that_say_nothing(
    look: Look, make_run: MakeRun, source: Source, forecast: Callable[[Tensor], Tensor], said: tuple[str, str]
) -> None:
    found = look("outputs", run=make_run(model_of(forecast)), recordings=source)
    assert [finding.severity for finding in found] == [said[0]]
    assert said[1] in found[0].what


def test_what_to_do_about_saturation_depends_on_the_output(look: Look, make_run: MakeRun, source: Source) -> None:
    run = make_run(model_of(lambda context: 1.5 + context[:, -1:]))
    assert "model.output=linear" in look("outputs", run=run, recordings=source)[0].mend
    run.model.config = SimpleNamespace(output="linear")
    assert "model.output=sigmoid" in look("outputs", run=run, recordings=source)[0].mend


def test_weights_that_are_not_finite_are_named(look: Look, make_run: MakeRun, source: Source) -> None:
    run = make_run(model_of(last))
    with torch.no_grad():
        run.model.get_parameter("nothing").fill_(torch.nan)
    assert "the weights nothing" in look("outputs", run=run, recordings=source)[0].evidence


def test_frames_that_are_black_and_white_themselves_are_not_saturated(
    look: Look, make_run: MakeRun, make_source: Callable[..., Source], movie: Callable[..., NDArray[np.float64]]
) -> None:
    binary = make_source(lambda number: (255 * (movie(number) > 0.4)).astype(np.uint8))
    assert look("outputs", run=make_run(model_of(extrapolated), binary), recordings=binary) == []


def test_a_network_that_is_held_at_black_is_found(train_own: Callable[..., Run], source: Source) -> None:
    """A real training: a sigmoid that starts far below what it must reach, and a rate too low to leave it."""
    run = train_own(
        source,
        steps=6,
        model={"output": "sigmoid", "initial_output": 1e-6},
        training={"optimizer": {"lr": 1e-6}},
    )
    notes = [note for note in run.record.notes if note.startswith("Doctor")]
    assert any("one value everywhere" in note for note in notes)
    assert any("collapsed" in note for note in notes)
