"""The structural similarity formula, written once for the metric and for the loss.

Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
IEEE Transactions on Image Processing 13(4), 2004, equation 13. In every window, with local means μ, variances σ² and
covariance σxy::

    SSIM = (2 μx μy + C1) (2 σxy + C2) / ((μx² + μy² + C1) (σx² + σy² + C2)),  C1 = (k1 L)², C2 = (k2 L)²

Only windows that lie inside the frame count. The window is separable, and each pass is a sum of shifted copies: this
is faster than a convolution on a CPU, forward and backward, and gives the same bits for any batch size.

Axes: any leading axes, then H height, W width.
"""

from dataclasses import dataclass
from math import exp
from typing import Literal, final

import torch
from torch import Tensor
from torch.nn import functional as F


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SsimFormula:
    """One of the variants that the field computes; the defaults are those of the paper."""

    window: Literal["gaussian", "uniform"] = "gaussian"
    """Weights inside a window."""

    size: int = 11
    """Height and width of the window in pixels, odd."""

    sigma: float = 1.5
    """Standard deviation of the Gaussian window in pixels."""

    k1: float = 0.01
    k2: float = 0.03

    data_range: float = 1.0
    """L, the distance from the lowest to the highest value. Some code bases take 2 for frames in [0, 1]."""

    covariance: Literal["population", "sample"] = "population"
    """``sample`` multiplies variances and covariance by n / (n - 1), n being the pixels of a window."""

    def __post_init__(self) -> None:
        if self.size < 3 or self.size % 2 == 0:
            raise ValueError(f"the SSIM window must be odd and at least 3 pixels wide, found {self.size}")

    def fits(self, frames: Tensor) -> bool:
        """Whether frames (..., H, W) are large enough for one window."""
        return min(frames.shape[-2:]) >= self.size

    def map(self, x: Tensor, y: Tensor) -> Tensor:
        """Similarity in every window.

        Args:
            x: (..., H, W) float.
            y: the same shape.

        Returns:
            (..., H - size + 1, W - size + 1), at most 1. It can be differentiated.

        Raises:
            ValueError: the frames are smaller than the window.
        """
        return self.maps(x, y)[0]

    def maps(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Similarity, and its factor that compares contrast and structure, in every window.

        Args:
            x: (..., H, W) float.
            y: the same shape.

        Returns:
            Two of (..., H - size + 1, W - size + 1): what :meth:`map` returns, and (2 σxy + C2) / (σx² + σy² + C2).

        Raises:
            ValueError: the frames are smaller than the window.
        """
        if not self.fits(x):
            raise ValueError(f"SSIM needs frames of {self.size}x{self.size} or more, found {tuple(x.shape[-2:])}")
        mean_x, mean_y = self._local_mean(x), self._local_mean(y)
        product, power = mean_x * mean_y, mean_x.square() + mean_y.square()
        n = self.size**2
        unbias = n / (n - 1) if self.covariance == "sample" else 1.0
        covariance = unbias * (self._local_mean(x * y) - product)
        variances = unbias * (self._local_mean(x.square() + y.square()) - power)
        c1, c2 = (self.k1 * self.data_range) ** 2, (self.k2 * self.data_range) ** 2
        contrast = (2 * covariance + c2) / (variances + c2)
        return (2 * product + c1) / (power + c1) * contrast, contrast

    def valid(self, mask: Tensor) -> Tensor:
        """The windows without a missing pixel.

        Args:
            mask: (..., H, W) bool, True where a value is there.

        Returns:
            (..., H - size + 1, W - size + 1) bool.
        """
        height, width = mask.shape[-2:]
        missing = F.max_pool2d((~mask).float().reshape(-1, 1, height, width), self.size, stride=1)
        return (missing == 0).reshape(*mask.shape[:-2], *missing.shape[-2:])

    def _local_mean(self, frames: Tensor) -> Tensor:
        taps = self._taps()
        for axis in (-2, -1):
            length = frames.shape[axis] - len(taps) + 1
            total = frames.narrow(axis, 0, length) * taps[0]
            for start, tap in enumerate(taps[1:], start=1):
                total = total.add(frames.narrow(axis, start, length), alpha=tap)
            frames = total
        return frames

    def _taps(self) -> list[float]:
        """Weights of one axis; they add up to 1."""
        if self.window == "uniform":
            return [1.0 / self.size] * self.size
        weights = [exp(-0.5 * ((i - self.size // 2) / self.sigma) ** 2) for i in range(self.size)]
        return [weight / sum(weights) for weight in weights]


def image_mean(values: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mean over the windows of each image, and whether it has any.

    Lines are added first, for the reason that :func:`framecast.metrics.statistic.frame_sum` gives.

    Args:
        values: (B, C, H, W) by window.
        valid: the same shape, bool; None when every window counts.

    Returns:
        (B,), 0 without a window, and (B,) bool.
    """
    if valid is None:
        whole = torch.ones(len(values), dtype=torch.bool, device=values.device)
        return values.mean(dim=-1).mean(dim=(-2, -1)), whole
    count = valid.flatten(1).sum(dim=1)
    return torch.where(valid, values, 0.0).sum(dim=-1).sum(dim=(-2, -1)) / count.clamp(min=1), count > 0
