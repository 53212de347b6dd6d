"""Normaliser: native values to the numbers that a model sees, and back. Fitted on training frames only.

Three scales of one value: *native* (what the recording holds), *normalised* (what a model sees), and *unit* (native
values with the native range scaled to [0, 1], on which image metrics are computed whatever the normaliser).

    normalised = (native - offset) / scale          unit = (native - low) / (high - low)

``unit`` has offset = low and scale = high - low; ``symmetric`` has the middle of the range and half of its width;
``standard`` has mean and standard deviation (of the population) of each channel over the training frames.

The range (low, high) is what the native type stands for, 0 .. 255 for uint8, where the source says so. Else it is
measured: lowest and highest finite value of the training frames. Frames of validation and test may then lie beyond it.
A range or deviation of 0 (a constant recording) counts as 1, so that it normalises to 0 and comes back exactly.

Native values become float32 where that holds each of them exactly (up to 16 bits), else float64; the result is float32.

Axes: B clips, T = K + M frames, C channels, H height, W width; a leading ... stands for any others.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.clips.native_batch import NativeBatch
from framecast.frames.batch import Batch
from framecast.frames.errors import RunError, SourceError

NormaliserKind = Literal["unit", "symmetric", "standard"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Normaliser:
    """An affine map for each channel, and the native range."""

    kind: NormaliserKind
    """How it was fitted."""

    low: float
    """Lowest native value, over all channels."""

    high: float
    """Highest native value, over all channels."""

    offset: tuple[float, ...]
    """Native value that becomes 0, for each channel."""

    scale: tuple[float, ...]
    """Native distance that becomes 1, for each channel; above 0."""

    def __post_init__(self) -> None:
        if len(self.offset) != len(self.scale) or not self.offset:
            raise ValueError(f"offset and scale need a value a channel, found {self.offset} and {self.scale}")
        if not self.low < self.high or min(self.scale) <= 0:
            raise ValueError(f"low must be below high and scales above 0, found {self}")

    @classmethod
    def fit(
        cls,
        kind: NormaliserKind,
        frames: Iterable[NDArray[Any]],
        *,
        channels: int,
        value_range: tuple[float, float] | None = None,
    ) -> "Normaliser":
        """Fit to training frames, in one pass.

        Args:
            kind: the scale to reach.
            frames: pieces (T, C, H, W) in the native type, missing values not finite. Not read where ``value_range``
                tells enough.
            channels: C.
            value_range: lowest and highest value that the native type stands for; None measures them.

        Raises:
            SourceError: there is not one finite value in a channel that has to be measured.
        """
        statistics = _Statistics(channels)
        if value_range is None or kind == "standard":
            for piece in frames:
                statistics.add(piece)
            if not statistics.count.all():
                raise SourceError(
                    f"The training frames hold no finite value in channel {int(statistics.count.argmin()) + 1} of "
                    f"{channels}, so there is nothing to normalise by; leave that channel out, or look at the "
                    "recordings with 'framecast inspect'."
                )
        low, high = value_range or (float(statistics.low.min()), float(statistics.high.max()))
        if low == high:
            high = low + 1
        if kind == "standard":
            deviation = np.sqrt(statistics.squares / statistics.count)
            offset, scale = statistics.mean, np.where(deviation > 0, deviation, 1)
        else:
            width = high - low if kind == "unit" else (high - low) / 2
            offset, scale = np.full(channels, low if kind == "unit" else (low + high) / 2), np.full(channels, width)
        return cls(kind=kind, low=low, high=high, offset=tuple(offset.tolist()), scale=tuple(scale.tolist()))

    @property
    def channels(self) -> int:
        """C."""
        return len(self.offset)

    @property
    def bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Normalised values of the lowest and of the highest native value, for each channel."""
        pairs = tuple(zip(self.offset, self.scale, strict=True))
        low, high = ([(value - offset) / scale for offset, scale in pairs] for value in (self.low, self.high))
        return tuple(low), tuple(high)

    def normalise(self, native: Tensor) -> Tensor:
        """Native values (..., C, H, W), floating point, to normalised ones of the same type."""
        return (native - self._columns(self.offset, native)) / self._columns(self.scale, native)

    def batch(self, native: NativeBatch) -> Batch:
        """Clips as they were read to clips as models see them, on the device where they are.

        Missing values become a normalised 0: the lowest value (``unit``), the middle of the range (``symmetric``) or
        the mean (``standard``).

        Returns:
            A batch that has a mask where a value is missing.
        """
        frames, context = native.drawn(), native.context
        mask = torch.isfinite(frames) if native.missing else None
        parts: list[Tensor] = []
        for part in (slice(context), slice(context, None)):
            normalised = self.normalise(_exact_float(frames[:, part])).float()
            if native.noise is not None:
                normalised = self._with_noise(normalised, native.noise[:, None])
            if mask is not None:
                normalised = torch.where(mask[:, part], normalised, 0.0)
            parts.append(normalised)
        return Batch(parts[0], parts[1], mask)

    def denormalise(self, normalised: Tensor) -> Tensor:
        """Normalised values (..., C, H, W) to native ones, neither rounded nor clipped."""
        return normalised * self._column(self.scale, normalised) + self._column(self.offset, normalised)

    def to_unit(self, normalised: Tensor) -> Tensor:
        """Normalised values (..., C, H, W) to the unit scale, not clipped. Leaves those of ``unit`` as they are."""
        width = self.high - self.low
        slope = tuple(scale / width for scale in self.scale)
        start = tuple((offset - self.low) / width for offset in self.offset)
        return normalised * self._column(slope, normalised) + self._column(start, normalised)

    def to_json(self) -> str:
        """All that :meth:`from_json` needs, readable."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Normaliser":
        """The normaliser that :meth:`to_json` described; numbers come back exactly.

        Raises:
            RunError: the text is damaged.
        """
        try:
            values = json.loads(text)
            return cls(
                kind=values["kind"],
                low=float(values["low"]),
                high=float(values["high"]),
                offset=tuple(map(float, values["offset"])),
                scale=tuple(map(float, values["scale"])),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(
                f"The normaliser of this run is damaged ({error}); copy the run again from where it was trained."
            ) from None

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
        self._check_channels(like)
        columns = torch.tensor(values, dtype=like.dtype).view(-1, 1, 1)
        return columns.pin_memory().to(like.device, non_blocking=True) if like.is_cuda else columns.to(like.device)

    def _column(self, values: tuple[float, ...], like: Tensor) -> Tensor | float:
        """A value for each channel, as (C, 1, 1); as one number where all agree, which costs no copy to a device."""
        self._check_channels(like)
        if len(set(values)) == 1:
            return values[0]
        return _on_device(values, like.dtype, like.device)

    def _check_channels(self, frames: Tensor) -> None:
        if frames.shape[-3] != self.channels:
            raise ValueError(f"expected {self.channels} channels, found frames of shape {tuple(frames.shape)}")


@cache
def _on_device(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """(C, 1, 1), not to be written to. Made once: a copy to a GPU waits for it, and cannot be recorded."""
    return torch.tensor(values, dtype=dtype, device=device).view(-1, 1, 1)


def _exact_float(frames: Tensor) -> Tensor:
    """Native values as float32 where that holds each of them exactly, else as float64."""
    exact = frames.dtype == torch.float32 or frames.dtype.itemsize <= 2
    return frames.to(torch.float32 if exact else torch.float64)


class _Statistics:
    """Count, mean, sum of squared deviations and range of each channel, joined piece by piece.

    Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance", equations 2.1.
    """

    def __init__(self, channels: int) -> None:
        self.count = np.zeros(channels)
        self.mean = np.zeros(channels)
        self.squares = np.zeros(channels)
        self.low = np.full(channels, np.inf)
        self.high = np.full(channels, -np.inf)

    def add(self, piece: NDArray[Any]) -> None:
        """Join the values of (T, C, H, W)."""
        for channel in range(len(self.count)):
            values = piece[:, channel].astype(np.float64)
            values = values[np.isfinite(values)]
            if not values.size:
                continue
            mean, shift = values.mean(), values.mean() - self.mean[channel]
            total = self.count[channel] + values.size
            self.squares[channel] += ((values - mean) ** 2).sum()
            self.squares[channel] += shift**2 * self.count[channel] * values.size / total
            self.mean[channel] += shift * values.size / total
            self.count[channel] = total
            self.low[channel] = min(self.low[channel], values.min())
            self.high[channel] = max(self.high[channel], values.max())
