"""Fixtures shared by all rooms."""

import importlib
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

# Whatever imports Keras first, as TensorBoard does where TensorFlow is installed, decides what it runs on.
os.environ["KERAS_BACKEND"] = "torch"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real recordings named by FRAMECAST_TEST_DATA; tests that need it skip without it."""
    folder = os.environ.get("FRAMECAST_TEST_DATA")
    if not folder:
        pytest.skip("FRAMECAST_TEST_DATA is not set")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keras, the independent implementation that networks are compared with.

    It runs on torch and the CPU, with its configuration file kept out of the user's home.
    """
    home: Path = tmp_path_factory.mktemp("keras")
    os.environ.update(KERAS_TORCH_DEVICE="cpu", KERAS_HOME=str(home))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Keras thinks of its own imports is not under test here
        return importlib.import_module("keras")


@pytest.fixture(scope="session")
def _weights_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weight files of the published names and shapes, with random numbers in them; no classifiers."""
    from framecast.metrics.features.alexnet import alexnet_layers
    from framecast.metrics.features.lpips import FILES, WIDTHS
    from framecast.metrics.features.vgg import vgg16_layers
    from framecast.metrics.features.weights import ALEXNET, VGG16

    folder: Path = tmp_path_factory.mktemp("weights")
    generator = torch.Generator().manual_seed(16)
    for file, (layers, _) in ((VGG16, vgg16_layers()), (ALEXNET, alexnet_layers())):
        state = layers.state_dict()
        for value in state.values():  # of a size that keeps activations from fading or growing with the depth
            deviation = (2.0 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.05
            value.normal_(0.0, deviation, generator=generator)
        torch.save({f"features.{name}": value for name, value in state.items()}, folder / file.remote.name)
    for net, (_, file) in FILES.items():
        linear = [torch.rand(1, width, 1, 1, generator=generator) for width in WIDTHS[net]]
        state = {f"lin{number}.model.1.weight": value for number, value in enumerate(linear)}
        torch.save(state, folder / file.remote.name)
    return folder


@pytest.fixture
def random_weights(_weights_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """FRAMECAST_WEIGHTS names a folder of random weights of VGG16, AlexNet and LPIPS: what looks through them works."""
    monkeypatch.setenv("FRAMECAST_WEIGHTS", str(_weights_folder))
    return _weights_folder


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No weights anywhere, whatever this machine has; returns framecast's empty cache folder."""
    monkeypatch.delenv("FRAMECAST_WEIGHTS", raising=False)
    monkeypatch.setenv("FRAMECAST_CACHE", str(tmp_path / "no-weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "no-torch"))
    monkeypatch.setattr("framecast.metrics.features.weights.find_spec", lambda package: None)
    return tmp_path / "no-weights"


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Every test starts from the same random state, whatever ran before it."""
    torch.manual_seed(0)
