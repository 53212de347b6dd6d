"""Late drawing: the clips of a generator drawn on the device that trains on them, instead of read beside it.

A choice of speed, not of data: the frames are the same bit for bit. It needs a source that offers drawings, clips in
the size and colour of the source, and no augmentation that moves pixels or frames; noise may be added.
"""

from dataclasses import replace
from typing import Literal

import torch

from framecast.clips.clip_set import ClipSet
from framecast.frames.errors import ConfigurationError


def draw_late(clips: ClipSet, choice: bool | Literal["auto"], device: torch.device) -> ClipSet:
    """The same clips, drawn on the device where that was chosen.

    Args:
        clips: those to train on.
        choice: ``auto`` draws on a CUDA device wherever that is possible.
        device: the one that trains.

    Raises:
        ConfigurationError: ``True`` was chosen, and these clips cannot be drawn.
    """
    if choice is False or (choice == "auto" and device.type != "cuda"):
        return clips
    obstacle = obstacle_to_drawing(clips)
    if obstacle is None:
        return replace(clips, draws_late=True)
    if choice == "auto":
        return clips
    raise ConfigurationError(f"training.draw_on_device=true needs {obstacle}; set it to auto or false.")


def obstacle_to_drawing(clips: ClipSet) -> str | None:
    """What is missing for these clips to be drawn late, to follow "needs"; None where they can be."""
    source, info = clips.source, clips.source.sequences[clips.windows.sequence[0]].info
    if source.drawing(clips.windows.sequence[:1], clips.windows.start[:1, None]) is None:
        return f"a generator that can draw, such as moving-mnist; found '{source.location}' of kind {source.kind}"
    if clips.framing.shape(info) != info.frame_shape or clips.framing.pads(info):
        return "clips in the source's own size and colour (clips.size and clips.crop null, clips.color keep)"
    if clips.added is not None or clips.forecast_channels:
        return "every recorded channel and no other (clips.channels as it is by default)"
    if clips.augment.turns or clips.augment.reverse_time:
        return "clips.augment without flips and turns, and without reversed time"
    return None
