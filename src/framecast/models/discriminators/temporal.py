"""Temporal discriminator: do frames go on from their context as the truth would, patch by patch?

Convolutions over space and time see the context and what follows it in one piece, and a channel that says which is
which: so motion that breaks off, changes its speed or comes from nowhere can be told (conditional, as in Mirza and
Osindero 2014; in patches, as in Isola et al. 2017). Spectral norm and independence as in the spatial discriminator.

Axes: B clips, K context frames, M frames to be judged, C channels, H height, W width; t times of patches, h, w patches.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

_STRIDES = (1, 2, 2)
"""Of the layers, over time; each halves height and width."""

_STRIDE = 4
"""Frames from one score to the next: the product of these."""


@final
class TemporalDiscriminator(nn.Module):
    """Scores for pieces of clips, some frames long and a patch large: high for those that look real."""

    def __init__(self, channels: int, *, filters: int) -> None:
        """Build.

        Args:
            channels: C.
            filters: of the first layer; the second has twice, the third four times as many.
        """
        super().__init__()
        widths = [channels + 1, filters, 2 * filters, 4 * filters]
        layers: list[nn.Module] = []
        for inputs, outputs, stride in zip(widths, widths[1:], _STRIDES, strict=False):
            convolution = nn.Conv3d(inputs, outputs, (3, 4, 4), stride=(stride, 2, 2), padding=1)
            layers += [spectral_norm(convolution), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv3d(widths[-1], 1, 3, padding=1)))

    def forward(self, context: Tensor, frames: Tensor) -> Tensor:
        """Judge.

        Args:
            context: (B, K, C, H, W) float32, normalised; always the truth.
            frames: (B, M, C, H, W), what follows it, true or forecast.

        Returns:
            (B, t, 1, h, w). Scores that are centred on frames of the context are left out, because they hardly see
            what is to be judged.
        """
        seen, judged = (torch.full_like(part[:, :, :1], mark) for part, mark in ((context, 1.0), (frames, 0.0)))
        clip = torch.cat([torch.cat([context, seen], dim=2), torch.cat([frames, judged], dim=2)], dim=1)
        scores = self.layers(clip.transpose(1, 2)).transpose(1, 2)
        first = -(-context.shape[1] // _STRIDE)  # score i is centred on frame 4 i
        return scores[:, min(first, scores.shape[1] - 1) :]
