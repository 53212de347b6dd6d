"""The range that the numbers of a recording stand for."""

from typing import Any

import numpy as np

from framecast.frames.sequence import range_of_dtype


def native_range(dtype: np.dtype[Any], chosen: tuple[float, float] | None) -> tuple[float, float] | None:
    """The range that the values of a recording stand for.

    Booleans and unsigned integers of 8 bits are taken to use their type's range. Wider or signed integers hold counts
    or measurements far from the ends of their type (a 12-bit camera writes 16), and floats say nothing, so these are
    measured later.

    Args:
        dtype: native type of the frames.
        chosen: what the user set, which always wins.
    """
    if chosen is not None:
        return chosen
    return range_of_dtype(dtype) if dtype.kind in "bu" and dtype.itemsize == 1 else None


def check_range(chosen: tuple[float, float] | None) -> None:
    """Raise ValueError unless the range is None or two finite numbers, the lower first."""
    if chosen is not None and not (np.isfinite(chosen).all() and chosen[0] < chosen[1]):
        raise ValueError(f"value_range must be two finite numbers, the lower first, found {list(chosen)}")
