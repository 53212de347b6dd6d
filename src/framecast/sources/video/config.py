"""Settings of the reader of videos."""

from dataclasses import dataclass
from typing import Literal, final

from framecast.sources.files import FilesConfig


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VideoConfig(FilesConfig):
    """How video files are chosen, grouped, timed and coloured.

    ``step_seconds`` corrects what a file says about its time step, and takes its frames one after the other;
    ``resample_seconds`` believes the file, and chooses among its frames.
    """

    resample_seconds: float | None = None
    """Read the frames that are shown nearest to even times, so many seconds apart. None takes every frame of a file of
    even steps, and reads an uneven one at the median of its steps."""

    color: Literal["auto", "grey", "rgb"] = "auto"
    """``grey`` reads one channel, of colour its brightness; ``rgb`` reads three. ``auto`` reads one where the file has
    one, or where framecast wrote grey frames into it."""

    check_frames: bool = False
    """Decode every frame at opening, and use only what lies before the first that is damaged. It takes as long as
    reading everything once; without it, damage is an error when it is reached."""

    def __post_init__(self) -> None:
        super(VideoConfig, self).__post_init__()
        if self.resample_seconds is not None:
            if not 0 < self.resample_seconds < float("inf"):
                raise ValueError("resample_seconds must be above 0")
            if self.step_seconds is not None:
                raise ValueError(
                    "step_seconds says that the file is wrong about its time step, resample_seconds chooses frames by "
                    "what it says; set one of them"
                )
