"""The floor: the layers' convolutions alone, and on a GPU the rate of a large matrix product.

What a training step cannot do without are its convolutions: forward, gradient of the data, gradient of the weights.
They are run here on random numbers through PyTorch, with nothing between them. Four ways are measured: one call for
each step or one for all steps together, and channels last in memory or first. The floor is the fastest of the four.
Every step has memory of its own, as in a training, so that a cache does not hold what it would not hold there.

Axes: T steps, B clips, C channels, F filters, H height, W width.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, final

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.convolutions import Convolution, floor_convolutions
from benchmarks.random_clips import check_device
from benchmarks.timing import Effort, repeat, timed
from benchmarks.workloads import Device, Precision, Workload

PARTS = ("forward", "gradient of data", "gradient of weights")

MATRIX_SIDE = 8192
"""Side of the square matrices of the measured rate."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to run the convolutions."""

    layout: Literal["channels last", "channels first"]
    one_call: bool
    """All steps in one call, or each in its own."""

    precision: Precision
    device: Device

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.layout}, {'one call' if self.one_call else 'call per step'}"

    def numbers(self, *shape: int) -> Tensor:
        """Random values in this way's layout, precision and place."""
        values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        memory_format = torch.channels_last if self.layout == "channels last" else torch.contiguous_format
        return values.to(self.device, dtype).contiguous(memory_format=memory_format)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What one way took."""

    way: Way

    parts: dict[str, list[float]]
    """Seconds of each repetition, for each of the three parts."""

    @property
    def seconds(self) -> list[float]:
        """All three parts together."""
        return [sum(repetition) for repetition in zip(*self.parts.values(), strict=True)]


def measure_floor(workload: Workload, precision: Precision, device: Device, effort: Effort) -> list[Floor]:
    """Every way, the fastest first.

    Raises:
        NotHereError: there is no such device.
    """
    check_device(device)
    layouts: tuple[Literal["channels last", "channels first"], ...] = ("channels last", "channels first")
    ways = [
        Way(layout=layout, one_call=one_call, precision=precision, device=device)
        for layout in layouts
        for one_call in (False, True)
    ]
    found = [_measure_way(workload, way, effort) for way in ways]
    return sorted(found, key=lambda floor: median(floor.seconds))


def matrix_flops_per_second(device: Device, *, side: int = MATRIX_SIDE, repetitions: int = 10) -> float:
    """Floating-point operations a second of a square bfloat16 matrix product of random numbers, the median."""
    generator = torch.Generator(device).manual_seed(0)
    left, right = (torch.randn(side, side, device=device, generator=generator).bfloat16() for _ in range(2))
    effort = Effort(steps=repetitions, seconds=math.inf)
    for _ in range(3):
        torch.mm(left, right)
    return 2 * side**3 / median(repeat(lambda: torch.mm(left, right), wait=_wait_for(device), effort=effort))


def _measure_way(workload: Workload, way: Way, effort: Effort) -> Floor:
    work = [_parts_of(one, way, num_clips=workload.batch) for one in floor_convolutions(workload)]
    parts: dict[str, list[float]] = {part: [] for part in PARTS}

    def once() -> None:
        for place, part in enumerate(PARTS):
            actions = [one[place] for one in work]
            parts[part].append(timed(lambda actions=actions: _run(actions), wait=_wait_for(way.device)))

    for _ in range(max(1, effort.warm_up)):
        once()
    for seconds in parts.values():
        seconds.clear()
    repeat(once, wait=_wait_for(way.device), effort=effort)
    return Floor(way=way, parts=parts)


def _run(actions: Iterable[Callable[[], object]]) -> None:
    for action in actions:
        action()


def _parts_of(one: Convolution, way: Way, *, num_clips: int) -> tuple[Callable[[], object], ...]:
    """The three parts of one convolution over all of its steps."""
    kernel = math.isqrt(one.kernel_area)
    num_calls = 1 if way.one_call else one.num_steps
    maps = (one.map_size, one.map_size)
    inputs = way.numbers(one.num_steps * num_clips, one.channels, *maps).chunk(num_calls)
    gradients = way.numbers(one.num_steps * num_clips, one.filters, *maps).chunk(num_calls)
    weight = way.numbers(one.filters, one.channels, kernel, kernel)

    def forward() -> None:
        for values in inputs:
            F.conv2d(values, weight, padding=kernel // 2)

    def backward(*wanted: bool) -> Callable[[], None]:
        # Strides, padding, dilation, transposed, output padding, groups; gradients of data, weights and bias.
        rest: tuple[Any, ...] = ([1, 1], [kernel // 2] * 2, [1, 1], False, [0, 0], 1, [*wanted, False])

        def run() -> None:
            for values, gradient in zip(inputs, gradients, strict=True):
                torch.ops.aten.convolution_backward(gradient, values, weight, None, *rest)

        return run

    return forward, backward(True, False), backward(False, True)


def _wait_for(device: Device) -> Callable[[], object]:
    return torch.cuda.synchronize if device == "cuda" else (lambda: None)
