"""The worker, the parent that reads it, and a whole shortened table."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import convlstm, convlstm_worker
from benchmarks.jobs import Job, missing, plan, run_job
from benchmarks.measurement import PREFIX, Measurement, as_line, empty_measurement, from_output
from benchmarks.memory import peak_resident_bytes, resident_bytes
from benchmarks.timing import MIN_REPETITIONS, Effort, repeat
from benchmarks.workloads import WORKLOADS

TINY = WORKLOADS["r0"].resized(batch=1, frame_size=4, length=2, width=2)
EFFORT = Effort(steps=2, seconds=1.0, warm_up=0)


def job(**changes: Any) -> Job:
    return Job(**{"workload": TINY, "framework": "framecast", "precision": "32", "device": "cpu", **changes})


def test_a_line_is_found_among_what_libraries_say() -> None:
    found = empty_measurement(TINY, "plain", "bf16", "cpu")
    assert from_output(f"hello\n{as_line(found)}\ngood bye\n") == found


def test_output_without_a_line_gives_nothing() -> None:
    assert from_output("measured nothing\n") is None


def test_a_key_of_a_later_version_is_left_out() -> None:
    found = empty_measurement(TINY, "plain", "bf16", "cpu")
    line = PREFIX + json.dumps(found.to_json() | {"colour": "green"})
    assert from_output(line) == found


def test_repetitions_end_in_time_but_not_before_there_are_two() -> None:
    effort = Effort(steps=1000, seconds=0.0, warm_up=0)
    assert len(repeat(lambda: None, wait=lambda: None, effort=effort)) == MIN_REPETITIONS


def test_the_peak_of_memory_grows_with_what_is_held() -> None:
    before = peak_resident_bytes()
    held = bytearray(64 * 2**20)
    held[:: 2**12] = b"x" * len(held[:: 2**12])
    assert peak_resident_bytes() >= before
    assert resident_bytes() <= peak_resident_bytes()


def test_the_peak_of_memory_is_not_the_parents() -> None:
    """A child begins as a copy of its parent, which may be large."""
    held = bytearray(256 * 2**20)
    held[:: 2**12] = b"x" * len(held[:: 2**12])
    code = "from benchmarks.memory import peak_resident_bytes; print(peak_resident_bytes())"
    root = Path(convlstm.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert int(done.stdout) < len(held)


def test_a_worker_that_fails_says_so_and_harms_nobody() -> None:
    found = run_job(job(workload=TINY.resized(length=1, batch=-1)), effort=EFFORT, threads=1, limit_seconds=100)
    assert found.problem.startswith("failed with exit code 1: ")
    assert not found.step_seconds


def test_a_worker_that_takes_too_long_is_ended() -> None:
    found = run_job(job(), effort=EFFORT, threads=1, limit_seconds=0.01)
    assert found.problem == "not done after 0 s"


def test_a_model_that_framecast_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing(job()) == ""
    monkeypatch.setattr("benchmarks.jobs.MODELS", {})
    assert missing(job()) == "framecast has no model 'convlstm_stack'"
    assert missing(job(framework="plain")) == ""


def test_a_package_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.jobs.find_spec", lambda name: None if name == "tensorflow" else object())
    assert missing(job(framework="keras-tensorflow")) == "tensorflow is not installed"
    assert missing(job(framework="keras-jax")) == ""
    assert run_job(job(framework="keras-tensorflow"), effort=EFFORT, threads=1, limit_seconds=1).problem


@pytest.mark.parametrize("framework", ["framecast", "framecast-recorded", "plain", "floor"])
def test_a_gpu_that_is_not_there_is_said(
    framework: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(convlstm_worker, "_set_threads", lambda threads: None)  # they are those of all tests here
    convlstm_worker.main(["--framework", framework, "--workload", "r0", "--device", "cuda"])
    found = from_output(capsys.readouterr().out)
    assert found is not None
    assert found.problem == "PyTorch finds no GPU here"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_round_has_what_the_marks_compare(device: Any) -> None:
    jobs = plan(WORKLOADS["r0"], device, batches=(16, 64), compiled=True)
    told = {(one.framework, one.precision, one.workload.batch) for one in jobs}
    assert len(told) == len(jobs)
    assert {("framecast", "bf16", 16), ("framecast", "bf16", 64), ("plain", "bf16", 16)} <= told
    assert ("plain", "bf16", 64) not in told
    assert {name for name, _, _ in told} == {
        "framecast",
        "plain",
        "plain-compiled",
        "keras-tensorflow",
        "keras-torch",
        "keras-jax",
        "floor",
        *(["framecast-recorded"] if device == "cuda" else []),
    }


def test_a_shortened_table_from_end_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # without a compiler nothing is compiled, which would take long
    options = ["--quick", "--workload", "small-32", "--precision", "32", "--steps", "2", "--threads", "1"]
    convlstm.main([*options, "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    document = json.loads((tmp_path / "convlstm-cpu.json").read_text(encoding="utf-8"))
    (run,) = document["runs"]
    found = [Measurement.from_json(one) for one in run["measurements"]]
    assert [(one.framework, one.problem) for one in found] == [("framecast", ""), ("plain", ""), ("floor", "")]
    ours, plain, floor = found
    assert ours.parameters == plain.parameters > 0
    for one in (ours, plain):
        assert len(one.step_seconds) == len(one.forecast_seconds) == 2
        assert one.first_step_seconds
        assert one.imported_bytes
        assert one.peak_bytes
        assert one.imported_bytes < one.peak_bytes
    assert len(floor.floor_ways) == 4
    page = (tmp_path / "convlstm-cpu.md").read_text(encoding="utf-8")
    assert page in printed
    assert "| small-32 training, float32: faster than the plain loop in float32" in page
    assert run["machine"]["processor"] in page
    assert "formulas are not compiled" in page

    convlstm.main(["--report", str(tmp_path / "convlstm-cpu.json")])
    assert capsys.readouterr().out.strip() == page.strip()


def test_a_shortened_table_is_not_kept_unasked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(convlstm, "RESULTS", tmp_path)
    monkeypatch.setattr(convlstm, "run_job", lambda job, **rest: empty_measurement(TINY, "plain", "32", "cpu"))
    monkeypatch.setattr(convlstm, "_outcome", lambda found: "")
    convlstm.main(["--workload", "small-32", "--framework", "plain"])
    assert not list(tmp_path.iterdir())


def test_time_that_is_up_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(convlstm, "run_job", lambda job, **rest: pytest.fail("there was no time for it"))
    convlstm.main(["--workload", "small-32", "--minutes", "0.001", "--out", str(tmp_path)])
    assert "not measured, the 0.001 minutes were over" in capsys.readouterr().out
