"""Plan: what a training would do, before it does it (``framecast train --dry-run``)."""

import copy
import sys
import time
from dataclasses import dataclass
from typing import final

import torch
from lightning.fabric import Fabric

from framecast.clips.clip_set import ClipSet
from framecast.frames.sequence import SPLITS
from framecast.frames.source import Source
from framecast.models.counting import macs_per_frame, parameter_count
from framecast.models.layers.recurrence import set_recurrence
from framecast.runs.config import RunConfig, TrainingConfig
from framecast.runs.resolve import to_yaml
from framecast.training.module import TrainingModule
from framecast.training.optimizers import build_discriminator_optimizer, build_optimizer
from framecast.training.sampling import draw_true_inputs
from framecast.training.trainer import build_fabric
from framecast.workflows.train import prepare_training

_TIMED_STEPS = 3
_PATIENCE_SECONDS = 30.0
"""After so long, the steps that were made have to do: whoever asks for a plan wants to know before training how slow it
would be."""

_BYTES = 4


@final
@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training would do and cost."""

    configuration: str
    """The resolved configuration as YAML."""
    clips: dict[str, int]
    """Clips by split."""
    sequences: dict[str, int]
    """Sequences by split."""
    parameters: int
    trainable: int
    macs_per_frame: float
    steps: int
    device: str
    discriminators: int
    """Parameters of an adversary's discriminators, which exist in training alone; 0 without one."""
    seconds_per_step: float
    """Median of a few real steps, measured now; those of an adversary are the ones after its warm-up."""
    seconds: float
    """Steps times seconds per step; validation and early stopping are not counted."""
    memory_bytes: int
    """Peak memory of the process (CPU) or of the device while those steps ran."""
    disk_bytes: int
    """Weights, average and checkpoint, discriminators included; pictures and results come on top."""
    notes: tuple[str, ...]


def plan(config: RunConfig, *, source: Source | None = None) -> Plan:
    """Open the source, build the model, make a few steps on a copy, and write nothing.

    Args:
        config: the resolved configuration.
        source: recordings to use instead of the configured ones.

    Raises:
        FramecastError: bad settings or recordings, exactly as training would raise them.
    """
    prepared = prepare_training(config, source=source)
    training = config.training
    train = prepared.clips.for_training().train
    steps = -(-len(train) // training.batch_size) * training.epochs
    steps = min(steps, training.max_steps or steps)
    count = parameter_count(prepared.model)
    fabric = build_fabric(training)
    module = TrainingModule(copy.deepcopy(prepared.model), prepared.loss, prepared.clips.normaliser, seed=training.seed)
    set_recurrence(module.model, training.recurrence, fused=training.compile is True)
    if fabric.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(fabric.device)
    seconds = _seconds_per_step(module, fabric, training, train)
    copies = 4 + (training.ema_decay is not None)  # best weights; checkpoint: weights and two moments; average
    # Of discriminators: weights and two moments, in the checkpoint alone.
    opponents = 0 if module.adversary is None else module.adversary.parameter_count
    return Plan(
        configuration=to_yaml(config),
        clips={split: len(prepared.clips.of(split)) for split in SPLITS},
        sequences={name: len(segments) for name, segments in prepared.clips.splits.segments.items()},
        parameters=count.total,
        trainable=count.trainable,
        macs_per_frame=macs_per_frame(prepared.model),
        steps=steps,
        device=str(fabric.device),
        discriminators=opponents,
        seconds_per_step=seconds,
        seconds=seconds * steps,
        memory_bytes=_peak_memory(fabric.device),
        disk_bytes=(count.total * copies + opponents * 3) * _BYTES,
        notes=(*prepared.source.notes, *prepared.clips.notes),
    )


def _seconds_per_step(module: TrainingModule, fabric: Fabric, training: TrainingConfig, train: ClipSet) -> float:
    """The median of a few steps, as training would make them; where a penalty comes once in so many, with its share."""
    adversary = module.adversary
    optimizers = [build_optimizer(module.model.parameters(), training.optimizer)]
    if adversary is not None:
        optimizers.append(build_discriminator_optimizer(adversary.parameters(), adversary.loss.config))
    wrapped, *optimizers = fabric.setup(module, *optimizers)

    def spend(step: int) -> float:
        begin = time.perf_counter()
        batch = train.batch(range(min(training.batch_size, len(train)))).to(fabric.device)
        true_inputs = draw_true_inputs(training.sampling, batch, seed=training.seed, step=0)
        loss, _parts = wrapped(batch.context, batch.target, batch.mask, true_inputs, step)
        fabric.backward(loss)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        float(loss.detach())
        return time.perf_counter() - begin

    first = 0 if adversary is None else adversary.loss.config.start_step
    spent: list[float] = []
    for number in range(1, _TIMED_STEPS + 1):
        spent.append(spend(first + number))
        if sum(spent) > _PATIENCE_SECONDS:
            break
    timed = sorted(spent[1:] or spent)  # the first one also sets up
    usual = timed[len(timed) // 2]
    if adversary is None or adversary.loss.r1_due(step=first + 2) or not adversary.loss.r1_due(step=first):
        return usual
    return usual + max(spend(first) - usual, 0.0) / adversary.loss.config.r1_every


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
