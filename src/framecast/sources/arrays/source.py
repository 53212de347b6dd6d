"""NumPy arrays: ``.npy`` (memory-mapped), ``.npz`` (each member an array), and folders of them.

An array holds one sequence (T…) or many (N…); ``layouts.py`` tells how its axes are recognised, ``stored.py``
what is held in memory.

Axes: N sequences, T frames, C channels, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Rejected, Source
from framecast.sources.arrays.layouts import Layout, fitting_layouts, frames_of, guess_layout, guess_notes, unfit
from framecast.sources.arrays.stored import MAGIC, ArrayMemory, StoredArray, stored_arrays
from framecast.sources.files import files_at, holds, starts_with
from framecast.sources.measured import MeasuredConfig
from framecast.sources.values import native_range

_ENDINGS = (".npy", ".npz")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayConfig(MeasuredConfig):
    """How arrays are chosen and what their axes and values mean."""

    layout: Layout | None = None
    """Order of the axes; None guesses it and says so."""

    key: str | None = None
    """The member of an .npz to read; None reads every member that can hold frames."""


@final
class ArraySequence(Sequence):
    """One sequence of an array."""

    def __init__(
        self,
        info: SequenceInfo,
        stored: StoredArray,
        memory: ArrayMemory,
        *,
        layout: Layout,
        index: int,
        config: ArrayConfig,
    ) -> None:
        self.info = info
        self._config = config
        self._stored = stored
        self._memory = memory
        self._layout: Layout = layout
        self._index = index

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        array = self._memory.array(self._stored)
        frames = self._config.with_nan(frames_of(array, self._layout, index=self._index, start=start, stop=stop))
        return np.array(frames, dtype=self.info.dtype)


@final
@dataclass(frozen=True, kw_only=True)
class ArraySource(Source):
    """The arrays of a file, or of all .npy and .npz files at any depth of a folder."""

    layout: str
    """Order of the axes, as set or guessed; several, joined by commas, when the arrays differ."""

    config_class: ClassVar[type[ArrayConfig]] = ArrayConfig
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is an array by its ending or first bytes, or a folder with one in it."""
        if path.is_dir():
            return holds(path, _ENDINGS)
        return path.suffix.lower() in _ENDINGS or starts_with(path, MAGIC)

    @classmethod
    def open(cls, location: str, config: ArrayConfig) -> Self:
        """List the sequences of the arrays.

        Args:
            location: a file, or a folder that is searched at any depth.
            config: which files and members, their layout, time step and value range.

        Raises:
            SourceError: no array can hold frames, or a file is damaged.
        """
        root = user_path(location)
        folder = root if root.is_dir() else root.parent
        paths, others = files_at(root, _ENDINGS, pattern=config.pattern)
        memory = ArrayMemory()
        sequences: list[ArraySequence] = []
        left_out: list[str] = []
        rejected: list[Rejected] = []
        guesses: dict[Layout, str] = {}
        layouts: dict[Layout, None] = {}
        for path in paths:
            try:
                for stored in stored_arrays(path.absolute(), config.key):
                    shape, dtype = stored.header()
                    if reason := unfit(shape, dtype, config.layout):
                        left_out.append(f"{stored} {reason}")
                        continue
                    layout, certain = (config.layout, True) if config.layout else _guess(stored, shape, memory)
                    layouts[layout] = None
                    if not certain:
                        guesses.setdefault(layout, f"{stored}, of shape {shape},")
                    name = path.relative_to(folder).as_posix() + (f":{stored.key}" if stored.key else "")
                    infos = _infos(name, stored, shape, dtype, layout=layout, config=config)
                    sequences += [
                        ArraySequence(info, stored, memory, layout=layout, index=index, config=config)
                        for index, info in enumerate(infos)
                    ]
            except SourceError as error:
                rejected.append(Rejected(str(path), str(error).rstrip(".")))
        if not sequences:
            reasons = [*left_out, *(damaged.reason for damaged in rejected)]
            raise SourceError(f"No array in '{location}' can hold frames: {'; '.join(reasons) or 'there is none'}.")
        unfitting = [f"{reason}; it was left out." for reason in left_out]
        return cls(
            kind="array",
            location=location,
            sequences=tuple(sequences),
            notes=(*others, *unfitting, *guess_notes(guesses)),
            rejected=tuple(rejected),
            layout=", ".join(layouts),
        )


def _guess(stored: StoredArray, shape: tuple[int, ...], memory: ArrayMemory) -> tuple[Layout, bool]:
    choices = fitting_layouts(shape)
    return (choices[0], True) if len(choices) == 1 else (guess_layout(memory.array(stored)), False)


def _infos(
    name: str, stored: StoredArray, shape: tuple[int, ...], dtype: np.dtype[Any], *, layout: Layout, config: ArrayConfig
) -> Iterator[SequenceInfo]:
    """What is known about each sequence of one array."""
    size = dict(zip(layout, shape, strict=True))
    native = config.dtype_of(dtype)
    for index in range(size.get("N", 1)):
        own = f"{name}[{index:0{len(str(size['N'] - 1))}d}]" if "N" in size else name
        yield SequenceInfo(
            name=own,
            group=config.group(own),
            num_frames=size["T"],
            channels=size.get("C", 1),
            height=size["H"],
            width=size["W"],
            dtype=str(native),
            value_range=native_range(native, config.value_range),
            step_seconds=config.step_seconds,
            units=config.units,
            has_missing=config.has_missing and native.kind == "f",
            path=str(stored.path),
        )
