"""The choices of every kind."""

import pytest

import framecast
from framecast.frames.errors import ConfigurationError
from framecast.models.table import MODELS


def test_every_kind_and_one_kind() -> None:
    everything = framecast.choices()
    assert list(everything) == [
        "models",
        "baselines",
        "losses",
        "metrics",
        "conventions",
        "sources",
        "checks",
        "presets",
    ]
    assert everything["models"] == {name: entry.summary for name, entry in MODELS.items()}
    for kind, entries in everything.items():
        assert framecast.choices(kind) == {kind: entries}
        assert all(summary for summary in entries.values())


def test_a_kind_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError, match=r"no kind of choice 'model'; did you mean 'models'\?"):
        framecast.choices("model")
