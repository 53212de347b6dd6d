"""Which baselines a table has where nobody says which."""

from framecast.frames.clip import ClipSpec
from framecast.frames.quantity import Quantity
from framecast.models.baselines.baseline import Baseline
from framecast.models.baselines.table import BASELINES


def usual_baselines(spec: ClipSpec, quantity: Quantity) -> tuple[str, ...]:
    """Names of all that suit such clips, can be computed here, and need not be asked for by name.

    Args:
        spec: the clips.
        quantity: what their values measure.

    Returns:
        In the order of the table of baselines.
    """
    return tuple(name for name, kind in _suitable(spec, quantity).items() if kind.expensive(spec) is None)


def left_out(spec: ClipSpec, quantity: Quantity) -> dict[str, str]:
    """Names of those that suit such clips and can be computed here, but only by name: why, and how to have them."""
    reasons = {name: kind.expensive(spec) for name, kind in _suitable(spec, quantity).items()}
    return {name: f"{why}; ask for it with --baseline {name}" for name, why in reasons.items() if why is not None}


def _suitable(spec: ClipSpec, quantity: Quantity) -> dict[str, type[Baseline]]:
    kinds: dict[str, type[Baseline]] = {name: BASELINES.load(name) for name in BASELINES}
    return {name: kind for name, kind in kinds.items() if kind.suits(spec, quantity) and kind.unavailable() is None}
