"""Undisturbed: a model is asked as in use, and nothing of the training around it notices."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from framecast.models.model import Model

_SEED = 20_240_229

_REPEATED = 10.0
"""A change counts from so many times the difference between two forecasts of one context."""

_ROUNDING = 1e-6
"""And from this share of the range of the outputs, whatever that difference is."""


@contextmanager
def undisturbed(model: Model) -> Generator[None, None, None]:
    """Eval mode without gradients, for the time of the block; mode and random state are then as before."""
    was_training = model.training
    device = next(model.parameters()).device
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.inference_mode():
            torch.manual_seed(_SEED)
            model.eval()
            yield
    finally:
        model.train(was_training)


def noise(model: Model, clips: int, frames: int, *, seed: int = 0) -> Tensor:
    """Random frames in the range that a model knows, (B, T, C, H, W) on its device.

    Args:
        model: tells shape and range.
        clips: B.
        frames: T.
        seed: the same seed gives the same frames.
    """
    spec = model.spec
    generator = torch.Generator().manual_seed(_SEED + seed)
    share = torch.rand((clips, frames, spec.channels, spec.height, spec.width), generator=generator)
    low, high = (torch.tensor(ends).view(-1, 1, 1) for ends in (spec.low, spec.high))
    return (low + (high - low) * share).to(next(model.parameters()).device)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatability:
    """How far two forecasts of the same context differ, and so which difference means something."""

    spread: float
    """Largest difference between the two."""
    limit: float
    """A larger difference is an influence."""

    @classmethod
    def of(cls, first: Tensor, second: Tensor) -> "Repeatability":
        """From two outputs for one context."""
        spread = largest_difference(first, second)
        values = first[first.isfinite()]
        width = float(values.max() - values.min()) if values.numel() else 0.0
        return cls(spread=spread, limit=max(_REPEATED * spread, _ROUNDING * width, 1e-12))


def largest_difference(first: Tensor, second: Tensor) -> float:
    """Largest absolute difference; infinite where one is finite (or NaN) and the other is not."""
    same = (first == second) | (first.isnan() & second.isnan())
    difference = torch.where(same, 0.0, (first - second).abs())
    return float(difference.nan_to_num(torch.inf).max()) if difference.numel() else 0.0
