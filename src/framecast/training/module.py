"""The one training module: a batch in, the loss and its parts out, whatever the model's objective.

* ``horizon`` and ``direct``: the forecast of the horizon is compared with the target.
* ``next_frame``: the model reads all frames but the last and every output is compared with the frame that follows, so
  context and target are shifted by one. True frames are inputs here, never in evaluation.
* ``next_frame`` with a sampling schedule (:mod:`framecast.training.sampling`): the same outputs are compared with the
  same frames, but a teacher says which inputs are true. Validation of a model that can have a teacher has none: it
  reads the true context, and in the horizon its own forecasts, as in use.

With an adversarial loss the module holds the discriminators as well, and they learn in the same pass (see
:mod:`framecast.training.adversary`). They are asked in training alone: validation compares distances, whose meaning
does not change while discriminators learn.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from framecast.clips.normaliser import Normaliser
from framecast.frames.batch import Batch
from framecast.frames.forecaster import Forecast
from framecast.frames.teacher import Teacher
from framecast.losses.weighted_sum import WeightedSum
from framecast.models.model import Model, TeachableModel
from framecast.training.adversary import Adversary, Evidence


class TrainingModule(nn.Module):
    """A model with its loss, and its adversary where the loss has an adversarial term."""

    def __init__(self, model: Model, loss: WeightedSum, normaliser: Normaliser, *, seed: int = 0) -> None:
        """Put together.

        Args:
            model: what is trained.
            loss: the weighted sum, prepared.
            normaliser: of the clips.
            seed: of the training; discriminators and their draws follow from it.
        """
        super().__init__()
        self.model = model
        self.loss = loss
        self._to_unit = normaliser.to_unit
        adversarial = loss.adversarial
        self.adversary = None if adversarial is None else Adversary(adversarial, model.spec, seed=seed)

    def forward(
        self,
        context: Tensor,
        target: Tensor,
        mask: Tensor | None,
        true_inputs: Tensor | None = None,
        step: int | None = None,
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Compute the loss.

        Args:
            context: (B, K, C, H, W), normalised.
            target: (B, M, C, H, W), normalised.
            mask: (B, K + M, C, H, W) bool or None.
            true_inputs: (B, K + M - 1, 1, 1, 1) bool, the mask of a teacher; None where nothing is sampled.
            step: of the optimiser, 0-based, for scheduled weights and the adversary; None takes the final weights and
                asks no adversary, as validation does.

        Returns:
            The weighted sum, which is what the model lowers; and every term before weighting, by name. Its gradient
            reaches the discriminators too, and moves them to lower their own objective.

        Raises:
            ConfigurationError: the loss needs something of the forecast that the model does not give.
            ValueError: ``true_inputs`` for a model that takes no teacher, or outside of training.
        """
        if true_inputs is not None and not isinstance(self.model, TeachableModel):
            raise ValueError(f"{type(self.model).__name__} takes no teacher")
        batch = Batch(context, target, mask)
        if self.model.objective == "next_frame":
            frames = batch.frames
            forecast = self._next_frames(batch, frames[:, :-1], true_inputs)
            predicted = forecast.outputs
            expected, valid = frames[:, 1:], None if mask is None else mask[:, 1:]
        else:
            forecast = self.model(context, batch.horizon)
            predicted, expected, valid = forecast.frames, target, batch.target_mask
        judgement = None
        if self.training and step is not None and self.adversary is not None and self.adversary.active(step=step):
            judged = predicted
            if (members := forecast.members) is not None:
                # An ensemble's mean is no future that could be real. Its members are, and have their turns.
                member = members[:, step % members.shape[1]]
                judged = torch.cat([predicted[:, : -member.shape[1]], member], dim=1)
            evidence = Evidence(
                context=context,
                forecast=judged,
                truth=expected,
                horizon=batch.horizon,
                context_mask=None if mask is None else mask[:, : context.shape[1]],
                mask=valid,
            )
            judgement = self.adversary.judge(evidence, step=step)
        total, parts = self.loss(
            predicted,
            expected,
            to_unit=self._to_unit,
            mask=valid,
            penalties=forecast.penalties,
            members=forecast.members,
            terms=None if judgement is None else {"adversarial": judgement.term},
            step=step if self.training else None,
        )
        if judgement is None:
            return total, parts
        # One backward pass for both: what is added is 0, and its gradient that of the discriminators' objective.
        return total + (judgement.objective - judgement.objective.detach()), {**parts, **judgement.parts}

    def _next_frames(self, batch: Batch, inputs: Tensor, true_inputs: Tensor | None) -> Forecast:
        """Frames 2 .. K + M, whatever the model read to predict them."""
        if not isinstance(self.model, TeachableModel):
            return self.model(inputs, 1)
        if true_inputs is not None:
            return self.model(batch.context, batch.horizon, teacher=Teacher(inputs, true_inputs))
        return self.model(inputs, 1) if self.training else self.model(batch.context, batch.horizon)
