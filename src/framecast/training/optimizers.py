"""The optimisers that a configuration can name."""

from collections.abc import Iterable

from torch import nn, optim

from framecast.runs.config import OptimizerConfig


def build_optimizer(parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> optim.Optimizer:
    """Build the optimiser; the learning rate of each step is set by the schedule.

    Where the device has one, Adam is the fused form: one pass over the weights instead of a dozen.
    """
    weights = list(parameters)
    fused = all(weight.device.type in ("cpu", "cuda") for weight in weights)
    match config.name:
        case "adam":
            return optim.Adam(weights, lr=config.lr, weight_decay=config.weight_decay, fused=fused)
        case "adamw":
            return optim.AdamW(weights, lr=config.lr, weight_decay=config.weight_decay, fused=fused)
        case "rmsprop":
            return optim.RMSprop(weights, lr=config.lr, alpha=config.decay, weight_decay=config.weight_decay)
