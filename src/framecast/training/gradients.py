"""One step's loss and gradients: the forward and the backward pass, as they are or recorded once and replayed.

A recurrent network starts thousands of small kernels a step, and on a GPU starting them may take longer than running
them. A CUDA graph starts all of them at once: both passes are recorded for one shape of batch, and each step copies its
batch to where the recording reads and replays it. Batches of another shape (the last one of an epoch) run as they are.

What is recorded must do the same whatever the values are. So nothing that draws random numbers inside, no sampling
schedule (where a model reads the truth decides which steps it runs), no scheduled weights and no adversary.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, final

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from framecast.frames.batch import Batch
from framecast.frames.errors import ConfigurationError
from framecast.losses.weighted_sum import WeightedSum
from framecast.runs.config import TrainingConfig

Losses = tuple[Tensor, Mapping[str, Tensor]]
"""The loss and its parts, without their graph."""

_WARM_UP = 3
"""Passes before recording, in which libraries choose their kernels and formulas are compiled."""


class Gradients(Protocol):
    """Computes a step's loss, and leaves its gradients in the weights."""

    def __call__(self, batch: Batch, true_inputs: Tensor | None, *, step: int | None = None) -> Losses:
        """Compute.

        Args:
            batch: on the module's device.
            true_inputs: where a teacher tells the truth, or None.
            step: of the optimiser, 0-based, for losses that depend on it; None where none does.
        """
        ...


class Recorder(Protocol):
    """Records what a function does on a device."""

    def record(self, function: Callable[[], Losses]) -> tuple[Callable[[], None], Losses]:
        """Record without running; returns what runs it, and where its results will be."""
        ...


def check_recording(config: TrainingConfig, device: str, loss: WeightedSum) -> None:
    """Whether steps can be recorded, where that is asked for.

    Raises:
        ConfigurationError: not on this device, or not with a sampling schedule, scheduled weights of losses or an
            adversarial loss.
    """
    if config.cuda_graphs and device != "cuda":
        raise ConfigurationError(
            f"training.cuda_graphs is true, and the device is '{device}': only a CUDA device records steps; set it to "
            "false."
        )
    if config.cuda_graphs and config.sampling.name != "none":
        raise ConfigurationError(
            f"training.cuda_graphs is true, and training.sampling.name is {config.sampling.name}: where a model reads "
            "the truth decides which steps it runs, so they cannot be recorded; set cuda_graphs to false."
        )
    if config.cuda_graphs and loss.adversarial is not None:
        raise ConfigurationError(
            "training.cuda_graphs is true, and the loss has an adversarial term: its discriminators begin late and "
            "have their penalty now and then, so steps differ and cannot be recorded; set cuda_graphs to false."
        )
    if config.cuda_graphs and loss.scheduled:
        raise ConfigurationError(
            f"training.cuda_graphs is true, and the weight of loss.{loss.scheduled[0]} follows a schedule: a recorded "
            "step repeats the weight that it was recorded with; set cuda_graphs to false."
        )


def build_gradients(module: nn.Module, fabric: Fabric, *, record: bool, batch_size: int) -> Gradients:
    """Recorded, for full batches, where it is asked for and the device can; else as it is."""
    direct = DirectGradients(module, fabric)
    if record and fabric.device.type == "cuda":
        return RecordedGradients(direct, module, CudaRecorder(), batch_size=batch_size)
    return direct


@final
class DirectGradients:
    """Both passes, run anew for every step."""

    def __init__(self, module: nn.Module, fabric: Fabric) -> None:
        self._module = module
        self._fabric = fabric

    def __call__(self, batch: Batch, true_inputs: Tensor | None, *, step: int | None = None) -> Losses:
        """Compute; see :class:`Gradients`."""
        self._module.zero_grad(set_to_none=True)
        given = () if step is None else (step,)  # modules without such losses need not know of steps
        loss, parts = self._module(batch.context, batch.target, batch.mask, true_inputs, *given)
        self._fabric.backward(loss)
        return loss.detach(), {name: part.detach() for name, part in parts.items()}


@final
class RecordedGradients:
    """Both passes recorded for full batches of the shape that comes first, and replayed for all that have it."""

    def __init__(self, direct: DirectGradients, module: nn.Module, recorder: Recorder, *, batch_size: int) -> None:
        self._direct = direct
        self._batch_size = batch_size
        self._module = module
        self._recorder = recorder
        self._recording: _Recording | None = None

    def __call__(self, batch: Batch, true_inputs: Tensor | None, *, step: int | None = None) -> Losses:
        """Compute; see :class:`Gradients`."""
        if true_inputs is not None or batch.mask is not None or len(batch) != self._batch_size:
            return self._direct(batch, true_inputs, step=step)
        if self._recording is None:
            self._recording = self._record(batch)
        if not self._recording.fits(batch):
            return self._direct(batch, None, step=step)
        return self._recording.replay(batch)

    def _record(self, batch: Batch) -> "_Recording":
        place = Batch(batch.context.clone(), batch.target.clone())
        # The passes before recording are no steps: running statistics go back to where they were.
        buffers = {name: values.clone() for name, values in self._module.named_buffers()}
        for _ in range(_WARM_UP):
            self._direct(place, None)
        for name, values in self._module.named_buffers():
            values.copy_(buffers[name])
        self._module.zero_grad(set_to_none=True)
        replay, losses = self._recorder.record(lambda: self._direct(place, None))
        gradients = {weight: weight.grad for weight in self._module.parameters()}
        return _Recording(place, replay, losses, gradients)


@final
class _Recording:
    """Where a recording reads its batch and writes its results."""

    def __init__(
        self,
        place: Batch,
        replay: Callable[[], None],
        losses: Losses,
        gradients: Mapping[nn.Parameter, Tensor | None],
    ) -> None:
        self._place, self._replay, self._losses, self._gradients = place, replay, losses, gradients

    def fits(self, batch: Batch) -> bool:
        """Whether the batch has the shape of the recording."""
        return (batch.context.shape, batch.target.shape) == (self._place.context.shape, self._place.target.shape)

    def replay(self, batch: Batch) -> Losses:
        self._place.context.copy_(batch.context, non_blocking=True)
        self._place.target.copy_(batch.target, non_blocking=True)
        self._replay()
        for weight, gradient in self._gradients.items():  # another batch may have put its own there
            weight.grad = gradient
        loss, parts = self._losses
        return loss.clone(), {name: part.clone() for name, part in parts.items()}


@final
class CudaRecorder:
    """Records a CUDA graph."""

    def record(self, function: Callable[[], Losses]) -> tuple[Callable[[], None], Losses]:
        """Record; see :class:`Recorder`."""
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        # Only this thread is recorded: the one that reads ahead may allocate page-locked memory meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            losses = function()
        return graph.replay, losses
