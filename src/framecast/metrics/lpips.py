"""Learned perceptual image patch similarity (LPIPS): how different a frame looks, to a network trained on photographs.

Code bases differ in what they show the network. It expects values in [-1, 1] (``inputs="signed"``); the code of PredRNN
hands it [0, 1] as if it were that (``"unit"``), which it sees as pale frames. The code of MAU multiplies by 100 and
averages maps that were enlarged to the frame's size (``spatial``).

Missing pixels are 0 in forecast and truth: no difference is seen there, but their edges are. Frames that are missing
altogether do not count.

Axes: B clips, T leads, C channels, H height, W width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from framecast.frames.errors import NotAvailableError
from framecast.metrics.features.lpips import FILES, Net, PerceptualDistance, perceptual_distance
from framecast.metrics.features.network import as_colour
from framecast.metrics.features.precision import plain_float32
from framecast.metrics.features.weights import lacking
from framecast.metrics.metric import Better, FloatArray, Metric, ratio
from framecast.metrics.statistic import Statistic

Inputs = Literal["signed", "unit"]
"""What the network is shown: values scaled to [-1, 1], as it expects, or values in [0, 1] taken for that."""


@final
@dataclass(frozen=True, slots=True)
class FrameDistance(Statistic):
    """The perceptual distance of each frame, and 1 or, for a frame that is missing or too small, 0.

    Each frame is looked at by itself, so that the batch it came in cannot change a bit of the result.
    """

    net: Net
    inputs: Inputs
    spatial: bool

    @property
    def name(self) -> str:
        """What the sum is called; every variant has a name of its own."""
        variant = ("_unit" if self.inputs == "unit" else "") + ("_spatial" if self.spatial else "")
        return f"lpips_{self.net}{variant}"

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        """See :meth:`Statistic.per_frame`."""
        distance = perceptual_distance(self.net)
        shape = target.shape[:2]
        there = torch.ones(shape, dtype=torch.bool, device=target.device)
        if min(target.shape[-2:]) < distance.smallest:
            there = torch.zeros_like(there)
        elif mask is not None:
            there = mask.flatten(2).any(dim=2)
        values = target.new_zeros(shape)
        with plain_float32(target.device):
            for clip, lead in there.nonzero().tolist():
                values[clip, lead] = self._of_frame(distance, forecast[clip, lead], target[clip, lead])
        return {self.name: values, f"{self.name}_frames": there.to(target.dtype)}

    def _of_frame(self, distance: PerceptualDistance, forecast: Tensor, target: Tensor) -> Tensor:
        """(C, H, W) → a scalar; the mean over channels that are looked at one by one."""
        images = [as_colour(frame[None].to(torch.float32)) for frame in (forecast, target)]
        if self.inputs == "unit":
            images = [(image + 1.0) / 2.0 for image in images]
        value = distance.between(images[0], images[1], spatial=self.spatial).mean().to(target.dtype)
        return torch.where(forecast.isfinite().all(), value, torch.nan)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedPerceptualSimilarity(Metric):
    """The mean LPIPS of single frames. Frames too small for the network (31 pixels for AlexNet, 16 for VGG16) have
    none: the value is then NaN. Three channels are taken for red, green and blue, one for grey; of any other number,
    each channel is looked at as a grey frame.
    """

    name: str = "lpips"
    summary: str = "Learned perceptual distance (LPIPS), AlexNet."
    better: Better | None = "lower"
    whole_frames: bool = True

    net: Net = "alex"
    """Which network looks."""

    inputs: Inputs = "signed"
    """What it is shown."""

    spatial: bool = False
    """Whether the maps of the layers are enlarged to the frame's size before they are averaged."""

    factor: float = 1.0
    """What the distance is multiplied by."""

    def unavailable(self) -> str | None:
        """See :meth:`Metric.unavailable`."""
        if (reason := lacking(*FILES[self.net])) is not None:
            return f"It needs {reason}."
        try:  # what is read here is kept for the frames
            perceptual_distance(self.net)
        except NotAvailableError as error:
            return f"{error} 'framecast weights' compares files with the published ones."
        return None

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """See :attr:`Metric.statistics`."""
        return (self._statistic,)

    @property
    def _statistic(self) -> FrameDistance:
        return FrameDistance(self.net, self.inputs, self.spatial)

    def value(self, sums: Mapping[str, FloatArray]) -> FloatArray:
        """See :meth:`Metric.value`."""
        name = self._statistic.name
        return self.factor * ratio(sums[name], sums[f"{name}_frames"])
