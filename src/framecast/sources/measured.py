"""Settings that readers of numbers share, whatever file they lie in: range, missing values, units."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framecast.sources.files import FilesConfig
from framecast.sources.values import check_range


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredConfig(FilesConfig):
    """What the numbers of a recording mean, where its files do not say so."""

    value_range: tuple[float, float] | None = None
    """Lowest and highest value that the numbers stand for, such as [0, 4095] for a 12-bit camera. None: the range of
    the type for booleans and unsigned integers of 8 bits; measured on the training data for everything else."""

    missing: float | Literal["nan"] | None = None
    """Which number stands for a missing value: ``nan``, or a number such as -9999; integers then become floats. None
    takes what the file says; a NaN where it says nothing is an error. Values that a file packs are compared as they are
    unpacked."""

    units: str | None = None
    """Physical units of the values; None takes what the file says. Recordings with units are judged in them."""

    def __post_init__(self) -> None:
        super(MeasuredConfig, self).__post_init__()
        check_range(self.value_range)
        if isinstance(self.missing, float) and not np.isfinite(self.missing):
            raise ValueError(f"missing must be a finite number, or nan, found {self.missing}")

    @property
    def has_missing(self) -> bool:
        """Whether values may be missing by these settings."""
        return self.missing is not None

    def dtype_of(self, stored: np.dtype[Any]) -> np.dtype[Any]:
        """The type of frames once missing values are NaN: floats stay, integers become floats that hold them."""
        if isinstance(self.missing, float) and stored.kind != "f":
            return np.dtype(np.float32 if stored.itemsize <= 2 else np.float64)
        return stored.newbyteorder("=")

    def with_nan(self, stored: NDArray[Any]) -> NDArray[Any]:
        """The stored numbers as frames: those that stand for a missing value become NaN."""
        if not isinstance(self.missing, float):
            return stored
        lost = stored == self.missing
        frames = stored.astype(self.dtype_of(stored.dtype))
        frames[lost] = np.nan
        return frames
