"""The autoregressive ConvLSTM: its published size, its steps against the equations, and what a teacher changes."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.frames.teacher import Teacher
from framecast.models.building import build_model
from framecast.models.convlstm_autoregressive import AutoregressiveConvLSTM, AutoregressiveConvLSTMConfig
from framecast.models.counting import macs_per_frame, parameter_count
from framecast.models.layers.recurrence import RecurrenceConfig, set_recurrence

CONTEXT, HORIZON = 3, 4
INPUTS = CONTEXT + HORIZON - 1


def make(*, channels: int = 2, height: int = 8, width: int = 6, **options: Any) -> AutoregressiveConvLSTM:
    """A small one with weights so large that every input matters to every later output."""
    spec = ClipSpec(context=CONTEXT, horizon=HORIZON, channels=channels, height=height, width=width)
    small: dict[str, Any] = {"hidden": (4, 3), "kernel_size": (5, 3), "patch": 2}
    model = AutoregressiveConvLSTM(AutoregressiveConvLSTMConfig(**small | options), spec)
    generator = torch.Generator().manual_seed(5)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3, generator=generator)
    return model


def clips(model: AutoregressiveConvLSTM, *, batch: int = 2, seed: int = 1) -> Tensor:
    """(B, T, C, H, W): the inputs of a clip, so all frames but the last."""
    spec = model.spec
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, INPUTS, spec.channels, spec.height, spec.width, generator=generator)


def assert_near(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=2e-5)


def mask_of(*rows: str) -> Tensor:
    """One row for each clip; ``#`` is the truth."""
    return torch.tensor([[entry == "#" for entry in row] for row in rows])[:, :, None, None, None]


def outputs(model: AutoregressiveConvLSTM, inputs: Tensor, mask: Tensor | None) -> Tensor:
    """Frames 2 .. K + M, in training."""
    teacher = None if mask is None else Teacher(inputs, mask)
    return model.train()(inputs[:, :CONTEXT], HORIZON, teacher=teacher).outputs


def by_the_equations(model: AutoregressiveConvLSTM, inputs: Tensor, mask: Tensor) -> Tensor:
    """Clip by clip, step by step, layer by layer; nothing is shared with the model but its weights."""
    patch, config = model.patch, model.config
    frames: list[Tensor] = []
    for clip, true in zip(inputs, mask[:, :, 0, 0, 0].tolist(), strict=True):
        size = (clip.shape[-2] // patch, clip.shape[-1] // patch)
        hidden = [torch.zeros(1, channels, *size) for channels in config.hidden]
        cells = [torch.zeros(1, channels, *size) for channels in config.hidden]
        written: list[Tensor] = []
        for time in range(INPUTS):
            seen = clip[time] if true[time] else written[-1]
            # (C, H, W) -> (C * P * P, H / P, W / P)
            below = seen.unfold(1, patch, patch).unfold(2, patch, patch).permute(0, 3, 4, 1, 2).flatten(0, 2)[None]
            for number, layer in enumerate(model.layers):
                weights: Any = layer
                half = weights.input_conv.kernel_size[0] // 2
                gates = F.conv2d(below, weights.input_conv.weight, weights.input_conv.bias, padding=half)
                gates = gates + F.conv2d(hidden[number], weights.recurrent_conv.weight, padding=half)
                i, f, g, o = gates.split(config.hidden[number], dim=1)
                f = f if config.bias else f + config.forget_bias
                cells[number] = f.sigmoid() * cells[number] + i.sigmoid() * g.tanh()
                hidden[number] = below = o.sigmoid() * cells[number].tanh()
            numbers = F.conv2d(below, model.head.weight, model.head.bias)[0]
            rows = numbers.view(-1, patch, patch, *size).permute(0, 3, 1, 4, 2)
            written.append(rows.reshape(clip.shape[1:]))
        frames.append(torch.stack(written))
    return torch.stack(frames)


def test_the_published_network_has_the_published_size() -> None:
    spec = ClipSpec(context=10, horizon=10, channels=1, height=64, width=64)
    with torch.device("meta"):
        model = AutoregressiveConvLSTM(AutoregressiveConvLSTMConfig(), spec)
    count = parameter_count(model)
    assert count.trainable == count.total == 11_675_648
    assert not any(name.endswith("bias") for name, _ in model.named_parameters())
    # The benchmark counts 56.79 G for one pass. It convolves the zeros before the first frame too, which is left out
    # here: 128 -> 512 channels, 5 x 5, at 16 x 16 places, in each of four layers.
    zeros = 4 * 128 * 512 * 25 * 256
    assert round((10 * macs_per_frame(model) + zeros) / 1e9, 2) == 56.79


@pytest.mark.parametrize(
    "options",
    [{}, {"forget_bias": 1.0}, {"bias": True, "forget_bias": 0.5}, {"initial_output": 0.3}],
    ids=["published", "constant-forget-bias", "bias", "head-bias"],
)
@pytest.mark.parametrize(
    "rows", [("######", "######"), ("###...", "###..."), ("###.#.", "####.."), ("#.#.#.", "##.#..")]
)
def test_every_step_is_what_the_equations_say(options: Mapping[str, Any], rows: tuple[str, ...]) -> None:
    model = make(**options)
    inputs, mask = clips(model), mask_of(*rows)
    assert_near(outputs(model, inputs, mask), by_the_equations(model, inputs, mask))


def test_without_a_teacher_the_horizon_follows_from_forecasts_alone() -> None:
    model = make()
    inputs = clips(model)
    expected = by_the_equations(model, inputs, mask_of("###...", "###..."))
    for forecast in (model.train()(inputs[:, :CONTEXT], HORIZON), model.eval()(inputs[:, :CONTEXT], HORIZON)):
        assert forecast.one_step is not None
        assert_near(forecast.one_step, expected[:, : CONTEXT - 1])
        assert_near(forecast.frames, expected[:, CONTEXT - 1 :])
    taught = outputs(model, inputs, mask_of("###...", "###..."))
    assert_near(taught, model(inputs[:, :CONTEXT], HORIZON).outputs)


def test_a_teacher_that_always_tells_gives_one_step_forecasts() -> None:
    model = make()
    inputs = clips(model)
    taught = outputs(model, inputs, mask_of("######", "######"))
    assert_near(taught, model(inputs, 1).outputs)
    assert not torch.allclose(taught[:, CONTEXT:], model(inputs[:, :CONTEXT], HORIZON).outputs[:, CONTEXT:], atol=1e-3)


def test_every_clip_has_a_mask_of_its_own() -> None:
    model = make()
    inputs, rows = clips(model, batch=3), ("#.####", "###.#.", "##.#.#")
    together = outputs(model, inputs, mask_of(*rows))
    for clip, row in enumerate(rows):
        alone = outputs(model, inputs[clip : clip + 1], mask_of(row))
        assert_near(together[clip : clip + 1], alone)


@settings(max_examples=25, deadline=None)
@given(row=st.lists(st.booleans(), min_size=INPUTS - 1, max_size=INPUTS - 1))
def test_the_truth_is_read_where_the_mask_says_so_and_nowhere_else(row: list[bool]) -> None:
    model, true = make(), [True, *row]
    inputs = clips(model, batch=1)
    mask = torch.tensor([true])[:, :, None, None, None]
    before = outputs(model, inputs, mask)
    for time in range(INPUTS):
        changed = inputs.clone()
        changed[:, time] = 1 - changed[:, time]
        differs = (outputs(model, changed, mask) != before).flatten(2).any(dim=2)[0].tolist()
        # Output t comes from inputs 0 .. t, and with forgetting between 0 and 1 no later one is free of them.
        assert differs == [true[time] and output >= time for output in range(INPUTS)]


def test_gradients_flow_back_through_forecasts() -> None:
    model = make()
    inputs = clips(model, batch=1).requires_grad_()
    for row, reached in (
        ("###...", [1, 1, 1, 0, 0, 0]),
        ("#.....", [1, 0, 0, 0, 0, 0]),
        ("#..#..", [1, 0, 0, 1, 0, 0]),
    ):
        outputs(model, inputs, mask_of(row))[:, -1].sum().backward()
        assert inputs.grad is not None
        assert inputs.grad.flatten(2).any(dim=2)[0].int().tolist() == reached
        inputs.grad = None


def test_gradients_pass_through_forecasts_and_not_only_through_states() -> None:
    model = make(forget_bias=-1e4)  # forgets everything ...
    for name, weight in model.named_parameters():
        if "recurrent" in name:
            torch.nn.init.zeros_(weight)  # ... and so each output comes from one input
    inputs = clips(model, batch=1).requires_grad_()
    outputs(model, inputs, mask_of("#....."))[:, -1].sum().backward()
    assert inputs.grad is not None
    assert inputs.grad[:, 0].any()
    assert not inputs.grad[:, 1:].any()
    inputs.grad = None
    outputs(model, inputs, mask_of("#.#..."))[:, -1].sum().backward()
    assert inputs.grad is not None
    assert not inputs.grad[:, 0].any()  # the true third frame stands between
    assert inputs.grad[:, 2].any()


def test_a_teacher_is_for_training_alone() -> None:
    model = make().eval()
    inputs = clips(model)
    teacher = Teacher(inputs, mask_of("######", "######"))
    with pytest.raises(ValueError, match="for training alone"):
        model(inputs[:, :CONTEXT], HORIZON, teacher=teacher)
    model.train()
    for context, horizon in ((inputs[:, :CONTEXT], HORIZON + 1), (inputs[:1, :CONTEXT], HORIZON), (inputs, HORIZON)):
        with pytest.raises(ValueError, match="holds the inputs"):
            model(context, horizon, teacher=teacher)


def test_forecasts_of_any_size_are_padded_like_true_frames() -> None:
    model = make(channels=1, height=5, width=7, patch=4)
    frames = torch.rand(2, CONTEXT, 1, 5, 7)
    known = model(frames, 1).frames
    # A forecast that is handed over as a true frame leads to the same next one.
    torch.testing.assert_close(model(torch.cat([frames, known], dim=1), 1).frames, model(frames, 2).frames[:, 1:])


@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_untrained_forecasts_lie_where_they_were_asked_to(output: Any) -> None:
    spec = ClipSpec(context=3, horizon=2, channels=2, height=8, width=8, low=(0.0, -2.0), high=(1.0, 2.0))
    options = {"hidden": [4], "kernel_size": 3, "patch": 2, "output": output}
    asked = build_model("convlstm_autoregressive", {**options, "initial_output": 0.1}, spec)
    free = build_model("convlstm_autoregressive", options, spec)
    for model, places in ((asked, (0.1, -1.6)), (free, (0.0, 0.0) if output == "linear" else (0.5, 0.0))):
        torch.nn.init.zeros_(model.get_parameter("head.weight"))
        frames = model(torch.rand(1, 3, 2, 8, 8), 2).frames
        torch.testing.assert_close(frames, torch.tensor(places).view(2, 1, 1).expand_as(frames))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": []}, "at least one layer"),
        ({"hidden": [4, 0]}, "at least 1 channel"),
        ({"patch": 0}, "patch must be at least 1"),
        ({"kernel_size": 4}, "odd and positive"),
        ({"kernel_size": [3, 3]}, "4 layers need one kernel size, or 4; found 2"),
        ({"initial_output": 0.0}, "between 0 and 1 or be null"),
        ({"layers": 4}, "There is no setting 'layers'"),
    ],
)
def test_settings_that_do_not_fit_are_named(options: Mapping[str, Any], message: str) -> None:
    spec = ClipSpec(context=3, horizon=2, channels=1, height=8, width=8)
    with pytest.raises(ConfigurationError, match=message):
        build_model("convlstm_autoregressive", options, spec)


def test_truncation_cuts_the_gradient_between_forecasts_too() -> None:
    model = make()
    inputs = clips(model, batch=1).requires_grad_()
    whole = outputs(model, inputs, mask_of("######"))
    set_recurrence(model, RecurrenceConfig(truncate_steps=4), fused=False)
    cut = outputs(model, inputs, mask_of("######"))
    torch.testing.assert_close(cut, whole)
    (gradient,) = torch.autograd.grad(cut[:, -1].sum(), inputs)
    assert gradient.flatten(2).any(dim=2)[0].tolist() == [False] * 4 + [True] * 2
