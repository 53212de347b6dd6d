"""Prefetch: native batches in, normalised batches on the device out, one of them always ahead of its use.

On CUDA a batch is copied and normalised on a stream of its own while the step before it computes, so that the next one
lies on the device when that step ends. Elsewhere nothing runs beside the computation, and a batch is normalised when
it is asked for. Apple's mps has no float64 and shares its memory with the processor, so there the processor normalises.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch

from framecast.clips.native_batch import NativeBatch
from framecast.clips.normaliser import Normaliser
from framecast.frames.batch import Batch

Item = TypeVar("Item")


def batches_on(device: torch.device, natives: Iterable[NativeBatch], normaliser: Normaliser) -> Iterator[Batch]:
    """Copy, normalise and give batches, in order.

    Args:
        device: where they shall be.
        natives: in page-locked memory where the device is CUDA; else copies hold up the computation.
        normaliser: of their frames.
    """
    if device.type == "cuda":
        yield from _ahead_on_cuda(device, natives, normaliser)
        return
    for native in natives:
        if device.type == "mps":
            yield normaliser.batch(native).to(device)
        else:
            yield normaliser.batch(native.to(device))


def _ahead_on_cuda(device: torch.device, natives: Iterable[NativeBatch], normaliser: Normaliser) -> Iterator[Batch]:
    stream = torch.cuda.Stream(device)

    def send(native: NativeBatch) -> tuple[Batch, torch.cuda.Event]:
        with torch.cuda.stream(stream):
            batch = normaliser.batch(native.to(device))
        there = torch.cuda.Event()
        there.record(stream)
        return batch, there

    for batch, there in _one_ahead(map(send, natives)):
        computing = torch.cuda.current_stream(device)
        computing.wait_event(there)
        for tensor in (batch.context, batch.target, batch.mask):
            if tensor is not None:
                # Its memory belongs to the other stream, which may reuse it no sooner than this one is done with it.
                tensor.record_stream(computing)
        yield batch


def _one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The items, each given out when the one after it has been taken."""
    waiting: list[Item] = []
    for item in items:
        waiting.append(item)
        if len(waiting) > 1:
            yield waiting.pop(0)
    yield from waiting
