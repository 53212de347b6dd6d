"""Which convolutions a workload consists of: how much work there is, and of what shapes.

A ConvLSTM layer of F filters over C channels is, in every step, one convolution C → 4F of its input and one F → 4F of
its state; the head is one more. That is where the work lies, and the rest is counted as nothing, as is the custom. The
recurrent convolution of the first step, whose state is zero, is counted too, as in published counts. Training counts
three times the forward pass: forward, gradient of the data, gradient of the weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from benchmarks.workloads import Workload

_SMALL = 0.01


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """A convolution that keeps the size of its maps, done once in each of some steps."""

    channels: int
    filters: int

    kernel_area: int
    """Taps for each pair of channel and filter: 9 for 3 x 3, 27 for 3 x 3 x 3."""

    map_size: int
    """Height and width of its maps."""

    num_steps: int

    @property
    def macs(self) -> int:
        """Multiply–accumulate operations of the forward pass of one clip."""
        return self.channels * self.filters * self.kernel_area * self.map_size**2 * self.num_steps


def convolutions(workload: Workload) -> list[Convolution]:
    """Every convolution of the network, in the order of the layers."""
    return list(_convolutions(workload))


def floor_convolutions(workload: Workload) -> list[Convolution]:
    """Those that the floor consists of: the layers', without any that make up less than 1 % of the work."""
    found = convolutions(workload)
    total = sum(one.macs for one in found)
    return [one for one in found if one.macs >= _SMALL * total]


def training_flops(workload: Workload) -> int:
    """Floating-point operations of one training step."""
    return 3 * forecast_flops(workload)


def forecast_flops(workload: Workload) -> int:
    """Floating-point operations of one forecast of a batch; a multiplication and an addition are two."""
    return 2 * workload.batch * sum(one.macs for one in convolutions(workload))


def _convolutions(workload: Workload) -> Iterator[Convolution]:
    area, size = workload.kernel_size**2, workload.map_size
    below = (workload.frame_channels, *workload.widths[:-1])
    # The forecaster is a second stack with steps of its own, and its first layer has no input.
    stacks = [(below, workload.num_steps)]
    if workload.family == "encoder-forecaster":
        stacks = [(below, workload.length), ((0, *below[1:]), workload.length)]
    for inputs, steps in stacks:
        for channels, filters in zip(inputs, workload.widths, strict=True):
            for source in (channels, filters):
                if source:
                    yield Convolution(
                        channels=source, filters=4 * filters, kernel_area=area, map_size=size, num_steps=steps
                    )
    if workload.family == "stack":
        yield Convolution(
            channels=workload.widths[-1], filters=1, kernel_area=27, map_size=size, num_steps=workload.length
        )
    else:
        steps = workload.length if workload.family == "encoder-forecaster" else workload.num_steps
        source = sum(workload.widths) if workload.family == "encoder-forecaster" else workload.widths[-1]
        yield Convolution(
            channels=source, filters=workload.frame_channels, kernel_area=1, map_size=size, num_steps=steps
        )
