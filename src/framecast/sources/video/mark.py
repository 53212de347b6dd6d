"""What framecast notes in the comment of a video that it writes, and finds there when it reads it again.

A player's pace is not the recording's: radar pictures taken every five minutes are shown ten a second. And most codecs
hold grey as colour. So the comment says how many frames there are, how fast they play, how far apart they were taken
and when, and whether they were grey. It is believed only while number and pace are still the same: a file that somebody
has cut or slowed down since tells its own times.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Self, final

_OPENING = "framecast "


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VideoMark:
    """The note."""

    num_frames: int
    rate: Fraction
    """Frames per second as played."""

    grey: bool
    step_seconds: float | None = None
    """Between frames as recorded."""

    start_time: datetime | None = None
    """Of the first frame."""

    def text(self) -> str:
        """As it is written into the file."""
        return _OPENING + json.dumps(
            {
                "frames": self.num_frames,
                "rate": str(self.rate),
                "grey": self.grey,
                "step_seconds": self.step_seconds,
                "start_time": None if self.start_time is None else self.start_time.isoformat(),
            }
        )

    @classmethod
    def found(cls, metadata: dict[str, str]) -> Self | None:
        """The note among what a container tells; None when there is none that can be understood."""
        comment = next((value for key, value in metadata.items() if key.casefold() == "comment"), "")
        if not comment.startswith(_OPENING):
            return None
        try:
            values: dict[str, Any] = json.loads(comment.removeprefix(_OPENING))
            step, start = values["step_seconds"], values["start_time"]
            rate = Fraction(values["rate"])
            if rate <= 0 or (step is not None and not 0 < step < float("inf")):
                return None
            return cls(
                num_frames=int(values["frames"]),
                rate=rate,
                grey=bool(values["grey"]),
                step_seconds=None if step is None else float(step),
                start_time=None if start is None else datetime.fromisoformat(start),
            )
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
            return None

    def fits(self, num_frames: int, seconds: float | None) -> bool:
        """Whether a file is still as it was written.

        Args:
            num_frames: that are in it.
            seconds: from the first frame to the last as played; None when unknown.
        """
        if num_frames != self.num_frames:
            return False
        if seconds is None or num_frames < 2:
            return True
        written = (num_frames - 1) / float(self.rate)
        return abs(seconds - written) <= 0.02 * written + 0.011  # GIF counts in hundredths of a second
