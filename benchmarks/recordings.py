"""``python -m benchmarks.recordings --data FOLDER``: every command on real recordings of five kinds, up to the report.

For each collection that lies in the folder: inspect, inspect --splits, prepare (a store, where it is no generator),
train (short, from the store), evaluate, predict (in each format that its users want), report. It shows that the whole
way works on real files, and how the scores of a short training look beside the baselines. It says little about what a
model can reach: trainings end after some hundred steps.

The folder is laid out as ``kth/``, ``ucf101/videos/``, ``mnist/``, ``radar/knmi/``, ``microscopy/drosophila/`` and
``microscopy/mitosis/``; collections that are not there are left out, and said so.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Recordings, and what is done with them."""

    place: str
    """Below the folder of data."""

    source: tuple[str, ...]
    """How the source is named, ``{place}`` standing for where it lies: a location, then settings."""

    clips: dict[str, Any]
    """The ``clips`` section."""

    model: dict[str, Any]
    outputs: tuple[str, ...]
    """Endings of the forecasts to write."""

    recording: tuple[str, ...] | None = None
    """One recording to forecast, named like the source; None forecasts after all of them, into a folder if several."""

    prepares: bool = True
    drop_repeats: bool = False
    steps: int = 300
    validate_every: int = 1
    """Epochs; small collections have many in the same number of steps."""


_SMALL = {"name": "convlstm", "hidden": [32, 32], "kernel_size": 3, "patch": 4, "residual": True}
_PATCH_2 = {**_SMALL, "patch": 2}

COLLECTIONS: dict[str, Collection] = {
    "mnist": Collection(
        place="mnist",
        source=("moving-mnist", "source.folder={place}", "source.train_sequences=1000", "source.test_sequences=200"),
        clips={"context": 10, "horizon": 10},
        model={**_SMALL, "residual": False},
        outputs=(".gif",),
        prepares=False,
    ),
    "kth": Collection(
        place="kth",
        source=("{place}", "source.kind=kth", "source.split=none", "source.ranges=false"),
        clips={"context": 8, "horizon": 8, "size": [60, 80], "split": {"train": 0.7, "validation": 0.15, "test": 0.15}},
        model=_PATCH_2,
        outputs=(".mp4", ".gif"),
        recording=("{place}/boxing/person01_boxing_d1_uncomp.avi", "source.color=grey"),
        validate_every=3,
    ),
    "ucf101": Collection(
        place="ucf101/videos",
        source=("{place}", "source.kind=ucf101", "source.split_number=null"),
        clips={"context": 8, "horizon": 8, "size": [48, 64], "color": "grey", "split": {"by": "sequence"}},
        model=_PATCH_2,
        outputs=(".mp4",),
        recording=("{place}/Diving/v_Diving_g01_c01.avi",),
    ),
    "radar": Collection(
        place="radar/knmi",
        source=("{place}",),
        clips={
            "context": 3,
            "horizon": 6,
            "size": [152, 140],
            "split": {"train": 0.6, "validation": 0.2, "test": 0.2},
            "transform": {"name": "dbz"},
        },
        model=_SMALL,
        outputs=(".nc", ".mp4"),
        validate_every=10,
    ),
    "drosophila": Collection(
        place="microscopy/drosophila",
        source=("{place}",),
        clips={"context": 4, "horizon": 3, "color": "grey", "crop": 128},
        model=_SMALL,
        outputs=("/",),
        drop_repeats=True,
        validate_every=30,
    ),
    "mitosis": Collection(
        place="microscopy/mitosis/C1-MAX_mitosis.tif",
        source=("{place}",),
        clips={"context": 3, "horizon": 3, "size": [96, 84], "split": {"train": 0.6, "validation": 0.2, "test": 0.2}},
        model=_SMALL,
        outputs=(".ome.tif", ".mp4"),
        validate_every=25,
    ),
}


def run_through(name: str, data: Path, out: Path) -> dict[str, Any]:
    """All commands on one collection; what each of them took, and the results of the evaluation."""
    collection = COLLECTIONS[name]
    place = str(data / collection.place)
    location, *sets = _words(collection.source, place)
    repeats = ["--drop-repeats"] if collection.drop_repeats else []
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}

    def call(step: str, *words: str) -> str:
        command = [sys.executable, "-m", "framecast", *words]
        print("$ framecast", *words, flush=True)
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds[step] = round(time.perf_counter() - started, 1)
        if done.returncode:
            raise SystemExit(f"{done.stdout}{done.stderr}\nframecast {step} ended with {done.returncode}")
        return done.stdout

    configuration = folder / "clips.json"  # JSON is YAML too
    training = {
        "max_steps": collection.steps,
        "epochs": 100_000,
        "batch_size": 8,
        "pictures_every": None,
        "validate_every": collection.validate_every,
        "validation_clips": 64,
    }
    sections = {"clips": collection.clips, "model": collection.model, "training": training}
    configuration.write_text(json.dumps(sections))
    looked = call("inspect", "inspect", location, *sets, *repeats, "--out", str(folder / "look"), "--overwrite")
    print(looked)
    trained_on = [location, *sets, *repeats]
    if collection.prepares:
        store = str(folder / "store.zarr")
        call("prepare", "prepare", location, *sets, *repeats, "--out", store, "--overwrite", "--quiet")
        trained_on = [store]
    clips = [f"clips.{key}={json.dumps(value)}" for key, value in collection.clips.items()]
    division = [word for setting in clips for word in ("--set", setting)]
    places = [] if collection.prepares else [*sets]
    print(call("splits", "inspect", trained_on[0], "--splits", *places, *division))
    run = str(folder / "run")
    arguments = ["--config", str(configuration), "--out", run, "--overwrite", "--quiet"]
    print(call("train", "train", *trained_on, *arguments))
    print(call("evaluate", "evaluate", run))
    recording = [*(_words(collection.recording, place) if collection.recording else [location, *sets]), *repeats]
    several = len(_sequences(call, recording)) > 1
    for ending in collection.outputs if collection.prepares else ():
        target = f"{folder}/forecasts/" if several else f"{folder}/next{ending}"
        call(f"predict {ending}", "predict", run, *recording, "--out", target, "--overwrite", "--quiet")
    call("report", "report", run, "--overwrite")
    results = json.loads((folder / "run" / "evaluation" / "results.json").read_text(encoding="utf-8"))
    return {"seconds": seconds, "conventions": results["conventions"], "verdict": results["verdict"]}


def _words(named: tuple[str, ...], place: str) -> list[str]:
    """A location and settings as words of the command line."""
    location, *settings = (word.format(place=place) for word in named)
    return [location, *(word for setting in settings for word in ("--set", setting))]


def _sequences(call: Any, recording: Sequence[str]) -> list[Any]:
    found: list[Any] = json.loads(call("inspect --json", "inspect", *recording, "--json"))["sequences"]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recordings", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of recordings")
    parser.add_argument("--out", type=Path, required=True, help="where everything is written")
    parser.add_argument("--only", action="append", choices=list(COLLECTIONS), help="one collection; may be given again")
    chosen = parser.parse_args(arguments)
    found: dict[str, Any] = {}
    for name in chosen.only or COLLECTIONS:
        if not (chosen.data / COLLECTIONS[name].place).exists():
            print(f"{name}: nothing at {chosen.data / COLLECTIONS[name].place}, left out.")
            continue
        print(f"\n=== {name}", flush=True)
        found[name] = run_through(name, chosen.data, chosen.out)
    (chosen.out / "recordings.json").write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
