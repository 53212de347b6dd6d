"""Spectral slope error: whether power falls off towards short wavelengths as it does in the truth.

The slope is that of a straight line through the logarithms of power and wavenumber, least squares, every wavenumber but
0 with the same weight, of the mean spectrum of all frames. Below 0: the forecast loses power too fast, it is blurred.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from framecast.metrics.metric import Better, FloatArray, Metric
from framecast.metrics.spectrum import Spectra, mean_spectra
from framecast.metrics.statistic import Statistic

FLOOR = 1e-10
"""Lowest power that counts, on the scale [0, 1]: that of noise with a standard deviation of 0.001 % of the range."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralSlopeError(Metric):
    """Slope of the forecasts' spectrum minus slope of the truth's.

    NaN where forecasts or truth have no power at any wavenumber (constant frames), and for frames of 4 pixels or fewer,
    whose spectrum has no two wavenumbers.
    """

    name: str = "spectral_slope_error"
    summary: str = "Slope of the power spectrum minus the truth's: below 0 is blurred, above 0 noisy."
    better: Better | None = "zero"

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (Spectra(),)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        forecast, target = mean_spectra(sums)
        return slope(forecast) - slope(target)


def slope(power: FloatArray) -> FloatArray:
    """Slope in log-log space.

    Args:
        power: (..., K - 1) of wavenumbers 1, 2, …; below the floor it counts as the floor.

    Returns:
        (...); NaN where there is no power at all, and for a single wavenumber.
    """
    if power.shape[-1] < 2:
        return np.full(power.shape[:-1], np.nan)
    x = np.log10(np.arange(1, power.shape[-1] + 1))
    x -= x.mean()
    # No product of matrices: its rounding depends on how many spectra there are.
    slopes = (np.log10(np.maximum(power, FLOOR)) * x).sum(axis=-1) / (x * x).sum()
    return np.where(np.all(power <= FLOOR, axis=-1), np.nan, slopes)
