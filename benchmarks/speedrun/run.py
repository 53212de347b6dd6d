"""One call of the speed run: a piece of the training, or what follows it, the evaluation on test sequences."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, final

from benchmarks.speedrun.clock import Clock, Point, Record
from benchmarks.speedrun.settings import DEFAULT, find_settings, run_config
from framecast.evaluation.results import Results
from framecast.frames.errors import ConfigurationError
from framecast.runs.config import RunConfig
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.run import Run
from framecast.training.log import Row
from framecast.workflows.evaluate import evaluate
from framecast.workflows.train import resumed_config, train

DONE = ("finished", "stopped early")

_RESERVE_SECONDS = 20.0
"""Of each piece, for opening the recordings before the first step, and for the last checkpoint."""


def clock_file(out: Path) -> Path:
    """Where the clock of a run is kept."""
    return out / "clock.json"


def run_folder(out: Path) -> RunFolder:
    """Where the run itself lies."""
    return RunFolder(out / "run")


def is_done(out: Path) -> bool:
    """Whether there is nothing left to train."""
    record = run_folder(out).record
    return record.exists() and RunRecord.load(record).status in DONE


@final
class TimedMonitor:
    """Watches a training for the clock: notes steps, and the error on validation sequences against the time."""

    def __init__(self, clock: Clock, *, values_per_frame: int) -> None:
        self._clock = clock
        self._values = values_per_frame

    def introduced(self, summary: str) -> None:
        """Nothing to note."""

    def started(self, *, step: int, total_steps: int) -> None:
        """Note where the piece begins; what was measured beyond it is going to be measured again."""
        piece, record = self._clock.piece, self._clock.record
        piece.first_step = piece.last_step = step
        piece.training_from = self._clock.spent
        record.curve = [point for point in record.curve if point.step <= step]
        self._clock.save()
        print(f"step {step} of {total_steps}; {piece.training_from:.1f} s to get here", flush=True)

    def stepped(self, *, step: int, loss: float, clips: int) -> None:
        """Note the step."""
        del loss, clips
        self._clock.beat(step=step)

    def validated(self, row: Row, *, improved: bool) -> None:
        """Note the error."""
        del improved
        clock = self._clock
        clock.save()
        mse = self._values * float(row["val_mse"])
        step = int(row["step"])
        clock.record.curve.append(
            Point(seconds=clock.record.seconds, step=step, mse=mse, train_loss=float(row["train_loss"]))
        )
        clock.save()
        print(f"{clock.record.seconds:8.1f} s  step {step:>7}  validation MSE {mse:8.2f} per frame", flush=True)


def start_or_continue(
    out: Path, *, asked: Mapping[str, Any], device: Literal["auto", "cpu", "cuda"]
) -> tuple[Record, RunConfig]:
    """Find the record of a run that was begun, or begin one.

    Args:
        out: folder of the run and of its clock.
        asked: what this call says about the training: ``model``, ``steps``, ``batch_size``, ``lr``, ``set`` and
            ``data``, each where it was said; empty to continue what was begun.
        device: where.

    Returns:
        The record, and the configuration of a training that begins.

    Raises:
        ConfigurationError: the call says something else than the one that began the run, or what is not there.
    """
    path = clock_file(out)
    earlier = Record.load(path) if path.exists() else None
    if earlier is not None:
        if asked and asked != earlier.asked:
            raise ConfigurationError(
                f"'{out}' was begun with {earlier.asked or 'nothing said'}, and now {dict(asked)} is asked for; say "
                "the same or nothing to continue it, or choose another --out."
            )
        asked = earlier.asked
    settings = find_settings(
        asked.get("model", DEFAULT), steps=asked.get("steps"), batch_size=asked.get("batch_size"), lr=asked.get("lr")
    )
    config = run_config(settings, data=asked.get("data"), device=device, assignments=asked.get("set", []))
    out.mkdir(parents=True, exist_ok=True)
    return earlier or Record(asked=dict(asked), settings=dataclasses.asdict(settings)), config


def train_piece(out: Path, config: RunConfig, clock: Clock, *, piece_minutes: float) -> Run:
    """Train until the end, or until the piece is over.

    Args:
        out: folder of the run and of its clock.
        config: for a training that begins; one that was begun keeps its own.
        clock: of this piece, already running.
        piece_minutes: how long the piece may be, from the start of the process.
    """
    left = 60 * piece_minutes - clock.spent - _RESERVE_SECONDS
    if left <= 0:
        raise ConfigurationError(
            f"Pieces need more than {(clock.spent + _RESERVE_SECONDS) / 60:.1f} minutes, found {piece_minutes}."
        )
    folder = run_folder(out)
    begun = folder.checkpoint.exists()
    limit = f"training.max_minutes={left / 60}"
    if begun:
        config = resumed_config(folder.path, assignments=[limit])
    else:
        config = dataclasses.replace(config, training=dataclasses.replace(config.training, max_minutes=left / 60))
    monitor = TimedMonitor(clock, values_per_frame=_values_per_frame(config))
    try:
        run = train(config, out=folder.path, resume=begun, overwrite=not begun and folder.holds_a_run, monitor=monitor)
    except BaseException as error:
        clock.stop(f"failed: {type(error).__name__}")
        raise
    clock.stop(run.record.status)
    return run


def judge(out: Path, *, device: Literal["auto", "cpu", "cuda"]) -> Results:
    """Evaluate on all test sequences, in float32; not on the clock."""
    return evaluate(run_folder(out).path, device=device)


def _values_per_frame(config: RunConfig) -> int:
    return int(config.source.options["canvas"]) ** 2
