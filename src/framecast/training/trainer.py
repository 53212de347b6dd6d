"""The training loop: steps, validations, best weights, checkpoints. Knows nothing of architectures or file formats.

Lightning Fabric places the model on the device and sets the precision; the loop itself is written out, because a
resumed training must repeat an uninterrupted one bit for bit: the order of clips, augmentation, dropout and the
learning rate are functions of (seed, step), and a checkpoint holds the rest. What comes next (train to the end of the
epoch, validate, end) follows from the checkpoint alone, so a training can be stopped, or killed, anywhere.
"""

import math
import time
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, Protocol, final

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins import MixedPrecision
from lightning.fabric.plugins import Precision as FabricPrecision
from torch import Tensor
from torch.optim import Optimizer

from framecast.clips.clip_set import ClipSet
from framecast.clips.late_drawing import draw_late
from framecast.clips.loader import ClipLoader
from framecast.frames.batch import Batch
from framecast.frames.errors import RunError, TrainingError
from framecast.runs.config import TrainingConfig
from framecast.runs.folder import RunFolder
from framecast.runs.run import save_weights
from framecast.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from framecast.training.device import choose_device, choose_precision
from framecast.training.gradients import build_gradients
from framecast.training.host_memory import make_state_first
from framecast.training.interrupt import StopRequest, stop_on_signals
from framecast.training.log import Row, TrainingLog
from framecast.training.module import TrainingModule
from framecast.training.optimizers import build_discriminator_optimizer, build_optimizer
from framecast.training.pictures import ValidationPictures
from framecast.training.sampling import draw_true_inputs
from framecast.training.schedules import learning_rate
from framecast.training.waiting import TimedWaiting
from framecast.training.weight_average import WeightAverage


class Monitor(Protocol):
    """Whoever watches a training: a progress bar, a test, nobody."""

    def introduced(self, summary: str) -> None:
        """What is about to be trained, as text."""
        ...

    def started(self, *, step: int, total_steps: int) -> None:
        """The loop begins, or goes on, at ``step``."""
        ...

    def stepped(self, *, step: int, loss: float, clips: int) -> None:
        """An optimiser step on ``clips`` clips is done."""
        ...

    def validated(self, row: Row, *, improved: bool) -> None:
        """A validation is done; its row is in the log."""
        ...


Ending = Literal["finished", "stopped early", "interrupted"]
"""How a training ended: as planned, for want of improvement, or because the user asked to stop or the time was up."""


@final
class Trainer:
    """Trains one module on the clips of one run folder."""

    def __init__(
        self,
        module: TrainingModule,
        *,
        train: ClipSet,
        validation: ClipSet,
        config: TrainingConfig,
        folder: RunFolder,
        fabric: Fabric,
        monitor: Monitor,
        pictures: ValidationPictures | None = None,
    ) -> None:
        self._config = config
        self._folder = folder
        self._fabric = fabric
        self._monitor = monitor
        self._pictures = pictures
        optimizers = [build_optimizer(module.model.parameters(), config.optimizer)]
        if module.adversary is not None:
            adversary = module.adversary
            optimizers.append(build_discriminator_optimizer(adversary.parameters(), adversary.loss.config))
        if fabric.device.type == "cpu":
            for optimizer in optimizers:
                make_state_first(optimizer)
        self._bare = module
        # An adversary's optimiser is the only other one.
        self._module, self._optimizer, *self._opponents = fabric.setup(module, *optimizers)
        self._gradients = build_gradients(self._module, fabric, record=config.cuda_graphs, batch_size=config.batch_size)
        self._average = WeightAverage(module.model, decay=config.ema_decay) if config.ema_decay else None
        self._loader = ClipLoader(
            draw_late(train, config.draw_on_device, fabric.device),
            batch_size=config.batch_size,
            shuffle=True,
            seed=config.seed,
            num_workers=config.num_workers,
            device=fabric.device,
        )
        chosen = validation.spread(config.validation_clips or len(validation))
        self._validation = ClipLoader(chosen, batch_size=config.batch_size, device=fabric.device)
        self._log = TrainingLog(folder.log)
        self.progress = Progress(steps_per_epoch=len(self._loader))

    @property
    def epochs(self) -> int:
        """Finished passes over the training clips."""
        return self.progress.step // len(self._loader)

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the whole training."""
        steps = self._config.epochs * len(self._loader)
        return min(steps, self._config.max_steps or steps)

    def restore(self) -> None:
        """Continue from the folder's last checkpoint.

        Raises:
            RunError: it cannot be read, or the training clips are no longer those of the checkpoint.
        """
        self.progress, tensors = load_checkpoint(self._folder.checkpoint)
        if self.progress.steps_per_epoch != len(self._loader):
            raise RunError(
                f"The run '{self._folder.path}' cannot be resumed: an epoch had {self.progress.steps_per_epoch} steps, "
                f"and has {len(self._loader)} now, because recordings were added or removed. Restore them, or start "
                "a new run with --init-from."
            )
        self._bare.model.load_state_dict(tensors["model"])
        self._optimizer.load_state_dict(tensors["optimizer"])
        if self._bare.adversary is not None:
            self._bare.adversary.load_state_dict(tensors["discriminators"])
        for optimizer in self._opponents:
            optimizer.load_state_dict(tensors["discriminator_optimizer"])
        if self._average is not None:
            self._average.load(tensors["average"])
        self._log.restore(self.progress.rows)

    def run(self) -> Ending:
        """Train to the end, to an early stop, or until the user asks to stop or ``max_minutes`` are over.

        Raises:
            TrainingError: a loss or gradient is no longer finite; the last good weights are kept.
        """
        self._monitor.started(step=self.progress.step, total_steps=self.total_steps)
        devices = [self._fabric.device] if self._fabric.device.type == "cuda" else []
        try:
            with torch.random.fork_rng(devices), stop_on_signals(max_minutes=self._config.max_minutes) as stop:
                self._save_checkpoint()
                while not (stop.made or self._ended()):
                    if self._validation_due():
                        self._validate()
                    else:
                        self._train_epoch(stop)
                    self._save_checkpoint()
        finally:
            self._log.close()
        if not self._ended():
            self._keep_weights(self._weights)
            return "interrupted"
        return "finished" if self.progress.step >= self.total_steps else "stopped early"

    def _validation_due(self) -> bool:
        step = self.progress.step
        if step == self.progress.validated_step:
            return False
        at_end_of_epoch = step % len(self._loader) == 0 and self.epochs % self._config.validate_every == 0
        return at_end_of_epoch or step >= self.total_steps

    def _ended(self) -> bool:
        patience = self._config.early_stopping
        out_of_patience = patience is not None and self.progress.since_best >= patience
        return not self._validation_due() and (self.progress.step >= self.total_steps or out_of_patience)

    def _train_epoch(self, stop: StopRequest) -> None:
        """Train to the end of the epoch, or until the user asks to stop."""
        progress = self.progress
        self._module.train()
        self._loader.set_epoch(self.epochs, start_batch=progress.step % len(self._loader))
        begin = saved = time.perf_counter()
        spent, waited = progress.seconds, progress.waiting_seconds
        batches = TimedWaiting(self._loader)
        for batch in batches:
            self._step(batch)
            now = time.perf_counter()
            progress.seconds, progress.waiting_seconds = spent + now - begin, waited + batches.seconds
            if stop.made or progress.step >= self.total_steps:
                break
            if now - saved > 60 * self._config.checkpoint_minutes:
                self._save_checkpoint()
                saved = now

    def _step(self, batch: Batch) -> None:
        progress = self.progress
        torch.manual_seed(_seed_of_step(self._config.seed, progress.step))
        rate = learning_rate(
            self._config.schedule,
            peak=self._config.optimizer.lr,
            step=progress.step,
            total_steps=self.total_steps,
            reductions=progress.reductions,
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        true_inputs = draw_true_inputs(self._config.sampling, batch, seed=self._config.seed, step=progress.step)
        loss, parts = self._gradients(batch, true_inputs, step=progress.step)
        value = float(loss)
        optimizers = [self._optimizer]
        adversary = self._bare.adversary
        if adversary is not None and adversary.active(step=progress.step):
            optimizers += self._opponents
        # Each has its own limit, and none makes its step unless all can.
        if not math.isfinite(value) or not all(self._clip(optimizer) for optimizer in optimizers):
            self._stop_not_finite(f"The loss or its gradient is no longer finite at step {progress.step + 1}")
        for optimizer in optimizers:
            optimizer.step()
        progress.step += 1
        if self._average is not None:
            self._average.update(self._bare.model, steps=progress.step)
        clips = len(batch)
        progress.clips += clips
        for name, part in {"loss": loss, **parts}.items():
            progress.sums[name] = progress.sums.get(name, 0.0) + float(part) * clips
            progress.seen[name] = progress.seen.get(name, 0) + clips
        self._monitor.stepped(step=progress.step, loss=value, clips=clips)

    def _clip(self, optimizer: Optimizer) -> bool:
        """Scale down what an optimiser's weights get; whether it is finite."""
        limit = math.inf if self._config.clip_norm is None else self._config.clip_norm
        norm = self._fabric.clip_gradients(self._module, optimizer, max_norm=limit, error_if_nonfinite=False)
        return norm is not None and bool(torch.isfinite(norm))

    def _validate(self) -> None:
        progress = self.progress
        if self._average is None:
            improved = self._validate_as_is()
        else:
            with self._average.inside(self._bare.model):
                improved = self._validate_as_is()
        self._monitor.validated(progress.rows[-1], improved=improved)

    def _validate_as_is(self) -> bool:
        progress = self.progress
        self._module.eval()
        means = self._validation_means()
        if not math.isfinite(means["loss"]):
            self._stop_not_finite(f"The validation loss is no longer finite after step {progress.step}")
        epoch = -(-progress.step // len(self._loader))
        improved = progress.best_loss is None or means["loss"] < progress.best_loss - self._config.min_delta
        if improved:
            progress.best_loss, progress.best_epoch = means["loss"], epoch
            progress.since_best = progress.since_reduction = 0
        else:
            progress.since_best += 1
            progress.since_reduction += 1
        if improved or self._config.keep == "last":
            progress.kept_loss, progress.kept_epoch = means["loss"], epoch
            save_weights(self._weights, self._folder.weights)
        self._log.append(self._row(epoch, means))
        progress.rows = self._log.rows
        progress.sums, progress.seen, progress.clips = {}, {}, 0
        progress.validated_step = progress.step
        if self._config.schedule.name == "plateau" and progress.since_reduction >= self._config.schedule.patience:
            progress.reductions += 1
            progress.since_reduction = 0
        if self._pictures is not None and (epoch % self._pictures.every == 0 or progress.step >= self.total_steps):
            self._pictures.draw(self._bare.model, epoch=epoch)
        return improved

    @torch.no_grad()
    def _validation_means(self) -> dict[str, float]:
        sums: dict[str, float] = {}
        for batch in self._validation:
            loss, parts = self._module(batch.context, batch.target, batch.mask)
            for name, part in {"loss": loss, **parts}.items():
                sums[name] = sums.get(name, 0.0) + float(part) * len(batch)
        return {name: total / len(self._validation.clips) for name, total in sums.items()}

    def _row(self, epoch: int, means: dict[str, float]) -> Row:
        progress = self.progress
        row: Row = {"epoch": epoch, "step": progress.step, "lr": float(self._optimizer.param_groups[0]["lr"])}
        row |= {f"train_{name}": total / max(progress.seen[name], 1) for name, total in progress.sums.items()}
        row |= {f"val_{name}": mean for name, mean in means.items()}
        earlier = progress.rows[-1]["seconds"] if progress.rows else 0.0
        row["seconds"] = round(progress.seconds, 3)
        row["waiting_seconds"] = round(progress.waiting_seconds, 3)
        row["clips_per_second"] = round(progress.clips / max(progress.seconds - earlier, 1e-9), 3)
        return row

    def _save_checkpoint(self) -> None:
        tensors = {"model": self._bare.model.state_dict(), "optimizer": self._optimizer.state_dict()}
        if self._bare.adversary is not None:
            tensors["discriminators"] = self._bare.adversary.state_dict()
        for optimizer in self._opponents:
            tensors["discriminator_optimizer"] = optimizer.state_dict()
        if self._average is not None:
            tensors["average"] = self._average.state
        save_checkpoint(self._folder.checkpoint, self.progress, tensors)

    @property
    def _weights(self) -> Mapping[str, Tensor]:
        """What is validated and saved."""
        return self._bare.model.state_dict() if self._average is None else self._average.state

    def _keep_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Before the first validation nothing is called best yet; a run that ends there keeps what it has."""
        if self.progress.best_loss is None:
            save_weights(weights, self._folder.weights)

    def _stop_not_finite(self, what: str) -> NoReturn:
        # The weights were not updated, but the forward pass may have spoilt running statistics; a checkpoint has none
        # of that.
        _, tensors = load_checkpoint(self._folder.checkpoint)
        self._keep_weights(tensors.get("average", tensors["model"]))
        rates = (
            "training.optimizer.lr" if self._bare.adversary is None else "training.optimizer.lr or loss.adversarial.lr"
        )
        raise TrainingError(
            f"{what}; the last good weights are kept in '{self._folder.weights}'. Try a lower {rates} or a smaller "
            "training.clip_norm, and look for extreme values in the data with 'framecast inspect'."
        )


def build_fabric(config: TrainingConfig) -> Fabric:
    """Choose device and precision.

    Raises:
        ConfigurationError: the device asked for is not there.
    """
    device = choose_device(config.device)
    mixed = choose_precision(device, config.precision) == "bf16"
    # A plugin, not the name of a precision, because Fabric announces the latter to everybody.
    plugin = _Autocast("bf16-mixed", device=device) if mixed else FabricPrecision()
    return Fabric(accelerator=device, devices=1, plugins=[plugin])


class _Autocast(MixedPrecision):
    """bfloat16 where autocast says so, and nowhere else: Fabric would round every input, and so the targets."""

    def convert_input(self, data: Any) -> Any:
        return data


def _seed_of_step(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])
