"""Collapse: a model that copies the last frame, forecasts the same whatever it is shown, or the same at every lead.

Measured on the same clips as the baselines that it fell back to. Let d(a, b) be the mean squared difference:

* it copies the last frame f where d(forecast, f) <= 0.05 d(truth, f): the forecast moves away from the last frame less
  than a twentieth of what the truth does (a fifth of it in amplitude); likewise the mean of the context;
* it forecasts a constant where the variance of its forecasts from clip to clip, pixel by pixel and lead by lead, is at
  most 0.01 of that of the truth. Such a forecast is named after what it is nearest to: blank (the lowest value), or a
  fixed picture, such as the mean of the training;
* it stands still where the variance of its forecasts from lead to lead is at most 0.01 of that of the truth: the last
  frame blurred, an earlier frame, lead 1 for all leads.

Both can be the best that is possible, as with pure noise; the finding says what the model does, not whose fault it is.
"""

from collections.abc import Iterable
from typing import ClassVar, Literal, final

from torch import Tensor

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import CannotLook, Need, Patient
from framecast.diagnosis.sample import Sample
from framecast.runs.findings import Finding

COPIES = 0.05
CONSTANT = 0.01

_FEWEST_CLIPS = 4
_STILL = 1e-8
"""Squared change, as a share of the squared range, below which nothing moves: then whoever copies is right."""


@final
class Collapse(Check):
    """Compares forecasts with those of the simplest baselines."""

    name = "collapse"
    needs: ClassVar[tuple[Need, ...]] = ("run", "clips")
    short: ClassVar[tuple[Moment, ...]] = ("after",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """One warning at most."""
        sample = patient.sample
        if not bool(sample.forecast.isfinite().all()):
            raise CannotLook("the forecasts are not finite")
        if len(sample.forecast) < _FEWEST_CLIPS:
            raise CannotLook(f"it takes {_FEWEST_CLIPS} clips to tell, found {len(sample.forecast)}")
        yield from self._constant(sample) or self._copy(sample) or self._still(sample)

    def _constant(self, sample: Sample) -> list[Finding]:
        truth, forecast = _variance(sample, sample.truth, 0), _variance(sample, sample.forecast, 0)
        if truth <= _STILL or forecast > CONSTANT * truth:
            return []
        mean = sample.forecast.mean(dim=0, keepdim=True)
        blank = sample.distance(sample.forecast, sample.low)
        error = sample.distance(sample.forecast, sample.truth)
        what = "blank" if blank <= COPIES * sample.distance(sample.truth, sample.low) else "the same picture"
        return [
            self.warning(
                f"The forecast has collapsed: it is {what} whatever the context shows.",
                evidence=f"From clip to clip forecasts vary by {forecast / truth:.2%} of the variance of the truth "
                f"({len(sample.forecast)} {sample.split} clips); the squared error is {error:.4g}, that of one fixed "
                f"picture {sample.distance(mean.expand_as(sample.truth), sample.truth):.4g} of the squared range.",
                mend="Train longer or with a higher training.optimizer.lr; with sparse frames take model.output=linear "
                "or set model.initial_output near the mean of the data; a loss such as loss.gdl=0.1 beside mse helps.",
            )
        ]

    def _copy(self, sample: Sample) -> list[Finding]:
        context = sample.context
        simple = {"the last frame": context[:, -1:], "the mean of the context": context.mean(dim=1, keepdim=True)}
        for name, frame in simple.items():
            moved, truth_moved = sample.distance(sample.forecast, frame), sample.distance(sample.truth, frame)
            if truth_moved > _STILL and moved <= COPIES * truth_moved:
                return [
                    self.warning(
                        f"The forecast has collapsed to {name}: the model copies instead of forecasting.",
                        evidence=f"Its squared distance from {name} is {moved:.4g}, that of the truth "
                        f"{truth_moved:.4g}, and its error {sample.distance(sample.forecast, sample.truth):.4g} of the "
                        f"squared range ({len(sample.forecast)} {sample.split} clips).",
                        mend="Train longer or with a higher training.optimizer.lr, give clips a larger frame_step so "
                        "that there is movement to learn, or lengthen clips.horizon.",
                    )
                ]
        return []

    def _still(self, sample: Sample) -> list[Finding]:
        truth, forecast = _variance(sample, sample.truth, 1), _variance(sample, sample.forecast, 1)
        if truth <= _STILL or forecast > CONSTANT * truth:
            return []
        return [
            self.warning(
                "The forecast stands still: it is the same picture at every lead.",
                evidence=f"From lead to lead forecasts vary by {forecast / truth:.2%} of the variance of the truth; "
                f"the squared error is {sample.distance(sample.forecast, sample.truth):.4g}, that of copying the last "
                f"frame {sample.distance(sample.context[:, -1:], sample.truth):.4g} of the squared range "
                f"({len(sample.forecast)} {sample.split} clips).",
                mend="Train longer or with a higher training.optimizer.lr: a blurred standstill is what a training "
                "finds first.",
            )
        ]


def _variance(sample: Sample, frames: Tensor, axis: Literal[0, 1]) -> float:
    """Variance from clip to clip (0) or from lead to lead (1), averaged over what has a value in all of them."""
    always = sample.there.all(dim=axis)
    shares = (frames / sample.span).double()
    spread = shares.var(dim=axis, correction=0)[always]
    return float(spread.mean()) if spread.numel() else 0.0
