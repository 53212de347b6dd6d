"""Transforms: a scale on which fields that are mostly small and rarely large, such as rain, are easier to learn.

A transform comes before the affine step of a normaliser, and is undone on the way back. It is made for quantities that
cannot be negative. Each has a *floor*, the smallest value that matters: above it the scale is logarithmic, below it
(nearly) linear, so that 0 has a place, every value comes back, and no slope is 0.

* ``log``: ln(1 + v / floor), which is ln(v + floor) but for a constant. Forecasts below 0 are written as 0.
* ``dbz``: rain rates v in mm/h as reflectivity, 10 log10(a v^b) (Marshall and Palmer 1948 have a = 200, b = 1.6).
  Below the floor the curve goes on along its tangent, which reaches v = 0 at 10 b / ln 10 (6.9 dBZ) below the floor.
  Forecasts below the floor are written as 0: no rain.

The affine step that follows takes out factors and constants, so a and b decide in which numbers the scale is written
down, and nothing that a model sees.
"""

import math
from dataclasses import dataclass
from typing import Literal, final, get_args

import torch
from torch import Tensor

TransformName = Literal["none", "log", "dbz"]

_KEPT = 0.999
"""What comes back at this share of the floor or above is the floor itself, rounded on its way: it is kept."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """Which scale, and its settings."""

    name: TransformName = "none"
    """``none``, ``log`` (quantities that are never negative, over several powers of ten) or ``dbz`` (rain rates in mm/h
    as reflectivity; no rain below the floor)."""

    floor: float = 0.1
    """The smallest value that matters, in native units; above 0."""

    a: float = 200.0
    """``dbz``: the factor in Z = a R^b; above 0."""

    b: float = 1.6
    """``dbz``: the exponent in Z = a R^b; above 0."""

    def __post_init__(self) -> None:
        if self.name not in get_args(TransformName):
            raise ValueError(f"name must be one of {', '.join(get_args(TransformName))}, found {self.name!r}")
        for name in ("floor", "a", "b"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0, found {getattr(self, name)}")

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return self.name != "none"

    def forward(self, native: Tensor) -> Tensor:
        """Native values to this scale.

        Args:
            native: of any shape and floating-point type. NaN stays NaN. Values below 0, for which the scale is not
                made, go on along its slope at 0.

        Returns:
            The same shape and type, strictly rising with the native values.
        """
        if not self.changes:
            return native
        shares = native / self.floor
        if self.name == "log":
            return torch.where(shares < 0, shares, shares.clamp(min=0).log1p())
        logarithm = self._slope * shares.clamp(min=1).log() + (self._slope + self._zero)
        return torch.where(shares < 1, self._slope * shares + self._zero, logarithm)

    def inverse(self, values: Tensor) -> Tensor:
        """This scale to native values, the exact inverse of :meth:`forward`, differentiable with a slope everywhere."""
        if not self.changes:
            return values
        if self.name == "log":
            return self.floor * torch.where(values < 0, values, values.clamp(min=0).expm1())
        shares = (values - self._zero) / self._slope
        return self.floor * torch.where(shares < 1, shares, (shares.clamp(min=1) - 1).exp())

    def written(self, native: Tensor) -> Tensor:
        """Native values of a forecast as they are given out: what the quantity cannot be becomes 0."""
        if not self.changes:
            return native
        lowest = self.floor * _KEPT if self.name == "dbz" else 0.0
        return torch.where(native < lowest, 0.0, native)

    @property
    def _slope(self) -> float:
        """dBZ for a factor of e in rain."""
        return 10 * self.b / math.log(10)

    @property
    def _zero(self) -> float:
        """The place of no rain in dBZ."""
        return 10 * math.log10(self.a * self.floor**self.b) - self._slope
