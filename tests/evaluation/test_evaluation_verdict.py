"""The verdict: its sign is right in every case, and its sentence says the same as its numbers."""

import math

import pytest

from framecast.evaluation.results import Role, Scores, Verdict
from framecast.evaluation.verdict import find_verdict


def row(role: Role, *per_lead: float) -> Scores:
    return Scores(role=role, overall={"mse": sum(per_lead) / len(per_lead)}, per_lead={"mse": list(per_lead)})


def verdict(model: tuple[float, ...], **baselines: tuple[float, ...]) -> Verdict:
    scores = {"net": row("model", *model)} | {name: row("baseline", *values) for name, values in baselines.items()}
    found = find_verdict(scores, model="net", metric="mse")
    assert found is not None
    return found


def test_a_model_that_is_better() -> None:
    found = verdict((1.0, 3.0), persistence=(8.0, 8.0), mean=(4.0, 4.0))
    assert found.beats_best_baseline
    assert found.best_baseline == "mean"
    assert found.skill == 0.5
    assert found.skill_over_persistence == 0.75
    assert found.skill_per_lead == [0.75, 0.25]
    assert found.sentence == (
        "net beats the best baseline (mean) by 50% in MSE, 75% below copying the last frame; "
        "skill is +75% at lead 1 and +25% at lead 2."
    )


def test_a_model_that_is_worse() -> None:
    found = verdict((6.0, 6.0), persistence=(4.0, 4.0), mean=(3.0, 3.0))
    assert not found.beats_best_baseline
    assert found.skill == -1.0
    assert found.sentence == (
        "net does not beat the best baseline (mean): its MSE is 100% higher, 50% above copying the last frame; "
        "skill is −100% at lead 1 and −100% at lead 2."
    )


def test_a_model_that_is_better_at_first_only() -> None:
    found = verdict((1.0, 9.0), persistence=(4.0, 4.0))
    assert not found.beats_best_baseline
    assert found.skill_per_lead == [0.75, -1.25]
    assert "copying the last frame" not in found.sentence  # persistence is the best baseline, said already


def test_a_model_that_is_equal() -> None:
    found = verdict((2.0,), persistence=(2.0,))
    assert not found.beats_best_baseline
    assert found.skill == 0
    assert found.sentence == "net is exactly as good as the best baseline (persistence) in MSE."


@pytest.mark.parametrize(("error", "text"), [(0.9951, "by 0.5%"), (0.985, "by 2%"), (1.0004, "0.04% higher")])
def test_a_small_difference_is_not_called_none(error: float, text: str) -> None:
    assert text in verdict((error,), persistence=(1.0,)).sentence


def test_a_baseline_without_error_cannot_be_beaten() -> None:
    found = verdict((0.01, 0.03), persistence=(0.0, 0.0), mean=(1.0, 1.0))
    assert not found.beats_best_baseline
    assert found.skill == -math.inf
    assert found.sentence == "net does not beat the best baseline (persistence), which is exact: its own MSE is 0.02."
    both = verdict((0.0,), persistence=(0.0,))
    assert (both.skill, both.beats_best_baseline) == (0.0, False)


def test_a_lead_without_error_is_undefined_there_only() -> None:
    found = verdict((1.0, 1.0), persistence=(0.0, 4.0))
    assert found.skill_per_lead == [-math.inf, 0.75]
    assert "undefined at lead 1 and +75% at lead 2" in found.sentence


def test_a_model_without_a_score_does_not_win() -> None:
    for error in (math.nan, math.inf):
        found = verdict((error,), persistence=(1.0,))
        assert not found.beats_best_baseline
        assert found.sentence == f"net cannot be compared with the best baseline (persistence): its MSE is {error}."


def test_baselines_without_a_score_are_passed_over() -> None:
    assert verdict((1.0,), linear=(math.nan,), mean=(2.0,)).best_baseline == "mean"
    assert find_verdict({"net": row("model", 1.0)}, model="net", metric="mse") is None
    only = {"net": row("model", 1.0), "mean": row("baseline", math.nan)}
    assert find_verdict(only, model="net", metric="mse") is None


def test_the_one_step_row_is_no_baseline() -> None:
    scores = {"net": row("model", 1.0), "net (one-step)": row("model", 0.1), "mean": row("baseline", 2.0)}
    found = find_verdict(scores, model="net", metric="mse")
    assert found is not None
    assert found.best_baseline == "mean"
    assert found.skill_over_persistence is None


def test_too_few_recordings_are_no_proof() -> None:
    scores = {"net": row("model", 1.0, 3.0), "mean": row("baseline", 4.0, 4.0)}
    found = find_verdict(scores, model="net", metric="mse", too_few=True)
    assert found is not None
    assert found.sentence.endswith("; with so few independent recordings, all of it may be chance.")
