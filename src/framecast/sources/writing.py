"""Writing frames: the output's ending chooses the format, and nothing half-written is ever left behind.

Axes: T frames, C channels, H height, W width.
"""

import re
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import SequenceInfo
from framecast.sources.fields.writing import is_own_store
from framecast.sources.frame_facts import FrameFacts
from framecast.sources.writers_table import FOLDER, WRITERS

NUMBERED_IMAGE = re.compile(r"frame_[0-9]{4,}\.png")
"""Names in a folder of images that this file wrote, and may replace."""

_CALM_RATE = Fraction(10)
"""Frames per second of a video whose recording steps too slowly, or too fast, to be watched at its own pace."""

_WATCHABLE_STEP_SECONDS = (1 / 240, 1.0)


class FrameWriter(Protocol):
    """What an entry of the table of writers points to."""

    def __call__(self, path: Path, frames: NDArray[np.generic], facts: FrameFacts, /) -> None:
        """Write frames to a path at which nothing is yet.

        Args:
            path: a file with the writer's ending, or a folder that does not exist.
            frames: (T, C, H, W) in the native type.
            facts: what is known about the frames; each format keeps what it can hold.

        Raises:
            SourceError: the format cannot hold such frames; says what can.
        """
        ...


def check_ending(path: str | Path) -> str:
    """The name of the writer that a path asks for.

    Args:
        path: a file with a known ending; without an ending, ending in a slash, or an existing folder: a folder.

    Raises:
        SourceError: no writer has this ending; names the nearest and all.
    """
    is_store = Path(path).suffix.lower() == ".zarr"  # a folder, and yet one recording
    if not is_store and (str(path).endswith(("/", "\\")) or Path(path).is_dir()):
        return FOLDER
    name = Path(path).name.lower()
    # The longest that fits: ".ome.tif" before ".tif".
    fitting = [choice for choice in WRITERS if choice != FOLDER and name.endswith(choice) and name != choice]
    ending = max(fitting, key=len, default=Path(path).suffix.lower() or FOLDER)
    if ending not in WRITERS:
        raise SourceError(
            f"Frames cannot be written to '{path}': no format is known for '{ending}'. Choose from "
            f"{', '.join(choice for choice in WRITERS if choice != FOLDER)}; a name without an ending, or with a "
            "slash after it, is a folder of images."
        )
    return ending


def write_frames(
    path: str | Path,
    frames: NDArray[np.generic],
    *,
    step_seconds: float | None,
    fps: float | None = None,
    value_range: tuple[float, float] | None = None,
    like: SequenceInfo | None = None,
    start_time: datetime | None = None,
    overwrite: bool = False,
) -> Path:
    """Write frames to a file, or to a folder of images.

    Args:
        path: its ending chooses the format; without one, a folder of numbered png images. Parents are made.
        frames: (T, C, H, W) in the native type.
        step_seconds: time between frames, which sets the pace of a video; None when unknown.
        fps: frames per second of a video, whatever ``step_seconds`` says.
        value_range: native values that become 0 and 255 in formats of 8 bits; formats that hold the native type
            ignore it. None: the range of the type.
        like: the recording that the frames belong to: its name, units, channel names, grid and missing values go into
            formats that hold them. Its times do not; they are ``step_seconds`` and ``start_time``.
        start_time: when the first of the frames was taken, for formats that hold it.
        overwrite: replace a file; of a folder, only its numbered images are replaced.

    Returns:
        The path.

    Raises:
        SourceError: something is already there, the ending is unknown, the format cannot hold such frames, or the
            disk refuses. In every case what was there before stays as it was.
    """
    if frames.ndim != 4 or not frames.size:
        raise ValueError(f"frames to write are (T, C, H, W) with something in them, found {frames.shape}")
    ending = check_ending(path)
    target = user_path(path)
    if not overwrite and _is_taken(target):
        raise SourceError(f"'{target}' is already there; choose another name, or allow it to be overwritten.")
    if ending != FOLDER and target.is_dir() and _is_taken(target) and not is_own_store(target):
        raise SourceError(f"'{target}' holds what framecast did not write, and is not replaced; choose another name.")
    writer: FrameWriter = WRITERS.load(ending)
    facts = FrameFacts(
        rate=playing_rate(step_seconds, fps),
        value_range=value_range,
        step_seconds=step_seconds,
        start_time=start_time,
        name=target.stem if like is None else like.name,
        units=None if like is None else like.units,
        channel_units=() if like is None or len(like.channel_units) != frames.shape[1] else like.channel_units,
        channel_names=() if like is None or len(like.channel_names) != frames.shape[1] else like.channel_names,
        grid=None if like is None else like.grid,
        has_missing=like is not None and like.has_missing,
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".writing-", dir=target.parent) as scratch:
            # The real name, so that formats that look at the ending see it; moved only when it is complete.
            fresh = Path(scratch, target.name)
            writer(fresh, frames, facts)
            if ending == FOLDER:
                _move_images(fresh, target)
            else:
                _move(fresh, target, Path(scratch, "earlier"))
    except OSError as error:
        raise SourceError(f"'{target}' cannot be written: {error.strerror or error}.") from error
    return target


def playing_rate(step_seconds: float | None, fps: float | None) -> Fraction:
    """Frames per second of a video.

    Args:
        step_seconds: time between frames, where known.
        fps: what the user asks for, which wins.

    Returns:
        ``fps``; else the recording's own pace when it can be watched (1 to 240 frames a second); else 10.

    Raises:
        SourceError: ``fps`` is below 0.001, or no number.
    """
    if fps is not None:
        rate = Fraction(fps).limit_denominator(1001) if 0 < fps < float("inf") else Fraction(0)
        if not rate:
            raise SourceError(f"Frames per second must be 0.001 or more, found {fps}.")
        return rate
    if step_seconds is None or not _WATCHABLE_STEP_SECONDS[0] <= step_seconds <= _WATCHABLE_STEP_SECONDS[1]:
        return _CALM_RATE
    return (1 / Fraction(step_seconds)).limit_denominator(1001)


def _is_taken(target: Path) -> bool:
    return any(target.iterdir()) if target.is_dir() else target.exists()


def _move(fresh: Path, target: Path, aside: Path) -> None:
    """Put a file, or a store that is a folder, in its place."""
    if not target.is_dir():
        fresh.replace(target)
        return
    # A folder cannot be replaced in one step. The earlier one is put aside, and goes with the scratch folder.
    target.replace(aside)
    try:
        fresh.replace(target)
    except BaseException:
        aside.replace(target)
        raise


def _move_images(fresh: Path, target: Path) -> None:
    """Put a folder of images in its place; in a folder that holds something, only numbered images are replaced."""
    if target.is_dir() and any(target.iterdir()):
        for earlier in target.iterdir():
            if NUMBERED_IMAGE.fullmatch(earlier.name):
                earlier.unlink()
        for image in fresh.iterdir():
            image.replace(target / image.name)
        return
    if target.is_dir():
        target.rmdir()
    fresh.replace(target)
