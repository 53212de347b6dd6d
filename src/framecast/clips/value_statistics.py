"""Statistics of one sequence, gathered block by block while it is prepared: values of each channel, repeated frames.

Joined as in Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance", equations 2.1.

Axes: T frames, C channels, H height, W width.
"""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.sources.repeats import equal_neighbours


@final
class ValueStatistics:
    """Count, mean, sum of squared deviations and range of the values that are there, for each channel."""

    def __init__(self, channels: int) -> None:
        self.count = [0] * channels
        self.mean = [0.0] * channels
        self.squares = [0.0] * channels
        self.low = [float("inf")] * channels
        self.high = [float("-inf")] * channels
        self._steps = 0
        self._repeated = 0
        self._last: NDArray[Any] | None = None

    def add(self, block: NDArray[Any]) -> None:
        """Join the values of (T, C, H, W), which follow those before."""
        for channel in range(len(self.count)):
            count, mean, squares, low, high = _of(block[:, channel])
            if not count:
                continue
            total = self.count[channel] + count
            shift = mean - self.mean[channel]
            self.squares[channel] += squares + shift**2 * self.count[channel] * count / total
            self.mean[channel] += shift * count / total
            self.count[channel] = total
            self.low[channel] = min(self.low[channel], low)
            self.high[channel] = max(self.high[channel], high)
        joined = block if self._last is None else np.concatenate([self._last, block])
        self._steps += len(joined) - 1
        self._repeated += int(equal_neighbours(joined).sum())
        self._last = block[-1:].copy()

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; a channel without a single value has a count of 0, and no range."""
        return {
            "count": self.count,
            "mean": self.mean,
            "squares": self.squares,
            "low": [low if count else None for low, count in zip(self.low, self.count, strict=True)],
            "high": [high if count else None for high, count in zip(self.high, self.count, strict=True)],
            "repeated_share": self._repeated / self._steps if self._steps else 0.0,
        }


def _of(values: NDArray[Any]) -> tuple[int, float, float, float, float]:
    """Count, mean, sum of squared deviations, lowest and highest of the finite values."""
    if (
        values.dtype.itemsize == 1 and values.dtype.kind in "bu"
    ):  # counting how often each of 256 values occurs is faster, and exact
        counts = np.bincount(values.reshape(-1).view(np.uint8), minlength=256)
        occurring = np.flatnonzero(counts)
        weights, numbers = counts[occurring], occurring.astype(np.float64)
        mean = float((weights * numbers).sum() / values.size)
        squares = float((weights * (numbers - mean) ** 2).sum())
        return values.size, mean, squares, float(numbers[0]), float(numbers[-1])
    numbers = values.astype(np.float64).reshape(-1)
    if values.dtype.kind == "f":
        numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return 0, 0.0, 0.0, 0.0, 0.0
    mean = float(numbers.mean())
    return numbers.size, mean, float(((numbers - mean) ** 2).sum()), float(numbers.min()), float(numbers.max())
