"""Scores of ensembles against scoringrules, pysteps and values worked out by hand. Axes: B S T C H W."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.ensemble import ENSEMBLE
from framecast.metrics.crps import fair_crps
from framecast.metrics.scores import Scores

THRESHOLDS = (0.5, 1.0)
OF_SEVERAL_MEMBERS = {"spread", "spread_skill_ratio", "rank_deviation"}
"""They tell nothing of a single forecast."""


def futures(batch: int, members: int, *shape: int, seed: int = 0, spread: float = 1.0) -> tuple[Tensor, Tensor]:
    """Members and a truth that are drawn alike; with ``spread`` below 1 the members are too close together."""
    generator = torch.Generator().manual_seed(seed)
    centre = torch.randn((batch, 1, *shape), generator=generator, dtype=torch.float64)
    drawn = centre + torch.randn((batch, members + 1, *shape), generator=generator, dtype=torch.float64)
    ensemble, truth = drawn[:, 1:], drawn[:, 0]
    return centre + spread * (ensemble - centre), truth


def filled(members: Tensor, target: Tensor, mask: Tensor | None = None) -> Accumulator:
    accumulator = Accumulator(ENSEMBLE.at(THRESHOLDS))
    accumulator.update(members.mean(dim=1), target, mask, members if members.shape[1] > 1 else None)
    return accumulator


def scores_of(members: Tensor, target: Tensor, mask: Tensor | None = None) -> Scores:
    return filled(members, target, mask).scores()


@pytest.mark.parametrize("size", [2, 3, 8, 21])
def test_crps_is_the_fair_estimate_of_scoringrules(size: int) -> None:
    scoringrules = pytest.importorskip("scoringrules")
    members, target = futures(2, size, 2, 1, 5, 4)
    expected = scoringrules.crps_ensemble(target.numpy(), members.numpy(), m_axis=1, estimator="fair", backend="numpy")
    np.testing.assert_allclose(fair_crps(members, target).numpy(), expected, rtol=1e-10, atol=1e-13)
    assert scores_of(members, target).overall["crps"] == pytest.approx(float(np.mean(expected)), rel=1e-12)


def test_crps_differs_from_that_of_pysteps_by_the_correction_for_the_members() -> None:
    probscores = pytest.importorskip("pysteps.verification.probscores")
    size = 4
    members, target = futures(1, size, 1, 1, 9, 8)
    theirs = float(probscores.CRPS(members[0, :, 0, 0].numpy(), target[0, 0, 0].numpy()))
    pairs = (members[:, :, None] - members[:, None]).abs().sum(dim=(1, 2)).mean().item()
    correction = 0.5 * pairs * (1 / (size * (size - 1)) - 1 / size**2)
    assert scores_of(members, target).overall["crps"] == pytest.approx(theirs - correction, rel=1e-12)


def test_a_single_forecast_scores_its_absolute_error_and_has_no_spread() -> None:
    members, target = futures(2, 1, 2, 1, 5, 4)
    found = scores_of(members, target)
    assert found.overall["crps"] == pytest.approx(float((members[:, 0] - target).abs().mean()))
    assert found.overall["ensemble_rmse"] == pytest.approx(float((members[:, 0] - target).square().mean().sqrt()))
    wrong = ((members[:, 0] >= 0.5) != (target >= 0.5)).double().mean()
    assert found.overall["brier@0.5"] == pytest.approx(float(wrong))
    assert {name for name, value in found.overall.items() if np.isnan(value)} == OF_SEVERAL_MEMBERS


def test_values_worked_out_by_hand() -> None:
    """Members 0, 1, 2 and truth 1; members 0, 0, 0 and truth 3."""
    members = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]).view(1, 3, 1, 1, 1, 2)
    target = torch.tensor([1.0, 3.0]).view(1, 1, 1, 1, 2)
    accumulator = filled(members, target)
    found = accumulator.scores().overall
    assert found["crps"] == pytest.approx(((2 / 3 - 4 / 6) + 3) / 2)
    assert found["ensemble_rmse"] == pytest.approx((9 / 2) ** 0.5)
    assert found["spread"] == pytest.approx((1 / 2) ** 0.5)
    assert found["spread_skill_ratio"] == pytest.approx((4 / 3 * 1 / 9) ** 0.5)
    assert accumulator.per_clip["ranks"].tolist() == [[[0, 0.5, 0.5, 1]]]
    assert found["rank_deviation"] == pytest.approx(0.25 + 0 + 0 + 0.25)
    assert found["brier@1"] == pytest.approx(((2 / 3 - 1) ** 2 + 1) / 2)
    assert accumulator.per_clip["reliability_count@1"].tolist() == [[[1, 0, 1, 0]]]
    assert accumulator.per_clip["reliability_observed@1"].tolist() == [[[1, 0, 1, 0]]]
    assert accumulator.per_clip["reliability_probability@1"][0, 0] == pytest.approx([0, 0, 2 / 3, 0])
    assert found["reliability@1"] == pytest.approx((1 + (2 / 3 - 1) ** 2) / 2)


def test_a_reliable_ensemble_has_a_ratio_of_1_and_flat_ranks_whatever_its_size() -> None:
    for size in (2, 5, 15):
        found = scores_of(*futures(4, size, 2, 1, 60, 60, seed=size)).overall
        assert found["spread_skill_ratio"] == pytest.approx(1, abs=0.02)
        assert found["rank_deviation"] < 0.06
        narrow = scores_of(*futures(4, size, 2, 1, 60, 60, seed=size, spread=0.5)).overall
        assert narrow["spread_skill_ratio"] < 0.75
        assert narrow["rank_deviation"] > 0.2
    assert narrow["reliability@1"] > 2 * found["reliability@1"]  # few members cannot give most probabilities


def test_the_fair_score_does_not_reward_members_and_the_other_estimate_does() -> None:
    def mean_crps(size: int) -> float:
        return scores_of(*futures(8, size, 2, 1, 50, 50, seed=size)).overall["crps"]

    exact = np.pi**-0.5  # ½ E|X - X'| of standard normal values
    assert [mean_crps(2), mean_crps(20)] == pytest.approx([exact, exact], rel=0.02)
    scoringrules = pytest.importorskip("scoringrules")
    members, target = futures(8, 2, 2, 1, 50, 50, seed=2)
    unfair = scoringrules.crps_ensemble(target.numpy(), members.numpy(), m_axis=1, estimator="nrg", backend="numpy")
    assert unfair.mean() > 1.3 * exact


@pytest.mark.parametrize("members_at", [3, 10])
def test_ranks_are_those_of_pysteps(members_at: int) -> None:
    ensscores = pytest.importorskip("pysteps.verification.ensscores")
    members, target = futures(1, members_at, 1, 1, 12, 11)
    found = filled(members, target).per_clip["ranks"][0, 0]
    np.testing.assert_array_equal(
        found, ensscores.rankhist(members[0, :, 0, 0].numpy(), target[0, 0, 0].numpy(), normalize=False)
    )


def test_ties_are_shared_as_draws_are_on_average() -> None:
    ensscores = pytest.importorskip("pysteps.verification.ensscores")
    members, target = futures(1, 4, 1, 1, 40, 40)
    members, target = members.round().clamp(min=0), target.round().clamp(min=0)
    found = filled(members, target).per_clip["ranks"][0, 0]
    assert found.sum() == pytest.approx(1600)
    np.random.seed(0)  # noqa: NPY002 - pysteps draws from there
    drawn = [
        ensscores.rankhist(members[0, :, 0, 0].numpy(), target[0, 0, 0].numpy(), normalize=False) for _ in range(60)
    ]
    assert np.std(drawn, axis=0).max() > 5
    np.testing.assert_allclose(found, np.mean(drawn, axis=0), atol=4 * 20 / 60**0.5)


def test_reliability_is_that_of_pysteps() -> None:
    """With 13 members no probability lies on the edge of a bin, where the two differ by design."""
    probscores = pytest.importorskip("pysteps.verification.probscores")
    members, target = futures(1, 13, 1, 1, 40, 40)
    kept = filled(members, target).per_clip
    probability = (members >= 1.0).double().mean(dim=1)
    theirs = probscores.reldiag(probability.numpy(), target.numpy(), 1.0, n_bins=10, min_count=0)
    count = kept["reliability_count@1"][0, 0]
    assert len(count) == 10
    assert count.min() > 0
    np.testing.assert_allclose(kept["reliability_probability@1"][0, 0] / count, theirs[0], rtol=1e-12)
    np.testing.assert_allclose(kept["reliability_observed@1"][0, 0] / count, theirs[1], rtol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 9, 10, 12, 20])
def test_brier_is_the_mean_squared_difference_and_bins_hold_every_pixel(size: int) -> None:
    members, target = futures(2, size, 2, 1, 12, 11)
    mask = target > -1.5
    accumulator = filled(members, target, mask)
    for threshold in THRESHOLDS:
        probability = (members >= threshold).double().mean(dim=1)
        squares = (probability - (target >= threshold).double()).square()
        found = accumulator.scores().overall
        assert found[f"brier@{threshold:g}"] == pytest.approx(float(squares[mask].mean()), rel=1e-12)
        kept: dict[str, Any] = {
            what: accumulator.per_clip[f"reliability_{what}@{threshold:g}"]
            for what in ("count", "probability", "observed")
        }
        assert kept["count"].shape == (2, 2, min(size + 1, 10))
        assert kept["count"].sum() == int(mask.sum())
        assert kept["probability"].sum() == pytest.approx(float(probability[mask].sum()))
        assert kept["observed"].sum() == int((target >= threshold)[mask].sum())
        sums = {what: values.sum(axis=(0, 1)) for what, values in kept.items()}
        filled_bins = sums["count"] > 0
        mean = sums["probability"][filled_bins] / sums["count"][filled_bins]
        assert all(low < high for low, high in pairwise(mean.tolist()))
    assert found["brier"] == pytest.approx((found["brier@0.5"] + found["brier@1"]) / 2)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), size=st.integers(1, 6), cut=st.integers(1, 3), masked=st.booleans())
def test_members_in_any_order_and_clips_in_any_cut_score_alike(seed: int, size: int, cut: int, masked: bool) -> None:
    members, target = futures(4, size, 2, 1, 6, 5, seed=seed)
    members, target = (2 * members).round() / 2, (2 * target).round() / 2  # many ties
    mask = torch.rand(target.shape, generator=torch.Generator().manual_seed(seed)) > 0.3 if masked else None
    whole = scores_of(members, target, mask)
    order = torch.randperm(size)
    parts = Accumulator(ENSEMBLE.at(THRESHOLDS))
    for rows in (slice(cut, None), slice(cut)):
        shuffled = members[rows][:, order]
        parts.update(shuffled.mean(dim=1), target[rows], None if mask is None else mask[rows], shuffled)
    assert parts.scores().overall == pytest.approx(whole.overall, rel=1e-9, abs=1e-12, nan_ok=True)
    assert size == 1 or 0 <= whole.overall["rank_deviation"] < 2
    assert all(0 <= whole.overall[name] <= 1 for name in ("brier@0.5", "reliability@0.5") if target.max() >= 0.5)


def test_missing_pixels_count_nowhere() -> None:
    members, target = futures(2, 5, 2, 1, 8, 8)
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[..., :3, :] = False
    hidden = filled(torch.where(mask[:, None], members, torch.nan), torch.where(mask, target, 7.0), mask)
    cropped = filled(members[..., 3:, :], target[..., 3:, :])
    assert hidden.scores().overall == pytest.approx(cropped.scores().overall, rel=1e-12)
    np.testing.assert_array_equal(hidden.per_clip["ranks"], cropped.per_clip["ranks"])
    mask[:, 1] = False
    scores = scores_of(members, target, mask)
    assert all(np.isnan(values[1]) and np.isfinite(values[0]) for values in scores.per_lead.values())
    alone = scores_of(members[:, :, :1], target[:, :1], mask[:, :1]).overall
    assert scores.overall == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("size", [1, 4])
def test_a_member_that_is_not_finite_spoils_its_frame_only(size: int) -> None:
    members, target = futures(1, size, 3, 1, 6, 6)
    members[0, size - 1, 1, 0, 2, 2] = torch.inf
    for name, values in scores_of(members, target).per_lead.items():
        spoilt = np.isnan(values).tolist()
        alone = size == 1 and name in OF_SEVERAL_MEMBERS
        assert spoilt == ([True] * 3 if alone else [False, True, False]), name


def test_a_faulty_ensemble_is_found_out() -> None:
    """Planted: members sorted by pixel lose nothing; one member for all, a shift, and too little spread do."""
    members, target = futures(3, 8, 2, 1, 40, 40)
    sound = scores_of(members, target).overall
    assert scores_of(members.sort(dim=1).values, target).overall == pytest.approx(sound, rel=1e-9)
    same = scores_of(members[:, :1].expand_as(members), target).overall
    assert (same["spread"], same["spread_skill_ratio"]) == pytest.approx((0, 0), abs=1e-12)
    assert same["crps"] > 1.2 * sound["crps"]
    shifted = filled(members + 1.0, target)
    ranks = shifted.per_clip["ranks"].sum(axis=(0, 1))
    assert ranks[0] > 3 * ranks[-1]
    assert shifted.scores().overall["rank_deviation"] > 5 * sound["rank_deviation"]
