"""What every metric and every convention of the tables must hold. Axes: B T C H W; members B S T C H W.

Where a metric is an exception by its nature, the exception stands here by name, and a test of its own says what holds.
"""

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.table import CONVENTIONS
from framecast.metrics.metric import Metric, SetMetric
from framecast.metrics.preparation import clip_forecast
from framecast.metrics.scores import Scores
from framecast.metrics.table import METRICS

SHAPE = (5, 3, 2, 13, 12)

LARGE = {"ms_ssim": (176, 177), "lpips": (35, 33)}
"""Metrics that need larger frames than 13 x 12."""

SETS = ("fvd",)
"""Metrics of sets of clips, which have no value for a lead."""

CALIBRATION = ("spread_skill_ratio", "rank_deviation", "reliability")
"""What says whether probabilities and spread are right: a forecast may have large errors and be well calibrated."""

NOT_MONOTONE = ("frequency_bias", "sharpness", "bias", "spectral_slope_error")
"""What has its best value for a perfect forecast, but need not get worse with every further error."""

OF_MEANS = ("spectral_distance", "spectral_slope_error", *CALIBRATION)
"""Functions of means over all frames that may lie outside of the range of their values for single leads."""


def clips(shape: tuple[int, ...] = SHAPE, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A forecast that leaves [0, 1] here and there, and a target with black, white and grey pixels."""
    generator = torch.Generator().manual_seed(seed)
    target = (torch.rand(shape, generator=generator) * 2 - 0.5).clamp(0, 1)
    forecast = target + 0.2 * torch.randn(shape, generator=generator)
    return forecast, target


def clips_for(metric: Metric, batch: int = 3, leads: int = 2) -> tuple[Tensor, Tensor]:
    return clips((batch, leads, 1, *LARGE.get(metric.name, (14, 14))))


def members_of(forecast: Tensor) -> Tensor:
    """Three members, differently far from the forecast; each by its own numbers, whatever the batch."""
    ripple = (torch.arange(forecast[0].numel(), dtype=torch.float64).reshape(forecast[0].shape) * 0.7).sin()
    return torch.stack([forecast.double() + size * ripple for size in (-0.3, 0.1, 0.2)], dim=1)


def convention_of(metric: Metric) -> Convention:
    return Convention(name="one", summary="", source="", metrics=(metric,), prepare=clip_forecast)


def scores_of(convention: Convention, forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> Scores:
    accumulator = Accumulator(convention)
    accumulator.update(forecast, target, mask, members_of(forecast))
    return accumulator.scores()


@pytest.fixture(params=[name for name in METRICS if name not in SETS])
def metric(request: pytest.FixtureRequest, random_weights: object) -> Metric:
    return METRICS.load(request.param)()


@pytest.fixture(params=CONVENTIONS)
def convention(request: pytest.FixtureRequest, no_weights: object) -> Convention:
    """Without what needs weights, which is tested as metrics are."""
    found = CONVENTIONS.load(request.param).available()
    if not found.metrics:
        pytest.skip("nothing is left without weights")
    return found


def assert_same(first: Scores, second: Scores) -> None:
    assert first.overall == pytest.approx(second.overall, rel=1e-12, nan_ok=True)
    assert first.per_lead.keys() == second.per_lead.keys()
    for name, values in first.per_lead.items():
        np.testing.assert_allclose(values, second.per_lead[name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_what_the_table_says(name: str) -> None:
    metric = METRICS.load(name)()
    assert (metric.name, metric.summary) == (name, METRICS[name].summary)
    assert metric == METRICS.load(name)()
    assert isinstance(metric, SetMetric) == (name in SETS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        metric.name = "other"


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_convention_is_what_the_table_says(name: str) -> None:
    convention = CONVENTIONS.load(name)
    assert (convention.name, convention.summary) == (name, CONVENTIONS[name].summary)
    assert convention.source
    assert convention.notes
    assert all(note.endswith(".") for note in convention.notes)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_what_is_not_available_says_how_to_get_it_and_nothing_else_is_lost(name: str, no_weights: object) -> None:
    convention = CONVENTIONS.load(name)
    missing = convention.unavailable()
    assert all("framecast weights" in reason for reason in missing.values())
    assert {metric.name for metric in convention.metrics} == {m.name for m in convention.available().metrics} | {
        *missing
    }
    assert not convention.available().unavailable()


def test_a_convention_gives_every_metric_a_finite_value(convention: Convention) -> None:
    scores = scores_of(convention, *clips())
    assert list(scores.overall) == [metric.name for metric in convention.metrics]
    for name, values in scores.per_lead.items():
        assert values.shape == (SHAPE[1],)
        if name in LARGE:
            continue
        assert np.isfinite(values).all(), name
        if name not in OF_MEANS:
            assert values.min() - 1e-12 <= scores.overall[name] <= values.max() + 1e-12, name


@settings(deadline=None, max_examples=10)
@given(cuts=st.sets(st.integers(1, 8)), order=st.permutations(range(9)), masked=st.booleans())
@pytest.mark.parametrize("name", [name for name in CONVENTIONS if name != "perceptual"])
def test_chunks_and_order_do_not_matter(name: str, cuts: set[int], order: list[int], masked: bool) -> None:
    """Also for statistics of several numbers, and for events; what needs weights has tests of its own."""
    convention = CONVENTIONS.load(name).at((0.25, 0.75))
    convention = dataclasses.replace(convention, metrics=tuple(m for m in convention.metrics if m.name != "lpips"))
    forecast, target = clips((9, 2, 1, 12, 11))
    mask = torch.rand(target.shape, generator=torch.Generator().manual_seed(1)) > 0.02 if masked else None
    members = members_of(forecast)
    whole = Accumulator(convention)
    whole.update(forecast, target, mask, members)
    parts = Accumulator(convention)
    edges = [0, *sorted(cuts), 9]
    for start, stop in pairwise(edges):
        rows = order[start:stop]
        parts.update(forecast[rows], target[rows], None if mask is None else mask[rows], members[rows])
    assert_same(parts.scores(), whole.scores())
    for statistic, values in parts.per_clip.items():
        np.testing.assert_allclose(values, whole.per_clip[statistic][order], rtol=1e-9, atol=1e-14)


def test_a_lead_is_scored_by_itself(metric: Metric) -> None:
    forecast, target = clips_for(metric)
    convention = convention_of(metric)
    per_lead = scores_of(convention, forecast, target).per_lead[metric.name]
    assert np.isfinite(per_lead).all()
    for lead in range(target.shape[1]):
        accumulator = Accumulator(convention)
        cut = slice(lead, lead + 1)
        accumulator.update(forecast[:, cut], target[:, cut], None, members_of(forecast)[:, :, cut])
        assert accumulator.scores().overall[metric.name] == pytest.approx(per_lead[lead], rel=1e-12)


def test_better_is_better(metric: Metric) -> None:
    forecast, target = clips_for(metric)
    values: list[float] = []
    for amount in (0.0, 0.25, 1.0, 4.0):
        accumulator = Accumulator(convention_of(metric))
        members = members_of(forecast) - target[:, None]
        accumulator.update(target + amount * (forecast - target), target, None, target[:, None] + amount * members)
        values.append(accumulator.scores().overall[metric.name])
    match metric.better:
        case None:  # a floor or a ceiling; the spread of an ensemble is neither good nor bad
            assert len(set(values)) == (1 if metric.name.endswith(("_floor", "_ceiling")) else 4)
            return
        case "zero" | "one":
            ideal = float(metric.better == "one")
            badness = [abs(value - ideal) for value in values]
        case "lower":
            badness = values
        case "higher":
            badness = [-value for value in values]
    if metric.name == "sedi":  # the logarithms of a perfect forecast have no value, as in pysteps
        assert math.isnan(badness.pop(0))
    if metric.name not in CALIBRATION:
        assert badness[0] == min(badness) < badness[-1]
        assert metric.name in NOT_MONOTONE or badness == sorted(badness)


def test_a_full_mask_changes_nothing(metric: Metric) -> None:
    forecast, target = clips_for(metric)
    full = torch.ones(target.shape, dtype=torch.bool)
    convention = convention_of(metric)
    assert_same(scores_of(convention, forecast, target, full), scores_of(convention, forecast, target))


def test_missing_values_have_no_influence(metric: Metric) -> None:
    height, width = LARGE.get(metric.name, (14, 14))
    forecast, target = clips((2, 2, 1, height + 16, width))  # 16 of these rows are one at the coarsest scale
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[:, :, :, 0, 3:] = False
    spoilt_forecast, spoilt_target = torch.where(mask, forecast, torch.nan), torch.where(mask, target, torch.inf)
    convention = convention_of(metric)
    spoilt = scores_of(convention, spoilt_forecast, spoilt_target, mask)
    assert np.isfinite(spoilt.overall[metric.name])
    assert_same(spoilt, scores_of(convention, forecast, target, mask))
    worse = torch.where(mask, forecast, 1 - target)
    assert scores_of(convention, worse, target, mask).overall == spoilt.overall


def test_a_missing_frame_does_not_count_and_a_missing_lead_is_nan(metric: Metric) -> None:
    forecast, target = clips_for(metric)
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[0, 0] = False
    mask[:, 1] = False
    scores = scores_of(convention_of(metric), forecast, target, mask)
    accumulator = Accumulator(convention_of(metric))
    accumulator.update(forecast[1:, :1], target[1:, :1], None, members_of(forecast)[1:, :, :1])
    assert scores.overall[metric.name] == pytest.approx(accumulator.scores().overall[metric.name], rel=1e-12)
    assert np.isnan(scores.per_lead[metric.name][1])


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_value_that_is_not_finite_spoils_its_frame_only(convention: Convention, value: float) -> None:
    forecast, target = clips((2, 3, 1, 12, 12))
    forecast[1, 1, 0, 5, 5] = value
    scores = scores_of(convention, forecast, target)
    for metric in convention.metrics:
        if metric.name in LARGE:
            continue
        spoilt = [False, metric.better is not None or metric.name == "spread", False]
        assert np.isnan(scores.per_lead[metric.name]).tolist() == spoilt, metric.name
        assert np.isnan(scores.overall[metric.name]) == any(spoilt)


@pytest.mark.parametrize(
    ("size", "lost"),
    [
        ((1, 1), {"sharpness", "spectral_distance", "spectral_slope_error"}),
        ((3, 2), {"spectral_slope_error"}),
        ((1, 6), {"sharpness"}),
        ((6, 40), set[str]()),
    ],
)
def test_tiny_frames_have_no_ssim_but_nearly_everything_else(
    convention: Convention, size: tuple[int, int], lost: set[str]
) -> None:
    scores = scores_of(convention, *clips((2, 2, 3, *size)))
    undefined = {name for name, value in scores.overall.items() if math.isnan(value)}
    assert undefined == ({"ssim", "ms_ssim"} | lost) & scores.overall.keys()
    assert all(math.isfinite(value) for name, value in scores.overall.items() if name not in undefined)


@pytest.mark.parametrize(("forecast", "target"), [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.5, 0.25), (7.0, 0.0)])
def test_constant_frames_have_values(convention: Convention, forecast: float, target: float) -> None:
    """Infinite are the PSNR of exact frames, unless it is capped, and SNR; without contrast there are no edges and no
    slope, and no range where that has to be found in the clip."""
    if convention.name == "ensemble":
        pytest.skip("without spread there is no calibration")
    shape = (1, 2, 1, 11, 11)
    accumulator = Accumulator(convention)
    accumulator.update(torch.full(shape, forecast), torch.full(shape, target))
    exact = forecast == target
    for name, value in accumulator.scores().overall.items():
        expected = "finite"
        match name, convention.name:
            case ("psnr", "simvp-legacy"):  # 127 - 63 levels are a multiple of 16
                expected = "inf" if exact or (forecast, target) == (0.5, 0.25) else "finite"
            case ("psnr", other) if other != "strict":
                expected = "inf" if exact else "finite"
            case ("snr", _):
                expected = "nan" if exact and not target else "inf" if exact else "-inf" if not target else "finite"
            case ("sharpness" | "spectral_slope_error" | "ms_ssim", _) | ("ssim", "earthformer"):
                expected = "nan"
            case _:
                pass
        assert ("finite" if math.isfinite(value) else str(value)) == expected, name


def test_precision_of_the_input_hardly_matters(metric: Metric) -> None:
    forecast, target = clips_for(metric)
    single = scores_of(convention_of(metric), forecast, target).overall[metric.name]
    double = scores_of(convention_of(metric), forecast.double(), target.double()).overall[metric.name]
    half = scores_of(convention_of(metric), forecast.bfloat16(), target).overall[metric.name]
    assert single == double
    assert half == pytest.approx(single, rel=0.02, abs={"zero": 0.01, "lower": 1e-4}.get(metric.better or ""))
