"""The weighted sum of losses that a configuration names::

    loss:
      bce: 10                        # a weight, or
      gdl: {weight: 0.1, alpha: 1}   # a weight and the loss's own settings
      perceptual: false              # leaves out what a preset names

Penalties that a model itself contributes are added with weights of their own. A weight may follow a schedule of the
training step; where no step is named, as in validation, every weight is the final one, so that validations of
different steps can be compared.

Axes: B clips, S members, T frames, M leads, C channels, H height, W width.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, final

from torch import Tensor, nn

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, unknown_choice
from framecast.frames.settings import settings
from framecast.losses.adversarial import AdversarialLoss
from framecast.losses.loss import Loss, at_least_float32
from framecast.losses.table import LOSSES

LossSection = Mapping[str, float | Mapping[str, Any] | None]
"""The ``loss`` section of a configuration: for each name a weight, a mapping of settings, nothing (weight 1), or false
for a loss that is left out."""


@final
class WeightedSum(nn.Module):
    """Σ weight × loss, plus the model's own penalties."""

    def __init__(self, losses: Mapping[str, Loss], *, penalties: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.losses = nn.ModuleDict(losses)
        self.weights = {name: loss.config.weight for name, loss in losses.items()}
        self.penalty_weights = dict(penalties or {})
        self._distances = {name: loss for name, loss in losses.items() if loss.is_distance}
        self._needs_unit = any(loss.space == "unit" for loss in self._distances.values())

    @property
    def adversarial(self) -> AdversarialLoss | None:
        """The term that training computes with discriminators, where there is one."""
        return next((loss for loss in self.losses.values() if isinstance(loss, AdversarialLoss)), None)

    @property
    def scheduled(self) -> tuple[str, ...]:
        """The losses whose weight depends on the training step."""
        return tuple(name for name, loss in self._every() if loss.config.schedule.changes)

    def prepare(self, spec: ClipSpec, normalise: Callable[[Tensor], Tensor]) -> None:
        """Get every loss ready for the clips of a run, once, before training.

        Args:
            spec: what the clips look like.
            normalise: from native values (..., C, H, W), floating point, to normalised ones.

        Raises:
            ConfigurationError: a loss cannot be used on such clips.
            NotAvailableError: weights that a loss needs are missing; says how to get them.
        """
        for _, loss in self._every():
            loss.prepare(spec)
            loss.calibrate(spec, normalise)

    def weight(self, name: str, *, step: int | None = None) -> float:
        """What a loss is multiplied by.

        Args:
            name: of the loss.
            step: of the optimiser, 0-based; None is after the end of every schedule.
        """
        loss = dict(self._every())[name]
        return self.weights[name] if step is None else loss.config.schedule.weight(self.weights[name], step=step)

    def forward(
        self,
        forecast: Tensor,
        target: Tensor,
        *,
        to_unit: Callable[[Tensor], Tensor],
        mask: Tensor | None = None,
        penalties: Mapping[str, Tensor] | None = None,
        members: Tensor | None = None,
        terms: Mapping[str, Tensor] | None = None,
        step: int | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compare, and add up.

        Args:
            forecast: (B, T, C, H, W) float, normalised.
            target: the same of the truth.
            to_unit: from normalised values (..., C, H, W) to the scale where the native range is [0, 1],
                differentiable; only called when a loss reads that scale.
            mask: (B, T, C, H, W) bool, True where a value is there; None when every value is.
            penalties: named scalars of the forecast. One without a configured weight has weight 1.
            members: (B, S, M, C, H, W), an ensemble's forecasts of the last M frames, for the losses that read it.
            terms: scalars of losses that are no distances, by name, where something else has computed them. Such a
                loss is left out where its term is not given.
            step: of the optimiser, 0-based, for weights that follow a schedule; None takes the final weights.

        Returns:
            The total, a float32 scalar; and every part before weighting, detached, for the log: losses under their
            names, a penalty under ``penalty_<name>``.

        Raises:
            ConfigurationError: a loss compares the members of an ensemble, and there are none; in training mode, a
                weight is configured for a penalty that the model does not give.
        """
        penalties, terms = penalties or {}, terms or {}
        if self.training:
            self._check_penalties(penalties)
        forecast, target = at_least_float32(forecast), at_least_float32(target)
        scales = {"normalised": (forecast, target)}
        if self._needs_unit:
            scales["unit"] = (to_unit(forecast), to_unit(target))
        total = forecast.new_zeros(())
        parts: dict[str, Tensor] = {}
        for name, loss in self._every():
            if not loss.is_distance:
                if name not in terms:
                    continue
                part = terms[name]
            elif loss.reads_members:
                if members is None:
                    raise ConfigurationError(
                        f"The loss '{name}' compares the members of an ensemble, and the model forecasts one future; "
                        "take a model whose forecasts have members, or another loss."
                    )
                # Members forecast the horizon; frames before it, which next-frame models predict too, have none.
                leads = slice(-members.shape[2], None)
                ensemble = at_least_float32(members)
                part = loss(
                    to_unit(ensemble) if loss.space == "unit" else ensemble,
                    scales[loss.space][1][:, leads],
                    None if mask is None else mask[:, leads],
                )
            else:
                part = loss(*scales[loss.space], mask)
            parts[name] = part.detach()
            weight = self.weight(name, step=step)
            if weight > 0:  # a term that is only watched must not put 0 × ∞ into the sum
                total = total + weight * part
        for name, penalty in penalties.items():
            parts[f"penalty_{name}"] = penalty.detach()
            total = total + self.penalty_weights.get(name, 1.0) * penalty
        return total, parts

    if TYPE_CHECKING:

        def __call__(  # noqa: D102 - it is forward, typed
            self,
            forecast: Tensor,
            target: Tensor,
            *,
            to_unit: Callable[[Tensor], Tensor],
            mask: Tensor | None = None,
            penalties: Mapping[str, Tensor] | None = None,
            members: Tensor | None = None,
            terms: Mapping[str, Tensor] | None = None,
            step: int | None = None,
        ) -> tuple[Tensor, dict[str, Tensor]]: ...

    def _every(self) -> list[tuple[str, Loss]]:
        """Names and losses; ModuleDict forgets what it holds."""
        return [(name, loss) for name, loss in self.losses.items() if isinstance(loss, Loss)]

    def _check_penalties(self, given: Mapping[str, Tensor]) -> None:
        for name in self.penalty_weights:
            if not given:
                raise ConfigurationError(
                    f"A weight is set for the penalty '{name}', but the model has none; remove it."
                )
            if name not in given:
                raise ConfigurationError(unknown_choice("penalty", name, given))


def build_loss(section: LossSection, penalties: Mapping[str, float] | None = None) -> WeightedSum:
    """Build what the ``loss`` section of a configuration names.

    Args:
        section: see the head of this file.
        penalties: weights of the model's own penalties, by name; 1 where not named.

    Raises:
        ConfigurationError: an unknown loss, an unknown setting, a value that does not fit, or nothing to train on.
    """
    if not isinstance(section, Mapping):
        raise ConfigurationError(f"'loss' must hold weights by name (mse: 1), found {section!r}.")
    built = {name: _build_one(name, value) for name, value in section.items()}
    losses = {name: loss for name, loss in built.items() if section[name] is not False}
    if not any(loss.config.weight > 0 and loss.is_distance for loss in losses.values()):
        rest = (
            " beside 'adversarial', which cannot tell good forecasts from bad ones alone"
            if any(loss.config.weight > 0 for loss in losses.values())
            else ""
        )
        raise ConfigurationError(
            f"'loss' names nothing to train on{rest}, found {dict(section)!r}; give at least one loss a weight above "
            f"0, for example 'mse: 1'. Choose from: {', '.join(LOSSES)}."
        )
    for name, weight in (penalties or {}).items():
        if not (isfinite(weight) and weight >= 0):
            raise ConfigurationError(f"The weight of penalty '{name}' must be at least 0 and finite, found {weight}.")
    return WeightedSum(losses, penalties=penalties)


def _build_one(name: str, value: float | Mapping[str, Any] | None) -> Loss:
    if name not in LOSSES:
        raise ConfigurationError(f"In 'loss': {unknown_choice('loss', str(name), LOSSES)}")
    kind: type[Loss] = LOSSES.load(name)
    values = value if isinstance(value, Mapping) or value is None else {"weight": value}
    return kind(settings(kind.config_class, values, where=f"loss.{name}"))
