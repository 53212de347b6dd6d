"""What a speed run leaves: a JSON file with everything, a page with the table, and the curve."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.machine import describe_machine
from benchmarks.speedrun.clock import Record
from benchmarks.speedrun.settings import MARKS
from framecast.evaluation.results import Results
from framecast.models.table import MODELS
from framecast.reports.figure import BLUE, MUTED, OTHERS, calm, new_figure, points, render
from framecast.runs.record import RunRecord

SCHEMA = 1

_NEXT_FRAME = (
    "This network is validated on every frame that it predicts, those of the context included: lower than the error of "
    "the horizon alone."
)


def summary_of(record: Record, run: RunRecord, results: Results) -> dict[str, Any]:
    """Everything that is known of the run, ready for JSON."""
    model = results.conventions["openstl"][results.model].overall
    pieces = record.pieces
    machine = describe_machine(with_gpu=run.device.startswith("cuda"))
    steps = sum(piece.last_step - piece.first_step for piece in pieces)
    training = sum(piece.seconds - piece.training_from for piece in pieces if piece.training_from is not None)
    return {
        "schema": SCHEMA,
        "benchmark": "speedrun",
        "name": record.settings["name"],
        "folder": machine.slug,
        "machine": machine.to_json(),
        "versions": run.versions,
        "asked": record.asked,
        "settings": record.settings,
        "device": run.device,
        "precision": run.precision,
        "parameters": run.parameters,
        "macs_per_frame": run.macs_per_frame,
        "status": run.status,
        "steps": run.steps,
        "seconds": record.seconds,
        "seconds_per_step": training / steps if steps else None,
        "pieces": [asdict(piece) for piece in pieces],
        "curve": [asdict(point) for point in record.curve],
        "curve_note": _NEXT_FRAME if MODELS.load(run.model).objective == "next_frame" else "",
        "test": {
            "clips": results.clips,
            "openstl": model,
            "strict": results.conventions["strict"][results.model].overall,
            "baselines_mse": {
                name: scores.overall["mse"]
                for name, scores in results.conventions["openstl"].items()
                if scores.role == "baseline"
            },
        },
        "marks": [
            {**asdict(mark), "reached": model["mse"] <= mark.mse and record.seconds <= 60 * mark.minutes}
            for mark in MARKS.values()
        ],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_report(folder: Path, summary: dict[str, Any]) -> list[Path]:
    """Write ``speedrun-<name>.json``, ``.md`` and ``.png``; those of an earlier run of these settings are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / f"speedrun-{summary['name']}"
    paths = [base.with_name(base.name + ending) for ending in (".json", ".md", ".png")]
    paths[0].write_text(json.dumps(summary, indent=1, default=str) + "\n", encoding="utf-8")
    paths[1].write_text(page(summary), encoding="utf-8")
    paths[2].write_bytes(curve_picture(summary))
    return paths


def page(summary: dict[str, Any]) -> str:
    """The result as Markdown."""
    test, machine = summary["test"], summary["machine"]
    per_step = summary["seconds_per_step"]
    rows = [
        ("machine", machine["gpu"] or f"{machine['processor']}, {machine['cores']} cores"),
        ("network", f"{summary['settings']['model']['name']}, {summary['parameters']:,} parameters"),
        ("precision", str(summary["precision"])),
        ("steps × batch", f"{summary['steps']:,} × {summary['settings']['batch_size']}"),
        ("on the clock", f"{summary['seconds']:.0f} s in {len(summary['pieces'])} piece(s)"),
        ("a step", "–" if per_step is None else f"{1000 * per_step:.1f} ms, validations and checkpoints included"),
        ("test sequences", f"{test['clips']:,}"),
        ("**MSE**, summed over a frame, `openstl`", f"**{test['openstl']['mse']:.2f}**"),
        ("MAE, `openstl`", f"{test['openstl']['mae']:.2f}"),
        ("SSIM, `openstl` (L = 2)", f"{test['openstl']['ssim']:.4f}"),
        ("PSNR, `openstl`", f"{test['openstl']['psnr']:.2f} dB"),
        *((f"MSE of the baseline `{name}`", f"{mse:.1f}") for name, mse in test["baselines_mse"].items()),
    ]
    lines = [f"# Speed run: {summary['name']}", "", "| | |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows), ""]
    lines += ["| mark | MSE | minutes | reached |", "|---|---|---|---|"]
    for mark in summary["marks"]:
        reached = "yes" if mark["reached"] else "no"
        lines.append(f"| {mark['whose']} | {mark['mse']:.2f} | {mark['minutes']:g} | {reached} |")
    lines += [
        "",
        "The marks are for one NVIDIA H200. The clock starts with the process and runs through every piece; the "
        "evaluation on test sequences is not on it.",
        "",
        f"![Validation error against time](speedrun-{summary['name']}.png)",
        "",
        *([summary["curve_note"], ""] if summary["curve_note"] else []),
        "| seconds | step | validation MSE |",
        "|---|---|---|",
        *(f"| {point['seconds']:.0f} | {point['step']} | {point['mse']:.2f} |" for point in summary["curve"]),
        "",
    ]
    return "\n".join(lines)


def curve_picture(summary: dict[str, Any]) -> bytes:
    """Squared error of validation sequences against the clock, the test score, and the marks; PNG."""
    width, height = 640.0, 380.0
    figure = new_figure(width, height)
    axes = figure.add_axes((60 / width, 56 / height, 1 - 96 / width, 1 - 124 / height))
    curve = summary["curve"]
    axes.plot(
        [point["seconds"] for point in curve], [point["mse"] for point in curve], color=BLUE, linewidth=2, marker="o",
        markersize=3,
    )  # fmt: skip
    axes.plot([summary["seconds"]], [summary["test"]["openstl"]["mse"]], color=OTHERS[0], marker="D", linestyle="none")
    for mark in summary["marks"]:
        axes.axhline(mark["mse"], color=MUTED, linewidth=0.8, linestyle="--")
        axes.annotate(
            f"{mark['mse']:.2f} in {mark['minutes']:g} min",
            (1, mark["mse"]),
            (0, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            color=MUTED,
            fontsize=points(12),
        )
    axes.set_xlim(left=0)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 3, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    calm(
        axes,
        title=f"Squared error per frame, {summary['name']}",
        subtitle=f"validation sequences, and the test score at the end (diamond); {summary['folder']}",
        x_label="seconds on the clock",
    )
    return render(figure, "png")
