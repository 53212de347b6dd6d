"""AlexNet without its classifier, in the form with one tower (Krizhevsky 2014) that torchvision's weights belong to.

Layers stand where torchvision has them, so that its published weights fit: ``features.0.weight`` and so on.
"""

from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from framecast.metrics.features.network import FeatureNetwork
from framecast.metrics.features.states import fill
from framecast.metrics.features.weights import ALEXNET


def alexnet_layers() -> tuple[nn.Sequential, dict[str, int]]:
    """The layers, with random weights, and the positions of the activations ``relu1`` to ``relu5``."""
    layers = nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(64, 192, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(192, 384, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, kernel_size=3, padding=1),
        nn.ReLU(),
    )
    return layers, {"relu1": 1, "relu2": 4, "relu3": 7, "relu4": 9, "relu5": 11}


def alexnet(path: str | None = None) -> FeatureNetwork:
    """The network with its published weights, or with those of a file that the user names.

    Raises:
        NotAvailableError: there are no weights, or they are not of this network.
    """
    found = ALEXNET.require(path)
    status = found.stat()
    return _load(found, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
@torch.inference_mode(False)  # whoever asks first, others may want gradients
def _load(path: Path, _changed: int, _num_bytes: int) -> FeatureNetwork:
    layers, taps = alexnet_layers()
    fill(layers, path, prefix="features.", what="AlexNet")
    return FeatureNetwork("AlexNet", layers, taps)
