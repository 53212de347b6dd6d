"""Teacher: the true frames of a clip, and where a model in training reads them instead of its own forecasts.

A model that feeds its forecasts back as inputs can be trained on the truth (teacher forcing), on its own forecasts (as
it is used), or on a mixture of both that changes as training goes on: scheduled sampling (Bengio et al., "Scheduled
Sampling for Sequence Prediction with Recurrent Neural Networks", 2015). Whatever the schedule, all that reaches the
model is a teacher.

Only ``training`` makes one. Forecasting and evaluation never do, and a model that is not in training mode refuses one,
so a target cannot reach a model that is being judged.

Axes: B clips, T inputs (K frames of context and the M frames of horizon but the last: T = K + M - 1), C channels,
H height, W width.
"""

from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True, slots=True)
class Teacher:
    """What a model in training may read.

    Input t, counted from 0, is what the model reads at step t to predict frame t + 1. Published masks say the same with
    fewer entries: those of scheduled sampling begin at input K, those of reverse scheduled sampling at input 1.
    """

    frames: Tensor
    """(B, T, C, H, W), normalised: the true frames of context and horizon but the last, which is never an input."""

    mask: Tensor
    """(B, T, 1, 1, 1) bool. Entry t is True where input t is the true frame t, and False where it is the model's own
    forecast of that frame, its output of step t - 1. Entry 0 is True: nothing has been forecast before it."""

    num_leading: int = field(init=False)
    """How many inputs, from the first on, are the truth for every clip of the batch: at least 1. They depend on no
    forecast, so a model can read them in one go."""

    def __post_init__(self) -> None:
        if self.frames.ndim != 5:
            raise ValueError(f"a teacher's frames are (B, T, C, H, W), found {tuple(self.frames.shape)}")
        expected = (*self.frames.shape[:2], 1, 1, 1)
        if self.mask.shape != expected:
            raise ValueError(f"a teacher's mask has the shape (B, T, 1, 1, 1) = {expected}, not {_shape(self.mask)}")
        if self.mask.dtype != torch.bool:
            raise ValueError(f"a teacher's mask is bool, found {self.mask.dtype}")
        # Counted where the mask was made: a mask on the CPU costs a GPU no wait.
        everywhere = self.mask.flatten(1).all(dim=0)
        num_leading = int(everywhere.int().cumprod(0).sum())
        if num_leading == 0:
            raise ValueError("the first input of every clip is the truth: a teacher's mask begins with True")
        object.__setattr__(self, "num_leading", num_leading)
        object.__setattr__(self, "mask", self.mask.to(self.frames.device, non_blocking=True))

    def input_at(self, time: int, forecast: Tensor) -> Tensor:
        """What the model reads at one step.

        Args:
            time: t, 0-based.
            forecast: (B, 1, C, H, W), its own forecast of frame t.

        Returns:
            (B, 1, C, H, W): of each clip the true frame or the forecast. Gradients flow into the forecast where it is
            read.
        """
        here = slice(time, time + 1)
        return torch.where(self.mask[:, here], self.frames[:, here], forecast)

    def __repr__(self) -> str:
        return f"Teacher(frames={_shape(self.frames)}, {int(self.mask.sum())} of {self.mask.numel()} inputs true)"


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
