"""Clip: a window of one sequence, context frames followed by horizon frames."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Clip:
    """Where a clip lies: frame ``start + i * frame_step`` of its sequence, for i in 0 .. context + horizon - 1."""

    sequence: int
    """Position of the sequence in its source."""

    start: int
    """First frame, 0-based."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSpec:
    """What the clips of a run look like once they are normalised; all that a forecaster may know in advance."""

    context: int
    """Frames seen."""

    horizon: int
    """Frames to forecast, as trained."""

    channels: int
    """Of the frames that a forecaster sees: recorded ones, then those that were added (see clips/channels.py)."""

    height: int
    width: int

    forecast_channels: tuple[int, ...] = ()
    """Which of the channels are to be forecast, 0-based and ascending. Empty: all of them."""

    low: tuple[float, ...] = ()
    """Normalised value of the lowest native value, for each channel. Empty: 0 for every channel."""

    high: tuple[float, ...] = ()
    """Normalised value of the highest native value, for each channel. Empty: 1 for every channel."""

    def __post_init__(self) -> None:
        for name in ("context", "horizon", "channels", "height", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"ClipSpec.{name} must be at least 1, found {getattr(self, name)}")
        object.__setattr__(self, "low", self.low or (0.0,) * self.channels)
        object.__setattr__(self, "high", self.high or (1.0,) * self.channels)
        if not len(self.low) == len(self.high) == self.channels:
            raise ValueError(f"ClipSpec.low and .high need {self.channels} values each")
        if list(self.forecast_channels) != sorted(set(self.forecast_channels) & set(range(self.channels))):
            raise ValueError(f"ClipSpec.forecast_channels must be ascending and below {self.channels}, found {self}")

    @property
    def carried_channels(self) -> tuple[int, ...]:
        """The channels that are seen and not forecast."""
        return tuple(set(range(self.channels)) - set(self.forecast_channels)) if self.forecast_channels else ()
