"""Accumulator: takes forecasts batch by batch and keeps their per-frame statistics, a few floats a frame.

Axes: B clips of a batch, N all clips so far, T leads, C channels, H height, W width.
"""

from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.conventions.convention import Convention
from framecast.metrics.metric import FloatArray
from framecast.metrics.preparation import Prepare
from framecast.metrics.scores import Scores, score
from framecast.metrics.statistic import Statistic

VALUES_AT_ONCE = 2**20
"""Large batches are cut into pieces of about this many values: 8 MiB a float64 copy, and kind to a CPU's cache."""


@final
class Accumulator:
    """The statistics of one forecaster under one convention.

    Statistics that several metrics share are computed once. Arithmetic is float64 whatever comes in.
    """

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self._plan: dict[Prepare, dict[Statistic, None]] = {}
        for metric in convention.metrics:
            wanted = self._plan.setdefault(metric.prepare or convention.prepare, {})
            wanted.update(dict.fromkeys(metric.statistics))
        self._rows: dict[str, list[FloatArray]] = {}

    @torch.no_grad()
    def update(self, forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> None:
        """Add the clips of one batch.

        Args:
            forecast: (B, T, C, H, W) float on the scale that the convention reads, not yet clipped. A value that is not
                finite makes the metrics of its frame NaN.
            target: the same of the truth.
            mask: (B, T, C, H, W) bool, True where a value is there; None when every value is. What forecast and
                target hold elsewhere has no influence.
        """
        if forecast.ndim != 5 or forecast.shape != target.shape:
            raise ValueError(f"forecast {tuple(forecast.shape)} and target {tuple(target.shape)} must be B T C H W")
        if mask is not None and mask.shape != target.shape:
            raise ValueError(f"mask {tuple(mask.shape)} does not cover the target {tuple(target.shape)}")
        at_once = max(1, VALUES_AT_ONCE // max(1, target[:1].numel()))
        masks = [None] * -(-len(target) // at_once) if mask is None else mask.split(at_once)
        for piece in zip(forecast.split(at_once), target.split(at_once), masks, strict=True):
            self._add(*piece)

    def _add(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> None:
        frames = [_exact(tensor, mask) for tensor in (forecast, target)]
        mask = None if mask is None else mask.to(frames[0].device)
        found: dict[str, FloatArray] = {}
        for prepare, statistics in self._plan.items():
            prepared = prepare(*frames)
            for statistic in statistics:
                for name, values in statistic.per_frame(*prepared, mask).items():
                    array = values.cpu().numpy()
                    # Counts come out the same under every preparation; anything else needs a name of its own.
                    if not np.array_equal(found.setdefault(name, array), array, equal_nan=True):
                        raise ValueError(f"two different statistics of '{self.convention.name}' are called '{name}'")
        for name, values in found.items():
            self._rows.setdefault(name, []).append(values)

    @property
    def per_clip(self) -> dict[str, FloatArray]:
        """(N, T) by statistic, clips in the order in which they came: what results keep.

        Raises:
            ValueError: no clip was added yet.
        """
        if not self._rows:
            raise ValueError("no clip was added yet")
        return {name: np.concatenate(rows) for name, rows in self._rows.items()}

    def scores(self) -> Scores:
        """Values of every metric over the clips added so far.

        Raises:
            ValueError: no clip was added yet.
        """
        return score(self.convention, self.per_clip)


def _exact(frames: Tensor, mask: Tensor | None) -> Tensor:
    """Float64, 0 where a value is missing, NaN where it is not finite."""
    if frames.device.type == "mps":  # has no float64
        frames = frames.cpu()
    frames = frames.double()
    if mask is not None:
        frames = torch.where(mask.to(frames.device), frames, 0.0)
    return frames.nan_to_num(nan=torch.nan, posinf=torch.nan, neginf=torch.nan)
