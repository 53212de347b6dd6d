"""From files of fields to sequences: files that follow one another in time are one recording, cut at its gaps.

Axes: T frames, C channels, H rows along y, W columns along x.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence as Listing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Rejected
from framecast.sources.fields.cf_times import Times
from framecast.sources.fields.contents import FieldFile, FieldLook
from framecast.sources.fields.files import FieldFormat
from framecast.sources.fields.settings import FieldSettings
from framecast.sources.files import natural_key
from framecast.sources.timeline import runs_without_gap, usual_step
from framecast.sources.values import native_range

_MOST_OVERLAP = 0.5
"""A file that repeats fewer of its times than this share continues the file before; else it is its own recording."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Files in the order of their times, and which frames of each follow one another."""

    files: tuple[FieldFile, ...]
    file: NDArray[np.int32]
    """(T,) which of the files holds each frame."""

    place: NDArray[np.int32]
    """(T,) which of its frames it is."""

    times: Times | None
    """Of the T frames."""


@final
class FieldSequence(Sequence):
    """Frames of one or more files."""

    def __init__(
        self,
        info: SequenceInfo,
        *,
        format: FieldFormat,
        look: FieldLook,
        member: tuple[tuple[str, int], ...],
        settings: FieldSettings,
        paths: tuple[Path, ...],
        file: NDArray[np.int32],
        place: NDArray[np.int32],
    ) -> None:
        self.info = info
        self._format = format
        self._look = look
        self._fixed = dict(look.fixed + member)
        self._settings = settings
        self._paths = paths
        self._file = file
        self._place = place

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        files, places = self._file[start:stop], self._place[start:stop]
        borders = [0, *(np.flatnonzero(np.diff(files)) + 1).tolist(), len(files)]
        blocks = [
            self._format.read(self._paths[files[here]], self._look, self._fixed, places[here:there].astype(np.intp))
            for here, there in itertools.pairwise(borders)
        ]
        frames = self._settings.with_nan(blocks[0] if len(blocks) == 1 else np.concatenate(blocks))
        return np.ascontiguousarray(frames, dtype=self.info.dtype)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What was found."""

    sequences: tuple[FieldSequence, ...]
    notes: tuple[str, ...]
    rejected: tuple[Rejected, ...]


def read_fields(root: Path, paths: Listing[Path], format: FieldFormat, settings: FieldSettings) -> Fields:
    """The sequences of files.

    Args:
        root: what the user named: a folder, or the only file.
        paths: the files, absolute, in natural order.
        format: how they are opened.
        settings: what is read of them.

    Raises:
        SourceError: no file can be read.
    """
    files, rejected = _look_into(paths, format, settings)
    if not files:
        more = f" None of the {len(rejected) - 1} other files can be read either." if len(rejected) > 1 else ""
        raise SourceError(f"{rejected[0].reason}.{more}")
    notes: list[str] = []
    recordings = _recordings(files, notes)
    folder = root if root.is_dir() and root not in paths else root.parent
    names = _names(recordings, root, folder)
    sequences: list[FieldSequence] = []
    pieces = 0
    for recording, name in zip(recordings, names, strict=True):
        found = list(_sequences(recording, name, root, format=format, settings=settings))
        pieces += len(found)
        sequences += found
    members = [recording.files[0].look.members for recording in recordings]
    expected = sum(int(np.prod([len(labels) for _, labels in member])) for member in members)
    if pieces > expected:
        plural = f"{expected} recording{'s' if expected > 1 else ''}"
        notes.append(f"The times have gaps: {pieces} sequences without one were cut from {plural}.")
    mixed = next((file.look for file in files if len(set(file.look.variable_units)) > 1), None)
    if mixed is not None and settings.units is None:
        listing = ", ".join(
            f"'{name}' {units or 'unknown'}" for name, units in zip(mixed.variables, mixed.variable_units, strict=True)
        )
        notes.append(
            f"The variables have different units ({listing}): scores have a unit where only variables of one are "
            "forecast (clips.channels.forecast)."
        )
    if any(file.look.runs_north for file in files):
        notes.append(
            "Rows run from south to north, so that pictures show the south above; source.north_up=true turns them."
        )
    return Fields(sequences=tuple(sequences), notes=tuple(notes), rejected=tuple(rejected))


def _look_into(
    paths: Listing[Path], format: FieldFormat, settings: FieldSettings
) -> tuple[list[FieldFile], list[Rejected]]:
    files: list[FieldFile] = []
    rejected: list[Rejected] = []
    for path in paths:
        known = format.sibling(path, files[-1]) if files else None
        try:
            found = known or format.look_into(path, settings)
        except SourceError as error:
            rejected.append(Rejected(str(path), str(error).rstrip(".")))
            continue
        # Equal looks become one object: ten thousand files hold one grid in memory.
        same = next((file.look for file in files[-1:] if file.look == found.look), found.look)
        files.append(replace(found, look=same))
    return files, rejected


def _recordings(files: list[FieldFile], notes: list[str]) -> list[Recording]:
    """Chains of files that follow one another; files that say no dates are recordings of their own."""
    chains: list[list[FieldFile]] = []
    looks: list[tuple[FieldLook, list[FieldFile]]] = []
    for file in files:
        if file.times is None or not file.times.has_dates or file.starts is not None:
            chains.append([file])
            continue
        group = next((group for look, group in looks if look is file.look or look == file.look), None)
        if group is None:
            looks.append((file.look, group := []))
        group.append(file)
    for _, group in looks:
        chains += _chains(group, notes)
    # In the order of their first files, wherever the folder lies.
    chains.sort(key=lambda chain: min(natural_key(file.path) for file in chain))
    return [_recording(chain) for chain in chains]


def _chains(group: list[FieldFile], notes: list[str]) -> list[list[FieldFile]]:
    ordered = sorted(group, key=lambda file: int(_microseconds(file).min()))
    chains: list[list[FieldFile]] = []
    ends: list[int] = []
    apart = 0
    for file in ordered:
        times = _microseconds(file)
        # The chain that ends latest before this file, else one that it repeats only a little of.
        fitting = [place for place, end in enumerate(ends) if (times <= end).mean() < _MOST_OVERLAP]
        if fitting:
            place = max(fitting, key=lambda place: ((times > ends[place]).all(), ends[place]))
            chains[place].append(file)
            ends[place] = int(times.max())
            continue
        apart += bool(chains)
        chains.append([file])
        ends.append(int(times.max()))
    if apart:
        notes.append(
            f"Some files cover the same times; they were read as {len(chains)} recordings beside one another. If they "
            "are versions of one, choose with source.pattern."
        )
    return chains


def _recording(chain: list[FieldFile]) -> Recording:
    counts = [file.num_frames for file in chain]
    file = np.repeat(np.arange(len(chain), dtype=np.int32), counts)
    place = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
    first = chain[0].times
    if first is None:
        return Recording(files=tuple(chain), file=file, place=place, times=None)
    microseconds = np.concatenate([_microseconds(one) for one in chain])
    # By time; where files repeat a time, the earlier file has it.
    order = np.lexsort((file, microseconds))
    if len(chain) > 1:
        order = order[np.concatenate([[True], np.diff(microseconds[order]) > 0])]
    times = replace(first, microseconds=microseconds[order])
    return Recording(files=tuple(chain), file=file[order], place=place[order], times=times)


def _names(recordings: list[Recording], root: Path, folder: Path) -> list[str]:
    """The file's own path, or the folder that the files lie in; made different where two would be the same."""
    names: list[str] = []
    for recording in recordings:
        paths = [file.path for file in recording.files]
        if len(paths) == 1:
            names.append(paths[0].relative_to(folder).as_posix() if paths[0] != root else root.name)
            continue
        shared = Path(
            *(
                parts[0]
                for parts in itertools.takewhile(
                    lambda parts: len(set(parts)) == 1, zip(*(path.parent.parts for path in paths), strict=False)
                )
            )
        )
        names.append(root.name if shared == root else shared.relative_to(folder).as_posix())
    counts = Counter(names)
    return [
        name if counts[name] == 1 else f"{name}:{recording.files[0].path.relative_to(folder).as_posix()}"
        for name, recording in zip(names, recordings, strict=True)
    ]


def _sequences(
    recording: Recording, name: str, root: Path, *, format: FieldFormat, settings: FieldSettings
) -> Iterator[FieldSequence]:
    """One for each member and each run of frames without a gap."""
    first = recording.files[0]
    look = first.look
    native = settings.dtype_of(np.dtype(look.dtype))
    own_path = first.path if len(recording.files) == 1 else root
    has_missing = settings.has_missing or any(file.has_missing for file in recording.files)
    for places in itertools.product(*(range(len(labels)) for _, labels in look.members)):
        member = tuple((dim, place) for (dim, _), place in zip(look.members, places, strict=True))
        labels = ",".join(f"{dim}={labels[place]}" for (dim, labels), place in zip(look.members, places, strict=True))
        times = _times_of(recording, first, dict(member))
        for suffix, start, stop, step in _runs(times, len(recording.file)):
            full = name + (f"[{labels}]" if labels else "") + suffix
            used = np.unique(recording.file[start:stop])
            moments = (
                None
                if times is None or not times.has_dates
                else replace(times, microseconds=times.microseconds[start : start + 1]).moments()
            )
            yield FieldSequence(
                SequenceInfo(
                    name=full,
                    # Members of one time resemble each other: they must not divide between splits.
                    group=settings.group(full) or (name + suffix if labels else ""),
                    num_frames=stop - start,
                    channels=look.channels,
                    height=look.height,
                    width=look.width,
                    dtype=str(native),
                    step_seconds=settings.step_seconds or step,
                    start_time=moments[0] if moments else None,
                    units=settings.units or look.units,
                    channel_units=() if settings.units or look.units else look.channel_units,
                    channel_names=look.channel_names,
                    grid=look.grid,
                    has_missing=has_missing and native.kind == "f",
                    fixed_orientation=True,
                    value_range=native_range(native, settings.value_range),
                    path=str(own_path),
                ),
                format=format,
                look=look,
                member=member,
                settings=settings,
                paths=tuple(recording.files[file].path for file in used),
                file=np.searchsorted(used, recording.file[start:stop]).astype(np.int32),
                place=recording.place[start:stop],
            )


def _times_of(recording: Recording, first: FieldFile, member: dict[str, int]) -> Times | None:
    if recording.times is None or first.starts is None:
        return recording.times
    dim, starts = first.starts
    start = replace(starts, microseconds=starts.microseconds[member[dim], None])
    return start.after(recording.times)


def _runs(times: Times | None, num_frames: int) -> Iterator[tuple[str, int, int, float | None]]:
    """Suffix of the name, first and last frame, and time step of each run without a gap."""
    if times is None:
        yield "", 0, num_frames, None
        return
    moments = times.moments()
    usual = usual_step(moments)
    step = times.step_seconds
    if step is None or (usual is not None and abs(usual - step) > 1e-3 * step):
        step = usual
    runs = runs_without_gap(moments)
    for run in runs:
        suffix = ""
        if len(runs) > 1:
            suffix = f"@{moments[run.start]:%Y%m%dT%H%M%S}" if times.has_dates else f"@{run.start}"
            if sum(moments[other.start] == moments[run.start] for other in runs) > 1:
                suffix += f"+{run.start}"
        yield suffix, run.start, run.stop, step


def _microseconds(file: FieldFile) -> NDArray[np.int64]:
    assert file.times is not None
    return file.times.microseconds
