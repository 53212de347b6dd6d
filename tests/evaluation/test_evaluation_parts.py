"""Scores of groups, classes, days and channels; error maps; what it costs; what cannot be computed."""

import csv
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, final

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.evaluation.diagrams import ErrorMap
from framecast.evaluation.results import load_arrays, load_results
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.metric import Better, SetMetric
from framecast.metrics.statistic import ClipStatistic
from framecast.models.model import Model
from framecast.runs.run import Run
from framecast.workflows.evaluate import evaluate

MakeRun = Callable[..., Run]
GetTruth = Callable[..., NDArray[np.float64]]


def labelled(source: Any) -> Any:
    """Recordings 6 to 9 are the test: two classes, two people, two days."""
    for number, sequence in enumerate(source.sequences):
        sequence.info = replace(
            sequence.info,
            group=f"person-{number // 2}",
            label="run" if number % 2 else "walk",
            start_time=datetime(2026, 1, 1 + number // 3, 12),
        )
    return source


def errors_of(truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared errors of the fading forecast, (N,)."""
    forecast = truth[:, 2:3] * np.array([0.9, 0.81]).reshape(1, 2, 1, 1, 1)
    return ((forecast - truth[:, 3:]) ** 2).mean(axis=(1, 2, 3, 4))


def test_parts_have_scores_of_their_own(make_run: MakeRun, make_source: Any, get_truth: GetTruth) -> None:
    source = labelled(make_source())
    run = make_run(source, evaluation={"conventions": ["strict"]})
    results = evaluate(run, source=source)
    errors = errors_of(get_truth(source)).reshape(4, 2).mean(axis=1)  # of each recording
    by = results.conventions["strict"]["convlstm"].by
    assert by.keys() == {"group", "class", "day"}
    assert {name: row["mse"] for name, row in by["group"].items()} == pytest.approx(
        {"person-3": errors[:2].mean(), "person-4": errors[2:].mean()}
    )
    assert {name: row["mse"] for name, row in by["class"].items()} == pytest.approx(
        {"walk": errors[::2].mean(), "run": errors[1::2].mean()}
    )
    assert {name: row["mse"] for name, row in by["day"].items()} == pytest.approx(
        {"2026-01-03": errors[:3].mean(), "2026-01-04": errors[3]}
    )
    assert load_results(run.folder.evaluation).to_json() == results.to_json()
    with (run.folder.evaluation / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == ["walk", "walk", "run", "run"] * 2
    assert rows[1] == {
        "clip": "1",
        "sequence": "recording-6",
        "group": "person-3",
        "class": "walk",
        "start": "2",
        "time": (datetime(2026, 1, 3, 12) + timedelta(seconds=1)).isoformat(),
    }


def test_parts_that_say_nothing_are_left_out(make_run: MakeRun, make_source: Any) -> None:
    results = evaluate(make_run(), source=make_source())
    by = results.conventions["strict"]["convlstm"].by
    assert by.keys() == {"group"}  # two clips in each of four recordings, no class, no time, one channel


def test_channels_have_scores_of_their_own(make_run: MakeRun, make_source: Any, get_truth: GetTruth) -> None:
    source = make_source(channels=2, channel_names=("rain", "wind"))
    results = evaluate(make_run(source, evaluation={"conventions": ["strict", "openstl"]}), source=source)
    truth = get_truth(source)
    found = results.conventions["strict"]["convlstm"].by["channel"]
    assert {name: row["mse"] for name, row in found.items()} == pytest.approx(
        {"rain": errors_of(truth[:, :, :1]).mean(), "wind": errors_of(truth[:, :, 1:]).mean()}
    )
    assert "channel" not in results.conventions["openstl"]["convlstm"].by


def test_the_error_map_is_the_error_of_each_pixel(make_run: MakeRun, make_source: Any, get_truth: GetTruth) -> None:
    source = make_source()
    run = make_run(source, gain=1.0)
    evaluate(run, source=source)
    truth = get_truth(source)
    expected = ((truth[:, 2:3] - truth[:, 3:]) ** 2).mean(axis=(0, 1))
    found = load_arrays(run.folder.evaluation / "diagrams.npz")
    np.testing.assert_allclose(found["error_map/persistence"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["error_map/convlstm"], expected, rtol=1e-5)


def test_missing_pixels_have_no_error() -> None:
    mask = torch.ones(2, 1, 1, 1, 3, dtype=torch.bool)
    mask[:, ..., 0], mask[0, ..., 1] = False, False
    errors = ErrorMap()
    errors.add(torch.full(mask.shape, 3.0), torch.tensor([1.0, 2.0, 3.0]).expand(mask.shape), mask)
    np.testing.assert_array_equal(errors.mean()[0, 0], [np.nan, 1.0, 0.0])


def test_every_forecaster_is_timed(make_run: MakeRun, make_source: Any) -> None:
    results = evaluate(make_run(), source=make_source())
    assert results.cost.latency_seconds.keys() == results.conventions["strict"].keys()
    assert all(0 < seconds < 1 for seconds in results.cost.latency_seconds.values())


class Members(Model):
    """Three futures: the last frame, brighter by 0, 0.1 and 0.2."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__(None, spec)
        self.shift = torch.nn.Parameter(torch.tensor([0.0, 0.1, 0.2]).view(1, 3, 1, 1, 1, 1))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        members = context[:, None, -1:].repeat(1, 3, horizon, 1, 1, 1) + self.shift
        return Forecast(members.mean(dim=1), members)


def test_an_ensemble_is_judged_as_one(make_run: MakeRun, make_source: Any, get_truth: GetTruth) -> None:
    from scoringrules import crps_ensemble

    source = make_source()
    run = make_run(source, model=Members, evaluation={"conventions": ["strict", "ensemble"]})
    results = evaluate(run, source=source)
    truth = get_truth(source)
    last = truth[:, 2:3].repeat(2, axis=1)
    members = np.stack([last + shift for shift in (0.0, 0.1, 0.2)], axis=-1).clip(0, 1)
    expected = crps_ensemble(truth[:, 3:], members, estimator="fair").mean()
    assert results.conventions["ensemble"]["convlstm"].overall["crps"] / 255 == pytest.approx(expected, rel=0.02)
    error = np.abs(last - truth[:, 3:]).mean()
    assert results.conventions["ensemble"]["persistence"].overall["crps"] / 255 == pytest.approx(error, rel=1e-3)
    diagrams = load_arrays(run.folder.evaluation / "diagrams.npz")
    assert diagrams["rank_histogram/convlstm"].shape == (4,)
    assert diagrams["rank_histogram/convlstm"].sum() == pytest.approx(truth[:, 3:].size)
    assert "rank_histogram/persistence" not in diagrams


def test_members_are_brought_to_their_scale_clip_by_clip(
    make_run: MakeRun, make_source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So memory does not grow with the batch times the members; and no number depends on it."""
    from framecast.evaluation import tallies

    seen: list[int] = []
    scaled = tallies.forecast_on

    def watched(spaces: Any, normalised: Tensor, *rest: Any, **more: Any) -> Any:
        seen.append(len(normalised))
        return scaled(spaces, normalised, *rest, **more)

    monkeypatch.setattr(tallies, "forecast_on", watched)
    source = make_source(channels=2)
    names = {"conventions": ["ensemble", "strict"], "baselines": ["mean"]}
    together = evaluate(make_run(source, model=Members, evaluation={"batch_size": 8, **names}), source=source)
    assert max(seen) == 8  # the batch itself; not 8 clips of 3 members
    assert seen.count(3) == 8
    single = evaluate(make_run(source, model=Members, evaluation={"batch_size": 1, **names}), source=source)
    assert json.dumps(dataclasses.asdict(together)["conventions"]) == json.dumps(
        dataclasses.asdict(single)["conventions"]
    )


@final
@dataclass(frozen=True)
class Corner(ClipStatistic):
    """The first pixels of a clip, as features."""

    @property
    def names(self) -> tuple[str, ...]:
        return ("corner",)

    def per_clip(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> dict[str, Tensor]:
        return {"corner": forecast.flatten(1)[:, :40]}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Distance(SetMetric):
    """Of sets of clips."""

    name: str = "distance"
    summary: str = "A distance of sets."
    better: Better | None = "lower"

    @property
    def statistics(self) -> tuple[ClipStatistic, ...]:
        return (Corner(),)

    def value_of_set(self, per_clip: Any) -> float:
        return float(per_clip["corner"].mean())


def test_where_only_sets_are_scored_one_clip_is_shown(
    make_run: MakeRun, make_source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No clip has a distance by itself: none is the best or the worst, and there is no interval and no verdict."""
    plain = Convention(name="strict", summary="", source="", metrics=(Distance(),))
    monkeypatch.setattr("framecast.metrics.conventions.strict.STRICT", plain)
    source = make_source()
    results = evaluate(make_run(source), source=source, split="all")
    assert [example.why for example in results.examples] == ["typical"]
    assert np.isnan(results.examples[0].score)
    assert results.verdict is None
    row = results.conventions["strict"]["convlstm"]
    assert np.isfinite(row.overall["distance"])
    assert np.isnan(row.intervals["distance"]).all()
    assert json.loads(results.to_json())["examples"][0]["score"] is None


def test_what_cannot_be_computed_is_told_and_nothing_else_fails(
    make_run: MakeRun, make_source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from framecast.models.baselines.linear import Linear

    monkeypatch.setattr(Linear, "unavailable", classmethod(lambda cls: "install something"))
    run = make_run(evaluation={"baselines": ["persistence", "linear"]})
    results = evaluate(run, source=make_source())
    assert results.unavailable == {"linear": "install something"}
    assert results.conventions["strict"].keys() == {"convlstm", "persistence"}


def test_fewer_than_five_recordings_have_no_interval_and_more_have_one(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    few = evaluate(make_run(source), source=source)
    assert (few.independence.unit, few.independence.count) == ("none", 4)
    assert few.conventions["strict"]["convlstm"].intervals == {}
    assert few.verdict is not None
    assert (few.verdict.skill_interval, few.verdict.outcome) == (None, "unclear")
    many = evaluate(make_run(source), source=source, split="all")
    assert (many.independence.unit, many.independence.count) == ("group", 10)
    row = many.conventions["strict"]["convlstm"]
    for metric, value in row.overall.items():
        low, high = row.intervals[metric]
        assert np.isnan(value) or low <= value <= high
        assert len(row.per_lead_intervals[metric]) == 2
    assert many.verdict is not None
    assert many.verdict.skill_interval is not None
    assert many.verdict.skill_interval[0] <= many.verdict.skill <= many.verdict.skill_interval[1]
    assert "(95%: " in many.verdict.sentence
    found = many.differences["strict"]["persistence"]["mse"]
    assert found.value == pytest.approx(row.overall["mse"] - many.conventions["strict"]["persistence"].overall["mse"])
    again = evaluate(make_run(source), source=source, split="all")
    assert replace(again, created=many.created, cost=many.cost).to_json() == many.to_json()  # the draws are the same
    none = evaluate(make_run(source, evaluation={"resamples": 0}), source=source, split="all")
    assert none.conventions["strict"]["convlstm"].intervals == {}
