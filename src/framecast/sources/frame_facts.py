"""Frame facts: what a writer of frames is told about them, beside the frames themselves."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import final

from framecast.frames.grid import Grid


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFacts:
    """What is known about frames that are written. A format keeps what it can hold and ignores the rest."""

    rate: Fraction
    """Frames per second at which formats that play show them."""

    value_range: tuple[float, float] | None = None
    """Native values that become 0 and 255 in formats of 8 bits; None for the range of the type."""

    step_seconds: float | None = None
    """Seconds between frames, where known."""

    start_time: datetime | None = None
    """When the first frame was, or will be, taken; where known."""

    name: str = ""
    """Of the recording that the frames belong to."""

    units: str | None = None
    """Of the values."""

    channel_units: tuple[str, ...] = ()
    """Of each of C channels where they differ, or nothing."""

    channel_names: tuple[str, ...] = ()
    """C names, or nothing."""

    grid: Grid | None = None
    """Where the pixels lie."""

    has_missing: bool = False
    """Whether NaN stands for a missing value."""
