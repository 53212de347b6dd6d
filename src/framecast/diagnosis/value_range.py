"""Wrong range of values: what is declared, what the type could hold, and what is there, do not belong together.

Everything that is scored on a scale of 0 to 1 (PSNR, SSIM) divides by the range: data that fill a sixteenth of it look
256 times better in squared error than they are.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, final

import torch

from framecast.clips.clip_set import ClipSet
from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import Need, Patient
from framecast.runs.findings import Finding

LITTLE = 1 / 8
"""Share of the declared range below which the data fill a small part of it."""

BEYOND = 0.01
"""Share of the values of a split beyond the range, above which it must be said."""

_MARGIN = 0.05
"""How far beyond its end, as a share of the range, a value must lie to count."""

_FILL_VALUES = (-9999, -999, -99, -32768, -32767, 9999, 99999, 32767, 65535, -1e20, 1e20)
"""Numbers that files use for "no value" most often."""

_EMPTY_BINS = 0.5
_RAIN = re.compile(r"\s*(mm|kg\s*m\*{0,2}\^?-2)\b", re.IGNORECASE)
_CLIPS = 8


@final
class ValueRange(Check):
    """Looks at the lowest and highest values, and at what normalisation makes of them."""

    name = "value-range"
    needs: ClassVar[tuple[Need, ...]] = ("recordings",)
    short: ClassVar[tuple[Moment, ...]] = ("before",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """Findings on the recordings as they are, and as a model sees them."""
        found = patient.inspection
        low, high = found["minimum"], found["maximum"]
        if low is not None and high is not None:
            fill = _fill_value(found, low, high)
            if fill is not None:
                yield self.warning(
                    "A number that usually stands for a missing value is among the values.",
                    evidence=f"{fill:g} lies far from all others, which fill less than half of the way to it.",
                    mend=f"Set source.missing={fill:g}.",
                )
            else:
                yield from self._declared(found, low, high)
            units = next((one["units"] for one in found["sequences"] if one["units"]), "") or ""
            if low < 0 and fill is None and _RAIN.match(units):
                yield self.warning(
                    "Amounts of rain below 0.",
                    evidence=f"The lowest value is {low:g} {units}.",
                    mend=f"If it stands for a missing value, set source.missing={low:g}; if the values are "
                    "logarithmic, set source.units=dBZ.",
                )
        if not patient.reason_without("clips") and not patient.reason_without("model"):
            yield from self._normalised(patient)

    def _declared(self, found: Mapping[str, Any], low: float, high: float) -> Iterable[Finding]:
        # The extremes are those of all recordings, the declared range that of the first.
        if found["value_range"] is None or len({one["dtype"] for one in found["sequences"]}) > 1:
            return
        start, end = found["value_range"]
        width, filled = end - start, high - low
        if low < start or high > end:
            finding = self.fault if max(start - low, high - end) > width else self.warning
            yield finding(
                "Values lie outside of the range that they are declared to have.",
                evidence=f"Declared is {start:g} to {end:g}, found {low:g} to {high:g}.",
                mend=f"Set source.value_range=[{min(low, start):g}, {max(high, end):g}], or to what the values can be.",
            )
        elif 0 < filled < LITTLE * width:
            yield self.warning(
                "The values fill a small part of the range that they are declared to have: scores on the scale of 0 to "
                "1, such as PSNR and SSIM, come out too good.",
                evidence=f"Declared is {start:g} to {end:g}, found {low:g} to {high:g}: {filled / width:.1%} of it.",
                mend=f"If values cannot be larger, set source.value_range=[{min(low, 0):g}, {_likely(high):g}].",
            )

    def _normalised(self, patient: Patient) -> Iterable[Finding]:
        """As a model sees them: training data must lie in the normaliser's range, the test should."""
        splits = ("train",) if patient.run is None else ("train", "test")
        for split in splits:
            clips = patient.clips.of(split)
            if not len(clips):
                continue
            beyond, lowest, highest = _beyond(clips.plain().spread(_CLIPS))
            if beyond <= BEYOND:
                continue
            evidence = (
                f"{beyond:.1%} of the {split} values lie beyond the range by more than a twentieth of it: on the scale "
                f"of 0 to 1 they reach from {lowest:.3g} to {highest:.3g}."
            )
            if split == "train":
                yield self.fault(
                    "The normaliser does not fit the training data.",
                    evidence=evidence,
                    mend="Set source.value_range to what the values can be, or restore the recordings that the run was "
                    "trained on; then train anew.",
                )
            else:
                yield self.warning(
                    "The test holds values that the training has never seen.",
                    evidence=evidence,
                    mend="Set source.value_range to what the values can be, or divide so that both hold extremes.",
                )


def _beyond(clips: ClipSet) -> tuple[float, float, float]:
    """Share of the values beyond the range, and the lowest and highest on the scale of 0 to 1."""
    counted, beyond, lowest, highest = 0, 0, float("inf"), float("-inf")
    recorded = clips.normaliser.recorded
    for index in range(len(clips)):
        batch = clips.batch([index])
        unit = clips.normaliser.to_unit(batch.frames)[:, :, :recorded]
        if batch.mask is not None:
            # Channels that are not to be forecast are masked as well, and what fills a gap is no value.
            unit = unit[batch.mask[:, :, :recorded]]
        if not unit.numel():
            continue
        counted += unit.numel()
        beyond += int(((unit < -_MARGIN) | (unit > 1 + _MARGIN)).sum())
        lowest, highest = min(lowest, float(unit.min())), max(highest, float(unit.max()))
    return beyond / max(counted, 1), lowest, highest


def _fill_value(found: Mapping[str, Any], low: float, high: float) -> float | None:
    """The lowest or highest value, where it is such a number and stands far apart from all others."""
    counts = torch.tensor(found["histogram_counts"])
    filled = (counts > 0).nonzero().flatten().tolist()
    if len(filled) < 2:
        return None
    gaps = {low: filled[1] - filled[0], high: filled[-1] - filled[-2]}
    for value, gap in gaps.items():
        if gap > _EMPTY_BINS * len(counts) and any(abs(value - fill) <= 1e-6 * abs(fill) for fill in _FILL_VALUES):
            return value
    return None


def _likely(high: float) -> float:
    """The range that data with this highest value probably have: 1, or that of a whole number of bits."""
    if high <= 1:
        return 1
    return float(2 ** max(int(high).bit_length(), 1) - 1) if high == int(high) else high
