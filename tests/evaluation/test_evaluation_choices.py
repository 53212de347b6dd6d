"""What an evaluation compares with and counts as an event: what was asked for, or else what suits; and what is said."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from framecast.clips.preparing import prepare_clips
from framecast.evaluation.results import load_results
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, RunError
from framecast.frames.quantity import Quantity
from framecast.models.baselines import rain_nowcast
from framecast.models.baselines.choice import left_out, usual_baselines
from framecast.runs.config import EvaluationConfig
from framecast.runs.run import Run
from framecast.workflows.evaluate import evaluate

MakeRun = Callable[..., Run]

PICTURES = ("persistence", "mean", "climatology", "linear", "flow", "flow-damped")
RAIN = Quantity(units="mm/h", step_seconds=300.0)


def forget(run: Run, baseline: str) -> None:
    """As if the run had been trained before there was such a baseline."""
    path = run.folder.baselines
    kept = {name: values for name, values in load_file(path).items() if not name.startswith(f"{baseline}.")}
    save_file(kept, path)


def compared(results: Any) -> list[str]:
    """Names of the baselines of the leading convention."""
    leading = next(iter(results.conventions.values()))
    return [name for name, row in leading.items() if row.role == "baseline"]


def test_baselines_are_those_that_suit_unless_they_are_named(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    run = make_run(source)
    assert compared(evaluate(run, source=source)) == list(PICTURES)
    assert compared(evaluate(run, source=source, baselines=("flow", "mean"))) == ["flow", "mean"]
    named = make_run(source, evaluation={"baselines": ["linear"]})
    assert compared(evaluate(named, source=source)) == ["linear"]
    assert compared(evaluate(named, source=source, baselines=("flow",))) == ["flow"]
    alone = evaluate(make_run(source, evaluation={"baselines": []}), source=source)
    assert (compared(alone), alone.verdict, alone.differences) == ([], None, {"strict": {}})


@pytest.mark.parametrize("asked", [(), ("flow-damped", "mean")])
def test_a_baseline_that_was_never_fitted_is_told_and_the_others_are_there(
    make_run: MakeRun, make_source: Any, asked: tuple[str, ...]
) -> None:
    source = make_source()
    run = make_run(source)
    forget(run, "flow-damped")
    assert not run.has_baseline("flow-damped")
    results = evaluate(run, source=source, baselines=asked)
    assert compared(results) == [name for name in asked or PICTURES if name != "flow-damped"]
    assert results.unavailable.keys() == {"flow-damped"}
    assert "train again" in results.unavailable["flow-damped"]
    assert load_results(run.folder.evaluation).unavailable == results.unavailable


def test_without_the_file_only_what_was_fitted_is_missed(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    run = make_run(source)
    run.folder.baselines.unlink()
    assert compared(evaluate(run, source=source, baselines=("linear", "flow"))) == ["linear", "flow"]
    with pytest.raises(RunError, match="missing"):
        evaluate(run, source=source)


def test_damped_flow_is_fitted_to_training_clips_alone(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    before = load_file(make_run(source).folder.baselines)
    for sequence in source.sequences:
        if sequence.info.split != "train":
            sequence.frames = 255 - sequence.frames
    run = make_run(source)
    after = load_file(run.folder.baselines)
    assert before.keys() == after.keys() == {"climatology.average", "flow-damped.average", "flow-damped.weights"}
    assert all(torch.equal(before[name], after[name]) for name in before)
    train = prepare_clips(source, run.config.clips).train
    frames = torch.cat([train.batch([index]).frames for index in range(len(train))])
    torch.testing.assert_close(after["flow-damped.average"], frames.mean(dim=(0, 1)))


def test_nowcasts_of_large_frames_are_computed_by_name_only() -> None:
    pytest.importorskip("pysteps")
    small, large = (ClipSpec(context=4, horizon=3, channels=1, height=side, width=side) for side in (64, 400))
    assert usual_baselines(small, RAIN) == (*PICTURES, "pysteps-extrapolation", "sprog")
    assert left_out(small, RAIN).keys() == {"steps"}
    assert usual_baselines(large, RAIN) == PICTURES
    reasons = left_out(large, RAIN)
    assert reasons.keys() == {"pysteps-extrapolation", "sprog", "steps"}
    for name, reason in reasons.items():
        assert reason.endswith(f"; ask for it with --baseline {name}")
    assert "400x400" in reasons["sprog"]
    assert usual_baselines(large, Quantity()) == PICTURES
    assert left_out(large, Quantity()) == {}


def test_what_was_left_out_stands_with_the_results(
    make_run: MakeRun, make_source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pysteps")
    monkeypatch.setattr(rain_nowcast, "_QUICK_PIXELS", 100)
    source = make_source(units="mm/h")
    run = make_run(source)
    results = evaluate(run, source=source)
    assert compared(results) == list(PICTURES)
    assert results.unavailable.keys() == {"pysteps-extrapolation", "sprog", "steps"}
    named = evaluate(run, source=source, baselines=("sprog",))
    assert (compared(named), named.unavailable) == (["sprog"], {})


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"baselines": ("flwo",)}, "There is no baseline 'flwo'"),
        ({"conventions": ("strict", "strct")}, "There is no convention 'strct'"),
        ({"thresholds": (1.0, math.nan)}, "Thresholds must be numbers, found --threshold 1, nan"),
        ({"thresholds": (math.inf,)}, "Thresholds must be numbers"),
        ({"max_clips": 0}, "At least 1 clip"),
    ],
)
def test_what_nobody_can_mean_is_one_sentence_and_writes_nothing(
    make_run: MakeRun, make_source: Any, choice: dict[str, Any], said: str
) -> None:
    run = make_run()
    with pytest.raises(ConfigurationError, match=said) as caught:
        evaluate(run, source=make_source(), **choice)
    assert "\n" not in str(caught.value)
    assert not run.folder.evaluation.exists()


def test_thresholds_of_the_configuration_are_numbers() -> None:
    with pytest.raises(ValueError, match="thresholds must be numbers"):
        EvaluationConfig(thresholds=(1.0, math.nan))


def test_nowcasts_of_what_is_no_rain_are_refused(make_run: MakeRun, make_source: Any) -> None:
    pytest.importorskip("pysteps")
    with pytest.raises(ConfigurationError, match="forecast rain"):
        evaluate(make_run(), source=make_source(), baselines=("sprog",))


def test_thresholds_make_events_and_are_sorted(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    results = evaluate(make_run(source), source=source, conventions=("physical",), thresholds=(120.0, 80.0, 120.0))
    found = [name for name in results.conventions["physical"]["flow"].overall if name.startswith("csi@")]
    assert found == ["csi@80", "csi@120"]
    assert results.metrics["csi@80"].threshold == 80.0
    assert not any("had no effect" in warning for warning in results.warnings)


@pytest.mark.parametrize("convention", ["strict", "sevir"])
def test_thresholds_without_effect_are_told(make_run: MakeRun, make_source: Any, convention: str) -> None:
    source = make_source()
    asked = evaluate(make_run(source), source=source, conventions=(convention,), thresholds=(80.0,))
    assert any(f"had no effect: the conventions of this evaluation ({convention})" in said for said in asked.warnings)
    silent = evaluate(make_run(source), source=source, conventions=(convention,))
    assert not any("had no effect" in said for said in silent.warnings)


@pytest.mark.parametrize("convention", ["pysteps", "diffcast", "physical"])
def test_events_without_thresholds_are_told(make_run: MakeRun, make_source: Any, convention: str) -> None:
    source = make_source()
    asked = evaluate(make_run(source), source=source, conventions=("strict", convention))
    assert any(f"No events were scored under {convention}: they need thresholds" in said for said in asked.warnings)
    given = evaluate(make_run(source), source=source, conventions=("strict", convention), thresholds=(80.0,))
    assert not any("No events were scored" in said for said in given.warnings)


def test_results_of_before_there_were_intervals_are_read(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    run = make_run(source)
    evaluate(run, source=source, split="all")
    path = run.folder.evaluation / "results.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    for name in ("independence", "differences", "unavailable"):
        del record[name]
    for name in ("skill_interval", "skill_per_lead_intervals", "outcome"):
        del record["verdict"][name]
    for name in ("dead", "latency_seconds"):
        del record["cost"][name]
    for row in record["conventions"]["strict"].values():
        for name in ("intervals", "per_lead_intervals", "by"):
            del row[name]
    for info in record["metrics"].values():
        for name in ("family", "threshold", "window"):
            del info[name]
    path.write_text(json.dumps(record), encoding="utf-8")
    found = load_results(run.folder.evaluation)
    assert (found.independence.unit, found.differences, found.unavailable) == ("none", {}, {})
    assert found.verdict is not None
    assert (found.verdict.skill_interval, found.verdict.outcome) == (None, "unclear")
    assert found.conventions["strict"]["flow"].intervals == {}
    assert found.cost.latency_seconds == {}
