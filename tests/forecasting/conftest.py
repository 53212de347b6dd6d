"""Runs of fake models whose forecasts are known, and recordings in memory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from framecast.clips.normaliser import Normaliser
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast, Objective
from framecast.frames.sequence import Sequence, SequenceInfo, range_of_dtype
from framecast.frames.source import Source
from framecast.models.model import Model
from framecast.runs.configure import configure
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.run import Run


class MemorySequence(Sequence):
    def __init__(self, info: SequenceInfo, frames: NDArray[Any]) -> None:
        self.info = info
        self.frames = frames
        self.reads: list[tuple[int, int]] = []

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        self.reads.append((start, stop))
        return self.frames[start:stop]


@dataclass(frozen=True, kw_only=True)
class MemorySource(Source):
    pass


class Counter(Model):
    """Adds ``step`` to the last frame for every lead, whatever its objective; remembers what it was asked."""

    def __init__(self, spec: ClipSpec, *, objective: Objective = "horizon", step: float = 0.0) -> None:
        super().__init__(None, spec)
        self.objective = objective
        self.step = step
        self.asked: list[tuple[Tensor, int]] = []
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        self.asked.append((context, horizon))
        leads = torch.arange(1, horizon + 1, dtype=context.dtype).view(-1, 1, 1, 1)
        return Forecast(context[:, -1:] + self.step * leads)


def info_of(frames: NDArray[Any], **known: Any) -> SequenceInfo:
    count, channels, height, width = frames.shape
    known = {"name": "recording", "value_range": range_of_dtype(frames.dtype)} | known
    return SequenceInfo(
        num_frames=count, channels=channels, height=height, width=width, dtype=str(frames.dtype), **known
    )


@pytest.fixture
def make_sequence() -> Callable[..., MemorySequence]:
    return lambda frames, **known: MemorySequence(info_of(frames, **known), frames)


@pytest.fixture
def make_source(make_sequence: Callable[..., MemorySequence]) -> Callable[..., MemorySource]:
    def make(*all_frames: NDArray[Any]) -> MemorySource:
        sequences = tuple(make_sequence(frames, name=f"part-{place}") for place, frames in enumerate(all_frames))
        return MemorySource(kind="memory", location="memory", sequences=sequences)

    return make


@pytest.fixture
def make_model() -> type[Counter]:
    return Counter


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """A run of the fake model, trained on frames of a type and size."""

    def make(
        *,
        dtype: str = "uint8",
        channels: int = 1,
        size: tuple[int, int] = (8, 8),
        context: int = 3,
        horizon: int = 2,
        value_range: tuple[float, float] = (0.0, 255.0),
        normaliser: Normaliser | None = None,
        model: Model | None = None,
        step: float = 0.0,
        objective: Objective = "horizon",
        clips: dict[str, Any] | None = None,
    ) -> Run:
        if normaliser is None:
            low, high = value_range
            normaliser = Normaliser(
                kind="unit",
                low=(low,) * channels,
                high=(high,) * channels,
                offset=(low,) * channels,
                scale=(high - low,) * channels,
            )
        low, high = normaliser.bounds
        spec = ClipSpec(
            context=context, horizon=horizon, channels=channels, height=size[0], width=size[1], low=low, high=high
        )
        config = configure("random", settings={"clips": {"context": context, "horizon": horizon} | (clips or {})})
        record = RunRecord(
            spec=spec,
            status="finished",
            model="counter",
            parameters=0,
            trainable=0,
            macs_per_frame=0,
            training_clips=1,
            validation_clips=1,
            dtype=dtype,
            units=None,
            step_seconds=None,
        )
        model = model or Counter(spec, objective=objective, step=step)
        return Run(RunFolder(tmp_path / "run"), config, record, normaliser, model.eval())

    return make
