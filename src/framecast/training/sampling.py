"""Sampling schedules: how often a model in training reads the truth instead of its own forecast.

Scheduled sampling (Bengio et al. 2015, as in PredRNN, Wang et al. 2017): the context is the truth; of the horizon's
inputs each is the truth with a probability that begins at ``start`` and falls by ``decrease`` a step, to 0 at
``stop_step``.

Reverse scheduled sampling (PredRNN-V2, Wang et al. 2022, exponential form): of the context's inputs after the first
each is the truth with a probability r, of the horizon's with a probability e. Until ``hold_steps`` both are 1/2; then,
with s steps since, r = 1 - exp(-s / alpha) / 2 and e falls linearly; from ``stop_step`` on r = 1 and e = 0. So a model
learns from the first step to go on from forecasts, and ends as it is used.

Every clip and input has a draw of its own. Probabilities are functions of the step, draws of the seed and the step, so
a resumed training continues with both as if nothing had happened.

Axes: B clips, T inputs (K frames of context and the M frames of horizon but the last: T = K + M - 1).
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from framecast.frames.batch import Batch
from framecast.frames.errors import ConfigurationError
from framecast.models.model import Model, TeachableModel
from framecast.runs.config import SamplingConfig

# Keeps these draws apart from others that are made from the same seed.
_STREAM = 3


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TruthProbabilities:
    """How likely an input is the truth."""

    context: float
    """For frames 2 .. K of the context. The first is always the truth."""

    horizon: float
    """For the frames of the horizon."""


def truth_probabilities(config: SamplingConfig, *, step: int) -> TruthProbabilities:
    """The probabilities of one optimiser step.

    Args:
        config: the schedule.
        step: 0-based.
    """
    match config.name:
        case "none":
            return TruthProbabilities(context=1.0, horizon=1.0)
        case "scheduled":
            # The published code lowers the probability before it draws, so the first step has been lowered once.
            falling = max(config.start - config.decrease * (step + 1), 0.0)
            return TruthProbabilities(context=1.0, horizon=falling if step < config.stop_step else 0.0)
        case "reverse-scheduled":
            if step < config.hold_steps:
                return TruthProbabilities(context=0.5, horizon=0.5)
            if step >= config.stop_step:
                return TruthProbabilities(context=1.0, horizon=0.0)
            since = step - config.hold_steps
            share = since / (config.stop_step - config.hold_steps)
            return TruthProbabilities(context=1 - math.exp(-since / config.alpha) / 2, horizon=(1 - share) / 2)


def draw_true_inputs(config: SamplingConfig, batch: Batch, *, seed: int, step: int) -> Tensor | None:
    """Draw where a model reads the truth in one optimiser step: the mask of its teacher.

    Args:
        config: the schedule.
        batch: of B clips with K + M frames.
        seed: of the training, 0 or more.
        step: 0-based.

    Returns:
        (B, K + M - 1, 1, 1, 1) bool on the CPU, as :class:`~framecast.frames.teacher.Teacher` defines it; None when
        nothing is sampled.
    """
    if config.name == "none":
        return None
    probabilities = truth_probabilities(config, step=step)
    context, horizon = batch.context.shape[1], batch.horizon
    thresholds = [1.0] + [probabilities.context] * (context - 1) + [probabilities.horizon] * (horizon - 1)
    draws = np.random.default_rng([_STREAM, seed, step]).random((len(batch), len(thresholds)))
    # Draws lie in [0, 1): a probability of 1 is always the truth, 0 never.
    return torch.from_numpy(draws < np.array(thresholds))[:, :, None, None, None]


def check_sampling(config: SamplingConfig, model: Model) -> None:
    """Whether a model can be trained with a schedule.

    Raises:
        ConfigurationError: it takes no teacher, or has no input that the schedule could replace.
    """
    if config.name == "none":
        return
    if not isinstance(model, TeachableModel):
        raise ConfigurationError(
            f"training.sampling.name is {config.name}, and this model never reads its own forecasts in training; set "
            "it to none, or take a model that does, such as convlstm_autoregressive."
        )
    context, horizon = model.spec.context, model.spec.horizon
    if horizon == 1 and (config.name == "scheduled" or context == 1):
        raise ConfigurationError(
            f"training.sampling.name is {config.name}, and with a context of {context} and a horizon of 1 there is no "
            "input that it could replace; lengthen clips.horizon, or set it to none."
        )
