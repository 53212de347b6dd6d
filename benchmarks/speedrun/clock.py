"""The clock of a speed run: it starts with the process, and goes on over all pieces.

What counts is the time that a person waits: from the start of each process (interpreter, imports, compilation, reading
data) to the end of its training; only the final evaluation does not count. Pieces are written down while they run, so
that one that is killed has counted up to a few seconds before its end. Steps that were lost with it are made again,
and their time counts twice, as it was spent twice.
"""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

_STAT = Path("/proc/self/stat")
_START_FIELD = 19
"""Field 22 of proc(5), counted from the one after the name of the program."""
_LONGEST_START = 3600.0
_HEARTBEAT_SECONDS = 5.0


def process_age() -> float | None:
    """Seconds since this process was started; None where the system does not tell, or tells what cannot be."""
    if not _STAT.exists() or not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    fields = _STAT.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    started = int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    return age if 0 <= age < _LONGEST_START else None


@final
@dataclass(kw_only=True)
class Piece:
    """One process."""

    started: str
    """UTC, ISO 8601."""
    clock_from: str
    """``process``: its start; ``program``: the first line of the program, where the system does not tell the former."""
    seconds: float = 0.0
    first_step: int = 0
    """Steps that were done when it began."""
    last_step: int = 0
    training_from: float | None = None
    """Seconds of this piece before its first step could begin."""
    ended: str = "killed"
    """How; until its end, what it will be if nobody can say."""


@final
@dataclass(frozen=True, kw_only=True)
class Point:
    """One validation."""

    seconds: float
    """On the clock, all pieces so far."""
    step: int
    mse: float
    """Squared error summed over a frame, of validation sequences."""
    train_loss: float
    """Mean since the validation before, as the loss has it."""


@final
@dataclass(kw_only=True)
class Record:
    """The file beside the run."""

    asked: dict[str, Any]
    """What was asked for when the run began; a later call may not ask for anything else."""
    settings: dict[str, Any]
    pieces: list[Piece] = field(default_factory=list[Piece])
    curve: list[Point] = field(default_factory=list[Point])

    @property
    def seconds(self) -> float:
        """On the clock so far."""
        return sum(piece.seconds for piece in self.pieces)

    def save(self, path: Path) -> None:
        """Write, at once or not at all."""
        scratch = path.with_suffix(".tmp")
        scratch.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read what :meth:`save` wrote."""
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        values["pieces"] = [Piece(**piece) for piece in values["pieces"]]
        values["curve"] = [Point(**point) for point in values["curve"]]
        return cls(**values)


@final
class Clock:
    """Times one piece and keeps the record on disk."""

    def __init__(self, record: Record, path: Path, *, begun: float, age: float | None) -> None:
        """Begin a piece.

        Args:
            record: of the whole run; gets one more piece.
            path: where it is kept.
            begun: ``time.perf_counter()`` at the program's first line.
            age: of the process at that moment, in seconds; None where it is not known.
        """
        self.record = record
        self._path = path
        self._zero = begun - (age or 0.0)
        self._saved = -_HEARTBEAT_SECONDS
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.piece = Piece(started=now, clock_from="program" if age is None else "process")
        record.pieces.append(self.piece)
        self.save()

    @property
    def spent(self) -> float:
        """Seconds of this piece so far."""
        return time.perf_counter() - self._zero

    def save(self) -> None:
        """Write down the time that has passed."""
        self.piece.seconds = self._saved = self.spent
        self.record.save(self._path)

    def beat(self, *, step: int) -> None:
        """Note a step; every few seconds it is written down."""
        self.piece.last_step = step
        if self.spent - self._saved >= _HEARTBEAT_SECONDS:
            self.save()

    def stop(self, ended: str) -> None:
        """End the piece."""
        self.piece.ended = ended
        self.save()
