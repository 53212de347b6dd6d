"""What the values of videos are: grey and colour, more than 8 bits, pictures that are stored turned, odd streams."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.open import open_source
from framecast.sources.writing import write_frames


def noise(num_frames: int, height: int, width: int, channels: int, high: int) -> np.ndarray:
    """(T, C, H, W) of 0 .. high."""
    drawn = np.random.default_rng(0).integers(0, high + 1, (num_frames, channels, height, width))
    return drawn.astype(np.uint8 if high < 256 else np.uint16)


def encode_arrays(path: Path, frames: np.ndarray, *, codec: str, pixels: str, given: str | None = None) -> Path:
    """Encode (T, C, H, W) as they are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[2:], pixels
        for frame in frames:
            picture = frame[0] if len(frame) == 1 else frame.transpose(1, 2, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), given or pixels)))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("width", [64, 37])
@pytest.mark.parametrize("bits", [9, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_more_than_eight_bits_are_read_as_they_are(channels, bits, width, tmp_path):
    frames = noise(4, 20, width, channels, 2**bits - 1)
    pixels = f"{'gray' if channels == 1 else 'gbrp'}{bits}le"
    source = open_source(encode_arrays(tmp_path / "x.mkv", frames, codec="ffv1", pixels=pixels))
    (sequence,) = source.sequences
    assert (sequence.info.dtype, sequence.info.channels) == ("uint16", channels)
    assert sequence.info.value_range == (0, 2**bits - 1)
    np.testing.assert_array_equal(sequence.read(), frames)
    np.testing.assert_array_equal(sequence.read(2, 3), frames[2:3])
    assert source.notes == ()


@pytest.mark.parametrize("width", [64, 46])
@pytest.mark.parametrize(
    ("codec", "pixels", "bits"),
    [("libx264", "yuv420p10le", 10), ("ffv1", "yuv422p12le", 12), ("ffv1", "yuv444p16le", 16), ("ffv1", "rgb48le", 16)],
)
def test_colour_of_many_bits_is_the_colour_of_eight(codec, pixels, bits, width, tmp_path):
    """Compared with the same smooth pictures as they were before any encoder."""
    y, x, c = np.meshgrid(np.arange(32), np.arange(width), np.arange(3), indexing="ij")
    picture = 0.5 + 0.2 * np.sin(0.06 * x + c) + 0.2 * np.cos(0.05 * y - c)
    frames = np.stack([(picture * 65535).astype(np.uint16).transpose(2, 0, 1)] * 3)
    path = encode_arrays(tmp_path / "x.mkv", frames, codec=codec, pixels=pixels, given="rgb48le")
    (sequence,) = open_source(path).sequences
    assert sequence.info.value_range == (0, 2**bits - 1)
    np.testing.assert_allclose(sequence.read() / (2**bits - 1), frames / 65535, atol=0.05)


@pytest.mark.parametrize("width", [8, 15, 17, 24, 33, 40, 50])
@pytest.mark.parametrize("height", [16, 17])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "bgr0", "gray", "yuva420p"])
def test_every_column_is_read_whatever_the_size(pixels, height, width, tmp_path):
    """Converters that work on blocks of columns may forget the last ones."""
    frames = np.full((3, 1, height, width), 200, np.uint8)
    path = encode_arrays(tmp_path / "x.mkv", frames, codec="ffv1", pixels=pixels, given="gray")
    for color in ("auto", "grey", "rgb"):
        (sequence,) = open_source(path, options={"color": color}).sequences
        assert np.abs(sequence.read().astype(int) - 200).max() <= 2


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif"])
def test_grey_frames_are_grey_when_they_are_read_again(ending, tmp_path, waves):
    frames = waves(5, 32, 48, 1)
    path = write_frames(tmp_path / f"x{ending}", frames, step_seconds=0.1)
    source = open_source(path)
    assert source.sequences[0].info.channels == 1
    assert source.notes == ()
    assert np.abs(source.sequences[0].read().astype(int) - frames).mean() < 2
    assert open_source(path, options={"color": "rgb"}).sequences[0].info.channels == 3


def test_colour_frames_stay_colour_even_when_the_first_is_black(tmp_path, waves):
    frames = waves(5, 32, 48, 3)
    frames[0] = 0
    source = open_source(write_frames(tmp_path / "x.mp4", frames, step_seconds=0.1))
    assert source.sequences[0].info.channels == 3
    assert source.notes == (
        "The first picture of the video is grey, stored as colour; source.color=grey reads one channel, not three.",
    )


def test_a_note_of_grey_is_not_believed_against_the_picture(tmp_path, waves):
    """As when somebody draws a coloured frame around it, and keeps what the file tells about itself."""
    path = write_frames(tmp_path / "x.mkv", waves(5, 32, 48, 3), step_seconds=0.1)
    content = path.read_bytes()
    assert content.count(b'"grey": false') == 1
    path.write_bytes(content.replace(b'"grey": false', b'"grey": true '))
    assert open_source(path).sequences[0].info.channels == 3


def test_grey_of_colour_is_its_brightness(tmp_path, waves):
    path = write_frames(tmp_path / "x.mkv", waves(5, 32, 48, 3), step_seconds=0.1)
    colour = open_source(path).sequences[0].read().astype(float)
    grey = open_source(path, options={"color": "grey"}).sequences[0].read().astype(float)
    expected = 0.299 * colour[:, :1] + 0.587 * colour[:, 1:2] + 0.114 * colour[:, 2:]
    assert grey.shape == (5, 1, 32, 48)
    assert np.abs(grey - expected).max() <= 2


def test_real_grey_recordings_are_pointed_out_and_can_be_read_as_grey(test_data):
    source = open_source(test_data / "kth" / "boxing")
    assert any("source.color=grey reads one channel" in note for note in source.notes)
    (grey,) = open_source(test_data / "kth" / "boxing", options={"color": "grey"}).sequences
    assert grey.info.frame_shape == (1, 120, 160)
    colour = source.sequences[0].read(100, 110).astype(int)
    assert np.abs(grey.read(100, 110).astype(int) - colour.mean(axis=1, keepdims=True)).mean() < 1


def test_an_unknown_colour_is_refused(tmp_path, encode):
    with pytest.raises(ConfigurationError, match=r"source\.color"):
        open_source(encode(tmp_path / "x.mp4", "libx264", num_frames=2), options={"color": "green"})


def corner(height: int, width: int) -> np.ndarray:
    """An upright picture of which no turn and no mirror image is the same."""
    picture = np.full((height, width), 40, np.uint8)
    picture[: height // 4, : width // 2] = 220
    picture[: height // 2, : width // 8] = 130
    return picture


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("name", ["x.mp4", "x.mov", "x.mkv"])
def test_pictures_come_upright(name, degrees, mirror, tmp_path):
    """A player turns what is stored counter-clockwise, and then mirrors it; here that is done beforehand, backwards."""
    upright = corner(32, 64)
    stored = np.rot90(upright[:, ::-1] if mirror else upright, -degrees // 90)
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, stream.pix_fmt = *stored.shape, "yuv420p"
        stream.set_display_rotation(degrees, hflip=mirror)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(stored), "gray")))
        container.mux(stream.encode())
    (sequence,) = open_source(tmp_path / name).sequences
    assert sequence.info.frame_shape == (3, 32, 64)
    for color, channels in (("rgb", 3), ("grey", 1)):
        frames = open_source(tmp_path / name, options={"color": color}).sequences[0].read(1, 3)
        assert frames.shape == (2, channels, 32, 64)
        assert np.abs(frames.astype(int) - upright).mean() < 2


def test_an_angle_that_is_no_quarter_turn_is_left_as_it_is(tmp_path):
    with av.open(str(tmp_path / "x.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 32, 64, "yuv420p"
        stream.set_display_rotation(30)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(corner(32, 64), "gray")))
        container.mux(stream.encode())
    source = open_source(tmp_path / "x.mp4", options={"color": "grey"})
    assert source.notes == (
        "'x.mp4' asks to be shown at an angle that is no quarter turn; it is read as it is stored.",
    )
    assert np.abs(source.sequences[0].read()[0, 0].astype(int) - corner(32, 64)).mean() < 4


def test_sound_beside_the_pictures_is_passed_over(tmp_path, waves):
    frames = waves(20, 32, 48, 3)
    with av.open(str(tmp_path / "x.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=44100)
        stream = container.add_stream("libx264", rate=25, options={"crf": "1", "g": "5"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        for picture in frames:
            drawn = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture.transpose(1, 2, 0)), "rgb24")
            container.mux(stream.encode(drawn))
            heard = av.AudioFrame.from_ndarray(np.zeros((1, 1764), np.float32), format="fltp", layout="mono")
            heard.rate = 44100
            container.mux(sound.encode(heard))
        for one in (stream, sound):
            container.mux(one.encode())
    source = open_source(tmp_path / "x.mp4")
    assert source.notes == ()
    assert source.sequences[0].info.num_frames == 20
    entire = source.sequences[0].read()
    assert np.abs(entire.astype(int) - frames).mean() < 8
    np.testing.assert_array_equal(source.sequences[0].read(11, 14), entire[11:14])


def test_of_several_videos_in_a_file_the_one_that_players_show_is_read(tmp_path):
    with av.open(str(tmp_path / "x.mkv"), "w") as container:
        streams = []
        for size in (16, 48, 32):
            stream = container.add_stream("ffv1", rate=25)
            stream.height, stream.width, stream.pix_fmt = size, size, "gray"
            streams.append(stream)
        for index in range(6):
            for stream in streams:
                picture = np.full((stream.height, stream.width), 20 * index + stream.width, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "gray")))
        for stream in streams:
            container.mux(stream.encode())
    source = open_source(tmp_path / "x.mkv")
    assert source.notes == ("'x.mkv' holds 3 videos; the one that players show, of 16x16 (H x W), is read.",)
    assert source.sequences[0].info.frame_shape == (1, 16, 16)
    assert source.sequences[0].read(2, 6)[:, 0, 0, 0].tolist() == [56, 76, 96, 116]


def test_interlaced_video_is_read_frame_by_frame(tmp_path, encode):
    path = encode(tmp_path / "x.mp4", "libx264", num_frames=12, flags="+ilme+ildct", **{"x264-params": "tff=1"})
    with av.open(str(path)) as container:
        truth = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    (sequence,) = open_source(path).sequences
    np.testing.assert_array_equal(sequence.read(), truth.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("value_range", "high", "read_range"),
    [
        (None, 65535, (0, 65535)),
        ((0, 65535), 65535, (0, 65535)),
        ((0, 1023), 1023, (0, 1023)),
        ((0, 4095), 4095, (0, 4095)),
        ((0, 255), 255, (0, 511)),
        ((0, 1023), 5000, (0, 16383)),  # brighter than the range: nothing is cut off
        ((100, 4000), 4000, (0, 4095)),
        ((-5.5, 1e9), 900, (0, 65535)),
    ],
)
def test_sixteen_bits_survive_in_matroska(value_range, high, read_range, channels, tmp_path):
    frames = noise(3, 9, 13, channels, max(high, 256)).clip(max=high)
    path = write_frames(tmp_path / "x.mkv", frames.astype(np.uint16), step_seconds=0.04, value_range=value_range)
    (sequence,) = open_source(path).sequences
    np.testing.assert_array_equal(sequence.read(), frames)
    assert sequence.info.value_range == read_range
    assert sequence.info.step_seconds == 0.04


def test_pictures_of_sixteen_bits_have_one_or_three_channels(tmp_path):
    with pytest.raises(SourceError, match="1 or 3 channels, these frames have 2"):
        write_frames(tmp_path / "x.mkv", np.zeros((2, 2, 8, 8), np.uint16), step_seconds=None)


def test_rates_that_are_no_whole_numbers_are_exact(tmp_path, waves):
    path = write_frames(tmp_path / "x.mp4", waves(5, 16, 16), step_seconds=None, fps=30000 / 1001)
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)
