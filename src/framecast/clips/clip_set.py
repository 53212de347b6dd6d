"""Clip set: the clips of one split, read on demand.

Native batches are what loaders send to a device; :meth:`ClipSet.batch` is the short way to a normalised one.

Axes: B clips, T frames (K of context, M of horizon), C channels, H height, W width.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.clips.augment import Augmentation, AugmentConfig, draw_augmentation
from framecast.clips.channels import AddedChannels
from framecast.clips.conversion import Window
from framecast.clips.frame_reader import FrameReader
from framecast.clips.framing import Framing, draw_place
from framecast.clips.native_batch import NativeBatch
from framecast.clips.normaliser import Normaliser
from framecast.clips.windows import Windows
from framecast.frames.batch import Batch
from framecast.frames.clip import Clip
from framecast.frames.drawing import Drawing
from framecast.frames.sequence import Sequence, Split
from framecast.frames.source import Source


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ClipOrigin:
    """Where a clip comes from, for people and for results."""

    sequence: str
    """Name of the sequence."""

    group: str
    """Its group: clips of one group are not independent of each other."""

    start: int
    """First frame in the recording, 0-based."""

    step_seconds: float | None
    """Seconds between two frames of the clip, where the recording says so."""

    label: str = ""
    """What kind of thing it shows, where the data set says so."""

    time: datetime | None = None
    """When its first frame was taken, where the recording says so."""


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipSet:
    """N clips of one split. What it returns depends on nothing but itself: not on order, process or earlier calls."""

    split: Split
    source: Source = field(repr=False)
    windows: Windows = field(repr=False)
    """Where the clips lie."""

    context: int
    """K."""

    horizon: int
    """M."""

    frame_step: int = 1
    """Every how many frames of the recording one is taken."""

    reader: FrameReader = field(repr=False)

    framing: Framing = field(repr=False)
    """Which part of the frames clips show."""

    crops_at_random: bool = False
    """Whether that part is drawn anew for every clip and epoch (only in training)."""

    normaliser: Normaliser = field(repr=False)

    added: AddedChannels | None = field(default=None, repr=False)
    """What is joined behind the recorded channels."""

    forecast_channels: tuple[int, ...] = ()
    """Which of all channels are to be forecast; empty: all of them."""

    dtype: str
    """The numpy type in which frames of all clips can be in one batch."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """What happens to the clips at random; nothing by default."""

    seed: int = 0
    """Of augmentation and random crops."""

    epoch: int = 0
    """Which of the many forms of augmented clips, and of fresh ones, this is."""

    renews: bool = False
    """Whether the source may give other sequences in another epoch (only in training)."""

    draws_late: bool = False
    """Frames are drawn where the batch is used, not read (see :mod:`framecast.clips.late_drawing`); the same bits."""

    def __len__(self) -> int:
        return len(self.windows)

    def clip(self, index: int) -> Clip:
        """Where clip ``index`` lies."""
        return self.windows[index]

    def describe(self, index: int) -> ClipOrigin:
        """Where clip ``index`` comes from, in names."""
        clip = self.windows[index]
        info = self.source.sequences[clip.sequence].info
        seconds = None if info.step_seconds is None else info.step_seconds * self.frame_step
        return ClipOrigin(
            sequence=info.name,
            group=info.group,
            start=clip.start,
            step_seconds=seconds,
            label=info.label,
            time=info.time_of(clip.start),
        )

    @property
    def units(self) -> str | None:
        """Physical units of what is forecast; None when they are unknown, or differ between sequences or channels."""
        infos = (self.source.sequences[place].info for place in np.unique(self.windows.sequence))
        units = {
            info.units_of(channel for channel in self.forecast_channels if channel < info.channels) for info in infos
        }
        return units.pop() if len(units) == 1 else None

    def native_frames(self, index: int) -> NDArray[Any]:
        """The frames of clip ``index`` in the size and colour of the clips, cut as in this epoch, not augmented.

        Returns:
            (K + M, C, H, W) in the native type, or as floats where they are padded; not to be written to. Missing
            values are not finite.
        """
        sequence, start, stop, window = self._place(index)
        return self.framing.read(self.reader, sequence, start, stop, step=self.frame_step, window=window)

    def added_frames(self, index: int, frames: NDArray[Any]) -> NDArray[np.float32] | None:
        """What is joined behind the recorded channels of clip ``index``.

        Args:
            index: the clip.
            frames: (K + M, C, H, W), as :meth:`native_frames` read them.

        Returns:
            (K + M, E, H, W) from 0 to 1, not augmented; None where nothing is added.
        """
        if self.added is None:
            return None
        clip = self.windows[index]
        return self.added.of(
            frames,
            self.source.sequences[clip.sequence].info,
            start=clip.start,
            step=self.frame_step,
            framing=self.framing,
            window=self._window(index),
        )

    def batch(self, indices: Iterable[int]) -> Batch:
        """Read clips, normalised and augmented.

        Missing values are filled with a normalised 0 (see :meth:`Normaliser.batch`).

        Args:
            indices: the clips, in order; at least one.
        """
        return self.normaliser.batch(self.native_batch(indices))

    def native_batch(self, indices: Iterable[int]) -> NativeBatch:
        """Read clips, turned but not yet normalised, as they travel to a device.

        Args:
            indices: the clips, in order; at least one.
        """
        chosen = np.fromiter(indices, np.int64)
        changes = self._changes(chosen)
        noises = [change.noise for change in changes if change.noise is not None]
        noise = torch.from_numpy(np.stack(noises)) if noises else None
        if self.draws_late:
            return NativeBatch(frames=self._drawing(chosen), context=self.context, noise=noise)
        if changes or self.added is not None:
            frames, added = self._changed(chosen, changes)
        else:
            frames, added = self._unchanged(chosen), None
        missing = frames.dtype.kind == "f" and not np.isfinite(frames).all()
        return NativeBatch(
            frames=torch.from_numpy(frames),
            context=self.context,
            noise=noise,
            missing=bool(missing),
            added=None if added is None else torch.from_numpy(added),
            forecast_channels=self.forecast_channels,
        )

    @property
    def augments(self) -> bool:
        """Whether anything happens to the clips at random."""
        return self.crops_at_random or self.augment != AugmentConfig()

    def at_epoch(self, epoch: int) -> "ClipSet":
        """The clips as training sees them in one epoch: augmented anew, of fresh sequences where the source has them.

        Args:
            epoch: 0-based.
        """
        source = self.source.renewed(epoch) if self.renews else self.source
        reader = self.reader if source is self.source else self.reader.without_memory()
        return replace(self, source=source, reader=reader, epoch=epoch)

    def plain(self) -> "ClipSet":
        """The same clips, not augmented, cut at the fixed place, in every epoch: for statistics and evaluation."""
        return replace(self, augment=AugmentConfig(), crops_at_random=False, renews=False)

    def spread(self, count: int) -> "ClipSet":
        """At most ``count`` of the clips, evenly spaced."""
        return replace(self, windows=self.windows.spread(count))

    def _unchanged(self, chosen: NDArray[np.int64]) -> NDArray[Any]:
        """Clips (B, K + M, C, H, W) as they are, each read to its place: the way through memory is what costs."""
        shape = self.framing.shape(self.source.sequences[self.windows.sequence[chosen[0]]].info)
        frames = np.empty((len(chosen), self.context + self.horizon, *shape), self.dtype)
        for out, index in zip(frames, chosen.tolist(), strict=True):
            sequence, start, stop, window = self._place(index)
            self.framing.read_into(out, self.reader, sequence, start, stop, step=self.frame_step, window=window)
        return frames

    def _changed(
        self, chosen: NDArray[np.int64], changes: list[Augmentation]
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Clips (B, K + M, C, H, W), turned; and what is joined to them, (B, K + M, E, H, W), turned as they are."""
        clips = [self.native_frames(index) for index in chosen.tolist()]
        added = [self.added_frames(index, clip) for index, clip in zip(chosen.tolist(), clips, strict=True)]
        if changes:
            clips = [change.turn(clip) for change, clip in zip(changes, clips, strict=True)]
            added = [None if one is None else change.turn(one) for change, one in zip(changes, added, strict=True)]
        joined = [one for one in added if one is not None]
        return np.stack(clips, dtype=self.dtype, casting="same_kind"), np.stack(joined) if joined else None

    def _place(self, index: int) -> tuple[Sequence, int, int, Window]:
        """Where a clip is: the recording, first frame, one past the last, and the part of the frames."""
        clip = self.windows[index]
        stop = clip.start + (self.context + self.horizon - 1) * self.frame_step + 1
        return self.source.sequences[clip.sequence], clip.start, stop, self._window(index)

    def _window(self, index: int) -> Window:
        """Which part of the frames clip ``index`` shows in this epoch."""
        place = draw_place(seed=self.seed, epoch=self.epoch, clip=index) if self.crops_at_random else None
        return self.framing.window(self.source.sequences[self.windows.sequence[index]].info, place)

    def _changes(self, chosen: NDArray[np.int64]) -> list[Augmentation]:
        """What happens to each clip, or nothing where nothing does."""
        if self.augment == AugmentConfig():
            return []
        info = self.source.sequences[self.windows.sequence[0]].info
        shape = self.framing.shape(info)
        return [
            draw_augmentation(self.augment, shape, seed=self.seed, epoch=self.epoch, clip=clip)
            for clip in chosen.tolist()
        ]

    def _drawing(self, chosen: NDArray[np.int64]) -> Drawing:
        offsets = np.arange(self.context + self.horizon) * self.frame_step
        drawing = self.source.drawing(self.windows.sequence[chosen], self.windows.start[chosen, None] + offsets)
        if drawing is None:
            raise TypeError(f"a source of kind {self.source.kind} cannot be drawn late")
        return drawing
