"""The adversary of a model in training: its discriminators, what they say of a forecast, and what they learn from it.

Model and discriminators take their steps at the same time, from one backward pass. The model's term goes through
discriminators whose weights are held fixed, and their own objective sees the forecast without its history, so neither
gradient reaches the other's weights. All is computed in float32, whatever autocast does around it.

Missing values are 0 in forecast, truth and context, so that they tell nothing.

Axes: B clips, K context frames, T judged frames of which the last M are the horizon, C channels, H height, W width.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from framecast.frames.clip import ClipSpec
from framecast.losses.adversarial import AdversarialLoss
from framecast.models.discriminators.spatial import SpatialDiscriminator
from framecast.models.discriminators.temporal import TemporalDiscriminator

# Keep these draws apart from others that are made from the same seed.
_STREAM_OF_WEIGHTS, _STREAM_OF_FRAMES = 4, 5


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is put before the discriminators."""

    context: Tensor
    """(B, K, C, H, W), normalised."""
    forecast: Tensor
    """(B, T, C, H, W), of which the last M frames follow the context."""
    truth: Tensor
    """(B, T, C, H, W)."""
    horizon: int
    """M."""
    context_mask: Tensor | None = None
    """(B, K, C, H, W) bool, True where a value is there; None when every value is."""
    mask: Tensor | None = None
    """(B, T, C, H, W), the same of forecast and truth."""

    def part(self, frames: list[int] | slice) -> tuple[Tensor, Tensor, Tensor | None]:
        """Forecast, truth and mask of some of the T frames."""
        mask = None if self.mask is None else self.mask[:, frames]
        return self.forecast[:, frames], self.truth[:, frames], mask


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What comes of it."""

    term: Tensor
    """Scalar that the model lowers; no gradient of it reaches the discriminators."""
    objective: Tensor
    """Scalar that the discriminators lower, the R1 penalty included; no gradient of it reaches the model."""
    parts: Mapping[str, Tensor]
    """For the log, without gradient: ``discriminator`` (what they lower, without R1), ``discriminator_real`` and
    ``discriminator_fake`` (mean scores of truth and forecast), and ``r1`` in steps that compute it. Means over the
    discriminators."""


@final
class Adversary(nn.Module):
    """The discriminators of one training, and what they are asked."""

    def __init__(self, loss: AdversarialLoss, spec: ClipSpec, *, seed: int) -> None:
        """Build the discriminators.

        Args:
            loss: which of them there are, their size, and the formulas.
            spec: what the clips look like.
            seed: of the training; first weights and all draws follow from it.
        """
        super().__init__()
        self.loss = loss
        self._seed = seed
        with torch.random.fork_rng():
            torch.manual_seed(int(np.random.SeedSequence([seed, _STREAM_OF_WEIGHTS]).generate_state(1)[0]))
            self.spatial, self.temporal = (
                kind(spec.channels, filters=loss.config.filters) if wanted else None
                for kind, wanted in (
                    (SpatialDiscriminator, loss.config.spatial),
                    (TemporalDiscriminator, loss.config.temporal),
                )
            )

    @property
    def parameter_count(self) -> int:
        """Of all discriminators."""
        return sum(weight.numel() for weight in self.parameters())

    def active(self, *, step: int) -> bool:
        """Whether the warm-up is over at this optimiser step (0-based)."""
        return step >= self.loss.config.start_step

    def judge(self, evidence: Evidence, *, step: int) -> Judgement:
        """Have a forecast and its truth judged, in training.

        Args:
            evidence: of one training step.
            step: of the optimiser, 0-based.
        """
        with torch.autocast(evidence.forecast.device.type, enabled=False):
            return _mean([self._ask(question, step=step) for question in self._questions(evidence, step=step)])

    def _questions(self, evidence: Evidence, *, step: int) -> list["_Question"]:
        context = _present(evidence.context.detach(), evidence.context_mask)
        found: list[_Question] = []
        if self.spatial is not None:
            found.append(_Question(self.spatial, None, *evidence.part(self._drawn(evidence.truth.shape[1], step=step))))
        if self.temporal is not None:
            found.append(_Question(self.temporal, context, *evidence.part(slice(-evidence.horizon, None))))
        return found

    def _drawn(self, num_frames: int, *, step: int) -> list[int]:
        """The frames that are judged one by one in this step."""
        generator = np.random.default_rng([self._seed, step, _STREAM_OF_FRAMES])
        count = min(self.loss.config.frames or num_frames, num_frames)
        return sorted(generator.choice(num_frames, count, replace=False).tolist())

    def _ask(self, question: "_Question", *, step: int) -> Judgement:
        # Both in one pass: spectral norms are brought up to date once a step.
        scores = question.scores(torch.cat([question.truth, question.forecast.detach()]))
        real, fake = scores.chunk(2)
        objective = self.loss.against(fake, real)
        parts = {
            "discriminator": objective.detach(),
            "discriminator_real": real.detach().mean(),
            "discriminator_fake": fake.detach().mean(),
        }
        if self.loss.r1_due(step=step):
            with _evaluating(question.discriminator):
                truth = question.truth.detach().requires_grad_()
                penalty = self.loss.r1_penalty(question.scores(truth), truth)
            parts["r1"] = penalty.detach()
            objective = objective + self.loss.config.r1_every * penalty
        with _evaluating(question.discriminator), _held_fixed(question.discriminator):
            term = self.loss(question.scores(question.forecast), real.detach())
        return Judgement(term=term, objective=objective, parts=parts)


@final
@dataclass(frozen=True, slots=True)
class _Question:
    """What one discriminator is shown."""

    discriminator: nn.Module
    context: Tensor | None
    """(B, K, C, H, W) for the temporal one."""
    forecast: Tensor
    """(B, T, C, H, W)."""
    truth: Tensor
    mask: Tensor | None
    """(B, T, C, H, W) bool, True where a value is there."""

    def scores(self, frames: Tensor) -> Tensor:
        """Of frames (n B, T, C, H, W): (n B, t, 1, h, w)."""
        times = len(frames) // len(self.truth)
        frames = _present(frames, None if self.mask is None else self.mask.repeat(times, 1, 1, 1, 1))
        before = () if self.context is None else (self.context.repeat(times, 1, 1, 1, 1),)
        return self.discriminator(*before, frames)


def _present(frames: Tensor, mask: Tensor | None) -> Tensor:
    """float32, and 0 where missing."""
    frames = frames.float()
    return frames if mask is None else torch.where(mask, frames, 0.0)


def _mean(judgements: list[Judgement]) -> Judgement:
    """Over the discriminators, so that a weight means the same with one of them and with two."""
    return Judgement(
        term=torch.stack([one.term for one in judgements]).mean(),
        objective=torch.stack([one.objective for one in judgements]).mean(),
        parts={name: torch.stack([one.parts[name] for one in judgements]).mean() for name in judgements[0].parts},
    )


@contextmanager
def _evaluating(module: nn.Module) -> Generator[None, None, None]:
    """Leave spectral norms as they are within the block."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


@contextmanager
def _held_fixed(module: nn.Module) -> Generator[None, None, None]:
    """What is computed within the block sends no gradient to the module's weights."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
