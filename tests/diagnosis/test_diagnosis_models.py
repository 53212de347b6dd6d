"""Faults planted in models: they see the future, the target, their neighbours, their past; they hold dead weight."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framecast.diagnosis import target
from framecast.diagnosis.patient import CannotLook
from framecast.evaluation.rows import Row
from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.frames.source import Source
from framecast.frames.teacher import Teacher
from framecast.models.building import build_model
from framecast.models.counting import dead_parameters
from framecast.models.model import Model, TeachableModel
from framecast.models.table import MODELS
from framecast.runs.findings import Finding
from framecast.runs.run import Run

Look = Callable[..., list[Finding]]

SPEC = ClipSpec(context=4, horizon=3, channels=1, height=8, width=8)


class Planted(Model):
    """Last frame times a weight; faults are planted in what it is made from."""

    def __init__(self, spec: ClipSpec = SPEC) -> None:
        super().__init__(None, spec)
        self.gain = nn.Parameter(torch.tensor(0.9))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        return Forecast((context[:, -1:] * self.gain).repeat(1, horizon, 1, 1, 1))


class NextFrame(Planted):
    objective = "next_frame"

    def read(self, frames: Tensor) -> Tensor:
        """(B, T, C, H, W), output t from frames 0 .. t."""
        return torch.cumsum(frames, dim=1) * self.gain

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        outputs = self.read(context)
        last = outputs[:, -1:].repeat(1, horizon, 1, 1, 1)
        return Forecast(last, one_step=outputs[:, :-1] if context.shape[1] > 1 else None)


class Peeking(NextFrame):
    """Every output knows the frame that it predicts."""

    def __init__(self, spec: ClipSpec = SPEC) -> None:
        super().__init__(spec)
        self.over_time = nn.Conv3d(1, 1, (3, 1, 1), padding=(1, 0, 0))

    def read(self, frames: Tensor) -> Tensor:
        return self.over_time(frames.transpose(1, 2)).transpose(1, 2) * self.gain


class PeekingAtTheEnd(NextFrame):
    """Every output knows the mean of all frames, a little."""

    def read(self, frames: Tensor) -> Tensor:
        return super().read(frames) + 1e-3 * frames.mean(dim=1, keepdim=True)


def test_a_model_that_sees_the_future(look: Look) -> None:
    found = look("sees-the-future", untrained=Peeking())
    assert [finding.severity for finding in found] == ["fault"]
    assert "over_time" in found[0].mend
    assert [finding.severity for finding in look("sees-the-future", untrained=PeekingAtTheEnd())] == ["fault"]
    assert look("sees-the-future", untrained=NextFrame()) == []


class WrongTeacher(TeachableModel):
    """Sound in use; in training its input t is the frame that it must predict."""

    ahead = 1

    def __init__(self, spec: ClipSpec = SPEC) -> None:
        super().__init__(None, spec)
        self.gain = nn.Parameter(torch.tensor(0.9))

    def unroll(self, context: Tensor, horizon: int, teacher: Teacher | None) -> Forecast:
        num_context = context.shape[1]
        given = context if teacher is None else teacher.frames
        outputs: list[Tensor] = []
        for time in range(num_context + horizon - 1):
            place = time if teacher is None else min(time + self.ahead, given.shape[1] - 1)
            outputs.append(self.gain * (given[:, place : place + 1] if place < given.shape[1] else outputs[-1]))
        frames = torch.cat(outputs, dim=1)
        return Forecast(frames[:, num_context - 1 :], one_step=frames[:, : num_context - 1])


class RightTeacher(WrongTeacher):
    ahead = 0


def test_a_teacher_that_is_read_a_frame_too_early(look: Look) -> None:
    found = look("sees-the-future", untrained=WrongTeacher())
    assert [finding.severity for finding in found] == ["fault"]
    assert "replaced in its teacher, its output for frame 2 changes" in found[0].evidence
    assert "input_at" in found[0].mend
    model = RightTeacher().train()
    assert look("sees-the-future", untrained=model) == []
    assert model.training


@pytest.mark.parametrize("causal", [True, False])
def test_non_causal_heads_are_named_by_their_setting(look: Look, causal: bool) -> None:
    model = build_model("convlstm_stack", {"filters": [3], "causal_head": causal}, SPEC)
    found = look("sees-the-future", untrained=model)
    assert bool(found) is not causal
    assert all("model.causal_head=true" in finding.mend for finding in found)


def test_models_that_cannot_see_the_future_are_not_asked(look: Look) -> None:
    with pytest.raises(CannotLook, match="writes frames after all that it sees"):
        look("sees-the-future", untrained=Planted())
    with pytest.raises(CannotLook, match="reads a single frame"):
        look("sees-the-future", untrained=NextFrame(ClipSpec(context=1, horizon=1, channels=1, height=4, width=4)))


def test_the_model_is_left_as_it_was(look: Look) -> None:
    model = build_model("convlstm_stack", {"filters": [3]}, SPEC).train()
    before = {name: values.clone() for name, values in model.state_dict().items()}
    state = torch.get_rng_state()
    for name in ("sees-the-future", "independent-clips", "dead-parameters"):
        look(name, untrained=model)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


class BatchMean(Planted):
    def __init__(self, spec: ClipSpec = SPEC) -> None:
        super().__init__(spec)
        self.norm = nn.BatchNorm3d(spec.channels, track_running_stats=False)

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        return super().forward(self.norm(context.transpose(1, 2)).transpose(1, 2), horizon)


class Remembering(Planted):
    def forward(self, context: Tensor, horizon: int) -> Forecast:
        before = getattr(self, "_state", torch.zeros_like(context))
        self._state = context if before.shape != context.shape else 0.5 * before + context
        return super().forward(context + 0.01 * before, horizon)


class Remembered(Planted):
    """Keeps the last batch, so that two calls in a row agree and later ones do not."""

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        last, self._last = getattr(self, "_last", context), context
        kept = getattr(self, "_kept", context)
        if not torch.equal(last, context):
            self._kept = kept = last
        return super().forward(context + 0.01 * kept, horizon)


class Drawing(Planted):
    def forward(self, context: Tensor, horizon: int) -> Forecast:
        return super().forward(context + torch.rand(()), horizon)


def test_clips_that_influence_each_other(look: Look) -> None:
    found = look("independent-clips", untrained=BatchMean())
    assert [finding.severity for finding in found] == ["fault"]
    assert "influence each other" in found[0].what
    assert found[0].mend.startswith("norm normalises by the batch")


def test_a_model_that_remembers_earlier_calls(look: Look) -> None:
    found = look("independent-clips", untrained=Remembered())
    assert [finding.severity for finding in found] == ["fault"]
    assert "remembers" in found[0].what
    assert look("independent-clips", untrained=Remembering()) != [], "whatever it is called, it is found"


def test_forecasts_at_random_are_a_note_and_no_influence(look: Look) -> None:
    found = look("independent-clips", untrained=Drawing())
    assert [(finding.severity, "at random" in finding.what) for finding in found] == [("note", True)]


@pytest.mark.parametrize("name", MODELS)
def test_sound_models_keep_clips_apart(look: Look, name: str) -> None:
    assert look("independent-clips", untrained=build_model(name, None, SPEC)) == []


def test_a_target_that_reaches_the_model(
    look: Look, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(Planted)
    assert look("target-at-test-time", run=run) == []

    def rows(run: Run, **_: Any) -> list[Row]:
        def predict(batch: Batch) -> Forecast:
            return Forecast(batch.context[:, -1:] + 1e-3 * batch.target)

        return [Row("peeking", "model", predict)]

    monkeypatch.setattr(target, "rows_for", rows)
    found = look("target-at-test-time", run=run)
    assert [finding.severity for finding in found] == ["fault"]
    assert "'peeking'" in found[0].what


class Unused(Planted):
    """As published networks have them: layers that are built and never called."""

    def __init__(self, spec: ClipSpec = SPEC) -> None:
        super().__init__(spec)
        self.conv_last = nn.Conv2d(2, 3, 1)
        self.frozen = nn.Parameter(torch.zeros(5), requires_grad=False)


class LooksAtValues(Unused):
    """Cannot run without data."""

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        assert float(context.sum()) >= 0
        return super().forward(context, horizon)


class OnlyInEval(Planted):
    def __init__(self, spec: ClipSpec = SPEC) -> None:
        super().__init__(spec)
        self.late = nn.Parameter(torch.ones(()))
        self.never = nn.Parameter(torch.ones(2))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        return super().forward(context if self.training else context * self.late, horizon)


class Constant(Planted):
    def forward(self, context: Tensor, horizon: int) -> Forecast:
        return Forecast(torch.zeros_like(context[:, -1:]).repeat(1, horizon, 1, 1, 1))


class Penalised(Unused):
    def forward(self, context: Tensor, horizon: int) -> Forecast:
        forecast = super().forward(context, horizon)
        return Forecast(forecast.frames, penalties={"weight": self.conv_last.weight.square().sum()})


@pytest.mark.parametrize(
    ("model", "names", "count"),
    [
        (Planted, (), 0),
        (Unused, ("conv_last.weight", "conv_last.bias"), 9),
        (LooksAtValues, ("conv_last.weight", "conv_last.bias"), 9),
        (OnlyInEval, ("never",), 2),
        (Constant, ("gain",), 1),
        (Penalised, ("conv_last.bias",), 3),
    ],
)
def test_dead_parameters(model: type[Planted], names: tuple[str, ...], count: int) -> None:
    built = model().eval()
    found = dead_parameters(built)
    assert (found.names, found.count) == (names, count)
    assert not built.training
    with torch.inference_mode():
        assert dead_parameters(built) == found


@pytest.mark.parametrize("name", MODELS)
def test_no_model_of_the_table_has_dead_parameters(name: str) -> None:
    assert dead_parameters(build_model(name, None, SPEC)).names == ()


def test_dead_parameters_are_found_by_the_doctor(look: Look) -> None:
    found = look("dead-parameters", untrained=Unused())
    assert [finding.severity for finding in found] == ["warning"]
    assert "9 of 10 (90.0%): conv_last.weight, conv_last.bias" in found[0].evidence


class DeadReLU(Planted):
    """A hidden layer that is off for everything."""

    def __init__(self, spec: ClipSpec = SPEC) -> None:
        super().__init__(spec)
        self.hidden = nn.Conv3d(1, 2, 1)
        nn.init.constant_(self.hidden.bias, -100.0)  # pyright: ignore[reportArgumentType]
        self.out = nn.Conv3d(2, 1, 1)

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        on = torch.relu(self.hidden(context.transpose(1, 2)))
        return super().forward(context + self.out(on).transpose(1, 2), horizon)


def test_a_layer_that_is_off_is_found_on_real_clips(look: Look, make_run: Callable[..., Run], source: Source) -> None:
    found = look("dead-parameters", run=make_run(DeadReLU), recordings=source)
    assert [finding.severity for finding in found] == ["warning"]
    assert "hidden.weight, hidden.bias, out.weight" in found[0].evidence
    assert look("dead-parameters", run=make_run(Planted), recordings=source) == []


class Taught(NextFrame):
    """Takes a teacher whenever one is given."""

    def forward(self, context: Tensor, horizon: int, *, teacher: Teacher | None = None) -> Forecast:
        return super().forward(context if teacher is None else teacher.frames, horizon)


def test_a_model_that_takes_a_teacher_in_use(look: Look, make_run: Callable[..., Run]) -> None:
    found = look("teacher-forcing", run=make_run(Taught))
    assert [finding.severity for finding in found] == ["fault"]
    assert "teacher" in found[0].what
