"""Bouncing digits as sequences: what ``moving-digits`` and ``moving-mnist`` have in common.

A split's digits come from its own part of a :class:`DigitBank`, so a digit seen in training is never seen in
validation or test. All random choices of a split are drawn at once from (seed, split, epoch), row by row: sequence i
is the same whatever the number of sequences, the order of reading and the number of loader workers.

Axes: N sequences, T frames, D digits, C channels (one), H height, W width.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np
from numpy.typing import NDArray

from framecast.frames.sequence import SPLITS, Sequence, SequenceInfo, Split
from framecast.frames.source import Source
from framecast.sources.digits.trajectories import compose, trajectories

if TYPE_CHECKING:  # opening a source loads no torch
    from framecast.sources.digits.drawing import DigitDrawing


@dataclass(frozen=True, slots=True, kw_only=True)
class BouncingConfig:
    """How digits move, and how many sequences there are. The defaults are those of Moving MNIST."""

    digits: int = 2
    """Digits in every frame."""

    canvas: int = 64
    """Side of the square frames, in pixels."""

    step: float = 0.1
    """Distance that a digit travels per frame, as a share of the free canvas (canvas minus digit)."""

    num_frames: int = 20
    """Frames in every sequence."""

    train_sequences: int = 10_000
    """Sequences to train on, made from training digits."""

    validation_sequences: int = 1_000
    """Sequences to validate on, made from digits that training never shows."""

    test_sequences: int = 1_000
    """Sequences to test on, made from test digits."""

    fresh: bool = False
    """Make new training sequences for every epoch; validation and test stay as they are."""

    seed: int = 0
    """Whole number from which all random choices follow."""

    def __post_init__(self) -> None:
        for name in ("digits", "canvas", "num_frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"'{name}' must be at least 1, found {getattr(self, name)}")
        for name in ("train_sequences", "validation_sequences", "test_sequences", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"'{name}' must be 0 or more, found {getattr(self, name)}")
        if not 0.0 <= self.step <= 1.0:
            raise ValueError(f"'step' is a share of the free canvas and must be between 0 and 1, found {self.step}")
        if not any(self.num_sequences(split) for split in SPLITS):
            raise ValueError("at least one of the splits needs sequences, found 0 for each")

    def num_sequences(self, split: Split) -> int:
        """How many sequences a split has."""
        return {"train": self.train_sequences, "validation": self.validation_sequences, "test": self.test_sequences}[
            split
        ]


class DigitBank(ABC):
    """Square images of digits, a set of its own for every split.

    Images are loaded when a split is first drawn from, once per process: a pickled bank travels without them.
    """

    size: int
    """Side of the images, in pixels."""

    def __init__(self) -> None:
        self._loaded: dict[Split, NDArray[np.uint8]] = {}

    @abstractmethod
    def _load(self, split: Split) -> NDArray[np.uint8]:
        """(number of digits, size, size) images, 0..255."""

    @final
    def images(self, split: Split) -> NDArray[np.uint8]:
        """The digits of a split, (number of digits, size, size), 0..255; treat as read-only."""
        if split not in self._loaded:
            self._loaded[split] = self._load(split)
        return self._loaded[split]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_loaded": {}}


@final
class Choreography:
    """Which digits move along which paths, for all sequences of one split in one epoch.

    Choices are drawn on first use and, like a bank's images, left behind when pickled.
    """

    def __init__(self, bank: DigitBank, config: BouncingConfig, *, split: Split, epoch: int) -> None:
        self.bank = bank
        self.config = config
        self.split: Split = split
        self.epoch = epoch

    @cached_property
    def _drawn(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Digit choices (N, D) in [0, 1), and corners (N, T, D, 2) in pixels."""
        config = self.config
        entropy = (config.seed, SPLITS.index(self.split), self.epoch)
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
        # The rows of one array are filled in order, so that sequence i does not depend on how many follow it.
        draws = generator.random((config.num_sequences(self.split), config.digits, 4))
        paths = trajectories(
            draws[..., 1:3], draws[..., 3] * 2.0 * np.pi, num_frames=config.num_frames, step=config.step
        )
        corners = ((config.canvas - self.bank.size) * paths).astype(np.int32)
        return draws[..., 0], np.ascontiguousarray(corners.swapaxes(1, 2))

    def frames(self, index: int, start: int, stop: int) -> NDArray[np.uint8]:
        """Frames ``start:stop`` of sequence ``index``, (stop - start, H, W)."""
        return compose(self.digits(index), self.corners(index)[start:stop], canvas=self.config.canvas)

    def digits(self, index: int) -> NDArray[np.uint8]:
        """The images that move in sequence ``index``, (D, size, size)."""
        images = self.bank.images(self.split)
        return images[(self._drawn[0][index] * len(images)).astype(np.intp)]

    def corners(self, index: int) -> NDArray[np.int32]:
        """Where they are, (T, D, 2): pixel (y, x) of each upper left corner in each frame."""
        return self._drawn[1][index]

    def renewed(self, epoch: int) -> "Choreography":
        """The same split in another epoch."""
        return Choreography(self.bank, self.config, split=self.split, epoch=epoch)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_drawn"}


@final
class BouncingSequence(Sequence):
    """One sequence of a choreography, rendered when it is read."""

    def __init__(self, info: SequenceInfo, choreography: Choreography, index: int) -> None:
        self.info = info
        self.choreography = choreography
        self.index = index

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        return self.choreography.frames(self.index, start, stop)[:, None]


@dataclass(frozen=True, kw_only=True)
class BouncingSource(Source, ABC):
    """A generator of bouncing digits."""

    config: BouncingConfig

    def renewed(self, epoch: int) -> Self:
        """This source with new training sequences where the configuration says ``fresh``, else itself.

        Args:
            epoch: 0-based; epoch 0 is the source as it was opened.
        """
        if not self.config.fresh:
            return self
        renewed: dict[Choreography, Choreography] = {}
        sequences: list[Sequence] = []
        for sequence in self.sequences:
            if isinstance(sequence, BouncingSequence) and sequence.info.split == "train":
                old = sequence.choreography
                new = renewed.setdefault(old, old.renewed(epoch))
                sequences.append(BouncingSequence(sequence.info, new, sequence.index))
            else:
                sequences.append(sequence)
        return replace(self, sequences=tuple(sequences))

    def drawing(self, places: NDArray[np.int64], frames: NDArray[np.int64]) -> "DigitDrawing":
        """Images and paths of the digits, from which a device draws what the sequences would read."""
        from framecast.sources.digits.drawing import DigitDrawing

        digits: list[NDArray[np.uint8]] = []
        corners: list[NDArray[np.int32]] = []
        for place, times in zip(places.tolist(), frames, strict=True):
            sequence = self.sequences[place]
            if not isinstance(sequence, BouncingSequence):
                raise TypeError(f"expected a sequence of bouncing digits, found {sequence}")
            digits.append(sequence.choreography.digits(sequence.index))
            corners.append(sequence.choreography.corners(sequence.index)[times])
        return DigitDrawing.of(np.stack(digits), np.stack(corners), canvas=self.config.canvas)


def bouncing_sequences(bank: DigitBank, config: BouncingConfig) -> tuple[Sequence, ...]:
    """List the sequences of all splits: training, then validation, then test.

    Args:
        bank: the digits; their size must not exceed the canvas.
        config: how many sequences, and how they move.
    """
    return tuple(
        BouncingSequence(_info(split, index, config), choreography, index)
        for split in SPLITS
        for choreography in [Choreography(bank, config, split=split, epoch=0)]
        for index in range(config.num_sequences(split))
    )


def _info(split: Split, index: int, config: BouncingConfig) -> SequenceInfo:
    return SequenceInfo(
        name=f"{split}-{index:06d}",
        num_frames=config.num_frames,
        channels=1,
        height=config.canvas,
        width=config.canvas,
        dtype="uint8",
        value_range=(0.0, 255.0),
        split=split,
    )
