"""Named settings of the speed run: which network, trained how, for which mark.

All of them train on Moving MNIST, 10 frames in and 10 out: fresh sequences in every epoch, made from training digits;
validation sequences from training digits that training never shows; 10,000 test sequences from test digits. The loss
is the mean squared error of a linear output, the rate goes up and down once (one-cycle), weights are averaged, and what
is multiplied is bfloat16. Why these values: ``benchmarks/LOG.md``.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

from framecast.frames.errors import ConfigurationError
from framecast.models.table import MODELS
from framecast.runs.config import RunConfig
from framecast.runs.configure import configure

FRAMES = 10
"""Seen, and to forecast."""

CANVAS = 64

TEST_SEQUENCES = 10_000

VALIDATIONS = 20
"""In the whole training: enough for a curve, few enough to cost little time."""

_EPOCH_STEPS = 200
"""Sequences are made anew after so many steps; an epoch has no other meaning here."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A published figure to reach in a given time."""

    minutes: float
    """On the clock, on one NVIDIA H200."""
    mse: float
    """Convention ``openstl``, 10,000 test sequences."""
    whose: str


MARKS: dict[int, Mark] = {
    10: Mark(minutes=10, mse=29.80, whose="ConvLSTM-S after 200 epochs in OpenSTL's table"),
    25: Mark(minutes=25, mse=22.06, whose="PredRNN++ after 200 epochs in OpenSTL's table"),
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One way to train."""

    name: str
    summary: str
    mark: int | None
    """Which of ``MARKS`` it is meant for; None for none."""
    model: Mapping[str, Any]
    """The section ``model`` of a configuration."""
    batch_size: int
    steps: int
    """Optimiser steps of the whole training; the schedule ends with them, whatever the clock says."""
    lr: float
    rise: float = 0.2
    """Share of the steps in which the rate rises."""
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    precision: Literal["auto", 32, "bf16"] = "auto"
    sampling: Mapping[str, Any] | None = None
    """The section ``training.sampling``, for models that take a teacher."""
    validation_sequences: int = 512
    test_sequences: int = TEST_SEQUENCES
    canvas: int = CANVAS
    """Side of the frames in pixels."""


SETTINGS: dict[str, Settings] = {
    one.name: one
    for one in (
        Settings(
            name="convlstm-128x3",
            summary="Encoder–forecaster, three layers of 128, 3x3: small and fast, many sequences.",
            mark=10,
            model={"name": "convlstm", "hidden": [128, 128, 128], "kernel_size": 3, "peepholes": False},
            batch_size=128,
            steps=10_000,
            lr=1.5e-3,
        ),
        Settings(
            name="convlstm-128x2-k5",
            summary="The network of Shi et al. 2015, two layers of 128, 5x5, without peepholes.",
            mark=10,
            model={"name": "convlstm", "hidden": [128, 128], "kernel_size": 5, "peepholes": False},
            batch_size=64,
            steps=11_000,
            lr=1e-3,
        ),
        Settings(
            name="convlstm-192x4",
            summary="Encoder–forecaster, four layers of 192, 3x3: for the longer mark.",
            mark=25,
            model={"name": "convlstm", "hidden": [192, 192, 192, 192], "kernel_size": 3, "peepholes": False},
            batch_size=96,
            steps=12_000,
            lr=1e-3,
        ),
        Settings(
            name="convlstm-256x3",
            summary="Encoder–forecaster, three layers of 256, 3x3: wide, as large products suit a GPU.",
            mark=25,
            model={"name": "convlstm", "hidden": [256, 256, 256], "kernel_size": 3, "peepholes": False},
            batch_size=64,
            steps=14_000,
            lr=8e-4,
        ),
        Settings(
            name="autoregressive-128x4",
            summary="OpenSTL's ConvLSTM-S, whose published figure is the first mark, with its sampling made shorter.",
            mark=10,
            model={"name": "convlstm_autoregressive"},
            batch_size=64,
            steps=6_000,
            lr=1e-3,
            sampling={"name": "scheduled", "decrease": 4e-4, "stop_step": 2500},
        ),
        Settings(
            name="quick",
            summary="A few steps of a tiny network, to see that everything works.",
            mark=None,
            model={"name": "convlstm", "hidden": [8], "kernel_size": 3},
            batch_size=4,
            steps=12,
            lr=3e-3,
            ema_decay=0.9,
            validation_sequences=8,
            test_sequences=12,
            canvas=32,
        ),
    )
}


DEFAULT = "convlstm-128x3"


def find_settings(
    name: str, *, steps: int | None = None, batch_size: int | None = None, lr: float | None = None
) -> Settings:
    """Settings by name, with what was said otherwise.

    Raises:
        ConfigurationError: no such settings, or a network that this version does not have.
    """
    if name not in SETTINGS:
        raise ConfigurationError(f"There are no settings '{name}'; known are {', '.join(SETTINGS)}.")
    found = SETTINGS[name]
    if found.model["name"] not in MODELS:
        raise ConfigurationError(f"The settings '{name}' need the model '{found.model['name']}', which is not here.")
    said = {"steps": steps, "batch_size": batch_size, "lr": lr}
    return dataclasses.replace(found, **{key: value for key, value in said.items() if value is not None})


def run_config(
    settings: Settings, *, data: str | None, device: Literal["auto", "cpu", "cuda"], assignments: Sequence[str] = ()
) -> RunConfig:
    """The configuration that ``framecast train`` would be given.

    Args:
        settings: what to train.
        data: folder with MNIST's files; None takes the user's cache, or downloads them.
        device: where.
        assignments: any setting, stronger than ``settings``: ``"training.seed=1"``.
    """
    epoch_steps = min(_EPOCH_STEPS, max(1, settings.steps // VALIDATIONS))
    epochs = -(-settings.steps // epoch_steps)
    base = configure(
        "moving-mnist",
        settings={
            "source": {
                "location": "moving-mnist",
                "folder": data,
                "canvas": settings.canvas,
                "num_frames": 2 * FRAMES,
                "train_sequences": epoch_steps * settings.batch_size,
                "validation_sequences": settings.validation_sequences,
                "test_sequences": settings.test_sequences,
                "fresh": True,
            },
            # The unit range makes the loss the squared error that the marks are given in, but for the number of pixels.
            "clips": {"context": FRAMES, "horizon": FRAMES, "normaliser": "unit"},
            "model": dict(settings.model),
            "loss": {"mse": 1.0},
            "training": {
                "epochs": epochs,
                "max_steps": settings.steps,
                "batch_size": settings.batch_size,
                "optimizer": {"name": "adam", "lr": settings.lr},
                "schedule": {"name": "one-cycle", "rise": settings.rise},
                "clip_norm": settings.clip_norm,
                "ema_decay": settings.ema_decay,
                "precision": settings.precision,
                "device": device,
                "validate_every": max(1, epochs // VALIDATIONS),
                "validation_clips": None,
                "pictures_every": None,
                **({} if settings.sampling is None else {"sampling": dict(settings.sampling)}),
            },
            "evaluation": {"conventions": ["openstl", "strict"], "baselines": ["persistence", "mean"]},
        },
    )
    return configure(below=base, assignments=assignments)
