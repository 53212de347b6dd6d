"""Files in MNIST's format that hold a few blobs, so that nothing is downloaded."""

import struct
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def mnist_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 36 images to train on and 12 to test on, 28 x 28."""
    folder = tmp_path_factory.mktemp("mnist")
    y, x = np.mgrid[:28, :28]
    for name, count, seed in (("train-images", 36, 0), ("t10k-images", 12, 1)):
        centres = np.random.default_rng(seed).uniform(8, 20, (count, 2, 1, 1))
        images = 255 * np.exp(-((y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2) / 20)
        head = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28)
        (folder / f"{name}-idx3-ubyte").write_bytes(head + images.astype(np.uint8).tobytes())
    return folder
