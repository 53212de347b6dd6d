"""``python -m benchmarks.coverage``: how often intervals at 95 % hold the truth, by simulation.

Errors of single clips are drawn with a known mean: within a recording they are alike, and recordings differ. The mean
is judged as an evaluation judges it, and counted as held where the interval holds the known value. Two settings:
recordings that are independent of each other, whose difficulty is log-normal (a few are far harder than most), and one
long recording whose difficulty changes slowly, with a memory of some frames.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framecast.clips.clip_set import ClipOrigin
from framecast.evaluation.bootstrap import Bootstrap, drawn_values
from framecast.evaluation.independence import Units
from framecast.metrics.squared_error import MeanSquaredError

CLIP_FRAMES = 15
CLIPS_A_RECORDING = 6
SPREAD = 0.8
"""Standard deviation of the logarithm of the difficulty."""


def of_recordings(count: int, generator: np.random.Generator) -> tuple[list[ClipOrigin], NDArray[np.float64]]:
    """Clips of independent recordings, and their errors, whose mean is 1."""
    difficulty = generator.lognormal(-(SPREAD**2) / 2, SPREAD, count)
    origins = [
        ClipOrigin(sequence=str(recording), group=str(recording), start=clip * CLIP_FRAMES, step_seconds=None)
        for recording in range(count)
        for clip in range(CLIPS_A_RECORDING)
    ]
    errors = difficulty.repeat(CLIPS_A_RECORDING) * generator.exponential(size=len(origins))
    return origins, errors


def of_one(num_frames: int, memory: float, generator: np.random.Generator) -> tuple[list[ClipOrigin], NDArray[Any]]:
    """Clips of one recording, and their errors, whose mean is 1."""
    starts = np.arange(0, num_frames - CLIP_FRAMES + 1, CLIP_FRAMES)
    keep = np.exp(-CLIP_FRAMES / memory)
    level = np.empty(len(starts))
    level[0] = generator.normal()
    for place in range(1, len(starts)):
        level[place] = keep * level[place - 1] + np.sqrt(1 - keep**2) * generator.normal()
    errors = np.exp(SPREAD * level - SPREAD**2 / 2) * generator.exponential(size=len(starts))
    origins = [ClipOrigin(sequence="one", group="one", start=int(start), step_seconds=None) for start in starts]
    return origins, errors


def holds(origins: list[ClipOrigin], errors: NDArray[np.float64], *, seed: int) -> bool:
    """Whether the interval of the mean error holds 1."""
    units = Units(origins, clip_frames=CLIP_FRAMES)
    bootstrap = Bootstrap(units.of_clip, resamples=500, seed=seed)
    statistics = {"squared_error": errors[:, None], "count": np.ones((len(errors), 1))}
    low, high = bootstrap.interval(drawn_values(MeanSquaredError(), bootstrap.totals(statistics))[0])
    return low <= 1 <= high


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--results", type=Path, help="folder for coverage.json")
    chosen = parser.parse_args(arguments)
    generator = np.random.default_rng(0)
    found: dict[str, float] = {}
    for count in (5, 8, 12, 20, 50):
        held = [holds(*of_recordings(count, generator), seed=seed) for seed in range(chosen.experiments)]
        found[f"{count} recordings"] = float(np.mean(held))
    for memory in (5, 30, 100, 300):
        held = [holds(*of_one(2000, memory, generator), seed=seed) for seed in range(chosen.experiments)]
        found[f"one recording of 2,000 frames in blocks of 100, memory of {memory} frames"] = float(np.mean(held))
    for name, share in found.items():
        print(f"{share:6.1%}  {name}")
    if chosen.results is not None:
        chosen.results.mkdir(parents=True, exist_ok=True)
        record = {"experiments": chosen.experiments, "held": found}
        (chosen.results / "coverage.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
