"""How much memory this process holds, and has held at most.

The peak is read from ``VmHWM`` where the system has it: ``getrusage`` also remembers what the process was before it
became this program, a copy of its parent.
"""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Resident set size now; on systems without ``/proc``, the most so far."""
    found = _status("VmRSS")
    return peak_resident_bytes() if found is None else found


def peak_resident_bytes() -> int:
    """The largest resident set size that this program has had."""
    found = _status("VmHWM")
    if found is not None:
        return found
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(key: str) -> int | None:
    """A line ``key:  1234 kB`` of the process's status, in bytes."""
    if not _STATUS.exists():
        return None
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    return None
