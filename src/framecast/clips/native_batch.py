"""Native batch: clips as they travel from the reader to the device, before they are normalised.

Frames keep their native type on the way, which is a quarter of float32 for video; floats are made where they are used.
Flips and turns are done already, because they only change places. Noise travels as the one field that each clip has.

Axes: B clips, T = K + M frames, C channels, H height, W width.
"""

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from framecast.frames.drawing import Drawing


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NativeBatch:
    """Clips that :meth:`~framecast.clips.normaliser.Normaliser.batch` turns into a batch."""

    frames: Tensor | Drawing
    """(B, K + M, C, H, W) in the native type, missing values not finite; or what the device draws them from."""

    context: int
    """K."""

    noise: Tensor | None = None
    """(B, C, H, W) float32 in the unit scale, to be added to every frame of a clip; None for no noise."""

    missing: bool = False
    """Whether any value is missing. Found where the frames are read, because asking a device makes everybody wait."""

    added: Tensor | None = None
    """(B, K + M, E, H, W) float32 from 0 to 1: channels that are joined behind the recorded ones, as they are."""

    forecast_channels: tuple[int, ...] = ()
    """Which of all channels are to be forecast; the others are masked. Empty: all of them."""

    def drawn(self) -> Tensor:
        """The frames (B, K + M, C, H, W); drawn now where they were not."""
        return self.frames.draw() if isinstance(self.frames, Drawing) else self.frames

    def pin_memory(self) -> "NativeBatch":
        """The same in page-locked memory, for copies to a CUDA device that nobody waits for."""
        parts = {name: part.pin_memory() for name, part in self._tensors().items()}
        return replace(self, frames=self.frames.pin_memory(), **parts)

    def to(self, device: torch.device | str) -> "NativeBatch":
        """The same on another device; from page-locked memory the copy runs beside everything else."""
        parts = {name: part.to(device, non_blocking=True) for name, part in self._tensors().items()}
        frames = self.frames
        frames = frames.to(device) if isinstance(frames, Drawing) else frames.to(device, non_blocking=True)
        return replace(self, frames=frames, **parts)

    def _tensors(self) -> dict[str, Tensor]:
        """What there is beside the frames."""
        parts = {"noise": self.noise, "added": self.added}
        return {name: part for name, part in parts.items() if part is not None}
