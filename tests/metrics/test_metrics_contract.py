"""What every metric and every convention of the tables must hold. Axes: B T C H W."""

import dataclasses
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
from framecast.metrics.metric import Metric
from framecast.metrics.preparation import clip_forecast
from framecast.metrics.scores import Scores
from framecast.metrics.table import METRICS

SHAPE = (5, 3, 2, 13, 12)


def clips(shape: tuple[int, ...] = SHAPE, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A forecast that leaves [0, 1] here and there, and a target with black, white and grey pixels."""
    generator = torch.Generator().manual_seed(seed)
    target = (torch.rand(shape, generator=generator) * 2 - 0.5).clamp(0, 1)
    forecast = target + 0.2 * torch.randn(shape, generator=generator)
    return forecast, target


def convention_of(metric: Metric) -> Convention:
    return Convention(name="one", summary="", source="", metrics=(metric,), prepare=clip_forecast)


def scores_of(convention: Convention, *batch: Tensor | None) -> Scores:
    accumulator = Accumulator(convention)
    forecast, target, *mask = batch
    assert forecast is not None
    assert target is not None
    accumulator.update(forecast, target, *mask)
    return accumulator.scores()


@pytest.fixture(params=METRICS)
def metric(request: pytest.FixtureRequest) -> Metric:
    return METRICS.load(request.param)()


@pytest.fixture(params=CONVENTIONS)
def convention(request: pytest.FixtureRequest) -> Convention:
    return CONVENTIONS.load(request.param)


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
    with pytest.raises(dataclasses.FrozenInstanceError):
        metric.name = "other"


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_convention_is_what_the_table_says(name: str) -> None:
    convention = CONVENTIONS.load(name)
    assert (convention.name, convention.summary) == (name, CONVENTIONS[name].summary)
    assert convention.source
    assert all(note.endswith(".") for note in convention.notes)


def test_a_convention_gives_every_metric_a_finite_value(convention: Convention) -> None:
    scores = scores_of(convention, *clips())
    assert list(scores.overall) == [metric.name for metric in convention.metrics]
    for name, values in scores.per_lead.items():
        assert values.shape == (SHAPE[1],)
        assert np.isfinite(values).all(), name
        assert values.min() - 1e-12 <= scores.overall[name] <= values.max() + 1e-12


@settings(deadline=None, max_examples=10)
@given(cuts=st.sets(st.integers(1, 8)), order=st.permutations(range(9)), masked=st.booleans())
@pytest.mark.parametrize("name", CONVENTIONS)
def test_chunks_and_order_do_not_matter(name: str, cuts: set[int], order: list[int], masked: bool) -> None:
    convention = CONVENTIONS.load(name)
    forecast, target = clips((9, 2, 1, 12, 11))
    mask = torch.rand(target.shape, generator=torch.Generator().manual_seed(1)) > 0.02 if masked else None
    whole = Accumulator(convention)
    whole.update(forecast, target, mask)
    parts = Accumulator(convention)
    edges = [0, *sorted(cuts), 9]
    for start, stop in pairwise(edges):
        rows = order[start:stop]
        parts.update(forecast[rows], target[rows], None if mask is None else mask[rows])
    assert_same(parts.scores(), whole.scores())
    for statistic, values in parts.per_clip.items():
        np.testing.assert_allclose(values, whole.per_clip[statistic][order], rtol=1e-12)


def test_a_lead_is_scored_by_itself(metric: Metric) -> None:
    forecast, target = clips()
    convention = convention_of(metric)
    per_lead = scores_of(convention, forecast, target).per_lead[metric.name]
    for lead in range(SHAPE[1]):
        alone = scores_of(convention, forecast[:, lead : lead + 1], target[:, lead : lead + 1])
        assert alone.overall[metric.name] == pytest.approx(per_lead[lead], rel=1e-12)


def test_better_is_better(metric: Metric) -> None:
    forecast, target = clips()
    values = [
        scores_of(convention_of(metric), target + amount * (forecast - target), target).overall[metric.name]
        for amount in (0.0, 0.25, 1.0, 4.0)
    ]
    if metric.better is None:
        assert len(set(values)) == 1
    else:
        values = [abs(value) for value in values] if metric.better == "zero" else values
        assert values == sorted(values, reverse=metric.better == "higher")
        assert values[0] != values[-1]


def test_a_full_mask_changes_nothing(metric: Metric) -> None:
    forecast, target = clips()
    full = torch.ones(SHAPE, dtype=torch.bool)
    convention = convention_of(metric)
    assert_same(scores_of(convention, forecast, target, full), scores_of(convention, forecast, target))


def test_missing_values_have_no_influence(metric: Metric) -> None:
    forecast, target = clips((2, 2, 1, 14, 14))
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
    forecast, target = clips((3, 2, 1, 12, 12))
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[0, 0] = False
    mask[:, 1] = False
    scores = scores_of(convention_of(metric), forecast, target, mask)
    without = scores_of(convention_of(metric), forecast[1:, :1], target[1:, :1])
    assert scores.overall[metric.name] == pytest.approx(without.overall[metric.name], rel=1e-12)
    assert np.isnan(scores.per_lead[metric.name][1])


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_value_that_is_not_finite_spoils_its_frame_only(convention: Convention, value: float) -> None:
    forecast, target = clips((2, 3, 1, 12, 12))
    forecast[1, 1, 0, 5, 5] = value
    scores = scores_of(convention, forecast, target)
    for metric in convention.metrics:
        spoilt = [False, metric.better is not None, False]
        assert np.isnan(scores.per_lead[metric.name]).tolist() == spoilt, metric.name
        assert np.isnan(scores.overall[metric.name]) == any(spoilt)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (6, 40)])
def test_tiny_frames_have_no_ssim_but_everything_else(convention: Convention, size: tuple[int, int]) -> None:
    scores = scores_of(convention, *clips((2, 2, 3, *size)))
    undefined = {name for name, value in scores.overall.items() if not np.isfinite(value)}
    assert undefined == {"ssim"} & scores.overall.keys()
    assert np.isnan(scores.overall.get("ssim", np.nan))


@pytest.mark.parametrize(("forecast", "target"), [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.5, 0.25), (7.0, 0.0)])
def test_constant_frames_have_values(convention: Convention, forecast: float, target: float) -> None:
    shape = (1, 2, 1, 11, 11)
    scores = scores_of(convention, torch.full(shape, forecast), torch.full(shape, target))
    for name, value in scores.overall.items():
        exact = forecast == target and name == "psnr" and convention.name != "strict"
        assert np.isposinf(value) if exact else np.isfinite(value), name


def test_precision_of_the_input_hardly_matters(metric: Metric) -> None:
    forecast, target = clips()
    single = scores_of(convention_of(metric), forecast, target).overall[metric.name]
    double = scores_of(convention_of(metric), forecast.double(), target.double()).overall[metric.name]
    half = scores_of(convention_of(metric), forecast.bfloat16(), target).overall[metric.name]
    assert single == double
    assert half == pytest.approx(single, rel=0.02)
