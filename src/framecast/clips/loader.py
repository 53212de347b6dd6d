"""Loader: batches of a clip set, on the device, in an order that follows from (seed, epoch) alone.

A thread or worker processes read ahead of the computation, in the frames' native type; ``prefetch`` brings the batches
to the device and normalises them there. Nothing depends on who reads: with worker processes, with a thread, or started
in the middle of an epoch, batch number n of epoch e is the same, bit for bit. Workers stay alive between epochs, and so
does what they keep in memory.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, get_worker_info

from framecast.clips.clip_set import ClipSet
from framecast.clips.native_batch import NativeBatch
from framecast.clips.prefetch import batches_on
from framecast.frames.batch import Batch
from framecast.frames.errors import FramecastError

_STREAM = 2
"""Keeps these draws apart from others that follow from the same seed."""

_READ_AHEAD = 2
"""Batches that are read before they are asked for."""

_Request = tuple[int, NDArray[np.int64]]
"""An epoch, and the clips of one batch."""

_Result = NativeBatch | FramecastError
"""Clips, or what went wrong: an error that is raised in a worker would arrive as a traceback."""


@final
class ClipLoader:
    """An iterable of batches. Iterating it again gives the same epoch again, until another one is set."""

    def __init__(
        self,
        clips: ClipSet,
        *,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        num_workers: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        """Nothing is read before the first batch is asked for.

        Args:
            clips: what to read.
            batch_size: clips a batch; the last one of an epoch may be smaller.
            shuffle: another order in every epoch.
            seed: of the order, 0 or more (that of augmentation belongs to the clip set).
            num_workers: processes that read; 0 reads in one thread of this process. They are started anew ("spawn"),
                because a copy of this process ("fork") hangs on the video decoders that are open in it; so a script
                that asks for them begins its work under ``if __name__ == "__main__":``.
            device: where the batches shall be. For CUDA they travel through page-locked memory.
        """
        if batch_size < 1 or num_workers < 0:
            raise ValueError(f"found batch_size {batch_size} (at least 1) and num_workers {num_workers} (at least 0)")
        self.clips = clips
        self._order = _Order(len(clips), batch_size, seed if shuffle else None)
        self._reader = _BatchReader(clips)
        self._device = torch.device(device)
        self._pin_memory = self._device.type == "cuda"
        self._workers: DataLoader[_Result] | None = None
        if num_workers:
            self._workers = DataLoader(
                self._reader,
                batch_size=None,
                sampler=self._order,
                num_workers=num_workers,
                persistent_workers=True,
                multiprocessing_context="spawn",
                worker_init_fn=_divide_memory,
                pin_memory=self._pin_memory,
                # A generator of its own: starting workers must not move the global random state.
                generator=torch.Generator(),
            )

    def set_epoch(self, epoch: int, *, start_batch: int = 0) -> None:
        """Choose what the next iterations give.

        Args:
            epoch: 0-based.
            start_batch: batches of the epoch to leave out, to go on where a training was interrupted.
        """
        if not 0 <= start_batch <= len(self):
            raise ValueError(f"start_batch must be in 0 .. {len(self)}, found {start_batch}")
        self._order.epoch, self._order.start_batch = epoch, start_batch

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return (self._order.num_clips + self._order.batch_size - 1) // self._order.batch_size

    def __iter__(self) -> Iterator[Batch]:
        natives = self._read_ahead() if self._workers is None else map(_unless_error, self._workers)
        return batches_on(self._device, natives, self.clips.normaliser)

    def _read_ahead(self) -> Iterator[NativeBatch]:
        pending: deque[Future[NativeBatch]] = deque()
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clip-loader")
        try:
            for request in self._order:
                pending.append(executor.submit(self._read, request))
                if len(pending) > _READ_AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)

    def _read(self, request: _Request) -> NativeBatch:
        native = _unless_error(self._reader[request])
        return native.pin_memory() if self._pin_memory else native


@final
@dataclass(slots=True)
class _Order:
    """The requests of the current epoch."""

    num_clips: int
    batch_size: int
    seed: int | None
    """None keeps the order of the clips."""

    epoch: int = 0
    start_batch: int = 0

    def __iter__(self) -> Iterator[_Request]:
        epoch, clips = self.epoch, np.arange(self.num_clips)
        if self.seed is not None:
            clips = np.random.default_rng([_STREAM, self.seed, epoch]).permutation(clips)
        for begin in range(self.start_batch * self.batch_size, self.num_clips, self.batch_size):
            yield epoch, clips[begin : begin + self.batch_size]


@final
class _BatchReader(Dataset[_Result]):
    """Answers requests, in this process or in a worker; remembers the clips of the epoch that was asked for last."""

    def __init__(self, clips: ClipSet) -> None:
        self._clips = clips
        self._latest: tuple[int, ClipSet] | None = None

    def __getitem__(self, request: _Request) -> _Result:
        epoch, indices = request
        try:
            latest = self._latest
            if latest is None or latest[0] != epoch:
                self._latest = latest = epoch, self._clips.at_epoch(epoch)
            return latest[1].native_batch(indices)
        except FramecastError as error:
            return error

    def divide_memory(self, num_workers: int) -> None:
        """Take one worker's part of the memory for frames."""
        self._clips = replace(self._clips, reader=self._clips.reader.divided(num_workers))
        self._latest = None


def _divide_memory(worker: int) -> None:
    del worker
    info = get_worker_info()
    if info is not None and isinstance(info.dataset, _BatchReader):
        info.dataset.divide_memory(info.num_workers)


def _unless_error(result: _Result) -> NativeBatch:
    if isinstance(result, FramecastError):
        try:
            raise result
        finally:
            del result  # else error and frame would hold each other, and the workers, until garbage is collected
    return result
