"""The picture of the sweep: time and memory of training against batch, frame size, length and width."""

from pathlib import Path

from benchmarks.contender import FrameworkName
from benchmarks.figures import precision_text
from benchmarks.measurement import Measurement, Summary, summarise
from benchmarks.sweep import LINES, along, value_on
from benchmarks.workloads import Device

COLORS: dict[FrameworkName, str] = {"framecast": "#0072b2", "plain": "#d55e00"}
NAMES: dict[FrameworkName, str] = {"framecast": "framecast", "plain": "plain PyTorch loop"}


def draw_sweep(measurements: list[Measurement], path: Path, *, device: Device) -> bool:
    """Draw what there is of the sweep on a device.

    Returns:
        False, and no file, if there is nothing of it.
    """
    summaries = [
        one
        for one in summarise(measurements)
        if one.first.workload == "sweep" and one.first.device == device and one.step is not None
    ]
    if not summaries:
        return False
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator, StrMethodFormatter

    figure = Figure(figsize=(13, 6), layout="constrained")
    grid = figure.subplots(2, len(LINES), sharey="row")
    for column, line in enumerate(LINES):
        time, memory = grid[0][column], grid[1][column]
        for framework, points in along(line.axis, summaries).items():
            places = [value_on(line.axis, one.first) for one in points]
            look = {"color": COLORS[framework], "label": NAMES[framework], "marker": "o", "markersize": 4}
            middle, below, above = zip(*(_step(one) for one in points), strict=True)
            time.errorbar(places, middle, yerr=(below, above), capsize=2, **look)
            memory.plot(places, [_memory(one, device) / 2**30 for one in points], **look)
        for panel in (time, memory):
            panel.set_xscale("log")
            panel.set_xticks(line.values, [str(value) for value in line.values])
            panel.xaxis.set_minor_locator(NullLocator())
            panel.grid(True, alpha=0.3)
        time.set_yscale("log")
        time.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        memory.set_ylim(bottom=0)
        memory.set_xlabel(line.name.replace(" (", "\n("))
    grid[0][0].set_ylabel("training step, s")
    grid[1][0].set_ylabel("peak GPU memory, GiB" if device == "cuda" else "peak memory, GiB")
    grid[0][0].legend()
    precision = precision_text(summaries[0].first.precision)
    where = "GPU" if device == "cuda" else "CPU"
    figure.suptitle(
        f"Cost of training the encoder–forecaster ConvLSTM on a {where}, {precision}; bars: fastest and slowest step"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return True


def _step(one: Summary) -> tuple[float, float, float]:
    """Median, and the way down and up from it to the ends."""
    assert one.step is not None
    return one.step.median, one.step.median - one.step.low, one.step.high - one.step.median


def _memory(one: Summary, device: Device) -> float:
    found = one.device_peak_bytes if device == "cuda" else one.peak_bytes
    return float("nan") if found is None else found
