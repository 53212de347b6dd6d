"""The precision in which a metric looks through a network, whatever its caller computes in."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def plain_float32(device: torch.device) -> Generator[None]:
    """Compute in float32 within the block, without autocast and without TF32.

    PyTorch lets NVIDIA GPUs round the inputs of float32 convolutions to ten bits (TF32) unless told otherwise, and then
    a score would depend on the machine.
    """
    cudnn: Any = torch.backends.cudnn
    convolutions = cudnn.conv
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        convolutions.fp32_precision = before
