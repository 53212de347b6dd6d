"""Spectral distance: how far the power spectrum of the forecasts lies from that of the truth, in decibels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from framecast.metrics.metric import Better, FloatArray, Metric
from framecast.metrics.spectral_slope import FLOOR
from framecast.metrics.spectrum import Spectra, mean_spectra
from framecast.metrics.statistic import Statistic


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralDistance(Metric):
    """Root mean square over wavenumbers of 10 log10 (power of the forecasts / power of the truth), of mean spectra.

    Every wavenumber but 0 has the same weight. Power below the floor counts as the floor, so blank frames have a value.
    NaN for frames of 2 pixels or fewer, whose spectrum has no wavenumber but 0.
    """

    name: str = "spectral_distance"
    summary: str = "Distance between the mean power spectra of forecasts and truth, root mean square."
    better: Better | None = "lower"
    unit: str = "dB"

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (Spectra(),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        forecast, target = (10 * np.log10(np.maximum(power, FLOOR)) for power in mean_spectra(sums))
        if not forecast.shape[-1]:
            return np.full(forecast.shape[:-1], np.nan)
        return np.sqrt(np.mean((forecast - target) ** 2, axis=-1))
