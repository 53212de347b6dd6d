"""Look at inputs, one path a line on standard input, and tell as JSON lines what came of each.

Runs as a process of its own, so that a crash, a hang or too much memory is seen from outside.
"""

import json
import resource
import signal
import sys
import time
from pathlib import Path

from framecast.frames.errors import FramecastError
from framecast.sources.inspection import inspect_source
from framecast.sources.open import open_source

PATIENCE_SECONDS = 20
MOST_BYTES = 6 * 2**30
"""Address space: beyond it an allocation fails in place of taking the machine with it."""


def look_at(path: Path) -> dict[str, object]:
    """Open and read, as ``framecast inspect`` does."""
    try:
        source = open_source(path)
        inspection = inspect_source(source, max_frames=200)
    except FramecastError as error:
        return {"outcome": "refused", "message": str(error)}
    except BaseException as error:
        return {"outcome": "defect", "message": f"{type(error).__name__}: {error}"}
    return {"outcome": "read", "frames": inspection.num_frames, "rejected": len(inspection.rejected)}


def peak_bytes() -> int:
    """Most memory that this process has held; what ``getrusage`` tells may be that of the process which started it."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"no answer within {PATIENCE_SECONDS} s")


def main() -> None:
    """Answer until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    signal.signal(signal.SIGALRM, _too_long)
    for line in sys.stdin:
        path = Path(json.loads(line))
        signal.alarm(PATIENCE_SECONDS)
        started = time.perf_counter()
        answer = look_at(path)
        signal.alarm(0)
        answer |= {
            "path": str(path),
            "seconds": time.perf_counter() - started,
            "peak_bytes": peak_bytes(),
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
