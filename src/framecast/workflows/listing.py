"""List: the choices of every kind, from the rooms' tables. Imports nothing heavy."""

from framecast.diagnosis.table import CHECKS
from framecast.frames.errors import ConfigurationError, unknown_choice
from framecast.losses.table import LOSSES
from framecast.metrics.conventions.table import CONVENTIONS
from framecast.metrics.table import METRICS
from framecast.models.baselines.table import BASELINES
from framecast.models.table import MODELS
from framecast.runs.presets.table import presets
from framecast.sources.table import SOURCES

_TABLES = {
    "models": MODELS,
    "baselines": BASELINES,
    "losses": LOSSES,
    "metrics": METRICS,
    "conventions": CONVENTIONS,
    "sources": SOURCES,
    "checks": CHECKS,
}


def choices(kind: str | None = None) -> dict[str, dict[str, str]]:
    """Names and one line each, by kind.

    Args:
        kind: models, baselines, losses, metrics, conventions, sources, checks or presets; None returns all.

    Raises:
        ConfigurationError: no such kind.
    """
    everything = {name: {key: entry.summary for key, entry in table.items()} for name, table in _TABLES.items()}
    everything["presets"] = presets()
    if kind is None:
        return everything
    if kind not in everything:
        raise ConfigurationError(unknown_choice("kind of choice", kind, everything))
    return {kind: everything[kind]}
