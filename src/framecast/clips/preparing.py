"""Preparing clips: the one entry of this room, from a source and settings to training, validation and test clips.

Sequences too short for a clip are left out first, so that a split can never consist of them; then the rest is divided,
windows are cut inside the pieces, and the normaliser is fitted on frames of the training pieces only.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

from framecast.clips.agreement import (
    agree_with_normaliser,
    agreed_dtype,
    agreed_range,
    agreed_shape,
    clip_in_words,
    count_of,
    long_enough,
    longest_clip,
)
from framecast.clips.augment import AugmentConfig
from framecast.clips.clip_set import ClipSet
from framecast.clips.clip_sets import ClipSets
from framecast.clips.config import ClipsConfig
from framecast.clips.conversion import FrameConversion
from framecast.clips.frame_reader import FrameReader
from framecast.clips.normaliser import Normaliser
from framecast.clips.splits import Splits, split_sequences
from framecast.clips.windows import Segment, Windows, enumerate_windows
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, SplitError
from framecast.frames.sequence import SPLITS, Split
from framecast.frames.source import Source

FITTING_FRAMES = 4096
"""A normaliser is fitted on at most so many training frames, in runs of 16 that are spread evenly."""

_RUN = 16


def prepare_clips(
    source: Source,
    config: ClipsConfig,
    *,
    seed: int = 0,
    normaliser: Normaliser | None = None,
    required: tuple[Split, ...] = SPLITS,
) -> ClipSets:
    """Cut a source into training, validation and test clips.

    Args:
        source: the recordings.
        config: what clips to cut.
        seed: of augmentation, 0 or more.
        normaliser: that of a finished run, used as it is; None fits one on the training frames.
        required: splits that must hold a clip, unless their share is 0. Evaluation needs the one that it scores only.

    Raises:
        TooShortError: no sequence is as long as one clip (or, with ``too_short="error"``, one of them is not).
        SplitError: a required split would hold no clip.
        ConfigurationError: frames of different sizes, channels or value ranges cannot be in one batch.
    """
    infos, notes = long_enough(source, config)
    conversion = FrameConversion(config.frame_size, config.color)
    (channels, height, width), shape_notes = agreed_shape(infos, conversion)
    value_range = agreed_range(infos)
    if config.augment.quarter_turns and height != width:
        raise ConfigurationError(
            f"clips.augment.quarter_turns needs square frames, found {height}x{width}; set clips.size to one number, "
            "or use flips alone."
        )
    splits = split_sequences(infos, config.split)
    notes += shape_notes + splits.notes
    windows: dict[Split, Windows] = {split: _windows(splits, split, config) for split in SPLITS}
    _refuse_empty(source, splits, windows, config, required)
    reader = FrameReader(conversion, max_bytes=int(config.cache_gib * 2**30))
    if normaliser is None:
        if not splits.segments["train"]:
            raise SplitError("There are no training frames to fit a normaliser on; give clips.split.train a share.")
        normaliser = Normaliser.fit(
            config.normaliser,
            _fitting_frames(source, splits.segments["train"], reader),
            channels=channels,
            value_range=value_range,
        )
    else:
        notes += agree_with_normaliser(normaliser, channels, value_range)
    clip_sets: dict[Split, ClipSet] = {
        split: ClipSet(
            split=split,
            source=source,
            windows=windows[split],
            context=config.context,
            horizon=config.horizon,
            frame_step=config.frame_step,
            reader=reader,
            dtype=agreed_dtype(infos),
            normaliser=normaliser,
            augment=config.augment if split == "train" else AugmentConfig(),
            seed=seed,
            renews=split == "train",
        )
        for split in SPLITS
    }
    low, high = normaliser.bounds
    spec = ClipSpec(
        context=config.context,
        horizon=config.horizon,
        channels=channels,
        height=height,
        width=width,
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


def _windows(splits: Splits, split: Split, config: ClipsConfig) -> Windows:
    stride = config.stride or (1 if split == "train" else config.horizon * config.frame_step)
    return enumerate_windows(splits.segments[split], span=config.span, stride=stride)


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
            "change clips.split, or add recordings."
        )
    raise SplitError(
        f"The {empty} split of '{source.location}' has at most {count_of(longest[empty], 'frame')} in one piece "
        f"(method: {splits.method}), and {config.span} are needed for one clip ({clip_in_words(config)}). "
        f"{longest_clip(min(longest.values()), config)} A larger share (clips.split.{empty}) helps too."
    )


def _fitting_frames(source: Source, segments: tuple[Segment, ...], reader: FrameReader) -> Iterator[NDArray[Any]]:
    runs = [
        (segment.sequence, start, min(start + _RUN, segment.stop))
        for segment in segments
        for start in range(segment.start, segment.stop, _RUN)
    ]
    count = min(len(runs), FITTING_FRAMES // _RUN)
    for order in range(count):
        place, start, stop = runs[order * len(runs) // count]
        yield reader.read(source.sequences[place], start, stop)
