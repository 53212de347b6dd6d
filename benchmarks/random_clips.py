"""The data of every contender that runs on torch: random frames, in memory."""

import torch
from torch import Tensor

from benchmarks.contender import NotHereError
from benchmarks.workloads import Device, Workload


def random_clips(workload: Workload, device: Device) -> Tensor:
    """Frames of context and horizon, (B, K + M, 1, H, W) float32 in [0, 1); always the same."""
    generator = torch.Generator().manual_seed(0)
    shape = (workload.batch, 2 * workload.length, 1, workload.frame_size, workload.frame_size)
    return torch.rand(shape, generator=generator).to(device)


def check_device(device: Device) -> None:
    """See whether torch has this device.

    Raises:
        NotHereError: it has not.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise NotHereError("PyTorch finds no GPU here")
