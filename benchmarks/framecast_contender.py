"""framecast as a contender, through its public parts.

That is ``build_model``, the loss and the optimiser that a run's configuration names, the precisions of training and
forecasting, and what a long training switches on: compiled formulas, and on a CPU freed memory that is kept. A training
step is what the trainer makes of it: bfloat16 is autocast, and float32 is PyTorch's own. A
test compares the two, so that this file follows the trainer. ``recorded`` is a training with ``training.cuda_graphs``.

Axes: B clips, K context frames, M horizon frames, C channels, H height, W width.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmarks.contender import Contender, NotHereError
from benchmarks.random_clips import check_device, random_clips
from benchmarks.workloads import Device, Precision, Workload
from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.losses.weighted_sum import build_loss
from framecast.models.building import build_model
from framecast.models.layers.fusing import can_fuse
from framecast.models.layers.recurrence import RecurrenceConfig, set_recurrence
from framecast.models.model import Model
from framecast.runs.config import OptimizerConfig, TrainingConfig
from framecast.training.device import computing
from framecast.training.host_memory import keep_freed_memory, make_state_first
from framecast.training.optimizers import build_optimizer


def framecast_model(workload: Workload) -> Model:
    """The network, on the CPU, with weights that are always the same."""
    size = workload.frame_size
    spec = ClipSpec(context=workload.length, horizon=workload.length, channels=1, height=size, width=size)
    torch.manual_seed(0)
    return build_model(workload.model, workload.options, spec)


@final
class FreeRunning(nn.Module):
    """A model with its loss, called as the trainer calls its module.

    It differs from the trainer's in one thing: a model that can have a teacher has none, and reads its own forecasts in
    the horizon, as at the end of scheduled sampling.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.loss = build_loss({"mse": 1.0})

    def forward(self, context: Tensor, target: Tensor, *_: None) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss, and its parts by name.

        Args:
            context: (B, K, C, H, W) in [0, 1).
            target: (B, M, C, H, W) in [0, 1).
            _: neither a mask nor a teacher.
        """
        predicted = self.model(context, target.shape[1]).outputs
        # A next-frame model is compared on the context too; all others have no other outputs than the horizon.
        expected = torch.cat([context, target], dim=1)[:, -predicted.shape[1] :]
        return self.loss(predicted, expected, to_unit=_as_is)


def build_framecast(workload: Workload, precision: Precision, device: Device, *, recorded: bool = False) -> Contender:
    """The network, its loss and its optimiser.

    Raises:
        NotHereError: there is no such device, or recording was asked for on a CPU.
    """
    check_device(device)
    if device == "cpu":
        keep_freed_memory()
    fused = can_fuse(device)
    module = FreeRunning(framecast_model(workload).to(device))
    set_recurrence(module.model, RecurrenceConfig(), fused=fused)
    optimizer = build_optimizer(module.parameters(), OptimizerConfig())
    if device == "cpu":
        make_state_first(optimizer)
    frames = random_clips(workload, device)
    batch = Batch(frames[:, : workload.length].contiguous(), frames[:, workload.length :].contiguous())
    step = _recorded_step if recorded else _step

    @torch.inference_mode()
    def forecast() -> Tensor:
        module.eval()
        with computing(device, "bf16" if precision == "bf16" else 32):
            return module.model(batch.context, batch.horizon).frames

    return Contender(
        train=step(module, optimizer, batch, precision, device),
        forecast=forecast,
        parameters=sum(weight.numel() for weight in module.parameters()),
        packages=("torch", "framecast"),
        wait=torch.cuda.synchronize if device == "cuda" else lambda: None,
        device_peak_bytes=torch.cuda.max_memory_allocated if device == "cuda" else lambda: None,
        notes=("formulas are compiled" if fused else "formulas are not compiled, for want of a compiler",),
    )


def _step(
    module: FreeRunning, optimizer: Optimizer, batch: Batch, precision: Precision, device: Device
) -> Callable[[], Tensor]:
    half = precision == "bf16"

    def train() -> Tensor:
        module.train()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=torch.bfloat16) if half else nullcontext():
            loss, _ = module(batch.context, batch.target, None, None)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return train


def _recorded_step(
    module: FreeRunning, optimizer: Optimizer, batch: Batch, precision: Precision, device: Device
) -> Callable[[], Tensor]:
    """The trainer's own recording, which its first step makes and all others replay."""
    if device != "cuda":
        raise NotHereError("steps are recorded on a GPU alone")
    from framecast.training.gradients import build_gradients
    from framecast.training.trainer import build_fabric

    fabric = build_fabric(TrainingConfig(device=device, precision="bf16" if precision == "bf16" else 32))
    wrapped, wrapped_optimizer = fabric.setup(module, optimizer)
    gradients = build_gradients(wrapped, fabric, record=True, batch_size=len(batch))

    def train() -> Tensor:
        wrapped.train()
        loss, _ = gradients(batch, None)
        wrapped_optimizer.step()
        return loss

    return train


def _as_is(frames: Tensor) -> Tensor:
    """Frames in [0, 1) are on the unit scale already."""
    return frames
