"""The encoder–forecaster: published sizes, and its wiring against a plain frame-by-frame loop."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.models.building import build_model
from framecast.models.convlstm import ConvLSTM, ConvLSTMConfig
from framecast.models.counting import macs_per_frame, parameter_count
from framecast.models.layers.patches import from_patches, to_patches

SPEC = ClipSpec(context=3, horizon=2, channels=1, height=8, width=8)


@pytest.mark.parametrize(
    ("hidden", "parameters"), [((256,), 13_524_496), ((128, 128), 10_042_896), ((128, 64, 64), 7_585_296)]
)
def test_the_published_networks_have_the_published_sizes(hidden: tuple[int, ...], parameters: int) -> None:
    spec = ClipSpec(context=10, horizon=10, channels=1, height=64, width=64)
    with torch.device("meta"):
        model = ConvLSTM(ConvLSTMConfig(hidden=hidden, kernel_size=5, patch=4), spec)
    assert parameter_count(model).trainable == parameter_count(model).total == parameters


@pytest.mark.parametrize("hidden", [(4, 3, 5), (3, 3, 3)])
def test_forecaster_starts_from_the_encoder_layer_by_layer(hidden: tuple[int, ...]) -> None:
    model = ConvLSTM(ConvLSTMConfig(hidden=hidden, kernel_size=3, patch=2), SPEC).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    context = torch.rand(2, 3, 1, 8, 8)
    states: list[Any] = [None] * 3
    for time in range(3):
        below = to_patches(context[:, time : time + 1], 2)
        for place, layer in enumerate(model.encoder):
            below, states[place] = layer(below, states[place])
    leads: list[Tensor] = []
    for _ in range(4):
        below, everything = None, []
        for place, layer in enumerate(model.forecaster):
            below, states[place] = layer(below, states[place], num_steps=1)
            everything.append(below[:, 0])
        leads.append(from_patches(model.head(torch.cat(everything, dim=1))[:, None], 2, height=8, width=8))
    torch.testing.assert_close(model(context, 4).frames, torch.cat(leads, dim=1), atol=1e-5, rtol=1e-5)


def test_cost_is_what_counting_by_hand_gives() -> None:
    spec = ClipSpec(context=2, horizon=3, channels=1, height=4, width=5)
    model = ConvLSTM(ConvLSTMConfig(hidden=(3,), kernel_size=3, patch=1), spec)
    before = {name: values.clone() for name, values in model.state_dict().items()}
    positions = 4 * 5
    inputs = 2 * positions * 9 * 1 * 12
    recurrence = (1 + 3) * positions * 9 * 3 * 12  # the encoder's first step starts from nothing
    head = 3 * positions * 3 * 1
    assert macs_per_frame(model) == (inputs + recurrence + head) // 3
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    assert model.training


@settings(max_examples=25, deadline=None)
@given(patch=st.integers(1, 5), height=st.integers(1, 9), width=st.integers(1, 9), channels=st.integers(1, 3))
def test_patches_come_together_again(patch: int, height: int, width: int, channels: int) -> None:
    frames = torch.rand(2, 3, channels, height, width)
    patches = to_patches(frames, patch)
    assert patches.shape == (2, 3, channels * patch**2, -(-height // patch), -(-width // patch))
    assert torch.equal(from_patches(patches, patch, height=height, width=width), frames)
    # the padding repeats the edge: no value is new
    assert torch.isin(patches, frames).all()


@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_untrained_forecasts_lie_where_they_were_asked_to(output: Any) -> None:
    spec = ClipSpec(context=3, horizon=2, channels=2, height=8, width=8, low=(0.0, -2.0), high=(1.0, 2.0))
    model = ConvLSTM(ConvLSTMConfig(hidden=(4,), patch=2, output=output, initial_output=0.1), spec)
    torch.nn.init.zeros_(model.head.weight)
    frames = model(torch.rand(1, 3, 2, 8, 8), 2).frames
    expected = torch.tensor([0.1, -1.6]).view(2, 1, 1).expand_as(frames)
    torch.testing.assert_close(frames, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": []}, "at least one layer"),
        ({"hidden": [4, 0]}, "at least 1 channel"),
        ({"patch": 0}, "patch must be at least 1"),
        ({"kernel_size": 4}, "odd and positive"),
        ({"kernel_size": [3, 3, 3]}, "2 layers need one kernel size, or 2; found 3"),
        ({"initial_output": 1.0}, "between 0 and 1"),
        ({"output": "tanh"}, "'linear' or 'sigmoid'"),
        ({"hiden": [4]}, "did you mean 'hidden'"),
        ({"hidden": "many"}, "model.hidden"),
    ],
)
def test_settings_that_do_not_fit_are_named(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_model("convlstm", options, SPEC)


def test_an_unknown_model_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'convlstm'"):
        build_model("convltsm", None, SPEC)


def test_residual_writes_the_change_from_the_last_frame() -> None:
    spec = ClipSpec(context=3, horizon=2, channels=1, height=8, width=8)
    options = {"hidden": [3], "kernel_size": 3, "patch": 2}
    plain = build_model("convlstm", options, spec)
    residual = build_model("convlstm", {**options, "residual": True}, spec)
    residual.load_state_dict(plain.state_dict())
    context = torch.rand(2, 3, 1, 8, 8)
    change = residual(context, 2).frames - context[:, -1:]
    torch.testing.assert_close(change, plain(context, 2).frames)


def test_an_untrained_residual_is_near_the_last_frame() -> None:
    spec = ClipSpec(context=4, horizon=3, channels=1, height=16, width=16)
    model = build_model("convlstm", {"residual": True}, spec).eval()
    context = torch.rand(2, 4, 1, 16, 16)
    change = model(context, 3).frames - context[:, -1:]
    assert 0 < change.abs().max() < 0.01


def test_residual_refuses_a_sigmoid() -> None:
    spec = ClipSpec(context=3, horizon=2, channels=1, height=8, width=8)
    with pytest.raises(ConfigurationError, match="output: linear"):
        build_model("convlstm", {"residual": True, "output": "sigmoid"}, spec)
