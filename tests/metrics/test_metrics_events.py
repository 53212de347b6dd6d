"""Scores of events against pysteps and against plain NumPy written from the formulas. Axes: B T C H W."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.contingency import ContingencyTable, EventRule, block_maximum
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.diffcast import DIFFCAST
from framecast.metrics.conventions.physical import PHYSICAL
from framecast.metrics.conventions.pysteps import PYSTEPS
from framecast.metrics.conventions.sevir import SEVIR, THRESHOLDS
from framecast.metrics.event_score import mean_and_each
from framecast.metrics.event_scores import CriticalSuccessIndex
from framecast.metrics.scores import Scores, clip_values
from framecast.metrics.usual_thresholds import usual_thresholds

RAIN = (0.5, 2.0, 5.0)
NAMES = {  # pysteps' names of our families
    "CSI": "csi", "POD": "pod", "FAR": "far", "FA": "pofd", "BIAS": "frequency_bias", "HSS": "hss", "GSS": "ets",
    "HK": "hk", "F1": "f1", "MCC": "mcc", "SEDI": "sedi", "ACC": "event_accuracy",
}  # fmt: skip


def rain(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Skewed fields in steps of 0.5, so that many values equal a threshold; forecast and truth are correlated."""
    generator = torch.Generator().manual_seed(seed)
    common, one, other = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3))
    steps = [((common + 0.7 * own).exp() * 2).round() / 2 - 0.5 for own in (one, other)]
    return steps[0].clamp(min=0), steps[1].clamp(min=0)


def scores_of(convention: Convention, forecast: Tensor, target: Tensor, mask: Tensor | None = None) -> Scores:
    accumulator = Accumulator(convention)
    accumulator.update(forecast, target, mask)
    return accumulator.scores()


def table_of(forecast: NDArray[Any], target: NDArray[Any], threshold: float) -> tuple[float, float, float, float]:
    """Hits, misses, false alarms, correct negatives of values at or above a threshold, one pixel after the other."""
    counts = {(True, True): 0, (False, True): 0, (True, False): 0, (False, False): 0}
    for p, t in zip(forecast.ravel().tolist(), target.ravel().tolist(), strict=True):
        if not (np.isnan(p) or np.isnan(t)):
            counts[p >= threshold, t >= threshold] += 1
    return counts[True, True], counts[False, True], counts[True, False], counts[False, False]


@pytest.mark.parametrize("missing", ["nothing", "truth", "both"])
def test_pysteps_is_what_pysteps_computes(missing: str) -> None:
    detcatscores = pytest.importorskip("pysteps.verification.detcatscores")
    forecast, target = rain(3, 2, 1, 14, 13)
    mask = None if missing == "nothing" else torch.rand(target.shape, generator=torch.Generator().manual_seed(5)) > 0.2
    found = scores_of(PYSTEPS.at(RAIN), forecast, target, mask)
    there = torch.ones_like(target, dtype=torch.bool) if mask is None else mask
    truth = torch.where(there, target, torch.nan).numpy()
    # What a forecast holds where truth is missing has no influence: it is as if it were missing there too.
    guess = torch.where(there, forecast, torch.nan).numpy()
    for threshold in RAIN:
        with warnings.catch_warnings(action="ignore"):
            expected = detcatscores.det_cat_fct(guess, truth, threshold)
            by_lead = [detcatscores.det_cat_fct(guess[:, t], truth[:, t], threshold) for t in range(2)]
        assert expected.keys() >= NAMES.keys()
        for theirs, ours in NAMES.items():
            name = f"{ours}@{threshold:g}"
            assert found.overall[name] == pytest.approx(float(expected[theirs]), rel=1e-12), name
            np.testing.assert_allclose(found.per_lead[name], [float(lead[theirs]) for lead in by_lead], rtol=1e-12)


@pytest.mark.parametrize(
    ("forecast", "target"), [(0.0, 0.0), (9.0, 9.0), (9.0, 0.0), (0.0, 9.0)], ids=["dry", "wet", "false", "missed"]
)
def test_pysteps_is_undefined_where_pysteps_is(forecast: float, target: float) -> None:
    detcatscores = pytest.importorskip("pysteps.verification.detcatscores")
    guess, truth = torch.full((1, 1, 1, 6, 6), forecast), torch.full((1, 1, 1, 6, 6), target)
    with warnings.catch_warnings(action="ignore"):
        expected = detcatscores.det_cat_fct(guess.numpy(), truth.numpy(), 2.0)
    found = scores_of(PYSTEPS.at((2.0,)), guess, truth).overall
    np.testing.assert_array_equal(
        [found[f"{ours}@2"] for ours in NAMES.values()], [float(expected[theirs]) for theirs in NAMES]
    )


def test_a_forecast_that_is_not_finite_is_no_event_in_pysteps_and_spoils_physical() -> None:
    detcatscores = pytest.importorskip("pysteps.verification.detcatscores")
    forecast, target = rain(2, 1, 1, 9, 9)
    forecast[0, 0, 0, :4] = torch.nan
    expected = detcatscores.det_cat_fct(forecast.numpy(), target.numpy(), 2.0, scores=["CSI", "HSS"])
    found = scores_of(PYSTEPS.at((2.0,)), forecast, target).overall
    assert (found["csi@2"], found["hss@2"]) == pytest.approx((expected["CSI"], expected["HSS"]))
    assert np.isnan(found["mse"])
    physical = scores_of(PHYSICAL.at((2.0,)), forecast, target).overall
    assert all(np.isnan(value) for value in physical.values())


def test_sevir_is_its_formula() -> None:
    generator = torch.Generator().manual_seed(3)
    target = (torch.rand((3, 4, 1, 12, 11), generator=generator) * 255).round()
    forecast = (target + 60 * torch.randn(target.shape, generator=generator)).clamp(0, 255).round()
    target[0, 1, 0, 2:5] = torch.nan
    forecast[1, 0, 0, :, 3] = torch.nan
    found = scores_of(SEVIR.at(()), forecast, target)
    guess, truth = forecast.numpy(), target.numpy()
    families = {"csi": [], "pod": [], "sucr": [], "bias": []}
    lead_means: list[float] = []
    for threshold in THRESHOLDS:
        hits, misses, false_alarms, _ = table_of(guess, truth, threshold)
        assert min(hits, misses, false_alarms) > 0
        expected = {
            "csi": hits / (hits + misses + false_alarms + 1e-4),
            "pod": hits / (hits + misses + 1e-4),
            "sucr": hits / (hits + false_alarms + 1e-4),
            "bias": (((hits + false_alarms) / (hits + misses + 1e-4)) / np.log(2)) ** 2,
        }
        for family, value in expected.items():
            assert found.overall[f"{family}@{threshold:g}"] == pytest.approx(value, rel=1e-13)
            families[family].append(value)
        tables = [table_of(guess[:, lead], truth[:, lead], threshold) for lead in range(4)]
        by_lead = [h / (h + m + f + 1e-4) for h, m, f, _ in tables]
        np.testing.assert_allclose(found.per_lead[f"csi@{threshold:g}"], by_lead, rtol=1e-13)
        lead_means.append(float(np.mean(by_lead)))
    for family, values in families.items():
        assert found.overall[family] == pytest.approx(np.mean(values), rel=1e-13)
    assert found.overall["csi_lead_mean"] == pytest.approx(np.mean(lead_means), rel=1e-13)
    assert found.overall["csi_lead_mean"] != pytest.approx(found.overall["csi"], rel=1e-6)


def test_sevir_is_0_without_events_and_nan_without_pixels() -> None:
    black = torch.zeros(2, 3, 1, 16, 16)
    mask = torch.ones_like(black, dtype=torch.bool)
    mask[:, 2] = False
    scores = scores_of(SEVIR.at((1.0, 2.0)), black, black, mask)  # its own thresholds come before those of the user
    np.testing.assert_array_equal(scores.per_lead["csi"], [0, 0, np.nan])
    assert scores.overall["csi"] == 0
    assert "csi@219" in scores.overall
    assert "csi@1" not in scores.overall


@pytest.mark.parametrize("size", [4, 16])
def test_pooled_events_are_those_of_max_pooled_fields(size: int) -> None:
    forecast, target = rain(2, 2, 1, 32, 48)
    convention = Convention(name="x", summary="", source="", metrics=_pooled(size))
    pooled = [torch.nn.functional.max_pool2d(values.flatten(0, 2), size).numpy() for values in (forecast, target)]
    for threshold in (2.0, 5.0, 20.0):
        hits, misses, false_alarms, _ = table_of(*pooled, threshold)
        expected = hits / (hits + misses + false_alarms)
        assert scores_of(convention, forecast, target).overall[f"csi@{threshold:g}"] == pytest.approx(expected)


def _pooled(size: int) -> tuple[CriticalSuccessIndex, ...]:
    return mean_and_each(CriticalSuccessIndex(window=size), (2.0, 5.0, 20.0))


def test_blocks_at_the_edge_are_smaller_and_missing_pixels_are_not_in_them() -> None:
    values = torch.arange(15.0).view(1, 1, 1, 3, 5)
    assert block_maximum(values, 2).flatten().tolist() == [6, 8, 9, 11, 13, 14]
    mask = torch.ones(1, 1, 1, 3, 5, dtype=torch.bool)
    mask[..., 1, 1] = mask[..., 2, 4] = False  # 6, and the whole last block
    counts = ContingencyTable((5.5,), window=2).per_frame(values, values, mask)
    # Blocks hold 0 1 5 | 2 3 7 8 | 4 9 | 10 11 | 12 13: one without an event, four with one, and one is missing.
    assert {name: value.item() for name, value in counts.items()} == {
        "hits_pool2": 4, "misses_pool2": 0, "false_alarms_pool2": 0, "correct_negatives_pool2": 1,
    }  # fmt: skip


def test_missing_pixels_count_nowhere_in_physical() -> None:
    forecast, target = rain(2, 2, 1, 12, 12)
    mask = torch.rand(target.shape, generator=torch.Generator().manual_seed(8)) > 0.4
    accumulator = Accumulator(PHYSICAL.at(RAIN))
    accumulator.update(torch.where(mask, forecast, torch.nan), torch.where(mask, target, 99.0), mask)
    kept = accumulator.per_clip
    total = sum(kept[name] for name in ("hits", "misses", "false_alarms", "correct_negatives"))
    np.testing.assert_array_equal(total, np.repeat(kept["count"][..., None], len(RAIN), axis=-1))
    found = accumulator.scores().overall
    guess, truth = torch.where(mask, forecast, torch.nan).numpy(), torch.where(mask, target, torch.nan).numpy()
    for threshold in RAIN:
        h, m, f, r = table_of(guess, truth, threshold)
        by_chance = (h + m) * (h + f) / (h + m + f + r)
        expected = {
            "csi": h / (h + m + f),
            "pod": h / (h + m),
            "far": f / (h + f),
            "frequency_bias": (h + f) / (h + m),
            "hss": 2 * (h * r - f * m) / ((h + m) * (m + r) + (h + f) * (f + r)),
            "ets": (h - by_chance) / (h + m + f - by_chance),
        }
        for family, value in expected.items():
            assert found[f"{family}@{threshold:g}"] == pytest.approx(value, rel=1e-12)


def test_a_negative_threshold_takes_no_missing_pixel_for_an_event() -> None:
    """A missing pixel reaches the metric as 0, which is more than -10 dBZ."""
    target = torch.full((1, 1, 1, 4, 4), -30.0)
    mask = torch.ones_like(target, dtype=torch.bool)
    mask[..., :2, :] = False
    for convention in (PHYSICAL, PYSTEPS):
        accumulator = Accumulator(convention.at((-10.0,)))
        accumulator.update(target, target, mask)
        assert accumulator.per_clip["hits"].sum() == 0
        assert accumulator.per_clip["fractions_target_4px"].sum() == 0
        assert accumulator.per_clip["correct_negatives"].sum() == (8 if convention is PHYSICAL else 16)


def test_the_two_rules_differ_at_the_threshold_alone() -> None:
    forecast, target = rain(2, 1, 1, 12, 12)
    assert (target == 2.0).any()
    tables: dict[EventRule, Any] = {
        rule: ContingencyTable((2.0,), rule).per_frame(forecast, target, None) for rule in (">=", ">")
    }
    observed = {rule: int((table["hits"] + table["misses"]).sum()) for rule, table in tables.items()}
    assert observed == {">=": int((target >= 2).sum()), ">": int((target > 2).sum())}
    assert observed[">="] - observed[">"] == int((target == 2.0).sum()) > 0
    apart = torch.where(target == 2.0, 2.25, target), torch.where(forecast == 2.0, 2.25, forecast)
    for name, table in ContingencyTable((2.0,), ">").per_frame(*reversed(apart), None).items():
        assert torch.equal(table, tables[">="][name])


@pytest.mark.parametrize("rule", [">=", ">"])
def test_a_rounding_error_does_not_decide_what_an_event_is(rule: EventRule) -> None:
    """Rain on a grid of 0.12 mm/h, reflectivities on one of 0.5 dBZ, through a normaliser in single precision."""
    for step, low, scale, threshold in ((0.12, 0.37, 1.7, 30.0), (0.12, 0.0, 299.9, 6.0), (0.5, -31.5, 95.5, 35.0)):
        native = (low + torch.arange(1024).double()).div(step).round().mul(step).view(1, 1, 1, 32, 32)
        back = ((native.float() - low) / scale).double() * scale + low
        tables = [ContingencyTable((threshold,), rule).per_frame(values, values, None) for values in (native, back)]
        assert all(torch.equal(tables[0][name], tables[1][name]) for name in tables[0])
        apart = torch.tensor([threshold - 1e-4, threshold + 1e-4]).double().view(1, 1, 1, 1, 2)
        table = ContingencyTable((threshold,), rule).per_frame(apart, apart, None)
        assert (table["hits"].item(), table["correct_negatives"].item()) == (1, 1)


def test_scores_are_of_summed_counts_not_means_of_frames() -> None:
    forecast, target = rain(4, 3, 1, 10, 10)
    found = scores_of(PHYSICAL.at(RAIN), forecast, target)
    per_clip = [scores_of(PHYSICAL.at(RAIN), forecast[i : i + 1], target[i : i + 1]).overall["csi@2"] for i in range(4)]
    assert found.overall["csi@2"] != pytest.approx(float(np.mean(per_clip)), rel=1e-4)
    assert found.overall["csi@2"] != pytest.approx(float(found.per_lead["csi@2"].mean()), rel=1e-6)


def test_the_mean_is_over_thresholds_that_the_truth_reaches() -> None:
    forecast, target = rain(2, 1, 1, 10, 10)
    forecast[0, 0, 0, 0, 0] = 1000.0
    found = scores_of(PHYSICAL.at((0.5, 2.0, 900.0)), forecast, target).overall
    assert found["csi@900"] == 0
    assert found["csi"] == pytest.approx((found["csi@0.5"] + found["csi@2"]) / 2)
    dry = scores_of(PHYSICAL.at((0.5, 2.0)), target, torch.zeros_like(target)).overall
    assert np.isnan(dry["csi"])
    assert (dry["csi@0.5"], dry["far@0.5"]) == (0, 1)
    assert np.isposinf(dry["frequency_bias@0.5"])


def test_a_score_that_a_forecast_avoids_is_not_left_out_of_the_mean() -> None:
    """Without any forecast of heavy rain its false alarm ratio is undefined, and so is the mean: no reward for it."""
    forecast, target = rain(2, 1, 1, 10, 10)
    found = scores_of(PHYSICAL.at((0.5, 5.0)), forecast.clamp(max=4.0), target).overall
    assert np.isnan(found["far@5"])
    assert np.isnan(found["far"])
    assert found["csi"] == pytest.approx(found["csi@0.5"] / 2)


def test_diffcast_averages_over_leads_and_counts_what_is_undefined_as_0() -> None:
    forecast, target = rain(3, 3, 1, 16, 16)
    target[:, 1], forecast[:, 1] = 0.0, 0.0
    found = scores_of(DIFFCAST.at((2.0, 5.0)), forecast, target)
    scores: dict[str, list[float]] = {"csi": [], "far": [], "pod": [], "hss": []}
    for threshold in (2.0, 5.0):
        leads: dict[str, list[float]] = {name: [] for name in scores}
        for lead in range(3):
            table = table_of(forecast[:, lead].numpy(), target[:, lead].numpy(), threshold)
            h, m, f, r = (count / 3 for count in table)  # means over clips
            leads["csi"].append(h / (h + m + f) if h + m + f else 0.0)
            leads["far"].append(f / (h + f) if h + f else 0.0)
            leads["pod"].append(h / (h + m) if h + m else 0.0)
            leads["hss"].append(2 * (h * r - m * f) / d if (d := (h + m) * (m + r) + (h + f) * (f + r)) else 0.0)
        for name, values in leads.items():
            assert found.overall[f"{name}@{threshold:g}"] == pytest.approx(np.mean(values), rel=1e-12)
            scores[name].append(float(np.mean(values)))
    for name, values in scores.items():
        assert found.overall[name] == pytest.approx(np.mean(values), rel=1e-12)


def test_a_mean_over_leads_is_one_for_single_clips_too() -> None:
    forecast, target = rain(3, 2, 1, 12, 12)
    accumulator = Accumulator(SEVIR.at(()))
    accumulator.update(forecast * 20, target * 20)
    metric = next(metric for metric in accumulator.convention.metrics if metric.name == "csi_lead_mean")
    values = clip_values(metric, accumulator.per_clip)
    for index in range(3):
        alone = scores_of(SEVIR.at(()), 20 * forecast[index : index + 1], 20 * target[index : index + 1])
        assert values[index] == pytest.approx(alone.overall["csi_lead_mean"])


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), cut=st.integers(1, 4), masked=st.booleans())
@pytest.mark.parametrize("convention", [PHYSICAL, PYSTEPS, SEVIR, DIFFCAST], ids=lambda convention: convention.name)
def test_sums_are_exact_however_they_are_cut(convention: Convention, seed: int, cut: int, masked: bool) -> None:
    forecast, target = rain(5, 2, 1, 9, 8, seed=seed)
    mask = forecast.roll(1, -1) < 3 if masked else None
    whole, parts = Accumulator(convention.at(RAIN)), Accumulator(convention.at(RAIN))
    whole.update(forecast, target, mask)
    for rows in (slice(cut), slice(cut, None)):
        parts.update(forecast[rows], target[rows], None if mask is None else mask[rows])
    for name, kept in whole.per_clip.items():
        if name.startswith(("hits", "misses", "false", "correct", "fractions")):
            assert np.array_equal(parts.per_clip[name], kept), name
            assert np.array_equal(kept, kept.round()), name
    assert parts.scores().overall == pytest.approx(whole.scores().overall, rel=1e-12, nan_ok=True)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), perfect=st.booleans())
def test_scores_stay_within_their_bounds(seed: int, perfect: bool) -> None:
    forecast, target = rain(2, 1, 1, 9, 8, seed=seed)
    forecast = target if perfect else forecast
    found = scores_of(PYSTEPS.at((1.0,)), forecast, target).overall
    for name in ("csi", "pod", "far", "pofd", "f1", "event_accuracy", "fss_4px", "fss_16px"):
        assert 0 <= found[f"{name}@1"] <= 1 + 1e-12, name
    for name in ("hss", "hk", "mcc"):
        assert -1 - 1e-12 <= found[f"{name}@1"] <= 1 + 1e-12, name
    assert -1 / 3 - 1e-12 <= found["ets@1"] <= 1 + 1e-12
    if perfect:
        best = {"csi": 1, "pod": 1, "far": 0, "pofd": 0, "frequency_bias": 1, "hss": 1, "ets": 1, "hk": 1, "fss_4px": 1}
        assert {name: found[f"{name}@1"] for name in best} == pytest.approx(best)


def test_pixels_in_another_order_are_the_same_table() -> None:
    forecast, target = rain(1, 1, 1, 8, 8)
    order = torch.randperm(64)
    shuffled = [values.flatten()[order].view_as(values) for values in (forecast, target)]
    for rule in (">=", ">"):
        plain = ContingencyTable(RAIN, rule).per_frame(forecast, target, None)
        again = ContingencyTable(RAIN, rule).per_frame(*shuffled, None)
        assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_names_tell_threshold_and_window() -> None:
    metrics = {metric.name: metric for metric in SEVIR.at(()).metrics}
    pooled = metrics["csi_pool4@16"]
    assert (pooled.family, pooled.threshold, pooled.window) == ("csi_pool", 16, 4)
    assert (metrics["csi"].family, metrics["csi"].threshold, metrics["csi"].window) == ("csi", None, None)
    fss = {metric.name: metric for metric in PHYSICAL.at((0.5, 1.0)).metrics}["fss_16px@0.5"]
    assert (fss.family, fss.threshold, fss.window) == ("fss", 0.5, 16)
    assert all(metric.summary.endswith(".") for metric in metrics.values())
    assert PHYSICAL.at(()) is PHYSICAL
    with pytest.raises(ValueError, match="two metrics of one name"):
        replace(SEVIR.at(()), metrics=(pooled, pooled))


@pytest.mark.parametrize(
    ("units", "step_seconds", "thresholds"),
    [
        ("mm/h", None, (0.5, 2, 5, 10, 30)),
        ("mm h-1", None, (0.5, 2, 5, 10, 30)),
        ("dBZ", 300.0, (20, 30, 35, 40)),
        ("kg m-2 s-1", None, tuple(rate / 3600 for rate in (0.5, 2, 5, 10, 30))),
        ("kg/m^2/s", None, tuple(rate / 3600 for rate in (0.5, 2, 5, 10, 30))),
        ("mm", 3600.0, (0.5, 2, 5, 10, 30)),
        ("mm", 360.0, (0.05, 0.2, 0.5, 1, 3)),
        ("kg m-2", None, ()),
        ("mm", None, ()),
        ("K", 300.0, ()),
        ("mm/s", None, ()),
        (None, None, ()),
    ],
)
def test_usual_thresholds(units: str | None, step_seconds: float | None, thresholds: tuple[float, ...]) -> None:
    assert usual_thresholds(units, step_seconds) == pytest.approx(thresholds)
