"""Channels: what a forecaster sees beside the recorded values, and which channels it is to forecast.

Channels can be added behind the recorded ones, each with values from 0 to 1 whatever the normaliser:

* *missing*: 1 where every recorded value of the pixel is there, 0 where one is missing;
* *hour*, *day_of_year*: sine and cosine of the time, moved to 0 .. 1, in every pixel;
* *static*: fields that do not change, such as heights, scaled by their own lowest and highest value.

Added channels, and recorded ones that are left out of ``forecast``, are seen and not forecast: losses and metrics leave
them out, and where a model reads its own forecasts, they stay as they were in the last frame seen.

Axes: T frames, C recorded channels, E added ones, H height, W width.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import cos, pi, sin
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.clips.conversion import Window
from framecast.clips.framing import Framing, part_within, surrounded
from framecast.frames.errors import ConfigurationError, SourceError
from framecast.frames.paths import user_path
from framecast.frames.sequence import SequenceInfo

_HOURS, _DAYS = 24.0, 365.2425


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsConfig:
    """Which channels are seen, and which are forecast."""

    forecast: tuple[int | str, ...] | None = None
    """Recorded channels to forecast, by name or by number (0 is the first); null forecasts all of them."""

    missing: bool = False
    """Add a channel that tells where values are missing."""

    hour: bool = False
    """Add the time of the day as two channels; the recordings must say when they were made."""

    day_of_year: bool = False
    """Add the time of the year as two channels; the recordings must say when they were made."""

    static: tuple[str, ...] = ()
    """Fields that do not change, such as heights: .npy files of (H, W) or (C, H, W), in the size of the recordings."""

    @property
    def adds(self) -> bool:
        """Whether any channel is added."""
        return self.missing or self.hour or self.day_of_year or bool(self.static)


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AddedChannels:
    """Makes the added channels of a clip."""

    config: ChannelsConfig

    static: NDArray[np.float32] | None = None
    """(S, H, W) in the size of the recordings, from 0 to 1; NaN where a field has no value."""

    @property
    def count(self) -> int:
        """E."""
        fields = 0 if self.static is None else len(self.static)
        return int(self.config.missing) + 2 * int(self.config.hour) + 2 * int(self.config.day_of_year) + fields

    def of(
        self, frames: NDArray[Any], info: SequenceInfo, *, start: int, step: int, framing: Framing, window: Window
    ) -> NDArray[np.float32]:
        """The added channels of some frames.

        Args:
            frames: (T, C, H, W) as clips show them, missing values not finite.
            info: the sequence that they come from.
            start: place of the first of them in it.
            step: every how many frames of the sequence one was taken.
            framing: how they were cut.
            window: where.

        Returns:
            (T, E, H, W) from 0 to 1.
        """
        parts: list[NDArray[np.float32]] = []
        shape = len(frames), 1, *frames.shape[2:]
        if self.config.missing:
            there = np.ones(shape, np.float32)
            if frames.dtype.kind == "f":
                there[:] = np.isfinite(frames).all(axis=1, keepdims=True)
            parts.append(there)
        turns = _turns(self.config, info, range(start, start + step * len(frames), step))
        parts += [np.broadcast_to(turn[:, None, None, None], shape) for turn in turns]
        if self.static is not None:
            _, height, width = framing.conversion.shape(info)
            inside = part_within(window, height, width)
            scaled = replace(framing.conversion, color="keep").convert(self.static[None], inside)
            fields = surrounded(scaled, inside, window)
            fields = np.where(np.isnan(fields), np.float32(0), fields)
            parts.append(np.broadcast_to(fields, (len(frames), *fields.shape[1:])))
        return np.concatenate(parts, axis=1, dtype=np.float32)


def added_channels(
    config: ChannelsConfig, infos: Iterable[SequenceInfo], *, static: NDArray[np.float32] | None = None
) -> AddedChannels | None:
    """Read what is needed to add channels.

    Args:
        config: which.
        infos: the sequences that they are added to.
        static: (S, H, W) fields that were read before; None reads them.

    Returns:
        None where nothing is added.

    Raises:
        ConfigurationError: a time is asked for and a sequence has none, or a field has another size.
        SourceError: a field cannot be read.
    """
    if not config.adds:
        return None
    sizes: set[tuple[int, int]] = set()
    for info in infos:
        sizes.add((info.height, info.width))
        if (config.hour or config.day_of_year) and info.time_of(1) is None:
            raise ConfigurationError(
                f"clips.channels.hour and day_of_year need recordings that say when they were made; '{info.name}' does "
                "not. For images, source.time_pattern reads times from names."
            )
    if config.static and static is None:
        static = np.concatenate([_field(path, sizes) for path in config.static])
    if static is not None and {static.shape[1:]} != sizes:
        raise ConfigurationError(
            f"The fields of clips.channels.static are {static.shape[1]}x{static.shape[2]} (height x width), and the "
            f"recordings {_in_words(sizes)}; they must be the same."
        )
    return AddedChannels(config=config, static=static)


def forecast_places(config: ChannelsConfig, info: SequenceInfo, channels: int, added: int) -> tuple[int, ...]:
    """The channels to forecast, as :attr:`framecast.frames.clip.ClipSpec.forecast_channels` has them.

    Args:
        config: which.
        info: a sequence, whose channel names count.
        channels: C, as clips show them.
        added: E.

    Raises:
        ConfigurationError: a channel that does not exist.
    """
    if config.forecast is None:
        return tuple(range(channels)) if added else ()
    places: list[int] = []
    for wanted in config.forecast:
        if isinstance(wanted, int) and 0 <= wanted < channels:
            places.append(wanted)
        elif wanted in info.channel_names and len(info.channel_names) == channels:
            places.append(info.channel_names.index(str(wanted)))
        else:
            names = f" ({', '.join(info.channel_names)})" if info.channel_names else ""
            raise ConfigurationError(
                f"clips.channels.forecast names '{wanted}', and '{info.name}' has channels 0 to {channels - 1}{names}; "
                "choose among these."
            )
    if not places:
        raise ConfigurationError("clips.channels.forecast must name at least one channel; null forecasts all.")
    chosen = tuple(sorted(set(places)))
    return () if len(chosen) == channels and not added else chosen


def _turns(config: ChannelsConfig, info: SequenceInfo, frames: range) -> list[NDArray[np.float32]]:
    """Sine and cosine of each time that is asked for, (T,) each, from 0 to 1."""
    times = [info.time_of(frame) for frame in frames] if config.hour or config.day_of_year else []
    found: list[NDArray[np.float32]] = []
    for wanted, period in ((config.hour, _HOURS), (config.day_of_year, _DAYS)):
        if wanted:
            angles = [2 * pi * _clock(time, period) / period for time in times if time is not None]
            for wave in (sin, cos):
                found.append(np.array([(wave(angle) + 1) / 2 for angle in angles], np.float32))
    return found


def _clock(time: datetime, period: float) -> float:
    """Hours of the day, or days of the year; times with a zone count in UTC."""
    time = time.astimezone(UTC) if time.tzinfo else time
    hours = time.hour + time.minute / 60 + time.second / 3600
    return hours if period == _HOURS else time.timetuple().tm_yday - 1 + hours / 24


def _in_words(sizes: set[tuple[int, int]]) -> str:
    return " and ".join(f"{height}x{width}" for height, width in sorted(sizes))


def _field(location: str, sizes: set[tuple[int, int]]) -> NDArray[np.float32]:
    """(C, H, W) from 0 to 1."""
    path = user_path(location)
    try:
        values = np.load(Path(path), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(
            f"The field '{location}' of clips.channels.static cannot be read ({error}); give a .npy file of numbers."
        ) from error
    shape = values.shape
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or values.dtype.kind not in "biuf" or {values.shape[1:]} != sizes:
        raise ConfigurationError(
            f"The field '{location}' of clips.channels.static has the shape {shape} and type {values.dtype}; "
            f"the recordings are {_in_words(sizes)}, and it must be (H, W) or (C, H, W) numbers of that size."
        )
    values = values.astype(np.float64)
    low = np.nanmin(values, axis=(1, 2), keepdims=True)
    width = np.nanmax(values, axis=(1, 2), keepdims=True) - low
    return ((values - low) / np.where(width > 0, width, 1)).astype(np.float32)
