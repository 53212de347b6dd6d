"""Independence: which parts of the evaluated clips say something new, and so what an interval is drawn over.

Clips of one film look alike, and windows of it share frames: a hundred clips of three films are three observations, not
a hundred. Intervals are therefore drawn over *groups* (people, videos, days), the same that splits never divide. One
long recording has no groups; it is cut into *blocks* of time, each twice as long as a clip or longer, and its interval
speaks of that recording alone. With fewer than five units nothing is drawn: their spread cannot be told.
"""

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from framecast.clips.clip_set import ClipOrigin
from framecast.evaluation.results import Independence

FEWEST = 5
"""With fewer independent units there is no interval."""

MOST_BLOCKS = 20
"""More blocks would be shorter than need be: neighbours would depend on each other."""

CLIPS_A_BLOCK = 2
"""A block spans at least so many clip lengths."""


@final
class Units:
    """The unit of each clip, and a sentence about them."""

    def __init__(self, origins: Sequence[ClipOrigin], *, clip_frames: int) -> None:
        """Find the units.

        Args:
            origins: of the N clips.
            clip_frames: how many frames of the recording a clip spans.
        """
        groups = _numbered([origin.group for origin in origins])
        count = int(groups.max(initial=-1)) + 1
        if count >= FEWEST:
            reason = f"Intervals (95%) are drawn over {count:,} independent recordings."
            self.of_clip, self.independence = groups, Independence(unit="group", count=count, reason=reason)
        elif count == 1:
            self.of_clip, self.independence = _blocks(origins, clip_frames)
        else:
            reason = (
                f"All figures come from {count} independent recordings, too few to tell how much they would vary "
                f"between recordings, so no interval is given; that takes {FEWEST}."
            )
            self.of_clip, self.independence = groups, Independence(unit="none", count=count, reason=reason)

    of_clip: NDArray[np.int64]
    """(N,): the number of each clip's unit, from 0."""

    independence: Independence

    @property
    def warnings(self) -> list[str]:
        """What a reader of the figures must be told: that there is no interval, or that it speaks of one recording."""
        return [] if self.independence.unit == "group" else [self.independence.reason]


def _blocks(origins: Sequence[ClipOrigin], clip_frames: int) -> tuple[NDArray[np.int64], Independence]:
    """Stretches of time of one recording, or of its pieces one after the other."""
    places = _numbered([origin.sequence for origin in origins])
    starts = np.array([origin.start for origin in origins], np.int64)
    shift = 0
    for piece in range(int(places.max(initial=-1)) + 1):
        of_piece = places == piece
        length = int(starts[of_piece].max() - starts[of_piece].min()) + clip_frames
        starts[of_piece] += shift - int(starts[of_piece].min())
        shift += length
    least = CLIPS_A_BLOCK * clip_frames
    count = min(MOST_BLOCKS, shift // least)
    if count < FEWEST:
        reason = (
            f"All figures come from one recording of {shift:,} frames, too short for {FEWEST} blocks of "
            f"{least:,} frames (twice the length of a clip): no interval is given."
        )
        return np.zeros(len(origins), np.int64), Independence(unit="none", count=1, reason=reason)
    blocks = _numbered((starts * count // shift).tolist())  # a block in which no clip begins is none
    found = int(blocks.max()) + 1
    if found < FEWEST:
        reason = f"All figures come from one recording, and from {found} stretches of it: too few for an interval."
        return blocks, Independence(unit="none", count=1, reason=reason)
    reason = (
        f"Intervals (95%) are drawn over {found} blocks of about {shift // count:,} frames of one recording: they say "
        "how much figures vary within it, not between recordings, and are too narrow where what happens lasts "
        "longer than a block."
    )
    return blocks, Independence(unit="block", count=found, reason=reason)


def _numbered(names: Sequence[str] | Sequence[int]) -> NDArray[np.int64]:
    """0, 1, 2 … in the order of first appearance."""
    numbers: dict[str | int, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
