"""LPIPS against its formula, computed step by step without our code, and the networks against Keras's.

Weights are random: the mathematics is under test, not the taste. Axes: N images, C channels, H height, W width; clips
B T C H W.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from framecast.frames.errors import NotAvailableError
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.features.alexnet import alexnet, alexnet_layers
from framecast.metrics.features.lpips import TAPS, Net, of_length_one, perceptual_distance
from framecast.metrics.features.network import as_colour
from framecast.metrics.features.vgg import BLOCKS, VGG16_TAPS, vgg16, vgg16_layers
from framecast.metrics.lpips import LearnedPerceptualSimilarity
from framecast.metrics.preparation import clip_forecast

NETS: tuple[Net, ...] = ("alex", "vgg")
NAMES = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth"}
MEAN = torch.tensor([-0.030, -0.088, -0.188], dtype=torch.float64)[:, None, None]
DEVIATION = torch.tensor([0.458, 0.448, 0.450], dtype=torch.float64)[:, None, None]
"""What the published code subtracts from and divides images in [-1, 1] by."""


def images(num: int = 2, size: int = 40, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand(num, 3, size, size + 3, generator=generator)
    return first, (first + 0.3 * torch.randn(first.shape, generator=generator)).clamp(0, 1)


def activations(net: Net, weights: dict[str, Tensor], values: Tensor) -> list[Tensor]:
    """The five layers that LPIPS looks at, from the papers' descriptions, in float64."""
    weights = {name: value.double() for name, value in weights.items()}
    found: list[Tensor] = []
    if net == "vgg":
        position = 0
        for block in BLOCKS:
            for _ in block:
                kernel, bias = weights[f"features.{position}.weight"], weights[f"features.{position}.bias"]
                values = F.conv2d(values, kernel, bias, padding=1).relu()
                position += 2
            found.append(values)
            values = F.max_pool2d(values, 2)
            position += 1
        return found
    for position, stride, padding, pooled in ((0, 4, 2, 0), (3, 1, 2, 1), (6, 1, 1, 1), (8, 1, 1, 0), (10, 1, 1, 0)):
        if pooled:
            values = F.max_pool2d(values, 3, 2)
        kernel, bias = weights[f"features.{position}.weight"], weights[f"features.{position}.bias"]
        values = F.conv2d(values, kernel, bias, stride=stride, padding=padding).relu()
        found.append(values)
    return found


def by_formula(folder: Path, net: Net, first: Tensor, second: Tensor, *, spatial: bool = False) -> np.ndarray:
    """Equation 1 of the paper for images as the network is shown them, in NumPy but for the convolutions."""
    weights = torch.load(folder / NAMES[net], weights_only=True)
    linear = torch.load(folder / f"lpips_{net}.pth", weights_only=True)
    shown = [(image.double() - MEAN) / DEVIATION for image in (first, second)]
    total = np.zeros(len(first))
    for number, layers in enumerate(zip(*(activations(net, weights, image) for image in shown), strict=True)):
        one, two = (layer.numpy() for layer in layers)
        one, two = (layer / np.sqrt((layer**2).sum(axis=1, keepdims=True)) for layer in (one, two))
        channel = linear[f"lin{number}.model.1.weight"].numpy().astype(np.float64).reshape(1, -1, 1, 1)
        map_ = (channel * (one - two) ** 2).sum(axis=1, keepdims=True)
        if spatial:
            enlarged = torch.nn.Upsample(size=first.shape[-2:], mode="bilinear", align_corners=False)
            map_ = enlarged(torch.from_numpy(map_)).numpy()
        total += map_.mean(axis=(1, 2, 3))
    return total


def scores(metric: LearnedPerceptualSimilarity, *batch: Tensor | None) -> dict[str, Any]:
    convention = Convention(name="one", summary="", source="", metrics=(metric,), prepare=clip_forecast)
    accumulator = Accumulator(convention)
    forecast, target, *mask = batch
    assert forecast is not None
    assert target is not None
    accumulator.update(forecast, target, *mask)
    found = accumulator.scores()
    return {"value": found.overall["lpips"], "per_lead": found.per_lead["lpips"], "rows": accumulator.per_clip}


def clips(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    target = (torch.rand(shape, generator=generator) * 2 - 0.5).clamp(0, 1)
    return target + 0.2 * torch.randn(shape, generator=generator), target


@pytest.mark.parametrize("spatial", [False, True])
@pytest.mark.parametrize("net", NETS)
def test_it_is_the_formula_of_the_paper(random_weights: Path, net: Net, spatial: bool) -> None:
    first, second = images()
    signed = [2 * image.double() - 1 for image in (first, second)]
    expected = by_formula(random_weights, net, *signed, spatial=spatial)
    found = perceptual_distance(net).between(first, second, spatial=spatial)
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-5)
    exact = perceptual_distance(net).between(first.double(), second.double(), spatial=spatial)
    np.testing.assert_allclose(exact.numpy(), expected, rtol=1e-9)


def test_enlarged_maps_have_another_mean(random_weights: Path) -> None:
    first, second = images()
    distance = perceptual_distance("alex")
    assert not torch.allclose(distance.between(first, second), distance.between(first, second, spatial=True))


@pytest.mark.parametrize("net", NETS)
def test_images_as_they_are_have_no_distance(random_weights: Path, net: Net) -> None:
    first, second = images()
    distance = perceptual_distance(net)
    assert distance.between(first, first).tolist() == [0.0, 0.0]
    assert distance.between(first, second).min() > 0.01


def test_vgg16_is_that_of_keras(random_weights: Path, keras: Any) -> None:
    network = vgg16()
    theirs = keras.applications.VGG16(include_top=False, weights=None, input_shape=(None, None, 3))
    state = torch.load(random_weights / NAMES["vgg"], weights_only=True)
    convolutions = [layer for layer in theirs.layers if "conv" in layer.name]
    positions = sorted({int(name.split(".")[1]) for name in state})
    for layer, position in zip(convolutions, positions, strict=True):
        kernel = state[f"features.{position}.weight"].permute(2, 3, 1, 0)  # Keras: H, W, in, out
        layer.set_weights([kernel.numpy(), state[f"features.{position}.bias"].numpy()])
    taps = {
        f"relu{block}_{number}": f"block{block}_conv{number}"
        for block, widths in enumerate(BLOCKS, start=1)
        for number in range(1, len(widths) + 1)
    }
    assert tuple(taps) == VGG16_TAPS
    tapped = keras.Model(theirs.inputs, [theirs.get_layer(name).output for name in taps.values()])
    first, _ = images(size=33)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        outputs = tapped((first.permute(0, 2, 3, 1) - mean) / deviation)
    for ours, keras_output in zip(network.features(first, VGG16_TAPS), outputs, strict=True):
        expected = keras_output.detach().permute(0, 3, 1, 2)
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_the_networks_have_the_published_numbers_of_weights() -> None:
    counts = [
        sum(value.numel() for value in layers.state_dict().values()) for layers, _ in (vgg16_layers(), alexnet_layers())
    ]
    assert counts == [14_714_688, 2_469_696]  # without their classifiers


@pytest.mark.parametrize(
    ("network", "taps", "size"),
    [
        (vgg16, ("relu1_2",), 1),
        (vgg16, ("relu2_2", "relu3_3"), 4),
        (vgg16, TAPS["vgg"], 16),
        (alexnet, TAPS["alex"], 31),
    ],
)
def test_the_smallest_images_are_those_that_just_fit(
    random_weights: Path, network: Any, taps: tuple[str, ...], size: int
) -> None:
    looking = network()
    assert looking.smallest(taps) == size
    assert all(layer.numel() > 0 for layer in looking.features(torch.rand(1, 3, size, size), taps))
    if size > 1:
        with pytest.raises(RuntimeError, match="too small"):
            looking.features(torch.rand(1, 3, size - 1, size), taps)


def test_a_network_is_frozen(random_weights: Path) -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    (features,) = vgg16().features(image, ("relu2_2",))
    features.sum().backward()
    assert image.grad is not None
    for layer in vgg16()._copy_for(image).parameters():
        assert not layer.requires_grad
        assert layer.grad is None


def test_grey_is_repeated_and_other_channels_are_looked_at_one_by_one() -> None:
    frames = torch.arange(2 * 3 * 4.0).reshape(2, 3, 2, 2)
    assert as_colour(frames) is frames
    assert torch.equal(as_colour(frames[:, :1]), frames[:, :1].expand(-1, 3, -1, -1))
    two = as_colour(frames[:, :2])
    assert two.shape == (4, 3, 2, 2)
    assert torch.equal(two[:, 0].reshape(2, 2, 2, 2), frames[:, :2])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_metric_is_the_mean_over_frames(random_weights: Path, channels: int) -> None:
    forecast, target = clips(2, 2, channels, 32, 35)
    found = scores(LearnedPerceptualSimilarity(), forecast, target)["value"]
    shown = [as_colour(frames.flatten(0, 1)) for frames in (forecast.clamp(0, 1), target)]
    expected = by_formula(random_weights, "alex", 2 * shown[0] - 1, 2 * shown[1] - 1).mean()
    assert found == pytest.approx(expected, rel=2e-5)


def test_the_variants_are_those_of_the_code_bases(random_weights: Path) -> None:
    forecast, target = clips(1, 2, 1, 32, 33)
    grey = [frames.clamp(0, 1).flatten(0, 1).expand(-1, 3, -1, -1) for frames in (forecast, target)]
    signed = [2 * image - 1 for image in grey]
    for metric, expected in (
        (LearnedPerceptualSimilarity(net="vgg"), by_formula(random_weights, "vgg", *signed)),
        (LearnedPerceptualSimilarity(inputs="unit"), by_formula(random_weights, "alex", *grey)),
        (
            LearnedPerceptualSimilarity(spatial=True, factor=100.0),
            100 * by_formula(random_weights, "alex", *signed, spatial=True),
        ),
    ):
        assert scores(metric, forecast, target)["value"] == pytest.approx(expected.mean(), rel=2e-5)


def test_variants_can_stand_in_one_convention(random_weights: Path) -> None:
    variants = [
        LearnedPerceptualSimilarity(name=f"{net}{inputs}{spatial}", net=net, inputs=inputs, spatial=spatial)
        for net in NETS
        for inputs in ("signed", "unit")
        for spatial in (False, True)
    ]
    accumulator = Accumulator(Convention(name="all", summary="", source="", metrics=tuple(variants)))
    accumulator.update(*clips(1, 1, 1, 34, 37))
    values = accumulator.scores().overall
    assert len(set(values.values())) == len(variants) == 8


def test_batches_cannot_change_a_bit(random_weights: Path) -> None:
    forecast, target = clips(3, 2, 1, 33, 32)
    whole = scores(LearnedPerceptualSimilarity(), forecast, target)["rows"]
    for clip in range(3):
        alone = scores(LearnedPerceptualSimilarity(), forecast[clip : clip + 1], target[clip : clip + 1])["rows"]
        for name, rows in alone.items():
            np.testing.assert_array_equal(rows[0], whole[name][clip])


def test_the_precision_of_the_caller_does_not_reach_it(random_weights: Path) -> None:
    forecast, target = clips(1, 1, 1, 32, 32)
    plain = scores(LearnedPerceptualSimilarity(), forecast, target)["value"]
    before = torch.backends.cudnn.conv.fp32_precision
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        assert scores(LearnedPerceptualSimilarity(), forecast, target)["value"] == plain
    assert torch.backends.cudnn.conv.fp32_precision == before


def test_missing_pixels_have_no_influence_and_missing_frames_do_not_count(random_weights: Path) -> None:
    forecast, target = clips(2, 2, 1, 32, 32)
    mask = torch.ones(target.shape, dtype=torch.bool)
    mask[0, 0] = False
    mask[:, 1, :, 4:9, 2:20] = False
    spoilt = scores(LearnedPerceptualSimilarity(), torch.where(mask, forecast, torch.nan), target, mask)
    again = scores(LearnedPerceptualSimilarity(), torch.where(mask, forecast, 0.3), target * mask, mask)
    assert spoilt["value"] == again["value"]
    alone = scores(LearnedPerceptualSimilarity(), forecast[1:, :1], target[1:, :1])
    assert spoilt["per_lead"][0] == pytest.approx(alone["value"], rel=1e-12)
    whole = scores(LearnedPerceptualSimilarity(), forecast, target, torch.ones_like(mask))
    assert whole["value"] == scores(LearnedPerceptualSimilarity(), forecast, target)["value"]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_value_that_is_not_finite_spoils_its_frame_only(random_weights: Path, value: float) -> None:
    forecast, target = clips(2, 2, 1, 32, 32)
    forecast[1, 1, 0, 3, 3] = value
    found = scores(LearnedPerceptualSimilarity(), forecast, target)["per_lead"]
    assert np.isnan(found).tolist() == [False, True]


@pytest.mark.parametrize(("net", "size"), [("alex", 30), ("vgg", 15)])
def test_frames_that_are_too_small_have_no_value(random_weights: Path, net: Net, size: int) -> None:
    forecast, target = clips(1, 2, 1, size, 40)
    assert np.isnan(scores(LearnedPerceptualSimilarity(net=net), forecast, target)["value"])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_frames_have_values(random_weights: Path, value: float) -> None:
    flat = torch.full((1, 1, 1, 32, 32), value)
    assert scores(LearnedPerceptualSimilarity(), flat, flat)["value"] == 0
    assert scores(LearnedPerceptualSimilarity(), 1 - flat, flat)["value"] > 0


def test_features_of_length_zero_have_a_distance_and_no_infinite_slope() -> None:
    features = torch.zeros(1, 4, 1, 2)
    features[0, :, 0, 1] = torch.tensor([3.0, 0.0, 4.0, 0.0])
    features.requires_grad_()
    found = of_length_one(features, 1e-4)
    assert found[0, :, 0, 0].tolist() == [0.0] * 4
    assert found[0, :, 0, 1].tolist() == pytest.approx([0.6, 0.0, 0.8, 0.0])
    found.sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_without_weights_it_says_how_to_get_them(no_weights: Path) -> None:
    reason = LearnedPerceptualSimilarity().unavailable()
    assert reason is not None
    for part in (
        "'alexnet'",
        "alexnet-owt-7be5be79.pth, 244.4 MB",
        "framecast weights alexnet --fetch",
        "'lpips-alex'",
        "FRAMECAST_WEIGHTS",
    ):
        assert part in reason
    with pytest.raises(NotAvailableError, match="framecast weights alexnet --fetch"):
        perceptual_distance("alex")


def test_with_weights_it_is_available(random_weights: Path) -> None:
    assert LearnedPerceptualSimilarity().unavailable() is None
    assert LearnedPerceptualSimilarity(net="vgg").unavailable() is None


@pytest.mark.parametrize("broken", [NAMES["alex"], "lpips_alex.pth"])
def test_with_weights_that_cannot_be_read_it_is_not_available(
    no_weights: Path, random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    for path in random_weights.iterdir():
        (tmp_path / path.name).write_bytes(b"half a download" if path.name == broken else path.read_bytes())
    monkeypatch.setenv("FRAMECAST_WEIGHTS", str(tmp_path))
    reason = LearnedPerceptualSimilarity().unavailable()
    assert reason is not None
    assert f"{broken}' cannot be read as weights" in reason
    assert "'framecast weights' compares files" in reason
    assert LearnedPerceptualSimilarity(net="vgg").unavailable() is None


def test_safetensors_and_bare_names_do_as_well(random_weights: Path, tmp_path: Path) -> None:
    state = torch.load(random_weights / NAMES["alex"], weights_only=True)
    path = tmp_path / "alexnet-owt-7be5be79.safetensors"
    save_file({name.removeprefix("features."): value for name, value in state.items()}, path)
    first, _ = images(1)
    mine, theirs = (network.features(first, TAPS["alex"]) for network in (alexnet(str(path)), alexnet()))
    assert all(torch.equal(one, two) for one, two in zip(mine, theirs, strict=True))


class _Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("evil"),))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"features.0.weight": torch.zeros(2)}, r"'features.0.weight' has the shape \(2,\), not \(64, 3, 11, 11\)"),
        ({"features.9.weight": torch.zeros(2)}, "'features.0.weight' is missing"),
        ([torch.zeros(2)], "does not hold the named tensors"),
        ({"features.0.weight": _Evil()}, "cannot be read as weights"),
        (b"no weights at all", "cannot be read as weights"),
        (None, "There is no file .* with the weights"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "mine.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(NotAvailableError, match=message):
        alexnet(str(path))
    assert not Path("evil").exists()


def test_a_broken_file_of_safetensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    with pytest.raises(NotAvailableError, match="cannot be read as weights"):
        vgg16(str(path))
