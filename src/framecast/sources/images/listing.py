"""From the files of a folder to sequences of images: what belongs together, what was lost, what a person should see.

Axes: T frames, C channels, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.grid import Grid
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Rejected
from framecast.sources.images.config import ImageConfig
from framecast.sources.images.file import Decoder, ImageFile
from framecast.sources.images.formats import image_files
from framecast.sources.images.runs import ImageRun, image_runs
from framecast.sources.images.tiff_reading import OpenTiffs
from framecast.sources.values import native_range


@final
class ImageSequence(Sequence):
    """Frames of one size and type: a file each, or all in one."""

    def __init__(self, info: SequenceInfo, files: tuple[tuple[str, Decoder], ...], config: ImageConfig) -> None:
        """Remember where the frames are.

        Args:
            info: what is known about them.
            files: path and decoder of each frame; or of the one file that holds all.
            config: what the numbers mean.
        """
        self.info = info
        self._files = files
        self._config = config

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        if len(self._files) == 1:
            path, decoder = self._files[0]
            frames = decoder.read(Path(path), start, stop)
        else:
            pictures = [decoder.read(Path(path), 0, 1) for path, decoder in self._files[start:stop]]
            if len({picture.shape for picture in pictures}) > 1:
                raise SourceError(f"The images in '{self.info.path}' have changed their size since they were listed.")
            frames = np.concatenate(pictures)
        frames = self._config.with_nan(frames)
        if frames.dtype != self.info.dtype:
            raise SourceError(
                f"The images in '{self.info.path}' have changed since they were listed: {frames.dtype} was found, "
                f"where {self.info.dtype} was."
            )
        return frames


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageListing:
    """What was found."""

    sequences: tuple[ImageSequence, ...]
    notes: tuple[str, ...]
    rejected: tuple[Rejected, ...]


@final
@dataclass(slots=True)
class _Found:
    """Files as they were opened."""

    stacks: list[ImageFile] = field(default_factory=list[ImageFile])
    """Recordings that fill a file of their own."""

    pictures: dict[Path, list[ImageFile]] = field(default_factory=dict[Path, list[ImageFile]])
    """Single frames, by their folder."""

    lost: dict[Path, str] = field(default_factory=dict[Path, str])
    """Files that cannot be read, with the reason."""


def list_images(files: list[Path], root: Path, config: ImageConfig) -> ImageListing:
    """List the sequences of some files.

    Args:
        files: in natural order.
        root: what the user named: one of the files, or a folder above all of them.
        config: groups, times, values, and what is read of stacks.

    Raises:
        SourceError: no file can be read, or pictures of one folder differ in size or type.
        NotAvailableError: a stack needs a package that is not installed.
    """
    found = _open_all(files, root, config)
    if not found.stacks and not found.pictures:
        raise SourceError(_none_readable(root, found.lost))
    sequences = {(file.path, file.label): _stack(file, root, config) for file in found.stacks}
    notes = list(_remarks(found))
    gaps: list[str] = []
    holes: list[str] = []
    patterns: dict[str, str] = {}
    inner = {_name(folder, root) for folder in found.pictures if folder != root}
    for folder, pictures in found.pictures.items():
        _check_alike(pictures)
        whole = _name(folder, root)
        if folder == root and whole in inner:
            whole = "."
        by_path = {picture.path: picture for picture in pictures}
        runs = image_runs(
            list(by_path),
            [path for path in found.lost if path.parent == folder],
            pattern=config.pattern_of_times,
            guess=config.time_pattern is None,
            cut=config.gaps == "cut",
        )
        for path in runs.misfits:
            found.lost[path] = f"Its name holds no time that fits source.time_pattern={config.time_pattern}"
        if runs.guessed is not None:
            first = runs.runs[0].files[0]
            patterns.setdefault(runs.guessed.text, f"'{first.name}' is {runs.guessed.time_of(first)}")
        if runs.holes:
            holes.append(whole)
        for run in runs.runs:
            name = f"{whole}@{run.label}" if run.label else whole
            sequences[run.files[0], run.label] = _folder([by_path[path] for path in run.files], run, name, config)
        gaps += [f"before '{run.files[0].name}'" for run in runs.runs[1:]]
    notes += [
        f"Times were read from names as {pattern} ({example}); set source.time_pattern to change it, or to none."
        for pattern, example in patterns.items()
    ]
    if gaps:
        more = "" if len(gaps) == 1 else f" and in {len(gaps) - 1} more place{'s' if len(gaps) > 2 else ''}"
        notes.append(
            f"Images are missing {gaps[0]}{more}; sequences were cut there. Set source.gaps=ignore to read on."
        )
    if holes:
        notes.append(
            f"Images are missing in '{holes[0]}', which is read on over the gaps: when its frames were taken is "
            "unknown."
        )
    places = {path: place for place, path in enumerate(files)}
    ordered = sorted(sequences, key=lambda key: (places[key[0]], int(key[1]) if key[1].isdecimal() else 0))
    return ImageListing(
        sequences=tuple(sequences[key] for key in ordered),
        notes=tuple(notes),
        rejected=tuple(Rejected(str(path), _without_path(reason, path)) for path, reason in found.lost.items()),
    )


def _open_all(files: list[Path], root: Path, config: ImageConfig) -> _Found:
    found = _Found()
    memory = OpenTiffs()
    seen: set[Path] = set()
    for path in files:
        if path in seen:  # part of a recording in several files, which its first file names
            continue
        try:
            recordings = image_files(path, config.stack, memory)
        except SourceError as error:
            found.lost[path] = str(error).rstrip(".")
            continue
        for recording in recordings:
            seen.update(recording.companions)
            if recording.num_frames > 1 or recording.label or path == root:
                found.stacks.append(recording)
            else:
                found.pictures.setdefault(path.parent, []).append(recording)
    return found


def _none_readable(root: Path, lost: dict[Path, str]) -> str:
    reason = next(iter(lost.values()))
    if len(lost) == 1:
        return f"{reason}."
    return f"None of the {len(lost)} images in '{root}' can be read; the first: {reason}."


def _without_path(reason: str, path: Path) -> str:
    """A reason to stand beside the path, which need not be in it twice more."""
    return reason.replace(f"The image '{path}' ", "It ").replace(f" '{path}'", "")


def _check_alike(pictures: list[ImageFile]) -> None:
    first = pictures[0]
    for picture in pictures:
        if picture.kind != first.kind:
            raise SourceError(
                f"The images of one sequence must agree in size and type: '{first.path}' is {first.kind}, "
                f"'{picture.path}' is {picture.kind}. Choose among them with source.pattern, or put them into folders "
                "of their own."
            )


def _remarks(found: _Found) -> Iterator[str]:
    """Each remark once, with a file to look at."""
    examples: dict[str, str] = {}
    for file in (*found.stacks, *(one for pictures in found.pictures.values() for one in pictures)):
        for remark in file.remarks:
            examples.setdefault(remark, file.path.name)
    yield from (f"{remark}, for example of '{name}'." for remark, name in examples.items())


def _stack(file: ImageFile, root: Path, config: ImageConfig) -> ImageSequence:
    name = _name(file.path, root) + (f":{file.label}" if file.label else "")
    info = _info([file], file.path, config, name=name)
    return ImageSequence(info, ((str(file.path), file.decoder),), config)


def _folder(pictures: list[ImageFile], run: ImageRun, name: str, config: ImageConfig) -> ImageSequence:
    info = _info(pictures, pictures[0].path.parent, config, name=name, run=run)
    once = {picture.decoder: picture.decoder for picture in pictures}  # equal ones are sent to a process as one
    return ImageSequence(info, tuple((str(picture.path), once[picture.decoder]) for picture in pictures), config)


def _info(
    files: list[ImageFile], path: Path, config: ImageConfig, *, name: str, run: ImageRun | None = None
) -> SequenceInfo:
    first = files[0]
    kind, facts = first.kind, first.facts
    native = config.dtype_of(np.dtype(kind.dtype))
    step = facts.step_seconds if run is None or run.step_seconds is None else run.step_seconds
    sizes = {file.facts.pixel_size for file in files}
    size = facts.pixel_size if len(sizes) == 1 else None
    return SequenceInfo(
        name=name,
        group=config.group(name),
        num_frames=sum(file.num_frames for file in files),
        channels=kind.channels,
        height=kind.height,
        width=kind.width,
        dtype=str(native),
        value_range=_value_range(files, native, config),
        step_seconds=step if config.step_seconds is None else config.step_seconds,
        start_time=facts.start_time if run is None or run.start_time is None else run.start_time,
        units=facts.units if config.units is None else config.units,
        channel_names=facts.channel_names,
        grid=None if size is None else Grid.even(kind.height, kind.width, pixel_size=size, units="µm"),
        has_missing=config.has_missing and native.kind == "f",
        path=str(path),
    )


def _value_range(files: list[ImageFile], native: np.dtype[Any], config: ImageConfig) -> tuple[float, float] | None:
    """What the user says, else what the files say, else the range of the type where it stands for one."""
    stated = {file.facts.value_range for file in files}
    if config.value_range is None and len(stated) == 1 and (known := stated.pop()) is not None:
        return known
    return native_range(native, config.value_range)


def _name(path: Path, root: Path) -> str:
    return root.resolve().name if path == root else path.relative_to(root).as_posix()
