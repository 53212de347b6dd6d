"""Agreement: whether the sequences of a source fit into batches of one shape, and into one normaliser."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from framecast.clips.config import ClipsConfig
from framecast.clips.framing import Framing
from framecast.clips.normaliser import Normaliser
from framecast.clips.transforms import Transform
from framecast.frames.errors import ConfigurationError, TooShortError
from framecast.frames.sequence import SequenceInfo
from framecast.frames.source import Source

_RAIN_RATE = re.compile(r"mm\s*(/\s*h|h\s*-1|h\^-1|/\s*hr|/\s*hour)")
"""Ways to write millimetres an hour."""


def long_enough(source: Source, config: ClipsConfig) -> tuple[dict[int, SequenceInfo], tuple[str, ...]]:
    """The sequences that hold at least one clip, by their position in the source, and notes on those left out.

    Raises:
        TooShortError: there is none, or ``too_short="error"`` and one is too short.
    """
    infos = {place: sequence.info for place, sequence in enumerate(source.sequences)}
    short = {place: info for place, info in infos.items() if info.num_frames < config.span}
    if not short:
        return infos, ()
    needed = f"{config.span} are needed for one clip ({clip_in_words(config)})"
    if len(short) == len(infos):
        longest = max(info.num_frames for info in infos.values())
        raise TooShortError(
            f"Nothing in '{source.location}' is long enough: the longest of {count_of(len(infos), 'sequence')} has "
            f"{count_of(longest, 'frame')}, and {needed}. {longest_clip(longest, config)}"
        )
    named = ", ".join(f"'{info.name}' has {info.num_frames}" for info in list(short.values())[:3])
    found = (
        f"{len(short)} of {count_of(len(infos), 'sequence')} in '{source.location}' have too few frames: {needed}; "
        f"{named}{', …' if len(short) > 3 else ''}."
    )
    if config.too_short == "error":
        raise TooShortError(f"{found} Set clips.too_short=skip to leave them out, or ask for shorter clips.")
    return {place: info for place, info in infos.items() if place not in short}, (f"Left out: {found}",)


def agreed_shape(infos: Mapping[int, SequenceInfo], framing: Framing) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """(C, H, W) of every clip's frames, and notes where they show things in another shape, or not all of them.

    Raises:
        ConfigurationError: the sequences differ in channels or size, or are smaller than the crop asked for.
    """
    shapes = {framing.shape(info) for info in infos.values()}
    if len({channels for channels, _, _ in shapes}) > 1:
        raise ConfigurationError(
            f"Sequences differ in channels: found {_tally(info.channels for info in infos.values())}; set clips.color "
            "to 'grey' or 'rgb', or take recordings of one kind."
        )
    if len(shapes) > 1:
        raise ConfigurationError(
            f"Sequences differ in frame size: found {_tally(_size(info) for info in infos.values())}, height x width; "
            "set clips.size, for example clips.size=64, to bring them to one, or clips.crop for windows of one size."
        )
    channels, height, width = shapes.pop()
    return (channels, height, width), _framing_notes(infos, framing)


def agreed_range(infos: Mapping[int, SequenceInfo]) -> tuple[float, float] | None:
    """Lowest and highest value that the native type stands for; None where only the data can tell.

    Raises:
        ConfigurationError: the sequences differ in it, or in their units.
    """
    units = [info.units for info in infos.values() if info.units is not None]
    if len(set(units)) > 1:
        raise ConfigurationError(
            f"Sequences differ in units: found {_tally(units)}; one normaliser cannot serve them. Take recordings of "
            "one kind, or set source.units where a file is wrong."
        )
    ranges = {info.value_range for info in infos.values()}
    if len(ranges) > 1:
        found = _tally(f"{info.dtype} for {_range(info.value_range)}" for info in infos.values())
        raise ConfigurationError(
            f"Sequences differ in the range of their values: found {found}; one normaliser cannot serve them. Take "
            "recordings of one kind, or convert the others."
        )
    return ranges.pop()


def is_picture(infos: Mapping[int, SequenceInfo]) -> bool:
    """Whether all channels are the colours of a picture, hence of one range; else each is a variable of its own."""
    return all(info.units is None and not info.channel_names for info in infos.values())


def transform_notes(infos: Mapping[int, SequenceInfo], transform: Transform) -> tuple[str, ...]:
    """A note where rain is expected and the recordings hold something else."""
    units = next((info.units for info in infos.values() if info.units is not None), None)
    if transform.name != "dbz" or units is None or _RAIN_RATE.fullmatch(units):
        return ()
    return (
        f"clips.transform.name=dbz is made for rain rates in mm/h, and these recordings are in {units}: its floor, "
        f"{transform.floor:g}, is taken in {units}.",
    )


def agreed_dtype(infos: Mapping[int, SequenceInfo]) -> str:
    """The numpy type in which frames of all sequences can be in one batch; floats of more than 64 bits are cut."""
    dtype = np.result_type(*{info.dtype for info in infos.values()})
    return "float64" if dtype.kind == "f" and dtype.itemsize > 8 else dtype.name


def agree_with_normaliser(
    normaliser: Normaliser, channels: int, value_range: tuple[float, float] | None
) -> tuple[str, ...]:
    """Notes on recordings that are read with the normaliser of a finished run.

    Raises:
        ConfigurationError: the run was trained on other channels.
    """
    if normaliser.recorded != channels:
        raise ConfigurationError(
            f"The run was trained on {count_of(normaliser.recorded, 'channel')}, found {channels}; set clips.color to "
            f"'{'grey' if normaliser.recorded == 1 else 'rgb'}', or give recordings of the trained kind."
        )
    trained = set(zip(normaliser.low[:channels], normaliser.high[:channels], strict=True))
    if value_range is None or trained == {value_range}:
        return ()
    return (
        f"Values of this source stand for {_range(value_range)}; the run was trained on "
        f"{_range(normaliser.value_range)} and reads them on that scale.",
    )


def longest_clip(num_frames: int, config: ClipsConfig) -> str:
    """What fits into ``num_frames``, as advice."""
    fits = (num_frames - 1) // config.frame_step + 1
    if fits < 2:
        return "No clip fits: longer recordings are needed."
    step = f" at frame_step {config.frame_step}" if config.frame_step > 1 else ""
    return f"The longest clip that fits has {fits} frames{step}: lower clips.context + clips.horizon to {fits} or less."


def clip_in_words(config: ClipsConfig) -> str:
    """What makes a clip as long as it is."""
    step = f", frame_step {config.frame_step}" if config.frame_step > 1 else ""
    return f"context {config.context} + horizon {config.horizon}{step}"


def count_of(number: int, noun: str) -> str:
    """``1 frame``, ``2 frames``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _framing_notes(infos: Mapping[int, SequenceInfo], framing: Framing) -> tuple[str, ...]:
    notes: list[str] = []
    reshaped = [_size(info) for info in infos.values() if framing.reshapes(info)]
    if reshaped and framing.conversion.size is not None:
        size = "{}x{}".format(*framing.conversion.size)
        what = {
            "stretch": f"Frames are stretched to {size}",
            "crop": f"Frames are resized to cover {size}, and what stands over is cut off",
            "pad": f"Frames are resized to lie within {size}, and the rest is missing, neither trained on nor scored",
        }[framing.conversion.fit]
        notes.append(f"{what}: found {_tally(reshaped)}, height x width.")
    if framing.crop is not None and any(framing.canvas(info) != framing.crop for info in infos.values()):
        crop = "{}x{}".format(*framing.crop)
        notes.append(f"Clips show windows of {crop} of the frames; scores are of such windows, not of whole frames.")
    return tuple(notes)


def _tally(kinds: Iterable[object]) -> str:
    return ", ".join(f"{kind} ({count_of(number, 'sequence')})" for kind, number in Counter(kinds).most_common(5))


def _size(info: SequenceInfo) -> str:
    return f"{info.height}x{info.width}"


def _range(value_range: tuple[float, float] | None) -> str:
    return "values of unknown range" if value_range is None else f"{value_range[0]:g} to {value_range[1]:g}"
