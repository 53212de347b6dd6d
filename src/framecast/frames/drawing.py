"""Drawing: frames that a device can make itself, from far fewer numbers than the frames have.

Axes: B clips, T frames, C channels, H height, W width.
"""

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor


class Drawing(ABC):
    """What a batch of frames follows from; it travels instead of them. A generator of frames may offer one."""

    @abstractmethod
    def pin_memory(self) -> Self:
        """The same in page-locked memory, for copies to a CUDA device that nobody waits for."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""

    @abstractmethod
    def draw(self) -> Tensor:
        """The frames (B, T, C, H, W) in their native type, made on the device where the drawing is."""
