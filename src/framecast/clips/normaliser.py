"""Normaliser: native values to the numbers that a model sees, and back. Fitted on training frames only.

Three scales of one value: *native* (what the recording holds), *normalised* (what a model sees), and *unit* (native
values with the native range scaled to [0, 1], on which image metrics are computed whatever the normaliser).

    normalised = (transform(native) - offset) / scale          unit = (native - low) / (high - low)

The transform (see :mod:`framecast.clips.transforms`) does nothing unless one was chosen. On its scale, ``unit`` has
offset = low and scale = high - low; ``symmetric`` has the middle of the range and half of its width; ``standard`` has
mean and standard deviation (of the population) of each channel over the training frames.

The range (low, high) of each channel is what the native type stands for, 0 .. 255 for uint8, where the source says so.
Else it is measured: lowest and highest finite value of the training frames. Frames of validation and test may then lie
beyond it. Channels that are variables of their own (rain, temperature) are measured apart; those of a picture share one
range, or its colours would change. A range or deviation of 0 (a constant recording) counts as 1, so that it normalises
to 0 and comes back exactly.

Native values become float32 where that holds each of them exactly (up to 16 bits), else float64; the result is float32.

Axes: B clips, T = K + M frames, C channels, H height, W width; a leading ... stands for any others.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any, Literal, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.clips.channel_statistics import ChannelStatistics
from framecast.clips.native_batch import NativeBatch
from framecast.clips.transforms import Transform
from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, RunError, SourceError

NormaliserKind = Literal["unit", "symmetric", "standard"]

_LARGE = 2**23
"""Values above which pieces are worth the trouble: as float32 the C library gets them from the system page by page."""

_PIECE = 2**18
"""Values that are normalised at once: small enough to stay in a processor's cache."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Normaliser:
    """A transform, then an affine map for each channel; and the native range of each channel."""

    kind: NormaliserKind
    """How it was fitted."""

    low: tuple[float, ...]
    """Lowest native value, for each channel."""

    high: tuple[float, ...]
    """Highest native value, for each channel."""

    offset: tuple[float, ...]
    """Transformed value that becomes 0, for each channel."""

    scale: tuple[float, ...]
    """Transformed distance that becomes 1, for each channel; above 0."""

    transform: Transform = field(default_factory=Transform)
    """What is done to native values before the affine map; nothing by default."""

    added: int = 0
    """How many of the channels, the last ones, were added by clips and come as they are, from 0 to 1 (see
    :mod:`framecast.clips.channels`)."""

    def __post_init__(self) -> None:
        if not self.offset or len({len(self.low), len(self.high), len(self.offset), len(self.scale)}) > 1:
            raise ValueError(f"low, high, offset and scale need a value a channel, found {self}")
        if not all(low < high for low, high in zip(self.low, self.high, strict=True)) or min(self.scale) <= 0:
            raise ValueError(f"low must be below high and scales above 0, found {self}")

    @classmethod
    def fit(
        cls,
        kind: NormaliserKind,
        frames: Iterable[NDArray[Any]],
        *,
        channels: int,
        value_range: tuple[float, float] | None = None,
        transform: Transform | None = None,
        shared_range: bool = False,
    ) -> "Normaliser":
        """Fit to training frames, in one pass.

        Args:
            kind: the scale to reach.
            frames: pieces (T, C, H, W) in the native type, missing values not finite. Not read where ``value_range``
                tells enough.
            channels: C.
            value_range: lowest and highest value that the native type stands for; None measures them.
            transform: what comes before the affine map; None is nothing.
            shared_range: whether a measured range is that of all channels together, as for pictures.

        Raises:
            SourceError: there is not one finite value in a channel that has to be measured.
            ConfigurationError: values below 0, and a transform that is not made for them.
        """
        transform = transform or Transform()
        statistics = ChannelStatistics(channels, transform)
        if value_range is None or kind == "standard":
            for piece in frames:
                statistics.add(piece)
            if not statistics.count.all():
                raise SourceError(
                    f"The training frames hold no finite value in channel {int(statistics.count.argmin()) + 1} of "
                    f"{channels}, so there is nothing to normalise by; leave that channel out, or look at the "
                    "recordings with 'framecast inspect'."
                )
        if value_range is not None:
            low, high = (np.full(channels, float(value)) for value in value_range)
        else:
            low, high = statistics.low, statistics.high
            if shared_range:
                low, high = np.full(channels, low.min()), np.full(channels, high.max())
        _refuse_negative(transform, min(low.min(), statistics.low.min()))
        high = np.where(low == high, low + 1, high)
        if kind == "standard":
            deviation = np.sqrt(statistics.squares / statistics.count)
            offset, scale = statistics.mean, np.where(deviation > 0, deviation, 1)
        else:
            start, end = (transform.forward(torch.from_numpy(ends)).numpy() for ends in (low, high))
            offset, scale = (start, end - start) if kind == "unit" else ((start + end) / 2, (end - start) / 2)
        low, high, offset, scale = (tuple(values.tolist()) for values in (low, high, offset, scale))
        return cls(kind=kind, low=low, high=high, offset=offset, scale=scale, transform=transform)

    @property
    def channels(self) -> int:
        """C, those that were added among them."""
        return len(self.offset)

    @property
    def recorded(self) -> int:
        """The channels that are normalised."""
        return self.channels - self.added

    def with_added(self, count: int) -> "Normaliser":
        """The same for clips to which channels are added; itself where there are none."""
        if not count:
            return self
        zero, one = self._transformed((0.0, 1.0))
        return replace(
            self,
            low=(*self.low, *(0.0,) * count),
            high=(*self.high, *(1.0,) * count),
            offset=(*self.offset, *(zero,) * count),
            scale=(*self.scale, *(one - zero,) * count),
            added=self.added + count,
        )

    @property
    def bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Normalised values of the lowest and of the highest native value, for each channel."""
        low, high = (
            tuple((value - offset) / scale for value, offset, scale in zip(ends, self.offset, self.scale, strict=True))
            for ends in (self._transformed(self.low), self._transformed(self.high))
        )
        return low, high

    @property
    def value_range(self) -> tuple[float, float]:
        """Lowest and highest native value over all recorded channels."""
        return min(self.low[: self.recorded]), max(self.high[: self.recorded])

    def plain(self) -> "Normaliser":
        """The same ranges without a transform, as ``unit`` has them; itself where there is no transform.

        It is the scale of what knows nothing of a model, such as baselines: squared errors of native values are in
        proportion to those of its values.
        """
        if not self.transform.changes:
            return self
        width = tuple(high - low for low, high in zip(self.low, self.high, strict=True))
        return replace(self, kind="unit", offset=self.low, scale=width, transform=Transform())

    def plain_spec(self, spec: ClipSpec) -> ClipSpec:
        """What clips look like when :meth:`plain` normalises them; ``spec`` itself where there is no transform."""
        if not self.transform.changes:
            return spec
        low, high = self.plain().bounds
        return replace(spec, low=low, high=high)

    def normalise(self, native: Tensor) -> Tensor:
        """Native values (..., C, H, W), floating point, to normalised ones of the same type.

        C are all channels, or those that were not added.
        """
        return (self.transform.forward(native) - self._columns(self.offset, native)) / self._columns(self.scale, native)

    def batch(self, native: NativeBatch) -> Batch:
        """Clips as they were read to clips as models see them, on the device where they are.

        Missing values become a normalised 0: the lowest value (``unit``), the middle of the range (``symmetric``) or
        the mean (``standard``). Noise is a share of the range on the transformed scale.

        Returns:
            A batch that has a mask where a value is missing, or a channel is not to be forecast.
        """
        frames, context = native.drawn(), native.context
        mask = torch.isfinite(frames) if native.missing else None
        parts: list[Tensor] = []
        for part in (slice(context), slice(context, None)):
            normalised = self._normalised(frames[:, part])
            if native.noise is not None:
                normalised = self._with_noise(normalised, native.noise[:, None])
            if mask is not None:
                normalised = torch.where(mask[:, part], normalised, 0.0)
            if native.added is not None:
                normalised = torch.cat([normalised, native.added[:, part]], dim=2)
            parts.append(normalised)
        return Batch(parts[0], parts[1], self._with_channels(mask, native, frames))

    def _normalised(self, native: Tensor) -> Tensor:
        """Native values (B, T, C, H, W) to normalised float32, contiguous.

        On a processor, large ones a piece at a time, through all steps while the caches hold it. The bits are the same.
        """
        if native.device.type != "cpu" or native.numel() <= _LARGE:
            return self.normalise(_exact_float(native)).float()
        # NumPy asks for large pages, which takes a fraction of the time that the first touch of small ones does.
        result = torch.from_numpy(np.empty(tuple(native.shape), np.float32))
        offset, scale = (self._columns(values, _exact_float(native[:1, :1])) for values in (self.offset, self.scale))
        at_once = max(1, _PIECE // native[0, 0].numel())  # frames
        for clip, out in zip(native, result, strict=True):
            for frames, piece in zip(clip.split(at_once), out.split(at_once), strict=True):
                values = self.transform.forward(_exact_float(frames))
                if values.dtype == torch.float32:
                    torch.sub(values, offset, out=piece).div_(scale)
                else:
                    piece.copy_((values - offset).div_(scale))
        return result

    def denormalise(self, normalised: Tensor) -> Tensor:
        """Normalised values (..., C, H, W) to native ones, neither rounded nor clipped; what was read comes back."""
        return self.transform.inverse(self._affine(normalised))

    def written(self, normalised: Tensor) -> Tensor:
        """A normalised forecast (..., C, H, W) in native values as they are given out, neither rounded nor clipped.

        Differs from :meth:`denormalise` where there is a transform: what its quantity cannot be becomes 0.
        """
        return self.transform.written(self.denormalise(normalised))

    def to_unit(self, normalised: Tensor) -> Tensor:
        """Normalised values (..., C, H, W) to the unit scale, not clipped. Leaves those of ``unit`` as they are.

        Differentiable. With a transform, native values come first: a step of the normalised scale is then a small step
        where values are small.
        """
        width = tuple(high - low for low, high in zip(self.low, self.high, strict=True))
        if self.transform.changes:
            return (self.denormalise(normalised) - self._column(self.low, normalised)) / self._column(width, normalised)
        slope = tuple(scale / wide for scale, wide in zip(self.scale, width, strict=True))
        start = tuple((offset - low) / wide for offset, low, wide in zip(self.offset, self.low, width, strict=True))
        return normalised * self._column(slope, normalised) + self._column(start, normalised)

    def to_json(self) -> str:
        """All that :meth:`from_json` needs, readable."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Normaliser":
        """The normaliser that :meth:`to_json` described; numbers come back exactly.

        Earlier versions knew one range for all channels, and no transform.

        Raises:
            RunError: the text is damaged.
        """
        try:
            values = json.loads(text)
            offset = _numbers(values["offset"])
            return cls(
                kind=values["kind"],
                low=_numbers(values["low"], len(offset)),
                high=_numbers(values["high"], len(offset)),
                offset=offset,
                scale=_numbers(values["scale"]),
                transform=_transform(values.get("transform", {})),
                added=int(values.get("added", 0)),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(
                f"The normaliser of this run is damaged ({error}); copy the run again from where it was trained."
            ) from None

    def _with_channels(self, mask: Tensor | None, native: NativeBatch, frames: Tensor) -> Tensor | None:
        """The mask of all channels, in which those that are not to be forecast are missing."""
        if not native.forecast_channels:
            return mask
        shape = (*frames.shape[:2], self.channels, *frames.shape[3:])
        wanted = torch.zeros(self.channels, dtype=torch.bool)
        wanted[list(native.forecast_channels)] = True
        whole = wanted.view(-1, 1, 1).to(frames.device).expand(shape)
        if mask is None:
            return whole
        added = mask.new_ones((*shape[:2], self.added, *shape[3:]))
        return whole & torch.cat([mask, added], dim=2)

    def _affine(self, normalised: Tensor) -> Tensor:
        return normalised * self._column(self.scale, normalised) + self._column(self.offset, normalised)

    def _transformed(self, native: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(self.transform.forward(torch.tensor(native, dtype=torch.float64)).tolist())

    def _with_noise(self, normalised: Tensor, noise: Tensor) -> Tensor:
        """Add noise of the unit scale, (..., C, H, W); no value leaves the native range by it."""
        low, high = (self._columns(bound, normalised) for bound in self.bounds)
        # Measured ranges may not reach as far as every value: what lies beyond them stays where it is.
        lowest, highest = torch.minimum(normalised, low), torch.maximum(normalised, high)
        return torch.minimum(torch.maximum(normalised + noise * (high - low), lowest), highest)

    def _columns(self, values: tuple[float, ...], like: Tensor) -> Tensor:
        """A value for each channel, as (C, 1, 1) of the same type on the same device.

        A tensor also where all values agree: CUDA divides by a plain number through its reciprocal, which may cost the
        last bit. It comes from page-locked memory, because any other copy waits for the work that is under way.
        """
        values = self._of_channels(values, like)
        columns = torch.tensor(values, dtype=like.dtype).view(-1, 1, 1)
        return columns.pin_memory().to(like.device, non_blocking=True) if like.is_cuda else columns.to(like.device)

    def _column(self, values: tuple[float, ...], like: Tensor) -> Tensor | float:
        """A value for each channel, as (C, 1, 1); as one number where all agree, which costs no copy to a device."""
        values = self._of_channels(values, like)
        if len(set(values)) == 1:
            return values[0]
        return _on_device(values, like.dtype, like.device)

    def _of_channels(self, values: tuple[float, ...], frames: Tensor) -> tuple[float, ...]:
        """The values of the channels that frames have: all, or those that were not added."""
        if frames.shape[-3] not in (self.channels, self.recorded):
            raise ValueError(f"expected {self.channels} channels, found frames of shape {tuple(frames.shape)}")
        return values[: frames.shape[-3]]


def _refuse_negative(transform: Transform, lowest: float) -> None:
    if transform.changes and lowest < 0:
        raise ConfigurationError(
            f"clips.transform.name={transform.name} is for values of 0 and more, found {lowest:g} in the training "
            "frames or in the range that their type stands for. Set clips.transform.name=none; if that number stands "
            f"for a missing value, source.missing={lowest:g}; if values do not reach so low, source.value_range."
        )


def _numbers(values: Any, repeated: int = 1) -> tuple[float, ...]:
    """A list as numbers; a single one of earlier versions stands for every channel."""
    return tuple(map(float, values)) if isinstance(values, list) else (float(values),) * repeated


def _transform(values: dict[str, Any]) -> Transform:
    known = {name: values[name] for name in ("floor", "a", "b") if name in values}
    return Transform(name=values.get("name", "none"), **{name: float(value) for name, value in known.items()})


@cache
def _on_device(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """(C, 1, 1), not to be written to. Made once: a copy to a GPU waits for it, and cannot be recorded."""
    return torch.tensor(values, dtype=dtype, device=device).view(-1, 1, 1)


def _exact_float(frames: Tensor) -> Tensor:
    """Native values as float32 where that holds each of them exactly, else as float64."""
    exact = frames.dtype == torch.float32 or frames.dtype.itemsize <= 2
    return frames.to(torch.float32 if exact else torch.float64)
