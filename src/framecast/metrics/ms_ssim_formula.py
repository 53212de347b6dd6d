"""The multi-scale structural similarity formula, written once for the metric and for the loss.

Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment", Asilomar Conference on
Signals, Systems and Computers, 2003, equation 7. Contrast and structure are compared at every scale, luminance at the
coarsest only; a scale has half the height and width of the one before it (means of 2x2 pixels; an odd last row or
column is left out)::

    MS-SSIM = SSIM_5^w_5 · Π cs_s^w_s,  s = 1 … 4,  each the mean over the windows and channels of a frame

A negative mean has no real power; it counts as 0, as in TensorFlow and torchmetrics. The window of 11 pixels must fit
into the coarsest of the five scales, which has a sixteenth of the height and width: frames need 176 pixels a side. The
authors' own code and torchmetrics have the same limit.

Axes: B images, C channels, H height, W width.
"""

from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from framecast.metrics.ssim_formula import SsimFormula, image_mean

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""How much each scale counts, finest first: found by the paper in experiments with people."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MultiScaleSsimFormula:
    """The formula of the paper; other weights make another number of scales."""

    single: SsimFormula = field(default_factory=SsimFormula)
    """Window, constants and range at every scale."""

    weights: tuple[float, ...] = WEIGHTS
    """The exponent of each scale, finest first; they add up to 1."""

    @property
    def smallest(self) -> int:
        """Pixels a side that a frame needs."""
        return self.single.size * 2 ** (len(self.weights) - 1)

    def fits(self, frames: Tensor) -> bool:
        """Whether frames (..., H, W) are large enough for one window at the coarsest scale."""
        return min(frames.shape[-2:]) >= self.smallest

    def per_image(self, x: Tensor, y: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Similarity of every image.

        Args:
            x: (B, C, H, W) float; what is missing may hold anything finite.
            y: the same shape.
            mask: (B, C, H, W) bool, True where a value is there; None when every value is. A pixel of a coarser scale
                is there where all of its four are, and only windows without a missing pixel count.

        Returns:
            (B,) similarities between 0 and 1, NaN where an image is not finite, and (B,) bool: False for images without
            a whole window at some scale, whose similarity means nothing. It can be differentiated, also where a scale
            counts as 0.

        Raises:
            ValueError: the images are too small.
        """
        return self.at_both(x, y, mask)[1]

    def at_both(
        self, x: Tensor, y: Tensor, mask: Tensor | None = None
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """SSIM of every image, which is half of the work, and MS-SSIM.

        Args and errors are those of :meth:`per_image`, and so is each of the two pairs that it returns.
        """
        if not self.fits(x):
            raise ValueError(f"MS-SSIM needs frames of {self.smallest} pixels or more, found {tuple(x.shape[-2:])}")
        similarity = x.new_ones(len(x))
        defined = torch.ones(len(x), dtype=torch.bool, device=x.device)
        single = (similarity, defined)
        for scale, weight in enumerate(self.weights, start=1):
            whole, contrast = self.single.maps(x, y)
            valid = None if mask is None else self.single.valid(mask)
            if scale == 1:
                single = image_mean(whole, valid)
            mean, counted = image_mean(whole if scale == len(self.weights) else contrast, valid)
            similarity = similarity * _power(mean, weight)
            defined = defined & counted
            if scale < len(self.weights):
                x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
                mask = None if mask is None else F.max_pool2d((~mask).float(), 2) == 0
        return single, (similarity, defined)


def _power(mean: Tensor, weight: float) -> Tensor:
    """mean^weight, 0 for what is negative, NaN for NaN. The slope at 0 would be infinite; here it is 0."""
    nothing = mean <= 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, mean) ** weight)
