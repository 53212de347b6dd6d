"""Weather radar: folders of HDF5 composites (KNMI, ODIM), one file a picture, as sequences in order of time.

The header of every file is read when the source is opened, so that times are those in the files, not in their names,
and damaged files are found at once: about a second for 1,000 files. What one file says is worked out in
``knmi.py`` and ``odim.py``; ``rain.py`` converts units.

Axes: T pictures, C = 1, H rows from north to south, W columns from west to east.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.grid import Grid
from framecast.frames.paths import user_path
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Rejected, Source
from framecast.sources.files import FilesConfig, files_at, starts_with, walk
from framecast.sources.radar.composite import (
    HDF5_MAGIC,
    Composite,
    CompositeFile,
    NoCompositeError,
    opened,
    read_picture,
)
from framecast.sources.radar.knmi import is_knmi, knmi_composite, knmi_grid
from framecast.sources.radar.odim import QUANTITIES, is_odim, odim_composite, odim_grid
from framecast.sources.radar.rain import ZR, RainUnits
from framecast.sources.timeline import runs_without_gap, usual_step

_ENDINGS = (".h5", ".hdf5", ".hdf")

_NAMES: dict[RainUnits, str] = {"mm/h": "rain_rate", "mm": "rain_amount", "dBZ": "reflectivity"}
"""Of the channel; files that forecasts are written to call it so."""

_FILES_ASKED = 8
"""So many files of a folder are opened to see whether it holds radar: the first may be damaged, or of another kind."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RadarConfig(FilesConfig):
    """Which composites are read, and in which units."""

    units: RainUnits | None = None
    """Units of the frames: ``mm/h``, ``mm`` (in the interval of one file) or ``dBZ``. None: mm/h for rain, dBZ for
    reflectivity, so that nothing is converted by a relation that was not asked for."""

    zr: tuple[float, float] = (200.0, 1.6)
    """a and b of Z = a R^b, by which rain becomes reflectivity and the other way round; [200, 1.6] is Marshall and
    Palmer's."""

    floor_dbz: float = 0.0
    """Reflectivity that stands for no rain. In dBZ, nothing is lower than it; in mm/h, what is weaker becomes 0."""

    quantity: str | None = None
    """The quantity of ODIM files to read, such as RATE or DBZH, where they hold several; None takes the first that is
    rain or reflectivity."""

    def __post_init__(self) -> None:
        super(RadarConfig, self).__post_init__()
        self.relation()
        if self.quantity is not None and self.quantity not in QUANTITIES:
            raise ValueError(f"quantity must be one of {', '.join(QUANTITIES)}, found {self.quantity}")

    def relation(self) -> ZR:
        """Between reflectivity and rain."""
        return ZR(a=self.zr[0], b=self.zr[1], floor_dbz=self.floor_dbz)

    def units_of(self, composite: Composite) -> RainUnits:
        """Units of the frames that a composite becomes."""
        return self.units or ("dBZ" if composite.units == "dBZ" else "mm/h")


@final
class RadarSequence(Sequence):
    """Composites without a gap in time."""

    def __init__(self, info: SequenceInfo, files: Iterable[CompositeFile], config: RadarConfig) -> None:
        self.info = info
        self._files = tuple((file.path, file.composite) for file in files)
        self._config = config

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        frames = np.empty((stop - start, *self.info.frame_shape), dtype=np.float32)
        for frame, (path, composite) in zip(frames, self._files[start:stop], strict=True):
            stored = read_picture(path, composite)
            frame[0] = composite.physical(stored, self._config.units_of(composite), self._config.relation())
            if np.isinf(frame).any():
                raise SourceError(f"'{path}' holds values that no rain reaches; the file may be damaged.")
        return frames


@final
@dataclass(frozen=True, kw_only=True)
class RadarSource(Source):
    """A composite, or all composites at any depth of a folder, in order of time and cut where one is missing."""

    config_class: ClassVar[type[RadarConfig]] = RadarConfig
    endings: ClassVar[tuple[str, ...]] = _ENDINGS

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Whether the path is a radar file of KNMI or ODIM, by its content, or a folder of such files."""
        if not path.is_dir():
            return starts_with(path, HDF5_MAGIC) and _is_radar(path)
        asked = 0
        for file in walk(path):
            if file.suffix.lower() in _ENDINGS:
                if starts_with(file, HDF5_MAGIC) and _is_radar(file):
                    return True
                asked += 1
                if asked == _FILES_ASKED:
                    return False
        return False

    @classmethod
    def open(cls, location: str, config: RadarConfig) -> Self:
        """List the sequences; the header of every file is read, no picture is decoded.

        Args:
            location: a file, or a folder that is searched at any depth.
            config: which files, their units, groups and time step.

        Raises:
            NotAvailableError: h5py is not installed.
            SourceError: no file can be read, or the files hold pictures of different sizes or kinds.
        """
        root = user_path(location).absolute()
        paths, notes = files_at(root, _ENDINGS, pattern=config.pattern)
        files, rejected, grid = _listed(paths, config)
        if not files:
            reasons = [file.reason for file in rejected]
            more = f" ({len(reasons)} files in all)" if len(reasons) > 1 else ""
            raise SourceError(f"No radar composite in '{location}' can be read: {reasons[0]}{more}.")
        files.sort(key=lambda file: file.time)
        files, taken = _one_for_each_time(files)
        step = usual_step(file.time for file in files) if config.step_seconds is None else config.step_seconds
        files, remarks = _with_intervals(files, step, config)
        runs = runs_without_gap([file.time for file in files], step)
        if config.step_seconds and len(runs) == len(files) > 1:
            raise SourceError(
                f"No two of the {len(files)} composites in '{location}' are source.step_seconds={config.step_seconds:g}"
                f" s apart; mostly it is {usual_step(file.time for file in files):g} s."
            )
        if len(runs) > 1:
            remarks += (_gaps(files, [run.start for run in runs[1:]]),)
        sequences = tuple(
            RadarSequence(
                _info(files[run.start : run.stop], step, grid, root, config), files[run.start : run.stop], config
            )
            for run in runs
        )
        return cls(
            kind="radar", location=location, sequences=sequences, notes=notes + taken + remarks, rejected=rejected
        )


def _is_radar(path: Path) -> bool:
    try:
        with opened(path) as file:
            return is_knmi(file) or is_odim(file)
    except SourceError:
        return False


def _listed(paths: list[Path], config: RadarConfig) -> tuple[list[CompositeFile], tuple[Rejected, ...], Grid | None]:
    """Every file that can be read, those that cannot, and the grid of the first."""
    files: list[CompositeFile] = []
    rejected: list[Rejected] = []
    shared: dict[Composite, Composite] = {}
    grid: Grid | None = None
    for path in paths:
        try:
            with opened(path) as file:
                composite, time = _header(file, config)
                if not files:
                    grid = _grid(file, composite)
        except SourceError as error:
            rejected.append(Rejected(str(path), str(error).rstrip(".")))
            continue
        files.append(CompositeFile(str(path), time, shared.setdefault(composite, composite)))
        first = files[0]
        if (composite.height, composite.width, composite.units) != (
            first.composite.height,
            first.composite.width,
            first.composite.units,
        ):
            raise SourceError(
                f"The composites of one recording must agree in size and units: '{first.path}' is {first.composite}, "
                f"'{path}' is {composite}. Choose among them with source.pattern, or put them into folders that are "
                "opened one by one."
            )
    return files, tuple(rejected), grid


def _header(file: Any, config: RadarConfig) -> tuple[Composite, datetime]:
    if is_knmi(file):
        return knmi_composite(file)
    if is_odim(file):
        return odim_composite(file, config.quantity)
    raise NoCompositeError("is an HDF5 file, but neither a KNMI nor an ODIM composite")


def _grid(file: Any, composite: Composite) -> Grid | None:
    try:
        return knmi_grid(file, composite) if is_knmi(file) else odim_grid(file, composite)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None  # where the pixels lie is good to know; a picture can be read without


def _one_for_each_time(files: list[CompositeFile]) -> tuple[list[CompositeFile], tuple[str, ...]]:
    """Of files with the same time and product the last by name; ordered by time, as the files given.

    Raises:
        SourceError: two products have the same time.
    """
    kept: dict[datetime, CompositeFile] = {}
    doubled: list[str] = []
    for file in files:
        before = kept.get(file.time)
        if before is not None and before.composite.product != file.composite.product:
            raise SourceError(
                f"Two products lie side by side: '{before.path}' ({before.composite.product}) and '{file.path}' "
                f"({file.composite.product}) are both of {file.time:%Y-%m-%d %H:%M:%S} UTC. Choose one with "
                "source.pattern."
            )
        if before is not None:
            doubled.append(f"of {before.path} and {file.path} the second was taken")
        kept[file.time] = file
    note = f"For {len(doubled)} times there are two files or more; for example, {doubled[0]}." if doubled else ""
    return list(kept.values()), (note,) if note else ()


def _with_intervals(
    files: list[CompositeFile], step: float | None, config: RadarConfig
) -> tuple[list[CompositeFile], tuple[str, ...]]:
    """The files with the time step for the interval of amounts that do not say it, and notes on intervals.

    Raises:
        SourceError: an interval is needed, and neither the file nor the time step tells.
    """
    needed = [file for file in files if (file.composite.units == "mm") != (config.units_of(file.composite) == "mm")]
    unsaid = {file.composite for file in needed if file.composite.interval_seconds is None}
    notes: list[str] = []
    if unsaid:
        if step is None:
            raise SourceError(
                f"'{needed[0].path}' does not say over how long its rain was added up; set source.step_seconds to it."
            )
        notes.append(f"Files that do not say over how long rain is added up were taken to mean {step:g} s.")
        mended = {composite: replace(composite, interval_seconds=step) for composite in unsaid}
        files = [replace(file, composite=mended.get(file.composite, file.composite)) for file in files]
    intervals = Counter(file.composite.interval_seconds for file in files if file.composite.units == "mm")
    if len(intervals) > 1 and not needed:
        notes.append("Amounts are of intervals that differ in length; set source.units=mm/h to compare them.")
    interval = intervals.most_common(1)[0][0] if intervals else None
    if interval and step and interval > 1.01 * step:
        notes.append(
            f"Each picture adds up rain of {interval:g} s, and one follows another every {step:g} s: they overlap."
        )
    return files, tuple(notes)


def _gaps(files: list[CompositeFile], starts: list[int]) -> str:
    """A note on where time was cut."""
    first = starts[0]
    ends, begins = files[first - 1].time, files[first].time
    return (
        f"Files are missing at {len(starts)} places, where the recording was cut; the first lies between "
        f"{ends:%Y-%m-%d %H:%M} and {begins:%Y-%m-%d %H:%M} UTC."
    )


def _info(
    files: list[CompositeFile], step: float | None, grid: Grid | None, root: Path, config: RadarConfig
) -> SequenceInfo:
    first = files[0]
    name = first.time.strftime("%Y%m%dT%H%M%SZ" if first.time.second else "%Y%m%dT%H%MZ")
    return SequenceInfo(
        name=name,
        group=config.group(name),
        num_frames=len(files),
        channels=1,
        height=first.composite.height,
        width=first.composite.width,
        dtype="float32",
        step_seconds=step,
        start_time=first.time,
        units=config.units_of(first.composite),
        channel_names=(_NAMES[config.units_of(first.composite)],),
        grid=grid,
        has_missing=True,
        fixed_orientation=True,
        path=str(root),
    )
