"""Trainings with an adversary: both sides learn, resume, are logged, and stop as the rest does. Axes: B T C H W."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from framecast.clips.clip_sets import ClipSets
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, TrainingError
from framecast.frames.forecaster import Forecast
from framecast.models.model import Model
from framecast.runs.run import Run
from framecast.training.adversary import Adversary
from framecast.training.checkpoint import load_checkpoint
from framecast.training.module import TrainingModule
from framecast.training.trainer import Trainer
from framecast.workflows.plan import plan
from framecast.workflows.train import train

SMALL: dict[str, Any] = {"weight": 0.1, "start_step": 0, "filters": 2, "r1_every": 2, "frames": 1}


class Scaling(Model):
    """Says that the future is the last frame seen, times a weight."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__(None, spec)
        self.weight = nn.Parameter(torch.tensor(0.7))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        return Forecast(self.weight * context[:, -1:].repeat(1, horizon, 1, 1, 1))


def adversary_of(module: TrainingModule) -> Adversary:
    assert module.adversary is not None
    return module.adversary


ADVERSARIAL: dict[str, Any] = {
    "mse": 1.0,
    "adversarial": SMALL | {"start_step": 4, "schedule": {"shape": "linear", "start_step": 4, "stop_step": 8}},
}
EVERYTHING: dict[str, Any] = {
    "epochs": 4,  # of 3 steps
    "optimizer": {"name": "adamw", "lr": 0.01},
    "ema_decay": 0.9,
    "validate_every": 2,
    "checkpoint_minutes": 1e6,
}


@pytest.fixture
def trainer(make_trainer: Any, make_clips: Callable[..., ClipSets], make_source: Any) -> Callable[..., Trainer]:
    def make(folder: str = "run", **said: Any) -> Trainer:
        clips = make_clips(make_source(size=16))
        model = Scaling(spec=clips.spec)
        return make_trainer(folder, model=model, clips=clips, **{"loss": ADVERSARIAL} | EVERYTHING | said)

    return make


def states(path: Path) -> dict[str, Tensor]:
    """Everything in a checkpoint that a step changes, by name."""
    progress, tensors = load_checkpoint(path / "checkpoints" / "last.ckpt")
    found = {f"progress.{name}": torch.tensor(value) for name, value in progress.sums.items()}

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{name}.{key}", item)
        elif isinstance(value, list):
            walk(name, dict(enumerate(value)))
        elif isinstance(value, Tensor):
            found[name] = value

    walk("tensors", tensors)
    return found


def assert_same(one: Path, other: Path, read_log: Any) -> None:
    assert (one / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()
    assert read_log(one / "log.csv") == read_log(other / "log.csv")
    found, twins = states(one), states(other)
    assert found.keys() == twins.keys()
    for name, value in found.items():
        assert torch.equal(value, twins[name]), name
    assert any("discriminators" in name and name.endswith("_u") for name in found)
    assert any("discriminator_optimizer" in name for name in found)


def test_both_sides_learn_after_the_warm_up_and_only_the_model_before(
    trainer: Any, make_watch: Any, tmp_path: Path
) -> None:
    first = trainer("first", max_steps=4)
    before = {name: value.clone() for name, value in adversary_of(first._bare).state_dict().items()}
    first.run()
    for name, value in adversary_of(first._bare).state_dict().items():
        assert torch.equal(value, before[name]), name
    second = trainer("second", max_steps=12)
    weight = second._bare.model.weight.detach().clone()
    second.run()
    changed = adversary_of(second._bare).state_dict()
    assert all(not torch.equal(value, before[name]) for name, value in changed.items() if "original" in name)
    assert not torch.equal(second._bare.model.weight, weight)
    model, discriminators = (
        optimizer.param_groups[0]["params"] for optimizer in (second._optimizer, *second._opponents)
    )
    assert len(model) == 1
    assert len(discriminators) == 16
    assert second._opponents[0].param_groups[0]["betas"] == (0.0, 0.9)
    assert second._opponents[0].param_groups[0]["lr"] == 4e-4


def test_each_optimiser_has_a_limit_of_its_own(trainer: Any) -> None:
    norms: list[list[float]] = []

    class Norms:
        introduced = started = validated = lambda self, *arguments, **named: None

        def __init__(self) -> None:
            self.module: TrainingModule | None = None

        def stepped(self, *, step: int, loss: float, clips: int) -> None:
            assert self.module is not None
            sides = [self.module.model, adversary_of(self.module)]
            norms.append(
                [
                    math.sqrt(sum(float(w.grad.square().sum()) for w in side.parameters() if w.grad is not None))
                    for side in sides
                ]
            )

    always = {"mse": 100.0, "adversarial": SMALL | {"r1": 1000.0}}
    trainer(loss=always, watch=Norms(), clip_norm=1e-3, max_steps=3).run()
    assert len(norms) == 3
    for pair in norms:
        assert pair == pytest.approx([1e-3, 1e-3], rel=1e-2)


@pytest.mark.parametrize("stops", [(2,), (3,), (4, 5), (7,), (1, 6, 11)])
def test_interrupted_and_resumed_is_uninterrupted(
    trainer: Any, make_watch: Any, read_log: Any, tmp_path: Path, *, stops: tuple[int, ...]
) -> None:
    assert trainer("whole").run() == "finished"
    for number, stop in enumerate(stops):
        piece = trainer("pieces", watch=make_watch(interrupt_at=stop))
        if number:
            piece.restore()
        assert piece.run() == "interrupted"
    last = trainer("pieces")
    last.restore()
    assert last.run() == "finished"
    assert_same(tmp_path / "whole", tmp_path / "pieces", read_log)


def test_killed_and_resumed_is_uninterrupted(
    trainer: Any, make_watch: Any, read_log: Any, crash: type[Exception], tmp_path: Path
) -> None:
    trainer("whole").run()
    with pytest.raises(crash):
        trainer("pieces", watch=make_watch(crash_at=8), checkpoint_minutes=0).run()
    last = trainer("pieces")
    last.restore()
    assert last.progress.step >= 6
    last.run()
    assert_same(tmp_path / "whole", tmp_path / "pieces", read_log)


def test_the_log_shows_how_the_two_stand_and_validation_is_of_distances(
    trainer: Any, read_log: Any, tmp_path: Path
) -> None:
    trainer().run()
    first, second = read_log(tmp_path / "run" / "log.csv")
    for name in ("adversarial", "discriminator", "discriminator_real", "discriminator_fake", "r1"):
        assert f"val_{name}" not in second
        assert math.isfinite(float(second[f"train_{name}"]))
    assert first["val_loss"] == first["val_mse"]
    assert float(second["train_loss"]) != float(second["train_mse"])
    # Scores of untrained discriminators are near 0: a mean over all clips, not those that were judged, would show less.
    assert float(first["train_discriminator"]) == pytest.approx(2.0, abs=0.3)
    assert float(second["train_discriminator"]) == pytest.approx(2.0, abs=0.3)


def test_discriminators_that_are_not_finite_stop_the_training_before_a_step(
    trainer: Any, make_watch: Any, tmp_path: Path
) -> None:
    broken = trainer(loss={"mse": 1.0, "adversarial": SMALL | {"start_step": 2}}, watch=make_watch())
    adversary = adversary_of(broken._bare)
    assert adversary.spatial is not None
    with torch.no_grad():
        next(adversary.spatial.parameters()).fill_(torch.nan)
    with pytest.raises(TrainingError, match=r"no longer finite at step 3.*loss\.adversarial\.lr"):
        broken.run()
    assert (tmp_path / "run" / "weights.safetensors").is_file()
    assert broken._bare.model.weight.isfinite()


def test_only_their_gradient_is_not_finite_and_it_stops_too(trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt = trainer(loss={"mse": 1.0, "adversarial": SMALL})
    weight = next(adversary_of(spoilt._bare).parameters())
    weight.register_hook(lambda slope: slope * torch.nan)
    before = spoilt._bare.model.weight.detach().clone()
    with pytest.raises(TrainingError, match="no longer finite at step 1"):
        spoilt.run()
    assert torch.equal(spoilt._bare.model.weight, before)


def test_the_average_and_the_saved_weights_are_of_the_model_alone(trainer: Any, tmp_path: Path) -> None:
    trainer().run()
    assert set(load_file(tmp_path / "run" / "weights.safetensors")) == {"weight"}


def test_a_checkpoint_without_an_adversary_has_none_of_it_and_loads(trainer: Any, tmp_path: Path) -> None:
    trainer("plain", loss={"mse": 1.0}, max_steps=3).run()
    _, tensors = load_checkpoint(tmp_path / "plain" / "checkpoints" / "last.ckpt")
    assert set(tensors) == {"model", "optimizer", "average"}
    path = tmp_path / "plain" / "checkpoints" / "last.ckpt"
    content = torch.load(path, weights_only=True)
    del content["progress"]["seen"]  # as earlier versions wrote it
    content["progress"] |= {"sums": {"loss": 6.0}, "clips": 12}
    torch.save(content, path)
    again = trainer("plain", loss={"mse": 1.0}, max_steps=6)
    again.restore()
    assert again.progress.seen == {"loss": 12}
    assert again.run() == "finished"


WORKFLOW: dict[str, Any] = {
    "source": {"height": 16, "width": 16},
    "loss": {"mse": 1.0, "adversarial": SMALL | {"start_step": 1}},
    "training": {"max_steps": 3},
}


@pytest.mark.usefixtures("without_data_page")
def test_a_run_is_trained_planned_and_opened_with_an_adversary(
    make_config: Any, make_watch: Any, tmp_path: Path
) -> None:
    config = make_config(**WORKFLOW)
    planned = plan(config)
    assert planned.discriminators > 0
    plain = plan(make_config(**WORKFLOW | {"loss": {"mse": 1.0}}))
    assert plain.discriminators == 0
    assert planned.disk_bytes - plain.disk_bytes == 3 * 4 * planned.discriminators
    watch = make_watch()
    run = train(config, out=tmp_path / "run", monitor=watch)
    assert f"discriminators: {planned.discriminators:,} parameters, in training alone" in watch.texts[0]
    assert run.record.status == "finished"
    assert run.record.parameters == planned.parameters
    assert Run.open(tmp_path / "run").config.loss["adversarial"]["start_step"] == 1
    assert json.loads((tmp_path / "run" / "run.json").read_text())["steps"] == 3


@pytest.mark.usefixtures("without_data_page")
def test_frames_that_are_too_small_are_refused_before_anything_is_written(make_config: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 16x16 pixels, found 8x8"):
        train(make_config(loss={"mse": 1.0, "adversarial": SMALL}), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
