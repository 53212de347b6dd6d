"""Scores in the units of the recording equal what NumPy computes from the frames and the files of forecasts."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console

from framecast.clips.normaliser import Normaliser
from framecast.clips.transforms import Transform
from framecast.evaluation.results import Results, load_arrays, load_results
from framecast.evaluation.scales import forecast_on, in_units
from framecast.forecasting.predictor import Predictor
from framecast.frames.errors import ConfigurationError
from framecast.frames.sequence import Sequence
from framecast.frames.source import Source
from framecast.reports.tables import verdict_table
from framecast.runs.run import Run
from framecast.workflows.evaluate import evaluate

MakeRun = Callable[..., Run]
Frames = NDArray[Any]

DBZ: dict[str, Any] = {"transform": {"name": "dbz"}}
LOG: dict[str, Any] = {"transform": {"name": "log", "floor": 0.5}, "normaliser": "standard"}


def rainy(make_source: Any, **known: Any) -> Source:
    """Showers over dry land, in mm/h."""
    source = make_source(dtype="float32", units="mm/h", **known)
    for number, sequence in enumerate(source.sequences):
        draws = np.random.default_rng(number)
        shape = sequence.frames.shape
        wet = np.exp(draws.normal(0, 1.5, shape)) * (draws.random(shape) < 0.5)
        sequence.frames = np.where(wet > 30, 30, wet).astype(np.float32)
    return source


def native_clips(source: Source) -> Frames:
    """(N, 5, C, H, W): the test clips in their own units."""
    test = [sequence for sequence in source.sequences if sequence.info.split == "test"]
    return np.stack([sequence.read()[start : start + 5] for sequence in test for start in (0, 2)]).astype(np.float64)


def with_holes(planted: float, make_source: Any) -> Source:
    """Most values along one edge are not there."""
    source = rainy(make_source, has_missing=True, size=16)
    for number, sequence in enumerate(source.sequences):
        holes = np.random.default_rng(number + 50).random((*sequence.frames.shape[:3], 2)) < 0.8
        sequence.frames[..., :2][holes] = planted
    return source


def errors(overall: dict[str, float]) -> dict[str, float]:
    """Without the scores of events, which have tests of their own."""
    return {name: overall[name] for name in ("mse", "mae", "rmse", "bias")}


def by_hand(forecast: Frames, truth: Frames) -> dict[str, float]:
    error = forecast - truth
    mse = np.nanmean(error**2)
    return {"mse": mse, "mae": np.nanmean(abs(error)), "rmse": mse**0.5, "bias": np.nanmean(error)}


def test_measured_fields_are_led_by_physical_and_pictures_are_strict(make_run: MakeRun, make_source: Any) -> None:
    field, picture = rainy(make_source), make_source()
    assert list(evaluate(make_run(field), source=field).conventions) == ["physical", "strict"]
    assert list(evaluate(make_run(picture), source=picture).conventions) == ["strict"]
    named = make_run(field, evaluation={"conventions": ["tf"]})
    assert list(evaluate(named, source=field).conventions) == ["tf"]
    assert list(evaluate(named, source=field, conventions=["physical"]).conventions) == ["physical"]


@pytest.mark.parametrize("clips", [{}, {"normaliser": "standard"}, DBZ, LOG], ids=["unit", "standard", "dbz", "log"])
def test_baselines_are_those_of_the_native_values_whatever_the_normaliser(
    make_run: MakeRun, make_source: Any, clips: dict[str, Any]
) -> None:
    source = rainy(make_source)
    results = evaluate(make_run(source, clips=clips), source=source)
    found = {name: row.overall for name, row in results.conventions["physical"].items()}
    frames = native_clips(source)
    context, truth = frames[:, :3], frames[:, 3:]
    slope = (context[:, 2] - context[:, 0]) / 2
    line = np.stack([context.mean(axis=1) + slope * (1 + lead) for lead in (1, 2)], axis=1)
    training = np.stack([s.read() for s in source.sequences if s.info.split == "train"])
    windows = np.stack([training[:, start : start + 5] for start in range(3)])  # training takes every window
    forecasts = {
        "persistence": context[:, [2, 2]],
        "mean": context.mean(axis=1, keepdims=True).repeat(2, axis=1),
        "climatology": np.broadcast_to(windows.mean(axis=(0, 1, 2)), truth.shape),
        "linear": np.clip(line, training.min(), training.max()),
    }
    for name, forecast in forecasts.items():
        assert errors(found[name]) == pytest.approx(by_hand(forecast, truth), rel=2e-4, abs=1e-4), name


@pytest.mark.parametrize("clips", [{"normaliser": "standard"}, {"normaliser": "symmetric"}, DBZ, LOG])
def test_motion_is_the_same_whatever_the_normaliser(make_run: MakeRun, make_source: Any, clips: dict[str, Any]) -> None:
    source = rainy(make_source)
    found = [
        evaluate(make_run(source, clips=chosen), source=source, baselines=("flow", "flow-damped"))
        for chosen in ({}, clips)
    ]
    plain, other = (results.conventions["physical"] for results in found)
    for name in ("flow", "flow-damped"):
        assert other[name].overall["mse"] == pytest.approx(plain[name].overall["mse"], rel=2e-3), name


def test_a_model_is_scored_on_what_it_would_write(make_run: MakeRun, make_source: Any) -> None:
    """The forecasts that predict makes of the same contexts, against the frames of the recording."""
    source = rainy(make_source)
    for clips in ({}, DBZ, LOG):
        run = make_run(source, clips=clips, gain=0.5, shift=-0.02)
        results = evaluate(run, source=source)
        frames = native_clips(source)
        info = source.sequences[0].info
        written = [Predictor(run).forecast(clip[:3].astype(np.float32), info, 2) for clip in frames]
        expected = by_hand(np.stack(written).astype(np.float64), frames[:, 3:])
        assert errors(results.conventions["physical"]["convlstm"].overall) == pytest.approx(
            expected, rel=1e-4, abs=1e-5
        )
        if clips is DBZ:
            assert all(((frame == 0) | (frame >= 0.0999)).all() for frame in written)
            assert any((frame == 0).any() for frame in written)


def test_integers_are_rounded_and_limited_as_their_type_is(make_run: MakeRun, make_source: Any) -> None:
    source = make_source(units="counts")
    for sequence in source.sequences:
        sequence.frames[:] = np.minimum(sequence.frames.astype(int) * 2, 255)
    results = evaluate(make_run(source, gain=1.1, shift=0.0017), source=source)
    frames = native_clips(source)
    forecast = np.stack([frames[:, 2] * 1.1, frames[:, 2] * 1.21], axis=1) + 0.0017 * 255
    expected = by_hand(np.clip(np.rint(forecast), 0, 255), frames[:, 3:])
    assert errors(results.conventions["physical"]["convlstm"].overall) == pytest.approx(expected, rel=1e-6)


def test_the_unit_stands_at_every_figure(make_run: MakeRun, make_source: Any) -> None:
    source = rainy(make_source)
    run = make_run(source)
    results = evaluate(run, source=source)
    units = {name: info.unit for name, info in results.metrics.items()}
    assert (units["mse"], units["mae"], units["rmse"], units["bias"]) == ("(mm/h)²", "mm/h", "mm/h", "mm/h")
    assert (units["strict/mse"], units["psnr"]) == ("", "dB")
    assert load_results(run.folder.evaluation).to_json() == results.to_json()
    console = Console(file=StringIO(), width=200, color_system=None)
    console.print(verdict_table(results))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert shown.index("physical") < shown.index("strict")
    assert "(mm/h)²" in shown
    assert "bias →0" in shown
    assert results.verdict is not None
    assert "MSE" in results.verdict.sentence


def test_an_exact_baseline_is_told_with_the_unit_of_the_error(make_run: MakeRun, make_source: Any) -> None:
    source = rainy(make_source)
    for sequence in source.sequences:
        sequence.frames[:] = sequence.frames[:1]
    for clips in ({}, DBZ, LOG):
        results = evaluate(make_run(source, clips=clips), source=source)
        assert results.verdict is not None
        assert results.conventions["physical"]["persistence"].overall["mse"] == 0
        assert "(mm/h)²." in results.verdict.sentence


@pytest.mark.parametrize(
    ("units", "squared"), [("K", "K²"), ("dBZ", "dBZ²"), ("mm/h", "(mm/h)²"), ("°C", "°C²"), ("kg m-2", "(kg m-2)²")]
)
def test_units_are_squared_as_people_write_them(units: str, squared: str) -> None:
    assert (in_units(units, 0), in_units(units, 1), in_units(units, 2)) == ("", units, squared)
    assert in_units(None, 2) == ""


def test_nan_is_not_hidden_by_a_type_or_a_transform() -> None:
    forecast = torch.tensor([torch.nan, 0.5]).view(1, 1, 1, 1, 2)
    for transform in (Transform(), Transform(name="dbz")):
        normaliser = Normaliser.fit("unit", (), channels=1, value_range=(0, 255), transform=transform)
        for dtype in ("float32", "uint8", "bool"):
            found = forecast_on(("unit", "native"), forecast, normaliser, dtype=dtype)
            assert [frames.isnan().flatten().tolist() for frames in found.values()] == [[True, False]] * 2


@pytest.mark.parametrize("clips", [{}, DBZ, LOG, {"normaliser": "symmetric"}], ids=["unit", "dbz", "log", "symmetric"])
def test_what_lies_under_the_mask_is_of_no_consequence(
    make_run: MakeRun, make_source: Any, clips: dict[str, Any]
) -> None:
    """Whatever number a reader turned into a missing value: statistics, examples and every score stay, bit for bit."""
    found: list[tuple[Normaliser, Results, dict[str, Frames]]] = []
    for planted in (np.nan, np.inf, -np.inf):
        source = with_holes(planted, make_source)
        run = make_run(source, clips=clips)
        results = evaluate(run, source=source)
        found.append((run.normaliser, results, load_arrays(run.folder.evaluation / "examples.npz")))
    normaliser, results, examples = found[0]
    frames = native_clips(with_holes(np.nan, make_source))
    expected = by_hand(np.where(np.isnan(frames[:, [2, 2]]), 0, frames[:, [2, 2]]), frames[:, 3:])
    if normaliser.kind == "unit":  # where a missing value is filled with no rain
        persistence = results.conventions["physical"]["persistence"].overall
        assert errors(persistence) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    for other_normaliser, other, other_examples in found[1:]:
        assert other_normaliser == normaliser
        assert json.loads(other.to_json())["conventions"] == json.loads(results.to_json())["conventions"]
        assert all(np.array_equal(examples[name], frames, equal_nan=True) for name, frames in other_examples.items())
    assert np.isnan(examples["truth"]).any()
    assert not np.isnan(examples["forecast/convlstm"]).any()


def test_negative_rain_is_refused_before_anything_is_trained(make_run: MakeRun, make_source: Any) -> None:
    source = rainy(make_source)
    sequence: Any = source.sequences[0]
    assert isinstance(sequence, Sequence)
    sequence.frames[0, 0, 0, 0] = -1
    with pytest.raises(ConfigurationError, match="dbz is for values of 0 and more, found -1"):
        make_run(source, clips=DBZ)
