"""LPIPS as a loss: the learned perceptual distance of Zhang et al. 2018, differentiated.

It is the metric of that name for frames scaled to [-1, 1], but with VGG16 by default: its authors take AlexNet for
judging and VGG16 for optimising.

Missing pixels are 0 in forecast and truth: no difference is seen there, but the edge of the hole is seen in both.
Frames that are missing altogether do not count.

Axes: B clips, T leads, C channels, H height, W width.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.losses.loss import Loss, LossConfig, Space
from framecast.losses.perceptual import SHORTEST, mean_of_frames, require_size, require_weights
from framecast.metrics.features.lpips import FILES, Net, PerceptualDistance, perceptual_distance
from framecast.metrics.features.network import as_colour


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LpipsLossConfig(LossConfig):
    """Settings of the loss ``lpips``."""

    net: Net = "vgg"
    """The network that looks: ``vgg`` (VGG16) or ``alex`` (AlexNet, frames of 31 pixels or more)."""

    weights: str | None = None
    """A file of the network's weights, .pth or .safetensors; null looks for the published one (see: framecast
    weights)."""

    linear: str | None = None
    """A file of the distance's own weights; null looks for the published one."""


@final
class LpipsLoss(Loss):
    """The mean LPIPS of frames; networks and channels as for the loss ``perceptual``."""

    config_class: ClassVar[type[LossConfig]] = LpipsLossConfig
    space: ClassVar[Space] = "unit"
    config: LpipsLossConfig

    def __init__(self, config: LpipsLossConfig) -> None:
        super().__init__(config)
        self._distance: PerceptualDistance | None = None

    def prepare(self, spec: ClipSpec) -> None:
        """See :meth:`Loss.prepare`."""
        named = (self.config.weights, self.config.linear)
        require_weights("lpips", *(file for file, path in zip(FILES[self.config.net], named, strict=True) if not path))
        distance = self._looking()
        require_size("lpips", distance.network, distance.taps, spec.height, spec.width)

    def compute(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """See :meth:`Loss.compute`.

        Raises:
            ConfigurationError: the frames are too small for the network.
            NotAvailableError: the loss was not prepared, and there are no weights.
        """
        distance = self._looking()
        require_size("lpips", distance.network, distance.taps, *target.shape[-2:])
        first, second = (as_colour(frames.flatten(0, 1)) for frames in (forecast, target))
        return mean_of_frames(distance.between(first, second, shortest=SHORTEST), target, mask)

    def _looking(self) -> PerceptualDistance:
        if self._distance is None:
            self._distance = perceptual_distance(self.config.net, self.config.weights, self.config.linear)
        return self._distance
