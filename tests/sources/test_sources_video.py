"""Videos: exact frames from any codec, honest answers about damaged files, bounded memory and file handles."""

import multiprocessing
import random
import shutil
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from framecast.frames.errors import SourceError
from framecast.sources.open import open_source
from framecast.sources.writing import write_frames

CODECS = {
    "h264-b-frames.mp4": {"codec": "libx264", "bf": "3", "g": "12"},
    "h264-open-gop.mp4": {"codec": "libx264", "bf": "3", "g": "12", "x264-params": "open-gop=1"},
    "h264-short-gop.mp4": {"codec": "libx264", "bf": "3", "g": "2"},
    "h264.mov": {"codec": "libx264", "bf": "0", "g": "10", "rate": Fraction(30000, 1001)},
    "h264.mkv": {"codec": "libx264", "bf": "3", "g": "12"},
    "h264-b-frames.avi": {"codec": "libx264", "bf": "3", "g": "12"},
    "mpeg4.avi": {"codec": "mpeg4", "g": "12"},
    "mpeg4-b-frames.avi": {"codec": "mpeg4", "bf": "2", "g": "12"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "vp8.webm": {"codec": "libvpx", "b": "1M", "g": "15", "auto-alt-ref": "1", "lag-in-frames": "16"},
    "vp9.webm": {"codec": "libvpx-vp9", "crf": "30", "b": "0", "g": "12", "cpu-used": "8"},
    "ffv1.mkv": {"codec": "ffv1", "pixels": "bgr0"},
    "animation.gif": {"codec": "gif", "pixels": "rgb8"},
    "animation.apng": {"codec": "apng", "pixels": "rgb24", "container": "apng"},
}


def decoded_by_ffmpeg(path: Path, pixels: str = "rgb24") -> np.ndarray:
    """All frames in the order of the decoder, (T, C, H, W): the truth that every read is compared with."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format=pixels) for frame in container.decode(video=0)]
    stacked = np.stack(frames)
    return stacked[:, None] if stacked.ndim == 3 else stacked.transpose(0, 3, 1, 2)


def assert_exact(path: Path, reads: int) -> None:
    sequence = open_source(path).sequences[0]
    truth = decoded_by_ffmpeg(path)
    assert sequence.info.num_frames == len(truth)
    draw = random.Random(path.name)
    for _ in range(reads):
        start = draw.randrange(len(truth))
        stop = min(len(truth), start + draw.randrange(1, 20))
        np.testing.assert_array_equal(sequence.read(start, stop), truth[start:stop], err_msg=f"{start}:{stop}")
    last = len(truth) - 1
    for start in (last, 0, last, 1, 2, 3):
        np.testing.assert_array_equal(sequence.read(start, start + 1), truth[start : start + 1])


@pytest.mark.parametrize("name", CODECS)
def test_any_read_equals_the_slice_of_the_entire_decode(name, tmp_path, encode):
    path = encode(tmp_path / name, **CODECS[name])
    assert_exact(path, reads=15)
    info = open_source(path).sequences[0].info
    assert info.frame_shape == (3, 48, 64)
    assert info.step_seconds == pytest.approx(float(1 / CODECS[name].get("rate", 25)), rel=1e-3)


@pytest.mark.parametrize(
    "name",
    [
        "ucf101/videos/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi",  # B-frames, one key frame, no presentation times
        "ucf101/videos/Diving/v_Diving_g01_c03.avi",
        "kth/boxing/person01_boxing_d1_uncomp.avi",
    ],
)
def test_real_recordings_are_read_exactly(name, test_data):
    assert_exact(test_data / name, reads=8)


def test_a_real_folder_of_videos(test_data):
    source = open_source(test_data / "ucf101" / "videos")
    infos = [sequence.info for sequence in source.sequences]
    assert len(infos) == 17
    assert source.notes == ()
    assert infos[0].name == "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi"
    assert [info.num_frames for info in infos[:3]] == [164, 123, 259]
    assert {info.frame_shape for info in infos} == {(3, 240, 320)}
    assert {round(1 / info.step_seconds, 3) for info in infos} == {25.0, 29.97}
    options = {"group_pattern": "v_(.+_g[0-9]+)_c"}
    grouped = open_source(test_data / "ucf101" / "videos", options=options)
    assert len({sequence.info.group for sequence in grouped.sequences}) == 5


@pytest.mark.parametrize(("name", "pixels"), [("x.apng", "rgb24"), ("x.gif", "rgb8")])
def test_frames_that_store_only_what_changes_are_exact(name, pixels, tmp_path):
    """A square moves before noise that is replaced half-way, so that later frames build on a later start."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    with av.open(str(tmp_path / name), "w", format=name[2:]) as container:
        stream = container.add_stream(name[2:], rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
        for time in range(40):
            picture = noise[time // 20].copy()
            picture[time : time + 6, time : time + 6] = 255 - time
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    assert_exact(tmp_path / name, reads=10)


def test_a_seek_beyond_what_is_asked_is_mended(tmp_path, encode, monkeypatch):
    """Key marks may be wrong, or a container may seek past the frame: plant entries that come too late."""
    path = encode(tmp_path / "x.mp4", "libx264", bf="3", g="8")
    truth = decoded_by_ffmpeg(path)
    sequence = open_source(path).sequences[0]
    facts = sequence._facts
    too_late = np.minimum(facts.entries + 3, len(truth) - 1)
    too_late[0] = 0
    object.__setattr__(facts, "entries", too_late)
    for start in (30, 17, 25, 9, 3):
        np.testing.assert_array_equal(sequence.read(start, start + 5), truth[start : start + 5])


def test_times_that_do_not_fit_the_decoder_are_given_up(tmp_path, encode):
    path = encode(tmp_path / "x.mp4", "libx264", bf="3", g="8")
    truth = decoded_by_ffmpeg(path)
    sequence = open_source(path).sequences[0]
    object.__setattr__(sequence._facts, "times", sequence._facts.times + 1)
    for start in (30, 0, 12):
        np.testing.assert_array_equal(sequence.read(start, start + 5), truth[start : start + 5])


@pytest.mark.parametrize("pixels", ["gray", "gray10le"])
def test_grey_stays_one_channel(pixels, tmp_path, encode):
    path = encode(tmp_path / "x.mkv", "ffv1", pixels=pixels)
    source = open_source(path)
    np.testing.assert_array_equal(source.sequences[0].read(), decoded_by_ffmpeg(path, pixels))
    assert source.sequences[0].info.channels == 1
    assert source.notes == ()


def test_a_palette_is_colour(tmp_path, encode):
    assert open_source(encode(tmp_path / "x.gif", "gif", pixels="rgb8")).sequences[0].info.channels == 3


def test_nothing_is_decoded_at_opening(tmp_path, encode, monkeypatch):
    encode(tmp_path / "x.mp4", "libx264")

    def refuse(*_):
        raise AssertionError("decoded too early")

    monkeypatch.setattr("framecast.sources.video.decoding.Decoder.read_into", refuse)
    sequence = open_source(tmp_path).sequences[0]
    with pytest.raises(AssertionError, match="too early"):
        sequence.read(0, 1)


def test_memory_follows_what_is_asked_not_the_length(tmp_path, encode):
    path = encode(tmp_path / "x.mp4", "libx264", num_frames=600, g="50", preset="ultrafast")
    sequence = open_source(path).sequences[0]
    sequence.read(0, 1)
    tracemalloc.start()
    for start in (590, 0, 300):
        sequence.read(start, start + 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 48 * 64 * 3


def test_few_files_stay_open(tmp_path, encode):
    first = encode(tmp_path / "0.mp4", "libx264", num_frames=5)
    for number in range(1, 30):
        shutil.copy(first, tmp_path / f"{number}.mp4")
    source = open_source(tmp_path)
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("open files cannot be counted here")
    before = len(list(handles.iterdir()))
    for sequence in source.sequences:
        sequence.read(0, 2)
    assert len(source.sequences) == 30
    assert len(list(handles.iterdir())) - before <= 8


def _read_in_child(sequence, starts, queue):
    queue.put([sequence.read(start, start + 3) for start in starts])


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")  # Python 3.12 and later
def test_forked_processes_do_not_disturb_each_other(tmp_path, encode):
    path = encode(tmp_path / "x.mp4", "libx264", num_frames=200, g="10")
    truth = decoded_by_ffmpeg(path)
    sequence = open_source(path).sequences[0]
    sequence.read(0, 5)  # the file is now open, and a fork inherits it
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    starts = list(range(190, 0, -7))
    child = context.Process(target=_read_in_child, args=(sequence, starts, queue))
    child.start()
    for start in range(5, 195, 3):
        np.testing.assert_array_equal(sequence.read(start, start + 3), truth[start : start + 3])
    for start, frames in zip(starts, queue.get(timeout=60), strict=True):
        np.testing.assert_array_equal(frames, truth[start : start + 3])
    child.join(timeout=60)
    assert child.exitcode == 0


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize("name", ["mjpeg.avi", "h264.mkv", "vp9.webm", "animation.gif"])
def test_what_is_left_of_a_file_that_was_cut_off_is_read(name, tmp_path, encode):
    entire = decoded_by_ffmpeg(encode(tmp_path / name, **CODECS[name]))
    source = open_source(cut(tmp_path / name, 0.6))
    (sequence,) = source.sequences
    count = sequence.info.num_frames
    assert 5 < count < 40
    np.testing.assert_array_equal(sequence.read(0, count - 3), entire[: count - 3])
    assert sequence.read(0, count).shape[0] == count
    if name == "mjpeg.avi":
        assert source.notes == (f"'{name}' is cut off: its header promises 40 frames, {count} are there.",)


def test_damaged_files_in_a_folder_are_left_out_and_named(tmp_path, encode):
    encode(tmp_path / "good.mp4", "libx264")
    cut(encode(tmp_path / "cut.mp4", "libx264"), 0.5)
    (tmp_path / "empty.avi").touch()
    (tmp_path / "text.mp4").write_text("this is no film\n" * 100)
    (tmp_path / "list.mkv").write_text("#EXTM3U\n#EXTINF:1,\n" + str(tmp_path / "good.mp4"))
    shutil.copy(tmp_path / "good.mp4", tmp_path / "really an mp4.gif")
    source = open_source(tmp_path)
    assert [sequence.info.name for sequence in source.sequences] == ["good.mp4", "really an mp4.gif"]
    assert source.notes == ()
    assert [Path(one.path).name for one in source.rejected] == ["cut.mp4", "empty.avi", "list.mkv", "text.mp4"]
    assert all(one.reason.startswith("FFmpeg says '") for one in source.rejected)


@pytest.mark.parametrize(
    "content", [b"", b"this is no film", b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x20ftypisom" + b"\0" * 90]
)
def test_a_file_that_is_no_video_is_refused(content, tmp_path):
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(SourceError, match=r"no video to read in .*x\.mp4': 'x\.mp4' cannot be read: .*\.mp4, \.m4v"):
        open_source(tmp_path / "x.mp4")


def test_a_picture_named_as_a_video_is_refused(tmp_path, waves):
    picture = write_frames(tmp_path / "x.png", waves(1, 8, 8), step_seconds=None)
    with pytest.raises(SourceError, match="no video to read"):
        open_source(picture.rename(tmp_path / "x.mp4"))


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "x.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match="it holds no video stream"):
        open_source(tmp_path / "x.mp4")


def test_a_file_that_shrinks_after_opening_is_an_error_not_a_short_read(tmp_path, encode):
    path = encode(tmp_path / "x.avi", "mpeg4", g="12")
    sequence = open_source(path).sequences[0]
    cut(path, 0.5)
    with pytest.raises(SourceError, match=r"x\.avi"):
        sequence.read(0, 40)
    path.unlink()
    with pytest.raises(SourceError, match=r"can no longer be opened: No such file"):
        sequence.read(0, 1)
