"""``python -m benchmarks.decoding``: how fast videos become clips, against a bare loop over the decoder.

Videos are made for it, and every contender decodes all frames of the same files, one file after the other:

* *bare*: PyAV as its documentation shows it, every frame to an array of RGB or grey.
* *bare, one thread*: the same with one thread for decoding and one for conversion, the fastest such loop there is here.
* *sequence*: ``Sequence.read`` of one clip after the other.
* *batches*: the same clips as native batches: clips as they are, which is what loaders send to a device. The bare loops
  throw every frame away.
* *normalised*: a whole epoch of ``ClipLoader`` over the same clips, without workers: a thread makes native batches, and
  they become float32 meanwhile, four times their bytes. On a CUDA device that second part runs there.
* *loader, W workers*: the same over clips made 64 x 64. Workers are started before the clock is.

Nothing is kept from one batch to the next but freed memory, as in training on a processor
(``training.host_memory``), for every contender. All take turns, and the median over the rounds counts. The marks:
sequences and native batches reach 0.8 times the faster bare loop, and W workers come close to W times one worker, which
takes a processor for each and one to spare; with fewer processors, the figure is there and no mark.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import av
import numpy as np
from av.video.stream import VideoStream

if TYPE_CHECKING:
    from framecast.clips.clip_set import ClipSet

_SIDE = 64
"""Height and width of the loaders' clips."""

_RESULTS = Path(__file__).parent / "results"
CLOSE_TO_BARE = 0.8
CLOSE_TO_WORKERS = 0.8
"""Share of W times one worker that W workers shall reach."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """What is decoded."""

    name: str
    codec: str
    ending: str
    height: int
    width: int
    grey: bool
    """Read as one channel."""


VIDEOS = (
    Video(name="mpeg4-320x240", codec="mpeg4", ending=".avi", height=240, width=320, grey=False),
    Video(name="mpeg4-160x120-grey", codec="mpeg4", ending=".avi", height=120, width=160, grey=True),
    Video(name="h264-640x480", codec="libx264", ending=".mp4", height=480, width=640, grey=False),
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to measure."""

    files: int = 8
    frames: int = 200
    """Of each file; a multiple of the clips' length leaves nothing over."""

    clip: int = 20
    batch: int = 8
    rounds: int = 5
    workers: tuple[int, ...] = (0, 1, 2)


def write_videos(folder: Path, video: Video, size: Size) -> list[Path]:
    """Moving patterns with some noise, so that a decoder has as much to do as on recordings."""
    y, x = np.mgrid[: video.height, : video.width].astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 4, (16, video.height, video.width, 1))
    first = folder / f"0{video.ending}"
    with av.open(str(first), "w") as container:
        stream = container.add_stream(video.codec, rate=25, options={"g": "12"})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = video.height, video.width, "yuv420p"
        for time_step in range(size.frames):
            waves = [np.sin(0.05 * x + 0.2 * time_step + c) + np.cos(0.04 * y - 0.1 * time_step) for c in range(3)]
            picture = (128 + 50 * np.stack(waves, axis=-1) + noise[time_step % 16]).clip(0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    paths = [first, *(folder / f"{index}{video.ending}" for index in range(1, size.files))]
    for path in paths[1:]:
        path.write_bytes(first.read_bytes())
    return paths


def bare(paths: list[Path], *, pixels: str, one_thread: bool) -> int:
    """The loop that everybody writes; the number of frames."""
    count = 0
    for path in paths:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if one_thread:
                stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                if one_thread:
                    frame.to_ndarray(format=pixels, threads=1)
                else:
                    frame.to_ndarray(format=pixels)
                count += 1
    return count


def contenders(folder: Path, paths: list[Path], video: Video, size: Size) -> dict[str, Callable[[], int]]:
    """What is timed: each call decodes everything once and returns the number of frames."""
    from framecast.clips.config import ClipsConfig
    from framecast.clips.loader import ClipLoader
    from framecast.clips.preparing import prepare_clips
    from framecast.clips.splits import SplitConfig
    from framecast.sources.open import open_source

    pixels = "gray" if video.grey else "rgb24"
    source = open_source(folder, options={"color": "grey" if video.grey else "rgb"})

    def cut(side: int | None) -> "ClipSet":
        config = ClipsConfig(
            context=size.clip // 2,
            horizon=size.clip - size.clip // 2,
            stride=size.clip,
            size=side,
            cache_gib=0,
            split=SplitConfig(train=1, validation=0, test=0),
        )
        return prepare_clips(source, config, required=("train",)).of("train")

    clips, small = cut(None), cut(_SIDE)

    def by_sequence() -> int:
        count = 0
        for sequence in source.sequences:
            for start in range(0, sequence.info.num_frames - size.clip + 1, size.clip):
                count += len(sequence.read(start, start + size.clip))
        return count

    def by_batches() -> int:
        for start in range(0, len(clips), size.batch):
            clips.native_batch(range(start, min(start + size.batch, len(clips))))
        return len(clips) * size.clip

    def by_loader(loader: ClipLoader) -> int:
        return sum(len(batch.context) for batch in loader) * size.clip

    whole = ClipLoader(clips, batch_size=size.batch)
    timed: dict[str, Callable[[], int]] = {
        "bare": lambda: bare(paths, pixels=pixels, one_thread=False),
        "bare, one thread": lambda: bare(paths, pixels=pixels, one_thread=True),
        "sequence": by_sequence,
        "batches": by_batches,
        "normalised": lambda: by_loader(whole),
    }
    for workers in size.workers:
        loader = ClipLoader(small, batch_size=size.batch, num_workers=workers)
        timed[loader_name(workers)] = lambda loader=loader: by_loader(loader)
    return timed


def loader_name(workers: int) -> str:
    """The contender's name."""
    return f"loader, {workers} workers" if workers != 1 else "loader, 1 worker"


@final
@dataclass(slots=True)
class Rates:
    """What was measured of one contender, round by round."""

    per_second: list[float] = field(default_factory=list[float])
    """Frames for each second on the clock."""

    per_processor_second: list[float] = field(default_factory=list[float])
    """Frames for each second that this process, without its workers, kept a processor busy."""


def measure(timed: dict[str, Callable[[], int]], rounds: int) -> dict[str, Rates]:
    """Every contender in every round; a round before them only warms up."""
    rates = {name: Rates() for name in timed}
    for number in range(rounds + 1):
        for name, run in timed.items():
            begin, busy = time.perf_counter(), time.process_time()
            frames = run()
            if number:
                rates[name].per_second.append(frames / (time.perf_counter() - begin))
                rates[name].per_processor_second.append(frames / (time.process_time() - busy))
    return rates


def judge(rates: dict[str, Rates], workers: Sequence[int], *, cores: int) -> list[dict[str, Any]]:
    """The marks of one kind of video.

    Args:
        rates: by contender.
        workers: numbers of workers that were measured.
        cores: processors at hand; more workers than that are not judged.
    """
    median = {name: statistics.median(one.per_second) for name, one in rates.items()}
    fastest = max(median["bare"], median["bare, one thread"])
    marks: list[dict[str, Any]] = [
        {"name": f"{name} / faster bare loop", "value": median[name] / fastest, "bound": bound}
        for name, bound in (("sequence", CLOSE_TO_BARE), ("batches", CLOSE_TO_BARE), ("normalised", None))
    ]
    one = median.get(loader_name(1))
    for count in workers:
        if one is not None and count > 1:
            # One more processor takes the batches, and shows what the workers can do.
            bound = CLOSE_TO_WORKERS * count if cores > count else None
            name = f"{loader_name(count)} / 1 worker"
            if bound is None:
                name += f" ({cores} processors are too few to judge)"
            marks.append({"name": name, "value": median[loader_name(count)] / one, "bound": bound})
    return [{**mark, "met": None if mark["bound"] is None else mark["value"] >= mark["bound"]} for mark in marks]


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    machine, size = result["machine"], result["size"]
    lines = [
        "# Decoding videos into clips",
        "",
        f"{machine['processor']}, {machine['cores']} cores; {size['files']} files of {size['frames']} frames, clips of "
        f"{size['clip']}, batches of {size['batch']}. Frames per second, median of {size['rounds']} rounds (slowest … "
        "fastest), and frames for each second of processor time that the process itself took.",
    ]
    if (machine["load"] or 0) > 0.25 * machine["cores"]:
        lines += ["", f"The machine was busy (load {machine['load']:.2f}); marks count on a quiet one."]
    for video in result["videos"]:
        lines += ["", f"## {video['name']}", "", "| contender | frames/s | | of processor time |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {statistics.median(one['per_second']):,.0f} | {min(one['per_second']):,.0f} … "
            f"{max(one['per_second']):,.0f} | {statistics.median(one['per_processor_second']):,.0f} |"
            for name, one in video["rates"].items()
        ]
        lines += ["", "| mark | value | at least | |", "|---|---|---|---|"]
        words = {True: "met", False: "**not met**", None: "for information"}
        lines += [
            f"| {mark['name']} | {mark['value']:.2f} | {'' if mark['bound'] is None else format(mark['bound'], '.2f')} "
            f"| {words[mark['met']]} |"
            for mark in video["marks"]
        ]
    return "\n".join([*lines, ""])


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write the results; 0 when no mark is missed, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decoding", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--video", action="append", choices=[video.name for video in VIDEOS], help="one; may be repeated"
    )
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2], help="numbers of workers (default 0 1 2)")
    parser.add_argument("--rounds", type=int, default=Size().rounds, help=f"default {Size().rounds}")
    parser.add_argument("--quick", action="store_true", help="a few small frames, to see that it works")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of the results (default benchmarks/results/MACHINE; with --quick, runs/decoding)",
    )
    said = parser.parse_args(words)
    from benchmarks.machine import available_cores, describe_machine
    from framecast.training.host_memory import keep_freed_memory

    keep_freed_memory()
    size = Size(rounds=said.rounds, workers=tuple(said.workers))
    if said.quick:
        size = Size(files=2, frames=40, rounds=1, workers=tuple(said.workers))
    machine = describe_machine(with_gpu=False)
    videos: list[dict[str, Any]] = []
    for video in VIDEOS:
        if said.video and video.name not in said.video:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            paths = write_videos(folder, video, size)
            rates = measure(contenders(folder, paths, video, size), size.rounds)
        marks = judge(rates, size.workers, cores=available_cores())
        videos.append({**asdict(video), "rates": {name: asdict(one) for name, one in rates.items()}, "marks": marks})
        print(f"{video.name}: " + ", ".join(f"{mark['name']} {mark['value']:.2f}" for mark in marks), flush=True)
    result = {
        "schema": 1,
        "benchmark": "decoding",
        "machine": machine.to_json(),
        "size": asdict(size),
        "videos": videos,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    out: Path = said.out or (Path("runs/decoding") if said.quick else _RESULTS / machine.slug)
    out.mkdir(parents=True, exist_ok=True)
    (out / "decoding.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "decoding.md").write_text(page(result), encoding="utf-8")
    print(out / "decoding.md")
    return int(any(mark["met"] is False for video in videos for mark in video["marks"]))


if __name__ == "__main__":
    sys.exit(main())
