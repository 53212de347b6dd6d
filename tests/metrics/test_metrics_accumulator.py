"""The accumulator: what it keeps, what it refuses, and that it computes nothing twice. Axes: B T C H W."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from torch import Tensor

from framecast.metrics import accumulator as accumulator_module
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.strict import STRICT
from framecast.metrics.conventions.tf import TF
from framecast.metrics.metric import Better, Metric
from framecast.metrics.preparation import as_is, clip_forecast
from framecast.metrics.psnr import PooledPeakSignalToNoiseRatio
from framecast.metrics.scores import clip_values, exact_sum, score
from framecast.metrics.squared_error import MeanSquaredError
from framecast.metrics.ssim_formula import SsimFormula
from framecast.metrics.statistic import Statistic


def clips(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    target = torch.rand(shape, generator=generator)
    return target + 0.3 * torch.randn(shape, generator=generator), target


def filled(convention: Convention, forecast: Tensor, target: Tensor) -> Accumulator:
    accumulator = Accumulator(convention)
    accumulator.update(forecast, target)
    return accumulator


def same(expected: Any) -> Any:
    """The very same bits, with NaN for NaN: these frames are too small for MS-SSIM."""
    return pytest.approx(expected, rel=0, abs=0, nan_ok=True)


def test_it_keeps_a_few_numbers_a_frame() -> None:
    accumulator = Accumulator(STRICT)
    for _ in range(3):
        accumulator.update(*clips(2, 4, 1, 12, 12))
    kept = accumulator.per_clip
    vectors = {"spectrum_forecast", "spectrum_target"}
    assert {values.shape for name, values in kept.items() if name not in vectors} == {(6, 4)}
    assert {kept[name].shape for name in vectors} == {(6, 4, 6)}
    assert {values.dtype for values in kept.values()} == {np.dtype(np.float64)}
    names = (
        "squared_error absolute_error count psnr frames ssim ssim_frames ms_ssim ms_ssim_frames gradient_forecast "
        "gradient_target spectrum_frames cross_entropy target_entropy correct binary"
    )
    assert set(kept) == set(names.split()) | vectors


def test_scores_come_from_what_is_kept() -> None:
    accumulator = filled(STRICT, *clips(4, 3, 1, 12, 12))
    again = score(STRICT, accumulator.per_clip)
    assert again.overall == same(accumulator.scores().overall)
    some = score(STRICT, {name: rows[1:3] for name, rows in accumulator.per_clip.items()})
    forecast, target = clips(4, 3, 1, 12, 12)
    assert some.overall == same(filled(STRICT, forecast[1:3], target[1:3]).scores().overall)


def test_no_clips_score_nan() -> None:
    kept = filled(STRICT, *clips(1, 2, 1, 12, 12)).per_clip
    scores = score(STRICT, {name: rows[:0] for name, rows in kept.items()})
    assert all(np.isnan(value) for value in scores.overall.values())
    assert all(values.shape == (2,) for values in scores.per_lead.values())


@pytest.mark.parametrize("metric", STRICT.metrics, ids=lambda metric: metric.name)
def test_values_of_single_clips(metric: Metric) -> None:
    forecast, target = clips(3, 2, 1, 12, 12)
    values = clip_values(metric, filled(STRICT, forecast, target).per_clip)
    alone = [filled(STRICT, forecast[i : i + 1], target[i : i + 1]).scores().overall[metric.name] for i in range(3)]
    assert values.tolist() == same(alone)


def test_large_batches_are_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    forecast, target = clips(5, 2, 1, 12, 12)
    mask = target > 0.001
    whole = Accumulator(STRICT)
    whole.update(forecast, target, mask)
    seen: list[int] = []

    @dataclass(frozen=True, slots=True)
    class Watch(Statistic):
        def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
            seen.append(target.numel())
            return {}

    watching = Convention(name="w", summary="", source="", metrics=(*STRICT.metrics, Custom(statistic=Watch())))
    monkeypatch.setattr(accumulator_module, "VALUES_AT_ONCE", 2 * 2 * 144 + 1)
    parts = Accumulator(STRICT)
    parts.update(forecast, target, mask)
    assert all(np.array_equal(rows, whole.per_clip[name]) for name, rows in parts.per_clip.items())
    Accumulator(watching).update(forecast, target)
    assert seen == [576, 576, 288]


@pytest.mark.parametrize("masked", [False, True])
def test_batches_cannot_change_a_bit_however_many_cores_there_are(masked: bool) -> None:
    """A frame alone in its batch is long enough to be shared among cores, which must not change the order of sums."""
    forecast, target = clips(3, 1, 1, 256, 256)
    mask = target > 0.001 if masked else None
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        whole, parts = Accumulator(STRICT), Accumulator(STRICT)
        whole.update(forecast, target, mask)
        for clip in range(3):
            rows = slice(clip, clip + 1)
            parts.update(forecast[rows], target[rows], None if mask is None else mask[rows])
    finally:
        torch.set_num_threads(before)
    assert {n for n, rows in parts.per_clip.items() if not np.array_equal(rows, whole.per_clip[n])} == set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom(Metric):
    """The plain mean over frames of a statistic of one's own."""

    name: str = "custom"
    summary: str = "A metric of the test."
    better: Better | None = None
    statistic: Statistic

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        return (self.statistic,)

    def value(self, sums: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        return sums.get("own", np.zeros(()))


@dataclass(frozen=True, slots=True)
class Counted(Statistic):
    calls: list[str] = field(default_factory=list, compare=False)
    factor: float = 1.0

    def per_frame(self, forecast: Tensor, target: Tensor, mask: Tensor | None) -> Mapping[str, Tensor]:
        self.calls.append("called")
        return {"own": self.factor * forecast.amax(dim=(2, 3, 4))}


def test_shared_statistics_are_computed_once() -> None:
    calls: list[str] = []
    metrics = tuple(Custom(name=name, statistic=Counted(calls)) for name in ("a", "b", "c"))
    convention = Convention(name="shared", summary="", source="", metrics=metrics)
    accumulator = filled(convention, *clips(2, 2, 1, 3, 3))
    assert calls == ["called"]
    assert set(accumulator.scores().overall) == {"a", "b", "c"}


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(Custom(name="b", statistic=Counted(factor=2.0)), id="other settings"),
        pytest.param(Custom(name="b", statistic=Counted(), prepare=clip_forecast), id="other preparation"),
    ],
)
def test_two_statistics_of_one_name_are_refused(second: Metric) -> None:
    metrics = (Custom(name="a", statistic=Counted()), second)
    accumulator = Accumulator(Convention(name="torn", summary="", source="", metrics=metrics))
    with pytest.raises(ValueError, match="two different statistics of 'torn' are called 'own'"):
        accumulator.update(*clips(2, 2, 1, 6, 6))


def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two metrics of one name"):
        Convention(name="x", summary="", source="", metrics=(MeanSquaredError(), MeanSquaredError(per="frame")))


@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 2, 1, 4, 4), (1, 2, 1, 4, 5)),
        ((1, 2, 1, 4, 4), (1, 1, 1, 4, 4)),
        ((2, 1, 4, 4), (2, 1, 4, 4)),
    ],
)
def test_frames_that_do_not_match_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="must be B T C H W"):
        Accumulator(STRICT).update(*(torch.zeros(shape) for shape in shapes))


def test_a_mask_that_does_not_match_is_refused() -> None:
    frames = torch.zeros(2, 3, 1, 4, 4)
    with pytest.raises(ValueError, match="does not cover"):
        Accumulator(STRICT).update(frames, frames, torch.ones(2, 3, 1, 4, 5, dtype=torch.bool))


def test_nothing_added_is_refused() -> None:
    with pytest.raises(ValueError, match="no clip was added"):
        Accumulator(STRICT).scores()


def test_gradients_are_not_kept() -> None:
    forecast, target = clips(1, 1, 1, 12, 12)
    accumulator = filled(STRICT, forecast.requires_grad_(), target)
    assert np.isfinite(accumulator.scores().overall["mse"])


@settings(deadline=None, max_examples=30)
@given(
    rows=arrays.arrays(
        np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.floats(-1e6, 1e6)
    ),
    seed=st.integers(0, 99),
)
def test_sums_are_the_same_bits_in_any_order(rows: NDArray[np.float64], seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(rows, axis=0)
    assert np.array_equal(exact_sum(rows), exact_sum(shuffled))
    np.testing.assert_allclose(exact_sum(rows), rows.sum(axis=0), rtol=1e-9, atol=1e-6)


def test_sums_of_values_that_are_not_finite() -> None:
    rows = np.array([[np.inf, np.inf, np.nan, 1e308], [1.0, -np.inf, 1.0, 1e308]])
    np.testing.assert_array_equal(exact_sum(rows), [np.inf, np.nan, np.nan, np.inf])


def test_exact_forecasts_are_100_db_in_strict_and_infinite_in_tf() -> None:
    _, target = clips(2, 2, 1, 12, 12)
    for convention, psnr in ((STRICT, 100.0), (TF, np.inf)):
        scores = filled(convention, target, target).scores()
        assert scores.overall["psnr"] == pytest.approx(psnr)
        assert scores.overall["ssim"] == pytest.approx(1.0, abs=1e-12)
        assert scores.overall["mse"] == 0
    assert filled(STRICT, target, target).scores().overall["psnr_pooled"] == pytest.approx(100.0)


def test_strict_clips_and_tf_does_not() -> None:
    target = torch.ones(1, 1, 1, 11, 11)
    forecast = torch.full_like(target, 3.0)
    assert filled(STRICT, forecast, target).scores().overall["mae"] == 0
    assert filled(TF, forecast, target).scores().overall["mae"] == 2


def test_per_frame_and_pooled_psnr_differ_as_they_must() -> None:
    target = torch.zeros(1, 2, 1, 11, 11)
    forecast = torch.stack([torch.full((1, 11, 11), 0.1), torch.full((1, 11, 11), 0.01)])[None]
    scores = filled(STRICT, forecast, target).scores()
    assert scores.overall["psnr"] == pytest.approx(30.0, abs=1e-5)
    assert scores.overall["psnr_pooled"] == pytest.approx(-10 * np.log10((0.01 + 0.0001) / 2), abs=1e-5)
    assert scores.overall["rmse"] == pytest.approx(np.sqrt((0.01 + 0.0001) / 2), rel=1e-6)


def test_the_pooled_psnr_without_a_floor_is_infinite_for_exact_forecasts() -> None:
    metric = PooledPeakSignalToNoiseRatio(floor=0.0)
    _, target = clips(1, 1, 1, 4, 4)
    convention = Convention(name="x", summary="", source="", metrics=(metric,), prepare=as_is)
    assert np.isposinf(filled(convention, target, target).scores().overall["psnr_pooled"])


@pytest.mark.parametrize("size", [0, 1, 10])
def test_a_window_has_a_middle(size: int) -> None:
    with pytest.raises(ValueError, match="must be odd"):
        SsimFormula(size=size)


def test_a_window_does_not_fit_into_a_smaller_frame() -> None:
    with pytest.raises(ValueError, match="11x11 or more, found \\(10, 40\\)"):
        SsimFormula().map(torch.zeros(10, 40), torch.zeros(10, 40))
