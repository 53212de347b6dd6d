"""Writers: exact where the format can be, close where it cannot, nothing overwritten, nothing half-written."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from framecast.frames.errors import SourceError
from framecast.sources.eight_bits import eight_bits
from framecast.sources.open import open_source
from framecast.sources.writers_table import FOLDER, WRITERS
from framecast.sources.writing import check_ending, playing_rate, write_frames

ENDINGS = ["" if ending == FOLDER else ending for ending in WRITERS]
VIDEOS = [".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif"]
SINGLE = [".png"]
NATIVE = [".npy", ".npz", ".nc", ".zarr"]
STACKS = [".tif", ".tiff", ".ome.tif", ".ome.tiff"]
EXACT = {1: [".mkv", ".gif", "", *STACKS, *NATIVE], 3: [".mkv", "", *STACKS, *NATIVE]}


def read_back(path) -> np.ndarray:
    return open_source(path).sequences[0].read()


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other.astype(float)) ** 2)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(48, 64), (33, 47)])
@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending not in SINGLE])
def test_what_is_written_is_read_back(ending, size, channels, tmp_path, waves):
    frames = waves(9, *size, channels)
    path = write_frames(tmp_path / f"out{ending}", frames, step_seconds=1 / 25)
    assert path == tmp_path / f"out{ending}"
    back = read_back(path)
    assert len(back) == 9
    if ending in EXACT[channels]:
        np.testing.assert_array_equal(back, frames)
        return
    padded = tuple(length + length % 2 if ending in (".mp4", ".mov") else length for length in size)
    assert back.shape == (9, channels, *padded)
    # Where frames are padded, the last row and column are repeated, so all of it is compared.
    rest = [(0, padded[0] - size[0]), (0, padded[1] - size[1])]
    assert psnr(back, np.pad(frames, [(0, 0), (0, 0), *rest], mode="edge")) > (29 if channels == 3 else 40)


@pytest.mark.parametrize("ending", VIDEOS)
@pytest.mark.parametrize("fps", [0.5, 7, 25, 30000 / 1001])
def test_the_pace_of_a_video_is_kept(ending, fps, tmp_path, waves):
    path = write_frames(tmp_path / f"x{ending}", waves(21, 8, 8), step_seconds=None, fps=fps)
    info = open_source(path).sequences[0].info
    assert info.num_frames == 21
    assert info.step_seconds == pytest.approx(1 / fps, rel=0.02 if ending == ".gif" else 1e-3)


def test_a_gif_is_never_faster_than_viewers_show_it(tmp_path, waves):
    path = write_frames(tmp_path / "x.gif", waves(6, 8, 8), step_seconds=None, fps=100)
    assert open_source(path).sequences[0].info.step_seconds == pytest.approx(0.02)


@pytest.mark.parametrize("ending", VIDEOS)
@pytest.mark.parametrize("num_frames", [1, 2, 30])
def test_frames_that_do_not_change_are_all_kept(ending, num_frames, tmp_path):
    for channels in (1, 3):
        frames = np.full((num_frames, channels, 16, 16), 90, np.uint8)
        path = write_frames(tmp_path / f"x{channels}{ending}", frames, step_seconds=0.1)
        back = read_back(path)
        assert len(back) == num_frames
        assert np.abs(back.astype(int) - 90).max() <= 2


@pytest.mark.parametrize("ending", [ending for ending in VIDEOS if ending != ".mkv"])
def test_tiny_frames_are_written(ending, tmp_path):
    path = write_frames(tmp_path / f"x{ending}", np.full((2, 1, 1, 1), 200, np.uint8), step_seconds=None)
    assert np.abs(read_back(path).astype(int) - 200).max() <= 2


@pytest.mark.parametrize("ending", NATIVE)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_arrays_keep_every_type(ending, dtype, channels, tmp_path):
    frames = np.random.default_rng(0).normal(0, 50, (6, channels, 7, 8)).astype(dtype)
    back = read_back(write_frames(tmp_path / f"x{ending}", frames, step_seconds=None))
    assert back.dtype == frames.dtype
    np.testing.assert_array_equal(back, frames)


def test_arrays_are_laid_out_as_their_readers_expect(tmp_path, waves):
    for channels, shape in ((1, (4, 5, 6)), (3, (4, 5, 6, 3))):
        path = write_frames(tmp_path / f"{channels}.npy", waves(4, 5, 6, channels), step_seconds=None)
        assert np.load(path).shape == shape
    with np.load(write_frames(tmp_path / "x.npz", waves(4, 5, 6), step_seconds=None)) as members:
        assert list(members) == ["frames"]


def test_a_folder_counts_from_one(tmp_path, waves):
    path = write_frames(tmp_path / "new" / "images", waves(3, 8, 8), step_seconds=None)
    assert [image.name for image in sorted(path.iterdir())] == ["frame_0001.png", "frame_0002.png", "frame_0003.png"]


def test_sixteen_bits_of_grey_survive_in_images(tmp_path):
    frames = np.random.default_rng(0).integers(0, 65536, (3, 1, 5, 6)).astype(np.uint16)
    np.testing.assert_array_equal(read_back(write_frames(tmp_path / "x", frames, step_seconds=None)), frames)


def test_one_frame_may_be_one_picture_more_may_not(tmp_path, waves):
    path = write_frames(tmp_path / "x.png", waves(1, 8, 9), step_seconds=None)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), waves(1, 8, 9)[0].transpose(1, 2, 0))
    with pytest.raises(SourceError, match=r"one picture, there are 2 frames; give a folder"):
        write_frames(tmp_path / "y.png", waves(2, 8, 9), step_seconds=None)


@pytest.mark.parametrize("ending", [*VIDEOS, ""])
def test_measurements_are_mapped_by_their_range(ending, tmp_path):
    frames = np.broadcast_to(np.linspace(-10, 30, 5, dtype=np.float32)[:, None, None, None], (5, 1, 16, 16)).copy()
    frames[4, 0, :8] = np.nan
    path = write_frames(tmp_path / f"x{ending}", frames, step_seconds=None, value_range=(-10, 20))
    back = read_back(path).astype(float)
    for index, expected in enumerate((0, 85, 170, 255, 255)):
        assert np.abs(back[index, :, 9:] - expected).max() <= 3
    assert back[4, :, :7].max() <= 3


@pytest.mark.parametrize("dtype", ["float32", "int32", "int16"])
def test_measurements_without_a_range_are_refused(dtype, tmp_path):
    with pytest.raises(SourceError, match=rf"type {dtype} need a value range to become pictures"):
        write_frames(tmp_path / "x.mp4", np.zeros((2, 1, 8, 8), dtype), step_seconds=None)


def test_pictures_of_many_channels_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"1 or 3 channels, these frames have 5; write them to \.npy"):
        write_frames(tmp_path / "x.gif", np.zeros((2, 5, 8, 8), np.uint8), step_seconds=None)


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-3, 1e6))
@hypothesis_settings(deadline=None, max_examples=50)
def test_the_ends_of_the_range_are_black_and_white(low, span):
    values = np.array([low - span, low, low + span / 2, low + span, low + 2 * span, np.inf, -np.inf, np.nan])
    mapped = eight_bits(values[:, None, None, None], (low, low + span)).ravel()
    assert mapped.tolist()[:2] == [0, 0]
    assert mapped[2] in (127, 128)
    assert mapped.tolist()[3:] == [255, 255, 255, 0, 0]


def test_eight_bits_without_a_range_of_their_own_pass_unchanged(waves):
    np.testing.assert_array_equal(eight_bits(waves(3, 4, 5), None), waves(3, 4, 5).transpose(0, 2, 3, 1))
    assert eight_bits(np.ones((1, 1, 1, 1), np.uint8), (0, 1)).ravel().tolist() == [255]
    assert eight_bits(np.array([[[[False]], [[True]], [[True]]]]), None).ravel().tolist() == [0, 255, 255]
    assert eight_bits(np.full((1, 1, 1, 1), 65535, np.uint16), None).ravel().tolist() == [255]


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_overwritten_unless_allowed(ending, tmp_path, waves):
    first, second = waves(1, 16, 16), waves(1, 16, 16)[:, :, ::-1]
    path = write_frames(tmp_path / f"x{ending}", first, step_seconds=None)
    before = read_back(path)
    with pytest.raises(SourceError, match="is already there"):
        write_frames(path, second, step_seconds=None)
    np.testing.assert_array_equal(read_back(path), before)
    write_frames(path, second, step_seconds=None, overwrite=True)
    assert psnr(read_back(path), before) < 30


def test_of_a_folder_only_numbered_images_are_replaced(tmp_path, waves):
    path = write_frames(tmp_path / "x", waves(5, 8, 8), step_seconds=None)
    (path / "notes.txt").write_text("mine")
    with pytest.raises(SourceError, match="is already there"):
        write_frames(path, waves(2, 8, 8), step_seconds=None)
    write_frames(path, waves(2, 8, 8), step_seconds=None, overwrite=True)
    assert sorted(entry.name for entry in path.iterdir()) == ["frame_0001.png", "frame_0002.png", "notes.txt"]


def test_an_empty_folder_that_is_there_is_filled(tmp_path, waves):
    (tmp_path / "x.d").mkdir()
    write_frames(tmp_path / "x.d", waves(2, 8, 8), step_seconds=None)
    assert len(list((tmp_path / "x.d").iterdir())) == 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failure_leaves_everything_as_it_was(ending, tmp_path, waves, monkeypatch):
    path = write_frames(tmp_path / f"x{ending}", waves(1, 16, 16), step_seconds=None)
    before = read_back(path)

    def fail_half_way(target, frames, facts):
        target.write_bytes(b"half of it")
        raise RuntimeError("the power went out")

    monkeypatch.setattr(WRITERS, "load", lambda _: fail_half_way)
    for name in (path.name, f"fresh{ending}"):
        with pytest.raises(RuntimeError, match="power"):
            write_frames(tmp_path / name, waves(1, 8, 8), step_seconds=None, overwrite=True)
    np.testing.assert_array_equal(read_back(path), before)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_disk_that_refuses_is_a_users_error(tmp_path, waves):
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=r"cannot be written: (Not a directory|File exists)"):
        write_frames(tmp_path / "file" / "x.npy", waves(1, 8, 8), step_seconds=None)


def test_what_ffmpeg_refuses_is_a_users_error(tmp_path):
    with pytest.raises(SourceError, match=r"FFmpeg cannot write 'x\.mkv' with pictures of 16x1"):
        write_frames(tmp_path / "x.mkv", np.zeros((2, 3, 16, 1), np.uint8), step_seconds=None)
    assert list(tmp_path.iterdir()) == []


def test_names_with_spaces_and_other_letters(tmp_path, waves):
    for ending in (".mp4", ".gif", ".npy", ""):
        path = write_frames(tmp_path / "mésures d'été" / f"雨 %03d{ending}", waves(2, 16, 16), step_seconds=None)
        assert open_source(path).sequences[0].info.num_frames == 2


@pytest.mark.parametrize(
    ("path", "writer"),
    [
        ("x.MP4", ".mp4"),
        ("a/b.c/x.tiff", ".tiff"),
        ("x.OME.tif", ".ome.tif"),
        ("images", FOLDER),
        ("images.d/", FOLDER),
        (".", FOLDER),
    ],
)
def test_the_ending_chooses(path, writer):
    assert check_ending(path) == writer


def test_an_unknown_ending_is_answered_with_the_choices(tmp_path, waves):
    with pytest.raises(SourceError, match=r"no format is known for '\.mp5'\. Choose from \.mp4, .*a folder of images"):
        write_frames(tmp_path / "x.mp5", waves(1, 8, 8), step_seconds=None)


@pytest.mark.parametrize(
    ("step_seconds", "fps", "expected"),
    [
        (None, None, 10),
        (0.04, None, 25),
        (1001 / 30000, None, 30000 / 1001),
        (1.0, None, 1),
        (300.0, None, 10),  # a radar's five minutes
        (1e-5, None, 10),  # a high-speed camera
        (300.0, 5, 5),
        (None, 0.25, 0.25),
    ],
)
def test_the_pace_is_the_recordings_own_where_it_can_be_watched(step_seconds, fps, expected):
    assert float(playing_rate(step_seconds, fps)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("fps", [0, -1, 1e-9, 0.0001, float("nan"), float("inf")])
def test_a_pace_of_nothing_is_refused(fps):
    with pytest.raises(SourceError, match=r"must be 0\.001 or more"):
        playing_rate(None, fps)


@pytest.mark.parametrize("shape", [(3, 4, 4), (0, 1, 4, 4)])
def test_frames_have_four_axes_and_something_in_them(shape, tmp_path):
    with pytest.raises(ValueError, match=r"\(T, C, H, W\)"):
        write_frames(tmp_path / "x.npy", np.zeros(shape), step_seconds=None)


def test_a_video_plays_in_browsers(tmp_path, waves):
    """The index stands before the pictures, and colour is stored in the subsampling that browsers decode."""
    content = write_frames(tmp_path / "x.mp4", waves(5, 33, 47), step_seconds=None).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert b"avc1" in content
    from framecast.sources.video.facts import open_stream

    container, stream = open_stream(tmp_path / "x.mp4")
    with container:
        assert stream.codec_context.pix_fmt == "yuv420p"


def test_an_animation_repeats(tmp_path, waves):
    assert b"NETSCAPE2.0" in write_frames(tmp_path / "x.gif", waves(3, 8, 8), step_seconds=None).read_bytes()


def test_real_frames_survive_every_video_format(test_data, tmp_path):
    frames = open_source(test_data / "ucf101" / "videos" / "Diving" / "v_Diving_g01_c01.avi").sequences[0].read(0, 8)
    for ending in VIDEOS:
        back = read_back(write_frames(tmp_path / f"x{ending}", frames, step_seconds=0.04))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # an exact copy has an infinite PSNR
            assert psnr(back, frames) > (30 if ending == ".gif" else 38), ending


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_too_large_for_gif_is_told(channels, tmp_path):
    with pytest.raises(SourceError, match=r"FFmpeg cannot write 'x\.gif' with pictures of 2x70000"):
        write_frames(tmp_path / "x.gif", np.zeros((1, channels, 2, 70_000), np.uint8), step_seconds=None)
    assert not list(tmp_path.iterdir())
