"""Baselines: what each promises, walked over the table, and their values against numpy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from framecast.frames.batch import Batch
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError
from framecast.frames.quantity import Quantity
from framecast.models.baselines.baseline import Baseline
from framecast.models.baselines.table import BASELINES
from framecast.models.building import build_baseline

SPEC = ClipSpec(context=4, horizon=3, channels=2, height=5, width=7)


def rain(spec: ClipSpec = SPEC) -> Quantity:
    """Every baseline of the table suits it."""
    return Quantity(units="mm/h", offset=(0.0,) * spec.channels, scale=(20.0,) * spec.channels, step_seconds=300.0)


def batches(spec: ClipSpec = SPEC, count: int = 3, *, masked: bool = False) -> list[Batch]:
    shape = (2, spec.channels, spec.height, spec.width)
    made = []
    for _ in range(count):
        frames = torch.rand(shape[0], spec.context + spec.horizon, *shape[1:])
        mask = torch.rand(frames.shape) > 0.4 if masked else None
        made.append(Batch(frames[:, : spec.context], frames[:, spec.context :], mask))
    return made


def fitted(name: str, spec: ClipSpec = SPEC) -> Baseline:
    if reason := BASELINES.load(name).unavailable():
        pytest.skip(reason)
    baseline = build_baseline(name, spec, rain(spec)).eval()
    baseline.fit(batches(spec))
    return baseline


def context(spec: ClipSpec = SPEC, *, frames: int | None = None) -> Tensor:
    return torch.rand(3, frames or spec.context, spec.channels, spec.height, spec.width)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 8, 8), (3, 13, 17)])
def test_shapes(name: str, channels: int, height: int, width: int) -> None:
    spec = ClipSpec(context=4, horizon=3, channels=channels, height=height, width=width)
    baseline = fitted(name, spec)
    for num_frames, horizon in [(4, 1), (4, 3), (1, 2), (2, 20)]:
        forecast = baseline(context(spec, frames=num_frames), horizon)
        assert forecast.frames.shape == (3, horizon, channels, height, width)
        assert forecast.frames.dtype == torch.float32
        assert forecast.frames.isfinite().all()
        assert forecast.one_step is None


@pytest.mark.parametrize("name", BASELINES)
def test_clips_do_not_see_each_other_and_nothing_is_carried_over(name: str) -> None:
    baseline, frames = fitted(name), context()
    before = baseline(frames, 3).frames
    poisoned = frames.clone()
    poisoned[1] = torch.nan
    assert torch.equal(before[[0, 2]], baseline(poisoned, 3).frames[[0, 2]])
    assert torch.equal(before, baseline(frames, 3).frames)


@pytest.mark.parametrize("name", BASELINES)
def test_a_forecast_is_no_window_onto_the_context(name: str) -> None:
    baseline, frames = fitted(name), context()
    kept = frames.clone()
    baseline(frames, 3).frames.zero_()
    assert torch.equal(frames, kept)
    assert baseline(frames, 3).frames.any()


@pytest.mark.parametrize("name", BASELINES)
def test_what_was_fitted_saves_and_loads(name: str, tmp_path: Path) -> None:
    baseline, frames = fitted(name), context()
    save_file(baseline.state_dict(), tmp_path / "baseline.safetensors")
    other = build_baseline(name, SPEC, rain())
    other.load_state_dict(load_file(tmp_path / "baseline.safetensors"))
    assert torch.equal(baseline(frames, 2).frames, other(frames, 2).frames)


@pytest.mark.parametrize("name", BASELINES)
def test_autocast_changes_nothing(name: str) -> None:
    baseline, frames = fitted(name), context()
    expected = baseline(frames, 3).frames
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(baseline(frames, 3).frames, expected)


@pytest.mark.parametrize("name", BASELINES)
def test_there_is_nothing_to_train(name: str) -> None:
    assert not list(fitted(name).parameters())


def test_persistence_and_mean() -> None:
    frames = context()
    for lead in range(3):
        assert torch.equal(fitted("persistence")(frames, 3).frames[:, lead], frames[:, -1])
        torch.testing.assert_close(fitted("mean")(frames, 3).frames[:, lead], frames.mean(dim=1))


def test_linear_is_the_line_that_numpy_fits() -> None:
    frames = context(frames=5) * 0.2 + 0.4
    found = fitted("linear")(frames, 3).frames.numpy()
    pixels = frames.double().numpy().swapaxes(0, 1).reshape(5, -1)
    slope, intercept = np.polyfit(np.arange(5), pixels, deg=1)
    line = np.stack([intercept + slope * (5 + lead) for lead in range(3)]).clip(0, 1)
    np.testing.assert_allclose(found.swapaxes(0, 1).reshape(3, -1), line, atol=1e-5)
    assert (line > 0).mean() > 0.9


def test_linear_is_clipped_to_the_range_of_each_channel() -> None:
    spec = ClipSpec(context=2, horizon=9, channels=2, height=1, width=1, low=(0.0, -3.0), high=(2.0, 3.0))
    rising = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1, 1).repeat(1, 1, 2, 1, 1)
    found = fitted("linear", spec)(rising, 9).frames[0, :, :, 0, 0]
    assert found[:, 0].tolist() == [2.0] * 9
    assert found[:, 1].tolist() == [2.0] + [3.0] * 8


def test_linear_of_a_single_frame_is_persistence() -> None:
    frames = context(frames=1)
    assert torch.equal(fitted("linear")(frames, 3).frames, fitted("persistence")(frames, 3).frames)


@pytest.mark.parametrize("masked", [False, True])
def test_climatology_is_the_mean_of_what_is_there(masked: bool) -> None:
    clips = batches(masked=masked)
    baseline = build_baseline("climatology", SPEC)
    baseline.fit(iter(clips))
    frames = np.concatenate([batch.frames.numpy() for batch in clips])
    masks = [np.ones(batch.frames.shape, bool) if batch.mask is None else batch.mask.numpy() for batch in clips]
    expected = np.ma.masked_array(frames, ~np.concatenate(masks)).mean(axis=(0, 1), dtype=np.float64)
    found = baseline(context(), 2).frames
    np.testing.assert_allclose(found[1, 1].numpy(), np.asarray(expected), atol=1e-6)


def test_climatology_of_pixels_and_channels_that_are_never_there() -> None:
    spec = ClipSpec(context=1, horizon=1, channels=2, height=1, width=2, low=(0.0, -4.0), high=(1.0, 4.0))
    frames = torch.tensor([0.5, 9.0, 9.0, 9.0]).view(1, 1, 2, 1, 2).repeat(1, 2, 1, 1, 1)
    baseline = build_baseline("climatology", spec)
    baseline.fit([Batch(frames[:, :1], frames[:, 1:], frames == 0.5)])
    assert baseline(frames[:, :1], 1).frames.flatten().tolist() == [0.5, 0.5, -4.0, -4.0]


def test_climatology_sums_beyond_the_precision_of_float32() -> None:
    spec = ClipSpec(context=1, horizon=1, channels=1, height=1, width=1)
    frames = torch.tensor([2.0**25, 1.0, -(2.0**25)]).view(3, 1, 1, 1, 1, 1)  # 1 is lost beside 2 ** 25 in float32
    baseline = build_baseline("climatology", spec)
    baseline.fit(Batch(one, one) for one in frames)
    assert baseline(frames[0], 1).frames.item() == pytest.approx(1 / 3)


def test_climatology_says_when_it_cannot_forecast() -> None:
    baseline = build_baseline("climatology", SPEC)
    with pytest.raises(RuntimeError, match="has to be fitted"):
        baseline(context(), 1)
    with pytest.raises(ValueError, match="at least one"):
        baseline.fit([])
    baseline.fit(batches())
    with pytest.raises(ValueError, match=r"frames of \(2, 5, 7\)"):
        baseline(torch.rand(1, 4, 2, 5, 8), 1)


def test_an_unknown_baseline_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'climatology'"):
        build_baseline("climatologie", SPEC)
