"""Digit drawing: bouncing digits composed by torch, on any device, to the same bits as ``trajectories.compose``.

A clip of two digits on 64 x 64 pixels travels as the two images and forty corners, about a fortieth of its frames. The
corners come from the processor, because sine and cosine of a GPU may differ in the last bit, and a corner is truncated
to whole pixels. From there on there are only whole numbers.

Axes: B clips, T frames, D digits, C channels (one), H height, W width; h, w a digit's; positions are (y, x).
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from framecast.frames.drawing import Drawing


@final
@dataclass(frozen=True, slots=True)
class DigitDrawing(Drawing):
    """Digits and their paths, for a batch of clips."""

    digits: Tensor
    """(B, D, h, w) uint8."""

    corners: Tensor
    """(B, T, D, 2) whole numbers: pixel (y, x) of each upper left corner; every digit lies inside the canvas."""

    canvas: int
    """H = W, in pixels."""

    @classmethod
    def of(cls, digits: NDArray[np.uint8], corners: NDArray[np.int32], *, canvas: int) -> "DigitDrawing":
        """From the arrays that ``compose`` takes, with a first axis for clips."""
        return cls(torch.from_numpy(digits), torch.from_numpy(corners), canvas)

    def pin_memory(self) -> "DigitDrawing":
        """The same in page-locked memory."""
        return DigitDrawing(self.digits.pin_memory(), self.corners.pin_memory(), self.canvas)

    def to(self, device: torch.device | str) -> "DigitDrawing":
        """The same on another device."""
        digits, corners = (tensor.to(device, non_blocking=True) for tensor in (self.digits, self.corners))
        return DigitDrawing(digits, corners, self.canvas)

    def draw(self) -> Tensor:
        """Draw all clips at once.

        Returns:
            (B, T, 1, canvas, canvas) uint8 on the device where digits and corners are.
        """
        clips, num_frames, num_digits, _ = self.corners.shape
        height, width = self.digits.shape[-2:]
        # A black row and a black column before each image: wherever a digit is not, index 0 finds black.
        images = functional.pad(self.digits, (1, 0, 1, 0))
        clip = torch.arange(clips, device=images.device).view(-1, 1, 1, 1)
        frames = torch.zeros((clips, num_frames, self.canvas, self.canvas), dtype=torch.uint8, device=images.device)
        for number in range(num_digits):
            top, left = self.corners[:, :, number].long().unbind(-1)
            rows, columns = self._inside(top, height), self._inside(left, width)
            digit = images[:, number][clip, rows[..., :, None], columns[..., None, :]]
            frames = torch.maximum(frames, digit)
        return frames[:, :, None]

    def _inside(self, corner: Tensor, length: int) -> Tensor:
        """(B, T) corners along one axis to (B, T, canvas): which row of the image, from 1, lies there; 0 for none."""
        place = torch.arange(self.canvas, device=corner.device) - corner[..., None]
        return torch.where((place >= 0) & (place < length), place + 1, 0)
