"""A run folder as training leaves it, without the training."""

from pathlib import Path

import pytest
import torch

from framecast.clips.normaliser import Normaliser
from framecast.frames.clip import ClipSpec
from framecast.models.baselines.climatology import Climatology
from framecast.models.building import build_model
from framecast.runs.configure import configure
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.resolve import to_yaml
from framecast.runs.run import save_weights

SPEC = ClipSpec(context=3, horizon=2, channels=1, height=8, width=8)


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    config = configure("random", settings={"model": {"hidden": [4], "patch": 2, "kernel_size": 3}})
    model = build_model(config.model.name, config.model.settings, SPEC)
    folder.path.mkdir()
    folder.config.write_text(to_yaml(config), encoding="utf-8")
    normaliser = Normaliser(kind="unit", low=(0.0,), high=(255.0,), offset=(0.0,), scale=(255.0,))
    folder.normaliser.write_text(normaliser.to_json(), encoding="utf-8")
    save_weights(model.state_dict(), folder.weights)
    climatology = Climatology(SPEC)
    climatology.average.copy_(torch.rand(climatology.average.shape))
    save_weights({f"climatology.{name}": value for name, value in climatology.state_dict().items()}, folder.baselines)
    RunRecord(
        spec=SPEC,
        status="finished",
        model="convlstm",
        parameters=1,
        trainable=1,
        macs_per_frame=1.0,
        training_clips=1,
        validation_clips=1,
        dtype="uint8",
        units=None,
        step_seconds=0.1,
        notes=("a file was left out",),
    ).save(folder.record)
    return folder
