"""Preparing with processes and clusters: the same store whoever writes it, also after the power went."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import framecast
from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.open import open_source
from framecast.workflows.prepare import prepare

NUMBER, FRAMES, SIDE = 12, 60, 160


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings that make six parts of 16 MiB and a small one."""
    folder = tmp_path_factory.mktemp("many") / "recordings"
    folder.mkdir()
    for number in range(NUMBER):
        frames = np.random.default_rng(number).integers(0, 255, (FRAMES, SIDE, SIDE, 6), dtype=np.uint8)
        np.save(folder / f"r{number:02d}.npy", frames)
    return folder


OPTIONS = {"layout": "THWC"}


@pytest.fixture(scope="module")
def alone(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of them."""
    out = tmp_path_factory.mktemp("alone") / "store.zarr"
    assert prepare(recordings, out=out, options=OPTIONS, size=40).sequences == NUMBER
    return out


def tree(folder: Path) -> dict[str, int]:
    """Hashes, because a difference of megabytes is not to be shown."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash(path.read_bytes()) for path in files}


def test_several_processes_write_what_one_writes(recordings, alone, tmp_path):
    seen: list[tuple[int, int]] = []
    done = prepare(
        recordings,
        out=tmp_path / "s.zarr",
        options=OPTIONS,
        size=40,
        workers=2,
        watch=lambda done, total: seen.append((done, total)),
    )
    assert tree(done.path) == tree(alone)
    assert seen[-1] == (NUMBER, NUMBER)
    assert len(seen) > 3


def test_a_cluster_writes_what_one_process_writes(recordings, alone, tmp_path):
    distributed = pytest.importorskip("distributed")
    words = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**words, protocol="tcp://") as cluster:
        done = prepare(recordings, out=tmp_path / "s.zarr", options=OPTIONS, size=40, dask=cluster.scheduler_address)
    assert tree(done.path) == tree(alone)


def test_a_cluster_that_is_not_there(recordings, tmp_path):
    pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": 0.5}),
        pytest.raises(ConfigurationError, match="No Dask scheduler answers at 'tcp://"),
    ):
        prepare(recordings, out=tmp_path / "s.zarr", dask="tcp://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="No Dask scheduler answers at 'nonsense://x'"):
        prepare(recordings, out=tmp_path / "s.zarr", dask="nonsense://x")


def children(process: int) -> list[int]:
    found: list[int] = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = status.read_text().rsplit(")", 1)
        except OSError:
            continue
        if int(rest.split()[1]) == process:
            found.append(int(name.split()[0]))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_after_a_kill_it_goes_on_and_ends_the_same(recordings, alone, tmp_path):
    out = tmp_path / "s.zarr"
    words = ["prepare", recordings, "--out", out, "--size", "40", "--set", "source.layout=THWC", "--workers", "2"]
    command = [sys.executable, "-m", "framecast", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finished = tmp_path / "s.zarr.part" / "parts"
    deadline = time.monotonic() + 60
    while not (finished.is_dir() and any(not path.name.startswith(".") for path in finished.iterdir())):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    workers = children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    kept = {path.name: path.stat().st_mtime_ns for path in finished.iterdir() if not path.name.startswith(".")}
    assert kept
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "its workers live on"
        time.sleep(0.05)
    done = prepare(recordings, out=out, options=OPTIONS, size=40)
    assert tree(done.path) == tree(alone)
    after = {path.name: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    assert kept.items() <= after.items(), "finished parts were not written again"


def test_a_worker_that_is_killed_is_said(recordings, tmp_path):
    def kill(done: int, total: int) -> None:
        for worker in children(os.getpid()):
            if b"spawn_main" in Path(f"/proc/{worker}/cmdline").read_bytes():
                os.kill(worker, signal.SIGKILL)

    with pytest.raises(SourceError, match=r"ended from outside.*run the same command again, with fewer --workers"):
        prepare(recordings, out=tmp_path / "s.zarr", options=OPTIONS, size=40, workers=2, watch=kill)
    assert not (tmp_path / "s.zarr").exists()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"size": 0}, "size must be at least 1"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"max_rejected": 2.0}, "share from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense(recordings, tmp_path, how, said):
    with pytest.raises(ConfigurationError, match=said):
        prepare(recordings, out=tmp_path / "s.zarr", **how)


def test_a_source_is_not_prepared_into_itself(alone):
    before = tree(alone)
    with pytest.raises(ConfigurationError, match="is the source itself"):
        prepare(alone, out=alone, overwrite=True)
    assert tree(alone) == before


def test_a_store_can_be_prepared_from_a_store(alone, tmp_path):
    done = prepare(alone, out=tmp_path / "half.zarr", size=(20, 10))
    assert {sequence.info.frame_shape for sequence in open_source(done.path).sequences} == {(6, 20, 10)}


def test_generators_can_be_prepared(tmp_path):
    options = {"train_sequences": 6, "validation_sequences": 2, "test_sequences": 2}
    done = prepare("moving-digits", out=tmp_path / "digits.zarr", options=options)
    expected = open_source("moving-digits", options=options)
    for sequence, original in zip(open_source(done.path).sequences, expected.sequences, strict=True):
        assert sequence.info.split == original.info.split
        np.testing.assert_array_equal(sequence.read(), original.read())
    assert prepare("moving-digits", out=tmp_path / "digits.zarr", options=options).unchanged
    with pytest.raises(SourceError, match="its source settings were"):
        prepare("moving-digits", out=tmp_path / "digits.zarr", options={**options, "seed": 1})


def settings(**clips: Any) -> dict[str, Any]:
    return {
        "clips": {"context": 3, "horizon": 2, **clips},
        "model": {"hidden": [4], "kernel_size": 3},
        "training": {"max_steps": 3, "batch_size": 4, "device": "cpu", "pictures_every": None},
    }


def test_training_from_a_store_is_training_from_its_source(tmp_path):
    options = {"train_sequences": 8, "validation_sequences": 4, "test_sequences": 4}
    store = prepare("moving-digits", out=tmp_path / "digits.zarr", options=options, size=16).path
    losses, sizes = [], []
    for location, size in ((str(store), None), ("moving-digits", 16)):
        source = dict(options, location=location) if size else {"location": location}
        config = framecast.configure(settings={**settings(size=size), "source": source})
        run = framecast.train(config, out=tmp_path / f"run {size}")
        assert run.record.status == "finished"
        losses.append(run.record.best_loss)
        sizes.append(run.config.clips.size)
    assert losses[0] == losses[1]
    # The size of the store holds for the run, so that recordings as they were before are brought to it.
    assert sizes == [(16, 16), 16]
    results = framecast.evaluate(run, source=store)
    assert results.clips > 0
