"""The report: tables in Markdown, from measurements alone."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.contender import FrameworkName
from benchmarks.convolutions import forecast_flops, training_flops
from benchmarks.figures import Figures, precision_text, share_of_matrix_rate, sized
from benchmarks.marks import judge
from benchmarks.measurement import Spread, Summary, summarise
from benchmarks.results_file import BenchmarkRun
from benchmarks.sweep import LINES, along, value_on
from benchmarks.workloads import WORKLOADS, Device, Precision


def report(runs: list[BenchmarkRun], *, device: Device, plot: str | None = None) -> str:
    """Everything that was measured on a device.

    Args:
        runs: oldest first.
        device: figures of the other device are left out.
        plot: name of the picture of the sweep, beside this text; None leaves it out.
    """
    parts = [f"# ConvLSTM on {'a GPU' if device == 'cuda' else 'a CPU'}"]
    for run in runs:
        parts.append(_machine(run))
        summaries = [one for one in summarise(list(run.measurements)) if one.first.device == device]
        for workload in WORKLOADS:
            chosen = [one for one in summaries if one.first.workload == workload]
            if chosen and workload != "sweep":
                parts.append(workload_section(workload, chosen, device=device))
            elif chosen:
                parts.append(sweep_section(chosen, plot=plot))
    parts.append(marks_section([one for run in runs for one in run.measurements], device=device))
    return "\n\n".join(parts) + "\n"


def workload_section(workload: str, summaries: list[Summary], *, device: Device) -> str:
    """One row for each contender, and what must be known of some."""
    figures = Figures(summaries, device=device)
    gpu = device == "cuda"
    head = ["contender", "precision", "batch", "first step, s", "training step, s", "forecast, s", "peak memory, GiB"]
    head += ["GPU memory, GiB", "share of matrix rate"] if gpu else ["of that imports"]
    head += ["× framecast float32", "× framecast bfloat16", "× floor"]
    rows = [_row(one, figures, gpu=gpu) for one in summaries if one.step is not None]
    size = sized(summaries[0])
    text = [
        f"## {workload}",
        f"{size.frame_size}×{size.frame_size}×1, {size.length} → {size.length} frames, widths "
        f"{', '.join(map(str, size.widths))}, kernel {size.kernel_size}, patch {size.patch}. At a batch of "
        f"{size.batch}: {training_flops(size) / 1e9:.4g} GFLOP for a training step, {forecast_flops(size) / 1e9:.4g} "
        "for a forecast.",
    ]
    if gpu and figures.matrix_rate:
        text.append(f"Measured bfloat16 matrix rate: {figures.matrix_rate / 1e12:.0f} TFLOP/s.")
    text.append(markdown_table(head, rows) if rows else "Nothing was measured.")
    text += [part for part in (_floor_ways(summaries), _remarks(summaries)) if part]
    return "\n\n".join(text)


def sweep_section(summaries: list[Summary], *, plot: str | None) -> str:
    """A table for each axis."""
    size = WORKLOADS["sweep"]
    precision = precision_text(summaries[0].first.precision)
    text = [
        "## Cost",
        f"Encoder–forecaster with kernel {size.kernel_size} and patch {size.patch}, {precision}. Unless it is the one "
        f"that changes: batch {size.batch}, {size.frame_size}×{size.frame_size} pixels, {size.length} → {size.length} "
        f"frames, widths {', '.join(map(str, size.widths))}.",
    ]
    if plot:
        text.append(f"![Cost against batch, frame size, length and width]({plot})")
    for line in LINES:
        found = along(line.axis, summaries)
        rows = [
            [
                str(value_on(line.axis, one.first)),
                name,
                _seconds(one.step),
                _seconds(one.forecast),
                _gib(one.peak_bytes),
            ]
            for name, points in found.items()
            for one in points
        ]
        if rows:
            rows.sort(key=lambda row: int(row[0]))
            head = [line.name, "contender", "training step, s", "forecast, s", "peak memory, GiB"]
            text.append(markdown_table(head, rows))
    if remarks := _remarks(summaries):
        text.append(remarks)
    return "\n\n".join(text)


def marks_section(measurements: Sequence[Any], *, device: Device) -> str:
    """The table of marks."""
    judged = judge(summarise(list(measurements)), device=device)
    rows = [[one.name, one.asked, one.measured, one.verdict] for one in judged]
    return "## Marks\n\n" + markdown_table(["mark", "asked", "measured", ""], rows)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns are as wide as their widest cell."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    padded = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]])


def _row(one: Summary, figures: Figures, *, gpu: bool) -> list[str]:
    first = one.first
    assert one.step is not None
    cells = [
        first.framework,
        precision_text(first.precision),
        str(first.batch),
        "–" if one.first_step is None else f"{one.first_step.median:.3g}",
        _seconds(one.step),
        _seconds(one.forecast),
        _gib(one.peak_bytes),
    ]
    if gpu:
        share = share_of_matrix_rate(one, figures.matrix_rate)
        cells += [_gib(one.device_peak_bytes), "–" if share is None else f"{share * 100:.1f} %"]
    else:
        cells.append(_gib(one.imported_bytes))
    others: tuple[tuple[FrameworkName, Precision], ...] = (
        ("framecast", "32"),
        ("framecast", "bf16"),
        ("floor", first.precision),
    )
    for framework, precision in others:
        other = figures.step(first.workload, framework, precision, batch=first.batch)
        cells.append("–" if other is None else f"{one.step.median / other:.2f}")
    return cells


def _floor_ways(summaries: list[Summary]) -> str:
    rows = [
        [precision_text(one.first.precision), str(one.first.batch), way, *(f"{parts[part]:.3g}" for part in parts)]
        for one in summaries
        for way, parts in one.first.floor_ways.items()
    ]
    if not rows:
        return ""
    head = ["floor, median s", "batch", "way", "forward", "gradient of data", "gradient of weights"]
    return markdown_table(head, rows)


def _remarks(summaries: list[Summary]) -> str:
    """Notes of contenders, and why figures are missing."""
    lines: list[str] = []
    for one in summaries:
        who = f"{one.first.framework}, {precision_text(one.first.precision)}, batch {one.first.batch}"
        lines += [f"* {who}: {note}." for note in one.first.notes]
        if one.first.problem:
            lines.append(f"* {who}: not measured, {one.first.problem}.")
    return "\n".join(lines)


def _machine(run: BenchmarkRun) -> str:
    machine = run.machine
    memory, load = machine.get("memory_bytes"), machine.get("load")
    facts = [
        f"{machine.get('processor')}, {machine.get('cores')} cores ({', '.join(machine.get('flags', ()))})",
        "memory unknown" if memory is None else f"{memory / 2**30:.0f} GiB",
        *([str(machine["gpu"])] if machine.get("gpu") else []),
        str(machine.get("system")),
        f"Python {machine.get('python')}",
        ", ".join(f"{name} {version}" for name, version in machine.get("versions", {}).items()),
        f"commit {machine.get('revision')}",
        "load unknown" if load is None else f"load {load:.2f} in the minute before",
    ]
    return f"Measured {run.date} by `{run.command}`.\n\n" + "; ".join(facts) + "."


def _seconds(spread: Spread | None) -> str:
    """Median, and from lowest to highest."""
    if spread is None:
        return "–"
    return f"{spread.median:.3g} ({spread.low:.3g}–{spread.high:.3g})"


def _gib(count: int | None) -> str:
    return "–" if count is None else f"{count / 2**30:.2f}"
