"""Diagrams: what a report draws of all clips together, beside the scores (``diagrams.npz``).

Arrays, by forecaster::

    error_map/<forecaster>                  (C, H, W) mean squared error of each pixel, on the scale of the leading
                                            convention; NaN where there never was a value
    spectrum/truth, spectrum/<forecaster>   (T, K) mean power of frames by wavenumber
    spectrum_wavenumber                     (K,) in cycles a pixel
    rank_histogram/<forecaster>             (S + 1,) where the truth lies among the members of an ensemble
    reliability/<forecaster>@<threshold>    (bins, 3): mean forecast probability, observed frequency, how many values

Axes: B clips, T leads, C channels, H height, W width, K wavenumbers, S members.
"""

from collections.abc import Mapping
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.metrics.metric import FloatArray


@final
class ErrorMap:
    """Squared errors of each pixel, summed over clips and leads."""

    def __init__(self) -> None:
        self._sum: Tensor | None = None
        self._count: Tensor | float = 0.0

    def add(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> None:
        """Add a batch.

        Args:
            forecast: (B, T, C, H, W).
            target: the same of the truth.
            mask: bool, True where a value is there; None when every value is.
        """
        squares = (forecast - target).square()
        if mask is not None:
            squares = torch.where(mask, squares, 0.0)
        total = squares.sum(dim=(0, 1), dtype=torch.float64 if squares.device.type != "mps" else None).cpu()
        there = float(len(squares) * squares.shape[1]) if mask is None else mask.sum(dim=(0, 1)).double().cpu()
        self._sum = total if self._sum is None else self._sum + total
        self._count = self._count + there

    def mean(self) -> NDArray[np.float32]:
        """(C, H, W); NaN where nothing was there."""
        if self._sum is None:
            raise ValueError("no clip was added yet")
        count = torch.as_tensor(self._count, dtype=torch.float64).expand_as(self._sum)
        return torch.where(count > 0, self._sum / count, torch.nan).float().numpy()


def diagrams_of(per_clip: Mapping[str, FloatArray], forecaster: str) -> dict[str, NDArray[Any]]:
    """Spectra, rank histogram and reliability from the statistics of one forecaster.

    Args:
        per_clip: (N, T) or (N, T, K) by statistic.
        forecaster: its name.
    """
    found: dict[str, NDArray[Any]] = {}
    if "spectrum_frames" in per_clip:
        frames = per_clip["spectrum_frames"].sum(axis=0)[:, None]
        with np.errstate(all="ignore"):
            found[f"spectrum/{forecaster}"] = per_clip["spectrum_forecast"].sum(axis=0) / frames
            found["spectrum/truth"] = per_clip["spectrum_target"].sum(axis=0) / frames
    if "ranks" in per_clip and per_clip["ranks"].shape[-1] > 2:  # one member has two ranks, which tell nothing
        found[f"rank_histogram/{forecaster}"] = per_clip["ranks"].sum(axis=(0, 1))
    for name, counts in per_clip.items():
        kind, _, threshold = name.partition("@")
        if kind == "reliability_count":
            count = counts.sum(axis=(0, 1))
            with np.errstate(all="ignore"):
                columns = [
                    per_clip[f"reliability_{what}@{threshold}"].sum(axis=(0, 1)) / count
                    for what in ("probability", "observed")
                ]
            found[f"reliability/{forecaster}@{threshold}"] = np.stack([*columns, count], axis=-1)
    return found
