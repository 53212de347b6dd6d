"""Rain and other measured fields: the colours, their order for every kind of eye, and where they are used."""

import dataclasses
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from framecast.evaluation.results import ExampleClip, Results, save_results
from framecast.frames.clip import ClipSpec
from framecast.reports.animation import animation
from framecast.reports.example_clips import clip_views, clips_note
from framecast.reports.film_strip import film_strip
from framecast.reports.load import load_report_data
from framecast.reports.rain_colours import COLOURS, DRY, STEPS, UNMEASURED, rain_unit
from framecast.reports.sample_grid import sample_grid
from framecast.reports.shading import FieldShading, Greys, RainShading, shading_of
from framecast.reports.tiles import MISSING, error_scale, rgb_tiles
from framecast.runs.record import RunRecord

NAN = float("nan")

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
TRITANOPIA = [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
EVERY_EYE = {"usual": np.eye(3), "protan": PROTANOPIA, "deutan": DEUTERANOPIA, "tritan": TRITANOPIA}


def lab(colour: tuple[int, ...], eye: Any) -> NDArray[np.float64]:
    """CIE L*a*b* (D65) of an sRGB colour as an eye sees it."""
    scaled = np.array(colour) / 255
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(eye) @ linear, 0, 1)
    xyz = (
        np.array(
            [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
        )
        @ seen
    )
    ratio = xyz / np.array([0.95047, 1.0, 1.08883])
    curve = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * curve[1] - 16, 500 * (curve[0] - curve[1]), 200 * (curve[1] - curve[2])])


def pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def count_of(picture: NDArray[np.uint8], colour: tuple[int, ...]) -> int:
    return int((picture == colour).all(axis=-1).sum())


@pytest.mark.parametrize("eye", EVERY_EYE)
def test_more_rain_is_darker_for_every_eye(eye: str) -> None:
    seen = [lab(colour, EVERY_EYE[eye]) for colour in (DRY, *COLOURS)]
    assert all(before[0] > after[0] + 5 for before, after in pairwise(seen)), "lightness alone gives the order"
    # A difference of 2.3 is just noticed.
    assert all(np.linalg.norm(before - after) > 3 * 2.3 for before, after in pairwise(seen)), "neighbours differ"
    unmeasured = lab(UNMEASURED, EVERY_EYE[eye])
    assert all(np.linalg.norm(colour - unmeasured) > 12 for colour in seen), "no rain looks like a missing value"


def test_scales_rise_and_have_a_colour_for_each_step() -> None:
    for steps in STEPS.values():
        assert len(steps) == len(COLOURS)
        assert list(steps) == sorted(set(steps))
    # Marshall and Palmer: the two scales agree within one step of 5 dBZ.
    for rate, dbz in zip(STEPS["mm/h"], STEPS["dBZ"], strict=True):
        assert abs(10 * np.log10(200 * rate**1.6) - dbz) < 5


def test_a_value_takes_the_colour_of_the_last_step_that_it_reaches() -> None:
    values = np.array([0.0, 0.099, 0.1, 0.199, 0.2, 99.9, 100.0, 1e6, -3.0, NAN]).reshape(1, 1, 1, -1)
    expected = [DRY, DRY, COLOURS[0], COLOURS[0], COLOURS[1], COLOURS[8], COLOURS[9], COLOURS[9], DRY, UNMEASURED]
    tiles = RainShading("mm/h").tiles(values)
    assert [tuple(colour) for colour in tiles[0, 0].tolist()] == expected


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 200), st.floats(0, 200))
def test_more_rain_is_never_drawn_lighter(one: float, other: float) -> None:
    low, high = sorted((one, other))
    tiles = RainShading("mm/h").tiles(np.array([low, high]).reshape(1, 1, 1, 2))[0, 0]
    assert lab(tuple(tiles[0]), np.eye(3))[0] >= lab(tuple(tiles[1]), np.eye(3))[0]


@pytest.mark.parametrize(
    ("units", "key"),
    [("mm/h", "mm/h"), ("mm / hr", "mm/h"), ("mm h-1", "mm/h"), ("MM H^-1", "mm/h"), ("dBZ", "dBZ"), ("DBZ", "dBZ")],
)
def test_rain_is_recognised_however_its_units_are_spelled(units: str, key: str) -> None:
    assert rain_unit(units) == key


@pytest.mark.parametrize("units", [None, "", "K", "m/s", "mm", "%"])
def test_other_units_are_no_rain(units: str | None) -> None:
    assert rain_unit(units) is None


def test_pictures_stay_pictures_and_fields_get_a_bright_scale() -> None:
    field = np.linspace(280, 300, 64).reshape(1, 1, 8, 8)
    assert shading_of(None, 1, [field]) is None
    assert shading_of("mm/h", 3, [field.repeat(3, axis=1)]) is None, "three channels are shown as colours"
    assert shading_of("K", 1, [np.full((1, 1, 2, 2), NAN)]) is None
    kelvin = shading_of("K", 1, [field])
    assert isinstance(kelvin, FieldShading)
    assert 280 <= kelvin.low < kelvin.high <= 300
    tiles = kelvin.tiles(np.array([kelvin.low, kelvin.high, 1e9, NAN]).reshape(1, 1, 1, 4))[0, 0]
    assert tuple(tiles[0]) == (68, 1, 84), "viridis begins in violet"
    assert tuple(tiles[1]) == tuple(tiles[2]) == (253, 231, 36)
    assert tuple(tiles[3]) == MISSING
    constant = shading_of("K", 1, [np.full((1, 1, 2, 2), 5.0)])
    assert isinstance(constant, FieldShading)
    assert constant.high > constant.low


def test_greys_are_what_they_were() -> None:
    frames = np.random.default_rng(0).random((2, 3, 4, 5))
    assert np.array_equal(Greys().tiles(frames), rgb_tiles(frames))
    assert Greys().legend is None


def rain_clip() -> NDArray[np.float32]:
    frames = np.zeros((2, 1, 8, 8), dtype=np.float32)
    frames[:, :, :4] = 3.0
    frames[:, :, 7] = NAN
    return frames


def test_a_film_strip_of_rain_has_its_colours_a_legend_and_grey_gaps() -> None:
    clip = rain_clip()
    strip = pixels(film_strip(clip, clip, {"m": clip}, shading=RainShading("mm/h")))
    plain = pixels(film_strip(clip, clip, {"m": clip}))
    tile = 192 * 192
    assert count_of(strip, COLOURS[4]) > 6 * tile // 2, "six tiles, half of each rains 3 mm/h"
    assert count_of(strip, UNMEASURED) >= 8 * tile // 8, "six tiles and two error tiles"
    assert count_of(plain, COLOURS[4]) == 0
    assert all(count_of(strip, colour) > 100 for colour in COLOURS), "the legend shows every step"
    assert strip.shape[0] > plain.shape[0]


def test_errors_of_native_values_have_a_scale_of_their_own_size() -> None:
    assert error_scale([np.full((1, 4, 4), 13.0, dtype=np.float32)], limit=np.inf) == 20.0
    assert error_scale([np.full((1, 4, 4), 1.3e-5, dtype=np.float32)], limit=np.inf) == pytest.approx(2e-5)
    assert error_scale([np.zeros((1, 4, 4), dtype=np.float32)], limit=np.inf) > 0


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_an_animation_of_rain_shows_its_colours(format: Any) -> None:
    clip = rain_clip()
    moving = Image.open(BytesIO(animation(clip, clip, clip, shading=RainShading("mm/h"), format=format)))
    plain = Image.open(BytesIO(animation(clip, clip, clip, format=format)))
    assert moving.height > plain.height, "the legend stands below"
    frame = np.asarray(moving.convert("RGB")).astype(int)
    near = np.abs(frame - COLOURS[4]).max(axis=-1) < 16
    assert near.sum() > 2 * 224 * 224 // 3


def test_sample_frames_of_rain_share_one_legend() -> None:
    one = pixels(sample_grid([("a", rain_clip())], units=["mm/h"]))
    two = pixels(sample_grid([("a", rain_clip()), ("b", rain_clip())], units=["mm/h", "mm h-1"]))
    assert count_of(one, COLOURS[4]) > 168 * 168 // 2
    assert count_of(two, COLOURS[9]) == count_of(one, COLOURS[9]), "only the legend holds 100 mm/h"
    assert count_of(pixels(sample_grid([("a", rain_clip())])), COLOURS[4]) == 0


def with_rain(results: Callable[..., Results]) -> tuple[Results, dict[str, NDArray[np.float32]]]:
    unit = rain_clip()[None] / 50
    examples = {"context": unit, "truth": unit, "forecast/convlstm": unit, "forecast/mean": unit * 0.5}
    one = [ExampleClip(why="typical", sequence="s", start=0, score=1.0)]
    return results(units="mm/h", value_range=(0.0, 50.0), examples=one), examples


def test_example_clips_of_rain_are_drawn_in_native_values(
    results: Callable[..., Results], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []

    def looked_at(*parts: Any, **settings: Any) -> bytes:
        shown.append((parts, settings))
        return film_strip(*parts, **settings)

    monkeypatch.setattr("framecast.reports.example_clips.film_strip", looked_at)
    found, examples = with_rain(results)
    assert len(clip_views(found, examples)) == 1
    (context, truth, forecasts), settings = shown[0]
    assert isinstance(settings["shading"], RainShading)
    assert np.nanmax(context) == np.nanmax(truth) == pytest.approx(3.0)
    assert np.nanmax(forecasts["mean"]) == pytest.approx(1.5)
    assert "in mm/h" in clips_note(found, examples)
    clip_views(found, examples, value_range=(0.0, 100.0))
    assert np.nanmax(shown[1][0][1]) == pytest.approx(6.0), "the range of the run's own channel comes first"


def test_several_channels_without_a_known_range_stay_grey(results: Callable[..., Results]) -> None:
    found, examples = with_rain(results)
    two = {name: frames.repeat(2, axis=2) for name, frames in examples.items()}
    assert "scaled to [0, 1]" in clips_note(found, two)
    assert "in mm/h" in clips_note(found, two, value_range=(0.0, 50.0))
    assert "scaled to [0, 1]" in clips_note(dataclasses.replace(found, units=None), examples)


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [
        ('{"low": [250, 0], "high": [320, 60]}', (0.0, 60.0)),
        ('{"low": 0, "high": 255}', (0.0, 255.0)),
        ('{"low": [0], "high": [1]}', None),
        ('{"kind": "unit"}', None),
    ],
)
def test_a_run_tells_the_range_of_the_channel_that_is_shown(
    tmp_path: Path, results: Callable[..., Results], normaliser: str, expected: tuple[float, float] | None
) -> None:
    save_results(tmp_path / "evaluation", results(), origins=[], per_clip={}, diagrams={}, examples={})
    assert load_report_data(tmp_path).channel_range is None
    (tmp_path / "normaliser.json").write_text(normaliser, encoding="utf-8")
    spec = ClipSpec(context=4, horizon=3, channels=2, height=8, width=8, forecast_channels=(1,))
    record = RunRecord(
        spec=spec,
        status="finished",
        model="convlstm",
        parameters=1,
        trainable=1,
        macs_per_frame=1.0,
        training_clips=1,
        validation_clips=1,
        dtype="float32",
        units="mm/h",
        step_seconds=300.0,
    )
    record.save(tmp_path / "run.json")
    assert load_report_data(tmp_path).channel_range == expected
