"""The loop: what is logged, which weights are kept, when it ends."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from framecast.clips.clip_set import ClipSet
from framecast.clips.clip_sets import ClipSets
from framecast.forecasting.roll_out import roll_out
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import SplitError, TrainingError
from framecast.frames.forecaster import Forecast
from framecast.losses.weighted_sum import build_loss
from framecast.models.building import build_model
from framecast.models.model import Model
from framecast.training.baselines import fit_baselines
from framecast.training.module import TrainingModule
from framecast.training.pictures import ValidationPictures
from framecast.training.trainer import Trainer


def planted(trainer: Trainer, losses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the validations find these losses."""
    script: Iterator[float] = iter(losses)
    monkeypatch.setattr(trainer, "_validation_means", lambda: {"loss": next(script)})


def numbers(rows: list[dict[str, str]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def test_the_log_says_what_was_computed(
    make_trainer: Any, make_watch: Any, make_clips: Callable[..., ClipSets], read_log: Any, tmp_path: Path
) -> None:
    watch, clips = make_watch(), make_clips()
    trainer = make_trainer(watch=watch, clips=clips, loss={"bce": 1.0, "mse": 2.0, "gdl": 0.0}, epochs=2)
    assert trainer.run() == "finished"
    rows = read_log(tmp_path / "run" / "log.csv")
    assert [(row["epoch"], row["step"]) for row in rows] == [("1", "3"), ("2", "6")]
    assert [(step, clips) for step, _, clips in watch.steps] == [(1, 6), (2, 6), (3, 4), (4, 6), (5, 6), (6, 4)]
    weighted = [sum(loss * clips for _, loss, clips in watch.steps[i : i + 3]) / 16 for i in (0, 3)]
    assert numbers(rows, "train_loss") == pytest.approx(weighted, rel=1e-6)
    for part in ("train", "val"):
        total = [
            bce + 2 * mse for bce, mse in zip(numbers(rows, f"{part}_bce"), numbers(rows, f"{part}_mse"), strict=True)
        ]
        assert numbers(rows, f"{part}_loss") == pytest.approx(total, rel=1e-5)
        assert min(numbers(rows, f"{part}_gdl")) > 0  # watched, not trained on
    assert watch.texts == ["0 of 6"]
    assert [row["seconds"] for row in watch.rows] == sorted(row["seconds"] for row in watch.rows)


def test_the_saved_weights_have_the_validation_loss_of_the_best_row(
    make_trainer: Any, make_clips: Callable[..., ClipSets], make_source: Any, read_log: Any, tmp_path: Path
) -> None:
    clips = make_clips(make_source(num_frames=13), stride=4)
    assert len(clips.validation) == 3  # one batch of two, one of one
    trainer = make_trainer(clips=clips, epochs=2, batch_size=2, ema_decay=0.5, precision=32)
    trainer.run()
    model = build_model("convlstm_stack", {"filters": [3], "batch_norm": True}, clips.spec)
    model.load_state_dict(load_file(tmp_path / "run" / "weights.safetensors"))
    module = TrainingModule(model, build_loss({"bce": 1.0}), clips.normaliser).eval()
    batch = clips.validation.batch(range(len(clips.validation)))
    with torch.no_grad():
        loss = float(module(batch.context, batch.target, batch.mask)[0])
    rows = read_log(tmp_path / "run" / "log.csv")
    best = min(numbers(rows, "val_loss"))
    assert loss == pytest.approx(best, rel=1e-6)
    assert trainer.progress.best_loss == best
    assert trainer.progress.best_epoch == numbers(rows, "val_loss").index(best) + 1


def test_the_average_is_what_is_saved(make_trainer: Any, make_watch: Any, tmp_path: Path) -> None:
    watch = make_watch()
    trainer = make_trainer(watch=watch, epochs=1, ema_decay=0.6, optimizer={"lr": 0.05})
    start = {name: value.clone() for name, value in watch.module.model.state_dict().items()}
    trainer.run()
    saved = load_file(tmp_path / "run" / "weights.safetensors")
    for name, _ in watch.module.model.named_parameters():
        expected = start[name].double().numpy()
        for step, weights in enumerate(watch.weights, start=1):
            decay = min(0.6, (1 + step) / (10 + step))
            expected = decay * expected + (1 - decay) * weights[name].double().numpy()
        assert np.allclose(saved[name].numpy(), expected, atol=1e-6)
        assert not np.allclose(saved[name].numpy(), watch.weights[-1][name].numpy(), atol=1e-4)
    for name in saved.keys() - dict(watch.module.model.named_parameters()).keys():
        assert torch.equal(saved[name], watch.weights[-1][name])  # statistics are the latest


def test_early_stopping_keeps_the_best_weights(
    make_trainer: Any, make_watch: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watch = make_watch()
    trainer = make_trainer(watch=watch, epochs=20, early_stopping=3)
    planted(trainer, [5.0, 4.0, 3.0, 3.5, 3.0, 3.1, 0.1], monkeypatch)
    assert trainer.run() == "stopped early"
    assert watch.improved == [True, True, True, False, False, False]
    assert (trainer.progress.best_epoch, trainer.progress.best_loss, trainer.epochs) == (3, 3.0, 6)
    saved = load_file(tmp_path / "run" / "weights.safetensors")
    for name, value in watch.weights[3 * 3 - 1].items():
        assert torch.equal(saved[name], value)


def test_the_last_weights_can_be_kept_instead(
    make_trainer: Any, make_watch: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watch = make_watch()
    trainer = make_trainer(watch=watch, epochs=20, early_stopping=2, keep="last")
    planted(trainer, [5.0, 4.0, 4.5, 4.2, 0.1], monkeypatch)
    assert trainer.run() == "stopped early"
    assert (trainer.progress.best_epoch, trainer.progress.best_loss) == (2, 4.0)
    assert (trainer.progress.kept_epoch, trainer.progress.kept_loss) == (4, 4.2)
    saved = load_file(tmp_path / "run" / "weights.safetensors")
    for name, value in watch.weights[4 * 3 - 1].items():
        assert torch.equal(saved[name], value)


def test_improvements_smaller_than_the_least_do_not_count_until_they_add_up(
    make_trainer: Any, make_watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = make_watch()
    trainer = make_trainer(watch=watch, epochs=9, early_stopping=3, min_delta=0.5)
    planted(trainer, [5.0, 4.7, 4.4, 4.3, 4.2, 4.1], monkeypatch)
    assert trainer.run() == "stopped early"
    assert watch.improved == [True, False, True, False, False, False]


def test_plateau_lowers_the_rate_after_flat_validations(
    make_trainer: Any, monkeypatch: pytest.MonkeyPatch, read_log: Any, tmp_path: Path
) -> None:
    schedule = {"name": "plateau", "factor": 0.1, "patience": 2, "min_lr": 1e-5}
    trainer = make_trainer(epochs=10, optimizer={"lr": 1e-2}, schedule=schedule)
    planted(trainer, [5, 6, 4, 6, 6, 3, 3, 3, 3, 3], monkeypatch)
    trainer.run()
    found = numbers(read_log(tmp_path / "run" / "log.csv"), "lr")
    assert found == pytest.approx([1e-2] * 5 + [1e-3] * 3 + [1e-4] * 2)


def test_validations_every_other_epoch_and_at_the_end(make_trainer: Any, make_watch: Any) -> None:
    watch = make_watch()
    trainer = make_trainer(watch=watch, epochs=5, validate_every=2)
    trainer.run()
    assert [(row["epoch"], row["step"]) for row in watch.rows] == [(2, 6), (4, 12), (5, 15)]


def test_steps_may_end_in_the_middle_of_an_epoch(make_trainer: Any, make_watch: Any) -> None:
    watch = make_watch()
    trainer = make_trainer(watch=watch, epochs=5, max_steps=4)
    assert trainer.run() == "finished"
    assert [(row["epoch"], row["step"]) for row in watch.rows] == [(1, 3), (2, 4)]
    assert (trainer.epochs, trainer.progress.step, trainer.total_steps) == (1, 4, 4)


def test_schedules_end_with_the_last_step(make_trainer: Any, read_log: Any, tmp_path: Path) -> None:
    trainer = make_trainer(epochs=5, max_steps=4, schedule={"name": "cosine", "min_lr": 1e-5})
    trainer.run()
    assert numbers(read_log(tmp_path / "run" / "log.csv"), "lr")[-1] == pytest.approx(1e-5)


def test_gradients_are_clipped_to_the_norm(make_trainer: Any, make_watch: Any) -> None:
    free, clipped = make_watch(), make_watch()
    make_trainer("free", watch=free, epochs=1, clip_norm=None).run()
    make_trainer("clipped", watch=clipped, epochs=1, clip_norm=1e-3).run()
    assert min(free.gradient_norms) > 1e-2
    assert clipped.gradient_norms == pytest.approx([1e-3] * 3, rel=1e-3)


def test_validation_takes_no_more_clips_than_asked_for(
    make_trainer: Any, make_clips: Any, make_source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = make_clips(make_source(num_frames=20))
    assert len(clips.validation) == 8
    read: list[int] = []
    batch = ClipSet.native_batch

    def counted(self: ClipSet, indices: Any) -> Any:
        indices = list(indices)
        if self.split == "validation":
            read.extend(self.clip(index).start for index in indices)
        return batch(self, indices)

    monkeypatch.setattr(ClipSet, "native_batch", counted)
    make_trainer(clips=clips, epochs=1, max_steps=1, validation_clips=4).run()
    assert read == [0, 4, 8, 12]


def test_training_never_reads_a_test_clip(
    make_trainer: Any, make_clips: Callable[..., ClipSets], monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = make_clips()
    read: set[str] = set()
    native = ClipSet.native_batch

    def watched(self: ClipSet, indices: Any) -> Any:
        chosen = list(indices)
        read.update(self.describe(index).sequence for index in chosen)
        assert self.split != "test"
        return native(self, chosen)

    monkeypatch.setattr(ClipSet, "native_batch", watched)
    fit_baselines(clips.train, clips.spec)
    make_trainer(clips=clips, epochs=1).run()
    assert read == {f"recording-{number}" for number in range(9)}
    with pytest.raises(SplitError, match="may not touch the test split"):
        _ = clips.for_training().test


def test_climatology_is_the_mean_of_the_training_clips(make_clips: Callable[..., ClipSets]) -> None:
    clips = make_clips()
    frames = np.concatenate([clips.train.native_frames(index) for index in range(len(clips.train))])
    average = fit_baselines(clips.train, clips.spec)["climatology.average"]
    assert np.allclose(average.numpy(), frames.mean(axis=0) / 255, atol=1e-6)  # as they are, not augmented


def test_pictures_show_forecasts_that_never_saw_the_truth(
    make_clips: Callable[..., ClipSets], make_source: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clips = make_clips(make_source(num_frames=20), normaliser="symmetric")
    shown: list[tuple[Any, ...]] = []

    def strip(context: Any, truth: Any, forecasts: dict[str, Any], *, title: str, shading: Any) -> bytes:
        shown.append((context, truth, forecasts["forecast"], title))
        return b"a picture"

    monkeypatch.setattr("framecast.training.pictures.film_strip", strip)
    model = build_model("convlstm_stack", {"filters": [3]}, clips.spec).eval()
    pictures = ValidationPictures(clips.validation, clips.normaliser, tmp_path / "pictures", every=5)
    pictures.draw(model, epoch=12)
    assert [title for *_, title in shown] == [f"epoch 12, clip {number}" for number in (1, 2, 3)]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        f"epoch_0012_clip_{number}.png" for number in (1, 2, 3)
    ]
    few = clips.validation.spread(3)
    for number, (context, truth, forecast, _) in enumerate(shown):
        frames = few.native_frames(number) / 255
        assert np.allclose(context, frames[:3], atol=1e-6)
        assert np.allclose(truth, frames[3:], atol=1e-6)
        with torch.no_grad():
            expected = clips.normaliser.to_unit(roll_out(model, few.batch([number]).context, 2))[0]
        assert np.allclose(forecast, expected.clamp(0, 1).numpy(), atol=1e-5)


def test_pictures_show_what_is_missing_as_missing(
    make_clips: Callable[..., ClipSets], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clips = make_clips(size=[8, 12], fit="pad", augment={})
    shown: list[tuple[Any, ...]] = []

    def strip(context: Any, truth: Any, forecasts: dict[str, Any], *, title: str, shading: Any) -> bytes:
        shown.append((context, truth, forecasts["forecast"], title))
        return b"a picture"

    monkeypatch.setattr("framecast.training.pictures.film_strip", strip)
    model = build_model("convlstm_stack", {"filters": [3]}, clips.spec).eval()
    ValidationPictures(clips.validation, clips.normaliser, tmp_path / "pictures", every=5).draw(model, epoch=1)
    for context, truth, forecast, _ in shown:
        for frames in (context, truth):
            assert np.isnan(frames).all(axis=(0, 1, 2)).tolist() == [True] * 2 + [False] * 8 + [True] * 2
        assert not np.isnan(forecast).any()


def test_random_draws_do_not_come_from_outside(make_trainer: Any, make_watch: Any) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    runs = [make_watch(), make_watch()]
    for number, watch in enumerate(runs):
        trainer = make_trainer(str(number), watch=watch, epochs=1)
        torch.manual_seed(number)
        state = torch.get_rng_state()
        trainer.run()
        assert torch.equal(torch.get_rng_state(), state)
    assert runs[0].steps == runs[1].steps
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002


class Failing(Model):
    """Goes wrong in its n-th training pass: in its values (and so in its running statistics) or only in gradients."""

    def __init__(self, spec: ClipSpec, *, at: int, where: str) -> None:
        super().__init__(None, spec)
        self.norm = nn.BatchNorm3d(spec.channels)
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.at = at
        self.where = where
        self.passes = 0

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        self.passes += self.training
        frames = context[:, -1:].repeat(1, horizon, 1, 1, 1) * self.weight
        if self.passes == self.at:
            if self.where == "values" or (self.where == "validation" and not self.training):
                frames = frames * math.nan
            elif self.where == "gradients":
                frames = frames + (self.weight - self.weight).sqrt()  # 0, with an infinite slope
        return Forecast(self.norm(frames.transpose(1, 2)).transpose(1, 2))


@pytest.mark.parametrize(
    ("where", "at", "message"),
    [
        ("values", 2, "at step 2"),  # before the first validation
        ("gradients", 2, "at step 2"),
        ("values", 5, "at step 5"),
        ("gradients", 5, "at step 5"),
        ("validation", 3, "validation loss is no longer finite after step 3"),
        ("validation", 6, "validation loss is no longer finite after step 6"),
    ],
)
@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_a_loss_that_is_not_finite_stops_with_the_last_good_weights(
    make_trainer: Any,
    make_watch: Any,
    make_clips: Callable[..., ClipSets],
    tmp_path: Path,
    *,
    where: str,
    at: int,
    message: str,
    ema_decay: float | None,
) -> None:
    clips = make_clips()
    watch = make_watch()
    model = Failing(clips.spec, at=at, where=where)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = make_trainer(watch=watch, clips=clips, model=model, loss={"mse": 1}, epochs=4, ema_decay=ema_decay)
    with pytest.raises(TrainingError, match=message):
        trainer.run()
    saved = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(bool(value.isfinite().all()) for value in saved.values())
    if ema_decay is None:
        good = {"values": 0, "gradients": 0, "validation": 3}[where] if at <= 3 else 3
        expected = start if good == 0 else watch.weights[good - 1]
        for name, value in expected.items():
            assert torch.equal(saved[name], value), name
    assert [row["step"] for row in watch.rows] == ([] if at <= 3 else [3])


def test_without_a_validation_the_last_checkpoint_is_kept(
    make_trainer: Any, make_watch: Any, make_clips: Callable[..., ClipSets], tmp_path: Path
) -> None:
    clips, watch = make_clips(), make_watch()
    model = Failing(clips.spec, at=3, where="values")
    trainer = make_trainer(watch=watch, clips=clips, model=model, loss={"mse": 1}, checkpoint_minutes=0)
    with pytest.raises(TrainingError):
        trainer.run()
    saved = load_file(tmp_path / "run" / "weights.safetensors")
    for name, value in watch.weights[1].items():
        assert torch.equal(saved[name], value)
