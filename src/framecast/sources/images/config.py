"""Settings of images and stacks."""

from dataclasses import dataclass
from typing import Literal, final

from framecast.sources.images.name_times import TimePattern
from framecast.sources.images.tiff_axes import Merge, StackChoice
from framecast.sources.measured import MeasuredConfig


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig(MeasuredConfig):
    """How images are chosen, grouped and timed, and what their values mean."""

    time_pattern: str | None = None
    """How times are written in the names of the files, in the codes of strptime: ``"%Y%m%d_%H%M"``; one with a slash
    looks at the path, ``"%Y%m%d/%H%M"``; ``%s`` are seconds since 1970. None guesses and says so, ``"none"`` reads no
    times."""

    gaps: Literal["cut", "ignore"] = "cut"
    """Where an image is missing (by the times or the numbers in the names, or because it cannot be read), the sequence
    is cut in two; ``ignore`` reads on as if nothing were missing."""

    z: Merge | int | None = None
    """How the slices of a stack become one frame: ``max`` or ``mean`` of all, or the number of one, from 0. None takes
    ``max`` where slices are depth, and takes them as time where a stack has no other."""

    channel: int | str | None = None
    """The only channel of a stack to read: its number, from 0, or its name. None reads all."""

    axes: str | None = None
    """What the axes of a stack are, where the file does not say it or says it wrongly, a letter each: T time, Z
    slices, C channels, S samples of a pixel, Y rows, X columns; ``"TYX"``, ``"TCYX"``."""

    def __post_init__(self) -> None:
        super(ImageConfig, self).__post_init__()
        _ = self.pattern_of_times
        if self.axes is not None and (set(self.axes.upper()) - set("TZCSYX") or len(set(self.axes)) < len(self.axes)):
            raise ValueError(f"axes must be different letters of T, Z, C, S, Y, X, found '{self.axes}'")

    @property
    def pattern_of_times(self) -> TimePattern | None:
        """The pattern that was set; None when it is to be guessed, or there is none."""
        return None if self.time_pattern in (None, "none") else TimePattern.parse(self.time_pattern)

    @property
    def stack(self) -> StackChoice:
        """What is chosen of a stack."""
        return StackChoice(axes=self.axes, z=self.z, channel=self.channel)
