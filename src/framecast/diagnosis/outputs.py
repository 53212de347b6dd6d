"""Outputs that say nothing: NaN, one value everywhere, values at the very ends of their range.

Saturated means: of the pixels that the truth has *away* from an end of the range, the forecast puts more than half at
that end. So the black of sparse frames, where the truth is at the end too, is not held against it.
"""

from collections.abc import Iterable
from typing import ClassVar, final

import torch

from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import Need, Patient
from framecast.diagnosis.sample import Sample
from framecast.runs.findings import Finding

_AT_THE_END = 1e-3
"""As a share of the range."""

_OF_THE_REST = 0.5
_LEAST_EXCESS = 0.02
_ONE_VALUE = 1e-4
"""Deviation of all forecasts together, as a share of the range."""


@final
class Outputs(Check):
    """Looks at the values of forecasts, beside those of the truth."""

    name = "outputs"
    needs: ClassVar[tuple[Need, ...]] = ("run", "clips")
    short: ClassVar[tuple[Moment, ...]] = ("after",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """Faults for NaN and one value, a warning for each saturated end."""
        sample = patient.sample
        frames = (sample.forecast - sample.low) / sample.span
        broken = float((~frames.isfinite()).float().mean())
        if broken:
            bad = [name for name, weight in patient.model.named_parameters() if not bool(weight.isfinite().all())]
            where = f"; not finite are the weights {', '.join(bad[:3])}" if bad else ""
            yield self.fault(
                "Forecasts hold values that are not finite.",
                evidence=f"{broken:.1%} of the values of {len(frames)} {sample.split} clips{where}.",
                mend="Train anew with a lower training.optimizer.lr or a smaller training.clip_norm.",
            )
            return
        truth = ((sample.truth - sample.low) / sample.span)[sample.there]
        if truth.numel() and float(frames.std()) < _ONE_VALUE and float(truth.std()) >= _ONE_VALUE:
            yield self.fault(
                "The forecast is one value everywhere.",
                evidence=f"All of it lies at {float(frames.mean()):.4g} of the range, with a deviation of "
                f"{float(frames.std()):.2g}; the truth deviates by {float(truth.std()):.2g}.",
                mend="Look at log.csv: where the loss never fell, lower training.optimizer.lr or set "
                "model.output=linear.",
            )
            return
        linear = getattr(patient.model.config, "output", None) == "linear"
        yield from self._saturated(sample, frames, truth, linear=linear)

    def _saturated(
        self, sample: Sample, frames: torch.Tensor, truth: torch.Tensor, *, linear: bool
    ) -> Iterable[Finding]:
        forecast = frames[sample.there]
        if not truth.numel():
            return
        mend = (
            "Look at what model and normaliser make of the values, and set source.value_range where that is wrong; "
            "model.output=sigmoid keeps forecasts inside."
            if linear
            else "Set model.output=linear where the model has that, or model.initial_output near the mean of the data; "
            "where values were normalised by a wrong range, set source.value_range."
        )
        for end, at_end in (
            ("lowest", lambda values: values <= _AT_THE_END),
            ("highest", lambda values: values >= 1 - _AT_THE_END),
        ):
            found, expected = float(at_end(forecast).float().mean()), float(at_end(truth).float().mean())
            if found - expected > max(_OF_THE_REST * (1 - expected), _LEAST_EXCESS):
                yield self.warning(
                    f"The output is saturated: most of the forecast lies at the {end} value that there is.",
                    evidence=f"{found:.1%} of the forecast is within a thousandth of it or beyond, and {expected:.1%} "
                    f"of the truth ({len(frames)} {sample.split} clips).",
                    mend=mend,
                )
