"""Rain on the scales that forecasts of rain are made on: rates in mm/h, and their decibels.

A reflectivity becomes a rate by Z = 200 R^1.6 (J. S. Marshall and W. McK. Palmer, "The distribution of raindrops with
size", Journal of Meteorology 5, 1948), an amount by the time between two frames.

Axes: C channels, H height, W width; a leading ... stands for any others.
"""

from math import log10
from typing import Literal

import torch
from torch import Tensor

from framecast.frames.quantity import Quantity

RainKind = Literal["rate", "amount", "reflectivity"]

THRESHOLD = 0.1
"""mm/h; less than this is no rain."""

FLOOR_DB = 10 * log10(THRESHOLD)
"""Decibels that stand for no rain in pictures of rain: those of the threshold."""

_RATES = ("mm/h", "mm h-1", "mm/hr", "mm hr-1", "mm h^-1", "mm h**-1")
_A, _B = 200.0, 1.6
_NO_ECHO_DBZ = 0.0
"""Reflectivity of no rain: 0.036 mm/h, where the project's radar readers put it."""


def rain_kind(quantity: Quantity) -> RainKind | None:
    """How the values tell of rain; None where they do not, or amounts whose time is not known."""
    units = (quantity.units or "").strip().lower()
    if units in _RATES:
        return "rate"
    if units == "dbz":
        return "reflectivity"
    return "amount" if units == "mm" and quantity.step_seconds else None


def to_native(frames: Tensor, quantity: Quantity) -> Tensor:
    """Normalised values (..., C, H, W) as they were measured, in the type of the frames."""
    if not quantity.scale:
        return frames
    offset, scale = (frames.new_tensor(values).view(-1, 1, 1) for values in (quantity.offset, quantity.scale))
    return offset + scale * frames


def from_native(frames: Tensor, quantity: Quantity) -> Tensor:
    """Undo :func:`to_native`."""
    if not quantity.scale:
        return frames
    offset, scale = (frames.new_tensor(values).view(-1, 1, 1) for values in (quantity.offset, quantity.scale))
    return (frames - offset) / scale


def to_rate(native: Tensor, quantity: Quantity) -> Tensor:
    """Values as they were measured, (..., C, H, W), to mm/h, 0 or above.

    Raises:
        ValueError: they do not measure rain.
    """
    match rain_kind(quantity):
        case "rate":
            return native.clamp(min=0)
        case "amount":
            return native.clamp(min=0) * (3600 / _step_seconds(quantity))
        case "reflectivity":
            return torch.where(native > _NO_ECHO_DBZ, 10 ** ((native - 10 * log10(_A)) / (10 * _B)), 0.0)
        case None:
            raise ValueError(f"values that measure rain are wanted, found {quantity}")


def from_rate(rate: Tensor, quantity: Quantity) -> Tensor:
    """Undo :func:`to_rate`.

    Raises:
        ValueError: the values do not measure rain.
    """
    match rain_kind(quantity):
        case "rate":
            return rate
        case "amount":
            return rate * (_step_seconds(quantity) / 3600)
        case "reflectivity":
            decibels = 10 * log10(_A) + 10 * _B * rate.clamp(min=1e-9).log10()
            return decibels.clamp(min=_NO_ECHO_DBZ)
        case None:
            raise ValueError(f"values that measure rain are wanted, found {quantity}")


def to_decibels(rate: Tensor) -> Tensor:
    """Rates in mm/h to 10 log10 of them, no lower than the floor."""
    return 10 * rate.clamp(min=THRESHOLD).log10()


def _step_seconds(quantity: Quantity) -> float:
    if not quantity.step_seconds:
        raise ValueError(f"amounts of rain need the seconds between two frames, found {quantity}")
    return quantity.step_seconds
