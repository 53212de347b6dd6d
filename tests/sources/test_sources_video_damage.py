"""Damaged videos: what is sound is used, the rest is named; nothing crashes, hangs or fills the memory."""

import random
import struct
import zlib
from collections import Counter
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from framecast.frames.errors import SourceError
from framecast.sources.open import open_source

KINDS = {
    "h264.mp4": {"codec": "libx264", "bf": "2", "g": "8"},
    "h264.mkv": {"codec": "libx264", "bf": "2", "g": "8"},
    "mpeg4.avi": {"codec": "mpeg4", "g": "8"},
    "mpeg4-b.avi": {"codec": "mpeg4", "g": "8", "bf": "2"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "vp9.webm": {"codec": "libvpx-vp9", "crf": "30", "b": "0", "g": "8", "cpu-used": "8"},
    "ffv1.mkv": {"codec": "ffv1", "pixels": "bgr0"},
    "animation.gif": {"codec": "gif", "pixels": "rgb8"},
    "animation.apng": {"codec": "apng", "pixels": "rgb24", "container": "apng"},
}


def every_frame(path: Path, **options) -> int:
    """Read all that a source promises, in pieces; the number of frames."""
    (sequence,) = open_source(path, options=options).sequences
    count = sequence.info.num_frames
    for start in range(0, count, 7):
        sequence.read(start, min(start + 7, count))
    return count


def damaged(content: bytes, draw: random.Random) -> bytes:
    """One of the things that happen to files."""
    spoiled, place = bytearray(content), draw.randrange(len(content))
    match draw.choice(["cut", "flip", "zero", "noise", "lose"]):
        case "cut":
            del spoiled[place:]
        case "flip":
            for _ in range(draw.choice([1, 5, 50])):
                spoiled[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        case "zero":
            spoiled[place : place + 200] = bytes(len(content[place : place + 200]))
        case "noise":
            spoiled[place : place + 200] = draw.randbytes(len(content[place : place + 200]))
        case _:
            del spoiled[place : place + draw.choice([1, 10, 300])]
    return bytes(spoiled)


@pytest.mark.parametrize("name", KINDS)
def test_whatever_happens_to_a_file_ends_in_frames_or_in_a_sentence(name, tmp_path, encode):
    entire = encode(tmp_path / name, num_frames=24, **KINDS[name]).read_bytes()
    draw, ends = random.Random(name), Counter()
    path = tmp_path / f"damaged-{name}"
    for _ in range(16):
        path.write_bytes(damaged(entire, draw))
        for check in (False, True):
            try:
                open_source(path, options={"check_frames": check})
            except SourceError:
                ends["refused"] += 1
                continue
            if check:  # then what is promised is read without fail
                every_frame(path, check_frames=True)
                ends["read"] += 1
                continue
            with suppress(SourceError):
                every_frame(path)
    assert ends["read"] > 0


def cut_within(path: Path, packet: int) -> None:
    """Cut a file off in the middle of a packet, counted in the order of the file."""
    with av.open(str(path)) as container:
        packets = [(one.pos, one.size) for one in container.demux(video=0) if one.size]
    place, size = packets[packet]
    path.write_bytes(path.read_bytes()[: place + size // 2])


@pytest.mark.parametrize("name", ["h264.mkv", "mpeg4.avi", "mjpeg.avi", "vp9.webm"])
def test_frames_before_the_cut_are_used_and_the_rest_is_named(name, tmp_path, encode):
    path = encode(tmp_path / name, **KINDS[name])
    truth = open_source(path).sequences[0].read()
    cut_within(path, 25)
    source = open_source(path)
    count = source.sequences[0].info.num_frames
    assert 22 < count < 27
    np.testing.assert_array_equal(source.sequences[0].read(0, count - 1), truth[: count - 1])
    assert source.notes[0].startswith(f"'{name}' is cut off: its header promises ")
    assert source.sequences[0].info.step_seconds == pytest.approx(0.04)


def test_reordered_frames_leave_no_hole_where_a_file_was_cut_off(tmp_path, encode):
    """Of a group of pictures the last is stored before those that come between."""
    path = encode(tmp_path / "x.mkv", "libx264", bf="3", g="24")
    entire, truth = path.read_bytes(), open_source(path).sequences[0].read()
    counts = set()
    for packet in range(5, 36, 2):
        path.write_bytes(entire)
        cut_within(path, packet)
        (sequence,) = open_source(path).sequences
        assert sequence.info.step_seconds == pytest.approx(0.04)
        counts.add(sequence.info.num_frames)
        np.testing.assert_array_equal(
            sequence.read(0, sequence.info.num_frames - 1), truth[: sequence.info.num_frames - 1]
        )
    assert len(counts) > 5


def spoiled_middle(path: Path) -> int:
    """Overwrite a packet in the middle with noise, and all that begins it; returns which frame it is."""
    with av.open(str(path)) as container:
        packets = sorted((p for p in container.demux(video=0) if p.size), key=lambda packet: packet.pts)
        index = 20
        place, size = packets[index].pos, packets[index].size
    content = bytearray(path.read_bytes())
    content[place + 8 : place + size] = random.Random(0).randbytes(size - 8)
    path.write_bytes(bytes(content))
    return index


def test_a_packet_that_is_spoiled_in_the_middle(tmp_path, encode):
    path = encode(tmp_path / "x.webm", "libvpx-vp9", crf="30", b="0", g="8", **{"cpu-used": "8", "lag-in-frames": "0"})
    truth = open_source(path).sequences[0].read()
    spoiled = spoiled_middle(path)
    (sequence,) = open_source(path).sequences
    assert sequence.info.num_frames == 40
    np.testing.assert_array_equal(sequence.read(0, spoiled), truth[:spoiled])
    np.testing.assert_array_equal(sequence.read(30, 40), truth[30:])  # beyond the next key frame
    with pytest.raises(SourceError, match=r"between frames 18 and 25 \(Invalid data.*source\.check_frames=true"):
        sequence.read(18, 25)
    np.testing.assert_array_equal(sequence.read(0, 10), truth[:10])
    checked = open_source(path, options={"check_frames": True})
    assert checked.notes == (f"'x.webm' is damaged behind its first {spoiled} frames; only those are used.",)
    np.testing.assert_array_equal(checked.sequences[0].read(), truth[:spoiled])


def test_a_sound_file_passes_the_check(tmp_path, encode):
    for name, options in KINDS.items():
        path = encode(tmp_path / name, **options)
        plain, checked = open_source(path), open_source(path, options={"check_frames": True})
        assert (checked.notes, checked.sequences[0].info) == (plain.notes, plain.sequences[0].info)


def test_a_file_that_begins_within_a_group_of_pictures_begins_later(tmp_path, encode):
    """As when a recorder was switched on in the middle of a broadcast."""
    path = encode(tmp_path / "x.mkv", "libx264", bf="0", g="10")
    truth = open_source(path).sequences[0].read()
    with av.open(str(path)) as source, av.open(str(tmp_path / "y.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(source.demux(video=0)):
            if packet.size and index >= 4:
                packet.stream = stream
                target.mux(packet)
    source = open_source(tmp_path / "y.mkv")
    (sequence,) = source.sequences
    assert source.notes == ("'y.mkv' cannot be decoded before its frame 6, counted from 0; that is where it begins.",)
    np.testing.assert_array_equal(sequence.read(), truth[10:])
    np.testing.assert_array_equal(sequence.read(25, 28), truth[35:38])


def with_size(path: Path, height: int, width: int) -> None:
    """Let a header claim another size."""
    content = bytearray(path.read_bytes())
    if path.suffix == ".gif":
        struct.pack_into("<HH", content, 6, width, height)
    elif path.suffix == ".apng":
        struct.pack_into(">II", content, 16, width, height)
        struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    else:  # avi, pictures as they are
        struct.pack_into("<II", content, content.index(b"avih") + 40, width, height)
        struct.pack_into("<ii", content, content.index(b"strf") + 12, width, height)
    path.write_bytes(bytes(content))


BARE = {
    "x.gif": {"codec": "gif", "pixels": "rgb8"},
    "x.apng": {"codec": "apng", "pixels": "rgb24", "container": "apng"},
    "x.avi": {"codec": "rawvideo", "pixels": "bgr24"},
}


@pytest.mark.parametrize("size", [(12000, 12000), (30000, 30000), (65535, 65535), (0, 0)])
@pytest.mark.parametrize("name", BARE)
def test_a_size_that_cannot_be_is_refused_before_memory_is_taken(name, size, tmp_path, encode):
    path = encode(tmp_path / name, num_frames=3, **BARE[name])
    with_size(path, *size)
    before = peak_bytes()
    with pytest.raises(SourceError, match="no video to read") as caught:
        open_source(path).sequences[0].read()
    assert peak_bytes() - before < 2**28
    if name == "x.gif" and size == (12000, 12000):
        assert "its pictures are 12000x12000 (H x W); no more than 67 million pixels are read" in str(caught.value)


def peak_bytes() -> int:
    """Memory that this process has held at most."""
    resource = pytest.importorskip("resource")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_size_that_changes_on_the_way(tmp_path):
    path = tmp_path / "x.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuvj420p"
        other = av.CodecContext.create("mjpeg", "w")
        other.height, other.width, other.pix_fmt, other.time_base = 64, 80, "yuvj420p", Fraction(1, 25)
        for index in range(12):
            height, width = (32, 48) if index < 7 else (64, 80)
            frame = av.VideoFrame.from_ndarray(np.full((height, width), 10 * index, np.uint8), "gray")
            for packet in (stream if index < 7 else other).encode(frame):
                packet.stream = stream
                packet.pts = packet.dts = index
                container.mux(packet)
    (sequence,) = open_source(path).sequences
    assert sequence.read(0, 7).shape == (7, 3, 32, 48)
    with pytest.raises(SourceError, match="changes its size from 32x48 to 64x80"):
        sequence.read(5, 9)
    (first,) = open_source(path, options={"check_frames": True}).sequences
    assert first.info.num_frames == 7


def test_many_remarks_are_cut_short(tmp_path, encode):
    entire = encode(tmp_path / "0.avi", **KINDS["mjpeg.avi"]).read_bytes()
    for number in range(20):
        (tmp_path / f"{number}.avi").write_bytes(entire[: len(entire) * 2 // 3])
    notes = open_source(tmp_path).notes
    assert len(notes) == 13
    assert notes[-1].startswith("There is something of this kind to say about ")
