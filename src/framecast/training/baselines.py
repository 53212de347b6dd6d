"""Fit the baselines on training clips, once, so that a moved run can still be compared with them."""

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from framecast.clips.clip_set import ClipSet
from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.quantity import Quantity
from framecast.models.baselines.table import BASELINES
from framecast.models.building import build_baseline

_MOST_CLIPS = 2000
_BATCH = 32


def fit_baselines(train: ClipSet, spec: ClipSpec) -> dict[str, Tensor]:
    """Fit every baseline of the table.

    Args:
        train: training clips; at most 2,000 of them are read, spread evenly, which is plenty for a mean.
        spec: what they look like. Where their normaliser has a transform, baselines are fitted on the scale without
            it, on which they are asked later (see :meth:`framecast.clips.normaliser.Normaliser.plain`).

    Returns:
        Fitted tensors, named ``"<baseline>.<buffer>"``.
    """
    normaliser = train.normaliser
    train, spec = replace(train, normaliser=normaliser.plain()), normaliser.plain_spec(spec)
    quantity = Quantity(
        units=train.units,
        offset=train.normaliser.offset,
        scale=train.normaliser.scale,
        step_seconds=train.describe(0).step_seconds if len(train) else None,
    )
    fitted: dict[str, Tensor] = {}
    for name in BASELINES:
        if BASELINES.load(name).unavailable():
            continue
        baseline = build_baseline(name, spec, quantity)
        if any(True for _ in baseline.buffers()):
            baseline.fit(_batches(train))
        fitted |= {f"{name}.{key}": tensor for key, tensor in baseline.state_dict().items()}
    return fitted


def _batches(train: ClipSet) -> Iterator[Batch]:
    chosen = train.plain().spread(_MOST_CLIPS)
    for begin in range(0, len(chosen), _BATCH):
        yield chosen.batch(range(begin, min(begin + _BATCH, len(chosen))))
