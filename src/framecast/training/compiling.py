"""Whether to compile the formulas of recurrent layers, when the user leaves it open."""

from typing import Literal

from framecast.frames.errors import ConfigurationError
from framecast.models.layers.fusing import can_fuse

_FLOPS_PER_SECOND = {"cpu": 3e11, "cuda": 1e14}
"""What training reaches on a few cores and on a large GPU, roughly: enough to tell a minute from an hour."""

_WORTH_SECONDS = 300
"""Compiling costs seconds to tens of seconds; in trainings longer than this they are earned back."""


def choose_compile(choice: Literal["auto", True, False], device: str, *, flops: float) -> bool:
    """Resolve ``auto`` to compiling where the machine can and the training is long enough.

    Args:
        choice: what the user asked for.
        device: where the training runs.
        flops: floating-point operations of the whole training, of its convolutions.

    Raises:
        ConfigurationError: compiling was asked for, and this machine cannot.
    """
    if choice is False:
        return False
    if choice is True:
        if not can_fuse(device):
            lack = {"cuda": "Triton is missing; install it, or", "cpu": "there is no C++ compiler; install g++, or"}
            raise ConfigurationError(
                "training.compile is true (or the run to resume was compiled), and "
                f"{lack.get(device, f'nothing compiles for device {device!r};')} set training.compile to false."
            )
        return True
    return flops > _WORTH_SECONDS * _FLOPS_PER_SECOND.get(device, float("inf")) and can_fuse(device)
