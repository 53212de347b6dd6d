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


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Every test starts from the same random state, whatever ran before it."""
    torch.manual_seed(0)
