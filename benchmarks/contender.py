"""Contender: one way to train and run the network of a workload, ready to be timed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

FrameworkName = Literal[
    "framecast",
    "framecast-recorded",
    "plain",
    "plain-compiled",
    "keras-tensorflow",
    "keras-torch",
    "keras-jax",
    "floor",
]
"""``framecast-recorded`` replays its steps as a CUDA graph, ``plain`` is the loop of ``benchmarks/plain.py``,
``plain-compiled`` the same under torch.compile, and ``floor`` the convolutions alone."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What the worker calls, and what it writes down beside the times."""

    train: Callable[[], object]
    """One training step on the batch in memory: forward, loss, backward, update. May return before it is done."""

    forecast: Callable[[], object] | None
    """One forecast of the batch in memory. May return before it is done. None: forecasts are not measured."""

    wait: Callable[[], object]
    """Returns when the device has done what it was given."""

    parameters: int
    """Trainable numbers."""

    device_peak_bytes: Callable[[], int | None]
    """The most memory of the GPU that was in use at once; None on a CPU, or where the framework does not tell."""

    packages: tuple[str, ...]
    """Installed packages whose versions belong beside the figures."""

    notes: tuple[str, ...] = ()
    """What a reader must know of this contender."""


class NotHereError(Exception):
    """This contender cannot run here; the message says why."""
