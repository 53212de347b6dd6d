"""Quantity: what the values of a clip measure, for forecasters that know some physics (rain, its movement)."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """From normalised values back to what was measured: native = offset + scale × normalised, for each channel.

    The defaults are those of a picture.
    """

    units: str | None = None
    """Physical units, where the recording names them and all channels share them: ``"mm/h"``, ``"dBZ"``."""

    offset: tuple[float, ...] = ()
    """The native value that a normalised 0 stands for, for each channel. Empty: 0 for every channel."""

    scale: tuple[float, ...] = ()
    """The native distance that a normalised 1 stands for, for each channel, above 0. Empty: 1 for every channel."""

    step_seconds: float | None = None
    """Seconds between two frames of a clip, where known."""

    pixel_metres: float | None = None
    """Length of a pixel, where known."""

    def __post_init__(self) -> None:
        if len(self.offset) != len(self.scale) or min(self.scale, default=1.0) <= 0:
            raise ValueError(f"Quantity needs as many offsets as scales, and scales above 0, found {self}")
