"""Rank histogram: where the truth lies among the members of an ensemble.

Of a reliable ensemble every rank is as frequent: the histogram is flat. A U means too little spread, a dome too much, a
slope a bias. Where members equal the truth (dry pixels, mostly), all ranks that the truth could have count in equal
parts, so that sums stay the same whenever they are made; a draw of one of them, as pysteps makes it, has these parts as
its mean.

Axes: B clips, S members, T leads, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.frame_histogram import frame_histogram
from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import AnyStatistic, EnsembleStatistic


@final
@dataclass(frozen=True, slots=True)
class Ranks(EnsembleStatistic):
    """``ranks``: (B, T, S + 1), how often no member lies below the truth, one, ... all of them."""

    def per_frame(self, members: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`EnsembleStatistic.per_frame`."""
        size = members.shape[1] + 1
        below = torch.zeros(target.shape, dtype=torch.int32, device=target.device)
        equal, unknown = torch.zeros_like(below), target.isnan()
        for member in members.unbind(1):
            below += member < target
            equal += member == target
            unknown |= member.isnan()
        # Where ``equal`` members tie with the truth, ranks below .. below + equal share the pixel: (S + 1)² pairs.
        pairs = frame_histogram(below * size + equal, size * size, mask)
        ranks = pairs @ _shares(size).to(pairs)
        return {"ranks": ranks.masked_fill(unknown.flatten(2).any(dim=2)[..., None], torch.nan)}


def _shares(size: int) -> Tensor:
    """(size², size): what each rank gets of a pixel with so many members below and so many equal."""
    below, equal, rank = torch.meshgrid(*(torch.arange(size, dtype=torch.float64),) * 3, indexing="ij")
    inside = (below <= rank) & (rank <= below + equal)
    return (inside / (equal + 1)).reshape(size * size, size)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RankDeviation(Metric):
    """Σ over ranks of |frequency - 1 / (S + 1)|: 0 for a flat histogram, nearly 2 at worst.

    It is the reliability index of Delle Monache et al. 2006. NaN for a single forecast: its two
    ranks, above it and below it, tell nothing of a spread, and are no match for the many of an ensemble.
    """

    name: str = "rank_deviation"
    summary: str = "How far the rank histogram is from flat: sum of the deviations of its frequencies."
    better: Better | None = "lower"

    @property
    def statistics(self) -> tuple[AnyStatistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (Ranks(),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        ranks = sums["ranks"]
        if ranks.shape[-1] == 2:
            return np.full(ranks.shape[:-1], np.nan)
        total = np.broadcast_to(ranks.sum(axis=-1, keepdims=True), ranks.shape)
        return np.abs(ratio(ranks, total) - 1.0 / ranks.shape[-1]).sum(axis=-1)
