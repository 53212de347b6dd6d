"""Prepared stores: recordings that ``framecast prepare`` decoded once, read at the speed of the disk.

A store is a Zarr group (version 3) with a mark of its own. Opening it reads the index alone, so memory and time hardly
depend on how large it is; frames are read when they are asked for, and only those.

Axes: T frames, C channels, H height, W width.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Self, final

from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Source
from framecast.sources.files import FilesConfig
from framecast.sources.store.index import StoredSequence, is_store, read_index
from framecast.sources.store.part import OpenParts


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig(FilesConfig):
    """Which of the stored sequences are taken, and how they are grouped and timed. All else was set in preparation."""


@final
class StoreSequence(Sequence):
    """One sequence of a store."""

    def __init__(self, info: SequenceInfo, stored: StoredSequence, parts: OpenParts) -> None:
        self.info = info
        self._stored = stored
        self._parts = parts

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        first = self._stored.first
        return self._parts.read(self._stored.part, first + start, first + stop)

    def _read_into(self, out: NDArray[Any], start: int) -> None:
        self._parts.read_into(out, self._stored.part, self._stored.first + start)


@final
@dataclass(frozen=True, kw_only=True)
class StoreSource(Source):
    """A prepared store."""

    origin: Mapping[str, Any]
    """What was prepared, and how: kind, location and settings of the source, size, colour, compression."""

    config_class: ClassVar[type[StoreConfig]] = StoreConfig
    endings: ClassVar[tuple[str, ...]] = (".zarr",)

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is a folder with the mark of a finished store."""
        return path.is_dir() and is_store(path)

    @classmethod
    def open(cls, location: str, config: StoreConfig) -> Self:
        """List the sequences; only the index is read.

        Args:
            location: the store.
            config: which sequences, and how they are grouped and timed.

        Raises:
            SourceError: it is no store, is damaged, or no sequence is left.
        """
        path = user_path(location).absolute()
        if not is_store(path):
            raise SourceError(
                f"'{location}' is no prepared store; 'framecast prepare SOURCE --out STORE.zarr' makes one."
            )
        index = read_index(path)
        parts = OpenParts(path)
        chosen = [stored for stored in index.sequences if _fits(stored.info.name, config.pattern)]
        if index.sequences and not chosen:
            raise SourceError(
                f"None of the {len(index.sequences)} sequences in '{location}' fits the pattern '{config.pattern}'; "
                f"the first is '{index.sequences[0].info.name}'."
            )
        return cls(
            kind="store",
            location=location,
            sequences=tuple(StoreSequence(_told(stored.info, config), stored, parts) for stored in chosen),
            rejected=index.rejected,
            origin=index.origin,
        )


def _fits(name: str, pattern: str) -> bool:
    return pattern == "*" or PurePosixPath(name).match(pattern)


def _told(info: SequenceInfo, config: FilesConfig) -> SequenceInfo:
    """The information with what the user says about it."""
    if config.group_pattern is not None:
        info = dataclasses.replace(info, group=config.group(info.name) or info.group)
    return info if config.step_seconds is None else dataclasses.replace(info, step_seconds=config.step_seconds)
