"""``max_minutes``: a training in pieces, each as long as it may be, is the training in one piece."""

import itertools
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors.torch import load_file

from framecast.frames.errors import ConfigurationError
from framecast.runs.configure import configure
from framecast.training.interrupt import stop_on_signals
from framecast.workflows.train import resumed_config, train

pytestmark = pytest.mark.usefixtures("without_data_page")


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which a minute passes each time somebody looks."""
    minutes = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: 60.0 * next(minutes))
    monkeypatch.setattr("framecast.training.interrupt.time", clock)


def test_a_request_is_made_when_the_time_is_up(slow_clock: None) -> None:
    with stop_on_signals(max_minutes=2.5) as stop:  # at minute 0
        assert [stop.made for _ in range(4)] == [False, False, True, True]
    with stop_on_signals() as stop:
        assert not any(stop.made for _ in range(1000))


def test_pieces_are_the_whole(make_config: Any, read_log: Any, tmp_path: Path, slow_clock: None) -> None:
    whole = train(make_config(training={"epochs": 4}), out=tmp_path / "whole")
    assert whole.record.status == "finished"
    config = make_config(training={"epochs": 4, "max_minutes": 4})
    run = train(config, out=tmp_path / "run")
    assert (run.record.status, run.record.steps) == ("interrupted", 2)
    pieces = 1
    while run.record.status == "interrupted":
        earlier = run.record.steps
        run = train(resumed_config(tmp_path / "run", assignments=[]), out=tmp_path / "run", resume=True)
        assert run.config.training.max_minutes == 4
        assert run.record.steps > earlier or run.record.status == "finished"
        pieces += 1
    assert pieces > 2
    assert (run.record.status, run.record.steps) == ("finished", whole.record.steps)
    assert read_log(run.folder.log) == read_log(whole.folder.log)
    mine, theirs = load_file(run.folder.weights), load_file(whole.folder.weights)
    assert all((mine[name] == theirs[name]).all() for name in theirs)


def test_the_limit_can_be_lifted(make_config: Any, tmp_path: Path, slow_clock: None) -> None:
    train(make_config(training={"max_minutes": 3}), out=tmp_path / "run")
    config = resumed_config(tmp_path / "run", assignments=["training.max_minutes=null"])
    assert train(config, out=tmp_path / "run", resume=True).record.status == "finished"


def test_a_training_stops_by_the_real_clock(make_config: Any, tmp_path: Path) -> None:
    class Slow:
        introduced = started = validated = staticmethod(lambda *arguments, **named: None)

        def stepped(self, **named: Any) -> None:
            time.sleep(0.05)

    config = make_config(training={"epochs": 100_000, "max_minutes": 0.2 / 60, "validation_clips": 1})
    run = train(config, out=tmp_path / "run", monitor=Slow())
    assert run.record.status == "interrupted"
    assert 1 <= run.record.steps <= 5


@pytest.mark.parametrize("minutes", ["0", "-1", ".nan"])
def test_no_time_at_all_is_refused(minutes: str) -> None:
    with pytest.raises(ConfigurationError, match="max_minutes must be above 0 or null"):
        configure("random", assignments=[f"training.max_minutes={minutes}"])
