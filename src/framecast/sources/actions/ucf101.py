"""``ucf101``: UCF-101, 13,320 clips of 101 actions (Soomro, Zamir and Shah, CRCV-TR-12-01, 2012).

The clips of one class and group (``v_Diving_g01_…``) come from one film, so they never divide between splits. The three
official splits are read from their lists; those name no validation clips, which are then taken from the training part,
again by group.

Axes: T frames, C channels (RGB), H height (240), W width (320).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self, final

from framecast.frames.errors import ConfigurationError, SourceError, unknown_choice
from framecast.frames.paths import user_path
from framecast.frames.sequence import Split
from framecast.frames.source import Source
from framecast.sources.actions.named_videos import (
    NamedVideosConfig,
    counted,
    folder_of,
    nothing_to_train_on,
    opened,
    some,
    videos_by_name,
)

_NAME = re.compile(r"(v_([A-Za-z]+)_(g\d\d)_c\d\d)")
_LISTS = "ucfTrainTestlist"

_HOW_TO_GET = (
    "The data set is 13,320 videos of 320x240 pixels, 6.9 GB: get https://www.crcv.ucf.edu/data/UCF101/UCF101.rar and, "
    "for the official splits, https://www.crcv.ucf.edu/data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip (clips "
    "from YouTube that carry no licence of their own: for research; cite Soomro, Zamir and Shah, CRCV-TR-12-01, 2012) "
    f"and unpack them so that the folder holds {_LISTS}/trainlist01.txt and so on, and the videos at any depth, such "
    "as UCF-101/Diving/v_Diving_g01_c01.avi."
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ucf101Config(NamedVideosConfig):
    """Where UCF-101 lies, and what is read of it. Without ``group_pattern`` class and ``gNN`` are the group."""

    lists: str | None = None
    """Folder with ``trainlist01.txt`` and its like. None: ``ucfTrainTestlist`` in the folder or beside it, or the
    folder itself."""

    split_number: Literal[1, 2, 3] | None = 1
    """Which official split. null: ``clips.split`` divides the clips, by group."""

    classes: tuple[str, ...] = ()
    """Only these classes, for example ``[Diving, Bowling]``. Empty: all that are there."""


@final
@dataclass(frozen=True, kw_only=True)
class Ucf101Source(Source):
    """UCF-101, or as much of it as is there."""

    config_class: ClassVar[type[Ucf101Config]] = Ucf101Config

    @classmethod
    def open(cls, location: str, config: Ucf101Config) -> Self:
        """List the clips; the packets of every video are walked, and of each one picture is decoded.

        Args:
            location: what the user typed, kept for messages.
            config: where the data is, and what of it is wanted.

        Raises:
            NotAvailableError: no folder was named; says how to get the data.
            SourceError: the folder holds none of the videos, a list is damaged, or no video can be read.
            ConfigurationError: a class that is not there.
        """
        folder = folder_of(config.folder, location, kind="ucf101", data_set="UCF-101", how_to_get=_HOW_TO_GET)
        everything, notes = videos_by_name(
            folder, _NAME, pattern=config.pattern, data_set="UCF-101", how_to_get=_HOW_TO_GET
        )
        classes = _chosen(config.classes, everything)
        videos = {clip: path for clip, path in everything.items() if _class(clip) in classes}
        split_of, split_notes = _official(folder, config)
        found, rejected, remarks = opened(videos, config, data_set="UCF-101", color="rgb")
        sequences = tuple(
            video.part(
                clip,
                group=config.group(clip) or "_".join(clip.split("_")[1:3]),
                label=_class(clip),
                split=split_of.get(clip),
            )
            for clip, video in found.items()
        )
        notes += remarks + split_notes
        if split_of:
            listed = [name for name in split_of if not config.classes or _class(name) in classes]
            missing = [name for name in listed if name not in videos]
            unlisted = [clip for clip in videos if clip not in split_of]
            if missing and config.pattern == "*":
                notes += (f"{len(missing)} of the {len(listed)} listed clips are missing here: {some(missing)}.",)
            if unlisted:
                notes += (f"{counted(unlisted, 'clip')} in neither list of the split: {some(unlisted)}.",)
            notes += nothing_to_train_on(
                sequences,
                lists=f"Official split {config.split_number}",
                otherwise="Set source.split_number=null to let clips.split divide what is there.",
            )
        return cls(kind="ucf101", location=location, sequences=sequences, notes=notes, rejected=rejected)


def _class(clip: str) -> str:
    # The folder of one class is spelled HandstandPushups, its clips HandStandPushups.
    return clip.split("_")[1].casefold()


def _chosen(wanted: tuple[str, ...], videos: dict[str, Path]) -> set[str]:
    there = {_class(clip): clip.split("_")[1] for clip in videos}
    for name in wanted:
        if name.casefold() not in there:
            raise ConfigurationError(unknown_choice("class here called", name, there.values()))
    return {name.casefold() for name in wanted} or set(there)


def _official(folder: Path, config: Ucf101Config) -> tuple[dict[str, Split], tuple[str, ...]]:
    """The split of each listed clip, and a note where there are no lists."""
    if config.split_number is None:
        return {}, ()
    names: dict[Split, str] = {split: f"{split}list{config.split_number:02d}.txt" for split in ("train", "test")}
    places = (folder / _LISTS, folder.parent / _LISTS, folder, folder.parent)
    if config.lists is not None:
        places = (user_path(config.lists),)
    place = next((place for place in places if (place / names["train"]).is_file()), None)
    if place is None and config.lists is not None:
        raise SourceError(f"'{config.lists}' holds no {names['train']}. {_HOW_TO_GET}")
    if place is None:
        note = (
            f"No {_LISTS}/{names['train']} was found in '{folder}' or beside it, so clips.split divides the clips; the "
            "official lists are at https://www.crcv.ucf.edu/data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip."
        )
        return {}, (note,)
    splits: dict[str, Split] = {}
    for split, name in names.items():
        for clip in _listed(place / name):
            if splits.setdefault(clip, split) != split:
                raise SourceError(f"Both lists of official split {config.split_number} in '{place}' name {clip}.")
    return splits, ()


def _listed(path: Path) -> list[str]:
    """The clips of a list; lines are ``Diving/v_Diving_g01_c01.avi 26``, the number may be missing."""
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise SourceError(f"The list '{path}' cannot be read: {error.strerror}.") from error
    clips = [match.group(1) for match in _NAME.finditer(text)]
    lines = sum(bool(line.strip()) for line in text.splitlines())
    if not clips or len(clips) != lines:
        raise SourceError(
            f"'{path}' is no list of UCF-101: {len(clips)} of its {lines} lines name a clip, as "
            "'Diving/v_Diving_g01_c01.avi 26' does."
        )
    return clips
