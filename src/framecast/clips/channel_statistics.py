"""Channel statistics: what a normaliser is fitted to.

Axes: T frames, C channels, H height, W width.
"""

from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.clips.transforms import Transform


@final
class ChannelStatistics:
    """Count, mean and sum of squared deviations of each channel after a transform, and its range before it; joined
    piece by piece.

    Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance", equations 2.1.
    """

    def __init__(self, channels: int, transform: Transform) -> None:
        """Start with no value."""
        self.transform = transform
        self.count = np.zeros(channels)
        self.mean = np.zeros(channels)
        self.squares = np.zeros(channels)
        self.low = np.full(channels, np.inf)
        self.high = np.full(channels, -np.inf)

    def add(self, piece: NDArray[Any]) -> None:
        """Join the values of (T, C, H, W)."""
        for channel in range(len(self.count)):
            values = piece[:, channel].astype(np.float64)
            values = values[np.isfinite(values)]
            if not values.size:
                continue
            self.low[channel] = min(self.low[channel], values.min())
            self.high[channel] = max(self.high[channel], values.max())
            if self.transform.changes:
                values = self.transform.forward(torch.from_numpy(values)).numpy()
            mean, shift = values.mean(), values.mean() - self.mean[channel]
            total = self.count[channel] + values.size
            self.squares[channel] += ((values - mean) ** 2).sum()
            self.squares[channel] += shift**2 * self.count[channel] * values.size / total
            self.mean[channel] += shift * values.size / total
            self.count[channel] = total
