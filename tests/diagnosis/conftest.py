"""Recordings in memory, tiny trainings that end well, and runs of models in which a fault was planted."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from framecast.clips.clip_sets import ClipSets
from framecast.clips.preparing import prepare_clips
from framecast.diagnosis.check import Check
from framecast.diagnosis.patient import Patient
from framecast.diagnosis.table import CHECKS
from framecast.frames.clip import ClipSpec
from framecast.frames.sequence import Sequence, SequenceInfo, Split, range_of_dtype
from framecast.frames.source import Source
from framecast.models.model import Model
from framecast.runs.configure import configure
from framecast.runs.division import save_division
from framecast.runs.findings import Finding
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.run import Run, save_weights
from framecast.sources.inspection import inspect_source
from framecast.training.baselines import fit_baselines
from framecast.workflows.train import train

CONTEXT, HORIZON, SIZE = 4, 3, 12

CLIPS: dict[str, Any] = {"context": CONTEXT, "horizon": HORIZON}

# A small form of every model of the table; a new one gets a line here.
SMALL: dict[str, dict[str, Any]] = {
    "convlstm": {"hidden": [8], "kernel_size": 3, "patch": 2},
    "convlstm_autoregressive": {"hidden": [8], "kernel_size": 3, "patch": 2},
    "convlstm_stack": {"filters": [8], "output": "linear", "initial_output": 0.2, "batch_norm": False},
}


class MemorySequence(Sequence):
    def __init__(self, info: SequenceInfo, frames: NDArray[Any]) -> None:
        self.info = info
        self.frames = frames

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        return self.frames[start:stop]


@dataclass(frozen=True, kw_only=True)
class MemorySource(Source):
    pass


def spots(seed: int, num_frames: int = 20, size: int = SIZE) -> NDArray[np.float64]:
    """(T, 1, H, W) from 0 to 1: a round spot that goes its way over a texture of its own."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    texture = 0.1 + 0.1 * draw.random((size, size))
    place, speed = draw.random(2) * size, draw.normal(0, 1.2, 2)
    frames: list[NDArray[np.float64]] = []
    for time in range(num_frames):
        down, right = (place + time * speed) % size
        frames.append(texture + 0.75 * np.exp(-((y - down) ** 2 + (x - right) ** 2) / 4))
    return np.stack(frames)[:, None]


def split_of(number: int) -> Split:
    return "train" if number < 8 else "validation" if number < 11 else "test"


def build_source(
    frames: Callable[[int], NDArray[Any]] | None = None, *, count: int = 16, official: bool = True, **known: Any
) -> MemorySource:
    """Recordings of the data set's own splits: 8 for training, 3 for validation, 5 for the test."""
    sequences: list[Sequence] = []
    for number in range(count):
        content = (255 * spots(number)).astype(np.uint8) if frames is None else frames(number)
        settings: dict[str, Any] = {
            "step_seconds": 0.5,
            "value_range": range_of_dtype(content.dtype),
            "split": split_of(number) if official else None,
            "path": f"recording-{number}.npy",
        }
        info = SequenceInfo(
            name=f"recording-{number}",
            num_frames=len(content),
            channels=content.shape[1],
            height=content.shape[2],
            width=content.shape[3],
            dtype=content.dtype.name,
            **(settings | known),
        )
        sequences.append(MemorySequence(info, content))
    return MemorySource(kind="memory", location="memory", sequences=tuple(sequences))


def train_tiny(folder: Path, source: Source, kind: str, *, steps: int = 120, settings: dict[str, Any]) -> Run:
    config = configure(
        "random",
        settings={
            "clips": CLIPS,
            "model": {"name": kind, **SMALL[kind], **settings.pop("model", {})},
            "training": {
                "epochs": 1000,
                "max_steps": steps,
                "batch_size": 8,
                "validate_every": 2,
                "optimizer": {"lr": 1e-2},
                "pictures_every": None,
                "device": "cpu",
                "precision": 32,
                "compile": False,
                **settings.pop("training", {}),
            },
            **settings,
        },
    )
    return train(config, out=folder, source=source)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def source() -> MemorySource:
    return build_source()


@pytest.fixture
def make_source() -> Callable[..., MemorySource]:
    return build_source


@pytest.fixture(scope="session")
def trained(source: MemorySource, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """A tiny training that ends well, made once; tests that write into its folder take ``own_run``."""
    made: dict[str, Run] = {}

    def get(model: str = "convlstm") -> Run:
        if model not in made:
            made[model] = train_tiny(tmp_path_factory.mktemp("trained") / model, source, model, settings={})
        return made[model]

    return get


@pytest.fixture
def own_run(trained: Callable[..., Run], tmp_path: Path) -> Callable[..., RunFolder]:
    """A copy of a trained run, to plant a fault in."""

    def copy(model: str = "convlstm") -> RunFolder:
        return RunFolder(shutil.copytree(trained(model).folder.path, tmp_path / "own"))

    return copy


@pytest.fixture
def train_own(tmp_path: Path) -> Callable[..., Run]:
    """A tiny training in which something is planted."""

    def make(source: Source, kind: str = "convlstm", *, steps: int = 12, **settings: Any) -> Run:
        return train_tiny(tmp_path / "run", source, kind, steps=steps, settings=settings)

    return make


@pytest.fixture
def make_run(tmp_path: Path, source: MemorySource) -> Callable[..., Run]:
    """A run of any model, as training would leave it, without the training."""

    def make(model: Callable[[ClipSpec], Model], recordings: Source | None = None, **clips: Any) -> Run:
        used = recordings or source
        config = configure("random", settings={"clips": CLIPS | clips})
        sets = prepare_clips(used, config.clips, required=())
        folder = RunFolder(tmp_path / "fake")
        save_weights(fit_baselines(sets.train, sets.spec), folder.baselines)
        save_division(folder.splits, sets)
        record = RunRecord(
            spec=sets.spec,
            status="finished",
            model="convlstm",
            parameters=1,
            trainable=1,
            macs_per_frame=1.0,
            training_clips=len(sets.train),
            validation_clips=len(sets.validation),
            dtype=used.sequences[0].info.dtype,
            units=None,
            step_seconds=0.5,
        )
        return Run(folder, config, record, sets.normaliser, model(sets.spec).eval())

    return make


@pytest.fixture
def look() -> Callable[..., list[Finding]]:
    """What one check finds in a patient with these parts."""

    def findings(name: str, *, recordings: Source | None = None, clips: ClipSets | None = None, **parts: Any):
        if recordings is not None:
            config = (
                parts["run"].config.clips if "run" in parts else configure("random", settings={"clips": CLIPS}).clips
            )
            normaliser = parts["run"].normaliser if "run" in parts else None
            sets = clips or prepare_clips(recordings, config, normaliser=normaliser, required=())
            parts.setdefault("find_clips", lambda: sets)
            parts.setdefault("refit_clips", lambda: prepare_clips(recordings, config, required=()))
            parts.setdefault("find_inspection", lambda: inspect_source(recordings).as_dict())
        elif clips is not None:
            parts.setdefault("find_clips", lambda: clips)
        check: Check = CHECKS.load(name)()
        found = list(check.look(Patient(subject="planted", **parts)))
        for finding in found:
            assert finding.check == name
            assert all(text.strip() for text in (finding.what, finding.evidence, finding.mend))
        return found

    return findings


@pytest.fixture
def with_record() -> Callable[..., Run]:
    """The run with other facts in its record."""
    return lambda run, **facts: replace(run, record=replace(run.record, **facts))


@pytest.fixture
def movie() -> Callable[..., NDArray[np.float64]]:
    return spots
