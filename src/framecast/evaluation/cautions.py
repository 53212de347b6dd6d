"""Cautions: what the evaluated clips themselves say about how far their scores can be trusted.

Axes: B clips, T frames, C channels, H height, W width.
"""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from framecast.evaluation.scales import chosen_channels
from framecast.frames.batch import Batch

REPEATS_WORTH_SAYING = 0.05
"""Share of steps without any change, above which the figures are about repeats too."""


@final
class Cautions:
    """Looks at every batch once, and has a sentence for each thing that a reader must know."""

    def __init__(self) -> None:
        self._steps = 0
        self._repeats = 0
        self._frames = 0
        self._empty = 0

    def add(self, batch: Batch, channels: Sequence[int] = ()) -> None:
        """Count the repeated frames and the empty targets of one batch.

        Args:
            batch: as the evaluation sees it.
            channels: those to forecast, which alone count (the hour changes in every frame, a map of heights in none);
                nothing for all.
        """
        frames = chosen_channels(batch.frames, channels)
        mask = None if batch.mask is None else chosen_channels(batch.mask, channels)
        same = frames[:, 1:] == frames[:, :-1]
        if mask is not None:  # missing in both frames is the same; what fills it is alike anyway
            same &= mask[:, 1:] == mask[:, :-1]
        self._steps += same.shape[0] * same.shape[1]
        self._repeats += int(_every(same).sum())
        self._frames += len(batch) * batch.horizon
        if mask is not None:
            self._empty += int(_every(~mask[:, -batch.horizon :]).sum())

    @property
    def repeated_share(self) -> float:
        """Share of the steps between frames of a clip in which nothing at all changes."""
        return self._repeats / max(self._steps, 1)

    def sentences(self) -> list[str]:
        """What to say."""
        said: list[str] = []
        if self._empty:
            said.append(
                f"{self._empty:,} of the {self._frames:,} frames to forecast hold no value at all: everything in them "
                "is missing, and they are not scored."
            )
        if self.repeated_share > REPEATS_WORTH_SAYING:
            said.append(
                f"{self.repeated_share:.0%} of the steps between frames change nothing at all: repeated frames flatter "
                "persistence, and make every forecast look better than it is where things move."
            )
        return said


def _every(condition: Tensor) -> Tensor:
    """(B, T, C, H, W) → (B, T): whether it holds for every value of a frame."""
    return torch.all(condition.flatten(2), dim=2)
