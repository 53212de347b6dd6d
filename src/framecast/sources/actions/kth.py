"""``kth``: KTH Actions, 25 persons who box, clap, wave, jog, run and walk (Schuldt, Laptev and Caputo, ICPR 2004).

Each range of frames that ``00sequences.txt`` names is a sequence; the person is the group, and two ways to divide the
persons are known. Pictures are grey but stored as colour: the brightness alone is read, one channel. One of the 600
videos was never published, and others may be missing too; all are named in the notes.

Axes: T frames, C channels (one), H height (120), W width (160).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self, final

from framecast.frames.errors import SourceError, unknown_choice
from framecast.frames.paths import user_path
from framecast.frames.sequence import Split
from framecast.frames.source import Source
from framecast.sources.actions.kth_list import NAME, read_frame_ranges
from framecast.sources.actions.named_videos import (
    FoundVideo,
    NamedVideosConfig,
    counted,
    folder_of,
    nothing_to_train_on,
    opened,
    some,
    videos_by_name,
)
from framecast.sources.files import walk

CLASSES = ("boxing", "handclapping", "handwaving", "jogging", "running", "walking")
PERSONS = range(1, 26)
UNPUBLISHED = "person13_handclapping_d3"
"""The one video of 25 x 6 x 4 that is not part of the data set."""

_VALIDATION = frozenset({19, 20, 21, 23, 24, 25, 1, 4})
_TRAIN = frozenset({11, 12, 13, 14, 15, 16, 17, 18})
_LAST_TO_TRAIN_ON = 16

_NAME = re.compile(rf"(person(?:0[1-9]|1\d|2[0-5])_(?:{'|'.join(CLASSES)})_d[1-4])(?:_uncomp)?")

_HOW_TO_GET = (
    "The data set is 599 videos of 160x120 pixels at 25 frames a second, about 1.1 GB in six archives, and a list: get "
    f"{', '.join(f'{name}.zip' for name in CLASSES)} and {NAME} from https://www.csc.kth.se/cvap/actions/ (public, for "
    "non-commercial use; cite Schuldt, Laptev and Caputo, ICPR 2004) and unpack them so that the folder holds "
    f"{NAME}, boxing/person01_boxing_d1_uncomp.avi and so on; the videos may also lie in one folder."
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KthConfig(NamedVideosConfig):
    """Where KTH Actions lies, and what is read of it. Without ``group_pattern`` the person is the group."""

    list: str | None = None
    """The file with the frame ranges. None: ``00sequences.txt`` in the folder, at any depth, or beside it."""

    ranges: bool = True
    """Each range of the list is a sequence. false: each entire video is one, also where nobody is in the picture; the
    list is not needed then."""

    split: Literal["official", "prediction", "none"] = "official"
    """Which persons are for what. ``official``: 11–18 training, 19–21, 23–25, 1 and 4 validation, 2, 3, 5–10 and 22
    test. ``prediction``: 1–16 training, 17–25 test, as papers on video prediction do; validation is then taken from the
    training persons. ``none``: ``clips.split`` divides the persons."""

    classes: tuple[str, ...] = ()
    """Only these classes, for example ``[walking, running]``. Empty: all six."""

    def __post_init__(self) -> None:
        super(KthConfig, self).__post_init__()
        for name in self.classes:
            if name not in CLASSES:
                raise ValueError(unknown_choice("class of KTH Actions called", name, CLASSES).rstrip("."))

    def split_of(self, person: int) -> Split | None:
        """Where a person belongs, by the division that was chosen."""
        if self.split == "official":
            return "train" if person in _TRAIN else "validation" if person in _VALIDATION else "test"
        return None if self.split == "none" else "train" if person <= _LAST_TO_TRAIN_ON else "test"


@final
@dataclass(frozen=True, kw_only=True)
class KthSource(Source):
    """KTH Actions, or as much of it as is there."""

    config_class: ClassVar[type[KthConfig]] = KthConfig

    @classmethod
    def open(cls, location: str, config: KthConfig) -> Self:
        """List the sequences; the packets of every video are walked, and of each one picture is decoded.

        Args:
            location: what the user typed, kept for messages.
            config: where the data is, and what of it is wanted.

        Raises:
            NotAvailableError: no folder was named; says how to get the data.
            SourceError: the folder holds none of the videos or no list, or nothing of them can be read.
        """
        folder = folder_of(config.folder, location, kind="kth", data_set="KTH Actions", how_to_get=_HOW_TO_GET)
        everything, notes = videos_by_name(
            folder, _NAME, pattern=config.pattern, data_set="KTH Actions", how_to_get=_HOW_TO_GET
        )
        wanted = config.classes or CLASSES
        videos = {clip: path for clip, path in everything.items() if clip.split("_")[1] in wanted}
        if not videos:
            raise SourceError(f"'{folder}' holds no video of {' or '.join(wanted)}; found {some(everything)}.")
        ranges = read_frame_ranges(_list(folder, config)) if config.ranges else None
        found, rejected, remarks = opened(videos, config, data_set="KTH Actions", color="grey")
        parts, range_notes = _parts(found, ranges)
        sequences = tuple(
            found[clip].part(
                name,
                group=config.group(name) or clip[:8],
                label=clip.split("_")[1],
                split=config.split_of(int(clip[6:8])),
                start=start,
                stop=stop,
            )
            for name, clip, start, stop in parts
        )
        if not sequences:
            raise SourceError(
                f"The list names no frames of the {len(found)} videos in '{folder}' ({some(found)}); set "
                "source.ranges=false to read entire videos."
            )
        notes += (*remarks, *range_notes)
        if config.pattern == "*":
            notes += tuple(_missing(videos, wanted))
        notes += nothing_to_train_on(
            sequences,
            lists=f"The split '{config.split}'",
            otherwise="Set source.split=none to let clips.split divide what is there (by time, of one person).",
        )
        return cls(kind="kth", location=location, sequences=sequences, notes=notes, rejected=rejected)


def _parts(
    found: Mapping[str, FoundVideo], ranges: Mapping[str, tuple[tuple[int, int], ...]] | None
) -> tuple[list[tuple[str, str, int, int]], list[str]]:
    """Name, clip, first frame (0-based) and the one past the last of each sequence; and notes on what did not fit."""
    if ranges is None:
        return [(clip, clip, 0, video.facts.num_frames) for clip, video in found.items()], []
    parts: list[tuple[str, str, int, int]] = []
    cut: list[str] = []
    beyond: list[str] = []
    for clip, video in found.items():
        length = video.facts.num_frames
        for first, last in ranges.get(clip, ()):
            name = f"{clip}[{first}-{last}]"
            if first > length:
                beyond.append(name)
                continue
            if last > length:
                cut.append(f"{name} by {last - length}")
            parts.append((name, clip, first - 1, min(last, length)))
    notes: list[str] = []
    if cut:
        notes.append(f"Frame ranges that end after their video were cut, {len(cut)} in all: {some(cut)}.")
    if beyond:
        notes.append(f"{counted(beyond, 'frame range')} left out, which begin after their video: {some(beyond)}.")
    if unlisted := [clip for clip in found if not ranges.get(clip)]:
        notes.append(f"{counted(unlisted, 'video')} left out, of which the list names no frames: {some(unlisted)}.")
    return parts, notes


def _list(folder: Path, config: KthConfig) -> Path:
    if config.list is not None:
        return user_path(config.list)
    below = sorted(path for path in walk(folder) if path.name.lower() == NAME)
    for path in (*below, folder.parent / NAME):
        if path.is_file():
            return path
    raise SourceError(
        f"'{folder}' holds videos of KTH Actions, but not {NAME}, which says where somebody acts. Put it there (it is "
        f"at https://www.csc.kth.se/cvap/actions/{NAME}), set source.list to it, or set source.ranges=false to read "
        "entire videos."
    )


def _missing(videos: dict[str, Path], wanted: tuple[str, ...]) -> Iterator[str]:
    names = [
        f"person{person:02d}_{action}_d{scene}" for person in PERSONS for action in wanted for scene in range(1, 5)
    ]
    missing = [name for name in names if name not in videos and name != UNPUBLISHED]
    if missing:
        published = len(names) - (UNPUBLISHED in names)
        yield f"{len(missing)} of the {published} published videos are missing here: {some(missing)}."
    if UNPUBLISHED in names and UNPUBLISHED not in videos:
        yield f"{UNPUBLISHED} is missing, as it was never published."
