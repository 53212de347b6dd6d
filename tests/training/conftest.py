"""Recordings in memory, a monitor that remembers, and trainings of a fraction of a second."""

import csv
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from framecast.clips.clip_sets import ClipSets
from framecast.clips.config import ClipsConfig
from framecast.clips.preparing import prepare_clips
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.settings import settings
from framecast.frames.source import Source
from framecast.losses.weighted_sum import build_loss
from framecast.models.building import build_model
from framecast.models.model import Model
from framecast.runs.config import RunConfig, TrainingConfig
from framecast.runs.configure import configure
from framecast.runs.folder import RunFolder
from framecast.training.log import Row
from framecast.training.module import TrainingModule
from framecast.training.trainer import Trainer, build_fabric


class MemorySequence(Sequence):
    def __init__(self, info: SequenceInfo, frames: NDArray[Any]) -> None:
        self.info = info
        self.frames = frames

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        return self.frames[start:stop]


@dataclass(frozen=True, kw_only=True)
class MemorySource(Source):
    pass


def build_source(*, num_sequences: int = 10, num_frames: int = 6, size: int = 8) -> MemorySource:
    """A bright square that moves to the right over noise; the first 80 % for training."""
    sequences: list[Sequence] = []
    for number in range(num_sequences):
        frames = np.random.default_rng(number).integers(0, 60, (num_frames, 1, size, size)).astype(np.uint8)
        for time in range(num_frames):
            left = (number + time) % (size - 2)
            frames[time, :, 2:5, left : left + 3] = 200
        place = number / num_sequences
        info = SequenceInfo(
            name=f"recording-{number}",
            num_frames=num_frames,
            channels=1,
            height=size,
            width=size,
            dtype="uint8",
            value_range=(0.0, 255.0),
            step_seconds=0.5,
            split="train" if place < 0.8 else "validation" if place < 0.9 else "test",
        )
        sequences.append(MemorySequence(info, frames))
    return MemorySource(kind="memory", location="memory", sequences=tuple(sequences))


@dataclass
class Watch:
    """A monitor that remembers, and can interrupt."""

    interrupt_at: int | None = None
    """Ctrl-C during this step."""
    crash_at: int | None = None
    """An exception after this step, as if the process were killed."""
    crash_at_validation: int | None = None
    """An exception after this validation (1-based), before its checkpoint."""
    module: TrainingModule | None = None
    steps: list[tuple[int, float, int]] = field(default_factory=list[tuple[int, float, int]])
    rows: list[Row] = field(default_factory=list[Row])
    improved: list[bool] = field(default_factory=list[bool])
    weights: list[dict[str, torch.Tensor]] = field(default_factory=list[dict[str, torch.Tensor]])
    """After each step, where ``module`` is known."""
    gradient_norms: list[float] = field(default_factory=list[float])
    texts: list[str] = field(default_factory=list[str])

    def introduced(self, summary: str) -> None:
        self.texts.append(summary)

    def started(self, *, step: int, total_steps: int) -> None:
        self.texts.append(f"{step} of {total_steps}")

    def stepped(self, *, step: int, loss: float, clips: int) -> None:
        self.steps.append((step, loss, clips))
        if self.module is not None:
            self.weights.append({name: value.clone() for name, value in self.module.model.state_dict().items()})
            gradients = [weight.grad.flatten() for weight in self.module.model.parameters() if weight.grad is not None]
            self.gradient_norms.append(float(torch.cat(gradients).norm()))
        if step == self.interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)
        if step == self.crash_at:
            raise Crash

    def validated(self, row: Row, *, improved: bool) -> None:
        self.rows.append(row)
        self.improved.append(improved)
        if len(self.rows) == self.crash_at_validation:
            raise Crash


class Crash(Exception):  # noqa: N818 - it stands for the end of the process, not for an error
    pass


CLIPS: dict[str, Any] = {
    "context": 3,
    "horizon": 2,
    "augment": {"flip_horizontal": True, "quarter_turns": True, "noise": 0.05},
}
STACK: dict[str, Any] = {"filters": [3], "batch_norm": True}
TRAINING: dict[str, Any] = {"epochs": 3, "batch_size": 6, "pictures_every": None, "device": "cpu"}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other cost more than these models do, most of all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_source() -> Callable[..., MemorySource]:
    return build_source


@pytest.fixture
def make_clips() -> Callable[..., ClipSets]:
    def make(source: Source | None = None, **changes: Any) -> ClipSets:
        config = settings(ClipsConfig, CLIPS | changes, where="clips")
        return prepare_clips(source or build_source(), config, seed=0)

    return make


@pytest.fixture
def make_watch() -> type[Watch]:
    return Watch


@pytest.fixture
def crash() -> type[Crash]:
    return Crash


TrainerMaker = Callable[..., Trainer]


@pytest.fixture
def make_trainer(tmp_path: Path) -> TrainerMaker:
    """A trainer of a tiny model on clips in memory: 16 training clips, so that an epoch has 3 steps of at most 6."""

    def make(
        folder: str = "run",
        *,
        watch: Watch | None = None,
        model: Model | None = None,
        clips: ClipSets | None = None,
        loss: dict[str, Any] | None = None,
        **training: Any,
    ) -> Trainer:
        sets = prepare_clips(build_source(), settings(ClipsConfig, CLIPS, where="clips")) if clips is None else clips
        config = settings(TrainingConfig, TRAINING | training, where="training")
        if model is None:
            torch.manual_seed(config.seed)
            model = build_model("convlstm_stack", STACK, sets.spec)
        weighted = build_loss(loss or {"bce": 1.0})
        weighted.prepare(sets.spec, sets.normaliser.normalise)
        module = TrainingModule(model, weighted, sets.normaliser, seed=config.seed)
        watch = watch or Watch()
        watch.module = module
        (tmp_path / folder).mkdir(exist_ok=True)
        return Trainer(
            module,
            train=sets.for_training().train,
            validation=sets.for_training().validation,
            config=config,
            folder=RunFolder(tmp_path / folder),
            fabric=build_fabric(config),
            monitor=watch,
        )

    return make


@pytest.fixture
def make_config() -> Callable[..., RunConfig]:
    """A configuration of a training on random frames, small enough for a test."""

    def make(**changes: Any) -> RunConfig:
        base = {
            "source": {"num_sequences": 10, "num_frames": 6, "height": 8, "width": 8},
            "clips": {"context": 3, "horizon": 2},
            "model": {"name": "convlstm", "hidden": [4], "patch": 2, "kernel_size": 3},
            "training": TRAINING | {"epochs": 2, "batch_size": 8},
        }
        for name, section in changes.items():
            base[name] = base.get(name, {}) | section
        return configure("random", settings=base)

    return make


@pytest.fixture
def without_data_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the data take longer than a tiny training."""
    monkeypatch.setattr("framecast.workflows.train.write_data_page", lambda source, folder: None)


@pytest.fixture
def read_log() -> Callable[[Path], list[dict[str, str]]]:
    """The rows of a log, without what a clock has measured."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        clock = {"seconds", "waiting_seconds", "clips_per_second"}
        assert all(clock <= row.keys() for row in rows)
        return [{name: value for name, value in row.items() if name not in clock} for row in rows]

    return read
