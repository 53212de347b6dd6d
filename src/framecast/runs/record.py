"""The record of a run (``run.json``): what it was trained on, with what, and how it ended."""

import dataclasses
import json
import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, Self, final

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import RunError
from framecast.version import __version__

SCHEMA = 1

_SHARE_OF_WAITING = 0.1
_LEAST_WAITING_SECONDS = 5.0

Status = Literal["training", "finished", "stopped early", "interrupted", "stopped: loss not finite"]


def installed_versions() -> dict[str, str]:
    """Versions of what numbers depend on."""
    found = {"framecast": __version__, "python": platform.python_version()}
    for package in ("torch", "lightning", "numpy", "av", "pillow"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


@final
@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Facts about a run that are not settings."""

    spec: ClipSpec
    """What its clips look like."""
    status: Status
    model: str
    parameters: int
    trainable: int
    macs_per_frame: float
    training_clips: int
    validation_clips: int
    dtype: str
    """Native numpy type of the recordings it was trained on."""
    units: str | None
    step_seconds: float | None
    """Seconds between two frames of a clip."""
    epochs: int = 0
    """Finished passes over the training clips."""
    steps: int = 0
    best_epoch: int | None = None
    best_loss: float | None = None
    """Validation loss of the saved weights."""
    seconds: float = 0.0
    """Time spent training, all pieces together."""
    waiting_seconds: float = 0.0
    """The part of it in which the loop waited for clips."""
    device: str = "cpu"
    precision: str = "32"
    compiled: bool = False
    """Whether pointwise formulas ran compiled."""
    compile_seconds: float = 0.0
    """The part of the time that went into compiling them."""
    caveats: tuple[str, ...] = ()
    """Sentences that must stand beside every result of this run."""
    notes: tuple[str, ...] = ()
    """What a person should know of the data: files left out, layouts guessed."""
    versions: dict[str, str] = field(default_factory=installed_versions)
    schema: int = SCHEMA

    @property
    def waiting_advice(self) -> str | None:
        """A sentence where so much time went into waiting for clips that it is worth mending, else None."""
        if self.waiting_seconds < max(_SHARE_OF_WAITING * self.seconds, _LEAST_WAITING_SECONDS):
            return None
        return (
            f"{self.waiting_seconds / self.seconds:.0%} of the training time went into waiting for clips. Raise "
            "training.num_workers (--resume accepts that), or keep more frames in memory with clips.cache_gib."
        )

    def save(self, path: Path) -> None:
        """Write the record as JSON."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"
        scratch = path.with_suffix(".tmp")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a record; unknown keys are ignored.

        Raises:
            RunError: not a record, or of a schema that this version cannot read.
        """
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if values["schema"] != SCHEMA:
                raise RunError(f"'{path}' has run schema {values['schema']}; this version of framecast reads {SCHEMA}.")
            values = _known(cls, values)
            spec = _known(ClipSpec, values["spec"])
            spec["low"], spec["high"] = tuple(spec["low"]), tuple(spec["high"])
            spec["forecast_channels"] = tuple(spec.get("forecast_channels", ()))  # earlier versions had none
            values["spec"] = ClipSpec(**spec)
            values["caveats"], values["notes"] = tuple(values["caveats"]), tuple(values["notes"])
            return cls(**values)
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"'{path}' is not a record that framecast wrote ({error}).") from None


def _known(kind: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}
