"""The plain PyTorch loop as a contender: eager as people write it, or the same under torch.compile.

bfloat16 is torch.autocast around forward and loss, as PyTorch's documentation has it.

Axes: B clips, T frames, C channels, H height, W width.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.contender import Contender
from benchmarks.plain import plain_model
from benchmarks.random_clips import check_device, random_clips
from benchmarks.workloads import Device, Precision, Workload


def build_plain(workload: Workload, precision: Precision, device: Device, *, compiled: bool) -> Contender:
    """The loop, mean squared error and Adam.

    Raises:
        NotHereError: there is no such device.
    """
    check_device(device)
    torch.manual_seed(0)
    model = plain_model(workload).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    run: Callable[[Tensor], Tensor] = torch.compile(model) if compiled else model
    frames = random_clips(workload, device)
    context = frames[:, : workload.length].contiguous()

    def autocast() -> AbstractContextManager[object]:
        return torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()

    def train() -> Tensor:
        model.train()
        optimizer.zero_grad()
        with autocast():
            predicted = run(context)
            loss = F.mse_loss(predicted, frames[:, -predicted.shape[1] :])
        loss.backward()
        optimizer.step()
        return loss.detach()

    @torch.inference_mode()
    def forecast() -> Tensor:
        model.eval()
        with autocast():
            return model(context)[:, -workload.length :]

    return Contender(
        train=train,
        forecast=None if compiled else forecast,
        parameters=sum(weight.numel() for weight in model.parameters()),
        packages=("torch",),
        notes=("forecasts, which would be compiled once more, are not measured",) if compiled else (),
        wait=torch.cuda.synchronize if device == "cuda" else lambda: None,
        device_peak_bytes=torch.cuda.max_memory_allocated if device == "cuda" else lambda: None,
    )
