"""Numbers as people read them. What is not defined is a dash."""

import math
from collections.abc import Sequence

DASH = "–"


def column(values: Sequence[float | None]) -> list[str]:
    """The numbers of one column, all with the same decimals: three digits of the smallest, at least four decimals
    when all are below 1 and two when all are below 1000.

    Very large and very small numbers are written with a power of ten.
    """
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value) and value != 0]
    if not sizes:
        return [_decimals(value, 0) for value in values]
    smallest, largest = min(sizes), max(sizes)
    if largest < 1e-4 or largest >= 1e6:
        return [DASH if not _finite(value) else _minus(f"{value:.2e}") for value in values]
    decimals = min(6, max(0, 2 - math.floor(math.log10(smallest))))
    if largest <= 1:
        decimals = max(decimals, 4)
    elif largest < 1000:
        decimals = min(max(decimals, 2), 3)
    return [_decimals(value, decimals) for value in values]


def interval(ends: tuple[float, float], *, like: str) -> str:
    """Two ends with as many decimals as the number between them, ``"0.0301 to 0.0335"``.

    Args:
        ends: low and high.
        like: the number as it is written.
    """
    return " to ".join(alike(end, like=like) for end in ends)


def alike(value: float | None, *, like: str, sign: bool = False) -> str:
    """A number with as many decimals as another has.

    Args:
        value: the number.
        like: the other, as it is written.
        sign: whether to write a plus.
    """
    if not _finite(value):
        return DASH
    assert value is not None
    plus = "+" if sign else ""
    if "e" in like:
        return _minus(f"{value:{plus}.2e}")
    return _minus(f"{value:{plus}.{len(like.partition('.')[2])}f}")


def number(value: float | None) -> str:
    """One number with four digits, or all of those before the point below a million."""
    if not _finite(value):
        return DASH
    assert value is not None
    return _minus(f"{value:.0f}" if 9999.5 <= abs(value) < 1e6 else f"{value:.4g}")


def percent(share: float | None) -> str:
    """A share as a percentage: whole from 10 % on, one decimal below."""
    if not _finite(share):
        return DASH
    assert share is not None
    scaled = 100 * share
    text = f"{scaled:.0f}" if abs(scaled) >= 9.95 or scaled == 0 else f"{scaled:.1f}"
    return _minus(text) + "%"


def count(value: float | None) -> str:
    """A whole number with commas between thousands."""
    if not _finite(value):
        return DASH
    assert value is not None
    return f"{round(value):,}"


def counted(value: int, noun: str) -> str:
    """A whole number and what it counts: ``1 frame``, ``1,200 frames``."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def large(value: float | None) -> str:
    """A count in thousands (k), millions (M), or 10 to the 9 or 12 (G, T)."""
    if not _finite(value):
        return DASH
    assert value is not None
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """A time in the units that people would use."""
    if not _finite(seconds):
        return DASH
    assert seconds is not None
    if seconds >= 5400:
        return f"{seconds / 3600:.3g} h"
    if seconds >= 90:
        return f"{seconds / 60:.3g} min"
    if seconds >= 1:
        return f"{seconds:.3g} s"
    if seconds >= 1e-3:
        return f"{1e3 * seconds:.3g} ms"
    return f"{1e6 * seconds:.3g} µs"


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _decimals(value: float | None, decimals: int) -> str:
    return DASH if not _finite(value) else _minus(f"{value:.{decimals}f}")


def _minus(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text
