"""Least squares lead by lead, in one pass over clips and in bounded time.

    target - average = sum of w_r (predictor_r - average)

The average is known only when all clips have been read, so sums over clips are kept from which it is taken away at the
end: of products of predictors over all pixels, and of predictors for each pixel.

Axes: B clips, K context frames, M leads, C channels, H height, W width, R predictors.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import final

import torch
from torch import Tensor

from framecast.frames.batch import Batch

_DENSE = 16
"""So many clips are used before only every second is, so many of those before only every fourth, and so on."""

_RIDGE = 1e-6
"""Keeps weights finite where predictors tell the same, as a share of their mean square."""


@final
class LeadRegression:
    """Sums for the weights of R predictors at M leads.

    Args:
        predictors: from a context (B, K, C, H, W) and M to R tensors (B, M, C, H, W).
    """

    def __init__(self, predictors: Callable[[Tensor, int], Sequence[Tensor]]) -> None:
        self._predictors = predictors
        self._products: Tensor | None = None
        """(R + 1, R + 1, M, C) float64: sums over clips and pixels; the last is the target."""
        self._values: Tensor | None = None
        """(R + 1, M, C, H, W) float64: sums over clips."""
        self._present: Tensor | None = None
        """(M, C, H, W) float64: how many clips have a value there."""

    def watching(self, clips: Iterable[Batch]) -> Iterator[Batch]:
        """Pass batches on, using some of their clips: each counts for as many as it stands for."""
        seen, used, stride = 0, 0, 1
        for batch in clips:
            for index in range(len(batch)):
                if seen % stride == 0:
                    self._add(batch, index, weight=stride)
                    used += 1
                    if used % _DENSE == 0:
                        stride *= 2
                seen += 1
            yield batch

    def weights(self, average: Tensor) -> Tensor:
        """Solve.

        Args:
            average: (C, H, W).

        Returns:
            (M, C, R) float32. Predictors that never differ from the average have no weight.

        Raises:
            ValueError: no clip was seen.
        """
        if self._products is None or self._values is None or self._present is None:
            raise ValueError("a regression needs at least one training clip")
        average = average.double()
        pixels = (-2, -1)
        crossed = (self._values * average).sum(dim=pixels)
        squared = (self._present * average.square()).sum(dim=pixels)
        moments = (self._products - crossed[:, None] - crossed[None] + squared).permute(2, 3, 0, 1)
        system, right = moments[..., :-1, :-1], moments[..., :-1, -1:]
        size = system.diagonal(dim1=-2, dim2=-1).mean(dim=-1).clamp(min=1e-30)
        system = system + _RIDGE * size[..., None, None] * torch.eye(len(self._values) - 1, dtype=torch.float64)
        return torch.linalg.solve(system, right)[..., 0].float()

    def _add(self, batch: Batch, index: int, *, weight: float) -> None:
        clip = slice(index, index + 1)
        found = [*self._predictors(batch.context[clip], batch.horizon), batch.target[clip]]
        shape = (len(found), *found[0].shape[1:])
        if self._products is None or self._values is None or self._present is None:
            self._products = torch.zeros(shape[0], *shape[:3], dtype=torch.float64)
            self._values = torch.zeros(shape, dtype=torch.float64)
            self._present = torch.zeros(shape[1:], dtype=torch.float64)
        for lead in range(batch.horizon):  # one at a time: large frames in float64 take room
            values = torch.stack([frames[0, lead] for frames in found]).double().cpu()
            present = torch.full_like(values[0], weight)
            if batch.target_mask is not None:
                present *= batch.target_mask[index, lead].cpu()
            values = torch.where(present > 0, values, 0.0)
            counted = values * present
            by_channel = counted.flatten(2).transpose(0, 1) @ values.flatten(2).permute(1, 2, 0)
            self._products[:, :, lead] += by_channel.permute(1, 2, 0)
            self._values[:, lead] += counted
            self._present[lead] += present
