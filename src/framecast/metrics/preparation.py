"""Preparation: what a convention does to forecast and target before it compares them.

Both come in on the scale that the convention reads; a preparation is a plain function of the two.
"""

from collections.abc import Callable

from torch import Tensor

LEVELS = 255
"""The brightest of 8-bit levels, the darkest being 0."""

SLACK = 1e-6
"""How far below a whole level, on the scale [0, 1], a value is that level all the same: what a normaliser may leave of
an 8-bit frame, and a thousandth of the way from one level to the next."""

Prepare = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(forecast, target) → (forecast, target), of any equal shapes."""


def as_is(forecast: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Compare what the forecaster wrote, also where it left the range."""
    return forecast, target


def clip_forecast(forecast: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Limit the forecast to [0, 1], as writing it to a file of the native type would; NaN stays NaN."""
    return forecast.clamp(0.0, 1.0), target


def truncate_to_bytes(forecast: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Limit both to [0, 1] and cut them down to 8-bit levels, still on the scale [0, 1]; NaN stays NaN.

    This is ``np.uint8(255 * x)``, which does not round to the nearest level but to the one below.
    """
    return _truncated(forecast), _truncated(target)


def _truncated(frames: Tensor) -> Tensor:
    return (LEVELS * (frames.clamp(0.0, 1.0) + SLACK)).floor() / LEVELS
