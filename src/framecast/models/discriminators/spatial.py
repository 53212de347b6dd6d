"""Spatial discriminator: does a single frame look real, patch by patch?

A PatchGAN (Isola et al. 2017): convolutions alone, so that each score belongs to a patch of 38x38 pixels and frames may
have any size from 16x16 on. Every layer has its spectral norm brought to about 1 (Miyato et al. 2018), and there is no
batch normalisation: frames are judged independently.

Axes: B clips, T frames, C channels, H height, W width; h, w patches, an eighth of H and W.
"""

from itertools import pairwise
from typing import final

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


@final
class SpatialDiscriminator(nn.Module):
    """Scores for the patches of frames: high for those that look real."""

    def __init__(self, channels: int, *, filters: int) -> None:
        """Build.

        Args:
            channels: C.
            filters: of the first layer; the second has twice, the third four times as many.
        """
        super().__init__()
        widths = [channels, filters, 2 * filters, 4 * filters]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))

    def forward(self, frames: Tensor) -> Tensor:
        """Judge.

        Args:
            frames: (B, T, C, H, W) float32, normalised.

        Returns:
            (B, T, 1, h, w).
        """
        return self.layers(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
