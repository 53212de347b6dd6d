"""Scales: forecasts and truth as conventions read them, whatever scale the forecaster lives on.

A model lives on the scale of its run's normaliser. Baselines know nothing of a model: where the normaliser has a
transform, they live on native values (the mean of logarithms is a poorer forecast than the mean, and would be easier to
beat), and so a run with a transform has the same baselines as one without.

Axes: B clips, T frames, C channels, H height, W width.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from framecast.clips.normaliser import Normaliser
from framecast.frames.batch import Batch
from framecast.metrics.conventions.convention import Space

Frames = Mapping[Space, Tensor]


def on_plain_scale(batch: Batch, normaliser: Normaliser) -> Batch:
    """A batch as baselines see it: normalised by ``normaliser.plain()``.

    Args:
        batch: normalised by ``normaliser``.
        normaliser: the run's.

    Returns:
        The batch itself where there is no transform.
    """
    plain = normaliser.plain()
    if plain is normaliser:
        return batch
    frames = plain.normalise(normaliser.denormalise(_exact(batch.frames))).float().to(batch.target.device)
    if batch.mask is not None:
        frames = torch.where(batch.mask, frames, 0.0)
    context = batch.context.shape[1]
    return Batch(frames[:, :context], frames[:, context:], batch.mask)


def truth_on(spaces: Collection[Space], plain: Tensor, normaliser: Normaliser, *, dtype: str) -> Frames:
    """The truth on every scale asked for.

    Args:
        spaces: which.
        plain: (B, T, C, H, W), from :func:`on_plain_scale`, so that a baseline which repeats it is exact.
        normaliser: the run's.
        dtype: the recording's numpy type, to which native values return if it is an integer.
    """
    return forecast_on(spaces, plain, normaliser.plain(), dtype=dtype)


def forecast_on(spaces: Collection[Space], normalised: Tensor, normaliser: Normaliser, *, dtype: str) -> Frames:
    """A forecast on every scale asked for, as it would be given out.

    Args:
        spaces: which.
        normalised: (B, T, C, H, W), as the forecaster wrote it.
        normaliser: that of its scale.
        dtype: the recording's numpy type, to which native values are rounded and limited if it is an integer.
    """
    scales: dict[Space, Callable[[], Tensor]] = {
        "unit": lambda: _unit(normalised, normaliser),
        "native": lambda: _as_type(normaliser.written(_exact(normalised)), np.dtype(dtype)),
    }
    return {space: scales[space]() for space in spaces}


def chosen_channels(frames: Tensor, channels: Sequence[int]) -> Tensor:
    """Channels of (B, T, C, H, W); all of them where none is named."""
    return frames[:, :, list(channels)] if channels else frames


def in_units(units: str | None, degree: int) -> str:
    """The unit of a metric of native values: ``"(mm/h)²"``.

    Args:
        units: those of the recording, where known.
        degree: the power in which they come.
    """
    if not units or not degree:
        return ""
    if degree == 1:
        return units
    return f"{units}²" if units.replace("°", "").isalpha() else f"({units})²"


def _unit(normalised: Tensor, normaliser: Normaliser) -> Tensor:
    if not normaliser.transform.changes:
        return normaliser.to_unit(normalised)
    return normaliser.plain().normalise(normaliser.written(_exact(normalised)))


def _as_type(native: Tensor, dtype: np.dtype[Any]) -> Tensor:
    if dtype.kind == "b":
        return torch.where(native.isnan(), native, (native > 0.5).to(native.dtype))
    if dtype.kind not in "iu":
        return native
    limits = np.iinfo(dtype)
    return native.round().clamp(float(limits.min), float(limits.max))


def _exact(frames: Tensor) -> Tensor:
    """As float64, on the CPU where the device has none."""
    return (frames.cpu() if frames.device.type == "mps" else frames).double()
