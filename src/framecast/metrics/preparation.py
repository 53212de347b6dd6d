"""Preparation: what a convention does to forecast and target before it compares them.

Both come in on the scale that the convention reads; a preparation is a plain function of the two.
"""

from collections.abc import Callable

from torch import Tensor

Prepare = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(forecast, target) → (forecast, target), of any equal shapes."""


def as_is(forecast: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Compare what the forecaster wrote, also where it left the range."""
    return forecast, target


def clip_forecast(forecast: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Limit the forecast to [0, 1], as writing it to a file of the native type would; NaN stays NaN."""
    return forecast.clamp(0.0, 1.0), target
