"""Fields in GRIB files, as weather services send them, through cfgrib.

A folder of files that follow one another in time is one recording, as for netCDF. cfgrib reads each file from end to
end to learn what it holds, so that opening many large ones takes time.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self, final

from framecast.frames.paths import user_path
from framecast.frames.source import Source
from framecast.sources.fields.files import FieldFormat
from framecast.sources.fields.reading import read_fields
from framecast.sources.fields.settings import FieldSettings
from framecast.sources.files import files_at, holds, starts_with

_ENDINGS = (".grib", ".grb", ".grib2", ".grb2", ".gb2")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GribConfig(FieldSettings):
    """Which messages of GRIB files are read, and which variable of them."""

    keys: dict[str, str | int] = field(default_factory=dict[str, str | int])
    """Only messages whose keys have these values are read: ``{typeOfLevel: surface, shortName: 2t}``. Needed where a
    file mixes kinds of level."""


@final
@dataclass(frozen=True, kw_only=True)
class GribSource(Source):
    """A GRIB file, or a folder of them at any depth."""

    config_class: ClassVar[type[GribConfig]] = GribConfig
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is GRIB by its ending or first bytes, or a folder with one in it."""
        if path.is_dir():
            return holds(path, _ENDINGS)
        return path.suffix.lower() in _ENDINGS or starts_with(path, b"GRIB")

    @classmethod
    def open(cls, location: str, config: GribConfig) -> Self:
        """List the sequences; the headers of all messages are read.

        Args:
            location: a file, or a folder that is searched at any depth.
            config: which files, messages, variables and dimensions.

        Raises:
            SourceError: no file can be read, or it cannot be told which variable is meant.
            NotAvailableError: cfgrib is not installed.
        """
        root = user_path(location).absolute()
        paths, notes = files_at(root, _ENDINGS, pattern=config.pattern)
        found = read_fields(root, paths, FieldFormat(name="grib", keys=config.keys), config)
        return cls(
            kind="grib",
            location=location,
            sequences=found.sequences,
            notes=notes + found.notes,
            rejected=found.rejected,
        )
