"""Patient: what is looked at, with everything that checks ask for, read or computed when it is first asked for.

A patient is a run, a model that is about to be trained, or recordings alone. What it has not got, it names, so that a
check that needs it is skipped with the reason.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, final

import torch

from framecast.clips.clip_sets import ClipSets
from framecast.clips.leaks import LeakReport
from framecast.diagnosis.sample import Sample, take_sample
from framecast.evaluation.results import Results, load_results
from framecast.frames.sequence import Split
from framecast.models.counting import macs_per_frame
from framecast.models.model import Model
from framecast.runs.config import RunConfig
from framecast.runs.run import Run

Need = Literal["model", "run", "clips", "recordings"]
"""``model``: one, trained or not. ``run``: the folder that training left. ``clips``: the recordings, divided and cut.
``recordings``: what an inspection of them found."""

MOST_CLIPS = 64
"""Clips that are forecast for a diagnosis, if not told otherwise."""

_HURRY_MACS = 2e11
"""Multiplications that a short form may spend on one check: some ten seconds of a laptop's processor."""

_ABSENT: Mapping[Need, str] = {
    "model": "there is no model, only recordings",
    "run": "there is no trained run yet",
    "clips": "the recordings are not there, or cannot be cut into clips",
    "recordings": "the recordings were not looked at",
}


class CannotLook(Exception):  # noqa: N818 - no mistake of anybody's: it becomes the reason of a skipped check
    """A check that cannot be made of this patient; the text says why, as a clause without its full stop."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Patient:
    """What is looked at."""

    subject: str
    """The run or the recordings, as a person calls them."""

    run: Run | None = None
    """A trained one."""

    untrained: Model | None = None
    """The model, where there is no run yet."""

    config: RunConfig | None = None

    find_clips: Callable[[], ClipSets] | None = None
    """Cuts the recordings, normalised as the run's model wants them; may raise an error of the user's."""

    cut_to_train: Callable[[], object] | None = None
    """Cuts them as a training would, and raises what that would raise."""

    refit_clips: Callable[[], ClipSets] | None = None
    """The same with a normaliser that is fitted anew to the training frames."""

    find_inspection: Callable[[], Mapping[str, Any]] | None = None
    """The content of ``inspect.json``."""

    find_leaks: Callable[[], LeakReport | None] | None = None
    """Tells what of the test is in the training (None where there is nothing to compare): looks, or has looked."""

    truth_probability: float | None = None
    """How likely an input in the horizon was the truth in the last step of the training; None where nothing was
    sampled."""

    max_clips: int = MOST_CLIPS
    """At most so many clips are forecast."""

    hurry: bool = False
    """Whether checks that would take long here are left out."""

    def reason_without(self, need: Need) -> str | None:
        """Why something is not there; None where it is (or may be: recordings are opened when they are asked for)."""
        there = {
            "model": self.run is not None or self.untrained is not None,
            "run": self.run is not None,
            "clips": self.find_clips is not None,
            "recordings": self.find_inspection is not None,
        }
        return None if there[need] else _ABSENT[need]

    @property
    def trained(self) -> Run:
        """The run.

        Raises:
            CannotLook: there is none.
        """
        if self.run is None:
            raise CannotLook(_ABSENT["run"])
        return self.run

    @property
    def model(self) -> Model:
        """The model, trained or not.

        Raises:
            CannotLook: there is none.
        """
        model = self.untrained if self.run is None else self.run.model
        if model is None:
            raise CannotLook(_ABSENT["model"])
        return model

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @cached_property
    def clips(self) -> ClipSets:
        """The clips.

        Raises:
            CannotLook: there are none to ask for, or they are no longer of the size and channels of the run's.
            FramecastError: the recordings are gone, or cannot be cut.
        """
        if self.find_clips is None:
            raise CannotLook(_ABSENT["clips"])
        clips = self.find_clips()
        if self.run is not None:
            found, trained = ((spec.channels, spec.height, spec.width) for spec in (clips.spec, self.run.record.spec))
            if found != trained:
                raise CannotLook(
                    f"the recordings give clips of {_shape(found)} (C x H x W), and the run was trained on "
                    f"{_shape(trained)}: they are not what it was trained on"
                )
        return clips

    @cached_property
    def inspection(self) -> Mapping[str, Any]:
        """What an inspection found, as ``inspect.json`` holds it.

        Raises:
            CannotLook: nobody can tell.
            FramecastError: the recordings cannot be read.
        """
        if self.find_inspection is None:
            raise CannotLook(_ABSENT["recordings"])
        return self.find_inspection()

    @cached_property
    def sample(self) -> Sample:
        """Some clips with their forecasts: of the test; in a training, which may not touch that, of the validation.

        Raises:
            CannotLook: no model or no clip; in a hurry, a model that is large for this machine.
            FramecastError: the recordings are gone, or cannot be read.
        """
        model, clips = self.model, self.clips
        order: tuple[Split, ...] = ("validation", "train") if self.hurry else ("test", "validation", "train")
        chosen = next((clips.of(split) for split in order if len(clips.of(split))), None)
        if chosen is None:
            raise CannotLook("the recordings hold no clip")
        count = min(self.max_clips, 16) if self.hurry else self.max_clips
        self.check_cost(clips=min(count, len(chosen)), frames=clips.spec.horizon)
        return take_sample(model, chosen.plain(), count=count)

    @cached_property
    def leaks(self) -> LeakReport | None:
        """What of the test was found in the training; None where there is nothing to compare.

        Raises:
            CannotLook: nobody looks.
            FramecastError: the recordings are gone, or cannot be read.
        """
        if self.find_leaks is None:
            raise CannotLook("frames of test and training were not compared (clips.leak_frames=0)")
        return self.find_leaks()

    @cached_property
    def results(self) -> Results:
        """Of the run's evaluation.

        Raises:
            CannotLook: it was not evaluated.
            RunError: its results are damaged.
        """
        folder = self.trained.folder.evaluation
        if not (folder / "results.json").is_file():
            raise CannotLook("the run has not been evaluated yet")
        return load_results(folder)

    @cached_property
    def log(self) -> Sequence[Mapping[str, float]]:
        """The rows of the training log, one for each validation.

        Raises:
            CannotLook: there is none, or it cannot be read.
        """
        path = self.trained.folder.log
        if not path.is_file():
            raise CannotLook(f"there is no training log '{path.name}'")
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [{name: float(text) for name, text in row.items() if text} for row in csv.DictReader(file)]
        except (OSError, ValueError, TypeError) as error:
            raise CannotLook(f"'{path.name}' is no training log ({error})") from None
        if not rows:
            raise CannotLook("the training has not come to its first validation")
        return rows

    def check_cost(self, *, clips: int, frames: int) -> None:
        """See whether forecasts may be made in the time that there is.

        Args:
            clips: how many contexts are forecast, repetitions counted.
            frames: of horizon, each.

        Raises:
            CannotLook: in a hurry, and they would take long here.
        """
        on_cpu = self.device.type == "cpu"
        if self.hurry and on_cpu and macs_per_frame(self.model) * clips * frames > _HURRY_MACS:
            raise CannotLook("it would take long with a model of this size; 'framecast doctor' makes it")


def _shape(sizes: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in sizes)
