"""Intervals hold what they promise, and come from the metrics themselves."""

import math

import numpy as np
import pytest

from framecast.evaluation.bootstrap import Bootstrap, drawn_values
from framecast.evaluation.intervals import Draws, find_differences, outcome_of_skill
from framecast.evaluation.results import Scores
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.psnr import PooledPeakSignalToNoiseRatio
from framecast.metrics.squared_error import MeanSquaredError

PLAIN = Convention(
    name="plain", summary="", source="", metrics=(MeanSquaredError(), PooledPeakSignalToNoiseRatio(floor=0.0))
)


def statistics(errors: np.ndarray) -> dict[str, np.ndarray]:
    """One value a frame."""
    return {"squared_error": errors, "count": np.ones_like(errors)}


@pytest.mark.parametrize("num_units", [5, 8, 30])
def test_an_interval_holds_the_truth_as_often_as_it_says(num_units: int) -> None:
    """Of 400 experiments with exponential errors (mean 1, heavy on one side), how many intervals hold 1."""
    generator = np.random.default_rng(1)
    held = 0
    for experiment in range(400):
        errors = generator.exponential(size=(num_units, 1))
        bootstrap = Bootstrap(np.arange(num_units), resamples=500, seed=experiment)
        low, high = bootstrap.interval(drawn_values(MeanSquaredError(), bootstrap.totals(statistics(errors)))[0])
        held += low <= 1 <= high
    # Skewed errors of few units are the hardest case: a plain percentile interval of 5 units holds 1 in about 75 %.
    assert 0.85 <= held / 400 <= 0.99


def test_for_a_mean_it_is_as_wide_as_students() -> None:
    from scipy import stats

    values = np.random.default_rng(2).normal(size=(12, 1)) + 5
    bootstrap = Bootstrap(np.arange(12), resamples=20_000)
    low, high = bootstrap.interval(drawn_values(MeanSquaredError(), bootstrap.totals(statistics(values)))[0])
    half = stats.t.ppf(0.975, 11) * values.std(ddof=1) / math.sqrt(12)
    assert (high - low) / 2 == pytest.approx(half, rel=0.06)


def test_clips_of_one_unit_are_drawn_together() -> None:
    """A hundred copies of five clips tell no more than five clips."""
    errors = np.random.default_rng(3).exponential(size=(5, 2))
    few = Bootstrap(np.arange(5), resamples=300)
    many = Bootstrap(np.tile(np.arange(5), 100), resamples=300)
    one = few.interval(drawn_values(MeanSquaredError(), few.totals(statistics(errors)))[0])
    other = many.interval(drawn_values(MeanSquaredError(), many.totals(statistics(np.tile(errors, (100, 1)))))[0])
    assert other == pytest.approx(one)


def test_draws_are_sums_of_whole_units_turned_into_values_by_the_metric() -> None:
    errors = np.arange(1.0, 13.0).reshape(6, 2)
    bootstrap = Bootstrap(np.array([0, 0, 1, 1, 2, 2]), resamples=200, seed=4)
    overall, per_lead = drawn_values(PooledPeakSignalToNoiseRatio(floor=0.0), bootstrap.totals(statistics(errors)))
    drawn = np.random.default_rng(4).integers(3, size=(200, 3))
    for row in (0, 7, 199):
        chosen = np.concatenate([errors[2 * unit : 2 * unit + 2] for unit in drawn[row]])
        assert overall[row] == pytest.approx(-10 * np.log10(chosen.mean()))
        assert per_lead[row] == pytest.approx(-10 * np.log10(chosen.mean(axis=0)))


def test_statistics_of_several_numbers_are_drawn_too() -> None:
    bootstrap = Bootstrap(np.arange(5), resamples=100)
    spectra = np.random.default_rng(5).random((5, 3, 4))
    totals = bootstrap.totals({"spectrum": spectra, "frames": np.ones((5, 3))})
    assert totals["spectrum"].shape == (100, 3, 4)
    assert np.allclose(totals["frames"], 5)


def test_what_is_not_a_number_counts_only_where_it_is_drawn() -> None:
    errors = np.ones((6, 1))
    errors[2] = np.nan
    bootstrap = Bootstrap(np.arange(6), resamples=400)
    values = drawn_values(MeanSquaredError(), bootstrap.totals(statistics(errors)))[0]
    assert np.isnan(values).mean() == pytest.approx(1 - (5 / 6) ** 6, abs=0.08)
    assert np.allclose(values[~np.isnan(values)], 1)
    assert np.isnan(bootstrap.interval(values)).all()  # undefined for most draws


def test_an_interval_of_infinite_values_has_ends() -> None:
    bootstrap = Bootstrap(np.arange(5), resamples=100)
    assert bootstrap.interval(np.array([np.inf] * 60 + [30.0] * 40)) == (30.0, math.inf)


def scored(errors: np.ndarray, role: str) -> Scores:
    mse = float(errors.mean())
    psnr = -10 * math.log10(mse)
    return Scores(role=role, overall={"mse": mse, "psnr_pooled": psnr}, per_lead={})  # pyright: ignore


def differences(mine: np.ndarray, theirs: np.ndarray) -> tuple[Draws, dict]:
    draws = Draws(
        PLAIN, {"net": statistics(mine), "base": statistics(theirs)}, Bootstrap(np.arange(len(mine)), resamples=500)
    )
    scores = {"net": scored(mine, "model"), "base": scored(theirs, "baseline")}
    return draws, find_differences(scores, PLAIN, model="net", draws=draws)["base"]


def test_a_difference_is_paired() -> None:
    """Recordings differ a hundredfold, and the model is 10 % better in each: nothing could be clearer."""
    theirs = np.geomspace(0.01, 1.0, 8)[:, None]
    draws, found = differences(0.9 * theirs, theirs)
    assert found["mse"].outcome == found["psnr_pooled"].outcome == "better"
    assert found["mse"].value == pytest.approx(-0.1 * theirs.mean())
    overall, per_lead = draws.skill("net", "base", "mse")
    assert overall == pytest.approx((0.1, 0.1))
    assert per_lead == [pytest.approx((0.1, 0.1))]
    alone = draws.with_intervals("net", scored(0.9 * theirs, "model")).intervals["mse"]
    assert alone[1] > 3 * alone[0]


def test_the_other_way_round_it_is_worse() -> None:
    theirs = np.geomspace(0.01, 1.0, 8)[:, None]
    _, found = differences(1.1 * theirs, theirs)
    assert {one.outcome for one in found.values()} == {"worse"}


def test_noise_is_unclear() -> None:
    generator = np.random.default_rng(6)
    _, found = differences(generator.exponential(size=(9, 2)), generator.exponential(size=(9, 2)))
    assert {one.outcome for one in found.values()} == {"unclear"}
    assert found["mse"].interval is not None
    assert found["mse"].interval[0] < 0 < found["mse"].interval[1]


def test_without_draws_everything_is_unclear() -> None:
    ones = np.ones((3, 1))
    scores = {"net": scored(0.5 * ones, "model"), "base": scored(ones, "baseline")}
    found = find_differences(scores, PLAIN, model="net", draws=None)["base"]
    assert {(one.interval, one.outcome) for one in found.values()} == {(None, "unclear")}


@pytest.mark.parametrize("best", [0.0, 1.0])
@pytest.mark.parametrize(
    ("mine", "theirs", "outcome"),  # as distances from the best value
    [
        (-0.1, -0.4, "better"),
        (0.1, 0.4, "better"),
        (-0.4, -0.1, "worse"),
        (0.4, 0.1, "worse"),
        (0.0, -0.4, "better"),
        (0.0, 0.4, "better"),
        (-0.4, 0.0, "worse"),
        (0.4, 0.0, "worse"),
        (-0.1, 0.4, "unclear"),
        (0.4, -0.1, "unclear"),
    ],
)
def test_what_is_best_at_0_or_1_is_better_nearer_to_it(best: float, mine: float, theirs: float, outcome: str) -> None:
    """Frequency bias, mean error: a difference of values that never vary, so that only its direction matters."""
    metric = MeanSquaredError(better="one" if best else "zero")
    plain = Convention(name="plain", summary="", source="", metrics=(metric,))
    values = {"net": best + mine, "base": best + theirs}
    per_clip = {name: statistics(np.full((6, 1), value)) for name, value in values.items()}
    scores = {
        name: Scores(role="model" if name == "net" else "baseline", overall={"mse": value}, per_lead={})
        for name, value in values.items()
    }
    draws = Draws(plain, per_clip, Bootstrap(np.arange(6), resamples=100))
    assert find_differences(scores, plain, model="net", draws=draws)["base"]["mse"].outcome == outcome


@pytest.mark.parametrize("num_units", [6, 15, 40])
def test_the_interval_of_a_skill_holds_it_with_groups_of_any_size(num_units: int) -> None:
    """Hard recordings and easy ones, long ones and short ones, clips of one recording alike; the true skill is 0.2."""
    generator = np.random.default_rng(7)
    held = 0
    for experiment in range(300):
        units = np.repeat(np.arange(num_units), generator.integers(1, 20, num_units))
        theirs = generator.gamma(4, size=num_units)[units] * generator.gamma(4, size=len(units))
        mine = theirs * generator.uniform(0.6, 1.0, num_units)[units]
        draws = Draws(
            PLAIN,
            {"net": statistics(mine[:, None]), "base": statistics(theirs[:, None])},
            Bootstrap(units, resamples=200, seed=experiment),
        )
        low, high = draws.skill("net", "base", "mse")[0]
        held += low <= 0.2 <= high
    assert 0.87 <= held / 300 <= 0.99


@pytest.mark.parametrize(
    ("interval", "outcome"),
    [
        ((0.1, 0.3), "better"),
        ((-0.3, -0.1), "worse"),
        ((-0.1, 0.3), "unclear"),
        ((math.nan, math.nan), "unclear"),
        (None, "unclear"),
    ],
)
def test_the_outcome_of_a_skill(interval: tuple[float, float] | None, outcome: str) -> None:
    assert outcome_of_skill(interval) == outcome
