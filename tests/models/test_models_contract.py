"""What every model promises, walked over the table of models."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from framecast.forecasting.roll_out import roll_out
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.models.building import build_model
from framecast.models.model import Model
from framecast.models.table import MODELS

CONTEXT = 4

# A small form of every model, and of each of its ways to forecast.
SMALL: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "convlstm": (
        {"hidden": [4, 3], "kernel_size": [5, 3], "patch": 2},
        {"hidden": [3], "kernel_size": 3, "patch": 4, "peepholes": False, "output": "sigmoid"},
        {"hidden": [3], "kernel_size": 3, "patch": 2, "residual": True},
    ),
    "convlstm_autoregressive": (
        {"hidden": [4, 3], "kernel_size": [5, 3], "patch": 2},
        {"hidden": [3], "kernel_size": 3, "bias": True, "peepholes": True, "output": "sigmoid", "initial_output": 0.3},
    ),
    "convlstm_stack": (
        {"objective": "next_frame", "filters": [4, 3], "kernel_sizes": [3, 1], "peepholes": True},
        {"objective": "next_frame", "filters": [4], "activation": "relu", "causal_head": False, "output": "linear"},
        {"objective": "direct", "filters": [3, 3], "batch_norm": False},
    ),
}
CASES = [pytest.param(name, options, id=f"{name}-{n}") for name in SMALL for n, options in enumerate(SMALL[name])]


def make(name: str, options: Mapping[str, Any], *, channels: int = 1, height: int = 8, width: int = 8, **spec_of: Any):
    """The model in eval mode, after one forward in training mode: running statistics are not at their start."""
    spec = ClipSpec(context=CONTEXT, horizon=2, channels=channels, height=height, width=width, **spec_of)
    model = build_model(name, options, spec)
    with torch.no_grad():
        model(frames_like(model), 2)
    return model.eval()


def frames_like(model: Model, *, batch: int = 2, context: int = CONTEXT, seed: int = 1) -> Tensor:
    spec = model.spec
    shape = (batch, context, spec.channels, spec.height, spec.width)
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def tensors(forecast: Forecast) -> list[Tensor]:
    return [forecast.frames] if forecast.one_step is None else [forecast.frames, forecast.one_step]


def test_every_model_of_the_table_is_tested() -> None:
    assert set(SMALL) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_settings_have_defaults_and_say_what_they_are(name: str) -> None:
    config_class = MODELS.load(name).config_class
    config = config_class()
    assert fields(config)
    spec = ClipSpec(context=2, horizon=1, channels=1, height=8, width=8)
    with torch.device("meta"):
        assert build_model(name, None, spec).config == build_model(name, config, spec).config == config


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 8, 8), (3, 13, 17), (1, 1, 2)])
def test_shapes(name: str, options: Mapping[str, Any], channels: int, height: int, width: int) -> None:
    model = make(name, options, channels=channels, height=height, width=width)
    for context, horizon in [(CONTEXT, 1), (CONTEXT, 4), (6, 2), (1, 1), (2, 9)]:
        if model.objective == "direct" and horizon > context:
            continue
        frames = frames_like(model, context=context)
        forecast = model(frames, horizon)
        assert forecast.frames.shape == (2, horizon, channels, height, width)
        assert forecast.frames.dtype == torch.float32
        assert all(values.isfinite().all() for values in tensors(forecast))
        if model.objective == "next_frame" and context > 1:
            assert forecast.one_step is not None
            assert forecast.one_step.shape == (2, context - 1, channels, height, width)
        else:
            assert forecast.one_step is None


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_longer_horizon_begins_with_the_shorter(name: str, options: Mapping[str, Any]) -> None:
    model = make(name, options)
    frames = frames_like(model)
    torch.testing.assert_close(model(frames, 4).frames[:, :2], model(frames, 2).frames)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_channels_that_are_not_forecast_stay_as_they_were_last(name: str, options: Mapping[str, Any]) -> None:
    model = make(name, options, channels=3, forecast_channels=(0, 2))
    frames = frames_like(model)
    with torch.no_grad():
        before = roll_out(model, frames, 5)
        handle = model.value_range.register_forward_hook(
            lambda _, inputs, out: out + torch.tensor([0, 9, 0]).view(3, 1, 1)
        )
        after = roll_out(model, frames, 5)
        handle.remove()
    assert not torch.equal(before[:, :, 1], after[:, :, 1]), "the hook changes what is written there"
    torch.testing.assert_close(before[:, :, [0, 2]], after[:, :, [0, 2]])


@pytest.mark.parametrize(("name", "options"), CASES)
def test_every_parameter_has_a_gradient(name: str, options: Mapping[str, Any]) -> None:
    model = make(name, options).train()
    forecast = model(frames_like(model), 2)
    sum((values * torch.rand_like(values)).sum() for values in tensors(forecast)).backward()  # type: ignore[union-attr]
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, f"{parameter_name} is never used"
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any(), f"{parameter_name} changes nothing"


@pytest.mark.parametrize(("name", "options"), CASES)
def test_clips_of_a_batch_do_not_see_each_other(name: str, options: Mapping[str, Any]) -> None:
    model = make(name, options)
    frames = frames_like(model, batch=3)
    poisoned = frames.clone()
    poisoned[1] = torch.nan
    for clean, beside_poison in zip(tensors(model(frames, 3)), tensors(model(poisoned, 3)), strict=True):
        assert beside_poison[1].isnan().all()
        assert torch.equal(clean[[0, 2]], beside_poison[[0, 2]])


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_forecast_depends_on_its_context(name: str, options: Mapping[str, Any]) -> None:
    model = make(name, options)
    frames = frames_like(model)
    for time in range(CONTEXT):
        changed = frames.clone()
        changed[:, time] = 1 - changed[:, time]
        assert not torch.equal(model(frames, CONTEXT).frames, model(changed, CONTEXT).frames)


def earliest_change(model: Model, time: int) -> int:
    """The first one-step output that differs when context frames from ``time`` on are others."""
    frames = frames_like(model, context=6)
    changed = frames.clone()
    changed[:, time:] = torch.rand_like(changed[:, time:])
    before, after = model(frames, 1).one_step, model(changed, 1).one_step
    assert before is not None
    assert after is not None
    differs = (before != after).flatten(2).any(dim=2).any(dim=0)
    return int(differs.nonzero()[0])


@pytest.mark.parametrize(("name", "options"), CASES)
def test_one_step_forecasts_are_causal_or_say_that_they_are_not(name: str, options: Mapping[str, Any]) -> None:
    model = make(name, options)
    if model.objective != "next_frame":
        assert not model.caveats()
        return
    # Output t (0-based) predicts frame t + 1 from frames 0 .. t, so frame 3 may first matter to output 3.
    if model.caveats():
        assert earliest_change(model, 3) < 3, "the caveat is not true"
    else:
        assert earliest_change(model, 3) == 3


@pytest.mark.parametrize(("name", "options"), CASES)
def test_nothing_is_carried_from_call_to_call(name: str, options: Mapping[str, Any]) -> None:
    model = make(name, options)
    frames = frames_like(model)
    first = tensors(model(frames, 3))
    model(frames_like(model, batch=1, context=3, seed=7), 1)
    assert all(torch.equal(one, other) for one, other in zip(first, tensors(model(frames, 3)), strict=True))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_weights_save_and_load(name: str, options: Mapping[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = make(name, options)
    torch.manual_seed(2)
    other = make(name, options)
    frames = frames_like(model)
    assert not torch.equal(model(frames, 2).frames, other(frames, 2).frames)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(model(frames, 2).frames, other(frames, 2).frames)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_bfloat16_is_close_to_float32(name: str, options: Mapping[str, Any]) -> None:
    model = make(name, options)
    frames = frames_like(model)
    exact = tensors(model(frames, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = tensors(model(frames, 3))
    for one, other in zip(exact, rounded, strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        torch.testing.assert_close(one, other, atol=0.03, rtol=0)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_sigmoid_keeps_to_the_range_of_each_channel(name: str, options: Mapping[str, Any]) -> None:
    spec = ClipSpec(context=4, horizon=2, channels=2, height=8, width=8, low=(-1.0, 5.0), high=(1.0, 6.0))
    if options.get("residual"):
        pytest.skip("adds to the last frame, which a sigmoid cannot")
    model = build_model(name, {**options, "output": "sigmoid", "initial_output": 0.25}, spec).eval()
    frames = model(torch.rand(2, 4, 2, 8, 8), 2).frames
    torch.testing.assert_close(frames.mean(dim=(0, 1, 3, 4)), torch.tensor([-0.5, 5.25]), atol=0.2, rtol=0)
    for weight in model.parameters():
        weight.data.mul_(30)
    frames = model(torch.rand(2, 4, 2, 8, 8), 2).frames
    low, high = frames.amin(dim=(0, 1, 3, 4)), frames.amax(dim=(0, 1, 3, 4))
    assert (low >= torch.tensor(spec.low)).all()
    assert (high <= torch.tensor(spec.high)).all()
