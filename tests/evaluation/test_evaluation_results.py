"""Results: the documented schema, exact round trips, and files that replace only their own kind."""

import csv
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.evaluation.results import Results, check_replaceable, load_arrays, load_results
from framecast.frames.errors import RunError
from framecast.runs.folder import EVALUATION_FILES
from framecast.runs.run import Run
from framecast.workflows.evaluate import evaluate

MakeRun = Callable[..., Run]


def test_the_documented_keys_are_there(make_run: MakeRun, make_source: Any) -> None:
    source = make_source(units="mm/h")
    run = make_run(source)
    evaluate(run, source=source)
    text = (run.folder.evaluation / "results.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert next(iter(record)) == "schema"
    assert (record["schema"], record["source"], record["split"], record["clips"]) == (1, "memory", "test", 8)
    rows = record["conventions"]["strict"]
    assert rows.pop("convlstm")["role"] == "model"
    assert {"persistence", "mean", "climatology", "linear"} <= rows.keys()
    assert {row["role"] for row in rows.values()} == {"baseline"}
    for row in rows.values():
        assert {"mse", "psnr", "ssim"} <= row["overall"].keys() == row["per_lead"].keys()
        undefined = {name for name, value in row["overall"].items() if value is None}
        assert all(isinstance(value, float) for name, value in row["overall"].items() if name not in undefined)
        assert undefined == {"ms_ssim"}  # frames are too small for its windows
        assert all(len(values) == 2 for values in row["per_lead"].values())
    assert record["run"] == "run"
    assert (record["context"], record["horizon"], record["trained_horizon"]) == (3, 2, 2)
    assert (record["units"], record["step_seconds"], record["value_range"]) == ("mm/h", 0.5, [0.0, 255.0])
    assert record["metrics"]["psnr"] == {
        "summary": "Peak signal-to-noise ratio, mean of per-frame values.",
        "better": "higher",
        "unit": "dB",
        "family": "",
        "threshold": None,
        "window": None,
    }
    assert record["cost"]["parameters"] == 12
    assert record["cost"]["seconds_per_frame"] > 0
    assert (record["sequences"], record["groups"], record["repeated_share"]) == (4, 4, 0.0)
    assert record["warnings"][0] == "a file was left out"
    assert "4 independent recordings" in record["warnings"][1]


def test_results_come_back_as_they_were(make_run: MakeRun, make_source: Any) -> None:
    run = make_run(objective="next_frame", evaluation={"conventions": ["strict", "tf"]})
    results = evaluate(run, source=make_source())
    assert load_results(run.folder.evaluation).to_json() == results.to_json()
    bare = evaluate(make_run(evaluation={"baselines": []}), source=make_source())
    assert bare.verdict is None
    assert load_results(run.folder.evaluation).to_json() == bare.to_json()


def test_what_is_not_defined_is_null_in_the_file(make_run: MakeRun, make_source: Any) -> None:
    source = make_source(size=8)  # too small for the window of SSIM
    for sequence in source.sequences:
        sequence.frames[:] = 7  # copying the last frame is exact
    run = make_run(source)
    evaluate(run, source=source)
    text = (run.folder.evaluation / "results.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    record = json.loads(text)
    assert record["conventions"]["strict"]["convlstm"]["overall"]["ssim"] is None
    assert record["conventions"]["strict"]["convlstm"]["per_lead"]["ssim"] == [None, None]
    assert record["verdict"]["skill"] is None
    found = load_results(run.folder.evaluation)
    assert math.isnan(found.conventions["strict"]["convlstm"].overall["ssim"])
    assert found.verdict is not None
    assert math.isnan(found.verdict.skill)
    assert all(math.isnan(skill) for skill in found.verdict.skill_per_lead)
    assert "which is exact" in found.verdict.sentence


def test_a_skill_that_was_not_computed_stays_none(make_run: MakeRun, make_source: Any) -> None:
    run = make_run(evaluation={"baselines": ["mean"]})
    evaluate(run, source=make_source())
    found = load_results(run.folder.evaluation)
    assert found.verdict is not None
    assert found.verdict.skill_over_persistence is None


def test_unknown_keys_are_ignored(make_run: MakeRun, make_source: Any) -> None:
    results = evaluate(make_run(), source=make_source())
    record = json.loads(results.to_json())
    record["weather"] = "fine"
    record["verdict"]["weather"] = "fine"
    record["cost"]["weather"] = "fine"
    record["examples"][0]["weather"] = "fine"
    record["metrics"]["mse"]["weather"] = "fine"
    record["conventions"]["strict"]["mean"]["weather"] = "fine"
    assert Results.from_json(json.dumps(record), where="here").to_json() == results.to_json()


@pytest.mark.parametrize("damage", ["{", "[]", "7", "{}", '{"schema": 1}', '{"schema": 1, "conventions": {"a": 3}}'])
def test_what_is_no_results_file_is_told_by_name(tmp_path: Path, damage: str) -> None:
    (tmp_path / "results.json").write_text(damage, encoding="utf-8")
    with pytest.raises(RunError, match=r"results\.json' is not a results file of framecast"):
        load_results(tmp_path)


def test_another_schema_is_refused(make_run: MakeRun, make_source: Any, tmp_path: Path) -> None:
    run = make_run()
    evaluate(run, source=make_source())
    path = run.folder.evaluation / "results.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"schema": 1', '"schema": 2'), encoding="utf-8")
    with pytest.raises(RunError, match="has results schema 2; this version of framecast reads 1"):
        load_results(run.folder.evaluation)
    with pytest.raises(RunError, match="run 'framecast evaluate'"):
        load_results(tmp_path / "absent")


def test_the_table_has_a_row_for_every_number(make_run: MakeRun, make_source: Any) -> None:
    run = make_run(evaluation={"conventions": ["strict", "tf"]})
    results = evaluate(run, source=make_source())
    with (run.folder.evaluation / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["convention", "forecaster", "role", "metric", "lead", "value", "low", "high"]
    assert {(row["low"], row["high"]) for row in rows} == {("", "")}  # four recordings are too few
    expected = {
        (convention, name, scores.role, metric, str(lead)): value
        for convention, forecasters in results.conventions.items()
        for name, scores in forecasters.items()
        for metric in scores.overall
        for lead, value in enumerate([scores.overall[metric], *scores.per_lead[metric]])
    }
    found = {
        (row["convention"], row["forecaster"], row["role"], row["metric"], row["lead"]): float(row["value"])
        for row in rows
    }
    assert found == pytest.approx(expected, nan_ok=True, rel=0, abs=0)
    assert len(rows) == len(found)


def test_examples_are_the_typical_the_best_and_the_worst(make_run: MakeRun, make_source: Any, get_truth: Any) -> None:
    source = make_source()
    run = make_run(source)
    results = evaluate(run, source=source)
    clips = get_truth(source)
    forecast = np.stack([clips[:, 2] * 0.9, clips[:, 2] * 0.81], axis=1)
    errors = ((forecast - clips[:, 3:]) ** 2).mean(axis=(1, 2, 3, 4))
    order = np.argsort(errors)
    chosen = [int(order[4]), int(order[0]), int(order[-1])]
    assert [example.why for example in results.examples] == ["typical", "best", "worst"]
    assert [example.score for example in results.examples] == pytest.approx(errors[chosen].tolist(), rel=1e-5)
    # Two clips of each test recording, two frames apart.
    assert [(example.sequence, example.start) for example in results.examples] == [
        (f"recording-{6 + index // 2}", 2 * (index % 2)) for index in chosen
    ]
    arrays = load_arrays(run.folder.evaluation / "examples.npz")
    assert set(arrays) == {"context", "truth"} | {f"forecast/{name}" for name in results.conventions["strict"]}
    assert np.allclose(arrays["context"], clips[chosen][:, :3], atol=1e-6)
    assert np.allclose(arrays["truth"], clips[chosen][:, 3:], atol=1e-6)
    assert np.allclose(arrays["forecast/convlstm"], forecast[chosen], atol=1e-6)
    assert all(array.dtype == np.float32 for array in arrays.values())


@pytest.mark.parametrize("clips", [1, 2])
def test_few_clips_are_shown_once_each(make_run: MakeRun, make_source: Any, clips: int) -> None:
    run = make_run()
    results = evaluate(run, source=make_source(), max_clips=clips)
    assert len(results.examples) == clips
    assert len(load_arrays(run.folder.evaluation / "examples.npz")["truth"]) == clips


def test_a_second_evaluation_replaces_its_own_files_only(make_run: MakeRun, make_source: Any) -> None:
    run, source = make_run(), make_source()
    evaluate(run, source=source)
    mine = run.folder.evaluation / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    results = evaluate(run, source=source, max_clips=2)
    assert sorted(path.name for path in run.folder.evaluation.iterdir()) == sorted([*EVALUATION_FILES, "mine.txt"])
    assert mine.read_text(encoding="utf-8") == "mine"
    assert load_results(run.folder.evaluation).to_json() == results.to_json()
    assert load_arrays(run.folder.evaluation / "clips.npz")["strict/mean/count"].shape == (2, 2)


def test_results_go_where_they_are_wanted_and_replace_nothing_of_others(
    make_run: MakeRun, make_source: Any, tmp_path: Path
) -> None:
    run, source = make_run(), make_source()
    out = tmp_path / "elsewhere"
    first = evaluate(run, source=source, out=out)
    second = evaluate(run, source=source, out=out, max_clips=2)
    assert load_results(out).to_json() == second.to_json() != first.to_json()
    assert not run.folder.evaluation.exists()
    for name in EVALUATION_FILES:
        other = tmp_path / f"others-{name}"
        other.mkdir()
        (other / name).write_text('{"mine": 1}', encoding="utf-8")
        with pytest.raises(RunError, match=r"results|already holds"):
            evaluate(run, source=source, out=other)
        assert (other / name).read_text(encoding="utf-8") == '{"mine": 1}'
    check_replaceable(tmp_path / "absent")


def test_arrays_that_cannot_be_read_are_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "clips.npz"
    with pytest.raises(RunError, match=r"clips\.npz' is missing"):
        load_arrays(path)
    np.savez_compressed(path, a=np.arange(500.0))
    content = path.read_bytes()
    for damage in (b"", b"not an archive", content[:-40], content[:60] + b"\0" * 40 + content[100:]):
        path.write_bytes(damage)
        with pytest.raises(RunError, match=r"clips\.npz' cannot be read"):
            load_arrays(path)


class Malicious:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, tuple[Path, str]]:
        return Path.write_text, (self.trace, "executed")


def test_arrays_never_execute_anything(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    np.savez(tmp_path / "clips.npz", a=np.array([Malicious(trace)], dtype=object))
    with pytest.raises(RunError, match="cannot be read"):
        load_arrays(tmp_path / "clips.npz")
    assert not trace.exists()


def test_infinite_scores_are_null_too(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    for sequence in source.sequences:
        sequence.frames[:] = 7
    run = make_run(source, gain=1.0, evaluation={"conventions": ["tf"]})
    results = evaluate(run, source=source)
    assert results.conventions["tf"]["convlstm"].overall["psnr"] == math.inf
    assert json.loads(results.to_json())["conventions"]["tf"]["convlstm"]["overall"]["psnr"] is None
    assert dataclasses.asdict(load_results(run.folder.evaluation))["conventions"]["tf"]["mean"]["role"] == "baseline"
