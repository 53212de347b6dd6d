"""Preparing clips: the one entry of this room, from a source and settings to training, validation and test clips.

Sequences too short for a clip are left out first, so that a split can never consist of them; then the rest is divided,
windows are cut inside the pieces, and the normaliser is fitted on frames of the training pieces only.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framecast.clips.agreement import (
    agree_with_normaliser,
    agreed_dtype,
    agreed_range,
    agreed_shape,
    clip_in_words,
    count_of,
    is_picture,
    long_enough,
    longest_clip,
    transform_notes,
)
from framecast.clips.augment import AugmentConfig
from framecast.clips.channels import added_channels, forecast_places
from framecast.clips.clip_set import ClipSet
from framecast.clips.clip_sets import ClipSets
from framecast.clips.config import ClipsConfig
from framecast.clips.conversion import FrameConversion
from framecast.clips.frame_reader import FrameReader
from framecast.clips.framing import CENTRE, Framing
from framecast.clips.normaliser import Normaliser
from framecast.clips.splits import SplitMethod, Splits, split_sequences
from framecast.clips.windows import Segment, Windows, enumerate_windows
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, SplitError
from framecast.frames.sequence import SPLITS, SequenceInfo, Split
from framecast.frames.source import Source

FITTING_FRAMES = 4096
"""A normaliser is fitted on at most so many training frames, in runs of 16 that are spread evenly."""

_RUN = 16

_REMEDY: dict[SplitMethod, str] = {
    "official": "set clips.split.by to group, sequence or time, which divide without the data set's own lists",
    "group": "change the shares of clips.split, divide by sequence or time",
    "sequence": "change the shares of clips.split, divide by time",
    "time": "change the shares of clips.split",
}
"""What may be done where a split is empty."""


def prepare_clips(
    source: Source,
    config: ClipsConfig,
    *,
    seed: int = 0,
    normaliser: Normaliser | None = None,
    static: NDArray[np.float32] | None = None,
    required: tuple[Split, ...] = SPLITS,
) -> ClipSets:
    """Cut a source into training, validation and test clips.

    Args:
        source: the recordings.
        config: what clips to cut.
        seed: of augmentation, 0 or more.
        normaliser: that of a finished run, used as it is; None fits one on the training frames.
        static: fields that a finished run keeps (see :mod:`framecast.clips.channels`); None reads them anew.
        required: splits that must hold a clip, unless their share is 0. Evaluation needs the one that it scores only.

    Raises:
        TooShortError: no sequence is as long as one clip (or, with ``too_short="error"``, one of them is not).
        SplitError: a required split would hold no clip.
        ConfigurationError: frames of different sizes, channels or value ranges cannot be in one batch.
    """
    infos, notes = long_enough(source, config)
    conversion = FrameConversion(config.frame_size, config.color, config.fit)
    at_random = config.crop is not None and config.crop_at is None
    framing = Framing(conversion=conversion, crop=config.crop_size, crop_at=config.crop_at or CENTRE)
    (channels, height, width), shape_notes = agreed_shape(infos, framing)
    value_range = agreed_range(infos)
    augment, augment_notes = _allowed(config.augment, infos.values())
    if augment.quarter_turns and height != width:
        raise ConfigurationError(
            f"clips.augment.quarter_turns needs square frames, found {height}x{width}; set clips.size or clips.crop to "
            "one number, or use flips alone."
        )
    added = added_channels(config.channels, infos.values(), static=static)
    num_added = 0 if added is None else added.count
    splits = split_sequences(infos, config.split)
    notes += shape_notes + augment_notes + splits.notes
    windows: dict[Split, Windows] = {split: _windows(splits, split, config) for split in SPLITS}
    _refuse_empty(source, splits, windows, config, required)
    reader = FrameReader(conversion, max_bytes=int(config.cache_gib * 2**30))
    if normaliser is None:
        if not splits.segments["train"]:
            raise SplitError("There are no training frames to fit a normaliser on; give clips.split.train a share.")
        normaliser = Normaliser.fit(
            config.normaliser,
            _fitting_frames(
                source, splits.segments["train"], reader, replace(framing, crop=None) if at_random else framing
            ),
            channels=channels,
            value_range=value_range,
            transform=config.transform,
            shared_range=is_picture(infos),
        )
        notes += transform_notes(infos, config.transform)
        normaliser = normaliser.with_added(num_added)
    else:
        notes += agree_with_normaliser(normaliser, channels, value_range)
    forecast = forecast_places(config.channels, next(iter(infos.values())), channels, num_added)
    clip_sets: dict[Split, ClipSet] = {
        split: ClipSet(
            split=split,
            source=source,
            windows=windows[split],
            context=config.context,
            horizon=config.horizon,
            frame_step=config.frame_step,
            reader=reader,
            framing=framing,
            crops_at_random=split == "train" and at_random,
            dtype=framing.dtype(agreed_dtype(infos), list(infos.values())),
            normaliser=normaliser,
            added=added,
            forecast_channels=forecast,
            augment=augment if split == "train" else AugmentConfig(),
            seed=seed,
            renews=split == "train",
        )
        for split in SPLITS
    }
    low, high = normaliser.bounds
    spec = ClipSpec(
        context=config.context,
        horizon=config.horizon,
        channels=normaliser.channels,
        height=height,
        width=width,
        forecast_channels=forecast,
        low=low,
        high=high,
    )
    return ClipSets(
        train=clip_sets["train"],
        validation=clip_sets["validation"],
        test=clip_sets["test"],
        spec=spec,
        normaliser=normaliser,
        splits=splits,
        notes=notes,
    )


def _allowed(augment: AugmentConfig, infos: Iterable[SequenceInfo]) -> tuple[AugmentConfig, tuple[str, ...]]:
    """What the recordings bear of it, and a note on what is left out."""
    upright = next((info for info in infos if info.fixed_orientation), None)
    if upright is None or not augment.turns or augment.ignore_orientation:
        return augment, ()
    return augment.upright(), (
        f"Flips and quarter turns are left out: '{upright.name}' has a fixed orientation, as maps and radar have. Set "
        "clips.augment.ignore_orientation=true to do them all the same.",
    )


def _windows(splits: Splits, split: Split, config: ClipsConfig) -> Windows:
    return enumerate_windows(splits.segments[split], span=config.span, stride=config.stride_in(split))


def _refuse_empty(
    source: Source, splits: Splits, windows: Mapping[Split, Windows], config: ClipsConfig, required: tuple[Split, ...]
) -> None:
    wanted: tuple[Split, ...] = tuple(split for split in config.split.wanted if split in required)
    empty = next((split for split in wanted if not len(windows[split])), None)
    if empty is None:
        return
    longest = {split: max((piece.num_frames for piece in splits.segments[split]), default=0) for split in wanted}
    if not longest[empty]:
        counts = ", ".join(f"{len(splits.segments[split])} for {split}" for split in SPLITS)
        raise SplitError(
            f"'{source.location}' leaves nothing for the {empty} split (method: {splits.method}; found {counts}); "
            f"{_REMEDY[splits.method]}, or add recordings."
        )
    raise SplitError(
        f"The {empty} split of '{source.location}' has at most {count_of(longest[empty], 'frame')} in one piece "
        f"(method: {splits.method}), and {config.span} are needed for one clip ({clip_in_words(config)}). "
        f"{longest_clip(min(longest.values()), config)} A larger share (clips.split.{empty}) helps too."
    )


def _fitting_frames(
    source: Source, segments: tuple[Segment, ...], reader: FrameReader, framing: Framing
) -> Iterator[NDArray[Any]]:
    runs = [
        (segment.sequence, start, min(start + _RUN, segment.stop))
        for segment in segments
        for start in range(segment.start, segment.stop, _RUN)
    ]
    count = min(len(runs), FITTING_FRAMES // _RUN)
    for order in range(count):
        place, start, stop = runs[order * len(runs) // count]
        sequence = source.sequences[place]
        yield framing.read(reader, sequence, start, stop, step=1, window=framing.window(sequence.info))
