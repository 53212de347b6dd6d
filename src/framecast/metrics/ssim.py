"""Structural similarity (SSIM) and its multi-scale form: of single frames, then the mean over frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.ms_ssim_formula import WEIGHTS, MultiScaleSsimFormula
from framecast.metrics.ssim_formula import SsimFormula, image_mean
from framecast.metrics.statistic import Statistic


@final
@dataclass(frozen=True, slots=True)
class FrameSsim(Statistic):
    """``ssim``: the mean over a frame's windows; ``ssim_frames``: 1, or 0 for a frame without a whole window.

    With scales also ``ms_ssim`` and ``ms_ssim_frames``, from the same windows: 0 for a frame without one at some scale.
    """

    formula: SsimFormula

    range_of_clip: bool = False
    """Whether L is the range of the clip at hand, instead of the formula's: the larger one of forecast and truth, over
    all leads and channels. A clip in which neither varies then has no similarity and does not count."""

    scales: tuple[float, ...] = ()
    """Weights of the scales, finest first; empty for the plain similarity alone."""

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        if not self.range_of_clip:
            return self._of_leads(forecast, target, mask)
        span = torch.maximum(_span(forecast, mask), _span(target, mask))[:, None]
        # SSIM depends on values and L only through their quotient.
        unit = (self.formula.data_range / torch.where(span > 0, span, 1.0))[..., None, None, None]
        found = self._of_leads(forecast * unit, target * unit, mask)
        return {name: torch.where((span > 0) | values.isnan(), values, 0.0) for name, values in found.items()}

    def _of_leads(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """Lead by lead, so that the maps of a large clip need not be held all at once."""
        names = ("ssim", "ssim_frames", "ms_ssim", "ms_ssim_frames") if self.scales else ("ssim", "ssim_frames")
        masks = [None] * target.shape[1] if mask is None else mask.unbind(1)
        columns = [self._of_images(*lead) for lead in zip(forecast.unbind(1), target.unbind(1), masks, strict=True)]
        if not columns:
            return dict.fromkeys(names, target.new_zeros(target.shape[:2]))
        values = (torch.stack(column, dim=1) for column in zip(*columns, strict=True))
        return dict(zip(names, values, strict=True))

    def _of_images(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> list[Tensor]:
        """(B, C, H, W) → similarity and count of each image, both (B,); of each kind."""
        nothing = target.new_zeros(len(target)), torch.zeros(len(target), dtype=torch.bool, device=target.device)
        multi = MultiScaleSsimFormula(single=self.formula, weights=self.scales) if self.scales else None
        pairs = [nothing, nothing]
        if multi is not None and multi.fits(target):
            pairs = list(multi.at_both(forecast, target, mask))
        elif self.formula.fits(target):
            valid = None if mask is None else self.formula.valid(mask)
            pairs[0] = image_mean(self.formula.map(forecast, target), valid)
        found: list[Tensor] = []
        for similarity, defined in pairs if self.scales else pairs[:1]:
            found += [torch.where(defined, similarity, 0.0), defined.to(similarity.dtype)]
        return found


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StructuralSimilarity(Metric):
    """The mean SSIM of single frames. Frames smaller than the window have none: the value is then NaN."""

    name: str = "ssim"
    summary: str = "Structural similarity, Gaussian 11x11 window."
    better: Better | None = "higher"

    formula: SsimFormula = field(default_factory=SsimFormula)
    """Window, constants and range."""

    range_of_clip: bool = False
    """Whether L is the range that each clip happens to have."""

    scales: tuple[float, ...] = ()
    """Those of the multi-scale form that stands beside it, so that the work is shared; they do not change the value."""

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (FrameSsim(self.formula, self.range_of_clip, self.scales),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["ssim"], sums["ssim_frames"])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MultiScaleStructuralSimilarity(Metric):
    """The mean MS-SSIM of single frames. Frames below 176 pixels have none: the value is then NaN."""

    name: str = "ms_ssim"
    summary: str = "Multi-scale structural similarity, five scales; frames of 176 pixels or more."
    better: Better | None = "higher"

    formula: SsimFormula = field(default_factory=SsimFormula)
    """Window, constants and range at every scale."""

    scales: tuple[float, ...] = WEIGHTS
    """Weights of the scales, finest first."""

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (FrameSsim(self.formula, scales=self.scales),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        return ratio(sums["ms_ssim"], sums["ms_ssim_frames"])


def _span(frames: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T, C, H, W) → highest minus lowest value of each clip that is there and finite, (B,)."""
    there = frames.isfinite() if mask is None else mask & frames.isfinite()
    highest = torch.where(there, frames, -torch.inf).flatten(1).amax(dim=1)
    lowest = torch.where(there, frames, torch.inf).flatten(1).amin(dim=1)
    return (highest - lowest).clamp(min=0.0)
