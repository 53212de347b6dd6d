"""Opening files of fields, and reading frames from them: netCDF-4 and Zarr through xarray, GRIB through cfgrib.

Nothing is decoded by xarray: frames must come in one known type, whatever the library's version thinks of masks and
times. Numbers of netCDF-4 files, which are HDF5, are read by h5py alone, because xarray takes twenty times as long to
open a file, and a recording may lie in ten thousand. The other kinds keep the last file open.

Axes: T frames, C channels, H rows along y, W columns along x.
"""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, final
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import NotAvailableError, SourceError
from framecast.sources.fields.cf_times import decode_times
from framecast.sources.fields.contents import FieldFile, FieldLook, contents
from framecast.sources.fields.settings import FieldSettings
from framecast.sources.files import ZARR_MARKS, starts_with
from framecast.sources.hdf5_heaps import refuse_endless_heaps
from framecast.sources.packing import Packing, attribute, coordinate_values, text_of

if TYPE_CHECKING:
    import xarray as xr

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
CLASSIC_MAGIC = b"CDF"

DAMAGE = (OSError, EOFError, KeyError, ValueError, TypeError, IndexError, AttributeError, RuntimeError, MemoryError)
"""What the libraries raise for files that are cut off, altered, or something else altogether."""

_NAMELESS = (
    "names tell times from rows and columns. Write it with xarray, as variables over (time, y, x), or save it as .npy"
)

_LIBRARIES = {"xarray", "h5netcdf", "zarr", "numcodecs", "zlib", "cfgrib", "eccodes", "gribapi"}
"""Packages whose own kinds of error mean the same."""


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr store."""
    return path.is_dir() and any((path / mark).is_file() for mark in ZARR_MARKS)


@final
class LastOpened:
    """The data set that was opened last. Sent to another process, or after a fork, it is empty."""

    def __init__(self) -> None:
        self._held: tuple[int, Path, xr.Dataset] | None = None  # one object, so that threads see all of it or nothing

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()

    def get(self, path: Path) -> "xr.Dataset | None":
        """The data set of a path, if it is the one that this process opened last."""
        held = self._held
        return held[2] if held is not None and held[:2] == (os.getpid(), path) else None

    def keep(self, path: Path, dataset: "xr.Dataset") -> None:
        """Remember a data set, and close the one before."""
        before, self._held = self._held, (os.getpid(), path, dataset)
        if before is not None and before[0] == os.getpid():
            before[2].close()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFormat:
    """How one kind of file is opened."""

    name: Literal["netcdf", "grib"]
    """netCDF stands for Zarr, too; each file shows what it is."""

    within: str | None = None
    """The group inside netCDF and Zarr files."""

    keys: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    """Which messages of a GRIB file are read."""

    last: LastOpened = field(default_factory=LastOpened)

    def look_into(self, path: Path, settings: FieldSettings) -> FieldFile:
        """What a file holds.

        Raises:
            SourceError: the file is damaged, or nothing fits.
        """
        with told(path):
            if starts_with(path, HDF5_MAGIC):
                refuse_endless_heaps(path)
                with self._open(path) as dataset:
                    return contents(path, dataset.variables, dataset.attrs, settings)
            dataset = self._dataset(path)
            return contents(path, dataset.variables, dataset.attrs, settings)

    def sibling(self, path: Path, model: FieldFile) -> FieldFile | None:
        """What a file holds that probably is like ``model``; None when it must be looked into to tell.

        Variables, coordinates and times are compared; that takes a millisecond.
        """
        look = model.look
        if look.times is None or not starts_with(path, HDF5_MAGIC):
            return None
        import h5py

        try:
            refuse_endless_heaps(path)
            with h5py.File(path, "r") as file:
                root: Any = file if self.within is None else file[self.within]
                return _like(root, path, model)
        except (*DAMAGE, SourceError):
            return None  # looking into it says what is wrong

    def read(self, path: Path, look: FieldLook, fixed: Mapping[str, int], places: NDArray[np.intp]) -> NDArray[Any]:
        """Frames of a file.

        Args:
            path: the file.
            look: what it holds.
            fixed: place along each dimension that is neither time, row, column nor channel.
            places: which frames, in the order wanted.

        Returns:
            (T, C, H, W) in the type of the look; missing values are NaN.

        Raises:
            SourceError: the file has changed or is damaged.
        """
        with told(path):
            if starts_with(path, HDF5_MAGIC):
                import h5py

                with h5py.File(path, "r") as file:
                    root: Any = file if self.within is None else file[self.within]
                    return _frames(root, look, fixed, places)
            return _frames(self._dataset(path).variables, look, fixed, places)

    def _dataset(self, path: Path) -> "xr.Dataset":
        known = self.last.get(path)
        if known is None:
            known = self._open(path)
            self.last.keep(path, known)
        return known

    def _open(self, path: Path) -> "xr.Dataset":
        xr = _xarray("grib" if self.name == "grib" else "science")
        raw: dict[str, Any] = {"decode_cf": False, "chunks": None, "cache": False}
        if self.name == "grib":
            return _open_grib(xr, path, self.keys, raw)
        if is_zarr(path):
            return _open_zarr(xr, path, self.within, raw)
        if starts_with(path, CLASSIC_MAGIC):
            try:
                return xr.open_dataset(path, engine="scipy", group=self.within, **raw)
            except (ImportError, ValueError) as error:
                raise SourceError(
                    f"is netCDF of the classic kind and cannot be read here ({error}); install scipy, or convert it "
                    "with 'nccopy -k netCDF-4 old.nc new.nc'"
                ) from error
        import h5py

        with h5py.File(path, "r") as file:
            # What h5netcdf asks for first. Where it fails on that, it complains once more when it is thrown away.
            file.attrs.get("_nc3_strict")
        return xr.open_dataset(path, engine="h5netcdf", group=self.within, phony_dims="access", **raw)


@contextmanager
def told(path: Path) -> Generator[None]:
    """Name the file in whatever goes wrong with it."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"'{path}' {str(error).rstrip('.')}.") from error
    except Exception as error:
        if not isinstance(error, DAMAGE) and type(error).__module__.partition(".")[0] not in _LIBRARIES:
            raise
        said = str(error) or type(error).__name__
        raise SourceError(f"'{path}' is damaged, cut off, or not what its name says ({said[:200]}).") from error


def _like(root: Any, path: Path, model: FieldFile) -> FieldFile | None:
    """``model`` for another file, if nothing but times and packing differ."""
    look = model.look
    clock = root[look.times]
    all_stored = [root[name] for name in look.variables]
    packings = [Packing.of(stored.dtype, stored.attrs) for stored in all_stored]
    same = (
        len(clock) > 0
        and all(
            _same_shape(stored.shape, dims, len(clock), look)
            for stored, dims in zip(all_stored, look.dims, strict=True)
        )
        and str(np.result_type(*(packing.dtype for packing in packings))) == look.dtype
        and tuple(text_of(attribute(stored.attrs, "units")) for stored in all_stored) == look.variable_units
        and _same_places(root, look)
    )
    times = decode_times(clock[...], clock.attrs) if same else None
    if times is None:
        return None
    has_missing = any(packing.has_missing for packing in packings)
    return FieldFile(path=path, look=look, num_frames=len(clock), times=times, has_missing=has_missing)


def _same_shape(shape: tuple[int, ...], dims: tuple[str, ...], num_frames: int, look: FieldLook) -> bool:
    sizes = dict(zip(dims, shape, strict=True))
    axes = look.axes
    channels = 1 if axes.channel is None else sizes[axes.channel]
    return (
        axes.time is not None
        and (sizes[axes.time], sizes[axes.y], sizes[axes.x]) == (num_frames, look.height, look.width)
        and channels * len(look.variables) == look.channels
        and all(sizes[dim] == len(labels) for dim, labels in look.members)
        and all(place < sizes[dim] for dim, place in look.fixed)
    )


def _same_places(root: Any, look: FieldLook) -> bool:
    """Whether rows, columns and chosen levels lie where they do in the other file."""
    labels = dict(look.fixed_labels)
    if any(dim in root and f"{_values(root[dim])[place]:g}" != labels[dim] for dim, place in look.fixed):
        return False
    single = look.fixed_labels[len(look.fixed) :]
    if any(name in root and f"{float(_values(root[name])):g}" != label for name, label in single):
        return False
    if look.grid is None:
        return True
    rows = look.grid.y.values[::-1] if look.reverse_rows else look.grid.y.values
    return all(
        np.array_equal(_values(root[axis.name]), values)
        for axis, values in ((look.grid.y, rows), (look.grid.x, look.grid.x.values))
    )


def _values(stored: Any) -> NDArray[Any]:
    return coordinate_values(stored[...], stored.attrs)


def _frames(
    root: Mapping[Any, Any], look: FieldLook, fixed: Mapping[str, int], places: NDArray[np.intp]
) -> NDArray[Any]:
    axes = look.axes
    parts: list[NDArray[Any]] = []
    for name, dims in zip(look.variables, look.dims, strict=True):
        stored = root[name]
        if len(stored.shape) != len(dims):
            raise SourceError(f"has changed since it was opened: '{name}' has {len(stored.shape)} dimensions")
        packing = Packing.of(stored.dtype, stored.attrs)
        order = [axis for axis in (axes.time, axes.channel, axes.y, axes.x) if axis is not None]
        kept = [dim for dim in dims if dim in order]
        blocks: list[NDArray[Any]] = []
        for run in _stretches(places) if axes.time is not None else [slice(0, 1)]:
            index = tuple(run if dim == axes.time else fixed.get(dim, slice(None)) for dim in dims)
            numbers = np.asarray(stored[index])
            blocks.append(packing.unpack(numbers).transpose([kept.index(axis) for axis in order]))
            if axes.time is None:
                blocks[-1] = blocks[-1][None]
        frames = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        if axes.time is not None:
            frames = frames[np.argsort(np.argsort(places, kind="stable"), kind="stable")]
        parts.append(frames[:, None] if axes.channel is None else frames)
    joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    return joined[:, :, ::-1] if look.reverse_rows else joined


def _stretches(places: NDArray[np.intp]) -> list[slice]:
    """Slices that together hold the places in ascending order: one, as a rule."""
    ordered = np.sort(places)
    borders = np.flatnonzero(np.diff(ordered) != 1) + 1
    return [slice(int(part[0]), int(part[-1]) + 1) for part in np.split(ordered, borders)]


def _open_zarr(xr: Any, path: Path, within: str | None, raw: Mapping[str, Any]) -> "xr.Dataset":
    head = _text(path / "zarr.json")
    if (path / ".zarray").is_file() or _is_array(head):
        raise SourceError(f"is a single array, not a group of arrays; {_NAMELESS}")
    consolidated = (path / ".zmetadata").is_file() or '"consolidated_metadata"' in head
    try:
        with catch_warnings():
            simplefilter("ignore")  # of files in the folder that are no part of the store
            return xr.open_dataset(path, engine="zarr", consolidated=consolidated, group=within, **raw)
    except KeyError as error:
        if "dimension" not in str(error).lower():
            raise
        raise SourceError(f"holds arrays whose dimensions have no names; {_NAMELESS}") from error


def _open_grib(xr: Any, path: Path, keys: Mapping[str, str | int], raw: Mapping[str, Any]) -> "xr.Dataset":
    try:
        import cfgrib
    except (ImportError, RuntimeError) as error:  # eccodes without its library raises the latter
        raise _missing("cfgrib", "grib") from error
    try:
        # No index file is written beside the user's data, and no message is skipped in silence.
        options = {"indexpath": "", "filter_by_keys": dict(keys), "errors": "raise"}
        return xr.open_dataset(path, engine="cfgrib", backend_kwargs=options, **raw)
    except cfgrib.dataset.DatasetBuildError as error:
        said = str(error).split("\n")[0]
        raise SourceError(
            f"holds messages that do not form one field ({said}); choose among them by source.keys, such as "
            "{typeOfLevel: surface, shortName: 2t}"
        ) from error


def _xarray(extra: str) -> Any:
    try:
        import xarray as xr

        if extra == "science":
            import_module("h5netcdf")  # xarray itself would only say that no engine fits
    except ImportError as error:
        raise _missing(error.name or "xarray", extra) from error
    return xr


def _missing(package: str, extra: str) -> NotAvailableError:
    return NotAvailableError(
        f'Reading such files needs {package}, which is not installed; get it with: pip install "framecast[{extra}]"'
    )


def _is_array(head: str) -> bool:
    """Whether the metadata of a Zarr store, format 3, are those of an array."""
    try:
        return json.loads(head)["node_type"] == "array"
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
