"""The losses that look through networks: their formulas, and what weights and frames they need.

Weights are random. What every loss must hold is tested with all others. Axes: B T C H W.
"""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, NotAvailableError
from framecast.losses.lpips import LpipsLoss, LpipsLossConfig
from framecast.losses.perceptual import PerceptualLoss, PerceptualLossConfig
from framecast.losses.weighted_sum import build_loss
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.features.network import as_colour
from framecast.metrics.features.vgg import vgg16
from framecast.metrics.lpips import LearnedPerceptualSimilarity

SPEC = ClipSpec(context=2, horizon=2, channels=1, height=32, width=36)


def clips(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    target = torch.rand(shape, generator=generator)
    return (target + 0.3 * torch.randn(shape, generator=generator)).clamp(0, 1).requires_grad_(), target


def perceptual(**settings: Any) -> PerceptualLoss:
    return PerceptualLoss(PerceptualLossConfig(**settings))


def activations(frames: Tensor, layers: tuple[str, ...]) -> list[np.ndarray]:
    """What VGG16 sees; that it is VGG16 is tested against Keras."""
    images = as_colour(frames.detach().double().flatten(0, 1))
    return [features.numpy() for features in vgg16().features(images, layers)]


@pytest.mark.parametrize("channels", [1, 3])
def test_perceptual_compares_directions_of_features(random_weights: Path, channels: int) -> None:
    forecast, target = clips(2, 2, channels, 16, 20)
    layers = ("relu2_2", "relu3_3")
    expected = []
    for pair in zip(activations(forecast, layers), activations(target, layers), strict=True):
        one, two = (features / np.linalg.norm(features, axis=1, keepdims=True) for features in pair)
        expected.append(np.square(one - two).sum(axis=1).mean())
    assert perceptual()(forecast, target).item() == pytest.approx(np.mean(expected), rel=1e-5)
    assert 0 < np.mean(expected) < 2


def test_perceptual_of_johnson(random_weights: Path) -> None:
    forecast, target = clips(2, 2, 3, 16, 20)
    one, two = (activations(frames, ("relu3_3",))[0] for frames in (forecast, target))
    loss = perceptual(layers=("relu3_3",), normalise="none")
    assert loss(forecast, target).item() == pytest.approx(np.square(one - two).mean(), rel=1e-5)


def test_each_layer_counts_alike(random_weights: Path) -> None:
    forecast, target = clips(1, 2, 1, 16, 16)
    singles = [perceptual(layers=(layer,))(forecast, target).item() for layer in ("relu1_2", "relu4_3")]
    both = perceptual(layers=("relu1_2", "relu4_3"))(forecast, target).item()
    assert both == pytest.approx(np.mean(singles), rel=1e-6)
    assert singles[0] != pytest.approx(singles[1], rel=0.01)


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips_is_the_metric(random_weights: Path, net: Any) -> None:
    forecast, target = clips(2, 2, 1, 33, 34)
    metric = LearnedPerceptualSimilarity(net=net)
    accumulator = Accumulator(Convention(name="one", summary="", source="", metrics=(metric,)))
    accumulator.update(forecast.detach(), target)
    found = LpipsLoss(LpipsLossConfig(net=net))(forecast, target).item()
    assert found == pytest.approx(accumulator.scores().overall["lpips"], rel=1e-5)


@pytest.mark.parametrize("loss", [perceptual(), LpipsLoss(LpipsLossConfig())])
def test_channels_that_are_no_colours_are_looked_at_one_by_one(random_weights: Path, loss: Any) -> None:
    forecast, target = clips(2, 2, 4, 16, 17)
    single = [loss(forecast[:, :, [channel]], target[:, :, [channel]]) for channel in range(4)]
    torch.testing.assert_close(loss(forecast, target), torch.stack(single).mean(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("loss", [perceptual(), LpipsLoss(LpipsLossConfig())])
def test_frames_that_are_missing_do_not_count(random_weights: Path, loss: Any) -> None:
    forecast, target = clips(2, 3, 1, 16, 17)
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[:, 1] = False
    kept = [0, 2]
    torch.testing.assert_close(
        loss(forecast, target, mask), loss(forecast[:, kept], target[:, kept]), rtol=1e-5, atol=0
    )


@pytest.mark.parametrize("loss", [perceptual(), LpipsLoss(LpipsLossConfig())])
def test_the_network_is_no_part_of_the_module(random_weights: Path, loss: Any) -> None:
    loss.prepare(SPEC)
    assert not list(loss.parameters())
    assert not list(loss.buffers())
    assert not loss.state_dict()
    before = [parameter.clone() for parameter in vgg16()._layers.parameters()]
    forecast, target = clips(1, 1, 1, 16, 16)
    loss(forecast, target).backward()
    assert forecast.grad is not None
    for parameter, value in zip(vgg16()._layers.parameters(), before, strict=True):
        assert parameter.grad is None
        assert torch.equal(parameter, value)


@pytest.mark.parametrize("loss", [perceptual(), LpipsLoss(LpipsLossConfig())])
def test_a_network_that_an_evaluation_read_first_can_be_trained_through(
    random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: Any
) -> None:
    for path in random_weights.iterdir():  # files that nobody has read yet
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("FRAMECAST_WEIGHTS", str(tmp_path))
    forecast, target = clips(1, 1, 1, 16, 16)
    with torch.inference_mode():
        for dtype in (torch.float32, torch.float64):
            loss(forecast.detach().to(dtype), target.to(dtype))
    for dtype in (torch.float32, torch.float64):
        loss(forecast.to(dtype), target.to(dtype)).backward()
    assert forecast.grad is not None


def test_a_loss_can_be_copied_and_sent_to_another_process(random_weights: Path) -> None:
    forecast, target = clips(1, 1, 1, 16, 16)
    loss = perceptual()
    loss.prepare(SPEC)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert other(forecast, target) == loss(forecast, target)


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("loss", [perceptual(layers=("relu5_3",)), LpipsLoss(LpipsLossConfig())])
def test_gradients_are_finite_where_no_feature_answers(random_weights: Path, loss: Any, value: float) -> None:
    flat = torch.full((1, 2, 1, 32, 32), value)
    forecast = flat.clone().requires_grad_()
    found = loss(forecast, flat)
    assert found == 0
    found.backward()
    assert forecast.grad is not None
    assert forecast.grad.isfinite().all()


def test_building_a_loss_needs_no_weights_and_preparing_it_does(no_weights: Path) -> None:
    total = build_loss({"bce": 10, "perceptual": 0.1, "lpips": {"net": "alex"}})
    with pytest.raises(NotAvailableError) as caught:
        total.losses["perceptual"].prepare(SPEC)
    assert str(caught.value) == (
        "The loss 'perceptual' needs the weights 'vgg16' (vgg16-397923af.pth, 553.4 MB), which are not here; "
        "'framecast weights vgg16 --fetch' will download them, or put them into a folder and name that in "
        "FRAMECAST_WEIGHTS; to train without this loss: --set loss.perceptual=false."
    )
    with pytest.raises(NotAvailableError, match=r"'alexnet' .* and 'lpips-alex' \(lpips_alex.pth, 6.0 kB\)"):
        total.losses["lpips"].prepare(SPEC)
    assert not no_weights.exists()


def test_weights_can_be_named(random_weights: Path, no_weights: Path, tmp_path: Path) -> None:
    forecast, target = clips(1, 1, 1, 32, 32)
    vgg, linear = str(random_weights / "vgg16-397923af.pth"), str(random_weights / "lpips_vgg.pth")
    for loss in (perceptual(weights=vgg), LpipsLoss(LpipsLossConfig(weights=vgg, linear=linear))):
        loss.prepare(SPEC)
        assert loss(forecast, target) > 0
    loss = perceptual(weights=str(tmp_path / "mine.pth"))
    with pytest.raises(NotAvailableError, match=r"There is no file '.*mine\.pth' with the weights 'vgg16'"):
        loss.prepare(SPEC)


@pytest.mark.parametrize(
    ("loss", "smallest"),
    [
        (perceptual(), 4),
        (perceptual(layers=("relu5_1",)), 16),
        (LpipsLoss(LpipsLossConfig()), 16),
        (LpipsLoss(LpipsLossConfig(net="alex")), 31),
    ],
)
def test_frames_that_are_too_small_are_refused_before_training(random_weights: Path, loss: Any, smallest: int) -> None:
    for size, fits in ((smallest, True), (smallest - 1, False)):
        spec = ClipSpec(context=1, horizon=1, channels=1, height=40, width=size)
        if fits:
            loss.prepare(spec)
            continue
        message = rf"at least {smallest}x{smallest} pixels for the layer relu\S+, found frames of 40x{size}"
        with pytest.raises(ConfigurationError, match=message):
            loss.prepare(spec)
        with pytest.raises(ConfigurationError, match=message):
            loss(*clips(1, 1, 1, 40, size))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"layers": ["relu2_2", "relu6_1"]}, "layers must name different activations, found relu2_2, relu6_1; choose"),
        ({"layers": ["relu2_2", "relu2_2"]}, "different"),
        ({"layers": []}, "found none"),
        ({"normalise": "yes"}, "normalise"),
    ],
)
def test_settings_that_do_not_fit_are_refused(section: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_loss({"perceptual": section})


def test_false_leaves_a_loss_out() -> None:
    total = build_loss({"bce": 10, "perceptual": False})
    assert list(total.losses) == ["bce"]
    with pytest.raises(ConfigurationError, match="nothing to train on"):
        build_loss({"bce": False})
    with pytest.raises(ConfigurationError, match="did you mean 'perceptual'"):
        build_loss({"bce": 1, "percepual": False})
