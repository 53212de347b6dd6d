"""The optimisers that a configuration can name."""

from collections.abc import Iterable

from torch import nn, optim

from framecast.losses.adversarial import AdversarialConfig
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


def build_discriminator_optimizer(parameters: Iterable[nn.Parameter], config: AdversarialConfig) -> optim.Optimizer:
    """Build the optimiser of an adversary's discriminators: Adam, with a learning rate that stays."""
    return optim.Adam(parameters, lr=config.lr, betas=config.betas, fused=True)
