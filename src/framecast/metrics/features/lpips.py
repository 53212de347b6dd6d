"""The learned perceptual distance of Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric", version 0.1 of its weights.

At each of five layers, the features of both images are brought to length 1 over the channels. Their squared difference
is weighted per channel, summed over the channels and averaged over the layer (equation 1); the distance is the sum over
the layers.

Axes: N images, C channels, H height, W width.
"""

from functools import lru_cache
from pathlib import Path
from typing import Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.metrics.features.alexnet import alexnet
from framecast.metrics.features.network import FeatureNetwork
from framecast.metrics.features.states import fill
from framecast.metrics.features.vgg import vgg16
from framecast.metrics.features.weights import ALEXNET, LPIPS_ALEX, LPIPS_VGG, VGG16, WeightFile

Net = Literal["alex", "vgg"]
"""AlexNet, which most papers give, or VGG16."""

FILES: dict[Net, tuple[WeightFile, WeightFile]] = {"alex": (ALEXNET, LPIPS_ALEX), "vgg": (VGG16, LPIPS_VGG)}
"""The weights of the network, and those of the distance."""

TAPS: dict[Net, tuple[str, ...]] = {
    "alex": ("relu1", "relu2", "relu3", "relu4", "relu5"),
    "vgg": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
}
WIDTHS: dict[Net, tuple[int, ...]] = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
"""Channels at the taps."""

SHORTEST = 1e-10
"""Vectors of features below this length are not brought to length 1."""


@final
class PerceptualDistance:
    """LPIPS with the weights of one network. It can be differentiated with respect to the first of each pair."""

    def __init__(self, network: FeatureNetwork, taps: tuple[str, ...], linear: tuple[Tensor, ...]) -> None:
        """Args:
        network: whose features are compared.
        taps: the layers.
        linear: for each layer, (C,) weights of its channels.
        """
        self.network = network
        self.taps = taps
        self._linear = linear
        self.smallest = network.smallest(taps)

    def between(self, first: Tensor, second: Tensor, *, spatial: bool = False, shortest: float = SHORTEST) -> Tensor:
        """The distance of each pair.

        Args:
            first: (N, 3, H, W) red, green and blue in [0, 1], float32 or float64, at least :attr:`smallest` pixels
                high and wide.
            second: the same shape; it gets no gradient, which takes half the memory.
            spatial: bring the map of every layer to the size of the images, bilinearly, before it is averaged; pixels
                at the border then count more.
            shortest: vectors of features below this length are not brought to length 1.

        Returns:
            (N,), at least 0.
        """
        features = self.network.features(first, self.taps)
        with torch.no_grad():
            others = self.network.features(second, self.taps)
        total = first.new_zeros(len(first))
        for one, two, weights in zip(features, others, self._linear, strict=True):
            difference = (of_length_one(one, shortest) - of_length_one(two, shortest)).square()
            map_ = (difference * weights.to(first)[:, None, None]).sum(dim=1, keepdim=True)
            if spatial:
                map_ = F.interpolate(map_, size=first.shape[-2:], mode="bilinear", align_corners=False)
            total = total + map_.mean(dim=(1, 2, 3))
        return total


def of_length_one(features: Tensor, shortest: float) -> Tensor:
    """Scale the vectors over the channels of (N, C, H, W) to length 1; shorter ones than ``shortest`` are divided by
    it, so that nothing is divided by 0 and gradients stay finite.
    """
    power = features.square().sum(dim=1, keepdim=True)
    return features * power.clamp(min=shortest**2).rsqrt()


def perceptual_distance(net: Net, weights: str | None = None, linear: str | None = None) -> PerceptualDistance:
    """LPIPS with its published weights, or with those of files that the user names.

    Args:
        net: which network.
        weights: a file of the network's weights.
        linear: a file of the distance's weights.

    Raises:
        NotAvailableError: there are no weights, or they are not of this network.
    """
    network = alexnet(weights) if net == "alex" else vgg16(weights)
    path = FILES[net][1].require(linear)
    status = path.stat()
    return PerceptualDistance(network, TAPS[net], _linear(net, path, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # whoever asks first, others may want gradients
def _linear(net: Net, path: Path, _changed: int, _num_bytes: int) -> tuple[Tensor, ...]:
    # In the published file a dropout, idle outside of training, stands before each convolution of 1x1.
    layers = nn.ModuleDict(
        {
            f"lin{number}": nn.ModuleDict({"model": nn.ModuleDict({"1": nn.Conv2d(width, 1, 1, bias=False)})})
            for number, width in enumerate(WIDTHS[net])
        }
    )
    fill(layers, path, prefix="", what=f"LPIPS ({net})")
    return tuple(weight.flatten() for weight in layers.state_dict().values())
