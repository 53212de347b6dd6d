"""Digits on a device: sequences of bouncing digits whose random numbers, too, are drawn where they are used.

For pure throughput. The sequences are not those of :class:`~framecast.sources.digits.bouncing.Choreography`, but equal
to them in distribution: digits and starts are uniform, directions are uniform, and the motion is that of
``trajectories``. A sequence follows from the state of the generator that is passed in; one that is seeded anew for
every step makes a training that can be resumed.

The motion has a closed form, so nothing loops over time. Along one axis, reflected so that it begins upwards, a point
at p with speed v first reaches 1 at frame F = ceil((1 - p) / v), at least 1, where the overshoot is lost; from there on
it crosses the canvas in N = ceil(1 / v) frames, now down, now up:

    x(t) = p + t v          for t < F
    x(t) = 1 - r v or r v   for t >= F, with r = (t - F) mod N, on even and odd crossings

Axes: B sequences, T frames, D digits, C channels (one), H height, W width; h, w a digit's; positions are (y, x).
"""

import math
from typing import Self, final

import torch
from torch import Tensor

from framecast.frames.sequence import Split
from framecast.sources.digits.bouncing import BouncingConfig, DigitBank
from framecast.sources.digits.drawing import DigitDrawing


@final
class DigitsOnDevice:
    """A generator of bouncing digits that lives on a device."""

    def __init__(self, images: Tensor, config: BouncingConfig) -> None:
        """Take the digits to draw from.

        Args:
            images: (number of digits, side, side) uint8, on the device.
            config: how digits move; its numbers of sequences and its seed play no part.
        """
        if images.ndim != 3 or images.shape[1] != images.shape[2] or images.dtype != torch.uint8:
            raise ValueError(f"images must be (N, side, side) uint8, found {images.dtype} of {tuple(images.shape)}")
        if images.shape[1] > config.canvas:
            raise ValueError(f"digits of {images.shape[1]} pixels do not fit a canvas of {config.canvas}")
        self.images = images
        self.config = config

    @classmethod
    def of(cls, bank: DigitBank, config: BouncingConfig, *, split: Split, device: torch.device | str) -> Self:
        """With the digits that a bank has for a split, brought to a device once."""
        return cls(torch.tensor(bank.images(split), device=device), config)

    def drawing(self, num_sequences: int, *, generator: torch.Generator) -> DigitDrawing:
        """Draw the random numbers of B = ``num_sequences`` sequences.

        Args:
            num_sequences: at least 1.
            generator: on the device of the images; it moves on.

        Returns:
            A drawing: its ``draw()`` gives the frames (B, T, 1, H, W), and a native batch takes it as it is.
        """
        device, config = self.images.device, self.config
        floats = torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
        shape = num_sequences, config.digits
        chosen = torch.randint(len(self.images), shape, generator=generator, device=device)
        start = torch.rand((*shape, 2), generator=generator, device=device, dtype=floats)
        angle = torch.rand(shape, generator=generator, device=device, dtype=floats) * (2 * math.pi)
        paths = bouncing_paths(start, angle, num_frames=config.num_frames, step=config.step)
        corners = (paths * (config.canvas - self.images.shape[1])).int().transpose(1, 2)
        return DigitDrawing(self.images[chosen], corners, config.canvas)


def bouncing_paths(start: Tensor, angle: Tensor, *, num_frames: int, step: float) -> Tensor:
    """What ``trajectories`` computes, for all frames at once; equal but for rounding.

    Where a crossing takes a whole number of frames exactly, rounding decides whether there is one more; directions
    drawn at random never do that.

    Args:
        start: (..., 2) positions before the first step, at least 0 and below 1.
        angle: (...) directions in radians; the velocity is (sin, cos) of it.
        num_frames: T.
        step: distance travelled in one frame, as a share of the unit square's side; from 0 to 1.

    Returns:
        (..., T, 2) positions in [0, 1].
    """
    velocity = torch.stack([angle.sin(), angle.cos()], dim=-1)[..., None, :] * step
    upwards, speed = velocity >= 0, velocity.abs()
    begin = torch.where(upwards, start[..., None, :], 1 - start[..., None, :])
    # A speed of 0 never arrives: the quotient is infinite, and any frame after the last one will do.
    first = ((1 - begin) / speed).ceil().clamp(1, num_frames + 1)
    crossing = (1 / speed).ceil().clamp(1, num_frames + 1)
    time = torch.arange(1, num_frames + 1, device=start.device, dtype=start.dtype)[:, None]
    legs = ((time - first) / crossing).floor()
    travelled = (time - first - legs * crossing) * speed
    bounced = torch.where(legs % 2 == 0, 1 - travelled, travelled)
    position = torch.where(time < first, begin + time * speed, bounced)
    return torch.where(upwards, position, 1 - position)
