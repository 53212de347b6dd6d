"""Fields in netCDF-4 files and Zarr stores: measurements on a grid with named dimensions, units and times.

A folder of files that follow one another, such as one a day, is one recording. ``axes.py`` tells which dimension
is which, ``contents.py`` what a file holds, ``reading.py`` makes sequences of it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, final

from framecast.frames.paths import user_path
from framecast.frames.source import Source
from framecast.sources.fields.files import CLASSIC_MAGIC, DAMAGE, HDF5_MAGIC, FieldFormat, is_zarr
from framecast.sources.fields.reading import read_fields
from framecast.sources.fields.settings import FieldSettings
from framecast.sources.files import files_below, starts_with, walk
from framecast.sources.hdf5_heaps import refuse_endless_heaps
from framecast.sources.store.index import is_store

_ENDINGS = (".nc", ".nc4", ".cdf", ".zarr")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FieldsConfig(FieldSettings):
    """Which variable of netCDF and Zarr files is read, along which dimensions."""

    within: str | None = None
    """The group inside the files that holds the variables, such as ``Grid``; None is the outermost."""


@final
@dataclass(frozen=True, kw_only=True)
class FieldsSource(Source):
    """A netCDF file or Zarr store, or a folder of them at any depth."""

    config_class: ClassVar[type[FieldsConfig]] = FieldsConfig
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is netCDF or a Zarr store by its ending or content, or a folder with one in it."""
        if path.is_dir():
            return is_zarr(path) or any(not is_store(found) for found in walk(path, _ENDINGS))
        if path.suffix.lower() in _ENDINGS:
            return True
        return starts_with(path, CLASSIC_MAGIC + b"\x01", CLASSIC_MAGIC + b"\x02", CLASSIC_MAGIC + b"\x05") or (
            starts_with(path, HDF5_MAGIC) and _names_dimensions(path)
        )

    @classmethod
    def open(cls, location: str, config: FieldsConfig) -> Self:
        """List the sequences; headers, coordinates and times are read.

        Args:
            location: a file, a store, or a folder that is searched at any depth.
            config: which files, variables and dimensions.

        Raises:
            SourceError: no file can be read, or it cannot be told which variable is meant.
            NotAvailableError: the packages that read such files are not installed.
        """
        root = user_path(location).absolute()
        paths, notes = [root], tuple[str, ...]()
        if root.is_dir() and not is_zarr(root):
            paths, notes = files_below(root, _ENDINGS, pattern=config.pattern)
            stores = [path for path in paths if is_store(path)]
            paths = [path for path in paths if path not in stores] or paths
            if stores:
                notes += (f"Prepared stores were left out ({len(stores)}), first '{stores[0].name}'.",)
        found = read_fields(root, paths, FieldFormat(name="netcdf", within=config.within), config)
        return cls(
            kind="fields",
            location=location,
            sequences=found.sequences,
            notes=notes + found.notes,
            rejected=found.rejected,
        )


def _names_dimensions(path: Path) -> bool:
    """Whether an HDF5 file is netCDF, or at least names the dimensions of its data as netCDF does."""
    try:
        import h5py
    except ImportError:
        return False
    try:
        refuse_endless_heaps(path)
        with h5py.File(path, "r") as file:
            root: Any = file
            return "_NCProperties" in root.attrs or any("DIMENSION_LIST" in item.attrs for item in root.values())
    except DAMAGE:
        return False
