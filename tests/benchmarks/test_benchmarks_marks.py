"""From planted figures to verdicts, tables and a picture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.convolutions import training_flops
from benchmarks.marks import Judged, judge, marks
from benchmarks.measurement import Measurement, empty_measurement, summarise
from benchmarks.plot import draw_sweep
from benchmarks.report import markdown_table, report
from benchmarks.results_file import BenchmarkRun, add_run, load_runs, save_runs
from benchmarks.sweep import LINES, along, plan_sweep
from benchmarks.workloads import WORKLOADS, Device, Precision

RATE = 800e12


def planted(
    workload: str,
    framework: Any,
    precision: Precision,
    seconds: float,
    *,
    device: Device = "cpu",
    batch: int | None = None,
    **more: Any,
) -> Measurement:
    empty = empty_measurement(WORKLOADS[workload].resized(batch=batch), framework, precision, device)
    return replace(empty, step_seconds=(seconds, seconds * 3, seconds / 2), first_step_seconds=9.0, **more)


def verdict_of(measurements: list[Measurement], name: str, *, device: Device = "cpu") -> Judged:
    (found,) = [one for one in judge(summarise(measurements), device=device) if one.name == name]
    return found


def test_every_mark_is_told_apart_and_missing_figures_are_not_failures() -> None:
    names = [mark.name for mark in marks()]
    assert len(set(names)) == len(names)
    for device in ("cpu", "cuda"):
        assert {one.verdict for one in judge([], device=device)} == {"not measured"}


@pytest.mark.parametrize(("peer", "verdict"), [(1.70, "met"), (1.69, "not met")])
def test_a_lower_bound(peer: float, verdict: str) -> None:
    found = verdict_of(
        [planted("r0", "framecast", "bf16", 1.0), planted("r0", "keras-tensorflow", "32", peer)],
        "r0 training, bfloat16: faster than Keras/TensorFlow in float32",
    )
    assert found.verdict == verdict
    assert (found.asked, found.measured) == ("at least 1.70 ×", f"{peer:.2f} ×")


@pytest.mark.parametrize(("ours", "verdict"), [(1.35, "met"), (1.36, "not met")])
def test_an_upper_bound(ours: float, verdict: str) -> None:
    found = verdict_of(
        [planted("r0", "framecast", "bf16", ours), planted("r0", "floor", "bf16", 1.0)],
        "r0 training, bfloat16: as long as the convolutions alone",
    )
    assert found.verdict == verdict


@pytest.mark.parametrize(("ours", "verdict"), [(600, "met"), (601, "not met")])
def test_memory(ours: int, verdict: str) -> None:
    found = verdict_of(
        [
            planted("r0", "framecast", "32", 1.0, peak_bytes=ours),
            planted("r0", "keras-tensorflow", "32", 1.0, peak_bytes=1000),
        ],
        "r0 peak memory of training, float32: as much as Keras/TensorFlow in float32",
    )
    assert found.verdict == verdict


def test_forecasts_are_judged_by_forecasts() -> None:
    found = verdict_of(
        [
            planted("r0", "framecast", "bf16", 5.0, forecast_seconds=(1.0,)),
            planted("r0", "keras-tensorflow", "32", 1.0, forecast_seconds=(1.9,)),
        ],
        "r0 forecast, bfloat16: faster than Keras/TensorFlow in float32",
    )
    assert (found.measured, found.verdict) == ("1.90 ×", "met")


def test_a_row_without_a_bound_is_information() -> None:
    found = verdict_of(
        [planted("r0", "framecast", "bf16", 1.0), planted("r0", "keras-tensorflow", "bf16", 0.5)],
        "r0 training, bfloat16: faster than Keras/TensorFlow in bfloat16",
    )
    assert (found.asked, found.measured, found.verdict) == ("–", "0.50 ×", "for information")


def test_a_shortened_network_earns_no_mark() -> None:
    name = "r0 training, float32: faster than the plain loop in float32"
    full = [planted("r0", "framecast", "32", 1.0), planted("r0", "plain", "32", 2.0)]
    assert verdict_of(full, name).verdict == "met"
    assert verdict_of([replace(one, frame_size=8) for one in full], name).verdict == "not measured"


def test_figures_of_a_gpu_earn_no_mark_of_a_cpu() -> None:
    name = "r0 training, float32: faster than the plain loop in float32"
    both = [planted("r0", one, "32", 1.0, device="cuda") for one in ("framecast", "plain")]
    assert verdict_of(both, name).verdict == "not measured"


def test_the_share_of_the_matrix_rate_is_that_of_the_best_batch() -> None:
    name = "unrolled training, bfloat16, the best batch: share of the matrix rate"
    shares = {16: 0.25, 64: 0.42, 256: 0.31}
    found = [
        planted(
            "unrolled",
            "framecast",
            "bf16",
            training_flops(WORKLOADS["unrolled"].resized(batch=batch)) / (share * RATE),
            device="cuda",
            batch=batch,
        )
        for batch, share in shares.items()
    ]
    assert verdict_of(found, name, device="cuda").verdict == "not measured"
    found.append(replace(found[0], framework="framecast-recorded", step_seconds=(found[0].step_seconds[0] / 1.2,)))
    found.append(planted("unrolled", "floor", "bf16", 1.0, device="cuda", matrix_flops_per_second=RATE))
    judged = verdict_of(found, name, device="cuda")
    assert (judged.measured, judged.verdict) == ("42.0 %", "met")


def test_on_a_gpu_the_fastest_keras_is_the_peer_and_only_at_the_common_batch() -> None:
    name = "unrolled training, bfloat16: faster than Keras on JAX or PyTorch, whichever is fastest"
    found = [
        planted("unrolled", "framecast", "bf16", 1.0, device="cuda", batch=16),
        planted("unrolled", "framecast", "bf16", 0.1, device="cuda", batch=32),
        planted("unrolled", "keras-jax", "bf16", 3.5, device="cuda", batch=16),
        planted("unrolled", "keras-torch", "32", 2.5, device="cuda", batch=16),
        planted("unrolled", "keras-tensorflow", "bf16", 1.5, device="cuda", batch=16),
    ]
    judged = verdict_of(found, name, device="cuda")
    assert (judged.measured, judged.verdict) == ("2.50 ×", "not met")


def test_on_a_gpu_recorded_steps_count_where_they_are_faster() -> None:
    name = "unrolled training, bfloat16: faster than the plain loop in bfloat16"
    found = [
        planted("unrolled", "framecast", "bf16", 2.0, device="cuda", batch=16),
        planted("unrolled", "plain", "bf16", 3.0, device="cuda", batch=16),
    ]
    assert verdict_of(found, name, device="cuda").measured == "1.50 ×"
    found.append(replace(found[0], framework="framecast-recorded", step_seconds=(1.0,)))
    assert verdict_of(found, name, device="cuda").measured == "3.00 ×"


def test_rounds_are_put_together() -> None:
    one = planted("r0", "framecast", "32", 2.0, peak_bytes=5)
    other = replace(one, round=1, step_seconds=(10.0, 8.0, 9.0), peak_bytes=7)
    broken = replace(one, round=2, step_seconds=(), problem="it rained")
    (found,) = summarise([broken, one, other])
    assert found.step is not None
    assert (found.step.median, found.step.low, found.step.high, found.step.count) == (7.0, 1.0, 10.0, 6)
    assert found.peak_bytes == 7
    assert found.first is one


def run_of(*measurements: Measurement, date: str = "2026-01-01") -> BenchmarkRun:
    machine = {"processor": "Abacus", "cores": 2, "flags": ["beads"], "memory_bytes": 2**30, "versions": {}}
    return BenchmarkRun(date=date, command="measure", machine=machine, measurements=measurements)


def test_a_later_run_replaces_a_workload_as_a_whole(tmp_path: Path) -> None:
    first = run_of(planted("r0", "framecast", "32", 1.0), planted("small-32", "framecast", "32", 1.0))
    second = run_of(planted("r0", "plain", "32", 1.0), date="2026-01-02")
    path = tmp_path / "deep" / "results.json"
    save_runs(path, add_run(add_run([], first), second))
    older, newer = load_runs(path)
    assert [one.workload for one in older.measurements] == ["small-32"]
    assert newer == second
    assert not list(path.parent.glob("*.part"))


def test_a_run_of_which_nothing_is_left_goes() -> None:
    first = run_of(planted("r0", "framecast", "32", 1.0))
    second = run_of(planted("r0", "plain", "32", 1.0), date="2026-01-02")
    assert add_run([first], second) == [second]


def test_a_run_that_failed_replaces_nothing() -> None:
    first = run_of(planted("r0", "framecast", "32", 1.0))
    second = run_of(replace(first.measurements[0], step_seconds=(), problem="it rained"), date="2026-01-02")
    assert add_run([first], second) == [first, second]


def test_results_of_another_schema_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"schema": 99, "runs": []}', encoding="utf-8")
    with pytest.raises(ValueError, match="has the schema 99; this version reads 1"):
        load_runs(path)


def test_the_report_says_what_is_missing_and_why() -> None:
    lost = replace(empty_measurement(WORKLOADS["r0"], "keras-jax", "bf16", "cpu"), problem="jax is not installed")
    text = report([run_of(planted("r0", "framecast", "32", 1.0), lost)], device="cpu")
    assert "* keras-jax, bfloat16, batch 4: not measured, jax is not installed." in text
    assert "Abacus, 2 cores (beads); 1 GiB" in text
    assert "438.8 GFLOP for a training step" in text


def test_a_table_has_straight_edges() -> None:
    lines = markdown_table(["a", "long head"], [["cell", "b"], ["c", "d"]]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1] == "|------|-----------|"


def sweep_of(device: Device) -> list[Measurement]:
    return [
        replace(
            empty_measurement(job.workload, job.framework, job.precision, device),
            step_seconds=(training_flops(job.workload) / (2e11 if job.framework == "framecast" else 1e11),) * 2,
            forecast_seconds=(0.1,),
            peak_bytes=300 * 2**20 + job.workload.batch * job.workload.frame_size**2 * job.workload.widths[0] * 100,
        )
        for job in plan_sweep(device, precision="32")
    ]


def test_a_sweep_measures_every_point_once_and_finds_it_on_its_line() -> None:
    measurements = sweep_of("cpu")
    assert len({one.key for one in measurements}) == len(measurements)
    for line in LINES:
        found = along(line.axis, summarise(measurements))
        assert set(found) == {"framecast", "plain"}
        for points in found.values():
            assert len(points) == len(line.values)


def test_a_sweep_becomes_tables_and_a_picture(tmp_path: Path) -> None:
    measurements = sweep_of("cpu")
    path = tmp_path / "sweep.png"
    assert draw_sweep(measurements, path, device="cpu")
    assert path.read_bytes().startswith(b"\x89PNG")
    text = report([run_of(*measurements)], device="cpu", plot="sweep.png")
    assert "![Cost against batch, frame size, length and width](sweep.png)" in text
    for line in LINES:
        assert f"| {line.name} |" in text


def test_without_a_sweep_there_is_no_picture(tmp_path: Path) -> None:
    assert not draw_sweep([planted("r0", "framecast", "32", 1.0)], tmp_path / "sweep.png", device="cpu")
    assert not list(tmp_path.iterdir())
