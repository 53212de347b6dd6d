"""Framing: which part of a frame the clips show, and what they show where a frame has nothing.

Frames are first converted (:mod:`framecast.clips.conversion`). The *canvas* is the size that was asked for, or without
one the frame itself; a converted frame lies in the middle of it. Where it is larger (``fit: crop``) its borders are cut
off. Where it is smaller (``fit: pad``) the rest of the canvas is missing: such cells hold NaN, take no part in losses,
metrics and statistics, and a model sees for them what it sees for every missing value. A *crop* is a window of the
canvas, the same for every frame of a clip.

Windows are in pixels of the converted frame; they may reach beyond it.

Axes: T frames, C channels, H height, W width.
"""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.clips.conversion import FrameConversion, Window
from framecast.clips.frame_reader import FrameReader
from framecast.frames.errors import ConfigurationError
from framecast.frames.sequence import Sequence, SequenceInfo

_STREAM = 4
"""Keeps these draws apart from others that follow from the same seed."""

CENTRE = (0.5, 0.5)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """From converted frames to those of the clips."""

    conversion: FrameConversion = field(default_factory=FrameConversion)
    """What is done to frames before."""

    crop: tuple[int, int] | None = None
    """(height, width) of the window that clips show; None shows the whole canvas."""

    crop_at: tuple[float, float] = CENTRE
    """Where the window lies that is not drawn at random: shares of the room that it has downwards and to the right."""

    def shape(self, info: SequenceInfo) -> tuple[int, int, int]:
        """(C, H, W) of the clips of a sequence.

        Raises:
            ConfigurationError: the channels cannot become the colour asked for, or the crop is larger than the canvas.
        """
        channels = self.conversion.shape(info)[0]
        height, width = self.canvas(info)
        if self.crop is None:
            return channels, height, width
        if self.crop[0] > height or self.crop[1] > width:
            raise ConfigurationError(
                f"clips.crop={self.crop[0]}x{self.crop[1]} is larger than the frames of '{info.name}', which are "
                f"{height}x{width} (height x width); set a smaller crop, or a larger clips.size."
            )
        return channels, *self.crop

    def canvas(self, info: SequenceInfo) -> tuple[int, int]:
        """(height, width) of the frames that crops are windows of."""
        return self.conversion.size or (info.height, info.width)

    def pads(self, info: SequenceInfo) -> bool:
        """Whether a part of the canvas lies beyond the frames of a sequence."""
        _, height, width = self.conversion.shape(info)
        canvas = self.canvas(info)
        return height < canvas[0] or width < canvas[1]

    def reshapes(self, info: SequenceInfo) -> bool:
        """Whether the canvas has another shape than the frames of a sequence, so that they are stretched, cut or
        padded."""
        height, width = self.canvas(info)
        if self.conversion.fit == "stretch":
            return info.height * width != info.width * height
        return self.conversion.scaled(info.height, info.width) != (height, width)

    def dtype(self, native: str, infos: list[SequenceInfo]) -> str:
        """The numpy type of clips: the native one, or a float that holds its values exactly where clips are padded."""
        if not any(self.pads(info) for info in infos):
            return native
        return np.result_type(np.dtype(native), np.float32).name

    def window(self, info: SequenceInfo, place: tuple[float, float] | None = None) -> Window:
        """What clips show of the converted frames of a sequence.

        A crop shows as much of the frame, and as little beside it, as it can wherever it lies.

        Args:
            info: the sequence.
            place: where a crop lies, as :attr:`crop_at`; None for that.
        """
        _, *converted = self.conversion.shape(info)
        canvas, spans = self.canvas(info), list[tuple[int, int]]()
        for size, room, crop, share in zip(converted, canvas, self.crop or canvas, place or self.crop_at, strict=True):
            offset = (room - size) // 2  # of the frame on the canvas
            first, last = max(offset, 0), min(offset + size, room)  # what the canvas shows of the frame
            low, high = sorted((min(first, room - crop), max(last - crop, 0)))
            spans.append((min(low + int(share * (high - low + 1)), high) - offset, crop))
        (top, height), (left, width) = spans
        return Window(top, left, height, width)

    def read(
        self, reader: FrameReader, sequence: Sequence, start: int, stop: int, *, step: int, window: Window
    ) -> NDArray[Any]:
        """A window of frames ``start:stop:step``.

        Args:
            reader: that converts as this framing does.
            sequence: the recording.
            start: first frame, 0-based.
            stop: one past the last frame.
            step: take every so many frames.
            window: as :meth:`window` finds it.

        Returns:
            (T, C, H, W) in the native type, or padded as :meth:`dtype` says; not to be written to.
        """
        _, height, width = self.conversion.shape(sequence.info)
        inside = part_within(window, height, width)
        frames = reader.read(sequence, start, stop, step=step, window=inside)
        return surrounded(frames, inside, window)

    def read_into(
        self,
        out: NDArray[Any],
        reader: FrameReader,
        sequence: Sequence,
        start: int,
        stop: int,
        *,
        step: int,
        window: Window,
    ) -> None:
        """What :meth:`read` gives, written to ``out`` (T, C, H, W)."""
        _, height, width = self.conversion.shape(sequence.info)
        if part_within(window, height, width) == window:
            reader.read_into(out, sequence, start, stop, step=step, window=window)
        else:
            out[...] = self.read(reader, sequence, start, stop, step=step, window=window)


def draw_place(*, seed: int, epoch: int, clip: int) -> tuple[float, float]:
    """Where the crop of a training clip lies, uniform.

    Args:
        seed: of the training, 0 or more.
        epoch: 0-based.
        clip: index of the clip in its split.

    Returns:
        Shares of the room that the window has downwards and to the right, each in [0, 1).
    """
    down, right = np.random.default_rng([_STREAM, seed, epoch, clip]).random(2).tolist()
    return down, right


def part_within(window: Window, height: int, width: int) -> Window:
    """The part of a window that lies within frames of (height, width)."""
    top, left = max(window.top, 0), max(window.left, 0)
    return Window(top, left, min(window.bottom, height) - top, min(window.right, width) - left)


def surrounded(frames: NDArray[Any], inside: Window, window: Window) -> NDArray[Any]:
    """The frames of a window of which a part has been read; the rest is missing.

    Args:
        frames: (..., h, w), what lies inside.
        inside: where that is.
        window: what is wanted, around it.

    Returns:
        (..., H, W): the frames themselves where nothing is wanting, else floats that hold their values exactly, NaN
        elsewhere.
    """
    if inside == window:
        return frames
    dtype = np.result_type(frames.dtype, np.float32)
    whole = np.full((*frames.shape[:-2], window.height, window.width), np.nan, dtype)
    inside.moved(-window.top, -window.left).cut(whole)[...] = frames
    return whole
