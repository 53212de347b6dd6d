"""One data set in an HDF5 file: how it is found, its header, and its numbers when they are needed.

The file is opened for every read, which takes less than a millisecond, and all frames of a read are asked for at once,
so that a chunk that holds many of them is decompressed once.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from numpy.typing import NDArray

from framecast.frames.errors import NotAvailableError, SourceError, unknown_choice
from framecast.sources.arrays.layouts import Layout, fitting_layouts, frames_of, guess_layout, unfit
from framecast.sources.hdf5_heaps import refuse_endless_heaps
from framecast.sources.packing import Packing, text_of

MAGIC = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""

_DAMAGE = (OSError, EOFError, KeyError, ValueError, TypeError, RuntimeError, MemoryError)
"""What h5py raises for files that are cut off, altered, or something else altogether."""

_ID_NAMES = ("id", "ids")
_MOST_FRAME_BYTES = 2**30


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Where a data set lies, and what its header says."""

    path: Path
    key: str
    """Its path inside the file, without a slash before it."""

    shape: tuple[int, ...]
    packing: Packing
    units: str | None
    has_ids: bool
    """Whether a text for each place along the first axis lies beside it."""

    def guess(self) -> tuple[Layout, bool]:
        """The most likely layout, and whether no other is possible.

        Raises:
            SourceError: the numbers that tell cannot be read.
        """
        choices = fitting_layouts(self.shape)
        if len(choices) == 1 or set(choices) != {"NTHW", "TNHW"}:
            return choices[0], len(choices) == 1
        with _opened(self.path) as file, _told(self):
            return guess_layout(file[self.key]), False

    def read(self, layout: Layout, *, index: int, start: int, stop: int) -> NDArray[Any]:
        """Frames of one sequence as (T, C, H, W); missing values are NaN.

        Raises:
            SourceError: the file has changed, or cannot be decoded.
        """
        with _opened(self.path) as file, _told(self):
            stored: Any = file[self.key]
            if stored.shape != self.shape:
                raise SourceError(f"{self} has changed since it was opened: its shape is {stored.shape}.")
            return self.packing.unpack(frames_of(stored, layout, index=index, start=start, stop=stop))

    def ids(self) -> tuple[str, ...]:
        """The texts that lie beside it, if all differ; else nothing."""
        if not self.has_ids:
            return ()
        with _opened(self.path) as file, _told(self):
            stored: Any = file[_beside(file, self.key, self.shape[0])]
            texts = tuple(text_of(value) for value in stored[...])
        return texts if len(set(texts)) == len(texts) and all(texts) else ()

    def __str__(self) -> str:
        return f"'{self.key}' in '{self.path}'"


def find_data_set(path: Path, key: str | None, layout: Layout | None) -> DataSet:
    """The data set of a file that holds frames.

    Args:
        path: the file.
        key: its path inside the file; None takes the only one that can hold frames.
        layout: what the axes must be; None takes any.

    Raises:
        SourceError: the file is damaged, holds nothing that fits, or several that do.
        NotAvailableError: h5py is not installed.
    """
    with _told(f"'{path}'"):
        refuse_endless_heaps(path)
    with _opened(path) as file:
        found = _data_sets(file)
        if key is not None:
            if key.strip("/") not in found:
                raise SourceError(unknown_choice(f"data set in '{path}' called", key, found))
            found = {key.strip("/"): found[key.strip("/")]}
        reasons = {name: _unfit(stored, layout) for name, stored in found.items()}
        fitting = [name for name, reason in reasons.items() if not reason]
        if not fitting:
            listing = "; ".join(f"'{name}' {reason}" for name, reason in list(reasons.items())[:12])
            raise SourceError(f"No data set in '{path}' can hold frames: {listing or 'there is none'}.")
        if len(fitting) > 1:
            listing = ", ".join(f"'{name}' {found[name].shape}" for name in fitting[:24])
            raise SourceError(
                f"'{path}' holds {len(fitting)} data sets that can be read: {listing}. Choose one with source.key."
            )
        (name,) = fitting
        stored = found[name]
        return DataSet(
            path=path,
            key=name,
            shape=tuple(stored.shape),
            packing=Packing.of(stored.dtype, dict(stored.attrs)),
            units=text_of(stored.attrs.get("units")) or None,
            has_ids=bool(_beside(file, name, stored.shape[0])),
        )


def _data_sets(file: Any) -> dict[str, Any]:
    """Every data set by its path; links are not followed, so that none can lead in circles or to other files."""
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        # A dimension scale is a coordinate, whatever its shape.
        if isinstance(item, h5py.Dataset) and item.attrs.get("CLASS") != b"DIMENSION_SCALE":
            found[name] = item

    file.visititems(visit)
    return found


def _unfit(stored: Any, layout: Layout | None) -> str:
    if stored.shape is None:
        return "holds nothing"
    if stored.dtype.hasobject:
        return "holds texts or lists, no plain numbers"
    reason = unfit(tuple(stored.shape), stored.dtype, layout)
    if not reason:
        sizes = dict(zip(layout or fitting_layouts(stored.shape)[0], stored.shape, strict=True))
        if sizes["H"] * sizes["W"] * sizes.get("C", 1) * stored.dtype.itemsize > _MOST_FRAME_BYTES:
            reason = f"promises frames of {sizes['H']}x{sizes['W']} (H x W), more than a computer can handle"
    return reason


def _beside(file: Any, key: str, count: int) -> str:
    """The data set of texts, one for each sequence, in the same group; empty when there is none."""
    import h5py

    group = key.rpartition("/")[0]
    for name in _ID_NAMES:
        place = f"{group}/{name}" if group else name
        item = file.get(place)
        if isinstance(item, h5py.Dataset) and item.shape == (count,) and item.dtype.kind in "SO":
            return place
    return ""


@contextmanager
def _opened(path: Path) -> Generator[Any]:
    """An HDF5 file that is open for reading."""
    try:
        import h5py
    except ImportError as error:
        raise NotAvailableError(
            f"Reading '{path}' needs h5py, which is not installed; get it with: pip install \"framecast[science]\""
        ) from error
    with _told(f"'{path}'"), h5py.File(path, "r") as file:
        yield file


@contextmanager
def _told(place: object) -> Generator[None]:
    """Name the place in whatever h5py says of it."""
    try:
        yield
    except _DAMAGE as error:
        raise SourceError(f"{place} is cut off, damaged, or not what its name says ({str(error)[:200]}).") from error
