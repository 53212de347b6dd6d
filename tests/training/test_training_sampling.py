"""Sampling: the published schedules, draws that follow from seed and step, and a training that can be resumed."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from framecast.clips.clip_sets import ClipSets
from framecast.clips.normaliser import Normaliser
from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.frames.forecaster import Forecast
from framecast.frames.settings import settings as settings_of
from framecast.frames.teacher import Teacher
from framecast.losses.weighted_sum import build_loss
from framecast.models.building import build_model
from framecast.models.model import TeachableModel
from framecast.runs.config import SamplingConfig, TrainingConfig
from framecast.runs.run import Run
from framecast.training.module import TrainingModule
from framecast.training.sampling import check_sampling, draw_true_inputs, truth_probabilities
from framecast.training.trainer import Trainer
from framecast.workflows.evaluate import evaluate
from framecast.workflows.plan import plan
from framecast.workflows.train import resumed_config, train

SCHEDULED = SamplingConfig(name="scheduled")
REVERSE = SamplingConfig(name="reverse-scheduled")
SMALL: dict[str, Any] = {"hidden": [3, 2], "kernel_size": 3, "patch": 2}
UNIT = Normaliser(kind="unit", low=(0.0,), high=(1.0,), offset=(0.0,), scale=(1.0,))


def batch(*, clips: int = 2, context: int = 3, horizon: int = 4) -> Batch:
    frames = torch.rand(clips, context + horizon, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    return Batch(frames[:, :context], frames[:, context:])


def drawn(config: SamplingConfig, what: Batch, *, seed: int = 0, step: int = 0) -> Tensor:
    mask = draw_true_inputs(config, what, seed=seed, step=step)
    assert mask is not None
    return mask


def test_scheduled_sampling_falls_from_one_to_nothing_in_fifty_thousand_steps() -> None:
    # As the published code does it: lower first, then draw; a running subtraction.
    probability = 1.0
    for step in range(50_010):
        probability = probability - 2e-5 if step < 50_000 else 0.0
        found = truth_probabilities(SCHEDULED, step=step)
        assert found.context == 1.0
        assert found.horizon == pytest.approx(probability, abs=1e-8)
        assert found.horizon >= 0
    assert truth_probabilities(SCHEDULED, step=10**9).horizon == 0.0


@pytest.mark.parametrize(
    ("step", "context", "horizon"),
    [
        (0, 0.5, 0.5),
        (24_999, 0.5, 0.5),
        (25_000, 0.5, 0.5),
        (30_000, 1 - 0.5 * math.exp(-1), 0.4),
        (37_500, 1 - 0.5 * math.exp(-2.5), 0.25),
        (49_999, 1 - 0.5 * math.exp(-24_999 / 5000), 0.5 - 0.5 / 25_000 * 24_999),
        (50_000, 1.0, 0.0),
        (10**9, 1.0, 0.0),
    ],
)
def test_reverse_scheduled_sampling_comes_from_both_sides(step: int, context: float, horizon: float) -> None:
    found = truth_probabilities(REVERSE, step=step)
    assert (found.context, found.horizon) == (pytest.approx(context, abs=1e-12), pytest.approx(horizon, abs=1e-12))


def test_schedules_obey_their_settings() -> None:
    quick = SamplingConfig(name="scheduled", start=0.8, decrease=0.1, stop_step=4)
    rates = [truth_probabilities(quick, step=step).horizon for step in range(6)]
    assert rates == pytest.approx([0.7, 0.6, 0.5, 0.4, 0, 0])
    assert truth_probabilities(SamplingConfig(name="scheduled", decrease=0.5), step=2).horizon == 0.0  # never below 0
    quick = SamplingConfig(name="reverse-scheduled", hold_steps=2, stop_step=6, alpha=2.0)
    found = [truth_probabilities(quick, step=step) for step in range(7)]
    assert [one.horizon for one in found] == pytest.approx([0.5, 0.5, 0.5, 0.375, 0.25, 0.125, 0])
    rising = [1 - math.exp(-since / 2) / 2 for since in range(4)]
    assert [one.context for one in found] == pytest.approx([0.5, 0.5, *rising, 1])
    abrupt = SamplingConfig(name="reverse-scheduled", hold_steps=3, stop_step=3)
    assert [truth_probabilities(abrupt, step=step).horizon for step in (2, 3)] == [0.5, 0.0]


@settings(max_examples=50, deadline=None)
@given(
    name=st.sampled_from(["scheduled", "reverse-scheduled"]),
    step=st.integers(0, 60_000),
    seed=st.integers(0, 2**40),
    context=st.integers(1, 5),
    horizon=st.integers(1, 5),
)
def test_a_drawn_mask_makes_a_teacher(name: Any, step: int, seed: int, context: int, horizon: int) -> None:
    what = batch(context=context, horizon=horizon)
    mask = drawn(SamplingConfig(name=name), what, seed=seed, step=step)
    teacher = Teacher(what.frames[:, :-1], mask)
    if name == "scheduled" or step >= 50_000:
        assert teacher.num_leading >= context
    if step >= 50_000:
        assert not mask[:, context:].any()
    assert torch.equal(mask, drawn(SamplingConfig(name=name), what, seed=seed, step=step))


def test_nothing_is_sampled_unasked() -> None:
    assert draw_true_inputs(SamplingConfig(), batch(), seed=0, step=0) is None
    assert SamplingConfig() == TrainingConfig().sampling


def test_every_clip_and_input_has_a_draw_of_its_own() -> None:
    what = batch(clips=2000, context=3, horizon=4)
    first = drawn(REVERSE, what, step=30_000).flatten(1).float()
    torch.testing.assert_close(
        first.mean(dim=0),
        torch.tensor([1.0] + 2 * [1 - 0.5 * math.exp(-1)] + 3 * [0.4]),
        atol=0.05,
        rtol=0,
    )
    correlation = torch.corrcoef(first[:, 1:].T) - torch.eye(5)
    assert correlation.abs().max() < 0.1
    for other in (drawn(REVERSE, what, step=30_001), drawn(REVERSE, what, step=30_000, seed=1)):
        agreement = (other.flatten(1).float() == first)[:, 3:].float().mean()
        assert float(agreement) == pytest.approx(0.4**2 + 0.6**2, abs=0.05)


class Spy(TeachableModel):
    """Copies the frame it reads, and remembers what it was given."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__(None, spec)
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.seen: list[tuple[bool, int, int, Teacher | None]] = []

    def unroll(self, context: Tensor, horizon: int, teacher: Teacher | None) -> Forecast:
        self.seen.append((self.training, context.shape[1], horizon, teacher))
        newest, written = context[:, :1], list[Tensor]()
        for time in range(context.shape[1] + horizon - 1):
            if teacher is not None:
                newest = teacher.input_at(time, newest)
            elif time < context.shape[1]:
                newest = context[:, time : time + 1]
            newest = newest * self.weight
            written.append(newest)
        outputs = torch.cat(written, dim=1)
        k = context.shape[1]
        return Forecast(outputs[:, k - 1 :], one_step=outputs[:, : k - 1] if k > 1 else None)


def loss_of(module: TrainingModule, what: Batch, mask: Tensor | None = None) -> float:
    return float(module(what.context, what.target, None, mask)[0].detach())


def test_the_loss_covers_every_output_whatever_the_model_read() -> None:
    what = batch(clips=1)
    spy = Spy(ClipSpec(context=3, horizon=4, channels=1, height=4, width=4))
    module = TrainingModule(spy, build_loss({"mse": 1.0}), UNIT)
    mask = torch.tensor([[True, True, False, True, False, False]])[:, :, None, None, None]
    frames = what.frames
    read = frames[:, [0, 1, 1, 3, 3, 3]]
    assert loss_of(module, what, mask) == pytest.approx(float((read - frames[:, 1:]).square().mean()), rel=1e-6)
    assert loss_of(module, what) == pytest.approx(float((frames[:, :-1] - frames[:, 1:]).square().mean()), rel=1e-6)
    module.eval()
    free = frames[:, [0, 1, 2, 2, 2, 2]]
    assert loss_of(module, what) == pytest.approx(float((free - frames[:, 1:]).square().mean()), rel=1e-6)
    (_, _, _, teacher), teacher_forced, validated = spy.seen
    assert teacher is not None
    assert torch.equal(teacher.frames, frames[:, :-1])  # the last frame is a target, never an input
    assert teacher_forced == (True, 6, 1, None)
    assert validated == (False, 3, 4, None)
    with pytest.raises(ValueError, match="for training alone"):
        module(what.context, what.target, None, mask)


def test_a_model_without_a_teacher_refuses_a_mask() -> None:
    what = batch()
    model = build_model("convlstm", SMALL, ClipSpec(context=3, horizon=4, channels=1, height=4, width=4))
    module = TrainingModule(model, build_loss({"mse": 1.0}), UNIT)
    with pytest.raises(ValueError, match="ConvLSTM takes no teacher"):
        module(what.context, what.target, None, torch.ones(2, 6, 1, 1, 1, dtype=torch.bool))


SAMPLING: dict[str, dict[str, Any]] = {
    "scheduled": {"name": "scheduled", "decrease": 0.1, "stop_step": 9},
    "reverse-scheduled": {"name": "reverse-scheduled", "hold_steps": 4, "stop_step": 9, "alpha": 2.0},
}


@pytest.fixture
def build(make_trainer: Any, make_clips: Callable[..., ClipSets]) -> Callable[..., Trainer]:
    def build(folder: str, **said: Any) -> Trainer:
        clips = make_clips(context=2, horizon=4)
        torch.manual_seed(3)
        model = build_model("convlstm_autoregressive", SMALL, clips.spec)
        return make_trainer(folder, model=model, clips=clips, loss={"mse": 1.0}, epochs=6, **said)

    return build


@pytest.mark.parametrize("name", SAMPLING)
@pytest.mark.parametrize("stops", [(1, 2, 8), (7,)])
def test_interrupted_and_resumed_is_uninterrupted(
    build: Any, make_watch: Any, read_log: Any, tmp_path: Path, *, name: str, stops: tuple[int, ...]
) -> None:
    sampling = SAMPLING[name]
    assert build("whole", sampling=sampling).run() == "finished"
    for number, stop in enumerate(stops):
        trainer = build("pieces", watch=make_watch(interrupt_at=stop), sampling=sampling)
        if number:
            trainer.restore()
        assert trainer.run() == "interrupted"
    trainer = build("pieces", sampling=sampling)
    trainer.restore()
    assert trainer.run() == "finished"
    found, whole = (load_file(tmp_path / folder / "weights.safetensors") for folder in ("pieces", "whole"))
    assert all(torch.equal(found[weight], whole[weight]) for weight in whole)
    assert read_log(tmp_path / "pieces" / "log.csv") == read_log(tmp_path / "whole" / "log.csv")


def test_each_step_reads_what_its_schedule_draws(
    make_trainer: Any, make_clips: Callable[..., ClipSets], monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = make_clips(context=2, horizon=4)
    spy = Spy(clips.spec)
    config = settings_of(SamplingConfig, SAMPLING["reverse-scheduled"], where="sampling")
    trainer = make_trainer(model=spy, clips=clips, epochs=6, sampling=SAMPLING["reverse-scheduled"], seed=5)
    trainer.run()
    masks = [teacher.mask for training, _, _, teacher in spy.seen if training and teacher is not None]
    assert len(masks) == 12
    for step, mask in enumerate(masks):
        what = batch(clips=len(mask), context=2, horizon=4)
        assert torch.equal(mask, drawn(config, what, seed=5, step=step))
    assert not any(mask[:, 2:].any() for mask in masks[9:])
    validations = [seen for seen in spy.seen if not seen[0]]
    assert validations == [(False, 2, 4, None)] * 6


def run_config(make_config: Any, **changes: Any) -> Any:
    model = {"name": "convlstm_autoregressive", **SMALL, "hidden": [3]}
    section = {"model": model, "training": {"sampling": SAMPLING["scheduled"], "epochs": 3}}
    return make_config(**(section | changes))


@pytest.mark.usefixtures("without_data_page")
def test_a_run_trained_with_a_teacher_is_used_without(make_config: Any, tmp_path: Path) -> None:
    config = run_config(make_config)
    run = train(config, out=tmp_path / "whole")
    assert run.config.training.sampling == settings_of(SamplingConfig, SAMPLING["scheduled"], where="")
    names = set(evaluate(run).conventions["strict"])
    assert {"convlstm_autoregressive", "convlstm_autoregressive (one-step)"} <= names
    # Stopped by another limit, then allowed to go on: the schedule is where it would have been.
    train(run_config(make_config, training={"sampling": SAMPLING["scheduled"], "epochs": 1}), out=tmp_path / "pieces")
    longer = resumed_config(tmp_path / "pieces", assignments=["training.epochs=3"])
    train(longer, out=tmp_path / "pieces", resume=True)
    found, whole = (Run.open(tmp_path / folder).model.state_dict() for folder in ("pieces", "whole"))
    assert all(torch.equal(found[weight], whole[weight]) for weight in whole)
    assert plan(config).seconds_per_step > 0


def test_a_schedule_that_cannot_be_obeyed_is_refused(make_config: Any, tmp_path: Path) -> None:
    untaught = make_config(model={"name": "convlstm"}, training={"sampling": {"name": "scheduled"}})
    too_short = run_config(make_config, clips={"context": 3, "horizon": 1})
    for config, message in (
        (untaught, "is scheduled, and this model never reads its own forecasts in training"),
        (too_short, "with a context of 3 and a horizon of 1 there is no input that it could replace"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            train(config, out=tmp_path / "run")
        with pytest.raises(ConfigurationError, match=message):
            plan(config)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "model", "context", "horizon", "fits"),
    [
        ("scheduled", "convlstm_autoregressive", 1, 2, True),
        ("reverse-scheduled", "convlstm_autoregressive", 2, 1, True),
        ("reverse-scheduled", "convlstm_autoregressive", 1, 1, False),
        ("scheduled", "convlstm_stack", 3, 2, False),
        ("none", "convlstm_stack", 3, 2, True),
        ("none", "convlstm_autoregressive", 1, 1, True),
    ],
)
def test_which_models_and_clips_a_schedule_fits(name: Any, model: str, context: int, horizon: int, fits: bool) -> None:
    spec = ClipSpec(context=context, horizon=horizon, channels=1, height=4, width=4)
    expected = nullcontext() if fits else pytest.raises(ConfigurationError)
    with torch.device("meta"), expected:
        check_sampling(SamplingConfig(name=name), build_model(model, None, spec))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"name": "sheduled"}, "sampling.name"),
        ({"start": 1.5}, "a probability from 0 to 1, found 1.5"),
        ({"decrease": -1e-5}, "decrease must be at least 0"),
        ({"alpha": 0}, "alpha must be above 0"),
        ({"stop_step": -1}, "must be at least 0"),
        ({"name": "reverse-scheduled", "stop_step": 10}, "must not come before hold_steps, found 10 < 25000"),
        ({"stop": 10}, "did you mean 'stop_step'"),
    ],
)
def test_settings_that_do_not_fit_are_named(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        settings_of(TrainingConfig, {"sampling": said}, where="training")
