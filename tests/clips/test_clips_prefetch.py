"""Batches in order, one ahead of its use where a GPU can have it so; here the GPU is a stand-in that takes notes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from framecast.clips import prefetch
from framecast.clips.native_batch import NativeBatch
from framecast.clips.normaliser import Normaliser

NORMALISER = Normaliser.fit("unit", iter(()), channels=1, value_range=(0.0, 255.0))


def natives(count: int, notes: list[str]) -> Iterator[NativeBatch]:
    for number in range(count):
        notes.append(f"read {number}")
        yield NativeBatch(frames=torch.full((1, 3, 1, 2, 2), number, dtype=torch.uint8), context=2)


def test_elsewhere_a_batch_is_made_when_it_is_asked_for() -> None:
    notes: list[str] = []
    for number, batch in enumerate(prefetch.batches_on(torch.device("cpu"), natives(3, notes), NORMALISER)):
        assert notes[-1] == f"read {number}"
        assert torch.equal(batch.frames, torch.full((1, 3, 1, 2, 2), number) / 255)
    assert len(notes) == 3


class StandIn:
    """What the code asks of torch.cuda."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.sent = 0

    def Stream(self, device: Any) -> str:  # noqa: N802 - torch's name
        del device
        return "side"

    @contextmanager
    def stream(self, stream: str) -> Iterator[None]:
        self.notes.append(f"send {self.sent} on {stream}")
        self.sent += 1
        yield

    def Event(self) -> Any:  # noqa: N802 - torch's name
        stand_in = self

        class Event:
            def record(self, stream: str) -> None:
                self.number = stand_in.sent - 1
                assert stream == "side"

        return Event()

    def current_stream(self, device: Any) -> Any:
        del device
        notes = self.notes

        class Computing:
            def wait_event(self, event: Any) -> None:
                notes.append(f"wait for {event.number}")

        return Computing()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_on_a_gpu_the_next_batch_is_sent_before_this_one_is_used(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    notes: list[str] = []
    stand_in = StandIn(notes)
    for name in ("Stream", "stream", "Event", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, getattr(stand_in, name))
    kept: list[torch.Tensor] = []
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda tensor, stream: kept.append(tensor))
    ahead = prefetch._ahead_on_cuda(torch.device("cpu"), natives(count, notes), NORMALISER)
    for number, batch in enumerate(ahead):
        assert torch.equal(batch.frames, torch.full((1, 3, 1, 2, 2), number) / 255)
        assert any(tensor is batch.context for tensor in kept)
        assert any(tensor is batch.target for tensor in kept)
        notes.append(f"use {number}")
    expected = {
        0: [],
        1: ["read 0", "send 0 on side", "wait for 0", "use 0"],
        3: [
            *("read 0", "send 0 on side", "read 1", "send 1 on side", "wait for 0", "use 0"),
            *("read 2", "send 2 on side", "wait for 1", "use 1", "wait for 2", "use 2"),
        ],
    }
    assert notes == expected[count]
