"""From a name in a table to a model or baseline."""

from collections.abc import Mapping
from typing import Any

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.frames.quantity import Quantity
from framecast.frames.settings import settings
from framecast.models.baselines.baseline import Baseline
from framecast.models.baselines.table import BASELINES
from framecast.models.model import Model
from framecast.models.table import MODELS


def build_model(name: str, options: Mapping[str, Any] | object | None, spec: ClipSpec) -> Model:
    """Build an untrained model; its first weights come from torch's global generator, as everywhere in torch.

    Args:
        name: an entry of the table of models.
        options: named settings, or the model's own settings dataclass; None takes the defaults.
        spec: the clips that it will see.

    Raises:
        ConfigurationError: no such model or setting, a setting that does not fit, or clips that the model cannot serve.
    """
    model_class: type[Model] = MODELS.load(name)
    if isinstance(options, model_class.config_class):
        config = options
    else:
        config = settings(model_class.config_class, options, where="model")  # pyright: ignore[reportArgumentType]
    return model_class(config, spec)


def build_baseline(name: str, spec: ClipSpec, quantity: Quantity | None = None) -> Baseline:
    """Build a baseline, not yet fitted.

    Args:
        name: an entry of the table of baselines.
        spec: the clips that it will see.
        quantity: what their values measure; None takes them for pictures.

    Raises:
        ConfigurationError: no such baseline, or one that cannot be computed here; says what is missing.
    """
    baseline_class: type[Baseline] = BASELINES.load(name)
    if reason := baseline_class.unavailable():
        raise ConfigurationError(f"The baseline '{name}' is not available: {reason}")
    return baseline_class(spec, quantity)
