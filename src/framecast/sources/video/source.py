"""Video files (mp4, mov, avi, mkv, webm, animated gif and png): one sequence a file.

Grey stays one channel, everything else becomes RGB; more than 8 bits stay what they are. Frames come upright and at
even times. What a file tells about itself is found in ``facts.py``, and how a single frame is found exactly is
told in ``decoding.py``.

Axes: T frames, C channels (1 grey, 3 RGB), H height, W width.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Rejected, Source
from framecast.sources.files import files_at, first_bytes, holds
from framecast.sources.video.config import VideoConfig

if TYPE_CHECKING:
    from framecast.sources.video.decoding import Decoders
    from framecast.sources.video.facts import VideoFacts

_ENDINGS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".apng")
_OPENINGS = (b"\x1a\x45\xdf\xa3", b"GIF87a", b"GIF89a")
_OPENINGS_OF_BOXES = (b"ftyp", b"moov", b"mdat", b"wide")
"""Kinds of the first box of mp4 and mov, after its length in four bytes."""

_MOST_REMARKS = 12
"""Sentences about single files before the rest is counted."""


@final
class VideoSequence(Sequence):
    """One video file."""

    def __init__(self, path: Path, info: SequenceInfo, facts: "VideoFacts", decoders: "Decoders") -> None:
        self.info = info
        self._path = path
        self._facts = facts
        self._decoders = decoders

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        return self._decoders.read(self._path, self._facts, start, stop)

    def _read_into(self, out: NDArray[Any], start: int) -> None:
        self._decoders.read_into(out, self._path, self._facts, start)


@final
@dataclass(frozen=True, kw_only=True)
class VideoSource(Source):
    """A video file, or all videos at any depth of a folder."""

    config_class: ClassVar[type[VideoConfig]] = VideoConfig
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is a video by its ending or first bytes, or a folder with one in it."""
        if path.is_dir():
            return holds(path, _ENDINGS)
        return path.suffix.lower() in _ENDINGS or _begins_as_video(path)

    @classmethod
    def open(cls, location: str, config: VideoConfig) -> Self:
        """List the videos; their packets are walked, and of each one picture is decoded.

        Args:
            location: a file, or a folder that is searched at any depth.
            config: which files, and how they are grouped, timed and coloured.

        Raises:
            SourceError: no video can be read.
        """
        from framecast.sources.video.decoding import Decoders
        from framecast.sources.video.facts import probe

        root = user_path(location)
        folder = root if root.is_dir() else root.parent
        paths, notes = files_at(root, _ENDINGS, pattern=config.pattern)
        remarks: list[tuple[str, str]] = []
        rejected: list[Rejected] = []
        sequences: list[VideoSequence] = []
        num_colorless = 0
        decoders = Decoders()
        for path in paths:
            name = path.relative_to(folder).as_posix()
            try:
                facts = probe(path, config)
            except SourceError as error:
                rejected.append(Rejected(path=str(path), reason=str(error)))
                continue
            remarks += [(name, remark) for remark in facts.remarks]
            num_colorless += facts.colorless and facts.pixels.channels == 3 and config.color == "auto"
            sequences.append(VideoSequence(path.absolute(), _info(path, name, facts, config), facts, decoders))
        if not sequences:
            reasons = [f"'{Path(one.path).name}' cannot be read: {one.reason}" for one in rejected]
            raise SourceError(
                f"Found no video to read in '{location}': {'; '.join(reasons[:3])}{'; …' if reasons[3:] else ''}. "
                f"Wanted are entire files of {', '.join(_ENDINGS)} that a video player can show."
            )
        return cls(
            kind="video",
            location=location,
            sequences=tuple(sequences),
            notes=(*notes, *_told(remarks), *_grey_note(num_colorless, len(sequences))),
            rejected=tuple(rejected),
        )


def _begins_as_video(path: Path) -> bool:
    opening = first_bytes(path, 12)
    is_avi = opening.startswith(b"RIFF") and opening.endswith(b"AVI ")
    return is_avi or opening.startswith(_OPENINGS) or opening[4:8] in _OPENINGS_OF_BOXES


def _told(remarks: list[tuple[str, str]]) -> list[str]:
    """A sentence for each remark; a great number of them is cut short."""
    told = [f"'{name}' {remark}." for name, remark in remarks[:_MOST_REMARKS]]
    if len(remarks) > _MOST_REMARKS:
        names = len({name for name, _ in remarks[_MOST_REMARKS:]})
        told.append(f"There is something of this kind to say about {names} more files.")
    return told


def _grey_note(num_colorless: int, num_files: int) -> list[str]:
    if not num_colorless:
        return []
    which = "the video" if num_files == 1 else f"{num_colorless} of {num_files} videos"
    return [f"The first picture of {which} is grey, stored as colour; source.color=grey reads one channel, not three."]


def _info(path: Path, name: str, facts: "VideoFacts", config: VideoConfig) -> SequenceInfo:
    return SequenceInfo(
        name=name,
        group=config.group(name),
        num_frames=facts.num_frames,
        channels=facts.pixels.channels,
        height=facts.height,
        width=facts.width,
        dtype=facts.pixels.dtype.__name__,
        value_range=facts.pixels.value_range,
        step_seconds=facts.step_seconds,
        start_time=facts.start_time,
        path=str(path.absolute()),
    )
