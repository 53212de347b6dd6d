"""Recordings in memory, and runs of fake models whose forecasts can be computed by hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from framecast.clips.preparing import prepare_clips
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast, Objective
from framecast.frames.sequence import Sequence, SequenceInfo, range_of_dtype
from framecast.frames.source import Source
from framecast.models.model import Model
from framecast.runs.configure import configure
from framecast.runs.division import save_division
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.run import Run, save_weights
from framecast.training.baselines import fit_baselines


class MemorySequence(Sequence):
    def __init__(self, info: SequenceInfo, frames: NDArray[Any]) -> None:
        self.info = info
        self.frames = frames

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        return self.frames[start:stop]


@dataclass(frozen=True, kw_only=True)
class MemorySource(Source):
    pass


CONTEXT, HORIZON = 3, 2


def build_source(
    *,
    size: int = 12,
    dtype: str = "uint8",
    num_frames: int = 7,
    channels: int = 1,
    location: str = "memory",
    units: str | None = None,
    **known: Any,
) -> MemorySource:
    """Noise, which changes more from frame to frame from one recording to the next."""
    sequences: list[Sequence] = []
    for number in range(10):
        generator = np.random.default_rng(number)
        still = generator.integers(60, 120, (1, channels, size, size))
        moving = generator.integers(0, 12 * (1 + (number * 7) % 10), (num_frames, channels, size, size))
        frames = (still + moving).astype(dtype)
        info = SequenceInfo(
            name=f"recording-{number}",
            num_frames=num_frames,
            channels=channels,
            height=size,
            width=size,
            dtype=dtype,
            units=units,
            step_seconds=0.5,
            value_range=range_of_dtype(np.dtype(dtype)),
            split="train" if number < 4 else "validation" if number < 6 else "test",
            **known,
        )
        sequences.append(MemorySequence(info, frames))
    return MemorySource(kind="memory", location=location, sequences=tuple(sequences))


class Fading(Model):
    """The last frame, darker with every lead; frames stand for themselves alone, so batches cannot matter."""

    def __init__(
        self, spec: ClipSpec, *, objective: Objective = "horizon", gain: float = 0.9, shift: float = 0.0
    ) -> None:
        super().__init__(None, spec)
        self.objective = objective
        self.gain = gain
        self.shift = shift
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        leads = torch.arange(1, horizon + 1, dtype=context.dtype).view(-1, 1, 1, 1)
        frames = context[:, -1:] * self.gain**leads + self.shift
        if self.objective != "next_frame":
            return Forecast(frames)
        return Forecast(frames, one_step=context[:, :-1] * self.gain + self.shift if context.shape[1] > 1 else None)


def truth_of(source: Source, *, split: str = "test") -> NDArray[np.float64]:
    """(N, K + M, C, H, W), the clips of a split in order, on the scale of [0, 1]."""
    length, clips = CONTEXT + HORIZON, list[NDArray[Any]]()
    for sequence in source.sequences:
        if split in (sequence.info.split, "all"):
            frames = sequence.read()
            clips += [frames[start : start + length] for start in range(0, len(frames) - length + 1, HORIZON)]
    return np.stack(clips).astype(np.float64) / 255


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
def get_truth() -> Callable[..., NDArray[np.float64]]:
    return truth_of


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """A run on a source in memory, with its fitted baselines; what it writes goes to ``tmp_path / "run"``."""

    def make(
        source: Source | None = None,
        *,
        objective: Objective = "horizon",
        gain: float = 0.9,
        shift: float = 0.0,
        model: Callable[[ClipSpec], Model] | None = None,
        clips: dict[str, Any] | None = None,
        evaluation: dict[str, Any] | None = None,
    ) -> Run:
        source = source or build_source()
        config = configure(
            "random",
            settings={
                "clips": {"context": CONTEXT, "horizon": HORIZON} | (clips or {}),
                "evaluation": {"batch_size": 3} | (evaluation or {}),
            },
        )
        sets = prepare_clips(source, config.clips)
        folder = RunFolder(tmp_path / "run")
        save_weights(fit_baselines(sets.train, sets.spec), folder.baselines)
        save_division(folder.splits, sets)
        record = RunRecord(
            spec=sets.spec,
            status="finished",
            model="convlstm",
            parameters=12,
            trainable=10,
            macs_per_frame=34.0,
            training_clips=len(sets.train),
            validation_clips=len(sets.validation),
            dtype=source.sequences[0].info.dtype,
            units=source.sequences[0].info.units,
            step_seconds=0.5,
            notes=("a file was left out",),
        )
        built = Fading(sets.spec, objective=objective, gain=gain, shift=shift) if model is None else model(sets.spec)
        return Run(folder, config, record, sets.normaliser, built.eval())

    return make
