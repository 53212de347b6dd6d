"""The optimisers that a configuration can name."""

from collections.abc import Iterable

from torch import nn, optim

from framecast.runs.config import OptimizerConfig


def build_optimizer(parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> optim.Optimizer:
    """Build the optimiser; the learning rate of each step is set by the schedule.

    Adam is the fused form: one pass over the weights instead of a dozen.
    """
    match config.name:
        case "adam":
            return optim.Adam(parameters, lr=config.lr, weight_decay=config.weight_decay, fused=True)
        case "adamw":
            return optim.AdamW(parameters, lr=config.lr, weight_decay=config.weight_decay, fused=True)
        case "rmsprop":
            return optim.RMSprop(parameters, lr=config.lr, alpha=config.decay, weight_decay=config.weight_decay)
