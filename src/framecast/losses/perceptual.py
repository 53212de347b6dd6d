"""Perceptual loss: the distance of what VGG16 sees in forecast and truth (Johnson et al. 2016, "Perceptual Losses for
Real-Time Style Transfer and Super-Resolution").

The paper compares activations of one layer, relu2_2 for super-resolution and relu3_3 for the content of a style
transfer: their squared difference, divided by the number of values. Layers differ in how large their activations are
by orders of magnitude. By default, the vector over the channels at each place is therefore brought to length 1 first,
as LPIPS does (Zhang et al. 2018): every layer then gives a number between 0 and 2.

Missing pixels are 0 in forecast and truth: no difference is seen there, but the edge of the hole is seen in both.
Frames that are missing altogether do not count.

Axes: B clips, T leads, N frames, C channels, H height, W width.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, NotAvailableError
from framecast.losses.loss import Loss, LossConfig, Space, masked_mean
from framecast.metrics.features.lpips import of_length_one
from framecast.metrics.features.network import FeatureNetwork, as_colour
from framecast.metrics.features.vgg import VGG16_TAPS, vgg16
from framecast.metrics.features.weights import VGG16, WeightFile, lacking

SHORTEST = 1e-4
"""Vectors of features below this length are not brought to length 1, which keeps gradients finite."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptualLossConfig(LossConfig):
    """Settings of the loss ``perceptual``."""

    layers: tuple[str, ...] = ("relu2_2", "relu3_3")
    """Activations of VGG16 that are compared, relu1_1 to relu5_3; the loss is the mean of theirs."""

    normalise: Literal["length", "none"] = "length"
    """``length`` compares directions: feature vectors are brought to length 1. ``none`` compares them as they are, as
    the paper does."""

    weights: str | None = None
    """A file of VGG16's weights, .pth or .safetensors; null looks for the published one (see: framecast weights)."""

    def __post_init__(self) -> None:
        LossConfig.__post_init__(self)
        if not self.layers or len(set(self.layers)) < len(self.layers) or not set(self.layers) <= set(VGG16_TAPS):
            raise ValueError(
                f"layers must name different activations, found {', '.join(self.layers) or 'none'}; choose from "
                f"{', '.join(VGG16_TAPS)}"
            )


@final
class PerceptualLoss(Loss):
    """Mean squared distance of features of VGG16.

    The network is frozen, is no part of the module's state, and is read when the loss is prepared or first used. Three
    channels are taken for red, green and blue, one for grey; of any other number, each channel is a grey frame.
    """

    config_class: ClassVar[type[LossConfig]] = PerceptualLossConfig
    space: ClassVar[Space] = "unit"
    config: PerceptualLossConfig

    def __init__(self, config: PerceptualLossConfig) -> None:
        super().__init__(config)
        self._network: FeatureNetwork | None = None

    def prepare(self, spec: ClipSpec) -> None:
        """See :meth:`Loss.prepare`."""
        if self.config.weights is None:
            require_weights("perceptual", VGG16)
        require_size("perceptual", self._looking(), self.config.layers, spec.height, spec.width)

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`.

        Raises:
            ConfigurationError: the frames are too small for the deepest layer.
            NotAvailableError: the loss was not prepared, and there are no weights.
        """
        network = self._looking()
        require_size("perceptual", network, self.config.layers, *target.shape[-2:])
        seen = network.features(as_colour(forecast.flatten(0, 1)), self.config.layers)
        with torch.no_grad():  # half the memory: nothing has to be kept of what was seen in the truth
            true = network.features(as_colour(target.flatten(0, 1)), self.config.layers)
        distances = [self._distance(*pair) for pair in zip(seen, true, strict=True)]
        return mean_of_frames(torch.stack(distances).mean(dim=0), target, mask)

    def _distance(self, seen: Tensor, true: Tensor) -> Tensor:
        """Features of forecasts and targets, each (N, C, H, W), → (N,)."""
        if self.config.normalise == "none":
            return (seen - true).square().mean(dim=(1, 2, 3))
        return (of_length_one(seen, SHORTEST) - of_length_one(true, SHORTEST)).square().sum(dim=1).mean(dim=(1, 2))

    def _looking(self) -> FeatureNetwork:
        if self._network is None:
            self._network = vgg16(self.config.weights)
        return self._network


def require_weights(name: str, *files: WeightFile) -> None:
    """Check that weights are there before anything else is done.

    Raises:
        NotAvailableError: they are not; says how to get them, and how to train without the loss.
    """
    if (reason := lacking(*files)) is not None:
        raise NotAvailableError(
            f"The loss '{name}' needs {reason}; to train without this loss: --set loss.{name}=false."
        )


def require_size(name: str, network: FeatureNetwork, taps: tuple[str, ...], height: int, width: int) -> None:
    """Check that frames are large enough to be looked at.

    Raises:
        ConfigurationError: they are not; says how large they must be.
    """
    if min(height, width) < (smallest := network.smallest(taps)):
        raise ConfigurationError(
            f"The loss '{name}' looks through {network.name}, which needs frames of at least {smallest}x{smallest} "
            f"pixels for the layer {taps[-1]}, found frames of {height}x{width}; use larger frames or another loss."
        )


def mean_of_frames(values: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over the frames that are there.

    Args:
        values: (N,) or, where channels were looked at one by one, (N x C,).
        target: (B, T, C, H, W), N = B x T.
        mask: the same shape, or None.
    """
    values = values.reshape(*target.shape[:2], -1).mean(dim=2)
    return masked_mean(values, None if mask is None else mask.flatten(2).any(dim=2))
