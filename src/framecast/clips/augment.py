"""Augmentation: random changes of a training clip, the same for every frame of it.

Flips, quarter turns and reversed time are exact. Brightness is one number a clip, and noise one Gaussian field, added
to each of its frames, context and target alike: like the fixed pattern of a sensor it can be seen in the context, so
the future stays as forecastable as it was. No value leaves the native range by them, and missing values stay missing.
All draws follow from (seed, epoch, clip), whoever reads the clip and when. Random crops are in ``framing``.

Axes: T frames, C channels, H height, W width.
"""

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

_STREAM = 1
"""Keeps these draws apart from others that follow from the same seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """What may be done to a training clip. Nothing by default: not every scene is likely when mirrored or turned."""

    flip_horizontal: bool = False
    """Mirror left and right, half of the time."""

    flip_vertical: bool = False
    """Mirror top and bottom, half of the time."""

    quarter_turns: bool = False
    """Turn by 0, 90, 180 or 270 degrees; needs square frames."""

    reverse_time: bool = False
    """Show the clip backwards, half of the time: only where the scene obeys the same laws that way."""

    brightness: float = 0.0
    """Make the whole clip brighter or darker by at most this share of the native range (0.1 is about 25 of 255)."""

    noise: float = 0.0
    """Standard deviation of the noise, as a share of the native range (0.02 is about 5 of 255)."""

    ignore_orientation: bool = False
    """Flip and turn also recordings of a fixed orientation (radar, maps), which are left as they are otherwise."""

    def __post_init__(self) -> None:
        for name in ("brightness", "noise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share of the value range from 0 to 1, found {getattr(self, name)}")

    @property
    def turns(self) -> bool:
        """Whether clips may be flipped or turned."""
        return self.flip_horizontal or self.flip_vertical or self.quarter_turns

    def upright(self) -> "AugmentConfig":
        """The same without flips and turns."""
        return replace(self, flip_horizontal=False, flip_vertical=False, quarter_turns=False)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Augmentation:
    """What happens to one clip in one epoch."""

    flip_horizontal: bool
    flip_vertical: bool
    quarter_turns: int
    """Turns by 90 degrees, 0 .. 3."""

    reverse_time: bool

    noise: NDArray[np.float32] | None
    """(C, H, W) in the unit scale, the same for every frame: noise and brightness. (1, 1, 1) for brightness alone, None
    for neither."""

    def turn(self, frames: NDArray[Any]) -> NDArray[Any]:
        """Reverse, flip and turn (T, C, H, W); a view."""
        if self.reverse_time:
            frames = frames[::-1]
        if self.flip_horizontal:
            frames = frames[..., ::-1]
        if self.flip_vertical:
            frames = frames[..., ::-1, :]
        return np.rot90(frames, self.quarter_turns, axes=(-2, -1))


def draw_augmentation(
    config: AugmentConfig, frame_shape: tuple[int, int, int], *, seed: int, epoch: int, clip: int
) -> Augmentation:
    """Draw what happens to one clip.

    Args:
        config: what may happen.
        frame_shape: (C, H, W).
        seed: of the training, 0 or more.
        epoch: 0-based.
        clip: index of the clip in its split.
    """
    generator = np.random.default_rng([_STREAM, seed, epoch, clip])
    horizontal, vertical = generator.random(2) < 0.5
    turns = int(generator.integers(4))
    noise = (
        generator.standard_normal(frame_shape, dtype=np.float32) * np.float32(config.noise) if config.noise else None
    )
    # New kinds of draws come last, so that settings without them keep the clips that they had.
    backwards, brighter = generator.random(2).tolist()
    if config.brightness:
        added = np.full((1, 1, 1), (2 * brighter - 1) * config.brightness, np.float32)
        noise = added if noise is None else noise + added
    return Augmentation(
        bool(config.flip_horizontal and horizontal),
        bool(config.flip_vertical and vertical),
        turns if config.quarter_turns else 0,
        config.reverse_time and backwards < 0.5,
        noise,
    )
