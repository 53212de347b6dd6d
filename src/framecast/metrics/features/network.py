"""A frozen convolutional network that is tapped at some of its layers.

Axes: N images, C channels, H height, W width.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Of red, green and blue in [0, 1], over the images that the networks were trained on."""

IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@final
class FeatureNetwork:
    """Layers in a row, with names for those whose output is of interest.

    It is not a module on purpose: what looks through it does not train it, save it or count it. It follows the images
    to their device and precision and keeps the copies that it made for them.
    """

    def __init__(self, name: str, layers: nn.Sequential, taps: Mapping[str, int]) -> None:
        """Args:
        name: for errors.
        layers: frozen; none works in place, since outputs are read.
        taps: position of the layer after which each name is read.
        """
        self.name = name
        self.taps = dict(taps)
        self._copies: dict[tuple[torch.device, torch.dtype], nn.Sequential] = {
            (torch.device("cpu"), torch.float32): layers
        }
        self._layers = layers

    def features(self, images: Tensor, taps: Sequence[str]) -> list[Tensor]:
        """Look at images.

        Args:
            images: (N, 3, H, W) red, green and blue in [0, 1], float32 or float64.
            taps: names of layers.

        Returns:
            For each name, (N, C, H', W'). It can be differentiated with respect to the images.
        """
        mean, deviation = images.new_tensor(IMAGENET_MEAN), images.new_tensor(IMAGENET_DEVIATION)
        values = (images - mean[:, None, None]) / deviation[:, None, None]
        wanted = {self.taps[name] for name in taps}
        found: dict[int, Tensor] = {}
        layers = list(self._copy_for(images))
        for position in range(max(wanted) + 1):
            values = layers[position](values)
            if position in wanted:
                found[position] = values
        return [found[self.taps[name]] for name in taps]

    def smallest(self, taps: Sequence[str]) -> int:
        """Height and width below which images have no features at these layers."""
        layers = list(self._layers)[: max(self.taps[name] for name in taps) + 1]
        size = 1
        for layer in reversed(layers):
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                kernel, stride, padding = (_one(value) for value in (layer.kernel_size, layer.stride, layer.padding))
                size = max(1, (size - 1) * stride + kernel - 2 * padding)
        return size

    def _copy_for(self, images: Tensor) -> nn.Sequential:
        key = (images.device, images.dtype)
        if key not in self._copies:
            with torch.inference_mode(False):  # whoever asks first, others may want gradients
                self._copies[key] = deepcopy(self._layers).to(device=images.device, dtype=images.dtype)
        return self._copies[key]


def as_colour(frames: Tensor) -> Tensor:
    """Frames as the red, green and blue images that networks of photographs know.

    Grey is repeated. Three channels are taken for red, green and blue. Of any other number, each channel becomes a grey
    image of its own.

    Args:
        frames: (N, C, H, W).

    Returns:
        (N', 3, H, W); N' is N, or N x C with the channels of a frame beside each other.
    """
    if frames.shape[1] == 3:
        return frames
    return frames.reshape(-1, 1, *frames.shape[2:]).expand(-1, 3, -1, -1)


def _one(value: int | tuple[int, ...] | str) -> int:
    """Kernels, strides and paddings are the same for both axes here."""
    assert not isinstance(value, str)
    return value if isinstance(value, int) else value[0]
