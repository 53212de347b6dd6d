"""The one training module: a batch in, the loss and its parts out, whatever the model's objective.

* ``horizon`` and ``direct``: the forecast of the horizon is compared with the target.
* ``next_frame``: the model reads all frames but the last and every output is compared with the frame that follows, so
  context and target are shifted by one. True frames are inputs here, never in evaluation.
* ``next_frame`` with a sampling schedule (:mod:`framecast.training.sampling`): the same outputs are compared with the
  same frames, but a teacher says which inputs are true. Validation of a model that can have a teacher has none: it
  reads the true context, and in the horizon its own forecasts, as in use.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from framecast.clips.normaliser import Normaliser
from framecast.frames.batch import Batch
from framecast.frames.forecaster import Forecast
from framecast.frames.teacher import Teacher
from framecast.losses.weighted_sum import WeightedSum
from framecast.models.model import Model, TeachableModel


class TrainingModule(nn.Module):
    """A model with its loss."""

    def __init__(self, model: Model, loss: WeightedSum, normaliser: Normaliser) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self._to_unit = normaliser.to_unit

    def forward(
        self, context: Tensor, target: Tensor, mask: Tensor | None, true_inputs: Tensor | None = None
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Compute the loss.

        Args:
            context: (B, K, C, H, W), normalised.
            target: (B, M, C, H, W), normalised.
            mask: (B, K + M, C, H, W) bool or None.
            true_inputs: (B, K + M - 1, 1, 1, 1) bool, the mask of a teacher; None where nothing is sampled.

        Returns:
            The weighted sum, and every term before weighting, by name.

        Raises:
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
        return self.loss(predicted, expected, to_unit=self._to_unit, mask=valid, penalties=forecast.penalties)

    def _next_frames(self, batch: Batch, inputs: Tensor, true_inputs: Tensor | None) -> Forecast:
        """Frames 2 .. K + M, whatever the model read to predict them."""
        if not isinstance(self.model, TeachableModel):
            return self.model(inputs, 1)
        if true_inputs is not None:
            return self.model(batch.context, batch.horizon, teacher=Teacher(inputs, true_inputs))
        return self.model(inputs, 1) if self.training else self.model(batch.context, batch.horizon)
