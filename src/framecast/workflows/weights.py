"""Weights: which networks trained elsewhere are here, and fetching those that are not."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from framecast.frames.errors import ConfigurationError, unknown_choice
from framecast.metrics.features.weights import WEIGHTS, WeightFile, weights_cache

State = Literal["published", "other", "missing"]
"""The published file, byte for byte; another file of that name, which is used; nothing."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WeightStatus:
    """What is known of one weight file on this machine."""

    name: str
    """What the command calls it."""

    file: str
    """The name under which it is looked for."""

    num_bytes: int
    """Length of the published file."""

    size: str
    """The same, for people."""

    needed_for: str
    """What looks through the network."""

    path: Path | None
    """Where it is."""

    state: State


def weights(
    name: str | None = None, *, fetch: bool = False, watch: Callable[[WeightFile], None] | None = None
) -> list[WeightStatus]:
    """Say where weight files are, comparing their checksums with the published ones.

    Args:
        name: one of them; None is all.
        fetch: download those that are nowhere into framecast's cache. A file that lies in another folder is left
            alone, whatever it holds, and goes on being used.
        watch: told before a download begins.

    Raises:
        ConfigurationError: there is no such name.
        NotAvailableError: a download failed, or another file of that name lies in the cache.
    """
    if name is not None and name not in WEIGHTS:
        raise ConfigurationError(unknown_choice("weight file", name, WEIGHTS))
    chosen = list(WEIGHTS.values()) if name is None else [WEIGHTS[name]]
    if fetch:
        for file in chosen:
            _fetch(file, watch)
    return [_status(file) for file in chosen]


def _fetch(file: WeightFile, watch: Callable[[WeightFile], None] | None) -> None:
    found = file.find()
    if found is not None and found.parent != weights_cache():
        return
    if found is None and watch is not None:
        watch(file)
    file.fetch()


def _status(file: WeightFile) -> WeightStatus:
    path = file.find()
    state: State = "missing" if path is None else "published" if file.is_published(path) else "other"
    return WeightStatus(
        name=file.name,
        file=file.remote.name,
        num_bytes=file.remote.num_bytes,
        size=file.size,
        needed_for=file.needed_for,
        path=path,
        state=state,
    )
