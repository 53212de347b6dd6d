"""Definitions: what they say of two conventions is what the two compute on the same forecasts. Axes: B T C H W."""

import math
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from framecast.evaluation.definitions import Comparability, definitions
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.table import CONVENTIONS

KNOWN = definitions()
SHAPE = (2, 3, 3, 40, 36)
DIVISORS = {"values": 1, "channels of frames": math.prod(SHAPE[3:]), "frames": math.prod(SHAPE[2:])}

PAIRS = [
    pytest.param(name, one, id=f"{one.metric}-{name}-{one.convention}")
    for name in CONVENTIONS
    for one in KNOWN.compare(name)
    if name < one.convention
]


def frames(kind: str) -> tuple[Tensor, Tensor]:
    """A truth in [0.2, 0.8], and a forecast: in [0, 1] (``plain``), beyond it (``beyond``), or in it with a frame that
    is exact (``exact``).
    """
    generator = torch.Generator().manual_seed(21)
    truth = torch.rand(SHAPE, generator=generator).cumsum(-1).cumsum(-2)
    truth = 0.2 + 0.6 * (truth - truth.amin()) / (truth.amax() - truth.amin())
    noise = torch.rand(SHAPE, generator=generator) - 0.5
    forecast = truth + (1.0 if kind == "beyond" else 0.3) * noise
    assert bool(((forecast < 0) | (forecast > 1)).any()) == (kind == "beyond")
    if kind == "exact":
        forecast[1, 2] = truth[1, 2]
    return forecast, truth


@cache
def scores(name: str, kind: str) -> dict[str, float]:
    """Of the same forecasts: native values are 0 to 255 in whole steps, and the thresholds are some of them."""
    convention: Convention = CONVENTIONS.load(name)
    convention = convention.at(convention.thresholds or (16.0, 133.0)).available()
    forecast, truth = frames(kind)
    if convention.space == "native":
        forecast, truth = (255 * forecast).round(), (255 * truth).round()
    tally = Accumulator(convention)
    tally.update(forecast, truth)
    return tally.scores().overall


def same(name: str, one: Comparability, kind: str) -> bool:
    """Whether two conventions have one value, after the sums are divided."""
    values = [
        scores(convention, kind)[one.metric]
        / DIVISORS[KNOWN.metrics[one.metric].conventions[convention].get("divided by", "values")]
        for convention in (name, one.convention)
    ]
    return values[0] == pytest.approx(values[1], rel=1e-9)


@pytest.mark.parametrize(("name", "one"), PAIRS)
def test_what_is_called_comparable_is(name: str, one: Comparability, random_weights: Path) -> None:
    always = same(name, one, "beyond") and same(name, one, "exact")
    assert always == (one.comparable in ("yes", "after conversion"))
    assert same(name, one, "plain") == (one.comparable != "no")


def test_only_conversion_makes_sums_and_means_agree() -> None:
    sums, means = scores("openstl", "plain")["mse"], scores("strict", "plain")["mse"]
    assert sums == pytest.approx(means * math.prod(SHAPE[2:]), rel=1e-9)


def test_every_definition_names_all_traits_and_conventions_that_have_the_metric() -> None:
    for metric, definition in KNOWN.metrics.items():
        assert {*definition.convertible, *definition.conditional} <= set(definition.traits)
        having = set[str]()
        for name in CONVENTIONS:
            convention: Convention = CONVENTIONS.load(name)
            if metric in {found.name for found in convention.at(convention.thresholds or (1.0,)).metrics}:
                having.add(name)
        assert set(definition.conventions) == having
        for convention, traits in definition.conventions.items():
            assert set(traits) == set(definition.traits), (metric, convention)


def test_comparisons_go_both_ways() -> None:
    verdicts = {
        (name, one.convention, one.metric): one.comparable for name in CONVENTIONS for one in KNOWN.compare(name)
    }
    assert len(verdicts) > 100
    for (first, second, metric), verdict in verdicts.items():
        assert verdicts[second, first, metric] == verdict


def test_the_reasons_name_both_values_and_what_they_do() -> None:
    ssim = next(one for one in KNOWN.compare("openstl") if (one.metric, one.convention) == ("ssim", "strict"))
    assert ssim.comparable == "no"
    assert any(reason.startswith("L: 2, there 1. ") and "0.02 to 0.03" in reason for reason in ssim.reasons)
    assert any(reason.startswith("window: uniform 7x7, there Gaussian 11x11. ") for reason in ssim.reasons)
    psnr = next(one for one in KNOWN.compare("simvp-legacy") if (one.metric, one.convention) == ("psnr", "openstl"))
    assert psnr.comparable == "no"
    assert psnr.reasons[0].startswith("arithmetic: 8 bits that wrap, there real numbers.")
    assert all(one.reasons == () for one in KNOWN.compare("openstl") if one.comparable == "yes")


def test_what_nobody_else_says_is_among_the_facts() -> None:
    said = " ".join(KNOWN.facts)
    for word in ("37.28 dB", "0.02 to 0.03", "[-1, 1]", "at or above", "1e-4", "mode 2", "E3D-LSTM", "per-frame PSNR"):
        assert word in said
