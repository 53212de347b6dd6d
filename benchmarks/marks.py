"""The marks: what framecast asks of itself, and whether the figures say so.

A row with a bound is a mark; one without is there for information. A mark whose figures are missing was not measured,
which is not the same as not met.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

from benchmarks.contender import FrameworkName
from benchmarks.figures import Figures, is_full, precision_text, ratio, share_of_matrix_rate
from benchmarks.measurement import Summary
from benchmarks.workloads import Device, Precision

Verdict = Literal["met", "not met", "not measured", "for information"]

GPU_BATCH = 16
"""Clips a step at which framecast and its peers are compared on a GPU."""

_OURS: tuple[FrameworkName, ...] = ("framecast", "framecast-recorded")

_NAMES: dict[FrameworkName, str] = {
    "keras-tensorflow": "Keras/TensorFlow",
    "plain": "the plain loop",
    "plain-compiled": "the plain loop under torch.compile",
    "floor": "the convolutions alone",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What is asked."""

    side: Literal["at least", "at most"]
    value: float

    def holds(self, value: float) -> bool:
        """Whether a value keeps to it."""
        return value >= self.value if self.side == "at least" else value <= self.value


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One row."""

    name: str
    device: Device

    bound: Bound | None
    """None: for information."""

    value: Callable[[Figures], float | None]
    """None where a figure is missing."""

    unit: Literal["times", "percent"] = "times"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A mark and what became of it, as text."""

    name: str
    asked: str
    measured: str
    verdict: Verdict


def judge(summaries: list[Summary], *, device: Device) -> list[Judged]:
    """Every mark of a device. Figures of shortened networks do not count."""
    figures = Figures([one for one in summaries if is_full(one)], device=device)
    return [_judge(mark, figures) for mark in marks() if mark.device == device]


def marks() -> tuple[Mark, ...]:
    """The table."""
    return (
        _faster("r0", "bf16", than=("keras-tensorflow", "32"), bound=1.7),
        _faster("r0", "bf16", than=("keras-tensorflow", "bf16")),
        _above_floor("r0", "bf16", bound=1.35),
        _above_floor("r0", "32"),
        _faster("r0", "32", than=("keras-tensorflow", "32"), bound=1.0),
        _faster("r0", "32", than=("plain", "32"), bound=1.3),
        _faster("r0", "bf16", than=("plain", "bf16")),
        _faster_forecast("r0", "bf16", than=("keras-tensorflow", "32"), bound=1.8),
        _faster_forecast("r0", "bf16", than=("keras-tensorflow", "bf16")),
        _smaller("r0", "32", than=("keras-tensorflow", "32"), bound=0.6),
        _smaller("r0", "bf16", than=("keras-tensorflow", "32")),
        *(mark for workload in ("small-32", "small-64") for mark in _small_marks(workload)),
        *(mark for workload in ("encoder-forecaster", "unrolled") for mark in _gpu_marks(workload)),
    )


def _small_marks(workload: str) -> tuple[Mark, ...]:
    return (
        _faster(workload, "32", than=("plain", "32"), bound=2.0),
        _faster(workload, "bf16", than=("plain", "bf16"), bound=2.0),
        _faster(workload, "bf16", than=("plain", "32")),
    )


def _gpu_marks(workload: str) -> tuple[Mark, ...]:
    return (
        Mark(
            name=f"{workload} training, bfloat16, the best batch: share of the matrix rate",
            device="cuda",
            bound=Bound(side="at least", value=0.4),
            value=lambda figures: _best_share(figures, workload),
            unit="percent",
        ),
        _faster(workload, "bf16", than=("plain", "bf16"), bound=2.0, device="cuda"),
        _faster(workload, "bf16", than=("plain-compiled", "bf16"), bound=1.3, device="cuda"),
        Mark(
            name=f"{workload} training, bfloat16: faster than Keras on JAX or PyTorch, whichever is fastest",
            device="cuda",
            bound=Bound(side="at least", value=3.0),
            value=lambda figures: ratio(_fastest_keras(figures, workload), _ours(figures, workload, "bf16")),
        ),
    )


def _faster(
    workload: str,
    ours: Precision,
    *,
    than: tuple[FrameworkName, Precision],
    bound: float | None = None,
    device: Device = "cpu",
) -> Mark:
    """A training step against a peer's."""
    peer, theirs = than
    batch = GPU_BATCH if device == "cuda" else None
    own = _ours if device == "cuda" else _as_it_is
    return Mark(
        name=f"{workload} training, {precision_text(ours)}: faster than {_NAMES[peer]} in {precision_text(theirs)}",
        device=device,
        bound=None if bound is None else Bound(side="at least", value=bound),
        value=lambda figures: ratio(figures.step(workload, peer, theirs, batch=batch), own(figures, workload, ours)),
    )


def _faster_forecast(
    workload: str, ours: Precision, *, than: tuple[FrameworkName, Precision], bound: float | None = None
) -> Mark:
    peer, theirs = than
    return Mark(
        name=f"{workload} forecast, {precision_text(ours)}: faster than {_NAMES[peer]} in {precision_text(theirs)}",
        device="cpu",
        bound=None if bound is None else Bound(side="at least", value=bound),
        value=lambda figures: ratio(
            figures.forecast(workload, peer, theirs), figures.forecast(workload, "framecast", ours)
        ),
    )


def _above_floor(workload: str, precision: Precision, *, bound: float | None = None) -> Mark:
    return Mark(
        name=f"{workload} training, {precision_text(precision)}: as long as {_NAMES['floor']}",
        device="cpu",
        bound=None if bound is None else Bound(side="at most", value=bound),
        value=lambda figures: ratio(
            figures.step(workload, "framecast", precision), figures.step(workload, "floor", precision)
        ),
    )


def _smaller(
    workload: str, ours: Precision, *, than: tuple[FrameworkName, Precision], bound: float | None = None
) -> Mark:
    peer, theirs = than
    return Mark(
        name=f"{workload} peak memory of training, {precision_text(ours)}: as much as {_NAMES[peer]} in "
        f"{precision_text(theirs)}",
        device="cpu",
        bound=None if bound is None else Bound(side="at most", value=bound),
        value=lambda figures: ratio(figures.peak(workload, "framecast", ours), figures.peak(workload, peer, theirs)),
    )


def _as_it_is(figures: Figures, workload: str, precision: Precision) -> float | None:
    return figures.step(workload, "framecast", precision)


def _ours(figures: Figures, workload: str, precision: Precision) -> float | None:
    """Seconds of framecast's step on a GPU, recorded or not, whichever is faster."""
    steps = (figures.step(workload, one, precision, batch=GPU_BATCH) for one in _OURS)
    return min((seconds for seconds in steps if seconds is not None), default=None)


def _best_share(figures: Figures, workload: str) -> float | None:
    rate = figures.matrix_rate
    shares = [share_of_matrix_rate(one, rate) for ours in _OURS for one in figures.all_of(workload, ours, "bf16")]
    return max((share for share in shares if share is not None), default=None)


def _fastest_keras(figures: Figures, workload: str) -> float | None:
    """Seconds of a step of Keras on JAX or PyTorch, whichever is faster, in whichever precision is faster."""
    backends: tuple[FrameworkName, ...] = ("keras-jax", "keras-torch")
    precisions: tuple[Precision, ...] = ("bf16", "32")
    steps = (figures.step(workload, one, precision, batch=GPU_BATCH) for one in backends for precision in precisions)
    return min((seconds for seconds in steps if seconds is not None), default=None)


def _judge(mark: Mark, figures: Figures) -> Judged:
    value = mark.value(figures)
    if value is None:
        verdict: Verdict = "not measured"
    elif mark.bound is None:
        verdict = "for information"
    else:
        verdict = "met" if mark.bound.holds(value) else "not met"
    return Judged(
        name=mark.name,
        asked="–" if mark.bound is None else f"{mark.bound.side} {_text(mark, mark.bound.value)}",
        measured="–" if value is None else _text(mark, value),
        verdict=verdict,
    )


def _text(mark: Mark, value: float) -> str:
    return f"{value * 100:.1f} %" if mark.unit == "percent" else f"{value:.2f} ×"
