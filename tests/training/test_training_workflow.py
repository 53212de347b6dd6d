"""Training as a whole: a run folder that is complete, that can be moved, and that its own configuration reproduces."""

import dataclasses
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file

from framecast.clips.clip_set import ClipSet
from framecast.clips.normaliser import Normaliser
from framecast.frames.errors import ConfigurationError, RunError, SourceError, SplitError
from framecast.runs.config import RunConfig
from framecast.runs.configure import configure
from framecast.runs.folder import RunFolder
from framecast.runs.run import Run
from framecast.training.device import choose_device
from framecast.training.progress import progress_bar
from framecast.workflows.evaluate import evaluate
from framecast.workflows.plan import plan
from framecast.workflows.train import prepare_training, train


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def complete_config() -> RunConfig:
    return configure(
        "random",
        settings={
            "source": {"num_sequences": 10, "num_frames": 6, "height": 12, "width": 12},
            "clips": {"context": 3, "horizon": 2, "augment": {"noise": 0.05}},
            "model": {"name": "convlstm_stack", "filters": [3], "batch_norm": True},
            "training": {
                "epochs": 3,
                "batch_size": 8,
                "pictures_every": 2,
                "device": "cpu",
                "precision": 32,
                "ema_decay": 0.9,
            },
        },
    )


@pytest.fixture(scope="module")
def finished(complete_config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with everything that training writes; tests leave it as it is."""
    return train(complete_config, out=tmp_path_factory.mktemp("finished") / "the-run")


def test_the_folder_is_complete(finished: Run) -> None:
    found = files_of(finished.folder.path)
    boards = {name for name in found if name.startswith("tensorboard/events.out.tfevents.")}
    pictures = {name for name in found if name.startswith("pictures/")}
    assert len(boards) == 1
    assert found - boards - pictures == {
        "config.yaml",
        "run.json",
        "weights.safetensors",
        "normaliser.json",
        "baselines.safetensors",
        "splits.json",
        "doctor.json",
        "inspect.json",
        "frames.png",
        "histogram.png",
        "log.csv",
        "checkpoints/last.ckpt",
    }


def test_pictures_every_so_many_epochs_and_at_the_end(finished: Run) -> None:
    names = sorted(path.name for path in finished.folder.pictures.iterdir())
    assert names == [f"epoch_{epoch:04d}_clip_{clip}.png" for epoch in (2, 3) for clip in (1,)]
    with Image.open(finished.folder.pictures / names[0]) as picture:
        assert np.asarray(picture).std() > 0


def test_the_record_says_what_happened(finished: Run) -> None:
    record = finished.record
    assert (record.status, record.steps, record.epochs) == ("finished", 6, 3)
    assert (record.training_clips, record.validation_clips) == (16, 1)
    assert (record.device, record.precision, record.dtype) == ("cpu", "32", "float32")
    assert record.parameters == record.trainable + 2 * 3  # running mean and variance of three channels
    assert record.best_loss is not None
    assert record.seconds > 0


def test_no_file_names_the_place_of_the_run(finished: Run) -> None:
    place = str(finished.folder.path.parent).encode()
    for name in files_of(finished.folder.path):
        assert place not in (finished.folder.path / name).read_bytes(), name


def test_its_own_configuration_reproduces_a_run(
    finished: Run, tmp_path: Path, read_log: Any, without_data_page: None
) -> None:
    again = train(configure(file=finished.folder.config), out=tmp_path / "again")
    assert again.folder.weights.read_bytes() == finished.folder.weights.read_bytes()
    assert again.folder.baselines.read_bytes() == finished.folder.baselines.read_bytes()
    assert again.folder.config.read_bytes() == finished.folder.config.read_bytes()
    assert read_log(again.folder.log) == read_log(finished.folder.log)
    other = train(configure(file=finished.folder.config, assignments=["training.seed=1"]), out=tmp_path / "other")
    assert other.folder.weights.read_bytes() != finished.folder.weights.read_bytes()


def test_clear_knows_everything_that_a_run_writes(
    complete_config: RunConfig, tmp_path: Path, without_data_page: None
) -> None:
    run = train(complete_config, out=tmp_path / "run")
    evaluate(run, max_clips=1)
    run.folder.report.write_text("a page", encoding="utf-8")
    mine = run.folder.evaluation / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    run.folder.clear()
    assert files_of(run.folder.path) == {"evaluation/mine.txt"}


def test_nothing_is_replaced_unasked(make_config: Any, tmp_path: Path, without_data_page: None) -> None:
    out = tmp_path / "run"
    first = train(make_config(training={"epochs": 1}), out=out)
    weights = first.folder.weights.read_bytes()
    with pytest.raises(RunError, match="already holds a run"):
        train(make_config(training={"epochs": 1, "seed": 1}), out=out)
    assert first.folder.weights.read_bytes() == weights
    mine = out / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    second = train(make_config(training={"epochs": 1, "seed": 1}), out=out, overwrite=True)
    assert second.folder.weights.read_bytes() != weights
    assert mine.read_text(encoding="utf-8") == "mine"


def test_a_test_recording_that_cannot_be_read_costs_nobody_the_earlier_run(
    make_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    train(make_config(training={"epochs": 1}), out=out)
    before = files_of(out)

    def unreadable(*_: Any, **__: Any) -> None:
        raise SourceError("a recording of the test is damaged")

    monkeypatch.setattr("framecast.workflows.train.find_leaks", unreadable)
    with pytest.raises(SourceError):
        train(make_config(training={"epochs": 1}), out=out, overwrite=True)
    assert files_of(out) == before
    assert Run.open(out).record.status == "finished"


def test_a_folder_in_use_is_refused(make_config: Any, tmp_path: Path, without_data_page: None) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        for overwrite in (False, True):
            with pytest.raises(RunError, match="in use by another training"):
                train(make_config(), out=folder.path, overwrite=overwrite)
        assert files_of(folder.path) == {"lock"}


def test_a_training_that_came_and_went_meanwhile_is_not_replaced(
    make_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_data_page: None
) -> None:
    out = tmp_path / "run"
    prepare = prepare_training

    def slow(*arguments: Any, **named: Any) -> Any:
        RunFolder(out).path.mkdir()
        RunFolder(out).record.write_text("somebody's", encoding="utf-8")
        return prepare(*arguments, **named)

    monkeypatch.setattr("framecast.workflows.train.prepare_training", slow)
    with pytest.raises(RunError, match="already holds a run"):
        train(make_config(), out=out)
    assert RunFolder(out).record.read_text(encoding="utf-8") == "somebody's"


def test_mistakes_leave_no_folder_behind(make_config: Any, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(ConfigurationError, match="--out RUN"):
        train(make_config())
    with pytest.raises(SplitError, match=r"Training needs validation clips.*clips\.split\.validation"):
        train(make_config(clips={"split": {"validation": 0}}), out=out)
    with pytest.raises(SplitError, match=r"clips\.split\.train"):
        train(make_config(clips={"split": {"train": 0}}), out=out)
    with pytest.raises(RunError, match="no run folder"):
        train(make_config(), out=out, init_from=tmp_path / "absent")
    assert not out.exists()


def test_the_configuration_may_name_the_run_folder(make_config: Any, tmp_path: Path, without_data_page: None) -> None:
    run = train(make_config(output={"run": str(tmp_path / "named")}, training={"epochs": 1}))
    assert run.folder.path == tmp_path / "named"
    assert "named" not in run.folder.config.read_text(encoding="utf-8")


def test_first_weights_follow_from_the_seed_alone(make_config: Any) -> None:
    def first(seed: int) -> dict[str, torch.Tensor]:
        return prepare_training(make_config(training={"seed": seed})).model.state_dict()

    torch.manual_seed(11)
    state = torch.get_rng_state()
    one = first(0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(12)
    same, other = first(0), first(1)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_can_start_from_the_weights_of_another(
    make_config: Any, make_watch: Any, tmp_path: Path, without_data_page: None
) -> None:
    first = train(make_config(training={"epochs": 1, "optimizer": {"lr": 0.05}}), out=tmp_path / "first")
    still = {"max_steps": 1, "optimizer": {"lr": 1e-12}, "seed": 7}
    fresh = train(make_config(training=still), out=tmp_path / "fresh")
    second = train(make_config(training=still), out=tmp_path / "second", init_from=first.folder.path)
    for name, value in first.model.state_dict().items():
        assert torch.allclose(second.model.state_dict()[name], value, atol=1e-9)
    assert not torch.allclose(fresh.model.state_dict()["head.weight"], first.model.state_dict()["head.weight"])
    with pytest.raises(RunError, match="do not fit this model"):
        train(make_config(model={"hidden": [5]}), out=tmp_path / "third", init_from=first.folder.path)


def test_the_workflow_reads_no_test_clip(
    make_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_data_page: None
) -> None:
    splits: set[str] = set()
    native = ClipSet.native_batch

    def watched(self: ClipSet, indices: Any) -> Any:
        splits.add(self.split)
        return native(self, indices)

    monkeypatch.setattr(ClipSet, "native_batch", watched)
    train(make_config(training={"epochs": 1, "pictures_every": 1}), out=tmp_path / "run")
    assert splits == {"train", "validation"}


def test_the_normaliser_travels_with_the_run(
    make_config: Any, make_source: Any, tmp_path: Path, without_data_page: None
) -> None:
    config = make_config(clips={"normaliser": "standard"}, training={"epochs": 1})
    run = train(config, out=tmp_path / "run", source=make_source())
    assert run.normaliser == prepare_training(config, source=make_source()).clips.normaliser
    assert run.normaliser.kind == "standard"
    assert run.record.step_seconds == 0.5
    assert run.record.spec.low != (0.0,)
    other = Normaliser(kind="unit", low=(0.0,), high=(1.0,), offset=(0.0,), scale=(1.0,))
    assert prepare_training(config, source=make_source(), normaliser=other).clips.normaliser == other


def test_without_tensorboard_the_log_is_still_there(
    make_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_data_page: None
) -> None:
    monkeypatch.setattr("framecast.training.log.find_spec", lambda name: None)
    run = train(make_config(training={"epochs": 1}), out=tmp_path / "run")
    assert run.folder.log.is_file()
    assert not (run.folder.path / "tensorboard").exists()


def test_tensorboard_does_not_load_tensorflow(tmp_path: Path) -> None:
    """Planted: a TensorFlow that cannot be loaded; in a process of its own, as this one may hold a real one."""
    pytest.importorskip("tensorboard")
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise SystemExit('TensorFlow was loaded')", encoding="utf-8")
    log = (
        "import sys; from pathlib import Path; from framecast.training.log import TrainingLog\n"
        "log = TrainingLog(Path(sys.argv[1]) / 'log.csv'); log.append({'epoch': 1, 'step': 2, 'val_loss': 0.5})\n"
        "log.close()"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", log, str(tmp_path)]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))) == 1


def test_tensorboard_shows_every_number_of_the_log(finished: Run, read_log: Any) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = accumulator.EventAccumulator(str(finished.folder.path / "tensorboard"))
    board.Reload()
    rows = read_log(finished.folder.log)
    for name in rows[0].keys() - {"epoch", "step"}:
        events = board.Scalars(name)
        assert [event.step for event in events] == [int(row["step"]) for row in rows]
        assert [event.value for event in events] == pytest.approx([float(row[name]) for row in rows])


def test_a_run_of_several_channels_with_missing_values(
    make_config: Any, make_source: Any, tmp_path: Path, without_data_page: None
) -> None:
    source = make_source()
    for sequence in source.sequences:
        frames = sequence.frames.astype(np.float32).repeat(2, axis=1)
        frames[:, 1] *= 30
        frames[2, 0, 3, 3:5] = np.nan
        sequence.frames = frames
        sequence.info = dataclasses.replace(
            sequence.info, channels=2, dtype="float32", value_range=None, has_missing=True
        )
    run = train(make_config(training={"pictures_every": 1}), out=tmp_path / "run", source=source)
    assert run.record.status == "finished"
    assert all(bool(value.isfinite().all()) for value in load_file(run.folder.weights).values())
    assert run.record.spec.channels == 2


def test_a_progress_bar_says_what_happens(make_config: Any, tmp_path: Path, without_data_page: None) -> None:
    said = io.StringIO()
    with progress_bar(Console(file=said, width=200)) as bar:
        train(make_config(), out=tmp_path / "run", monitor=bar)
    text = said.getvalue()
    assert "parameters:" in text
    lines = [line for line in text.splitlines() if line.startswith("epoch")]
    assert [line.split()[:4] for line in lines] == [["epoch", "1", "step", "2"], ["epoch", "2", "step", "4"]]
    assert "best so far" in lines[0]
    drawn = io.StringIO()
    with progress_bar(Console(file=drawn, width=200, force_terminal=True)) as bar:
        bar.started(step=3, total_steps=8)
        bar.stepped(step=4, loss=0.5, clips=16)
    assert "4/8 steps" in drawn.getvalue()
    assert "loss 0.50000" in drawn.getvalue()


def test_a_plan_says_what_training_would_do_and_writes_nothing(
    make_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = make_config(training={"epochs": 3})
    planned = plan(config)
    assert planned.clips == {"train": 16, "validation": 1, "test": 1}
    assert planned.sequences == {"train": 8, "validation": 1, "test": 1}
    assert planned.steps == 6
    assert plan(make_config(training={"epochs": 3, "max_steps": 4})).steps == 4
    assert planned.seconds == pytest.approx(6 * planned.seconds_per_step)
    assert planned.parameters == sum(value.numel() for value in prepare_training(config).model.parameters())
    assert planned.disk_bytes == planned.parameters * 4 * 4
    assert planned.memory_bytes > 0
    assert configure(file=_written(tmp_path / "plan.yaml", planned.configuration)) == config
    assert files_of(tmp_path) == {"plan.yaml"}


def test_a_plan_of_a_slow_training_is_made_of_fewer_steps(make_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    def count(*_: Any, **__: Any) -> None:
        steps.append(1)

    monkeypatch.setattr("framecast.workflows.plan._PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr("framecast.workflows.plan.draw_true_inputs", count)
    assert plan(make_config(training={"epochs": 3})).seconds_per_step > 0
    assert len(steps) == 1


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_devices() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda", "mps")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigurationError, match="no device 'cuda' here; this machine has:"):
            choose_device("cuda")


def test_a_moved_run_forecasts_the_same(finished: Run, tmp_path: Path) -> None:
    moved = tmp_path / "renamed"
    moved.mkdir()
    for name in ("config.yaml", "run.json", "normaliser.json", "weights.safetensors"):
        (moved / name).write_bytes((finished.folder.path / name).read_bytes())
    context = torch.rand(2, 3, 1, 12, 12)
    with torch.inference_mode():
        assert torch.equal(Run.open(moved).model(context, 5).frames, finished.model(context, 5).frames)
