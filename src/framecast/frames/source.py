"""Source: whatever lists sequences (a file, a folder, a known data set, a generator)."""

from abc import ABC
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.sequence import Sequence

if TYPE_CHECKING:  # listing sources loads no torch
    from framecast.frames.drawing import Drawing


@final
@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that could not be read, while others could."""

    path: str
    """As it was found."""

    reason: str
    """A sentence without its full stop: what was found, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """A list of sequences. Reading is lazy: nothing is decoded until a sequence is asked for frames."""

    kind: str
    """The name of the reader or data set in the table of sources."""

    location: str
    """What the user typed: a path, or the name of a generator."""

    sequences: tuple[Sequence, ...] = field(repr=False)
    """At least one, with different names, in an order that never changes from one reading to the next."""

    notes: tuple[str, ...] = ()
    """Sentences that a person should see: a layout that was guessed, files of other kinds that were left out."""

    rejected: tuple[Rejected, ...] = ()
    """Files that should have been read and could not be, with the reason."""

    def __post_init__(self) -> None:
        if not self.sequences:
            raise SourceError(f"Nothing to read in '{self.location}': it holds no sequence of frames.")
        names = [sequence.info.name for sequence in self.sequences]
        if len(set(names)) < len(names):
            raise SourceError(f"'{self.location}' lists two sequences of the same name; names must differ.")

    def renewed(self, epoch: int) -> Self:
        """The source to train on in this epoch: generators may return fresh sequences, recordings are the same.

        Args:
            epoch: 0-based.

        Returns:
            A source with the same number of sequences, of the same shapes and splits.
        """
        del epoch
        return self

    def drawing(self, places: NDArray[np.int64], frames: NDArray[np.int64]) -> "Drawing | None":
        """What a device can draw frames from, where the source is a generator that offers it.

        Args:
            places: (B,) positions of sequences in the source.
            frames: (B, T) the frames wanted of each of them, 0-based.

        Returns:
            A drawing whose frames (B, T, C, H, W) are, bit for bit, those that the sequences read; None for recordings.
        """
        del places, frames
        return None
