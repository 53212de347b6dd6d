"""Arrays in HDF5 files: one data set with frames in each, compressed or not, in the usual layouts.

SEVIR's files are known: images of an event lie as (N, H, W, T) beside the event's ``id``, five minutes apart. Radar
composites and netCDF are HDF5 too, and have readers of their own, which are asked before.

Axes: N sequences, T frames, C channels, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Rejected, Source
from framecast.sources.arrays.hdf5_data_sets import MAGIC, DataSet, find_data_set
from framecast.sources.arrays.layouts import Layout, guess_notes
from framecast.sources.files import files_at, holds, starts_with
from framecast.sources.measured import MeasuredConfig
from framecast.sources.values import native_range

_ENDINGS = (".h5", ".hdf5", ".hdf", ".he5")
_SEVIR_NAMES = ("vil", "vis", "ir069", "ir107")
_SEVIR_STEP_SECONDS = 300.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Hdf5Config(MeasuredConfig):
    """Which data set of HDF5 files is read, and what its axes and values mean."""

    key: str | None = None
    """The path of the data set inside the file, such as ``radar/images``; None takes the only one that can hold
    frames."""

    layout: Layout | None = None
    """Order of the axes; None guesses it and says so."""


@final
class Hdf5Sequence(Sequence):
    """One sequence of a data set."""

    def __init__(self, info: SequenceInfo, stored: DataSet, *, layout: Layout, index: int, config: Hdf5Config) -> None:
        self.info = info
        self._stored = stored
        self._layout: Layout = layout
        self._index = index
        self._config = config

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        frames = self._stored.read(self._layout, index=self._index, start=start, stop=stop)
        return np.ascontiguousarray(self._config.with_nan(frames), dtype=self.info.dtype)


@final
@dataclass(frozen=True, kw_only=True)
class Hdf5Source(Source):
    """An HDF5 file, or all of them at any depth of a folder."""

    layout: str
    """Order of the axes, as set or guessed; several, joined by commas, when the files differ."""

    config_class: ClassVar[type[Hdf5Config]] = Hdf5Config
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is HDF5 by its ending or first bytes, or a folder with one in it."""
        if path.is_dir():
            return holds(path, _ENDINGS)
        return path.suffix.lower() in _ENDINGS or starts_with(path, MAGIC)

    @classmethod
    def open(cls, location: str, config: Hdf5Config) -> Self:
        """List the sequences of the files; headers are read, and a few frames where the layout must be guessed.

        Args:
            location: a file, or a folder that is searched at any depth.
            config: which files and data set, its layout, time step and value range.

        Raises:
            SourceError: no file can be read, or one holds several data sets that could be meant.
            NotAvailableError: h5py is not installed.
        """
        root = user_path(location).absolute()
        folder = root if root.is_dir() else root.parent
        paths, others = files_at(root, _ENDINGS, pattern=config.pattern)
        sequences: list[Hdf5Sequence] = []
        rejected: list[Rejected] = []
        guesses: dict[Layout, str] = {}
        layouts: dict[Layout, None] = {}
        for path in paths:
            try:
                stored = find_data_set(path, config.key, config.layout)
                layout, certain = _layout(stored, config)
            except SourceError as error:
                rejected.append(Rejected(str(path), str(error).rstrip(".")))
                continue
            layouts[layout] = None
            if not certain:
                guesses.setdefault(layout, f"{stored}, of shape {stored.shape},")
            infos = _infos(path.relative_to(folder).as_posix(), stored, layout, config)
            sequences += [
                Hdf5Sequence(info, stored, layout=layout, index=index, config=config)
                for index, info in enumerate(infos)
            ]
        if not sequences:
            more = f" None of the {len(rejected) - 1} other files can be read either." if len(rejected) > 1 else ""
            raise SourceError(f"{rejected[0].reason}.{more}")
        return cls(
            kind="hdf5",
            location=location,
            sequences=tuple(sequences),
            notes=(*others, *guess_notes(guesses)),
            rejected=tuple(rejected),
            layout=", ".join(layouts),
        )


def _is_sevir(stored: DataSet) -> bool:
    return stored.key in _SEVIR_NAMES and len(stored.shape) == 4 and stored.has_ids


def _layout(stored: DataSet, config: Hdf5Config) -> tuple[Layout, bool]:
    if config.layout is not None:
        return config.layout, True
    return ("NHWT", True) if _is_sevir(stored) else stored.guess()


def _infos(name: str, stored: DataSet, layout: Layout, config: Hdf5Config) -> Iterator[SequenceInfo]:
    """What is known about each sequence of one data set."""
    size = dict(zip(layout, stored.shape, strict=True))
    native = config.dtype_of(stored.packing.dtype)
    ids = stored.ids() if "N" in layout else ()
    for index in range(size.get("N", 1)):
        label = ids[index] if ids else f"{index:0{len(str(size.get('N', 1) - 1))}d}"
        own = f"{name}[{label}]" if "N" in layout else name
        yield SequenceInfo(
            name=own,
            # The same event may lie in several files, seen by other instruments.
            group=config.group(own) or (label if ids else ""),
            num_frames=size["T"],
            channels=size.get("C", 1),
            height=size["H"],
            width=size["W"],
            dtype=str(native),
            value_range=native_range(native, config.value_range),
            step_seconds=config.step_seconds or (_SEVIR_STEP_SECONDS if _is_sevir(stored) else None),
            units=config.units or stored.units,
            has_missing=(config.has_missing or stored.packing.has_missing) and native.kind == "f",
            fixed_orientation=_is_sevir(stored),
            path=str(stored.path),
        )
