"""Split view: who goes where, before a frame is read (``framecast inspect SOURCE --splits``)."""

from dataclasses import asdict, dataclass
from typing import Any, final

from framecast.clips.agreement import long_enough
from framecast.clips.config import ClipsConfig
from framecast.clips.splits import SplitMethod, split_sequences
from framecast.clips.windows import enumerate_windows
from framecast.frames.sequence import SPLITS, Split
from framecast.frames.source import Source


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPiece:
    """Frames ``start:stop`` of one sequence that belong to one split."""

    split: Split
    sequence: str
    group: str
    start: int
    stop: int
    clips: int
    """Windows that fit inside."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SplitView:
    """The division of a source."""

    method: SplitMethod
    pieces: tuple[SplitPiece, ...]
    """In the order training, validation, test, and within each in the order of the source."""

    notes: tuple[str, ...]
    """What the source says of itself, what was left out, and what a person should know of the division."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and tables."""
        return asdict(self)


def view_splits(source: Source, config: ClipsConfig) -> SplitView:
    """Divide a source as training would.

    Args:
        source: the recordings.
        config: length of the clips, and how to divide.

    Raises:
        TooShortError: no sequence is as long as one clip.
        SplitError: the source cannot be divided like that.
    """
    infos, notes = long_enough(source, config)
    splits = split_sequences(infos, config.split)
    pieces: list[SplitPiece] = []
    for split in SPLITS:
        for segment in splits.segments[split]:
            info = infos[segment.sequence]
            windows = enumerate_windows([segment], span=config.span, stride=config.stride_in(split))
            pieces.append(
                SplitPiece(
                    split=split,
                    sequence=info.name,
                    group=info.group,
                    start=segment.start,
                    stop=segment.stop,
                    clips=len(windows),
                )
            )
    return SplitView(
        method=splits.method,
        pieces=tuple(pieces),
        notes=(*source.notes, *notes, *splits.notes, *_without_clips(pieces, config)),
    )


def _without_clips(pieces: list[SplitPiece], config: ClipsConfig) -> tuple[str, ...]:
    """A sentence, where training on this division would be refused."""
    filled = {piece.split for piece in pieces if piece.clips}
    empty = [split for split in config.split.wanted if split not in filled]
    if not empty:
        return ()
    return (
        f"No clip fits into {' and '.join(empty)}: as it is, training stops, and says what would help. A clip spans "
        f"{config.span} frames.",
    )
