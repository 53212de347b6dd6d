"""``moving-digits``: bouncing digits drawn from fonts, so that the first result needs nothing but the installation.

The motion is that of Moving MNIST; frames, digits and sequences are fewer by default, so that two CPU cores learn
from them within minutes.
"""

from dataclasses import dataclass
from typing import ClassVar, Self, final

from framecast.sources.digits.bouncing import BouncingConfig, BouncingSource, bouncing_sequences
from framecast.sources.digits.glyphs import FontDigits

SMALLEST_DIGIT = 8
"""Pixels below which a digit cannot be told from another."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MovingDigitsConfig(BouncingConfig):
    """Bouncing digits drawn from fonts."""

    digits: int = 1
    """Digits in every frame."""

    canvas: int = 32
    """Side of the square frames, in pixels."""

    train_sequences: int = 4_000
    """Sequences to train on, made from the training fonts."""

    validation_sequences: int = 200
    """Sequences to validate on, made from fonts that training never shows."""

    test_sequences: int = 500
    """Sequences to test on, made from fonts that neither training nor validation show."""

    digit_size: int | None = None
    """Side of the square that holds a digit, in pixels. None: 7/16 of the canvas, as 28 of 64 in Moving MNIST."""

    def __post_init__(self) -> None:
        BouncingConfig.__post_init__(self)
        if not SMALLEST_DIGIT <= self.digit_pixels <= self.canvas:
            raise ValueError(
                f"digits must be at least {SMALLEST_DIGIT} pixels large and fit the canvas of {self.canvas}, "
                f"found {self.digit_pixels}; set 'digit_size' or 'canvas'"
            )

    @property
    def digit_pixels(self) -> int:
        """``digit_size``, or what follows from the canvas where it is None."""
        return round(self.canvas * 7 / 16) if self.digit_size is None else self.digit_size


@final
@dataclass(frozen=True, kw_only=True)
class MovingDigitsSource(BouncingSource):
    """Bouncing digits drawn from fonts; training, validation and test use different font families."""

    config_class: ClassVar[type[MovingDigitsConfig]] = MovingDigitsConfig

    @classmethod
    def open(cls, location: str, config: MovingDigitsConfig) -> Self:
        """List the sequences; nothing is drawn until one is read.

        Args:
            location: what the user typed, kept for messages.
            config: how digits look and move.
        """
        bank = FontDigits(config.digit_pixels)
        return cls(kind="moving-digits", location=location, sequences=bouncing_sequences(bank, config), config=config)
