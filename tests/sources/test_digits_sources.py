"""Both digit generators through the source's socket: determinism, splits, fresh data, cost."""

import gzip
import pickle
import struct
import time

import numpy as np
import pytest

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.frames.sequence import SPLITS
from framecast.frames.settings import settings
from framecast.sources.digits.moving_digits import MovingDigitsConfig, MovingDigitsSource
from framecast.sources.digits.moving_mnist import MovingMnistConfig, MovingMnistSource
from framecast.sources.open import open_source
from framecast.sources.table import SOURCES

TRAIN_DIGITS, TEST_DIGITS, DIGIT_SIZE = 48, 12, 6
FEW = {"train_sequences": 6, "validation_sequences": 4, "test_sequences": 5, "num_frames": 8}


def write_images(path, images, *, compress=True):
    content = b"\0\0\x08\x03" + struct.pack(">3I", *images.shape) + images.tobytes()
    path.write_bytes(gzip.compress(content) if compress else content)


@pytest.fixture
def folder(tmp_path):
    """Digits of one grey value each: training 1..48, test 101..112, so that a pixel tells its digit."""
    flat = np.ones((1, DIGIT_SIZE, DIGIT_SIZE), np.uint8)
    write_images(
        tmp_path / "train-images-idx3-ubyte.gz", flat * np.arange(1, TRAIN_DIGITS + 1, dtype=np.uint8)[:, None, None]
    )
    write_images(
        tmp_path / "t10k-images-idx3-ubyte.gz", flat * np.arange(101, 101 + TEST_DIGITS, dtype=np.uint8)[:, None, None]
    )
    return tmp_path


@pytest.fixture(params=["moving-digits", "moving-mnist", "moving-fashion-mnist"])
def opened(request, folder):
    """A function that opens one generator after the other with a few short sequences."""
    kind = SOURCES.load(request.param)
    extra = {"canvas": 18, "digits": 2}
    if request.param != "moving-digits":
        extra["folder"] = str(folder)

    def open_it(**changes):
        return kind.open(request.param, kind.config_class(**{**FEW, **extra, **changes}))

    return open_it


def frames_of(source, split=None):
    return {s.info.name: s.read() for s in source.sequences if split in (None, s.info.split)}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_the_promised_sequences_are_there(opened):
    source = opened()
    splits = [sequence.info.split for sequence in source.sequences]
    assert [splits.count(split) for split in SPLITS] == [6, 4, 5]
    for sequence in source.sequences:
        frames = sequence.read()
        assert frames.shape == (8, 1, 18, 18)
        assert frames.dtype == np.dtype(sequence.info.dtype) == np.uint8
        assert sequence.info.value_range == (0.0, 255.0)
        assert sequence.info.units is None
        assert frames.max(axis=(1, 2, 3)).min() > 0, "a frame without a digit"


def test_a_part_is_a_part_of_the_whole(opened):
    sequence = opened().sequences[3]
    np.testing.assert_array_equal(sequence.read(2, 5), sequence.read()[2:5])


def test_order_pickling_and_company_change_nothing(opened):
    source = opened()
    expected = frames_of(source)
    backwards = {s.info.name: s.read() for s in reversed(opened().sequences)}
    assert_same(expected, {name: backwards[name] for name in expected})
    assert_same(expected, frames_of(pickle.loads(pickle.dumps(source))))
    longer = frames_of(opened(train_sequences=40, test_sequences=9))
    assert_same(expected, {name: longer[name] for name in expected})


def test_clothing_bounces_as_digits_do(folder):
    options = {**FEW, "folder": str(folder), "canvas": 18}
    sources = [open_source(name, options=options) for name in ("moving-mnist", "moving-fashion-mnist")]
    assert [source.kind for source in sources] == ["moving-mnist", "moving-fashion-mnist"]
    assert_same(*(frames_of(source) for source in sources))


def test_a_seed_is_a_different_world(opened):
    one, other = frames_of(opened(seed=0)), frames_of(opened(seed=1))
    assert all((one[name] != other[name]).any() for name in one)


def test_no_two_sequences_are_alike(opened):
    frames = list(frames_of(opened()).values())
    assert len({each.tobytes() for each in frames}) == len(frames)


def test_fresh_data_renews_training_alone(opened):
    source = opened(fresh=True)
    assert_same(frames_of(source), frames_of(source.renewed(0)))
    first, second = source.renewed(1), source.renewed(2)
    for one, other in ((source, first), (first, second)):
        before, after = frames_of(one, "train"), frames_of(other, "train")
        assert before.keys() == after.keys()
        assert all((before[name] != after[name]).any() for name in before)
        for split in ("validation", "test"):
            assert_same(frames_of(one, split), frames_of(other, split))
    assert_same(frames_of(second), frames_of(first.renewed(2)))
    assert [s.info for s in second.sequences] == [s.info for s in source.sequences]


def test_without_fresh_data_every_epoch_is_the_same(opened):
    source = opened()
    assert source.renewed(7) is source


def test_frames_follow_from_the_documented_draws(folder):
    """A reader who knows the protocol and the order of draws makes the same frames."""
    config = MovingMnistConfig(folder=str(folder), canvas=16, digits=3, seed=5, **FEW)
    source = MovingMnistSource.open("moving-mnist", config)
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence((5, SPLITS.index("test"), 0))))
    for sequence in [s for s in source.sequences if s.info.split == "test"]:
        expected = np.zeros((8, 1, 16, 16), np.uint8)
        for choice, y, x, turn in generator.random((3, 4)):
            velocity_y, velocity_x = np.sin(turn * 2 * np.pi), np.cos(turn * 2 * np.pi)
            for t in range(8):
                y, x = y + velocity_y * 0.1, x + velocity_x * 0.1  # noqa: PLW2901
                if not 0 < x < 1:
                    x, velocity_x = min(max(x, 0), 1), -velocity_x  # noqa: PLW2901
                if not 0 < y < 1:
                    y, velocity_y = min(max(y, 0), 1), -velocity_y  # noqa: PLW2901
                top, left = int((16 - DIGIT_SIZE) * y), int((16 - DIGIT_SIZE) * x)
                window = expected[t, 0, top : top + DIGIT_SIZE, left : left + DIGIT_SIZE]
                np.maximum(window, 101 + int(choice * TEST_DIGITS), out=window)
        np.testing.assert_array_equal(sequence.read(), expected)


def test_digits_of_the_splits_are_disjoint(folder):
    config = MovingMnistConfig(
        folder=str(folder),
        canvas=8,
        digits=1,
        num_frames=1,
        train_sequences=900,
        validation_sequences=90,
        test_sequences=300,
    )
    source = MovingMnistSource.open("moving-mnist", config)
    seen = {split: {int(frames.max()) for frames in frames_of(source, split).values()} for split in SPLITS}
    assert seen["train"] == set(range(1, 45))
    assert seen["validation"] == set(range(45, 49))
    assert seen["test"] == set(range(101, 113))


@pytest.mark.parametrize("step", [0.1, 1.0])
def test_whole_digits_stay_on_the_canvas(folder, step):
    config = MovingMnistConfig(folder=str(folder), canvas=10, digits=1, step=step, **FEW)
    for frames in frames_of(MovingMnistSource.open("moving-mnist", config)).values():
        assert ((frames > 0).sum(axis=(1, 2, 3)) == DIGIT_SIZE**2).all()


def test_opening_ten_thousand_sequences_is_cheap():
    MovingDigitsSource.open("moving-digits", MovingDigitsConfig())
    config = MovingDigitsConfig(train_sequences=10_000)
    seconds = min(_seconds(lambda: MovingDigitsSource.open("moving-digits", config)) for _ in range(3))
    assert seconds < 0.5  # five times what it takes


def test_pickled_sequences_leave_images_and_paths_behind(opened):
    source = opened()
    before = len(pickle.dumps(source.sequences))
    for sequence in source.sequences:
        sequence.read()
    assert len(pickle.dumps(source.sequences)) == before


def test_uncompressed_files_with_dots_are_found(folder):
    config = MovingMnistConfig(folder=str(folder), canvas=10, **FEW)
    expected = frames_of(MovingMnistSource.open("moving-mnist", config))
    for path in list(folder.iterdir()):
        (folder / path.name.replace("-idx3", ".idx3").removesuffix(".gz")).write_bytes(
            gzip.decompress(path.read_bytes())
        )
        path.unlink()
    assert_same(expected, frames_of(MovingMnistSource.open("moving-mnist", config)))


def test_a_folder_without_digits_says_what_it_looked_for(tmp_path):
    (tmp_path / "holiday.mp4").touch()
    with pytest.raises(SourceError, match=r"train-images-idx3-ubyte\.gz.*found holiday\.mp4.*9\.9 MB, https.*BY-SA"):
        MovingMnistSource.open("moving-mnist", MovingMnistConfig(folder=str(tmp_path)))
    with pytest.raises(SourceError, match="no folder"):
        MovingMnistSource.open("moving-mnist", MovingMnistConfig(folder=str(tmp_path / "nowhere")))


def test_a_canvas_too_small_for_the_digits_is_refused(folder):
    with pytest.raises(ConfigurationError, match="set 'canvas' to 6 or more"):
        MovingMnistSource.open("moving-mnist", MovingMnistConfig(folder=str(folder), canvas=5))
    with pytest.raises(ConfigurationError, match="digit_size"):
        settings(MovingDigitsConfig, {"canvas": 20, "digit_size": 21}, where="source")


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (np.zeros((4, 6), np.uint8), r"\(4, 6\)"),
        (np.zeros((4, 6, 7), np.uint8), r"\(4, 6, 7\)"),
        (np.zeros((0, 6, 6), np.uint8), r"\(0, 6, 6\)"),
        (np.zeros((4, 9, 9), np.uint8), "6 pixels a side"),
    ],
)
def test_other_idx_files_are_refused(folder, images, found):
    content = bytes((0, 0, 8, images.ndim)) + struct.pack(f">{images.ndim}I", *images.shape) + images.tobytes()
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(SourceError, match=found):
        MovingMnistSource.open("moving-mnist", MovingMnistConfig(folder=str(folder)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"digits": 0},
        {"num_frames": 0},
        {"seed": -1},
        {"test_sequences": -1},
        {"step": 1.5},
        {"step": float("nan")},
        {"train_sequences": 0, "validation_sequences": 0, "test_sequences": 0},
    ],
)
@pytest.mark.parametrize("config", [MovingDigitsConfig, MovingMnistConfig])
def test_values_that_cannot_be_are_refused(config, wrong):
    with pytest.raises(ConfigurationError):
        settings(config, wrong, where="source")


def _seconds(action):
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
