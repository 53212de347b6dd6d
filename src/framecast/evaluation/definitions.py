"""Definitions: in what two conventions differ where their metrics have one name, and what that does to figures.

The facts are in ``definitions.yaml``. Each metric has traits, each convention a value of every trait: two figures may
be compared when all traits agree, or those that differ can be converted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, final

import yaml

from framecast.frames.settings import settings

Verdict = Literal["yes", "after conversion", "on condition", "no"]
"""``after conversion``: a known factor makes up for the difference. ``on condition``: there is none where the condition
that the reason names holds (after conversion, where that is named too)."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One metric name."""

    traits: dict[str, str]
    """What conventions decide differently, each with a sentence on what that does."""
    conventions: dict[str, dict[str, str]]
    """By convention, the value of every trait."""
    convertible: tuple[str, ...] = ()
    """Traits that a known factor makes up for."""
    conditional: tuple[str, ...] = ()
    """Traits that make no difference on the condition that their sentence names."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparability:
    """Whether figures of one metric from two conventions may be set beside each other."""

    metric: str
    convention: str
    """The other one."""
    comparable: Verdict
    reasons: tuple[str, ...]
    """For each trait that differs: both values, and what that does."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """All of them."""

    metrics: dict[str, Definition]
    facts: tuple[str, ...]
    """What a reader of published figures should know, whatever the convention."""

    def traits(self, convention: str) -> dict[str, dict[str, str]]:
        """By metric, the traits of a convention."""
        return {
            metric: definition.conventions[convention]
            for metric, definition in self.metrics.items()
            if convention in definition.conventions
        }

    def compare(self, convention: str) -> tuple[Comparability, ...]:
        """A convention with every other one, metric by metric."""
        return tuple(
            _compare(metric, definition, convention, other)
            for metric, definition in self.metrics.items()
            if convention in definition.conventions
            for other in definition.conventions
            if other != convention
        )


@cache
def definitions() -> Definitions:
    """Read what ships with framecast."""
    path = Path(__file__).with_suffix(".yaml")
    content: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return settings(Definitions, content, where=path.name)


def _compare(metric: str, definition: Definition, first: str, second: str) -> Comparability:
    one, other = definition.conventions[first], definition.conventions[second]
    different = [trait for trait in definition.traits if one[trait] != other[trait]]
    comparable: Verdict = "no"
    if not different:
        comparable = "yes"
    elif set(different) <= set(definition.convertible):
        comparable = "after conversion"
    elif set(different) <= {*definition.convertible, *definition.conditional}:
        comparable = "on condition"
    reasons = [f"{trait}: {one[trait]}, there {other[trait]}. {definition.traits[trait]}" for trait in different]
    return Comparability(metric=metric, convention=second, comparable=comparable, reasons=tuple(reasons))
