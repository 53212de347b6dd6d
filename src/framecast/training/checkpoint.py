"""Everything that a training needs to continue exactly where it was."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

import torch

from framecast.frames.errors import RunError
from framecast.training.log import Row


@final
@dataclass(kw_only=True)
class Progress:
    """Where a training stands. Together with weights and optimiser state it determines all that follows: the order of
    clips and every random draw are functions of (seed, step).
    """

    step: int = 0
    """Finished optimiser steps."""
    steps_per_epoch: int = 0
    """Batches of one pass over the training clips; a resumed training must find the same."""
    validated_step: int = 0
    """Step of the last validation."""
    best_loss: float | None = None
    """Lowest validation loss; None before the first validation."""
    best_epoch: int | None = None
    """Epoch (1-based) of that validation."""
    kept_loss: float | None = None
    """Validation loss of the saved weights, which are the best or the last."""
    kept_epoch: int | None = None
    """Epoch of those."""
    since_best: int = 0
    """Validations since then."""
    since_reduction: int = 0
    """Validations without improvement since the learning rate was last lowered (plateau schedule)."""
    reductions: int = 0
    """How often the plateau schedule has lowered the rate."""
    seconds: float = 0.0
    """Time spent training, all pieces together."""
    waiting_seconds: float = field(default=0.0, compare=False)
    """The part of it in which the loop waited for clips. What a clock says is no part of where a training stands."""
    sums: dict[str, float] = field(default_factory=dict[str, float])
    """Training loss and its terms, summed over the clips since the last validation."""
    seen: dict[str, int] = field(default_factory=dict[str, int])
    """The clips that each of these sums is over; a term that is not computed in every step has fewer."""
    clips: int = 0
    """Clips since the last validation."""
    rows: list[Row] = field(default_factory=list[Row])
    """The training log so far."""

    def __post_init__(self) -> None:
        if not self.seen:  # a checkpoint of an earlier version, where every term was computed in every step
            self.seen = dict.fromkeys(self.sums, self.clips)
        if self.kept_epoch is None:  # of an earlier version, which always kept the best
            self.kept_epoch, self.kept_loss = self.best_epoch, self.best_loss


def save_checkpoint(path: Path, progress: Progress, tensors: Mapping[str, Any]) -> None:
    """Write a checkpoint, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    torch.save({"progress": asdict(progress), **tensors}, scratch)
    scratch.replace(path)


def load_checkpoint(path: Path) -> tuple[Progress, dict[str, Any]]:
    """Read a checkpoint; nothing in it is executed.

    Raises:
        RunError: it is missing or damaged.
    """
    if not path.is_file():
        raise RunError(f"There is no checkpoint '{path}' to resume from; start it anew with --overwrite.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return Progress(**content.pop("progress")), content
    except Exception as error:  # torch raises many kinds for a damaged file
        raise RunError(f"The checkpoint '{path}' cannot be read ({type(error).__name__}); it may be cut off.") from None
