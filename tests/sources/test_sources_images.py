"""Images: folders as sequences, natural order, modes kept, disagreements named, damage told."""

import gzip

import numpy as np
import pytest
from PIL import Image

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.open import open_source
from framecast.sources.writing import write_frames


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **options)


def test_frames_follow_the_numbers_in_their_names(tmp_path):
    for number in (10, 2, 1, 100):
        save(tmp_path / f"t{number}.png", np.full((4, 6), number, np.uint8))
    (sequence,) = open_source(tmp_path).sequences
    assert sequence.read()[:, 0, 0, 0].tolist() == [1, 2, 10, 100]
    assert sequence.info.name == tmp_path.name


def test_a_folder_typed_as_a_dot_has_its_own_name(tmp_path, monkeypatch):
    save(tmp_path / "run" / "0.png", np.zeros((4, 6), np.uint8))
    monkeypatch.chdir(tmp_path / "run")
    assert open_source(".").sequences[0].info.name == "run"
    assert open_source("../run/.").sequences[0].info.name == "run"
    (tmp_path / "run" / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "run" / "deeper")
    assert open_source("..").sequences[0].info.name == "run"


def test_every_folder_with_images_is_a_sequence_and_a_group(tmp_path):
    for place in (".", "day1/left", "day1/right", "day2"):
        for number in range(3):
            save(tmp_path / place / f"{number}.png", np.full((4, 6), number, np.uint8))
    infos = [sequence.info for sequence in open_source(tmp_path).sequences]
    assert sorted(info.name for info in infos) == sorted([tmp_path.name, "day1/left", "day1/right", "day2"])
    assert all(info.group == info.name and info.num_frames == 3 for info in infos)


def test_a_folder_in_a_folder_of_the_same_name(tmp_path):
    for place in ("walk", "walk/walk"):
        for number in range(3):
            save(tmp_path / place / f"{number}.png", np.full((4, 6), number, np.uint8))
    assert [sequence.info.name for sequence in open_source(tmp_path / "walk").sequences] == [".", "walk"]


def test_images_that_change_their_type_are_not_folded_into_the_old_one(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", np.full((4, 6), number, np.uint8))
    (sequence,) = open_source(tmp_path).sequences
    save(tmp_path / "1.png", np.full((4, 6), 300, np.uint16))
    with pytest.raises(SourceError, match="have changed since they were listed: uint16 was found, where uint8 was"):
        sequence.read()


RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize(
    ("pixels", "dtype", "value_range"),
    [
        (RGB[..., 0], "uint8", (0, 255)),
        (RGB, "uint8", (0, 255)),
        # Which part of 16 bits a camera uses, only the data can tell.
        (RGB[..., 0].astype(np.uint16) * 800, "uint16", None),
        (RGB[..., 0] > 30, "uint8", (0, 255)),
    ],
)
def test_grey_stays_grey_colour_stays_colour(pixels, dtype, value_range, ending, tmp_path):
    save(tmp_path / f"x.{ending}", pixels)
    (sequence,) = open_source(tmp_path).sequences
    assert (sequence.info.dtype, sequence.info.value_range) == (dtype, value_range)
    expected = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    expected = expected * np.uint8(255) if pixels.dtype == bool else expected
    np.testing.assert_array_equal(sequence.read()[0], expected)


@pytest.mark.parametrize(("dtype", "value"), [(np.float32, -1.5), (np.int32, -70_000)])
def test_a_tiff_holds_measurements(dtype, value, tmp_path):
    save(tmp_path / "x.tiff", np.full((4, 6), value, dtype))
    (sequence,) = open_source(tmp_path).sequences
    assert (sequence.info.dtype, sequence.info.value_range) == (np.dtype(dtype).name, None)
    assert sequence.read().tolist() == np.full((1, 1, 4, 6), value, dtype).tolist()


def test_big_endian_pages_are_read_in_native_order(tmp_path):
    Image.frombytes("I;16B", (3, 1), np.array([1, 256, 40_000], ">u2").tobytes()).save(tmp_path / "x.tif")
    assert open_source(tmp_path).sequences[0].read().ravel().tolist() == [1, 256, 40_000]


def test_transparency_is_dropped_with_a_note(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", np.dstack([RGB, np.full((4, 6), 7, np.uint8)]))
    source = open_source(tmp_path)
    np.testing.assert_array_equal(source.sequences[0].read()[1], RGB.transpose(2, 0, 1))
    assert source.notes == ("Transparency was dropped, for example of '0.png'.",)


def test_a_palette_becomes_colour(tmp_path):
    Image.fromarray(RGB).quantize(256).save(tmp_path / "x.png")
    np.testing.assert_array_equal(open_source(tmp_path).sequences[0].read()[0], RGB.transpose(2, 0, 1))


def test_a_photograph_taken_upright_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "x.jpg", np.repeat(np.linspace(0, 255, 24).astype(np.uint8)[:, None], 16, axis=1), exif=exif)
    (sequence,) = open_source(tmp_path).sequences
    assert sequence.info.frame_shape == (1, 16, 24)
    assert np.all(np.diff(sequence.read()[0, 0, 8].astype(int)) < 0)


def test_disagreeing_sizes_are_named(tmp_path):
    save(tmp_path / "t1.png", RGB)
    save(tmp_path / "t2.png", RGB[:3])
    with pytest.raises(
        SourceError, match=r"t1\.png' is 4x6 \(H x W\) RGB uint8, .*t2\.png' is 3x6 \(H x W\) RGB uint8"
    ):
        open_source(tmp_path)
    assert open_source(tmp_path, options={"pattern": "t2*"}).sequences[0].info.height == 3


def test_disagreeing_modes_are_named(tmp_path):
    save(tmp_path / "t1.png", RGB)
    save(tmp_path / "t2.png", RGB[..., 0])
    with pytest.raises(SourceError, match=r"is 4x6 \(H x W\) RGB uint8, .* is 4x6 \(H x W\) grey uint8"):
        open_source(tmp_path)


def test_pages_of_a_tiff_are_frames(tmp_path, waves):
    frames = waves(7, 5, 6, 1).astype(np.uint16) * 200
    path = write_frames(tmp_path / "stack.tif", frames, step_seconds=None)
    (sequence,) = open_source(path, options={"value_range": [0, 4095], "step_seconds": 2.5}).sequences
    assert (sequence.info.name, sequence.info.value_range, sequence.info.step_seconds) == ("stack.tif", (0, 4095), 2.5)
    np.testing.assert_array_equal(sequence.read(2, 6), frames[2:6])
    np.testing.assert_array_equal(sequence.read(1, 2), frames[1:2])


def test_stacks_in_a_folder_are_sequences_of_their_own(tmp_path, waves):
    for name in ("a.tif", "b.tif"):
        write_frames(tmp_path / name, waves(3, 5, 6, 1), step_seconds=None)
    save(tmp_path / "c.png", RGB)
    names = [sequence.info.name for sequence in open_source(tmp_path).sequences]
    assert names == ["a.tif", "b.tif", tmp_path.name]


def test_pages_of_different_sizes_are_named(tmp_path):
    first, second = Image.new("L", (4, 4)), Image.new("L", (2, 2))
    first.save(tmp_path / "x.tif", save_all=True, append_images=[second])
    with pytest.raises(SourceError, match=r"x\.tif' is 4x4 .*x\.tif \(page 2\)' is 2x2"):
        open_source(tmp_path / "x.tif")


DAMAGE = [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"II*\x00\x08\x00\x00\x00", b"P5 4 4 255", b"\x1f\x8b\x08"]


@pytest.mark.parametrize("content", DAMAGE)
def test_a_file_that_is_no_picture_is_named_beside_those_that_are(content, tmp_path):
    save(tmp_path / "t1.png", RGB)
    (tmp_path / "t2.png").write_bytes(content)
    source = open_source(tmp_path)
    assert source.sequences[0].info.num_frames == 1
    assert [one.path for one in source.rejected] == [str(tmp_path / "t2.png")]
    assert source.rejected[0].reason.startswith("It cannot be read; it may be damaged or cut off (")


@pytest.mark.parametrize("content", DAMAGE)
def test_where_nothing_can_be_read_the_first_is_named(content, tmp_path):
    for name in ("t1.png", "t2.png"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=r"None of the 2 images in .* can be read; the first: .*t1\.png' cannot be"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match=r"t1\.png' cannot be read; it may be damaged or cut off"):
        open_source(tmp_path / "t1.png")


def test_pixels_are_decoded_only_when_they_are_read(tmp_path, waves):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for number in range(3):
        save(tmp_path / f"{number}.png", noise)
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:5000])
    (sequence,) = open_source(tmp_path).sequences
    assert sequence.info.num_frames == 3
    np.testing.assert_array_equal(sequence.read(2, 3)[0], noise.transpose(2, 0, 1))
    with pytest.raises(SourceError, match=r"1\.png' cannot be read; it may be damaged or cut off"):
        sequence.read(0, 2)


def test_a_changed_size_after_opening_is_told(tmp_path):
    for number in range(2):
        save(tmp_path / f"{number}.png", RGB)
    (sequence,) = open_source(tmp_path).sequences
    save(tmp_path / "1.png", RGB[:2])
    with pytest.raises(SourceError, match="changed their size"):
        sequence.read()
    save(tmp_path / "0.png", RGB[:2])
    with pytest.raises(SourceError, match="may be damaged"):
        sequence.read()


@pytest.mark.parametrize("ending", ["bmp", "webp"])
@pytest.mark.parametrize("pixels", [RGB, RGB[..., 0]])
def test_other_pictures_are_read_exactly(pixels, ending, tmp_path):
    save(tmp_path / f"x.{ending}", pixels, lossless=True)
    (sequence,) = open_source(tmp_path).sequences
    expected = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    np.testing.assert_array_equal(sequence.read()[0], np.broadcast_to(expected, sequence.info.frame_shape))


def test_stills_in_gif_files_are_pictures_when_the_user_says_so(tmp_path):
    for number in range(3):
        Image.fromarray(RGB).quantize(256).save(tmp_path / f"{number}.gif")
    (sequence,) = open_source(tmp_path, kind="images").sequences
    np.testing.assert_array_equal(sequence.read()[2], RGB.transpose(2, 0, 1))


def test_of_an_animation_the_first_frame_is_taken_with_a_note(tmp_path):
    first, *others = (Image.fromarray(np.full((4, 6), value, np.uint8)) for value in (1, 200))
    first.save(tmp_path / "x.png", save_all=True, append_images=others)
    source = open_source(tmp_path)
    assert source.sequences[0].read().max() == 1
    assert source.notes == ("Of an animation, the first frame was taken, for example of 'x.png'.",)


MAPS = {
    "grey8": (b"P5\n# a comment\n3 2\n# another\n200\n" + bytes(range(6)), (1, 2, 3), "uint8", (0, 200)),
    "grey16": (b"P5 3 2 4095\n" + np.arange(6, dtype=">u2").tobytes(), (1, 2, 3), "uint16", (0, 4095)),
    "full16": (b"P5 3 2 65535\n" + np.arange(6, dtype=">u2").tobytes(), (1, 2, 3), "uint16", None),
    "colour": (b"P6 1 2 255\n" + bytes(range(6)), (3, 2, 1), "uint8", (0, 255)),
    "colour16": (b"P6 1 2 999\n" + np.arange(6, dtype=">u2").tobytes(), (3, 2, 1), "uint16", (0, 999)),
    "plain": (b"P2 3 2 9 0 1 2\n# half\n3 4 5", (1, 2, 3), "uint8", (0, 9)),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", MAPS)
def test_portable_maps_keep_their_values_and_range(kind, packed, tmp_path):
    content, shape, dtype, value_range = MAPS[kind]
    ending = (".ppm" if "colour" in kind else ".pgm") + (".gz" if packed else "")
    for number in range(2):
        (tmp_path / f"{number}{ending}").write_bytes(gzip.compress(content) if packed else content)
    source = open_source(tmp_path)
    assert source.kind == "images"
    (sequence,) = source.sequences
    assert (sequence.info.frame_shape, sequence.info.dtype) == (shape, dtype)
    assert sequence.info.value_range == value_range
    expected = np.arange(6).reshape(2, -1, shape[0]).transpose(2, 0, 1)
    np.testing.assert_array_equal(sequence.read(1, 2)[0], expected)


@pytest.mark.parametrize(
    "content",
    [
        b"P5 3 2 255\n" + bytes(5),
        b"P5 99999 99999 255\n" + bytes(5),
        b"P5 3 0 255\n",
        b"P5 3 2 65536\n" + bytes(12),
        b"P2 3 2 9 0 1 2 3 4 10",
        b"P2 3 2 9 0 1 2 3 4 x",
    ],
)
def test_damaged_portable_maps_are_told(content, tmp_path):
    (tmp_path / "x.pgm").write_bytes(content)
    with pytest.raises(SourceError, match=r"image '.*x\.pgm' cannot be read"):
        open_source(tmp_path / "x.pgm").sequences[0].read()


def test_a_number_stands_for_a_missing_value(tmp_path):
    save(tmp_path / "x.png", RGB[..., 0])
    (sequence,) = open_source(tmp_path, options={"missing": 3}).sequences
    assert (sequence.info.dtype, sequence.info.has_missing) == ("float32", True)
    assert np.isnan(sequence.read()).sum() == 1


def test_a_value_range_must_rise(tmp_path):
    save(tmp_path / "x.png", RGB)
    with pytest.raises(ConfigurationError, match=r"value_range must be two finite numbers, the lower first, found \[1"):
        open_source(tmp_path, options={"value_range": [1, 1]})


def test_a_real_time_lapse(test_data):
    source = open_source(test_data / "microscopy" / "drosophila")
    assert [sequence.info.name for sequence in source.sequences] == ["Sequence1", "Sequence2", "Sequence3"]
    for sequence in source.sequences:
        assert (sequence.info.num_frames, *sequence.info.frame_shape) == (21, 3, 264, 542)
    second = source.sequences[1].read()
    same = [bool(np.array_equal(second[i], second[i - 1])) for i in range(1, 21)]
    assert [i + 1 for i, repeated in enumerate(same) if repeated] == [3, 6, 9, 12, 15, 18]  # as its provenance tells
    np.testing.assert_array_equal(second[:1], source.sequences[0].read(20, 21))
    np.testing.assert_array_equal(source.sequences[1].read(5, 9), second[5:9])


def test_a_real_stack_of_pages(test_data):
    (sequence,) = open_source(test_data / "microscopy" / "mitosis" / "C1-MAX_mitosis.tif").sequences
    frames = sequence.read()
    assert frames.shape == (51, 1, 196, 171)
    assert frames.dtype == np.uint16
    assert (frames.min(), frames.max()) == (1667, 51107)
    assert sequence.info.value_range is None


def test_a_real_stack_is_written_exactly(test_data, tmp_path):
    frames = open_source(test_data / "microscopy" / "mitosis" / "C1-MAX_mitosis.tif").sequences[0].read(0, 5)
    for ending in (".tif", ".ome.tif"):
        path = write_frames(tmp_path / f"x{ending}", frames, step_seconds=7)
        (back,) = open_source(path).sequences
        np.testing.assert_array_equal(back.read(), frames)
        assert back.info.step_seconds == 7
