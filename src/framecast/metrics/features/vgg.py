"""VGG16 without its classifier (Simonyan and Zisserman 2015, table 1, column D).

Thirteen convolutions of 3x3 in five blocks, with 2x2 max pooling between them. Layers stand where torchvision has them,
so that its published weights fit: ``features.0.weight`` and so on.
"""

from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from framecast.metrics.features.network import FeatureNetwork
from framecast.metrics.features.states import fill
from framecast.metrics.features.weights import VGG16

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Filters of the convolutions of each block."""


def vgg16_layers() -> tuple[nn.Sequential, dict[str, int]]:
    """The layers, with random weights, and the positions of the activations ``relu1_1`` to ``relu5_3``."""
    layers: list[nn.Module] = []
    taps: dict[str, int] = {}
    channels = 3
    for block, widths in enumerate(BLOCKS, start=1):
        for number, width in enumerate(widths, start=1):
            layers += [nn.Conv2d(channels, width, kernel_size=3, padding=1), nn.ReLU()]
            taps[f"relu{block}_{number}"] = len(layers) - 1
            channels = width
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers), taps


VGG16_TAPS = tuple(
    f"relu{block}_{number}" for block, widths in enumerate(BLOCKS, start=1) for number in range(1, len(widths) + 1)
)
"""Names of the activations at which it can be tapped."""


def vgg16(path: str | None = None) -> FeatureNetwork:
    """The network with its published weights, or with those of a file that the user names.

    Raises:
        NotAvailableError: there are no weights, or they are not of this network.
    """
    found = VGG16.require(path)
    status = found.stat()
    return _load(found, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
@torch.inference_mode(False)  # whoever asks first, others may want gradients
def _load(path: Path, _changed: int, _num_bytes: int) -> FeatureNetwork:
    layers, taps = vgg16_layers()
    fill(layers, path, prefix="features.", what="VGG16")
    return FeatureNetwork("VGG16", layers, taps)
