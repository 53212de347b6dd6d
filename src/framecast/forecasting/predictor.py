"""Predictor: frames of a recording in, the frames that follow out, in the recording's own size, type and colours.

What training did to its frames is done here and undone: they are resized as ``clips.size`` and ``clips.fit`` say, and
what is then larger than the frames that the model was trained on is forecast in tiles of that size. Nothing is cut off:
with ``fit: crop`` tiles reach the borders too.

Axes: T frames, C channels, H height, W width.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.clips.channels import added_channels
from framecast.clips.conversion import LUMA, Color, FrameConversion, Window, as_float, resize_frames
from framecast.clips.framing import Framing, part_within, surrounded
from framecast.forecasting.roll_out import longest_block, roll_out
from framecast.forecasting.tiling import OVERLAP, Cover, forecast_in_bands
from framecast.frames.errors import ConfigurationError, SourceError, TooShortError
from framecast.frames.sequence import Sequence, SequenceInfo, range_of_dtype
from framecast.runs.run import Run

_ROWS_AT_ONCE = 2**22
"""Pixels of the recording that are resized at once when a forecast comes back to its size."""

_COLORS: dict[int, Color] = {1: "grey", 3: "rgb"}


@final
class Predictor:
    """Forecasts with the model of a run."""

    def __init__(self, run: Run, *, overlap: float = OVERLAP) -> None:
        """Forecast with a run.

        Args:
            run: an opened run.
            overlap: of tiles, where recordings need them: the least part of a tile that lies also in the next one, from
                0 to 0.9.

        Raises:
            ConfigurationError: the overlap is out of its bounds.
        """
        if not 0 <= overlap <= 0.9:
            raise ConfigurationError(f"Tiles can overlap by 0 to 0.9 of their size, found {overlap:g}.")
        self._run = run
        self._overlap = overlap
        self._spec = run.record.spec
        self._step = run.config.clips.frame_step
        self._static = run.static()
        recorded = run.normaliser.recorded
        self._chosen = self._spec.forecast_channels or tuple(range(recorded))
        """The channels that forecasts have, among those of the clips."""
        self._recorded = recorded

    @property
    def frames_needed(self) -> int:
        """Frames that a recording must have: the context, at the run's frame step."""
        return (self._spec.context - 1) * self._step + 1

    def caveats(self, horizon: int, info: SequenceInfo | None = None) -> tuple[str, ...]:
        """Sentences that belong beside a forecast of this length, of this recording where it is given."""
        caveats = list(self._run.model.caveats())
        if horizon > self._spec.horizon:
            chained = longest_block(self._run.model, self._spec.context) is not None
            how = "chained from the model's own forecasts" if chained else "continued by feeding forecasts back"
            caveats.append(f"Leads beyond {self._spec.horizon} are further than the model was trained for: {how}.")
        if info is not None:
            rows, columns = self._covers(self._area(info))
            if (number := len(rows.starts) * len(columns.starts)) > 1:
                caveats.append(
                    f"Forecast in {number} overlapping tiles of {rows.tile}x{columns.tile}, the size that the model "
                    "was trained on: each sees only what moves within it."
                )
        return tuple(caveats)

    def check(self, info: SequenceInfo) -> None:
        """See whether a recording can be forecast, before a frame of it is read.

        Raises:
            TooShortError: the recording is shorter than the context.
            SourceError: its channels or the type of its values are not what the run was trained on, or its frames are
                smaller than the crops that it was trained on.
        """
        if info.num_frames < self.frames_needed:
            raise TooShortError(
                f"'{info.name}' has {info.num_frames} frames; this run needs {self.frames_needed} "
                f"(a context of {self._spec.context} at frame step {self._step})."
            )
        if self._conversion(info).shape(info)[0] != self._recorded:
            raise SourceError(
                f"'{info.name}' has {info.channels} channels, but the run was trained on {self._recorded}; give "
                "it recordings of the same kind."
            )
        units = info.units_of(self._chosen)
        if units != self._run.record.units and None not in (units, self._run.record.units):
            raise SourceError(
                f"'{info.name}' is in {units}, but the run was trained on {self._run.record.units}; set "
                "source.units, or give it recordings of the same kind."
            )
        added_channels(self._run.config.clips.channels, [info], static=self._static)  # refuses what it cannot do
        area = self._area(info)
        if area.height < self._spec.height or area.width < self._spec.width:
            raise SourceError(
                f"The frames of '{info.name}' are {info.height}x{info.width} (height x width), smaller than the crops "
                f"of {self._spec.height}x{self._spec.width} that the run was trained on; give it recordings that are "
                "at least as large."
            )
        self._rescale(info)

    def context_of(self, sequence: Sequence) -> NDArray[np.generic]:
        """The last frames of a recording that the model needs, native: (K, C, H, W).

        Raises:
            SourceError: see :meth:`check`.
        """
        self.check(sequence.info)
        return sequence.read(sequence.info.num_frames - self.frames_needed)[:: self._step]

    @torch.inference_mode()
    def forecast(self, context: NDArray[np.generic], info: SequenceInfo, horizon: int) -> NDArray[Any]:
        """Forecast the frames after a context.

        Args:
            context: (K, C, H, W) in the native type, as :meth:`context_of` reads it.
            info: the recording that it comes from.
            horizon: frames to forecast, at least 1.

        Returns:
            (horizon, C', H, W) in the native type and size of the recording; C' are the channels that the run
            forecasts. Where every frame of the context is missing, so is the forecast.

        Raises:
            SourceError: see :meth:`check`.
        """
        rescale = self._rescale(info)
        conversion, area = self._conversion(info), self._area(info)
        _, height, width = conversion.shape(info)
        forecast = np.empty((horizon, self.info_of_forecast(info).channels, info.height, info.width), info.dtype)
        resizes = (height, width) != (info.height, info.width)
        small = np.empty((horizon, self._spec.channels, height, width) if resizes else 0, np.float32)
        for top, band in self._bands(context, info, area, rescale, horizon):
            # Rows and columns of the area that lie beside the frame are not part of the recording.
            inside = part_within(Window(area.top + top, area.left, band.shape[-2], area.width), height, width)
            rows = inside.moved(-area.top - top, -area.left).cut(band.numpy())
            if resizes:
                inside.cut(small)[...] = rows
            else:
                inside.cut(forecast)[...] = self._native(rows, info, rescale)
        if resizes:
            self._enlarge(small, forecast, info, rescale)
        if info.has_missing and self._keeps_channels:
            lost = np.isnan(self.chosen(context))
            forecast[:, np.logical_and.reduce(lost, axis=0)] = np.nan
        return forecast

    def info_of_forecast(self, info: SequenceInfo) -> SequenceInfo:
        """The recording's facts, as far as they hold for its forecast: for the channels that are forecast."""
        if len(self._chosen) == self._recorded:
            return info
        names = info.channel_names and tuple(info.channel_names[place] for place in self._chosen)
        units = info.channel_units and tuple(info.channel_units[place] for place in self._chosen)
        shared = info.units_of(self._chosen)
        return replace(
            info,
            channels=len(self._chosen),
            channel_names=names,
            units=shared,
            channel_units=() if shared else units,
        )

    def chosen(self, frames: NDArray[Any]) -> NDArray[Any]:
        """The channels (T, C', H, W) of a recording (T, C, H, W) that are forecast."""
        return frames if len(self._chosen) == self._recorded else frames[:, list(self._chosen)]

    @property
    def _keeps_channels(self) -> bool:
        """Whether clips have the channels of the recordings, not their grey or colour."""
        return self._run.config.clips.color == "keep"

    def _bands(
        self, context: NDArray[Any], info: SequenceInfo, area: Window, rescale: float, horizon: int
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Rows of the forecast of an area, normalised, from top to bottom."""
        normaliser, model = self._run.normaliser, self._run.model
        conversion = self._conversion(info)
        added = added_channels(self._run.config.clips.channels, [info], static=self._static)
        device = next(model.parameters()).device
        _, _, height, width = context.shape
        rows, columns = self._covers(area)

        def read(start: int, stop: int) -> torch.Tensor:
            wanted = Window(area.top + start, area.left, stop - start, area.width)
            inside = part_within(wanted, *conversion.scaled(height, width))
            native = surrounded(conversion.convert(context, inside), inside, wanted)
            values = torch.from_numpy(as_float(native)) * rescale
            normalised = normaliser.normalise(values).float()
            normalised = torch.where(values.isfinite(), normalised, 0.0)  # what a missing value is in training
            if added is None:
                return normalised
            first, framing = info.num_frames - self.frames_needed, Framing(conversion=conversion)
            beside = added.of(native, info, start=first, step=self._step, framing=framing, window=wanted)
            return torch.cat([normalised, torch.from_numpy(beside)], dim=1)

        return forecast_in_bands(
            read,
            lambda seen: roll_out(model, seen.to(device), horizon),
            rows,
            columns,
            at_once=self._run.config.training.batch_size,  # which fits into memory, because it did in training
        )

    def _native(self, normalised: NDArray[Any], info: SequenceInfo, rescale: float) -> NDArray[Any]:
        """A forecast in the size of the recording as its values and colours."""
        native = self._written(self._denormalised(normalised, rescale), rescale)
        return _as_native(self._matched(native, info), info)

    def _matched(self, native: NDArray[np.float64], info: SequenceInfo) -> NDArray[np.float64]:
        """In the colours of the recording, where all of its channels are forecast."""
        every = len(self._chosen) == self._recorded
        return _match_channels(native, info.channels) if every else native

    def _denormalised(self, normalised: NDArray[Any], rescale: float) -> NDArray[np.float64]:
        native = self._run.normaliser.denormalise(torch.from_numpy(normalised).double())
        return (native[:, list(self._chosen)] / rescale).numpy()

    def _written(self, native: NDArray[np.float64], rescale: float) -> NDArray[np.float64]:
        """What the quantity cannot be becomes 0; last of all, because resizing makes small values beside large ones."""
        transform = self._run.normaliser.transform
        if not transform.changes:
            return native
        return (transform.written(torch.from_numpy(native) * rescale) / rescale).numpy()

    def _enlarge(self, small: NDArray[np.float32], forecast: NDArray[Any], info: SequenceInfo, rescale: float) -> None:
        """Bring a forecast to the size of the recording, one lead after the other and some rows at a time."""
        at_once = max(1, _ROWS_AT_ONCE // (info.width * small.shape[1]))
        for lead, frame in enumerate(small):
            native = self._denormalised(frame[None], rescale)
            for top in range(0, info.height, at_once):
                rows = Window(top, 0, min(at_once, info.height - top), info.width)
                resized = self._written(resize_frames(native, info.height, info.width, rows), rescale)
                matched = self._matched(resized, info)
                rows.cut(forecast[lead])[...] = _as_native(matched, info)[0]

    def _area(self, info: SequenceInfo) -> Window:
        """What is forecast of the converted frames: all of them, with what training padded them with."""
        conversion = self._conversion(info)
        _, *frame = conversion.shape(info)
        spans = [
            (-(max(room - size, 0) // 2), max(size, room))
            for size, room in zip(frame, conversion.size or frame, strict=True)
        ]
        (top, height), (left, width) = spans
        return Window(top, left, height, width)

    def _covers(self, area: Window) -> tuple[Cover, Cover]:
        return (
            Cover.of(area.height, self._spec.height, self._overlap),
            Cover.of(area.width, self._spec.width, self._overlap),
        )

    def _conversion(self, info: SequenceInfo) -> FrameConversion:
        """What training did to its frames; where that was nothing, grey and RGB recordings become each other."""
        clips = self._run.config.clips
        color = clips.color
        if color == "keep" and info.channels in _COLORS and info.channels != self._recorded:
            color = _COLORS.get(self._recorded, color)
        # Crops were taken of frames in this size; whole frames had that of the spec, whether one was set or not.
        size = (self._spec.height, self._spec.width) if clips.crop_size is None else clips.frame_size
        return FrameConversion(size, color, clips.fit)

    def _rescale(self, info: SequenceInfo) -> float:
        """Factor from the recording's values to those of the training, where the types differ and both have a range."""
        here, there = range_of_dtype(np.dtype(info.dtype)), range_of_dtype(np.dtype(self._run.record.dtype))
        if here is None and there is not None and info.value_range is not None:
            here = info.value_range
        if (here is None) != (there is None):
            raise SourceError(
                f"'{info.name}' holds {info.dtype} values, but the run was trained on {self._run.record.dtype}; "
                f"convert the recording to {self._run.record.dtype} first, so that its values mean the same."
            )
        if here is None or there is None or info.dtype == self._run.record.dtype:
            return 1.0
        # What values stand for may be less than what the type holds, as with 12 bits in 16.
        return self._run.normaliser.value_range[1] / (info.value_range or here)[1]


def _match_channels(frames: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    """Grey forecasts of a colour recording become colour again, and the other way round."""
    found = frames.shape[1]
    if found == channels:
        return frames
    if found == 1:
        return np.repeat(frames, channels, axis=1)
    return np.tensordot(frames, LUMA, axes=(1, 0))[:, None]


def _as_native(frames: NDArray[np.float64], info: SequenceInfo) -> NDArray[Any]:
    """In the type of the recording; integers are rounded, and limited to what they stand for."""
    dtype = np.dtype(info.dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low, high = info.value_range or (limits.min, limits.max)
        return np.clip(np.rint(frames), max(low, limits.min), min(high, limits.max)).astype(dtype)
    if dtype.kind == "b":
        return frames > 0.5  # the middle between the two values that the type has
    return frames.astype(dtype)
