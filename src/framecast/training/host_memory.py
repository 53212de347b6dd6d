"""Keeping the processor's memory between steps.

The C library gives blocks of more than 32 MiB back to the operating system when they are freed, and gets new ones page
by page, each of them cleared, when they are wanted again a moment later. Training on a CPU does that with every large
tensor of every step; the clearing can take longer than the arithmetic between.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Names of mallopt's parameters in glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed, for the rest of the process.

    Returns:
        Whether it does: only glibc (most of Linux) can be told.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # Large blocks come from the heap as small ones do, and the heap's end is never given back (-1).
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
