"""The workloads: which network, on clips of which size, with how many clips a step.

Every contender builds the same network from the same :class:`Workload`. Frames are grey and square; the context and the
horizon have the same length.

``r0`` is the network of the Keras notebooks on next-frame prediction. ``small-32`` and ``small-64`` are the
encoder–forecaster at the size of framecast's demo. ``encoder-forecaster`` is the two-layer network of Shi et al. 2015,
and ``unrolled`` the frame-to-frame stack of four layers that comparisons of video prediction call ConvLSTM-S
(11,675,648 parameters, 56.8 · 10⁹ multiplications for a forecast of 10 frames from 10).
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, final

Family = Literal["stack", "encoder-forecaster", "unrolled"]
Device = Literal["cpu", "cuda"]
Precision = Literal["32", "bf16"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One network and the clips that it is trained on."""

    name: str

    family: Family
    """``stack``: layers with batch normalisation and a Conv3D head. ``encoder-forecaster``: two stacks, the second
    started from the first one's states. ``unrolled``: one stack, fed with its own forecasts."""

    batch: int
    """Clips a step."""

    frame_size: int
    """Height and width of a frame."""

    length: int
    """Frames of the context, and as many of the horizon."""

    widths: tuple[int, ...]
    """Channels of each layer's state."""

    kernel_size: int

    patch: int = 1
    """Side of the patches into which frames are cut before the first layer."""

    @property
    def map_size(self) -> int:
        """Height and width of the layers' maps."""
        return self.frame_size // self.patch

    @property
    def frame_channels(self) -> int:
        """Channels of the first layer's input."""
        return self.patch**2

    @property
    def num_steps(self) -> int:
        """Steps that a layer takes in a training step, over context and horizon."""
        return {"stack": self.length, "encoder-forecaster": 2 * self.length, "unrolled": 2 * self.length - 1}[
            self.family
        ]

    @property
    def model(self) -> str:
        """The network's name in framecast's table of models."""
        return {"stack": "convlstm_stack", "encoder-forecaster": "convlstm", "unrolled": "convlstm_autoregressive"}[
            self.family
        ]

    @property
    def options(self) -> dict[str, Any]:
        """The settings of framecast's model."""
        match self.family:
            case "stack":
                return {
                    "objective": "direct",
                    "filters": self.widths,
                    "kernel_sizes": self.kernel_size,
                    "activation": "relu",
                }
            case "encoder-forecaster" | "unrolled":
                return {"hidden": self.widths, "kernel_size": self.kernel_size, "patch": self.patch}

    def resized(
        self,
        *,
        batch: int | None = None,
        frame_size: int | None = None,
        length: int | None = None,
        width: int | None = None,
    ) -> "Workload":
        """The same with another size in some respects; None keeps what is there.

        Raises:
            ValueError: frames that the patches do not divide.
        """
        other = replace(
            self,
            batch=batch or self.batch,
            frame_size=frame_size or self.frame_size,
            length=length or self.length,
            widths=(width,) * len(self.widths) if width else self.widths,
        )
        if other.frame_size % other.patch:
            raise ValueError(
                f"frames of {self.name} need a side divisible by its patches' {other.patch}, found {other.frame_size}"
            )
        return other


WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(name="r0", family="stack", batch=4, frame_size=64, length=10, widths=(64, 64), kernel_size=3),
        Workload(
            name="small-32",
            family="encoder-forecaster",
            batch=16,
            frame_size=64,
            length=10,
            widths=(32, 32),
            kernel_size=3,
            patch=4,
        ),
        Workload(
            name="small-64",
            family="encoder-forecaster",
            batch=16,
            frame_size=64,
            length=10,
            widths=(64, 64),
            kernel_size=3,
            patch=4,
        ),
        Workload(
            name="encoder-forecaster",
            family="encoder-forecaster",
            batch=16,
            frame_size=64,
            length=10,
            widths=(128, 128),
            kernel_size=5,
            patch=4,
        ),
        Workload(
            name="unrolled",
            family="unrolled",
            batch=16,
            frame_size=64,
            length=10,
            widths=(128, 128, 128, 128),
            kernel_size=5,
            patch=4,
        ),
        Workload(
            name="sweep",
            family="encoder-forecaster",
            batch=8,
            frame_size=64,
            length=10,
            widths=(64, 64),
            kernel_size=3,
            patch=4,
        ),
    )
}

GROUPS: dict[str, tuple[str, ...]] = {"small": ("small-32", "small-64")}
"""Names that stand for several workloads."""

DEFAULTS: dict[Device, tuple[str, ...]] = {
    "cpu": ("r0", "small-32", "small-64"),
    "cuda": ("encoder-forecaster", "unrolled"),
}
"""What is measured unless asked otherwise."""
