"""Accumulator: takes forecasts batch by batch and keeps their per-frame statistics, a few floats a frame.

Axes: B clips of a batch, N all clips so far, S members of an ensemble, T leads, K numbers that belong together,
C channels, H height, W width.
"""

from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.conventions.convention import Convention
from framecast.metrics.metric import FloatArray
from framecast.metrics.preparation import Prepare
from framecast.metrics.scores import Scores, score
from framecast.metrics.statistic import AnyStatistic, ClipStatistic, EnsembleStatistic, FrameCount

VALUES_AT_ONCE = 2**20
"""Large batches are cut into pieces of about this many values: 8 MiB a float64 copy, and kind to a CPU's cache."""


@final
class Accumulator:
    """The statistics of one forecaster under one convention.

    Statistics that several metrics share are computed once. Arithmetic is float64 whatever comes in.
    """

    def __init__(self, convention: Convention) -> None:
        self.convention = convention
        self._plan: dict[Prepare, dict[AnyStatistic, None]] = {}
        for metric in convention.metrics:
            wanted = self._plan.setdefault(metric.prepare or convention.prepare, {})
            wanted.update(dict.fromkeys(metric.statistics))
            if any(isinstance(statistic, ClipStatistic) for statistic in metric.statistics):
                wanted[FrameCount()] = None  # tells how many leads there are, where nothing is summed
        self._rows: dict[str, list[FloatArray]] = {}

    @torch.no_grad()
    def update(
        self, forecast: Tensor, target: Tensor, mask: Tensor | None = None, members: Tensor | None = None
    ) -> None:
        """Add the clips of one batch.

        Args:
            forecast: (B, T, C, H, W) float on the scale that the convention reads, not yet clipped. A value that is not
                finite makes the metrics of its frame NaN.
            target: the same of the truth.
            mask: (B, T, C, H, W) bool, True where a value is there; None when every value is. What forecast and
                target hold elsewhere has no influence.
            members: (B, S, T, C, H, W) of an ensemble; None takes the forecast for its only member.
        """
        if forecast.ndim != 5 or forecast.shape != target.shape:
            raise ValueError(f"forecast {tuple(forecast.shape)} and target {tuple(target.shape)} must be B T C H W")
        if mask is not None and mask.shape != target.shape:
            raise ValueError(f"mask {tuple(mask.shape)} does not cover the target {tuple(target.shape)}")
        if members is not None and (members.shape[0], *members.shape[2:]) != target.shape:
            raise ValueError(f"members {tuple(members.shape)} must be B S T C H W, target is {tuple(target.shape)}")
        num_members = 1 if members is None else members.shape[1]
        at_once = max(1, VALUES_AT_ONCE // max(1, target[:1].numel() * num_members))
        num_pieces = -(-len(target) // at_once)
        masks = [None] * num_pieces if mask is None else mask.split(at_once)
        ensembles = [None] * num_pieces if members is None else members.split(at_once)
        for piece in zip(forecast.split(at_once), target.split(at_once), masks, ensembles, strict=True):
            self._add(*piece)

    def _add(self, forecast: Tensor, target: Tensor, mask: Tensor | None, members: Tensor | None) -> None:
        forecast, target = _exact(forecast, mask), _exact(target, mask)
        mask = None if mask is None else mask.to(target.device)
        found: dict[str, FloatArray] = {}
        for prepare, statistics in self._plan.items():
            prepared, truth = prepare(forecast, target)
            ensemble = prepared[:, None]
            if members is not None and any(isinstance(statistic, EnsembleStatistic) for statistic in statistics):
                exact = (_exact(member, mask) for member in members.unbind(1))
                ensemble = torch.stack([prepare(member, target)[0] for member in exact], dim=1)
            for statistic in statistics:
                for name, values in _numbers(statistic, prepared, ensemble, truth, mask).items():
                    array = values.cpu().numpy()
                    # Counts come out the same under every preparation; anything else needs a name of its own.
                    if not np.array_equal(found.setdefault(name, array), array, equal_nan=True):
                        raise ValueError(f"two different statistics of '{self.convention.name}' are called '{name}'")
        for name, values in found.items():
            self._rows.setdefault(name, []).append(values)

    @property
    def per_clip(self) -> dict[str, FloatArray]:
        """(N, T) or (N, T, K) by statistic, (N, 1, K) by what is compared as a set, clips in the order in which they
        came: what results keep.

        Raises:
            ValueError: no clip was added yet.
        """
        if not self._rows:
            raise ValueError("no clip was added yet")
        for rows in self._rows.values():
            if len(rows) > 1:  # joined once, because they are asked for several times
                rows[:] = [np.concatenate(rows)]
        return {name: rows[0] for name, rows in self._rows.items()}

    def scores(self) -> Scores:
        """Values of every metric over the clips added so far.

        Raises:
            ValueError: no clip was added yet.
        """
        return score(self.convention, self.per_clip)


def _numbers(
    statistic: AnyStatistic, forecast: Tensor, members: Tensor, target: Tensor, mask: Tensor | None
) -> Mapping[str, Tensor]:
    match statistic:
        case EnsembleStatistic():
            return statistic.per_frame(members, target, mask)
        case ClipStatistic():
            return {name: row[:, None] for name, row in statistic.per_clip(forecast, target, mask).items()}
        case _:
            return statistic.per_frame(forecast, target, mask)


def _exact(frames: Tensor, mask: Tensor | None) -> Tensor:
    """Float64, 0 where a value is missing, NaN where it is not finite."""
    if frames.device.type == "mps":  # has no float64
        frames = frames.cpu()
    frames = frames.double()
    if mask is not None:
        frames = torch.where(mask.to(frames.device), frames, 0.0)
    return frames.nan_to_num(nan=torch.nan, posinf=torch.nan, neginf=torch.nan)
