"""The Fréchet distance against SciPy's root of a matrix, and FVD through a small program in the place of I3D."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from torch import Tensor, nn

from framecast.frames.errors import NotAvailableError
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.table import CONVENTIONS
from framecast.metrics.features.i3d import i3d
from framecast.metrics.frechet import frechet_distance
from framecast.metrics.fvd import FrechetVideoDistance
from framecast.metrics.preparation import clip_forecast


class StandIn(nn.Module):
    """Takes what I3D takes, and gives 400 numbers that depend on brightness, change and edges of the film."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.mix = nn.Parameter(torch.randn(12, 400, generator=generator))

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        if not (rescale and resize and return_features):
            raise ValueError("called in another way than I3D is")
        x = x / 127.5 - 1.0
        change = x[:, :, 1:] - x[:, :, :-1]
        edges = x[:, :, :, 1:] - x[:, :, :, :-1]
        parts = [
            x.mean((2, 3, 4)),
            x.square().mean((2, 3, 4)),
            change.abs().mean((2, 3, 4)),
            edges.abs().mean((2, 3, 4)),
        ]
        return torch.cat(parts, dim=1) @ self.mix


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("i3d") / "i3d_torchscript.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated; the published network is nevertheless one
        torch.jit.save(torch.jit.script(StandIn()), path)
    return path


def checksum(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.fixture
def metric(program: Path) -> FrechetVideoDistance:
    return FrechetVideoDistance(weights=str(program), checksum=checksum(program))


def by_scipy(first: np.ndarray, second: np.ndarray, *, bias: bool = True) -> float:
    one, two = (np.cov(values, rowvar=False, bias=bias) for values in (first, second))
    root = linalg.sqrtm(one @ two)
    between = np.square(first.mean(0) - second.mean(0)).sum()
    return float(between + np.trace(one) + np.trace(two) - 2 * np.trace(root).real)


def accumulated(metric: FrechetVideoDistance, *batches: tuple[Tensor | None, ...]) -> Accumulator:
    accumulator = Accumulator(Convention(name="one", summary="", source="", metrics=(metric,), prepare=clip_forecast))
    for forecast, target, *mask in batches:
        assert forecast is not None
        assert target is not None
        accumulator.update(forecast, target, *mask)
    return accumulator


def films(num: int = 6, leads: int = 10, channels: int = 1, *, noise: float = 0.2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    target = torch.rand(num, leads, channels, 8, 9, generator=generator) * torch.rand(
        num, 1, 1, 1, 1, generator=generator
    )
    return target + noise * torch.randn(target.shape, generator=generator), target


@pytest.mark.parametrize("covariance", ["population", "sample"])
@pytest.mark.parametrize(("num", "others", "size"), [(60, 50, 7), (400, 300, 20)])
def test_the_distance_is_that_of_scipy(covariance: Any, num: int, others: int, size: int) -> None:
    random = np.random.default_rng(0)
    first = random.normal(size=(num, size)) @ random.normal(size=(size, size))
    second = random.normal(0.3, 1.5, (others, size)) @ random.normal(size=(size, size))
    expected = by_scipy(first, second, bias=covariance == "population")
    assert frechet_distance(first, second, covariance) == pytest.approx(expected, rel=1e-7)


def test_fewer_vectors_than_dimensions_are_no_difficulty() -> None:
    """The covariances are singular then. Rotating vectors into the space of few dimensions gives a case to compare."""
    random = np.random.default_rng(0)
    first, second = random.normal(size=(30, 5)), random.normal(1.0, 2.0, (25, 5))
    wide = np.linalg.qr(random.normal(size=(100, 5)))[0].T
    assert frechet_distance(first @ wide, second @ wide) == pytest.approx(by_scipy(first, second), rel=1e-9)


def test_one_dimension_is_known() -> None:
    first, second = np.array([[0.0], [2.0]]), np.array([[5.0], [11.0]])  # means 1 and 8, deviations 1 and 3
    assert frechet_distance(first, second) == pytest.approx(7**2 + 2**2)


@settings(deadline=None, max_examples=25)
@given(num=st.integers(2, 30), others=st.integers(2, 30), size=st.integers(1, 12), seed=st.integers(0, 99))
def test_it_is_a_squared_distance(num: int, others: int, size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second, shift = random.normal(size=(num, size)), random.normal(size=(others, size)), random.normal(size=size)
    value = frechet_distance(first, second)
    assert value >= 0
    assert frechet_distance(second, first) == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-12 * size * num)
    assert frechet_distance(first, first + shift) == pytest.approx(np.square(shift).sum(), rel=1e-9)
    assert frechet_distance(first[::-1] + shift, second[::-1] + shift) == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_a_number_that_is_not_finite_has_no_distance() -> None:
    first = np.random.default_rng(0).normal(size=(5, 3))
    for spoilt in (np.nan, np.inf):
        second = first.copy()
        second[2, 1] = spoilt
        assert np.isnan(frechet_distance(first, second))
    with pytest.raises(ValueError, match="two vectors or more, found 1 and 5"):
        frechet_distance(first[:1], first)


def test_the_metric_is_the_distance_of_logits(metric: FrechetVideoDistance) -> None:
    forecast, target = films()
    network = StandIn()  # the same numbers, without TorchScript
    shown = [
        network(
            255.0 * frames.expand(-1, -1, 3, -1, -1).transpose(1, 2), rescale=True, resize=True, return_features=True
        )
        for frames in (forecast.clamp(0, 1), target)
    ]
    logits = [values.detach().double().numpy() for values in shown]
    found = accumulated(metric, (forecast, target)).scores()
    assert found.overall["fvd"] == pytest.approx(frechet_distance(*logits), rel=1e-5)
    assert np.isnan(found.per_lead["fvd"]).tolist() == [True] * 10


def test_better_forecasts_have_a_smaller_distance(metric: FrechetVideoDistance) -> None:
    values = [accumulated(metric, films(noise=noise)).scores().overall["fvd"] for noise in (0.0, 0.1, 0.4)]
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert values == sorted(values)
    assert values[2] > values[1] > 0.01


def test_batches_cannot_change_a_bit(metric: FrechetVideoDistance) -> None:
    forecast, target = films()
    whole = accumulated(metric, (forecast, target))
    parts = accumulated(metric, *((forecast[i : i + 2], target[i : i + 2]) for i in (0, 2, 4)))
    for name, rows in whole.per_clip.items():
        np.testing.assert_array_equal(parts.per_clip[name], rows)
    assert parts.scores().overall == whole.scores().overall


def test_the_precision_of_the_caller_does_not_reach_it(metric: FrechetVideoDistance) -> None:
    plain = accumulated(metric, films()).scores().overall
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert accumulated(metric, films()).scores().overall == plain


def test_films_of_fewer_than_ten_frames_have_none(metric: FrechetVideoDistance) -> None:
    assert np.isnan(accumulated(metric, films(leads=9)).scores().overall["fvd"])


def test_a_single_film_has_none(metric: FrechetVideoDistance) -> None:
    assert np.isnan(accumulated(metric, films(1)).scores().overall["fvd"])


def test_a_forecast_that_is_not_finite_spoils_the_set(metric: FrechetVideoDistance) -> None:
    forecast, target = films()
    forecast[2, 3, 0, 1, 1] = torch.nan
    assert np.isnan(accumulated(metric, (forecast, target)).scores().overall["fvd"])


def test_missing_films_do_not_count_and_missing_pixels_have_no_influence(metric: FrechetVideoDistance) -> None:
    forecast, target = films()
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[0] = False
    mask[:, :, :, :2, :3] = False
    found = accumulated(metric, (torch.where(mask, forecast, torch.nan), target, mask)).scores().overall["fvd"]
    alone = accumulated(metric, (forecast[1:] * mask[1:], target[1:] * mask[1:])).scores().overall["fvd"]
    assert found == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("channels", [2, 3])
def test_channels_are_colours_or_are_looked_at_one_by_one(metric: FrechetVideoDistance, channels: int) -> None:
    forecast, target = films(channels=channels)
    rows = accumulated(metric, (forecast, target)).per_clip["i3d_target"]
    assert rows.shape == (6, 1, 400)
    single = [
        accumulated(metric, (forecast[:, :, [c]], target[:, :, [c]])).per_clip["i3d_target"] for c in range(channels)
    ]
    same = np.allclose(rows, np.mean(single, axis=0), rtol=1e-5, atol=1e-5)
    assert same == (channels != 3)


def test_a_program_is_run_only_if_its_checksum_agrees(program: Path, tmp_path: Path) -> None:
    other = tmp_path / "i3d_torchscript.pt"
    other.write_bytes(program.read_bytes() + b"\0")
    with pytest.raises(NotAvailableError, match=r"expected is sha256:bec6519f.*so it was not run.*weights i3d --fetch"):
        i3d(torch.device("cpu"), str(program))
    with pytest.raises(NotAvailableError, match="is not the file that is expected"):
        i3d(torch.device("cpu"), str(other), checksum(program))
    reason = FrechetVideoDistance(weights=str(other)).unavailable()
    assert reason is not None
    assert "bec6519f" in reason


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "i3d_torchscript.pt"
    path.write_bytes(b"nothing")
    with pytest.raises(NotAvailableError, match="is no TorchScript program"):
        i3d(torch.device("cpu"), str(path), checksum(path))


def test_without_the_file_it_says_how_to_get_it(no_weights: Path) -> None:
    reason = FrechetVideoDistance().unavailable()
    assert reason is not None
    assert "i3d_torchscript.pt, 51.2 MB" in reason
    assert "framecast weights i3d --fetch" in reason
    assert CONVENTIONS.load("perceptual").unavailable().keys() == {"lpips", "lpips_vgg", "fvd"}


def test_with_the_file_it_is_available(metric: FrechetVideoDistance) -> None:
    assert metric.unavailable() is None


def test_the_convention_goes_on_without_what_is_not_there(no_weights: Path, random_weights: Path) -> None:
    convention = CONVENTIONS.load("perceptual")
    assert convention.unavailable().keys() == {"fvd"}
    accumulator = Accumulator(convention.available())
    accumulator.update(torch.rand(1, 2, 1, 32, 32), torch.rand(1, 2, 1, 32, 32))
    values = accumulator.scores().overall
    assert list(values) == ["lpips", "lpips_vgg"]
    assert np.isfinite(list(values.values())).all()
    assert not CONVENTIONS.load("perceptual").of_one_channel().metrics
