"""``python -m benchmarks.precision``: do float32 and bfloat16 training learn alike?

The same small network is trained three times on Moving MNIST: in float32, in bfloat16 from the same seed, and in
float32 from another seed. Loss curves are compared after smoothing, by the mean over the training of the absolute
difference relative to the first. The criterion: rounding to bfloat16 may move the curve by no more than another seed
does, in the mean over all steps and in their last fifth. A curve that goes astray late can pass the former and fails
the latter.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

_RESULTS = Path(__file__).parent / "results"
_ROWS = 12


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to train. The defaults take a few minutes on two cores."""

    steps: int = 400
    batch_size: int = 16
    frame_size: int = 32
    """Side of the frames in pixels; they are drawn on 64 x 64 and made smaller."""
    hidden: tuple[int, ...] = (64, 64)
    lr: float = 2e-3
    window: int = 25
    """Steps over which losses are averaged."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One of the three."""

    name: str
    precision: Literal[32, "bf16"]
    seed: int


FLOAT32 = Training(name="float32", precision=32, seed=0)
BFLOAT16 = Training(name="bfloat16", precision="bf16", seed=0)
OTHER_SEED = Training(name="float32, another seed", precision=32, seed=1)


class LossCurve:
    """A monitor that keeps the loss of every step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def introduced(self, summary: str) -> None:
        """Nothing to keep."""

    def started(self, *, step: int, total_steps: int) -> None:
        """Nothing to keep."""

    def stepped(self, *, step: int, loss: float, clips: int) -> None:
        """Keep the loss."""
        del step, clips
        self.losses.append(loss)

    def validated(self, row: Any, *, improved: bool) -> None:
        """Nothing to keep."""


def loss_curve(training: Training, size: Size, *, data: str | None, device: str) -> NDArray[np.float64]:
    """Train, and return the loss of every step."""
    from framecast.runs.configure import configure
    from framecast.workflows.train import train

    config = configure(
        "moving-mnist",
        settings={
            "source": {
                "location": "moving-mnist",
                "folder": data,
                "train_sequences": size.steps * size.batch_size,
                "validation_sequences": 16,
                "test_sequences": 1,
            },
            "clips": {"context": 10, "horizon": 10, "size": size.frame_size, "cache_gib": 0},
            "model": {"name": "convlstm", "hidden": list(size.hidden), "kernel_size": 3},
            "training": {
                "epochs": 1,
                "batch_size": size.batch_size,
                "optimizer": {"lr": size.lr},
                "schedule": {"name": "one-cycle"},
                "precision": training.precision,
                "seed": training.seed,
                "device": device,
                "pictures_every": None,
            },
        },
    )
    curve = LossCurve()
    with tempfile.TemporaryDirectory() as folder:
        train(config, out=Path(folder) / "run", monitor=curve)
    return np.array(curve.losses)


def smoothed(losses: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Means over ``window`` consecutive steps; shorter by window - 1."""
    return np.convolve(losses, np.full(window, 1 / window), mode="valid")


def compare(curves: dict[str, NDArray[np.float64]], window: int) -> dict[str, Any]:
    """Relative differences of the smoothed curves, and whether the criterion holds.

    Args:
        curves: the losses of the three trainings by name.
        window: steps to average over.
    """
    exact, rounded, other = (smoothed(curves[one.name], window) for one in (FLOAT32, BFLOAT16, OTHER_SEED))
    by_rounding, by_seed = np.abs(rounded / exact - 1), np.abs(other / exact - 1)
    places = np.unique(np.linspace(0, len(exact) - 1, _ROWS).round().astype(int))
    rows = [
        {
            "step": int(place) + window,
            "float32": float(exact[place]),
            "bfloat16": float(rounded[place]),
            "other_seed": float(other[place]),
            "by_rounding": float(rounded[place] / exact[place] - 1),
            "by_seed": float(other[place] / exact[place] - 1),
        }
        for place in places
    ]
    mean = float(by_rounding.mean()), float(by_seed.mean())
    end = slice(-max(1, len(exact) // 5), None)
    last = float(by_rounding[end].mean()), float(by_seed[end].mean())
    return {
        "rows": rows,
        "mean_by_rounding": mean[0],
        "mean_by_seed": mean[1],
        "end_by_rounding": last[0],
        "end_by_seed": last[1],
        "largest_by_rounding": float(by_rounding.max()),
        "agree": bool(mean[0] <= mean[1] and last[0] <= last[1]),
    }


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    size, found, machine = result["size"], result["comparison"], result["machine"]
    place = machine["gpu"] or f"{machine['processor']}, {machine['cores']} cores"
    verdict = "agree" if found["agree"] else "do **not** agree"
    return "\n".join(
        [
            "# float32 and bfloat16 training",
            "",
            f"{place}; torch {machine['versions']['torch']}. convlstm, hidden {tuple(size['hidden'])}, Moving MNIST at "
            f"{size['frame_size']}×{size['frame_size']}, 10 → 10 frames, batch {size['batch_size']}, {size['steps']} "
            f"steps of Adam, one-cycle to {size['lr']:g}. Losses are means over {size['window']} steps.",
            "",
            f"The curves {verdict}: from float32, bfloat16 differs by {found['mean_by_rounding']:.2%} in the mean and "
            f"{found['end_by_rounding']:.2%} in the last fifth, another seed by {found['mean_by_seed']:.2%} and "
            f"{found['end_by_seed']:.2%}. The criterion is that neither figure of bfloat16 is above that of the seed.",
            "",
            "![Loss curves](precision-moving-mnist.png)",
            "",
            "| up to step | float32 | bfloat16 | float32, another seed | by rounding | by seed |",
            "|---|---|---|---|---|---|",
            *(
                f"| {row['step']} | {row['float32']:.5f} | {row['bfloat16']:.5f} | {row['other_seed']:.5f} "
                f"| {row['by_rounding']:+.2%} | {row['by_seed']:+.2%} |"
                for row in found["rows"]
            ),
            "",
        ]
    )


def picture(curves: dict[str, NDArray[np.float64]], window: int) -> bytes:
    """The smoothed curves as PNG."""
    from framecast.reports.figure import BLUE, OTHERS, calm, new_figure, points, render

    width, height = 640.0, 360.0
    figure = new_figure(width, height)
    axes = figure.add_axes((62 / width, 54 / height, 1 - 92 / width, 1 - 122 / height))
    styles = zip((FLOAT32, BFLOAT16, OTHER_SEED), (BLUE, OTHERS[0], OTHERS[-1]), ("-", "--", ":"), strict=True)
    for training, colour, style in styles:
        losses = smoothed(curves[training.name], window)
        steps = np.arange(len(losses)) + window
        axes.plot(steps, losses, color=colour, linestyle=style, linewidth=2, label=training.name)
    axes.set_yscale("log")
    for place in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        place(StrMethodFormatter("{x:.3f}"))
    axes.legend(frameon=False, fontsize=points(12))
    calm(axes, title="Training loss", subtitle=f"mean over {window} steps", x_label="step")
    return render(figure, "png")


def main(words: Sequence[str] | None = None) -> int:
    """Train three times and write the comparison; 0 when the curves agree, 1 when they do not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("--data", help="folder with MNIST's files; without it the cache, or a download")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (default cpu)")
    parser.add_argument("--steps", type=int, default=Size().steps, help=f"of each training (default {Size().steps})")
    parser.add_argument("--quick", action="store_true", help="a few steps of a tiny network, to see that it works")
    parser.add_argument(
        "--results",
        type=Path,
        help="where the result goes (default benchmarks/results/MACHINE; with --quick, runs/precision-quick)",
    )
    said = parser.parse_args(words)
    from benchmarks.machine import describe_machine

    size = Size(steps=said.steps)
    if said.quick:
        size = Size(steps=12, batch_size=4, frame_size=16, hidden=(4,), window=4)
    if size.steps < 2 * size.window:
        parser.error(f"--steps must be at least {2 * size.window}, found {size.steps}")
    curves: dict[str, NDArray[np.float64]] = {}
    for training in (FLOAT32, BFLOAT16, OTHER_SEED):
        curves[training.name] = loss_curve(training, size, data=said.data, device=said.device)
        print(f"{training.name}: {smoothed(curves[training.name], size.window)[-1]:.5f} at the end", flush=True)
    machine = describe_machine(with_gpu=said.device == "cuda")
    result: dict[str, Any] = {
        "schema": 1,
        "benchmark": "precision",
        "machine": machine.to_json(),
        "device": said.device,
        "size": dataclasses.asdict(size),
        "comparison": compare(curves, size.window),
        "losses": {name: losses.tolist() for name, losses in curves.items()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    folder: Path = said.results or (Path("runs/precision-quick") if said.quick else _RESULTS / machine.slug)
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / "precision-moving-mnist"
    base.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    base.with_suffix(".md").write_text(page(result), encoding="utf-8")
    base.with_suffix(".png").write_bytes(picture(curves, size.window))
    print(f"{base.with_suffix('.md')}: the curves {'agree' if result['comparison']['agree'] else 'do not agree'}")
    return 0 if result["comparison"]["agree"] else 1


if __name__ == "__main__":
    sys.exit(main())
