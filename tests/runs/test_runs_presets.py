"""Presets: each resolves, survives its own file, builds its model, and has the published number of parameters."""

from pathlib import Path

import pytest
import torch

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.losses.weighted_sum import build_loss
from framecast.models.building import build_model
from framecast.models.counting import parameter_count
from framecast.models.model import Model
from framecast.runs.config import RunConfig
from framecast.runs.configure import configure
from framecast.runs.presets.table import preset_path, presets
from framecast.runs.resolve import read_yaml, resolve, to_yaml


def preset(name: str) -> RunConfig:
    """R1 is for the user's own recordings, so it needs a source."""
    return configure("random" if name == "r1" else None, preset=name)


def model_of(config: RunConfig) -> Model:
    spec = ClipSpec(context=config.clips.context, horizon=config.clips.horizon, channels=1, height=8, width=8)
    with torch.device("meta"):  # all shapes, no numbers
        return build_model(config.model.name, config.model.settings, spec)


def test_the_presets_that_are_promised_are_there() -> None:
    assert set(presets()) >= {"demo", "r0", "r1", "r2", "r2-peephole", "r3", "r4", "moving-mnist-convlstm"}


@pytest.mark.parametrize("name", presets())
def test_a_preset_survives_its_own_file(name: str, tmp_path: Path) -> None:
    config = preset(name)
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config), encoding="utf-8")
    assert resolve(read_yaml(path)) == config


@pytest.mark.parametrize("name", presets())
def test_a_preset_says_what_it_is_and_says_nothing_twice(name: str) -> None:
    summary = presets()[name]
    assert summary.endswith(".")
    assert len(summary) > 20
    text = preset_path(name).read_text(encoding="utf-8")
    keys = [line.split(":")[0] for line in text.splitlines() if line[:1].isalpha()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("r0", 447_425),
        ("r2", 746_945),
        ("r2-peephole", 746_945 + 3 * 3 * 64),  # input, forget and output gate of three layers
        ("r3", 746_945),
        ("r4", 746_945),
        ("moving-mnist-convlstm", 10_042_896),
        ("moving-mnist-convlstm-autoregressive", 11_675_648),
        ("moving-mnist-gan", 528_208),
        ("demo", None),
        ("r1", None),
    ],
)
def test_a_preset_builds_its_model(name: str, total: int | None) -> None:
    config = preset(name)
    count = parameter_count(model_of(config))
    assert count.total == total if total is not None else count.total > 1000
    build_loss(config.loss)


def test_every_preset_is_built_above() -> None:
    built = test_a_preset_builds_its_model.pytestmark[0].args[1]
    assert {row[0] for row in built} == set(presets())


def test_settings_of_the_reference_systems() -> None:
    r0, r2 = preset("r0"), preset("r2")
    assert (r0.loss, r0.training.optimizer.name, r0.training.batch_size) == ({"mse": 1.0}, "adam", 4)
    assert (r0.training.epochs, r0.clips.split.validation, r0.training.clip_norm) == (10, 0.1, None)
    training = r2.training
    assert (training.optimizer.lr, training.clip_norm, training.early_stopping) == (5e-4, 1.0, 10)
    assert (training.schedule.name, training.schedule.factor, training.schedule.patience) == ("plateau", 0.2, 3)
    assert (training.schedule.min_lr, training.pictures_every) == (1e-6, 5)
    assert preset("r2-peephole").model.settings.peepholes
    assert not r2.model.settings.peepholes


def test_scheduled_sampling_ends_where_it_was_published_to_end() -> None:
    config = preset("moving-mnist-convlstm-autoregressive")
    training, steps = config.training, config.source.options["train_sequences"] // config.training.batch_size
    assert (steps, training.epochs, training.sampling.name) == (625, 200, "scheduled")
    assert training.sampling.stop_step == 80 * steps
    assert training.sampling.start - training.sampling.stop_step * training.sampling.decrease == pytest.approx(0)
    assert (training.optimizer.name, training.optimizer.lr, training.schedule.name) == ("adam", 5e-4, "one-cycle")


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'r2-peephole'"):
        configure("random", preset="r2-peephol")
    with pytest.raises(ConfigurationError, match="There is no preset"):
        configure("random", preset="../presets/r2")
