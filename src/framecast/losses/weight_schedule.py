"""How the weight of a loss changes in the course of training: a pure function of the step, with no state to resume."""

import math
from dataclasses import dataclass
from math import isfinite
from typing import Literal, final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSchedule:
    """From one weight to another, between two optimiser steps."""

    shape: Literal["constant", "linear", "cosine", "step"] = "constant"
    """``constant`` has the term's own ``weight`` from the first step on. The others come to it from ``from_weight``:
    along a line, along half a cosine (slow at both ends), or at once at ``stop_step``."""

    from_weight: float = 0.0
    """The weight at first; at 0 the term is computed and logged, and nothing is trained on it."""

    start_step: int = 0
    """Until this step (0-based) the weight is ``from_weight``."""

    stop_step: int = 1000
    """From this step on it is the term's own ``weight``. Not before ``start_step``; the same step is a jump."""

    def __post_init__(self) -> None:
        if self.start_step < 0:
            raise ValueError(f"start_step must be at least 0, found {self.start_step}")
        if self.stop_step < self.start_step:
            raise ValueError(f"stop_step must not come before start_step, found {self.stop_step} < {self.start_step}")
        if not (isfinite(self.from_weight) and self.from_weight >= 0):
            raise ValueError(f"from_weight must be a finite number of at least 0, found {self.from_weight}")

    @property
    def changes(self) -> bool:
        """Whether the weight depends on the step."""
        return self.shape != "constant"

    def weight(self, final: float, *, step: int) -> float:
        """The weight of one optimiser step.

        Args:
            final: the weight from ``stop_step`` on.
            step: 0-based.
        """
        if self.shape == "constant" or step >= self.stop_step:
            return final
        if step <= self.start_step or self.shape == "step":
            return self.from_weight
        share = (step - self.start_step) / (self.stop_step - self.start_step)
        if self.shape == "cosine":
            share = (1 - math.cos(math.pi * share)) / 2
        return self.from_weight + (final - self.from_weight) * share
