"""The speed run: its clock, its pieces, and that it scores what it says."""

import csv
import itertools
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.speedrun import __main__ as main_module
from benchmarks.speedrun import clock as clock_module
from benchmarks.speedrun import run as run_module
from benchmarks.speedrun.__main__ import main
from benchmarks.speedrun.clock import Clock, Piece, Point, Record, process_age
from benchmarks.speedrun.settings import MARKS, SETTINGS, find_settings, run_config
from framecast.clips.preparing import prepare_clips
from framecast.frames.errors import ConfigurationError
from framecast.runs.folder import RunFolder
from framecast.runs.run import Run
from framecast.training.device import computing
from framecast.workflows.train import train

ROOT = Path(__file__).parents[2]


@pytest.fixture
def speedrun(mnist_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Call it on a tiny network; the results lie in ``results``."""
    monkeypatch.setattr("framecast.workflows.train.write_data_page", lambda source, folder: None)
    monkeypatch.setattr(run_module, "_RESERVE_SECONDS", 0.0)
    where = ["--out", str(tmp_path / "out"), "--results", str(tmp_path / "results"), "--device", "cpu"]
    where += ["--piece-minutes", "1000"]  # the clock starts with this process, which may have run many tests

    def call(*words: str, data: bool = True) -> int:
        return main([*where, *words, *(["--data", str(mnist_folder)] if data else [])])

    return call


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell when a process began")
def test_the_clock_starts_with_the_process() -> None:
    script = """
import time
time.sleep(0.3)
from benchmarks.speedrun.clock import process_age
print(process_age())
"""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0.3 <= float(done.stdout) <= time.perf_counter() - begin + 0.05


def test_where_the_system_does_not_tell_the_clock_starts_with_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(clock_module, "_STAT", tmp_path / "absent")
    assert process_age() is None
    clock = Clock(Record(asked={}, settings={}), tmp_path / "clock.json", begun=time.perf_counter(), age=None)
    assert clock.piece.clock_from == "program"
    assert clock.spent < 60


def test_the_clock_goes_on_over_pieces_and_counts_a_killed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: now)
    path = tmp_path / "clock.json"
    clock = Clock(Record(asked={"model": "quick"}, settings={"name": "quick"}), path, begun=98.0, age=3.0)
    assert clock.spent == 5.0  # three before the program began, two since then
    now = 103.0
    clock.beat(step=7)  # too early to be written down
    assert read(path)["pieces"][0]["seconds"] == 5.0
    now = 111.0
    clock.beat(step=9)
    killed = Record.load(path)
    assert killed.pieces == [
        Piece(started=clock.piece.started, clock_from="process", seconds=16.0, last_step=9, ended="killed")
    ]
    now = 500.0
    clock = Clock(killed, path, begun=499.0, age=1.0)
    now = 510.0
    clock.stop("finished")
    record = Record.load(path)
    assert record.seconds == 16.0 + 12.0
    assert [piece.ended for piece in record.pieces] == ["killed", "finished"]


def test_one_call_trains_scores_and_writes(speedrun: Callable[..., int], tmp_path: Path) -> None:
    assert speedrun("--quick") == 0
    results, out = tmp_path / "results", tmp_path / "out"
    assert sorted(path.name for path in results.iterdir()) == [f"speedrun-quick.{end}" for end in ("json", "md", "png")]
    found = read(results / "speedrun-quick.json")
    assert (found["steps"], found["status"], found["test"]["clips"]) == (12, "finished", 12)
    assert found["seconds"] == pytest.approx(sum(piece["seconds"] for piece in found["pieces"]))
    steps = [point["step"] for point in found["curve"]]
    seconds = [point["seconds"] for point in found["curve"]]
    assert steps == sorted(steps)
    assert steps[-1] == 12
    assert seconds == sorted(seconds)
    assert seconds[-1] <= found["seconds"]
    assert [mark["mse"] for mark in found["marks"]] == [29.80, 22.06]
    assert not any(mark["reached"] for mark in found["marks"])
    assert f"**{found['test']['openstl']['mse']:.2f}**" in (results / "speedrun-quick.md").read_text(encoding="utf-8")
    assert (results / "speedrun-quick.png").read_bytes().startswith(b"\x89PNG")
    with RunFolder(out / "run").log.open(newline="") as file:
        losses = [float(row["val_mse"]) for row in csv.DictReader(file)]
    assert [point["mse"] for point in found["curve"]] == pytest.approx([32 * 32 * loss for loss in losses])


def test_a_quick_result_is_not_kept_beside_real_ones(
    mnist_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main_module, "_RESULTS", tmp_path / "kept")
    monkeypatch.setattr("framecast.workflows.train.write_data_page", lambda source, folder: None)
    where = ["--out", str(tmp_path / "out"), "--data", str(mnist_folder), "--device", "cpu"]
    assert main([*where, "--quick", "--piece-minutes", "1000"]) == 0
    assert (tmp_path / "out" / "speedrun-quick.md").exists()
    assert not (tmp_path / "kept").exists()


def test_the_score_is_the_squared_error_of_the_test_sequences(speedrun: Callable[..., int], tmp_path: Path) -> None:
    assert speedrun("--quick") == 0
    run = Run.open(tmp_path / "out" / "run")
    clips = prepare_clips(run.config.source.open(), run.config.clips, normaliser=run.normaliser).test.plain()
    batch = clips.batch(range(len(clips)))
    with computing("cpu", 32):
        forecast = run.model(batch.context, 10).frames.detach().double().numpy()
    squared = ((forecast - batch.target.double().numpy()) ** 2).sum(axis=(2, 3, 4))
    found = read(tmp_path / "results" / "speedrun-quick.json")
    assert found["test"]["openstl"]["mse"] == pytest.approx(squared.mean(), rel=1e-5)
    assert np.prod(squared.shape) == 12 * 10


def test_pieces_end_in_the_same_weights(
    speedrun: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert speedrun("--quick", "--train-only") == 0
    whole = RunFolder(tmp_path / "out" / "run").weights.read_bytes()
    (tmp_path / "out").rename(tmp_path / "whole")
    assert not (tmp_path / "results").exists(), "nothing was evaluated"

    def impatient(config: Any, **named: Any) -> Any:
        """Time runs out after a few looks at the clock."""
        looks = itertools.chain([0.0] * 6, itertools.repeat(1e9))
        with monkeypatch.context() as patch:
            patch.setattr("framecast.training.interrupt.time", SimpleNamespace(perf_counter=lambda: next(looks)))
            return train(config, **named)

    monkeypatch.setattr(run_module, "train", impatient)
    assert speedrun("--quick") == 3
    assert "say the same again" in capsys.readouterr().out
    codes = [speedrun(data=False)]  # nothing said goes on, too
    while codes[-1] == 3:
        codes.append(speedrun("--quick"))
        assert len(codes) < 20
    assert codes[-1] == 0
    assert RunFolder(tmp_path / "out" / "run").weights.read_bytes() == whole
    record = Record.load(tmp_path / "out" / "clock.json")
    assert len(record.pieces) == len(codes) + 1
    assert [piece.ended for piece in record.pieces] == [*["interrupted"] * len(codes), "finished"]
    edges = [(piece.first_step, piece.last_step) for piece in record.pieces]
    assert [first for first, _ in edges] == [0, *(last for _, last in edges[:-1])]
    assert [point.step for point in record.curve] == sorted({point.step for point in record.curve})
    assert (tmp_path / "results" / "speedrun-quick.json").exists()


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(
    speedrun: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def killed(*arguments: Any, **named: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("framecast.workflows.train.fit_baselines", killed)
        with pytest.raises(KilledError):
            speedrun("--quick")
    assert RunFolder(tmp_path / "out" / "run").holds_a_run
    assert speedrun() == 2, "these are other words than the first"
    assert speedrun("--quick") == 0
    record = Record.load(tmp_path / "out" / "clock.json")
    assert [piece.ended for piece in record.pieces] == ["failed: KilledError", "finished"]
    assert record.pieces[0].seconds > 0


def test_a_run_cannot_become_another(
    speedrun: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert speedrun("--quick", "--train-only") == 0
    before = (tmp_path / "out" / "clock.json").read_bytes()
    assert speedrun("--quick", "--steps", "5") == 2
    assert "choose another --out" in capsys.readouterr().err
    assert (tmp_path / "out" / "clock.json").read_bytes() == before


def test_a_piece_too_short_to_begin_is_refused(
    speedrun: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert speedrun("--quick", "--piece-minutes", "0.0001") == 2
    assert "Pieces need more than" in capsys.readouterr().err


def test_what_is_said_wins_over_the_settings(mnist_folder: Path) -> None:
    settings = find_settings("convlstm-128x3", steps=100, batch_size=8, lr=0.5)
    config = run_config(settings, data=str(mnist_folder), device="cpu", assignments=["training.optimizer.lr=0.25"])
    training = config.training
    assert (training.max_steps, training.batch_size, training.optimizer.lr) == (100, 8, 0.25)
    with pytest.raises(ConfigurationError, match="no settings 'fast'; known are convlstm-128x3"):
        find_settings("fast")


@pytest.mark.parametrize("name", SETTINGS)
def test_all_settings_make_a_training_of_their_length(name: str, mnist_folder: Path) -> None:
    settings = find_settings(name)
    config = run_config(settings, data=str(mnist_folder), device="cpu")
    training, source = config.training, config.source.options
    epoch_steps = source["train_sequences"] / training.batch_size
    assert epoch_steps == int(epoch_steps), "a smaller last batch would be compiled for itself"
    assert training.epochs * epoch_steps >= settings.steps == training.max_steps
    assert (config.clips.context, config.clips.horizon, config.loss) == (10, 10, {"mse": config.loss["mse"]})
    validations = math.ceil(training.epochs / training.validate_every)
    assert validations <= 40
    assert source["fresh"] is True
    assert name == "quick" or (source["test_sequences"], source["canvas"]) == (10_000, 64)
    assert settings.mark is None or settings.mark in MARKS


def test_points_beyond_the_checkpoint_are_measured_again(tmp_path: Path) -> None:
    record = Record(asked={}, settings={})
    record.curve = [Point(seconds=float(step), step=step, mse=1.0, train_loss=1.0) for step in (10, 20, 30)]
    clock = Clock(record, tmp_path / "clock.json", begun=time.perf_counter(), age=None)
    run_module.TimedMonitor(clock, values_per_frame=1).started(step=20, total_steps=40)
    assert [point.step for point in record.curve] == [10, 20]
    assert (clock.piece.first_step, clock.piece.last_step) == (20, 20)
