"""What a video file tells before its frames are asked for: how many, when, how large, where decoding may begin.

Opening a file walks its packets once (about a millisecond per two hundred), because headers are silent about the number
of frames (Matroska, WebM) or wrong (a file that was cut off), and only the packets say when each frame is shown. On the
way its first picture is decoded: only a decoder knows which way up it is, and whether it can be decoded at all.

Nothing but the formats and the file protocol named here is opened, so a play list in disguise reaches nothing else.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, final

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.sources.video.config import VideoConfig
from framecast.sources.video.mark import VideoMark
from framecast.sources.video.pixels import Orientation, Pixels, is_grey, looks_grey
from framecast.sources.video.timing import Timing, timing

_GUARD = {"format_whitelist": "mov,matroska,avi,gif,apng", "protocol_whitelist": "file"}

_MOST_REORDERED = 16
"""Frames that a codec may hold back to show others first."""

MOST_PIXELS = 8192 * 8192
"""Height times width of the largest picture: twice what cameras record, and small enough to be decoded anywhere."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """What is known about a file."""

    num_frames: int
    """Frames that are read; more or fewer than are stored where ``frame_map`` says so."""

    num_stored: int
    """Frames that are stored and can be used."""

    height: int
    width: int
    """H and W of the frames that are read, upright."""

    stored_size: tuple[int, int]
    """H and W as they are stored."""

    pixels: Pixels
    orientation: Orientation
    step_seconds: float | None
    frame_map: NDArray[np.int64] | None
    """(num_frames,) which stored frame each frame is, ascending; None where each is itself."""

    times: NDArray[np.int64] | None
    """(num_stored,) presentation time of each stored frame in ticks, ascending; None where it cannot be relied on."""

    entries: NDArray[np.int64]
    """Stored frames (0-based, ascending) at which decoding may begin; the first is 0."""

    start_time: datetime | None
    colorless: bool
    """Whether the file holds colour, and the first picture none."""

    remarks: tuple[str, ...]
    """Parts of sentences about this file that a person should see."""


@final
@dataclass(slots=True)
class _Walk:
    """What the packets told."""

    times: list[int | None] = field(default_factory=list[int | None])
    """Presentation time of every packet that is shown, in file order."""

    keys: list[bool] = field(default_factory=list[bool])
    num_discarded: int = 0
    damaged: bool = False
    """Whether the walk ended at a packet that is not whole."""

    end: int = 0
    """When the last picture ends, in ticks."""

    first: VideoFrame | None = None
    """The first picture that could be decoded."""


def open_stream(path: Path) -> tuple[InputContainer, VideoStream]:
    """Open a file, ready to decode its video in this thread.

    Raises:
        SourceError: the file holds no video; says so as the end of a sentence.
        FFmpegError: the file is not what can be opened.
    """
    container = av.open(str(path), options=_GUARD, metadata_errors="replace")
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        container.close()
        raise SourceError("it holds no video stream")
    decoder: Any = stream.codec_context
    if decoder is None:
        container.close()
        raise SourceError("its video is of a kind that FFmpeg does not know")
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return container, stream


def probe(path: Path, config: VideoConfig) -> VideoFacts:
    """Learn about a video.

    Raises:
        SourceError: the file is not a video that can be read; says why, as the end of a sentence.
    """
    try:
        container, stream = open_stream(path)
        with container:
            return _facts(path, container, stream, config)
    except (FFmpegError, OSError) as error:
        raise SourceError(f"FFmpeg says '{error.strerror}'") from error


def _facts(path: Path, container: InputContainer, stream: VideoStream, config: VideoConfig) -> VideoFacts:
    _check_size(stream.codec_context.height, stream.codec_context.width)
    mark = VideoMark.found(container.metadata)
    walk = _walked(container, stream)
    if not walk.times:
        raise SourceError("it holds no frame")
    if walk.first is None:
        raise SourceError(f"none of its {len(walk.times)} frames can be decoded")
    first, num_stored = walk.first, len(walk.times)
    _check_size(first.height, first.width)
    # AVI has no presentation times; FFmpeg gives the order of decoding in their place.
    unordered = container.format.name == "avi" and stream.codec_context.has_b_frames
    times = None if unordered else _reliable(walk.times)
    entries = np.zeros(1, np.int64) if times is None else _entries(times, walk)
    remarks = _several(container, first)
    if times is not None and first.pts is not None:
        lost = int(np.searchsorted(times, first.pts))
        if lost:
            remarks.append(f"cannot be decoded before its frame {lost}, counted from 0; that is where it begins")
            times = times[lost:]
            entries = np.union1d(entries[entries >= lost] - lost, [0]).astype(np.int64)
            num_stored -= lost
    cut = _cut_off(stream, walk)
    remarks += cut
    if config.check_frames or cut or walk.damaged:
        begin = 0 if config.check_frames else int(entries[-1])
        sound = num_sound(path, times, begin, (first.height, first.width))
        if cut and times is not None and stream.codec_context.has_b_frames:
            sound = min(sound, _before_holes(times, stream))
        if not sound:
            raise SourceError("it is damaged from its first frame on")
        if sound < num_stored or (walk.damaged and not cut):
            remarks.append(f"is damaged behind its first {sound} frames; only those are used")
        num_stored = sound
        times, entries = None if times is None else times[:sound], entries[entries < sound]
    orientation = Orientation.of(first)
    if orientation is None:
        remarks.append("asks to be shown at an angle that is no quarter turn; it is read as it is stored")
        orientation = Orientation()
    colorless = not is_grey(first.format) and looks_grey(first)
    tick = stream.time_base
    if mark is not None and not mark.fits(len(walk.times), _seconds(times, tick)):
        mark = None
    color = "grey" if config.color == "auto" and colorless and mark is not None and mark.grey else config.color
    chosen = _timing(times, num_stored, stream, mark, config)
    height, width = first.height, first.width
    return VideoFacts(
        num_frames=num_stored if chosen.frame_map is None else len(chosen.frame_map),
        num_stored=num_stored,
        height=width if orientation.swapped else height,
        width=height if orientation.swapped else width,
        stored_size=(height, width),
        pixels=Pixels.of(first.format, color),
        orientation=orientation,
        step_seconds=chosen.step_seconds,
        frame_map=chosen.frame_map,
        times=times,
        entries=entries,
        start_time=None if mark is None else mark.start_time,
        colorless=colorless,
        remarks=(*remarks, *(() if chosen.remark is None else (chosen.remark,))),
    )


def num_sound(path: Path, times: NDArray[np.int64] | None, begin: int, size: tuple[int, int]) -> int:
    """How many stored frames can be used: those before the first that a decoder refuses, omits or calls damaged.

    Args:
        path: the file.
        times: (T,) as in :class:`VideoFacts`.
        begin: a frame at which decoding may begin; those before it are taken to be sound.
        size: H and W as they are stored.

    Raises:
        FFmpegError, SourceError: as :func:`open_stream`.
    """
    container, stream = open_stream(path)
    with container:
        expected = begin if times is not None else 0
        try:
            if expected and times is not None:
                container.seek(int(times[expected]), stream=stream, backward=True, any_frame=False)
            for frame in container.decode(stream):
                if times is not None:
                    index = -1 if frame.pts is None else int(np.searchsorted(times, frame.pts))
                    if 0 <= index < expected:
                        continue
                    if index != expected or index == len(times) or times[index] != frame.pts:
                        break
                if frame.is_corrupt or (frame.height, frame.width) != size:
                    break
                expected += 1
        except FFmpegError:
            pass
        return expected


def _check_size(height: int, width: int) -> None:
    if height * width > MOST_PIXELS:
        raise SourceError(
            f"its pictures are {height}x{width} (H x W); no more than {MOST_PIXELS / 1e6:.0f} million pixels are read"
        )


def _walked(container: InputContainer, stream: VideoStream) -> _Walk:
    walk = _Walk()
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                walk.damaged = True
                break
            if packet.is_discard:
                walk.num_discarded += 1
            elif packet.size:
                walk.times.append(packet.pts)
                walk.end = max(walk.end, (packet.pts or 0) + (packet.duration or 0))
                walk.keys.append(packet.is_keyframe)
            if walk.first is None:
                walk.first = _decoded(packet.decode)
    except FFmpegError:
        if not walk.times:
            raise
        walk.damaged = True
    return walk


def _decoded(decode: Callable[[], Iterable[object]]) -> VideoFrame | None:
    try:
        frames = decode()
    except FFmpegError:
        return None
    return next((frame for frame in frames if isinstance(frame, VideoFrame)), None)


def _several(container: InputContainer, first: VideoFrame) -> list[str]:
    """A remark, where a file holds more than one video; the picture on a cover is none."""
    videos = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    shown = f"the one that players show, of {first.height}x{first.width} (H x W), is read"
    return [f"holds {len(videos)} videos; {shown}"] * (len(videos) > 1)


def _cut_off(stream: VideoStream, walk: _Walk) -> list[str]:
    """A remark, where the header promises more than there is."""
    found = len(walk.times)
    if stream.frames - walk.num_discarded > found:
        return [f"is cut off: its header promises {stream.frames} frames, {found} are there"]
    # Matroska promises no number of frames, but writers of it leave the length of the stream.
    length = re.fullmatch(r"([0-9]+):([0-9]+):([0-9.]+)", stream.metadata.get("DURATION", ""))
    if length is None or stream.time_base is None:
        return []
    hours, minutes, seconds = map(float, length.groups())
    promised, there = 3600 * hours + 60 * minutes + seconds, float(walk.end * stream.time_base)
    step = there / found
    return [f"is cut off: its header promises {promised:.3g} s, {there:.3g} s are there"] * (
        there < promised - 2 * step
    )


def _before_holes(times: NDArray[np.int64], stream: VideoStream) -> int:
    """Frames before the first hole among the last: where reordered frames were cut off, later ones came first."""
    steps = np.diff(times)
    if not steps.size:
        return len(times)
    usual = float(np.median(steps))
    if stream.average_rate and stream.time_base:  # few frames may have more holes than steps
        usual = min(usual, float(1 / (stream.average_rate * stream.time_base)))
    holes = np.flatnonzero(steps[-_MOST_REORDERED:] > 1.5 * usual)
    return len(times) if not holes.size else int(max(len(steps) - _MOST_REORDERED, 0) + holes[0] + 1)


def _reliable(shown: list[int | None]) -> NDArray[np.int64] | None:
    known = [time for time in shown if time is not None]
    return np.array(sorted(known), np.int64) if len(set(known)) == len(shown) else None


def _entries(times: NDArray[np.int64], walk: _Walk) -> NDArray[np.int64]:
    marked = np.array([time for time, key in zip(walk.times, walk.keys, strict=True) if key], np.int64)
    return np.union1d(np.searchsorted(times, marked), [0]).astype(np.int64)


def _seconds(times: NDArray[np.int64] | None, tick: Fraction | None) -> float | None:
    return None if times is None or tick is None else float((int(times[-1]) - int(times[0])) * tick)


def _timing(
    times: NDArray[np.int64] | None,
    num_frames: int,
    stream: VideoStream,
    mark: VideoMark | None,
    config: VideoConfig,
) -> Timing:
    if config.step_seconds is not None:  # the user knows better than the file
        return Timing(step_seconds=config.step_seconds)
    tick = stream.time_base
    header = float(1 / stream.average_rate) if stream.average_rate else None
    if mark is not None and mark.step_seconds is not None:
        header = mark.step_seconds
        tick = None if tick is None else tick * Fraction(mark.step_seconds) * mark.rate
    return timing(
        times,
        num_frames=num_frames,
        tick_seconds=tick,
        header_seconds=header,
        resample_seconds=config.resample_seconds,
    )
