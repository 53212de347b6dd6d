"""``python -m benchmarks.adversarial --data FOLDER --out OUT``: the preset moving-mnist-gan, with and without its GAN.

Both train 500 steps on real MNIST digits, from the same weights on the same clips, and forecast the same test clips.
What an adversarial loss is for is sharpness; what it costs is squared error. The table says both. The record also tells
whether something has collapsed: forecasts that are blank, or alike for all clips, or discriminators that no longer tell
anything apart.
"""

import argparse
import csv
import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine

PRESET = "moving-mnist-gan"
WITHOUT = "loss={mse: 1}"
METRICS = ("mse", "mae", "psnr", "ssim", "sharpness", "spectral_distance")


def train_and_evaluate(run: Path, data: Path, *, adversarial: bool, steps: int) -> dict[str, Any]:
    """One training and its scores."""
    settings = [f"source.folder={data}", f"training.max_steps={steps}", "training.pictures_every=null"]
    if not adversarial:
        settings.append(WITHOUT)
    words = [word for setting in settings for word in ("--set", setting)]
    _framecast("train", "--preset", PRESET, *words, "--out", str(run), "--overwrite", "--quiet")
    _framecast("evaluate", str(run), "--quiet")
    results = json.loads((run / "evaluation" / "results.json").read_text(encoding="utf-8"))
    rows = results["conventions"]["strict"]
    with (run / "log.csv").open(newline="", encoding="utf-8") as file:
        log = [
            {name: float(text) for name, text in row.items() if text and "second" not in name}
            for row in csv.DictReader(file)
        ]
    frames = np.load(run / "evaluation" / "examples.npz")
    forecast, truth = frames[f"forecast/{results['model']}"], frames["truth"]
    return {
        "scores": {name: {metric: row["overall"].get(metric) for metric in METRICS} for name, row in rows.items()},
        "intervals": rows[results["model"]]["intervals"],
        "verdict": results["verdict"]["sentence"],
        "deviation_of_forecasts": float(forecast.std()),
        "deviation_of_truth": float(truth.std()),
        "deviation_between_clips": float(forecast.std(axis=0).mean()),
        "log": log,
    }


def _framecast(*words: str) -> None:
    print("$ framecast", *words, flush=True)
    subprocess.run([sys.executable, "-m", "framecast", *words], check=True, stdout=subprocess.DEVNULL)


def table(found: dict[str, dict[str, Any]]) -> str:
    """Both forecasters and the baselines, as Markdown."""
    rows = [
        "| forecaster | MSE | MAE | PSNR | SSIM | sharpness | spectral distance (dB) |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, one in found.items():
        for name, scores in one["scores"].items():
            if name == "convlstm":
                rows.append(_row(f"convlstm, {kind}", scores))
    for name, scores in found["with"]["scores"].items():
        if name != "convlstm":
            rows.append(_row(name, scores))
    return "\n".join(rows)


def _row(name: str, scores: dict[str, float | None]) -> str:
    cells = ["–" if scores[metric] is None else f"{scores[metric]:.4g}" for metric in METRICS]
    return f"| {name} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adversarial", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with MNIST's images")
    parser.add_argument("--out", type=Path, required=True, help="where the runs are written")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--results", type=Path, help="folder for adversarial.json and adversarial.md")
    chosen = parser.parse_args(arguments)
    found = {
        kind: train_and_evaluate(chosen.out / kind, chosen.data, adversarial=kind == "with", steps=chosen.steps)
        for kind in ("without", "with")
    }
    print(table(found))
    if chosen.results is not None:
        chosen.results.mkdir(parents=True, exist_ok=True)
        record = {"steps": chosen.steps, "machine": dataclasses.asdict(describe_machine(with_gpu=False)), **found}
        (chosen.results / "adversarial.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        (chosen.results / "adversarial.md").write_text(table(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
