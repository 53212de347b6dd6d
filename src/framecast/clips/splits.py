"""Splits: which frames are for training, validation and test. No frame is in two of them.

* *official*: the data set's own lists. What they leave out (most data sets name no validation) is carved from their
  training part, by the rules below.
* *group*: whole groups (people, videos, days) go to one split. A group's place follows from a hash of its name and
  the seed, so it does not depend on the order of files, and a new recording moves few of the others.
* *sequence*: the same, with every sequence a group of its own, whatever it belongs to.
* *time*: the past for training, then validation, then test. Where every sequence says when it was recorded, all are
  cut at the same moments, so that nothing in training is later than anything in the test; else each is cut by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from hashlib import sha256
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from framecast.clips.windows import Segment
from framecast.frames.errors import SplitError
from framecast.frames.sequence import SPLITS, SequenceInfo, Split

SplitMethod = Literal["official", "group", "sequence", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig:
    """How to divide a source."""

    by: Literal["auto", "official", "group", "sequence", "time"] = "auto"
    """``auto``: the data set's own lists where it has them; else whole groups, when there are enough for all splits;
    else time. ``sequence`` divides groups too, which flatters the test: sequences of one group resemble each other."""

    train: float = 0.8
    """Share for training. The three shares count relative to their sum; a share of 0 leaves that split empty."""

    validation: float = 0.1
    """Share for choosing and stopping."""

    test: float = 0.1
    """Share for the final figures."""

    gap: int = 0
    """Frames left out between two splits of one sequence (only where a sequence is divided by time)."""

    seed: int = 0
    """Which groups fall where. Separate from the training's seed, so that trainings with other seeds compare."""

    def __post_init__(self) -> None:
        for name in SPLITS:
            if not 0 <= self.share(name) < float("inf"):
                raise ValueError(f"{name} must be a share of 0 or more, found {self.share(name)}")
        if not self.wanted:
            raise ValueError("train, validation and test must not all be 0")
        if self.gap < 0 or self.seed < 0:
            raise ValueError(f"gap and seed must be 0 or more, found {self.gap} and {self.seed}")

    def share(self, split: Split) -> float:
        """The share of one split, as given."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]

    @property
    def wanted(self) -> tuple[Split, ...]:
        """The splits with a share above 0, in the order of time."""
        return tuple(split for split in SPLITS if self.share(split) > 0)


@final
@dataclass(frozen=True, slots=True)
class Splits:
    """The division of one source."""

    method: SplitMethod
    """How it was made."""

    segments: Mapping[Split, tuple[Segment, ...]]
    """For each split the runs of frames that belong to it, in the order of the source."""

    notes: tuple[str, ...] = ()
    """Sentences that a person should see."""


def split_sequences(infos: Mapping[int, SequenceInfo], config: SplitConfig) -> Splits:
    """Divide sequences into training, validation and test.

    Args:
        infos: the sequences to divide, by their position in the source.
        config: how.

    Raises:
        SplitError: the method asked for does not fit the sequences, or the data set's own lists divide a group.
    """
    if config.by == "official" or (config.by == "auto" and any(info.split for info in infos.values())):
        return _by_official_lists(infos, config)
    if config.by == "sequence":
        return _by_sequence(infos, config)
    if config.by == "group" or (config.by == "auto" and len(_groups(infos)) >= len(config.wanted)):
        return _by_group(infos, config)
    splits = _by_time(infos, config)
    if config.by == "auto" and len(infos) > 1:
        note = (
            f"{_counted_groups(infos)} (people, videos, days), too few to give each split its own: recordings are "
            "divided by time, and the test shows later frames of recordings that training has seen."
        )
        return replace(splits, notes=(note,))
    return splits


def _by_official_lists(infos: Mapping[int, SequenceInfo], config: SplitConfig) -> Splits:
    listed: dict[Split, dict[int, SequenceInfo]] = {
        split: {place: info for place, info in infos.items() if info.split == split} for split in SPLITS
    }
    unlisted = sum(info.split is None for info in infos.values())
    if unlisted == len(infos):
        raise SplitError(
            "This source has no lists of its own for training and test; set clips.split.by to 'sequence', 'time' or "
            "'auto'."
        )
    owners: dict[str, Split] = {}
    for info in infos.values():
        if info.split and owners.setdefault(info.group, info.split) != info.split:
            raise SplitError(
                f"The lists of this source put group '{info.group}' into both {owners[info.group]} and {info.split}; "
                "a group must not divide. Set clips.split.by=group to divide it anew."
            )
    segments: dict[Split, tuple[Segment, ...]] = {split: _whole(listed[split]) for split in SPLITS}
    notes: list[str] = []
    if unlisted:
        notes.append(f"{unlisted} of {len(infos)} sequences belong to no split of the data set and are not used.")
    missing: list[Split] = [split for split in SPLITS[1:] if not listed[split] and config.share(split)]
    if missing and listed["train"]:
        inner = replace(
            config,
            by="auto",
            validation=config.validation if "validation" in missing else 0.0,
            test=config.test if "test" in missing else 0.0,
        )
        carved = split_sequences({place: replace(info, split=None) for place, info in listed["train"].items()}, inner)
        for split in ("train", *missing):
            segments[split] = carved.segments[split]
        notes.append(f"The data set lists no {' and no '.join(missing)} split: taken from its training part.")
        notes.extend(carved.notes)
    return Splits("official", segments, tuple(notes))


def _by_group(infos: Mapping[int, SequenceInfo], config: SplitConfig) -> Splits:
    groups = sorted(_groups(infos), key=lambda group: sha256(f"{config.seed}:{group}".encode()).digest())
    if len(groups) < len(config.wanted):
        raise SplitError(
            f"Dividing by group needs at least {len(config.wanted)} groups (people, videos, days), one for each of "
            f"{', '.join(config.wanted)}; found {len(groups)}. Set clips.split.by=time, or add recordings."
        )
    split_of: dict[str, Split] = {}
    position = 0
    for split, count in reversed(_apportion(len(groups), config).items()):
        split_of |= dict.fromkeys(groups[position : position + count], split)
        position += count
    members: dict[Split, dict[int, SequenceInfo]] = {split: {} for split in SPLITS}
    for place, info in infos.items():
        members[split_of[info.group]][place] = info
    return Splits("group", {split: _whole(members[split]) for split in SPLITS})


def _by_sequence(infos: Mapping[int, SequenceInfo], config: SplitConfig) -> Splits:
    alone = {place: replace(info, group=info.name) for place, info in infos.items()}
    splits = replace(_by_group(alone, config), method="sequence")
    owners: dict[str, set[Split]] = {}
    for split in SPLITS:
        for segment in splits.segments[split]:
            owners.setdefault(infos[segment.sequence].group, set()).add(split)
    divided = sorted(group for group, found in owners.items() if len(found) > 1)
    if not divided:
        return splits
    note = (
        f"{len(divided)} of {len(owners)} groups (people, videos, days) are divided between splits, first "
        f"'{divided[0]}': the test shows recordings that resemble those of the training, and its figures are better "
        "than on new ones."
    )
    return replace(splits, notes=(note,))


def _by_time(infos: Mapping[int, SequenceInfo], config: SplitConfig) -> Splits:
    segments: dict[Split, list[Segment]] = {split: [] for split in SPLITS}
    dated = {place: times for place, info in infos.items() if (times := _times(info)) is not None}
    joined = len(infos) > 1 and len(dated) == len(infos)
    moments = _cuts(np.sort(np.concatenate(list(dated.values()))), config) if joined else ()
    for place, info in infos.items():
        times = dated[place] if joined else np.arange(info.num_frames, dtype=np.float64)
        ends = [*np.searchsorted(times, moments if joined else _cuts(times, config)).tolist(), len(times)]
        begin = 0
        for split, end in zip(config.wanted, ends, strict=True):
            start = min(begin + (config.gap if begin else 0), end)
            if end > start:
                segments[split].append(Segment(place, start, end))
            begin = end
    return Splits("time", {split: tuple(segments[split]) for split in SPLITS})


def _cuts(times: NDArray[np.float64], config: SplitConfig) -> tuple[float, ...]:
    """The moments at which each wanted split but the first begins, gap included."""
    total = sum(config.share(split) for split in config.wanted)
    usable = len(times) - config.gap * (len(config.wanted) - 1)
    past, cuts = 0.0, list[float]()
    for order, split in enumerate(config.wanted[:-1]):
        past += config.share(split)
        place = max(int(past / total * usable + 0.5), 0) + order * config.gap
        cuts.append(float(times[place]) if place < len(times) else float("inf"))
    return tuple(cuts)


def _times(info: SequenceInfo) -> NDArray[np.float64] | None:
    """(T,) seconds; None where the sequence does not tell."""
    if info.start_time is None or info.step_seconds is None:
        return None
    # A time without a zone counts as UTC: differences are all that matters here.
    start = info.start_time if info.start_time.tzinfo else info.start_time.replace(tzinfo=UTC)
    return np.arange(info.num_frames, dtype=np.float64) * info.step_seconds + start.timestamp()


def _whole(infos: Mapping[int, SequenceInfo]) -> tuple[Segment, ...]:
    return tuple(Segment(place, 0, info.num_frames) for place, info in infos.items())


def _counted_groups(infos: Mapping[int, SequenceInfo]) -> str:
    number = len(_groups(infos))
    return "Only 1 group" if number == 1 else f"Only {number} groups"


def _groups(infos: Mapping[int, SequenceInfo]) -> set[str]:
    return {info.group for info in infos.values()}


def _apportion(count: int, config: SplitConfig) -> dict[Split, int]:
    """Divide ``count`` groups by the shares, one for each wanted split, every next one where most is missing."""
    total = sum(config.share(split) for split in config.wanted)
    quota = {split: count * config.share(split) / total for split in config.wanted}
    counts = dict.fromkeys(config.wanted, 1)
    for _ in range(count - len(counts)):
        counts[max(config.wanted, key=lambda split: quota[split] - counts[split])] += 1
    return counts
