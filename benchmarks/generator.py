"""``python -m benchmarks.generator``: how fast Moving MNIST is made, against a plain loop over digits and frames.

Both make new sequences of two digits on 64 x 64 pixels in batches, on one thread, random numbers included: framecast as
its loader asks for them (the clips of a fresh epoch), the plain loop as one writes it down from the protocol. Rounds of
the two take turns, so that a slow drift of the machine falls on both, and medians are compared. That both make the same
is checked: the plain loop is given the random numbers of an epoch, and its frames are compared with framecast's.
Batches of the loader are compared bit for bit between numbers of worker processes.
"""

import argparse
import hashlib
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.machine import describe_machine
from framecast.clips.clip_set import ClipSet
from framecast.clips.config import ClipsConfig
from framecast.clips.loader import ClipLoader
from framecast.clips.preparing import prepare_clips
from framecast.frames.sequence import SPLITS
from framecast.sources.digits.bouncing import BouncingConfig, BouncingSequence
from framecast.sources.open import open_source

_RESULTS = Path(__file__).parent / "results"
_FRAMES = 20

MARK = 1.0
"""framecast makes at least so many times the frames of the plain loop."""

ALIKE = 0.99
"""Share of equal frames from which on both are taken to make the same."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to make. The defaults take about ten seconds."""

    sequences: int = 1600
    """In every round."""

    rounds: int = 7
    batch_size: int = 16
    workers: tuple[int, ...] = (0, 1, 2)
    """Numbers of worker processes whose batches are compared."""


def fresh_clips(size: Size, *, data: str | None) -> ClipSet:
    """Training clips, renewed in every epoch.

    Args:
        size: how many.
        data: folder with the IDX files of MNIST; None is the user's cache.
    """
    options = {"folder": data, "train_sequences": size.sequences, "test_sequences": 1, "fresh": True}
    config = ClipsConfig(context=_FRAMES // 2, horizon=_FRAMES - _FRAMES // 2, cache_gib=0)
    return prepare_clips(open_source("moving-mnist", options=options), config).train


def digits_of(clips: ClipSet) -> NDArray[np.uint8]:
    """The images that training sequences are made of, (N, side, side)."""
    (sequence, *_) = clips.source.sequences
    if not isinstance(sequence, BouncingSequence):
        raise TypeError(f"expected bouncing digits, found {sequence}")
    return sequence.choreography.bank.images("train")


def ours(clips: ClipSet, size: Size, *, epoch: int) -> Iterator[NDArray[np.uint8]]:
    """Batches of an epoch of fresh sequences, (B, T, 1, H, W)."""
    fresh = clips.at_epoch(epoch)
    for start in range(0, size.sequences, size.batch_size):
        batch = fresh.native_batch(range(start, min(start + size.batch_size, size.sequences)))
        if not isinstance(batch.frames, torch.Tensor):
            raise TypeError("expected frames, found a drawing of them")
        yield batch.frames.numpy()


def plain(
    digits: NDArray[np.uint8], size: Size, *, generator: np.random.Generator, protocol: BouncingConfig
) -> Iterator[NDArray[np.uint8]]:
    """The same with a loop over sequences, digits and frames."""
    side = digits.shape[1]
    free = protocol.canvas - side
    for start in range(0, size.sequences, size.batch_size):
        count = min(size.batch_size, size.sequences - start)
        batch = np.zeros((count, _FRAMES, 1, protocol.canvas, protocol.canvas), np.uint8)
        for sequence in batch[:, :, 0]:
            for choice, y, x, turn in generator.random((protocol.digits, 4)).tolist():
                digit = digits[int(choice * len(digits))]
                speed_y = math.sin(2 * math.pi * turn) * protocol.step
                speed_x = math.cos(2 * math.pi * turn) * protocol.step
                for frame in sequence:
                    y, speed_y = _moved(y, speed_y)  # noqa: PLW2901 - the position is what the loop is about
                    x, speed_x = _moved(x, speed_x)  # noqa: PLW2901
                    top, left = int(free * y), int(free * x)
                    window = frame[top : top + side, left : left + side]
                    np.maximum(window, digit, out=window)
        yield batch


def agreement(clips: ClipSet, digits: NDArray[np.uint8], size: Size) -> float:
    """Share of equal frames in the first batch of epoch 1, made by both from the same random numbers.

    Sines of different libraries may differ in their last bit, and so shift a digit by a pixel once in a great while.
    """
    entropy = (0, SPLITS.index("train"), 1)  # as documented in framecast.sources.digits.bouncing: seed, split, epoch
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
    theirs = next(plain(digits, size, generator=generator, protocol=BouncingConfig()))
    same = (next(ours(clips, size, epoch=1)) == theirs).all(axis=(2, 3, 4))
    return float(same.mean())


def _moved(place: float, speed: float) -> tuple[float, float]:
    place += speed
    if place <= 0:
        return 0.0, -speed
    return (1.0, -speed) if place >= 1 else (place, speed)


def measure(size: Size, *, data: str | None) -> dict[str, Any]:
    """Time both, and compare numbers of workers."""
    clips = fresh_clips(size, data=data)
    digits, protocol = digits_of(clips), BouncingConfig()
    contenders: dict[str, Callable[[int], Iterator[NDArray[np.uint8]]]] = {
        "framecast": lambda turn: ours(clips, size, epoch=1 + turn),
        "plain": lambda turn: plain(digits, size, generator=np.random.default_rng(turn), protocol=protocol),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(size.rounds + 1):
        for name, make in contenders.items():
            begin = time.perf_counter()
            frames = sum(batch.shape[0] * batch.shape[1] for batch in make(turn))
            if turn:  # the first round only warms up
                rates[name].append(frames / (time.perf_counter() - begin))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    digests = {str(workers): digest(clips, size, workers=workers) for workers in size.workers}
    return {
        "size": asdict(size),
        "frames_per_second": rates,
        "median": medians,
        "ratio": medians["framecast"] / medians["plain"],
        "agreement": agreement(clips, digits, size),
        "digests": digests,
        "identical": len(set(digests.values())) == 1,
    }


def passes(result: dict[str, Any]) -> bool:
    """Whether the figures are worth something, and the mark is met."""
    return result["ratio"] >= MARK and result["agreement"] >= ALIKE and result["identical"]


def digest(clips: ClipSet, size: Size, *, workers: int, epoch: int = 1) -> str:
    """SHA-256 of all batches of an epoch in the order of training, read by so many worker processes."""
    loader = ClipLoader(clips, batch_size=size.batch_size, shuffle=True, num_workers=workers)
    loader.set_epoch(epoch)
    found = hashlib.sha256()
    for batch in loader:
        found.update(batch.context.contiguous().numpy().tobytes())
        found.update(batch.target.contiguous().numpy().tobytes())
    return found.hexdigest()


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    machine, size = result["machine"], result["size"]
    rows = [
        f"| {name} | {result['median'][name]:,.0f} | {min(found):,.0f} .. {max(found):,.0f} |"
        for name, found in result["frames_per_second"].items()
    ]
    met = "met" if result["ratio"] >= MARK else "**not met**"
    same = "the same" if result["identical"] else "**not the same**"
    return "\n".join(
        [
            "# The Moving MNIST generator",
            "",
            f"{machine['processor']}, one of {machine['cores']} cores; numpy {machine['versions'].get('numpy')}, torch "
            f"{machine['versions'].get('torch')}; load {machine['load'] or 0:.2f} before. Batches of "
            f"{size['batch_size']} sequences of {_FRAMES} frames, two digits on 64×64; {size['rounds']} rounds of "
            f"{size['sequences']} sequences each.",
            "",
            "| | frames/s, median | slowest .. fastest round |",
            "|---|---|---|",
            *rows,
            "",
            f"framecast makes {result['ratio']:.2f} times the frames of the plain loop; the mark is {MARK:g} ({met}).",
            f"From the same random numbers, {result['agreement']:.1%} of the frames of both are equal.",
            f"An epoch's batches are {same} with {', '.join(result['digests'])} worker processes (0: a thread).",
            "",
        ]
    )


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, keep; 1 when a mark is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generator", description=__doc__)
    parser.add_argument("--data", metavar="DIR", help="folder with the IDX files of MNIST; default: the user's cache")
    parser.add_argument("--sequences", type=int, default=Size().sequences, help="in every round")
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    parser.add_argument("--workers", type=int, nargs="+", default=Size().workers, help="numbers that are compared")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where results go; default: results/<machine>")
    said = parser.parse_args(words)
    torch.set_num_threads(1)
    machine = describe_machine(with_gpu=False)
    result = measure(Size(sequences=said.sequences, rounds=said.rounds, workers=tuple(said.workers)), data=said.data)
    result |= {
        "schema": 1,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.to_json(),
    }
    text = page(result)
    sys.stdout.write(text)
    folder = said.out or _RESULTS / machine.slug
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "generator.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (folder / "generator.md").write_text(text, encoding="utf-8")
    return 0 if passes(result) else 1


if __name__ == "__main__":
    sys.exit(main())
