"""Leaks: whether what the test shows was already in the training, although no frame was handed to both.

Two things are looked for, on frames as the model sees them (resized, coloured):

* *the same frame*: a test frame that equals a training frame of another sequence value for value. It happens where a
  file was copied under another name, where a recording was cut into overlapping pieces, where frames repeat.
* *nearly the same clip*: a window of the test whose perceptual hash is nearly that of a training window of another
  sequence, as after compressing a video again or changing its brightness. The hash has three parts, each the 8 x 8
  block means of a picture without their mean and scaled to length 1 (after Yang, Gu, Niu 2006, "Block mean value based
  image perceptual hashing", but with values in place of bits, which flip where a picture is flat): of the window's
  first frame, of its last, and of what changed between the two. Test windows lie end to end; every window of the
  training is compared with them, so a shift in time hides nothing.

Frames and changes that hold next to no structure (black frames, a scene in which nothing moves) say nothing and are not
compared. Pieces of one sequence are told apart by time, so they are not compared with each other.

Reading stops at a budget of frames; the report says how much of the source was looked at.

Axes: T frames, C channels, H height, W width.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.clips.clip_set import ClipSet
from framecast.clips.clip_sets import ClipSets
from framecast.clips.conversion import as_float, resize_frames
from framecast.clips.windows import Segment
from framecast.frames.errors import RunError
from framecast.frames.sequence import Split

BUDGET_FRAMES = 20_000
"""Frames read at most, of training and test together; about half a minute of 128 x 128 video."""

_MOST_BYTES = 2**33
"""Native bytes read at most: of large frames fewer are read."""

_AT_ONCE_BYTES = 2**26
"""Native bytes read in one go, so that memory does not grow with the length of recordings."""

_NAMED = 20
"""Findings of each kind that are named; the rest is counted."""

_SIDE = 8
_ALIKE = (0.98, 0.98, 0.9)
"""How far the parts of the hash (first frame, last frame, change) must correlate in nearly equal clips."""

_CONTENT = 0.005
"""A frame whose pixels deviate less than this share of the value range shows nothing."""

_STRUCTURE = 0.02
"""A picture whose block means deviate less than this share of the value range holds no structure to compare."""

_CHANGE = 0.01
"""The same for what changed between the first and the last frame of a window."""


@final
@dataclass(frozen=True, slots=True)
class Leak:
    """A place of the test that was found in the training."""

    test: str
    """Name of the test sequence."""
    test_frame: int
    """First frame, 0-based."""
    train: str
    """Name of the training sequence."""
    train_frame: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LeakReport:
    """What was looked at, and what was found."""

    train_frames: int
    """Training frames that were read, ..."""
    train_frames_total: int
    """... of so many."""
    test_frames: int
    test_frames_total: int
    same_frames: int
    """Test frames that equal a training frame."""
    similar_clips: int
    """Test windows that nearly equal a training window, and are not among the above."""
    examples: tuple[Leak, ...] = ()
    """Some of the same frames, then some of the similar clips."""

    @property
    def first_similar(self) -> Leak:
        """The first of the similar clips, of which there is at least one."""
        return self.examples[min(self.same_frames, _NAMED)]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person should know; nothing where nothing was found."""
        found: list[str] = []
        if self.same_frames:
            first = self.examples[0]
            found.append(
                f"{self.same_frames} of {self.test_frames} test frames are in the training too, first frame "
                f"{first.test_frame} of '{first.test}' (frame {first.train_frame} of '{first.train}'): the test is no "
                "test of these. Remove the copies, or keep such recordings together with source.group_pattern."
            )
        if self.similar_clips:
            first = self.first_similar
            found.append(
                f"{self.similar_clips} clips of the test look nearly like clips of the training, first at frame "
                f"{first.test_frame} of '{first.test}' (frame {first.train_frame} of '{first.train}'). Look at them; "
                "if they show the same scene, keep such recordings together with source.group_pattern."
            )
        return tuple(found)

    def to_json(self) -> str:
        """The content of ``leaks.json``."""
        return json.dumps({"schema": 1, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"


def load_leaks(path: Path) -> LeakReport | None:
    """Read ``leaks.json``; None where there is none.

    Raises:
        RunError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        names = {item.name for item in fields(LeakReport)}
        known: dict[str, Any] = {name: value for name, value in values.items() if name in names}
        known["examples"] = tuple(Leak(**leak) for leak in values["examples"])
        return LeakReport(**known)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"'{path}' is not a report of leaks that framecast wrote ({error}).") from None


def find_leaks(clips: ClipSets, *, budget: int = BUDGET_FRAMES) -> LeakReport | None:
    """Compare the test split with the training split.

    Args:
        clips: the divided source.
        budget: frames to read at most, half of them of each split (what one does not need, the other may have);
            0 looks at nothing. Of large frames fewer are read, 8 GiB in all.

    Returns:
        What was found. None where there is nothing to compare: a generator, whose splits draw from different digits;
        a single sequence; a split without clips.

    Raises:
        SourceError: a sequence cannot be read.
    """
    train, test = clips.train, clips.test
    sequences = train.source.sequences
    if sequences[0].info.path is None or len(sequences) < 2 or not (budget and len(train) and len(test)):
        return None
    pieces: dict[Split, tuple[Segment, ...]] = {split: clips.splits.segments[split] for split in ("train", "test")}
    totals = {split: sum(piece.num_frames for piece in pieces[split]) for split in pieces}
    native_bytes = sum(
        piece.num_frames * sequences[piece.sequence].info.frame_bytes for split in pieces for piece in pieces[split]
    )
    budget = min(budget, max(_MOST_BYTES * sum(totals.values()) // native_bytes, 2))
    shares = {"test": max(budget // 2, budget - totals["train"]), "train": max(budget // 2, budget - totals["test"])}
    span = (test.context + test.horizon - 1) * test.frame_step + 1
    tested = _Prints(test, pieces["test"], shares["test"], span=span, stride=span)
    trained = _Prints(train, pieces["train"], shares["train"], span=span, stride=1)
    same = _same_frames(tested, trained)
    similar = _similar_clips(tested, trained, {(leak.test, leak.test_frame) for leak in same})
    return LeakReport(
        train_frames=trained.num_frames,
        train_frames_total=totals["train"],
        test_frames=tested.num_frames,
        test_frames_total=totals["test"],
        same_frames=len(same),
        similar_clips=len(similar),
        examples=(*same[:_NAMED], *similar[:_NAMED]),
    )


class _Prints:
    """Hashes of the frames and windows of one split, as far as the budget reaches."""

    def __init__(self, clips: ClipSet, pieces: tuple[Segment, ...], budget: int, *, span: int, stride: int) -> None:
        self.num_frames = 0
        self.frames: list[tuple[bytes, int, int]] = []
        """(hash, sequence, frame) of every frame that shows something."""
        self.windows: list[tuple[int, int]] = []
        """(sequence, first frame) of every window that shows something, ..."""
        self.sequences = clips.source.sequences
        hashes: list[NDArray[np.float32]] = []
        # What is read here keeps its place in memory only if all of it will be used again, by the training.
        entire = clips.split == "train" and sum(piece.num_frames for piece in pieces) <= budget
        self._reader = clips.reader if entire else clips.reader.without_memory()
        recorded = clips.normaliser.recorded
        self._low, high = np.array([clips.normaliser.low[:recorded], clips.normaliser.high[:recorded]])[..., None, None]
        self._width = high - self._low
        for piece in _within(pieces, span, budget):
            small = self._look_at(piece)
            self.num_frames += piece.num_frames
            telling = _telling(small)
            starts = np.arange(0, piece.num_frames - span + 1, stride)
            ends = starts + span - 1
            changes = small[ends] - small[starts]
            kept = telling[starts] & telling[ends] & (changes.std(axis=(1, 2)) >= _CHANGE)
            self.windows += [(piece.sequence, piece.start + start) for start in starts[kept].tolist()]
            starts, ends, changes = starts[kept], ends[kept], changes[kept]
            hashes.append(np.stack([_hash(small[starts]), _hash(small[ends]), _hash(changes)]))
        self.hashes = np.concatenate(hashes, axis=1) if hashes else np.empty((3, 0, _SIDE**2), np.float32)
        """... and its hash, (3, N, 64)."""

    def _look_at(self, piece: Segment) -> NDArray[np.float64]:
        """Hash the frames of a piece, some at a time; returns them as (T, 8, 8) block means."""
        sequence = self.sequences[piece.sequence]
        at_once = max(1, _AT_ONCE_BYTES // sequence.info.frame_bytes)
        found: list[NDArray[np.float64]] = []
        for start in range(piece.start, piece.stop, at_once):
            frames = self._reader.read(sequence, start, min(start + at_once, piece.stop))
            small = _small(frames, self._low, self._width)
            found.append(small)
            self.frames += [
                (blake2b(frame.tobytes(), digest_size=16).digest(), piece.sequence, start + place)
                for place, (frame, telling) in enumerate(zip(frames, _telling(small), strict=True))
                if telling or _shows_something(frame, self._width)
            ]
        return np.concatenate(found)


def _within(pieces: tuple[Segment, ...], span: int, budget: int) -> Iterator[Segment]:
    """Runs of whole windows out of all pieces, spread evenly where the budget does not reach for all frames."""
    total = sum(piece.num_frames for piece in pieces)
    if total <= budget:
        yield from pieces
        return
    runs = [
        Segment(piece.sequence, start, start + span)
        for piece in pieces
        for start in range(piece.start, piece.stop - span + 1, span)
    ]
    count = min(len(runs), max(1, budget // span))
    yield from (runs[order * len(runs) // count] for order in range(count))


def _small(frames: NDArray[Any], low: NDArray[np.float64], width: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 8, 8) block means of all channels together, each as a share of its own range (C, 1, 1), so that one in large
    numbers does not hide the others; a block without values counts as lowest."""
    shares = (resize_frames(as_float(frames), _SIDE, _SIDE) - low) / width
    return np.where(np.isfinite(shares), shares, 0).mean(axis=1)


def _telling(small: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(T,) which pictures (T, 8, 8) hold structure."""
    return small.std(axis=(1, 2)) >= _STRUCTURE


def _shows_something(frame: NDArray[Any], width: NDArray[np.float64]) -> bool:
    """Whether the values of any channel of (C, H, W) differ."""
    for values, wide in zip(frame, width.reshape(-1), strict=True):
        there = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if there.size and float(there.std(dtype=np.float64)) >= _CONTENT * wide:
            return True
    return False


def _hash(pictures: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, 8, 8) to (N, 64) without mean, of length 1: the product of two is their correlation."""
    flat = pictures.reshape(len(pictures), _SIDE**2)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)


def _same_frames(tested: _Prints, trained: _Prints) -> list[Leak]:
    known: dict[bytes, dict[int, int]] = {}  # the first place in each sequence
    for digest, sequence, frame in trained.frames:
        known.setdefault(digest, {}).setdefault(sequence, frame)
    found: list[Leak] = []
    for digest, sequence, frame in tested.frames:
        other = next((place for place in known.get(digest, {}).items() if place[0] != sequence), None)
        if other is not None:
            found.append(_leak(tested, (sequence, frame), other))
    return found


def _similar_clips(tested: _Prints, trained: _Prints, known: set[tuple[str, int]]) -> list[Leak]:
    found: list[Leak] = []
    if not trained.windows:
        return found
    owners = np.array([sequence for sequence, _ in trained.windows])
    for place, window in enumerate(tested.windows):
        name = tested.sequences[window[0]].info.name
        # How far each part is above what is wanted of it; a window is as much alike as its least similar part.
        alike = np.stack(
            [part @ tested.hashes[order, place] - _ALIKE[order] for order, part in enumerate(trained.hashes)]
        ).min(axis=0)
        alike[owners == window[0]] = -1
        nearest = int(alike.argmax())
        if alike[nearest] >= 0 and (name, window[1]) not in known:
            found.append(_leak(tested, window, trained.windows[nearest]))
    return found


def _leak(tested: _Prints, test: tuple[int, int], train: tuple[int, int]) -> Leak:
    name, other = (tested.sequences[place].info.name for place in (test[0], train[0]))
    return Leak(name, test[1], other, train[1])
