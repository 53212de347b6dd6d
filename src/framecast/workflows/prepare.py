"""Prepare: recordings are decoded once into a store, from which training reads at the speed of the disk."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framecast.clips.conversion import Color
from framecast.clips.store_plan import StoreSettings
from framecast.clips.store_preparation import Preparation, Watch, prepare_store
from framecast.frames.errors import ConfigurationError, NotAvailableError
from framecast.frames.paths import user_path
from framecast.frames.source import Source
from framecast.sources.open import open_source
from framecast.sources.store.part import Compression
from framecast.sources.table import READERS

_AHEAD = 2
"""Parts handed out for each worker: one to write, one to go on with."""


def prepare(
    source: str | Path | Source,
    *,
    out: str | Path,
    kind: str | None = None,
    options: Mapping[str, Any] | None = None,
    size: tuple[int, int] | int | None = None,
    color: Color = "keep",
    compression: Compression = "none",
    workers: int = 1,
    dask: str | None = None,
    max_rejected: float = 0.5,
    overwrite: bool = False,
    watch: Watch | None = None,
) -> Preparation:
    """Decode recordings once into a store, or bring a store up to date.

    What is there already is not read again: a second call on an unchanged source does nothing, and one that was stopped
    goes on where it was.

    Args:
        source: a path, the name of a generator, or a source.
        out: the store, a folder; usually named ``something.zarr``.
        kind: the reader to use; None finds it.
        options: settings of the reader or generator.
        size: height and width of the stored frames, or one number for a square; None keeps them as they are.
        color: ``grey``, ``rgb`` or ``keep``.
        compression: ``none`` reads fastest; ``zstd`` takes less room.
        workers: processes that decode; 1 does it in this one. They are started anew, so a script that asks for them
            begins its work under ``if __name__ == "__main__":``.
        dask: address of a Dask scheduler whose workers decode instead; they must reach the same files.
        max_rejected: share of recordings, 0 to 1, that may turn out unreadable and are left out with the reason.
        overwrite: prepare everything anew, and replace a store whatever it was prepared from.
        watch: called with (sequences done, sequences in all).

    Raises:
        FramecastError: nothing readable, too much unreadable, a place that is taken, or a setting that does not fit.
    """
    frame_size = (size, size) if isinstance(size, int) else size
    if frame_size is not None and min(frame_size) < 1:
        raise ConfigurationError(f"size must be at least 1 in both directions, found {size}.")
    if workers < 1:
        raise ConfigurationError(f"workers must be at least 1, found {workers}.")
    if not 0 <= max_rejected <= 1:
        raise ConfigurationError(f"max_rejected is a share from 0 to 1, found {max_rejected}.")
    opened = open_source(source, kind=kind, options=options)
    target = user_path(out)
    if _place(opened) == os.fspath(target.absolute()):
        raise ConfigurationError(f"'{out}' is the source itself; choose another --out.")
    origin = {
        "kind": opened.kind,
        "location": _place(opened),
        "options": repr(getattr(opened, "config", None)) if options is None else dict(options),
        "size": None if frame_size is None else list(frame_size),
        "color": color,
        "compression": compression,
    }
    with _executor(workers, dask) as (executor, parallel):
        return prepare_store(
            opened,
            target,
            StoreSettings(size=frame_size, color=color, compression=compression),
            origin,
            executor=executor,
            ahead=_AHEAD * parallel,
            max_rejected=max_rejected,
            overwrite=overwrite,
            watch=watch,
        )


def _place(source: Source) -> str:
    """Where a source lies, however it was named."""
    path = user_path(source.location)
    return os.fspath(path.absolute()) if source.kind in READERS else source.location


@contextmanager
def _executor(workers: int, dask: str | None) -> Generator[tuple[Executor | None, int]]:
    """Who writes parts, and how many at a time."""
    if dask is not None:
        with _cluster(dask) as found:
            yield found
    elif workers == 1:
        yield None, 1
    else:
        before = set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=_follow_the_parent
        )
        try:
            yield pool, workers
        except BaseException:
            # Whatever ends the preparation ends its processes now; what they were at is done again next time.
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise
        finally:
            pool.shutdown()


def _follow_the_parent() -> None:
    """In a worker: leave interruptions to the parent, and end when it ends, however that happens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: Any) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def _cluster(address: str) -> Generator[tuple[Executor, int]]:
    """The workers of a Dask cluster as an executor."""
    try:
        from distributed import Client
    except ImportError:
        raise NotAvailableError(
            'Preparing on a Dask cluster needs distributed: pip install "framecast[cluster]".'
        ) from None
    try:
        client: Any = Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"No Dask scheduler answers at '{address}' ({error}); give its tcp:// address."
        ) from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ConfigurationError(f"The Dask cluster at '{address}' has no workers yet; start some.")
        yield client.get_executor(pure=False, retries=2), threads
