"""How recurrent layers run: what they keep for the gradient, how far it reaches back, whether formulas are fused.

Settings of a training and not of a model: the same weights can be trained in one way and used in another. Every
recurrent layer holds them, starts without any, and :func:`set_recurrence` hands them to all layers of a model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from torch import nn


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrenceConfig:
    """Memory and reach of back-propagation through time. The defaults are fastest and exact."""

    keep_gates: bool = True
    """Keep the gates of every step for the gradient. False computes them again: one convolution more where a step makes
    three, and about half of the memory."""

    checkpoint_steps: int | None = None
    """Keep inputs and outputs of layers, and the cell of every so many steps; run the steps between again for the
    gradient: what is kept inside a layer for that many steps instead of all, for one more forward pass. null keeps
    every step. The gradient is the same."""

    truncate_steps: int | None = None
    """Truncated back-propagation through time: cut the gradient after every so many steps of a sequence. null lets it
    reach back to the first frame. The gradient is another one; the forecasts are not."""

    def __post_init__(self) -> None:
        for name in ("checkpoint_steps", "truncate_steps"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1 or null, found {value}")

    def pieces(self, num_steps: int) -> Iterator[tuple[range, bool]]:
        """Pieces that a sequence is run in.

        Args:
            num_steps: its length.

        Yields:
            The steps of a piece, and whether the gradient is cut before it.
        """
        borders = {0, num_steps}
        for length in (self.checkpoint_steps, self.truncate_steps):
            if length is not None:
                borders.update(range(0, num_steps, length))
        for start, stop in pairwise(sorted(borders)):
            yield range(start, stop), self.cuts_before(start)

    def cuts_before(self, step: int) -> bool:
        """Whether the gradient is cut before a step, 0-based."""
        return self.truncate_steps is not None and step > 0 and step % self.truncate_steps == 0


class RecurrentLayer(nn.Module):
    """A layer that runs over a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrence = RecurrenceConfig()
        self.fused = False
        """Whether formulas run compiled, see ``layers/fusing.py``."""


def set_recurrence(model: nn.Module, recurrence: RecurrenceConfig, *, fused: bool) -> None:
    """Say how all recurrent layers of a model run.

    Args:
        model: any module; one without recurrent layers stays as it is.
        recurrence: memory and reach of the gradient.
        fused: run formulas compiled.
    """
    for layer in model.modules():
        if isinstance(layer, RecurrentLayer):
            layer.recurrence, layer.fused = recurrence, fused
