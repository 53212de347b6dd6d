"""Videos of a data set that is known by name: found by the names of their files, opened, read in parts.

Axes: T frames, C channels, H height, W width.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import NotAvailableError, SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import SPLITS, Sequence, SequenceInfo, Split
from framecast.frames.source import Rejected
from framecast.sources.files import FilesConfig, endings_found, natural_key, walk
from framecast.sources.video.config import VideoConfig
from framecast.sources.video.source import VideoSource

if TYPE_CHECKING:  # listing sources loads no decoder
    from framecast.sources.video.decoding import Decoders
    from framecast.sources.video.facts import VideoFacts

_NAMED = 3
"""Names that a sentence gives as examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedVideosConfig(FilesConfig):
    """Where a data set of videos lies."""

    folder: str | None = None
    """Folder with the videos, at any depth."""


@final
class VideoPart(Sequence):
    """A run of frames of one video."""

    def __init__(self, info: SequenceInfo, facts: "VideoFacts", decoders: "Decoders", *, start: int) -> None:
        """Describe the part; the file stays closed.

        Args:
            info: of the part; its path is the video.
            facts: of the entire video.
            decoders: shared by all parts of a source.
            start: frame of the video with which the part begins, 0-based.
        """
        self.info = info
        self._facts = facts
        self._decoders = decoders
        self._start = start

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        return self._decoders.read(Path(str(self.info.path)), self._facts, self._start + start, self._start + stop)

    def _read_into(self, out: NDArray[Any], start: int) -> None:
        self._decoders.read_into(out, Path(str(self.info.path)), self._facts, self._start + start)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVideo:
    """A video of a data set."""

    path: Path
    """Absolute."""

    facts: "VideoFacts"
    decoders: "Decoders"
    """Shared by all videos of a source."""

    def part(
        self,
        name: str,
        *,
        group: str,
        label: str,
        split: Split | None,
        start: int = 0,
        stop: int | None = None,
    ) -> VideoPart:
        """Frames ``start:stop`` as a sequence; None is the end of the video."""
        info = SequenceInfo(
            name=name,
            group=group,
            label=label,
            num_frames=(self.facts.num_frames if stop is None else stop) - start,
            channels=self.facts.pixels.channels,
            height=self.facts.height,
            width=self.facts.width,
            dtype=np.dtype(self.facts.pixels.dtype).name,
            value_range=self.facts.pixels.value_range,
            step_seconds=self.facts.step_seconds,
            split=split,
            path=str(self.path),
        )
        return VideoPart(info, self.facts, self.decoders, start=start)


def folder_of(folder: str | None, location: str, *, kind: str, data_set: str, how_to_get: str) -> Path:
    """The folder that holds a data set which is never downloaded by itself.

    Args:
        folder: as it was set.
        location: what the user typed: the folder, where it is not the name of the data set.
        kind: that name in the table of sources.
        data_set: what people call it, for messages.
        how_to_get: sentences for those who do not have it.

    Raises:
        NotAvailableError: none was named; says how to get the data.
        SourceError: it is not there.
    """
    if folder is None and location != kind:
        folder = location
    if folder is None:
        raise NotAvailableError(f"{data_set} is read from a folder of yours: set source.folder to it. {how_to_get}")
    path = user_path(folder).absolute()
    if not path.is_dir():
        raise SourceError(f"There is no folder '{folder}' to read {data_set} from. {how_to_get}")
    return path


def videos_by_name(
    folder: Path, name: re.Pattern[str], *, pattern: str, data_set: str, how_to_get: str
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The videos of a data set at any depth of a folder.

    Args:
        folder: where to look.
        name: what the names of its videos, without their endings, look like; the first bracket is the clip's name.
        pattern: keep only videos whose path relative to the folder fits.
        data_set: its name in messages.
        how_to_get: sentences for those who do not have it.

    Returns:
        Paths by the names of the clips, in natural order, and notes on videos that were left out.

    Raises:
        SourceError: there is no such video; says what was found.
    """
    everything = list(walk(folder))
    videos = sorted((path for path in everything if path.suffix.lower() in VideoSource.endings), key=natural_key)
    found: dict[str, Path] = {}
    others: list[str] = []
    twice: list[str] = []
    for path in videos:
        match = name.fullmatch(path.stem)
        if match is None:
            others.append(path.relative_to(folder).as_posix())
        elif match.group(1) in found:
            twice.append(path.relative_to(folder).as_posix())
        else:
            found[match.group(1)] = path
    if not found:
        first = f", the first is '{others[0]}'" if others else ""
        raise SourceError(
            f"'{folder}' holds no video that is named as those of {data_set}: found {endings_found(everything)}"
            f"{first}. {how_to_get}"
        )
    fitting = {clip: path for clip, path in found.items() if path.relative_to(folder).match(pattern)}
    if not fitting:
        raise SourceError(f"None of the {len(found)} videos in '{folder}' fits the pattern '{pattern}': {some(found)}.")
    notes: list[str] = []
    if others:
        notes.append(f"{counted(others, 'video')} left out, not being named as those of {data_set}: {some(others)}.")
    if twice:
        notes.append(f"{counted(twice, 'video')} left out, because another one has the same name: {some(twice)}.")
    return fitting, tuple(notes)


def opened(
    videos: Mapping[str, Path], config: FilesConfig, *, data_set: str, color: Literal["grey", "rgb"]
) -> tuple[dict[str, FoundVideo], tuple[Rejected, ...], tuple[str, ...]]:
    """Walk the packets of videos; of each, one frame is decoded.

    Args:
        videos: paths by the names of the clips.
        config: says the time step, where the files are wrong about it.
        data_set: its name in messages.
        color: ``grey`` reads the brightness alone, for grey pictures that are stored as colour.

    Returns:
        Videos by the names of the clips, in the same order; files that could not be read; and remarks on single files.

    Raises:
        SourceError: none of them can be read.
    """
    from framecast.sources.video.decoding import Decoders
    from framecast.sources.video.facts import probe

    reading, decoders = VideoConfig(color=color, step_seconds=config.step_seconds), Decoders()
    found: dict[str, FoundVideo] = {}
    rejected: list[Rejected] = []
    remarks: list[str] = []
    for clip, path in videos.items():
        try:
            facts = probe(path, reading)
        except SourceError as error:
            rejected.append(Rejected(str(path), str(error).rstrip(".")))
            continue
        remarks += [f"'{path.name}' {remark}." for remark in facts.remarks]
        found[clip] = FoundVideo(path=path, facts=facts, decoders=decoders)
    if not found:
        raise SourceError(
            f"None of the {len(videos)} videos of {data_set} can be read; '{rejected[0].path}': {rejected[0].reason}."
        )
    if len(remarks) > _NAMED:
        remarks[_NAMED:] = [f"There is something of this kind to say {len(remarks) - _NAMED} times more."]
    return found, tuple(rejected), tuple(remarks)


def nothing_to_train_on(sequences: Iterable[Sequence], *, lists: str, otherwise: str) -> tuple[str, ...]:
    """A note where the split that the data set assigns has no training part. (No test part is no obstacle.)

    Args:
        sequences: with the splits that the data set assigns.
        lists: what assigned them, for the sentence.
        otherwise: how to divide the clips in another way.
    """
    splits: set[Split] = {sequence.info.split for sequence in sequences if sequence.info.split is not None}
    if not splits or "train" in splits:
        return ()
    where = " and ".join(split for split in SPLITS if split in splits)
    return (f"{lists} puts everything that is here into {where}, so there is nothing to train on. {otherwise}",)


def some(names: Iterable[str]) -> str:
    """The first few names, for a sentence."""
    listed = list(names)
    return ", ".join(listed[:_NAMED]) + (", …" if len(listed) > _NAMED else "")


def counted(names: Iterable[str], noun: str) -> str:
    """``1 video was``, ``3 videos were``."""
    count = len(list(names))
    return f"{count} {noun} was" if count == 1 else f"{count} {noun}s were"
