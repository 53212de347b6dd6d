"""``python -m benchmarks.stores``: what a prepared store is worth, and what preparing costs.

Random clips from a store against the same clips from the videos; the share of a training in which it waits for clips;
memory of a preparation against the number of files; with ``--large``, memory of a training from a store of 30 GB.

Every figure comes from a process of its own. Frames a second *per core* are frames by the processor time of all threads
of the process, so that idle processors help nobody; the cache in memory is off, files are in the system's cache. Videos
and store give the same random clips: 20 frames, made 64 x 64 grey (on the way from the videos, once for the store), and
for information in the videos' own size and colour. A quick run, or a smaller store, earns no mark.

``--only`` measures some of it, and keeps the rest as the file of ``--out`` has it: two processors take some minutes for
each part, and a part of one run is finished or not there. What is written meanwhile is removed at the end, also when
the run is ended by ctrl-c or a signal.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe_machine
from benchmarks.memory import peak_resident_bytes

CLIP = 20
"""Frames of a clip: 10 of context, 10 of horizon."""

SIDE = 64
WAIT_STEPS = 150
LARGE_BYTES = 30 * 10**9
FILE_COUNTS = (200, 1000, 5000)
PARTS = ("reading", "waiting", "preparing", "large")
"""What can be measured."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What framecast asks of itself."""

    what: str
    found: float | None
    bound: float | None
    """None: for information."""

    at_least: bool

    @property
    def met(self) -> bool | None:
        """None where it was not measured, or nothing is asked for."""
        if self.found is None or self.bound is None:
            return None
        return self.found >= self.bound if self.at_least else self.found <= self.bound


def drifting(num_frames: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """(T, 3, H, W): drifting waves with a little noise, about as hard to encode as a quiet film."""
    draws = np.random.default_rng(seed)
    t, c, y, x = np.ogrid[:num_frames, :3, :height, :width]
    waves = 50 * np.sin(0.11 * x + 0.2 * t + c + seed) + 50 * np.cos(0.07 * y - 0.13 * t + 2 * c)
    return (waves + 128 + draws.normal(0, 3, waves.shape)).clip(0, 255).astype(np.uint8)


def make_videos(folder: Path, count: int) -> Path:
    """Videos of 150 frames 120x160, in MPEG-4 as UCF-101 has them."""
    from framecast.sources.writing import write_frames

    for number in range(count):
        frames = drifting(150, 120, 160, number)
        write_frames(folder / f"v_{number:03d}.avi", frames, step_seconds=0.04)
    return folder


def read_clips(location: str, size: int | None, color: str, count: int) -> dict[str, float]:
    """Read random clips one after the other in this process."""
    from framecast.clips.config import ClipsConfig
    from framecast.clips.conversion import FrameConversion
    from framecast.clips.frame_reader import FrameReader
    from framecast.sources.open import open_source

    config = ClipsConfig(context=CLIP // 2, horizon=CLIP // 2, size=size, cache_gib=0)
    source = open_source(location)
    conversion = FrameConversion(config.frame_size, "grey" if color == "grey" else "keep")
    reader = FrameReader(conversion, max_bytes=0)
    draws = np.random.default_rng(0)

    def one() -> None:
        sequence = source.sequences[int(draws.integers(len(source.sequences)))]
        start = int(draws.integers(sequence.info.num_frames - CLIP + 1))
        frames = reader.read(sequence, start, start + CLIP)
        assert len(frames) == CLIP

    for _ in range(5):
        one()
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(count):
        one()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return {"frames_per_second": count * CLIP / wall, "frames_per_core_second": count * CLIP / processor}


def train_from(location: str, steps: int) -> dict[str, float]:
    """Train the demo's model and say how long it waited, and how much memory the process took at most."""
    import framecast

    digits = framecast.configure(preset="demo")
    settings = {
        "source": {"location": location},
        "clips": {"context": 10, "horizon": 10},
        "model": {"name": "convlstm", "patch": 4, "hidden": [64, 64], "kernel_size": 3, "output": "linear"},
        "training": {
            "batch_size": digits.training.batch_size,
            "max_steps": steps,
            "epochs": 1000,
            "validation_clips": 16,
            "validate_every": 1000,
            "pictures_every": None,
            "device": "cpu",
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        record = framecast.train(framecast.configure(settings=settings), out=Path(folder) / "run").record
    return {
        "seconds": record.seconds,
        "waiting_seconds": record.waiting_seconds,
        "wait_share": record.waiting_seconds / record.seconds,
        "peak_bytes": peak_resident_bytes(),
    }


def prepare_files(folder: str) -> dict[str, float]:
    """Prepare a folder in this process."""
    from framecast.workflows.prepare import prepare

    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        done = prepare(folder, out=Path(out) / "s.zarr", options={"layout": "THW"})
    return {"sequences": done.sequences, "seconds": time.perf_counter() - begin, "peak_bytes": peak_resident_bytes()}


TASKS: dict[str, Callable[..., dict[str, float]]] = {
    "read": read_clips,
    "train": train_from,
    "prepare": prepare_files,
}


def in_process(task: str, *arguments: Any) -> dict[str, float]:
    """What a task finds in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.stores", "--task", json.dumps([task, *arguments])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_reading(folder: Path, *, videos: str | None, clips: int) -> dict[str, Any]:
    """Random clips from the videos and from stores of them."""
    from framecast.workflows.prepare import prepare

    location = videos or str(make_videos(folder / "videos", 12))
    small = prepare(location, out=folder / "small.zarr", size=SIDE, color="grey")
    large = prepare(location, out=folder / "large.zarr")
    return {
        "videos": Path(location).name if videos else "12 generated videos of 150 frames 120x160, MPEG-4",
        "clips": clips,
        "videos_64_grey": in_process("read", location, SIDE, "grey", max(20, clips // 10)),
        "store_64_grey": in_process("read", str(small.path), None, "keep", clips),
        "videos_native": in_process("read", location, None, "keep", max(20, clips // 10)),
        "store_native": in_process("read", str(large.path), None, "keep", max(50, clips // 4)),
    }


def measure_waiting(folder: Path, *, steps: int) -> dict[str, Any]:
    """The demo's model, trained from a store of the demo's digits; no cache helps, every clip is new."""
    from framecast.workflows.prepare import prepare

    options = {"train_sequences": 4000, "validation_sequences": 50, "test_sequences": 50}
    store = prepare("moving-digits", out=folder / "digits.zarr", options=options)
    return in_process("train", str(store.path), steps)


def measure_preparing(folder: Path, *, counts: tuple[int, ...]) -> list[dict[str, float]]:
    """Peak memory against the number of files of 40 frames 32x32."""
    found: list[dict[str, float]] = []
    for count in counts:
        place = folder / f"files{count}"
        place.mkdir()
        for number in range(count):
            frames = np.random.default_rng(number).integers(0, 255, (40, 32, 32), dtype=np.uint8)
            np.save(place / f"f{number:06d}.npy", frames)
        found.append(in_process("prepare", str(place)))
    return found


def write_noise(store: Path, num_bytes: int) -> None:
    """A store of noise 64x64, not compressed, without decoding anything: the bytes are all there.

    The first part is written, and the others are copies of its files, which is as fast as the disk.
    """
    from framecast.frames.sequence import SequenceInfo
    from framecast.sources.store.index import StoredSequence, StoreIndex, write_group, write_index
    from framecast.sources.store.part import PARTS as FOLDER
    from framecast.sources.store.part import PartWriter
    from framecast.version import __version__

    each, per_part = 200, 320  # frames of a sequence; sequences of a part: 262 MB
    noise = np.random.default_rng(0).integers(0, 256, (each + 997, 1, SIDE, SIDE), dtype=np.uint8)
    count = max(10, num_bytes // (each * SIDE * SIDE))
    parts = [f"noise{number:05d}" for number in range(-(-count // per_part))]
    in_first = min(count, per_part)
    writer = PartWriter(
        store, parts[0], num_frames=each * in_first, frame_shape=(1, SIDE, SIDE), dtype="uint8", compression="none"
    )
    rows: list[int] = []
    for number in range(in_first):
        rows.append(writer.begin())
        writer.append(noise[number % 997 :][:each])
    writer.finish([])
    for part in parts[1:]:
        shutil.copytree(store / FOLDER / parts[0], store / FOLDER / part)
    write_group(store / FOLDER, {})
    infos = (
        SequenceInfo(
            name=f"n{number:06d}",
            num_frames=each,
            channels=1,
            height=SIDE,
            width=SIDE,
            dtype="uint8",
            value_range=(0.0, 255.0),
        )
        for number in range(count)
    )
    sequences = tuple(
        StoredSequence(info, parts[number // per_part], rows[number % per_part]) for number, info in enumerate(infos)
    )
    index = StoreIndex(
        sequences=sequences, parts=tuple(parts), rejected=(), origin={}, division={}, version=__version__
    )
    write_index(store, index)


def check_room(folder: Path, num_bytes: int) -> None:
    """End here where the disk has not the room for that, and 5 GB to spare."""
    free, needed = shutil.disk_usage(folder).free, num_bytes + 5 * 10**9
    if free < needed:
        raise SystemExit(
            f"'{folder}' has {free / 1e9:.1f} GB free, and {needed / 1e9:.1f} GB are needed: name another place with "
            "--folder, or a smaller store with --large-gb (which earns no mark)."
        )


def measure_large(folder: Path, *, num_bytes: int, steps: int) -> dict[str, Any]:
    """Peak memory of a training from a large store, beside that from a tiny one: the difference is the store's.

    It includes what ``clips.cache_gib`` keeps in memory by default, 1 GiB, which is full after about 90 steps.
    """
    write_noise(folder / "large.noise", num_bytes)
    write_noise(folder / "tiny.noise", 0)
    large = in_process("train", str(folder / "large.noise"), steps)
    tiny = in_process("train", str(folder / "tiny.noise"), steps)
    return {
        "store_bytes": sum(file.stat().st_size for file in (folder / "large.noise").rglob("*") if file.is_file()),
        "large": large,
        "tiny": tiny,
        "beyond_the_model_bytes": large["peak_bytes"] - tiny["peak_bytes"],
    }


def marks(found: dict[str, Any]) -> list[Mark]:
    """What was asked, and what was found; nothing was found by a quick run."""
    full = {} if found["quick"] else found
    reading, waiting, preparing, large = (full.get(part) for part in PARTS)
    speed, at_64, times, native, growth, beyond = "frames_per_core_second", None, None, None, None, None
    if reading:
        at_64 = reading["store_64_grey"][speed]
        times = at_64 / reading["videos_64_grey"][speed]
        native = reading["store_native"][speed] / reading["videos_native"][speed]
    if preparing:
        first, last = preparing[0], preparing[-1]
        growth = (last["peak_bytes"] - first["peak_bytes"]) / (last["sequences"] - first["sequences"])
    if large and large["store_bytes"] >= 0.99 * LARGE_BYTES:
        beyond = large["beyond_the_model_bytes"]
    waited = waiting["wait_share"] if waiting else None
    return [
        Mark(what="store, 64x64 grey: frames a second per core", found=at_64, bound=10_000, at_least=True),
        Mark(what="store against videos, clips of 64x64 grey", found=times, bound=5, at_least=True),
        Mark(what="store against videos, clips in their own size", found=native, bound=None, at_least=True),
        Mark(what="share of a training spent waiting", found=waited, bound=0.03, at_least=False),
        Mark(what="prepare: memory for each further file, bytes", found=growth, bound=20_000, at_least=False),
        Mark(
            what="training from the large store: memory beyond the model's, bytes",
            found=beyond,
            bound=2e9,
            at_least=False,
        ),
    ]


def report(found: dict[str, Any]) -> str:
    """A table for people."""
    lines: list[str] = []
    reading, waiting, preparing, large = (found[part] for part in PARTS)
    for name, one in (reading or {}).items():
        if isinstance(one, dict):
            wall, core = one["frames_per_second"], one["frames_per_core_second"]
            lines.append(f"{name:16} {wall:>10,.0f} frames/s {core:>10,.0f} per core")
    if waiting:
        lines.append(f"waiting          {waiting['wait_share']:.2%} of {waiting['seconds']:.0f} s")
    for one in preparing or ():
        rate = one["sequences"] / one["seconds"]
        lines.append(
            f"prepare {one['sequences']:>6.0f} files  {one['peak_bytes'] / 1e6:.0f} MB peak, {rate:.0f} files/s"
        )
    if large:
        peak, tiny = large["large"]["peak_bytes"] / 1e9, large["tiny"]["peak_bytes"] / 1e9
        lines.append(
            f"large store      {large['store_bytes'] / 1e9:.1f} GB: peak {peak:.2f} GB, {tiny:.2f} GB from a tiny one"
        )
    for mark in marks(found):
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[mark.met]
        value = "–" if mark.found is None else f"{mark.found:,.4g}"
        if mark.bound is None:
            lines.append(f"{'information':12} {mark.what}: {value}")
        else:
            lines.append(f"{verdict:12} {mark.what}: {value} ({'≥' if mark.at_least else '≤'} {mark.bound:,g})")
    return "\n".join(lines)


def kept_parts(out: Path | None, *, quick: bool) -> dict[str, Any]:
    """Parts that the file of results holds already, of runs of the same kind."""
    if out is None or not out.exists():
        return {}
    before = json.loads(out.read_text(encoding="utf-8"))
    return {part: before[part] for part in PARTS} if before["quick"] == quick else {}


def main() -> None:
    """Measure, print, and keep what was found where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stores", description="What a prepared store is worth.")
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument("--videos", help="a folder of videos to read from, instead of generated ones")
    parser.add_argument("--quick", action="store_true", help="little of everything: shows that it runs, earns no mark")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part; may be repeated")
    parser.add_argument("--large", action="store_true", help="also train from a store of 30 GB (needs 35 GB of disk)")
    parser.add_argument("--large-gb", type=float, default=LARGE_BYTES / 1e9, help="another size of that store")
    parser.add_argument("--folder", type=Path, help="where to put what is written meanwhile (default: the system's)")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.task:
        task, *arguments = json.loads(words.task)
        print(json.dumps(TASKS[task](*arguments)))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit like any other removes what was written
    wanted = words.only or [part for part in PARTS if part != "large" or words.large]
    steps = 20 if words.quick else WAIT_STEPS
    with tempfile.TemporaryDirectory(dir=words.folder) as place:
        folder, num_bytes = Path(place), int(words.large_gb * 1e9)
        if "large" in wanted:
            check_room(folder, num_bytes)
        measures: dict[str, Callable[[], Any]] = {
            "reading": lambda: measure_reading(folder, videos=words.videos, clips=200 if words.quick else 2000),
            "waiting": lambda: measure_waiting(folder, steps=steps),
            "preparing": lambda: measure_preparing(folder, counts=(50, 200) if words.quick else FILE_COUNTS),
            "large": lambda: measure_large(folder, num_bytes=num_bytes, steps=steps),
        }
        measured = {part: measures[part]() for part in PARTS if part in wanted}
    found: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(with_gpu=False).to_json(),
        "quick": words.quick,
        **dict.fromkeys(PARTS),
        **(kept_parts(words.out, quick=words.quick) if words.only else {}),
        **measured,
    }
    found["marks"] = [{**asdict(mark), "met": mark.met} for mark in marks(found)]
    print(report(found))
    if words.out:
        words.out.parent.mkdir(parents=True, exist_ok=True)
        words.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
