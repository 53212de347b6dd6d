"""The run folder: where each file lies, and the promise that nothing in it is overwritten unasked.

::

    RUN/
      config.yaml           resolved configuration; training from it reproduces the run
      run.json              schema, versions, clip specification, cost, status, notes (see runs/record.py)
      weights.safetensors   the best weights
      normaliser.json       native values to normalised ones, fitted on training data
      baselines.safetensors fitted baselines
      static.safetensors    fields that do not change, where clips show any (see clips/channels.py)
      splits.json           which frames were for training, validation and test
      leaks.json            what of the test was found in the training (see clips/leaks.py)
      doctor.json           what the doctor looked for and found (see runs/findings.py)
      inspect.json          what the source holds
      frames.png            sample frames of it
      histogram.png         how its values are distributed
      log.csv               one row for each validation
      checkpoints/last.ckpt everything needed to continue exactly
      pictures/             forecasts on fixed validation clips during training
      evaluation/           results.json, results.csv, clips.npz, clips.csv, diagrams.npz, examples.npz
      report.html           the page
      lock                  while a training is using the folder

The folder can be moved; nothing in it names its own place.
"""

import hashlib
import json
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, final

from framecast.frames.errors import RunError

_FILES = {
    "config": "config.yaml",
    "record": "run.json",
    "weights": "weights.safetensors",
    "normaliser": "normaliser.json",
    "baselines": "baselines.safetensors",
    "static": "static.safetensors",
    "splits": "splits.json",
    "leaks": "leaks.json",
    "doctor": "doctor.json",
    "inspection": "inspect.json",
    "sample_frames": "frames.png",
    "histogram": "histogram.png",
    "log": "log.csv",
    "checkpoint": "checkpoints/last.ckpt",
    "pictures": "pictures",
    "evaluation": "evaluation",
    "report": "report.html",
    "lock": "lock",
}


EVALUATION_FILES = ("results.json", "results.csv", "clips.npz", "clips.csv", "diagrams.npz", "examples.npz")
"""What an evaluation writes."""

Mode = Literal["new", "resume", "overwrite"]
"""Start in an empty folder, continue the run in it, or replace that run."""


@final
class RunFolder:
    """Paths of one run, and the lock that keeps a second training out."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / _FILES["config"]
        self.record = self.path / _FILES["record"]
        self.weights = self.path / _FILES["weights"]
        self.normaliser = self.path / _FILES["normaliser"]
        self.baselines = self.path / _FILES["baselines"]
        self.static = self.path / _FILES["static"]
        self.splits = self.path / _FILES["splits"]
        self.leaks = self.path / _FILES["leaks"]
        self.doctor = self.path / _FILES["doctor"]
        self.inspection = self.path / _FILES["inspection"]
        self.sample_frames = self.path / _FILES["sample_frames"]
        self.log = self.path / _FILES["log"]
        self.checkpoint = self.path / _FILES["checkpoint"]
        self.pictures = self.path / _FILES["pictures"]
        self.evaluation = self.path / _FILES["evaluation"]
        self.report = self.path / _FILES["report"]
        self.lock = self.path / _FILES["lock"]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def holds_a_run(self) -> bool:
        """True once a training has started in it."""
        return self.config.exists() or self.record.exists()

    def fingerprint(self) -> str:
        """SHA-256 of the weights; empty where there are none yet."""
        if not self.weights.is_file():
            return ""
        with self.weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def require(self) -> "RunFolder":
        """Return self when a trained run lies here.

        Raises:
            RunError: it does not; says what is missing and which command makes it.
        """
        if not self.path.exists():
            raise RunError(
                f"There is no run folder '{self.path}'; 'framecast train SOURCE --out {self.path}' makes one."
            )
        if not self.holds_a_run:
            raise RunError(
                f"'{self.path}' is not a run folder: it holds no {self.config.name} and no {self.record.name}."
            )
        missing = [path.name for path in (self.record, self.config, self.weights, self.normaliser) if not path.exists()]
        if missing:
            raise RunError(
                f"The run '{self.path}' is not complete ({', '.join(missing)} missing): its training has not come to "
                f"its first validation, or the folder was not copied whole. Continue the training with 'framecast "
                f"train --resume --out {self.path}'."
            )
        return self

    def check(self, mode: Mode) -> None:
        """See whether a training may use the folder; nothing is written.

        Raises:
            RunError: ``new`` and a run is there; ``new`` or ``overwrite`` and other files, but no run, are there;
                ``resume`` and there is nothing to resume.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"'{self.path}' is a file; --out needs a folder for the run.")
        if mode == "resume":
            needed = (self.config, self.record, self.normaliser, self.checkpoint)
            missing = [str(path.relative_to(self.path)) for path in needed if not path.is_file()]
            if missing:
                start = "Start it anew with --overwrite." if self.holds_a_run else "Start a run there without --resume."
                raise RunError(f"There is nothing to resume in '{self.path}': {', '.join(missing)} missing. {start}")
        if mode == "new" and self.holds_a_run:
            raise RunError(
                f"'{self.path}' already holds a run. Continue it with --resume, replace it with --overwrite, or choose "
                "another --out."
            )
        # A configuration alone may be anybody's, so it is no reason to replace what lies around it.
        strangers = self.path.is_dir() and any(path != self.lock for path in self.path.iterdir())
        if mode != "resume" and strangers and not self.record.exists():
            raise RunError(f"'{self.path}' holds files, but no run; choose a new or empty folder for --out.")

    def clear(self) -> None:
        """Remove what a run writes, and nothing else that may lie in the folder."""
        written = [
            *(self.path / name for key, name in _FILES.items() if key != "lock"),
            *self.pictures.glob("epoch_*.png"),
            *(self.path / "tensorboard").glob("events.out.tfevents.*"),
            *(self.evaluation / name for name in EVALUATION_FILES),
        ]
        for path in written:
            if path.is_file():
                path.unlink()

    @contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Hold the folder while training.

        Raises:
            RunError: another training holds it. A lock left by a process of this machine that has ended is taken over.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        owner = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        while True:
            try:
                with self.lock.open("x", encoding="utf-8") as file:
                    file.write(owner)
                break
            except FileExistsError:
                if not self._lock_is_stale():
                    raise RunError(
                        f"'{self.path}' is in use by another training; wait for it, choose another --out, or delete "
                        f"'{self.lock}' if that training is gone."
                    ) from None
                self.lock.unlink(missing_ok=True)
        try:
            yield
        finally:
            self.lock.unlink(missing_ok=True)

    def _lock_is_stale(self) -> bool:
        try:
            owner = json.loads(self.lock.read_text(encoding="utf-8"))
            if owner["host"] != socket.gethostname():
                return False
            os.kill(owner["pid"], 0)
        except ProcessLookupError:
            return True
        except (OSError, ValueError, KeyError, TypeError, OverflowError):  # not ours, or not readable
            return False
        return False
