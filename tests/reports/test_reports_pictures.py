"""Film strips, grids, histograms and animations: what was given stands where it should."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Source
from framecast.reports.animation import CONTEXT_COLOUR, FORECAST_COLOUR, animation, still
from framecast.reports.curves import Line, lead_curves
from framecast.reports.film_strip import film_strip
from framecast.reports.histogram import histogram
from framecast.reports.sample_grid import sample_grid, sample_grid_of
from framecast.reports.tiles import MISSING, error_scale, error_tiles, evenly, font, rgb_tiles, shortened, tile_size

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def grey_clip(count: int, height: int = 8, width: int = 8, channels: int = 3) -> NDArray[np.float32]:
    return np.full((count, channels, height, width), 0.5, dtype=np.float32)


def box_of(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the pixels of exactly this colour, which must fill their box."""
    rows, columns = np.nonzero((picture == colour).all(axis=-1))
    assert rows.size, f"no pixel is {colour}"
    box = int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1
    assert rows.size == (box[2] - box[0]) * (box[3] - box[1])
    return box


def test_planted_frames_stand_in_their_row_and_column() -> None:
    context, truth, forecast = grey_clip(4), grey_clip(5), grey_clip(5)
    context[1] = np.array(RED)[:, None, None]
    truth[1] = np.array(GREEN)[:, None, None]
    forecast[4] = np.array(BLUE)[:, None, None]
    picture = pixels(film_strip(context, truth, {"model": forecast}))

    red, green, blue = (box_of(picture, colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
    height, width = tile_size(8, 8)
    assert all((box[2] - box[0], box[3] - box[1]) == (height, width) for box in (red, green, blue))
    assert red[1] == green[1], "context frame 2 and lead 2 share a column"
    assert red[2] < green[0], "truth stands below the context"
    assert green[2] < blue[0] < green[2] + 40, "the forecast is the next row"
    pitch = (blue[1] - green[1]) / 3
    assert pitch == int(pitch), "lead 5 is three columns to the right of lead 2"
    assert width < pitch < width + 20


def test_dark_frames_can_be_shown_brighter() -> None:
    dark = grey_clip(2, channels=1) / 4
    assert np.array_equal(
        pixels(film_strip(dark, dark, {"m": dark}, error=False, white=0.25)),
        pixels(film_strip(dark * 4, dark * 4, {"m": dark * 4}, error=False)),
    )
    assert still(animation(dark, dark, dark, white=0.25)) == still(animation(dark * 4, dark * 4, dark * 4))


def test_enlarging_only_repeats_pixels() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random((1, 1, 6, 7), dtype=np.float32)
    picture = pixels(film_strip(grey_clip(1, 6, 7, 1), truth, {"m": truth}, error=False))
    expected = rgb_tiles(truth)[0].repeat(tile_size(6, 7)[0] // 6, axis=0).repeat(tile_size(6, 7)[1] // 7, axis=1)
    height, width = expected.shape[:2]
    found = [
        top
        for top in range(picture.shape[0] - height + 1)
        for left in [picture.shape[1] - width - 4]
        if np.array_equal(picture[top : top + height, left : left + width], expected)
    ]
    assert len(found) == 2, "the truth and the equal forecast"


def test_the_error_row_shows_where_and_how_much() -> None:
    truth, forecast = np.zeros((2, 1, 1, 8, 8), dtype=np.float32)
    forecast[0, 0, :, :4] = 0.5
    picture = pixels(film_strip(truth, truth, {"m": forecast}, error_max=1.0))
    half = error_tiles(np.full((1, 1, 1), 0.5, dtype=np.float32), 1.0)[0, 0, 0]
    top, left, bottom, right = box_of_largest(picture, tuple(half.tolist()))
    height, width = tile_size(8, 8)
    assert (bottom - top, right - left) == (height, width // 2)


def box_of_largest(picture: NDArray[np.uint8], colour: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The box of this colour left of the scale bar (which shows every colour once)."""
    rows, columns = np.nonzero((picture == colour).all(axis=-1))
    first = columns < columns.min() + tile_size(8, 8)[1]
    return int(rows[first].min()), int(columns[first].min()), int(rows[first].max()) + 1, int(columns[first].max()) + 1


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [(16, 16), (120, 160), (700, 300)])
def test_any_frames_make_a_picture_of_sane_size(channels: int, size: tuple[int, int]) -> None:
    clip = np.random.default_rng(0).random((5, channels, *size), dtype=np.float32)
    opened = Image.open(BytesIO(film_strip(clip[:2], clip[2:], {"model": clip[2:][::-1]})))
    assert opened.format == "PNG"
    assert 300 < opened.width < 1400
    assert 300 < opened.height < 1400


def test_long_clips_are_thinned_evenly_to_the_ends_and_say_so() -> None:
    context, horizon = grey_clip(20), grey_clip(40)
    few = pixels(film_strip(context, horizon, {"m": horizon}, max_columns=5))
    five = pixels(film_strip(context[:5], horizon[:5], {"m": horizon[:5]}))
    assert few.shape[1] == five.shape[1]
    assert few.shape[0] > five.shape[0], "a line says that frames were left out"
    assert evenly(40, 5) == [0, 10, 20, 29, 39]
    assert evenly(3, 5) == [0, 1, 2]


def test_only_the_first_of_several_channels_is_shown_and_that_is_said() -> None:
    clip = np.random.default_rng(0).random((3, 2, 8, 8), dtype=np.float32)
    one = pixels(film_strip(clip[:, :1], clip[:, :1], {"m": clip[:, :1]}))
    two = pixels(film_strip(clip, clip, {"m": clip}))
    assert two.shape[0] > one.shape[0]
    assert np.array_equal(two[: one.shape[0]][:-1], one[:-1])


def test_a_prediction_needs_no_truth() -> None:
    clip = grey_clip(3)
    with_truth = pixels(film_strip(clip, clip, {"m": clip}))
    without = pixels(film_strip(clip, None, {"m": clip}))
    assert without.shape[0] < with_truth.shape[0]


def test_missing_values_have_a_colour_of_their_own() -> None:
    context, truth = grey_clip(2, channels=1), grey_clip(2, channels=1)
    context[0] = np.nan
    forecast = truth.copy()
    forecast[:] = np.nan
    picture = pixels(film_strip(context, truth, {"m": forecast}))
    share = (picture == MISSING).all(axis=-1).sum() / np.prod(tile_size(8, 8))
    assert share == 5, "one frame of the context, two of the forecast and two errors"


@pytest.mark.parametrize(
    ("truth", "forecasts"),
    [(None, {}), (np.zeros((2, 1, 4, 4)), {"m": np.zeros((3, 1, 4, 4))}), (np.zeros((2, 3, 4, 4)), {})],
)
def test_shapes_that_do_not_fit_are_refused(
    truth: NDArray[np.float64] | None, forecasts: dict[str, NDArray[np.float64]]
) -> None:
    with pytest.raises(ValueError, match=r"needs a truth|does not fit|same number"):
        film_strip(np.zeros((2, 1, 4, 4)), truth, forecasts)


def test_the_error_scale_is_round_and_ignores_a_few_outliers() -> None:
    errors = np.full((1, 100, 100), 0.13, dtype=np.float32)
    errors[0, 0, :10] = 0.9
    assert error_scale([errors]) == 0.2
    assert error_scale([np.zeros((1, 2, 2), dtype=np.float32)]) == 0.001
    assert error_scale([np.full((1, 2, 2), 3.0, dtype=np.float32)]) == 1.0


def test_names_that_are_too_long_keep_both_ends() -> None:
    kind = font(20)
    assert shortened("short", kind, 300) == "short"
    cut = shortened("folder/of/many/recordings/last_one.avi", kind, 200)
    assert cut.startswith("folder")
    assert cut.endswith("one.avi")
    assert kind.getlength(cut) <= 200


def test_the_sample_grid_takes_sequences_of_any_size_and_type() -> None:
    generator = np.random.default_rng(0)
    bytes_ = generator.integers(0, 255, (20, 3, 24, 32), dtype=np.uint8)
    camera = generator.integers(90, 4000, (3, 1, 50, 40), dtype=np.uint16)
    floats = generator.normal(size=(5, 2, 8, 8)).astype(np.float32)
    floats[0, 0, 0, 0] = np.nan
    opened = Image.open(BytesIO(sample_grid([("a", bytes_), ("b", camera), ("c", floats)])))
    assert 900 < opened.width < 2600
    assert 300 < opened.height < 900


class Counting(Sequence):
    """A recording that remembers which frames were read."""

    def __init__(self, name: str, num_frames: int) -> None:
        self.info = SequenceInfo(name=name, num_frames=num_frames, channels=1, height=8, width=8, dtype="uint8")
        self.was_read: list[int] = []

    def _read(self, start: int, stop: int) -> NDArray[np.generic]:
        self.was_read += range(start, stop)
        return np.zeros((stop - start, *self.info.frame_shape), dtype=np.uint8)


def test_the_grid_of_a_source_reads_only_what_it_shows() -> None:
    sequences = [Counting(f"s{i}", 1000) for i in range(5)]
    picture = pixels(sample_grid_of(Source(kind="k", location="l", sequences=tuple(sequences)), rows=3, columns=4))
    assert [sequence.was_read for sequence in sequences] == [
        [0, 333, 666, 999],
        [],
        [0, 333, 666, 999],
        [],
        [0, 333, 666, 999],
    ]
    black = (picture == 0).all(axis=-1).sum()
    assert black == 12 * np.prod(tile_size(8, 8, target=168))


def test_uint8_frames_keep_their_brightness_and_others_use_their_range() -> None:
    dark = np.full((1, 1, 4, 4), 10, dtype=np.uint8)
    dark[..., 0] = 40
    assert tuple(box_of(pixels(sample_grid([("a", dark)])), (10, 10, 10))[i] for i in (0, 1)) > (0, 0)
    picture = pixels(sample_grid([("a", dark.astype(np.uint16))]))
    assert (picture == 0).all(axis=-1).any()


def test_the_histogram_turns_logarithmic_when_one_value_prevails() -> None:
    flat = histogram([5, 5, 5], [0, 1, 2, 3], format="svg").decode()
    steep = histogram([900, 5, 1], [0, 1, 2, 3], units="mm", format="svg").decode()
    assert "logarithmic" not in flat
    assert "logarithmic" in steep
    assert "mm" in steep
    with pytest.raises(ValueError, match="edges"):
        histogram([1, 2], [0, 1])


def assert_nothing_touches_the_edge(picture: NDArray[np.uint8]) -> None:
    paper = picture[0, 0]
    assert (picture[:, :4] == paper).all()
    assert (picture[:, -4:] == paper).all()


def test_labels_of_charts_are_not_cut_off() -> None:
    counts = [10**power for power in range(7, -1, -1)]
    drawn = pixels(histogram(counts, list(np.linspace(1667, 50000, len(counts) + 1)), format="png"))
    assert_nothing_touches_the_edge(drawn)
    columns = np.nonzero((drawn == drawn[0, 0]).all(axis=(0, 2)) == 0)[0]
    assert columns[-1] > 0.96 * drawn.shape[1], "the room is used"
    small = [Line(name=name, values=[0.00161, 0.00158]) for name in ("convlstm", "persistence")]
    assert_nothing_touches_the_edge(pixels(lead_curves(small, title="mse", better="lower", format="png")))


def test_two_channels_are_shown_in_the_range_of_the_one_that_is_shown() -> None:
    frames = np.zeros((1, 2, 8, 8), dtype=np.float32)
    frames[:, 0] = np.linspace(280, 290, 64).reshape(8, 8)
    picture = pixels(sample_grid([("a", frames)]))
    assert (picture == 0).all(axis=-1).sum() > 100, "280 is black, whatever the second channel holds"


def test_the_ends_of_a_scale_have_units(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr("framecast.reports.sample_grid.text_width", lambda text, _: written.append(text) or 100)
    frames = np.linspace(0, 40, 64, dtype=np.float32).reshape(1, 1, 8, 8)
    sample_grid([("warm", frames), ("unknown", frames), ("coloured", frames.repeat(3, 1))], units=["K", None, "K"])
    ends = [text for text in written if text.startswith(("black ", "dark "))]
    assert [text.partition(" ")[0] for text in ends] == ["dark", "black", "black"]
    assert [text.endswith(" K") for text in ends] == [True, False, True]


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_plays_all_frames_in_a_loop(kind: str) -> None:
    context, truth = grey_clip(3), grey_clip(4)
    truth[2] = np.array(RED)[:, None, None]
    moving = Image.open(BytesIO(animation(context, truth, truth, format=kind)))  # pyright: ignore[reportArgumentType]
    assert moving.format == kind.upper()
    assert moving.n_frames == 7
    assert moving.info["loop"] == 0
    height, width = tile_size(8, 8, target=224)
    counts: list[int] = []
    for position in range(7):
        moving.seek(position)
        frame = np.asarray(moving.convert("RGB")).astype(int)
        counts.append(int((np.abs(frame - [255, 0, 0]).sum(axis=-1) < 40).sum()))
    assert counts[5] > 1.9 * height * width, "lead 3 is red in truth and forecast"
    assert max(counts[:5] + counts[6:]) < 0.1 * height * width


def test_the_border_tells_context_from_forecast() -> None:
    moving = Image.open(BytesIO(animation(grey_clip(2), grey_clip(2), grey_clip(2))))
    corners = []
    for position in range(4):
        moving.seek(position)
        corners.append(moving.convert("RGB").getpixel((1, 60)))
    assert corners == [CONTEXT_COLOUR, CONTEXT_COLOUR, FORECAST_COLOUR, FORECAST_COLOUR]


def test_a_colour_gif_keeps_the_colours_of_all_its_frames() -> None:
    truth = np.stack([np.broadcast_to(np.array(c, dtype=np.float32)[:, None, None], (3, 8, 8)) for c in (RED, BLUE)])
    moving = Image.open(BytesIO(animation(grey_clip(1), truth, truth)))
    for position, colour in ((1, (255, 0, 0)), (2, (0, 0, 255))):
        moving.seek(position)
        frame = np.asarray(moving.convert("RGB")).astype(int)
        assert np.abs(frame[100, 100] - colour).max() <= 8


def test_an_animation_without_truth_shows_the_forecast_alone() -> None:
    alone = Image.open(BytesIO(animation(grey_clip(2), None, grey_clip(3))))
    beside = Image.open(BytesIO(animation(grey_clip(2), grey_clip(3), grey_clip(3))))
    assert alone.n_frames == beside.n_frames == 5
    assert alone.width < beside.width / 2
    assert Image.open(BytesIO(still(animation(grey_clip(2), None, grey_clip(3), format="webp")))).size == alone.size
    with pytest.raises(ValueError, match="differ"):
        animation(grey_clip(2), grey_clip(3), grey_clip(4))
