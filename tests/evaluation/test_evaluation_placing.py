"""Placing: ranks that can be counted by hand, and everything that speaks against a comparison."""

import dataclasses
import math
from typing import Any

import pytest

from framecast.evaluation.placing import Place, RunFacts, place
from framecast.evaluation.published.table import published_tables
from framecast.evaluation.results import Cost, Results, Scores
from framecast.frames.errors import RunError

TABLE = published_tables()["moving-mnist"]

GOOD = {"mse": 24.0, "mae": 75.0, "ssim": 0.94, "psnr": 23.2}
"""Figures under the convention openstl that lie among those of 200 epochs."""


def scored(values: dict[str, float] = GOOD, **more: Any) -> Scores:
    return Scores(role="model", overall=values, per_lead={name: [value] for name, value in values.items()}, **more)


def results(**changes: Any) -> Results:
    """Of a run on the published file: nothing speaks against it."""
    values: dict[str, Any] = {
        "run": "mine",
        "model": "convlstm",
        "source": "moving-mnist-file",
        "source_kind": "moving-mnist-file",
        "split": "test",
        "clips": 10_000,
        "sequences": 10_000,
        "context": 10,
        "horizon": 10,
        "trained_horizon": 10,
        "step_seconds": None,
        "units": None,
        "value_range": (0.0, 255.0),
        "conventions": {
            "openstl": {"convlstm": scored()},
            "simvp-legacy": {"convlstm": scored({"mse": 24.0, "mae": 75.0, "ssim": 0.94, "psnr": 38.0})},
        },
        "metrics": {},
        "verdict": None,
        "cost": Cost(parameters=1, trainable=1, macs_per_frame=1.0, seconds_per_frame=1.0),
    }
    return Results(**(values | changes))


FACTS = RunFacts(
    folder="runs/mine",
    size=(64, 64),
    channels=1,
    loss={"mse": 1.0},
    training_clips=2_000_000,
    epochs=200,
    trained_on="moving-mnist",
    source_settings={},
)


def facts(**changes: Any) -> RunFacts:
    return dataclasses.replace(FACTS, **changes)


def at(places: tuple[Place, ...], group: str, column: str, convention: str = "openstl") -> Place:
    found = [one for one in places if (one.group, one.column, one.convention) == (group, column, convention)]
    assert len(found) == 1
    return found[0]


def test_a_run_stands_at_its_rank_between_its_neighbours() -> None:
    placing = place(TABLE, results(), FACTS)
    assert (placing.obstacles, placing.missing, placing.command) == ((), (), None)
    mse = at(placing.places, "openstl-200", "mse")
    assert (mse.rank, mse.of, mse.value) == (4, 16, 24.0)  # above it 22.06, 22.55 and 23.97
    assert (mse.better, mse.worse) == (("PredRNN", 23.97), ("PredRNN-V2", 24.13))
    ssim = at(placing.places, "openstl-200", "ssim")
    assert (ssim.rank, ssim.of) == (7, 16)  # PredRNN++, MIM, PredRNN, TAU, PredRNN-V2, SimVP gSTA
    assert (ssim.better, ssim.worse) == (("SimVP gSTA", 0.9402), ("MAU", 0.9398))
    assert at(placing.places, "openstl-2000", "mse").rank == 10  # of 13; worse: E3D-LSTM 24.07, PredRNN, PredNet


def test_wrapped_figures_are_compared_with_wrapped_ones_only() -> None:
    placing = place(TABLE, results(), FACTS)
    honest = at(placing.places, "openstl-200", "psnr")
    assert (honest.rank, honest.of) == (5, 13)  # without CrevNet, which has none, and the two that wrap
    assert (honest.better, honest.worse) == (("PredRNN-V2", 23.21), ("TAU", 23.19))
    wrapped = at(placing.places, "openstl-200", "psnr", "simvp-legacy")
    assert (wrapped.value, wrapped.rank, wrapped.of) == (38.0, 2, 3)
    assert (wrapped.better, wrapped.worse) == (("SimVP gSTA", 38.35), ("SimVP IncepU", 37.97))


def test_rows_that_may_not_be_compared_with_each_other_get_no_rank() -> None:
    groups = {one.group for one in place(TABLE, results(), FACTS).places}
    assert groups == {"openstl-200", "openstl-2000", "papers"}


def test_the_best_and_the_worst_have_one_neighbour() -> None:
    best = results(conventions={"openstl": {"convlstm": scored({"mse": 1.0, "ssim": 0.999})}})
    first = at(place(TABLE, best, FACTS).places, "openstl-200", "mse")
    assert (first.rank, first.better, first.worse) == (1, None, ("PredRNN++", 22.06))
    worst = results(conventions={"openstl": {"convlstm": scored({"mse": 500.0})}})
    last = at(place(TABLE, worst, FACTS).places, "openstl-200", "mse")
    assert (last.rank, last.of, last.better, last.worse) == (16, 16, ("PredNet", 161.38), None)


def test_an_interval_spans_ranks() -> None:
    interval = {"mse": (22.5, 24.2), "ssim": (0.9395, 0.9455)}
    placing = place(TABLE, results(conventions={"openstl": {"convlstm": scored(intervals=interval)}}), FACTS)
    mse = at(placing.places, "openstl-200", "mse")
    assert (mse.interval, mse.ranks) == ((22.5, 24.2), (2, 5))
    assert at(placing.places, "openstl-200", "ssim").ranks == (4, 8)
    assert at(placing.places, "openstl-200", "mae").ranks is None


def test_a_value_that_is_not_defined_has_no_rank() -> None:
    undefined = results(conventions={"openstl": {"convlstm": scored({"mse": math.nan, "ssim": 0.94})}})
    columns = {one.column for one in place(TABLE, undefined, FACTS).places}
    assert columns == {"ssim"}


def test_values_come_in_the_unit_of_the_table() -> None:
    sevir = published_tables()["sevir-vil"]
    values = {"mse": 245.0, "csi": 0.43}
    found = results(
        source_kind="hdf5", context=13, horizon=12, conventions={"sevir": {"convlstm": scored(values)}}, clips=12
    )
    placing = place(sevir, found, facts(size=(384, 384)))
    mse = at(placing.places, "earthformer", "mse", "sevir")
    assert mse.value == pytest.approx(245 / 255**2 * 1000, rel=1e-6)  # 3.768
    assert (mse.rank, mse.better, mse.worse) == (3, ("ConvLSTM", 3.7532), ("PredRNN", 3.9014))
    assert at(placing.places, "earthformer", "csi", "sevir").rank == 2
    assert any("cannot see whether these are its test storms" in caveat for caveat in placing.caveats)


def test_a_missing_convention_is_told_with_the_command() -> None:
    strict = results(conventions={"strict": {"convlstm": scored()}})
    with pytest.raises(RunError) as error:
        place(TABLE, strict, FACTS)
    assert str(error.value) == (
        "The figures of 'moving-mnist' are of the convention 'openstl' or 'simvp-legacy', under which 'runs/mine' was "
        "not evaluated: framecast evaluate runs/mine --convention strict --convention openstl --convention simvp-legacy"
    )
    one = place(TABLE, results(conventions={"openstl": {"convlstm": scored()}}), FACTS)
    assert one.missing == ("simvp-legacy",)
    assert one.command == "framecast evaluate runs/mine --convention openstl --convention simvp-legacy"


@pytest.mark.parametrize(
    ("changes", "of_run", "sentence"),
    [
        (
            {"source_kind": "video"},
            {},
            "recordings of the kind 'video', the table is of 'moving-mnist-file' or 'moving",
        ),
        ({"horizon": 20}, {}, "It forecasts 20 frames from 10, the table 10 from 10."),
        ({"context": 5}, {}, "It forecasts 10 frames from 5"),
        ({"split": "validation"}, {}, "scored on its validation clips"),
        ({"split": "train"}, {}, "scored on its train clips"),
        ({}, {"size": (32, 64)}, "Its frames are 1 x 32 x 64 (channels, height, width), the table's 1 x 64 x 64."),
        ({}, {"channels": 3}, "Its frames are 3 x 64 x 64"),
        ({}, {"trained_on": "moving-mnist-file"}, "trained on sequences of the published test file"),
        ({}, {"source_settings": {"digits": 3, "step": 0.1}}, "source.digits=3, the table's digits=2"),
    ],
)
def test_another_protocol_is_not_compared_at_all(
    changes: dict[str, Any], of_run: dict[str, Any], sentence: str
) -> None:
    placing = place(TABLE, results(**changes), facts(**of_run))
    assert len(placing.obstacles) == 1
    assert sentence in placing.obstacles[0]
    assert placing.places == ()


def test_the_obstacle_comes_before_the_missing_convention() -> None:
    other = results(source_kind="video", conventions={"strict": {"convlstm": scored()}})
    assert place(TABLE, other, FACTS).obstacles


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    caveats = place(TABLE, results(), FACTS).caveats
    assert len(caveats) == 2
    assert all("20,000,000" in caveat for caveat in caveats), "of the two groups that were trained for 2,000 epochs"


@pytest.mark.parametrize(
    ("changes", "of_run", "sentence"),
    [
        ({"source_kind": "moving-mnist"}, {}, "not on the published file: a difference of chance remains"),
        ({"source_kind": "store"}, {}, "only you can know whether it holds the table's data: two digits on 64x64"),
        ({"clips": 500}, {}, "scored on 500 clips, the table's rows on 10,000"),
        ({}, {"training_clips": 20_000}, "20,000 clips in training, the rows of 'OpenSTL, 200 epochs' 2,000,000"),
        ({}, {"loss": {"bce": 10.0, "gdl": 0.1, "mse": 0.0}}, "trained on bce (10), gdl (0.1), the rows of the table"),
        ({"trained_horizon": 5}, {}, "trained to forecast 5 frames; those beyond are chained"),
        ({"precision": "bf16"}, {}, "computed in bf16"),
        (
            {"conventions": {"openstl": {"convlstm": scored(caveats=("It looks ahead.",))}}},
            {},
            "It must be said of the run itself: It looks ahead.",
        ),
    ],
)
def test_what_must_stand_beside_the_comparison(changes: dict[str, Any], of_run: dict[str, Any], sentence: str) -> None:
    placing = place(TABLE, results(**changes), facts(**of_run))
    assert not placing.obstacles
    assert placing.places
    assert sum(sentence in caveat for caveat in placing.caveats) == 1


def test_an_interval_that_says_nothing_spans_no_ranks() -> None:
    row = scored(intervals={"mse": (math.nan, math.nan), "mae": (70.0, 80.0)})
    placing = place(TABLE, results(conventions={"openstl": {"convlstm": row}}), FACTS)
    mse, mae = (at(placing.places, "openstl-200", column) for column in ("mse", "mae"))
    assert (mse.interval, mse.ranks, mse.rank) == (None, None, 4)
    assert mae.interval == (70.0, 80.0)
    assert mae.ranks is not None
