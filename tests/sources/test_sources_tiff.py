"""TIFF stacks: which axis is time, what becomes of depth and channels, what microscopes say, what is damaged.

Written by tifffile and Pillow, and compared with what the arrays were, so that nothing is its own witness.
"""

import pickle
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from framecast.frames.errors import ConfigurationError, NotAvailableError, SourceError
from framecast.sources.images.tiff_facts import ome_facts
from framecast.sources.open import open_source

HYPERSTACK = np.random.default_rng(0).integers(0, 4000, (5, 3, 2, 6, 8)).astype(np.uint16)
"""T, Z, C, Y, X."""

FORMS = {
    "imagej": {"imagej": True},
    "ome": {"ome": True},
    "ome lzw": {"ome": True, "compression": "lzw"},
    "ome tiles": {"ome": True, "tile": (16, 16), "compression": "zlib"},
    "imagej zlib": {"imagej": True, "compression": "zlib"},
    "big endian": {"ome": True, "byteorder": ">"},
    "shaped": {},
    "bigtiff": {"bigtiff": True, "compression": "zlib"},
}


def write(path, frames, axes=None, *, metadata=None, **options):
    tifffile.imwrite(path, frames, metadata=({"axes": axes} if axes else {}) | (metadata or {}), **options)
    return path


def only(path, **options):
    (sequence,) = open_source(path, options=options).sequences
    return sequence


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, HYPERSTACK.max(axis=1)),
        ({"z": "max"}, HYPERSTACK.max(axis=1)),
        ({"z": "mean"}, np.rint(HYPERSTACK.mean(axis=1)).astype(np.uint16)),
        ({"z": 2}, HYPERSTACK[:, 2]),
        ({"channel": 1}, HYPERSTACK.max(axis=1)[:, 1:]),
        ({"z": 0, "channel": 0}, HYPERSTACK[:, 0, :1]),
    ],
)
def test_depth_is_merged_or_chosen_and_channels_are_kept_or_chosen(form, options, expected, tmp_path):
    sequence = only(write(tmp_path / "x.tif", HYPERSTACK, "TZCYX", **FORMS[form]), **options)
    frames = sequence.read()
    assert frames.dtype == np.uint16
    np.testing.assert_array_equal(frames, expected)
    np.testing.assert_array_equal(sequence.read(2, 4), expected[2:4])


@hypothesis_settings(max_examples=25, deadline=None)
@given(order=st.permutations("TZC"), compressed=st.booleans())
def test_the_order_of_the_axes_in_the_file_does_not_matter(order, compressed, tmp_path_factory):
    frames = HYPERSTACK.transpose(*("TZC".index(axis) for axis in order), 3, 4)
    path = write(
        tmp_path_factory.mktemp("x") / "x.ome.tif",
        frames,
        "".join(order) + "YX",
        ome=True,
        compression="zlib" if compressed else None,
    )
    np.testing.assert_array_equal(only(path).read(1, 4), HYPERSTACK.max(axis=1)[1:4])


def test_a_merged_stack_is_told(tmp_path):
    source = open_source(write(tmp_path / "x.tif", HYPERSTACK, "TZCYX", imagej=True))
    assert source.notes == (
        "The 3 slices (Z) of each frame were merged by their maximum; set source.z=mean, or the number of a slice "
        "(from 0), to change it, for example of 'x.tif'.",
    )
    assert open_source(tmp_path / "x.tif", options={"z": "max"}).notes == ()


def test_floats_are_averaged_exactly(tmp_path):
    frames = HYPERSTACK.astype(np.float32) / 7
    got = only(write(tmp_path / "x.tif", frames, "TZCYX", imagej=True), z="mean").read()
    np.testing.assert_array_equal(got, frames.mean(axis=1, dtype=np.float64).astype(np.float32))


def test_slices_without_time_are_time_unless_they_are_depth_for_certain(tmp_path):
    slices = HYPERSTACK[0, :, 0]
    source = open_source(write(tmp_path / "x.tif", slices, "ZYX", imagej=True))
    np.testing.assert_array_equal(source.sequences[0].read()[:, 0], slices)
    assert source.notes[0].startswith("Slices (Z) were taken as time, because there is no other")
    np.testing.assert_array_equal(only(tmp_path / "x.tif", z="max").read()[0, 0], slices.max(axis=0))
    ome = write(tmp_path / "x.ome.tif", slices, "ZYX", ome=True)
    np.testing.assert_array_equal(only(ome).read()[0, 0], slices.max(axis=0))
    np.testing.assert_array_equal(only(ome, axes="TYX").read()[:, 0], slices)


def test_a_file_for_each_time_holds_the_slices_of_one_frame(tmp_path):
    for index, frame in enumerate(HYPERSTACK):
        write(tmp_path / f"t{index}.ome.tif", frame, "ZCYX", ome=True)
    sequence = only(tmp_path, z="mean")
    np.testing.assert_array_equal(sequence.read(), np.rint(HYPERSTACK.mean(axis=1)))
    assert len(pickle.dumps(sequence)) < 4000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"z": 3}, r"source\.z=3 does not fit '.*': it has 3 slices, counted from 0"),
        ({"channel": 2}, r"source\.channel=2 does not fit .* it has 2 channels; give a number from 0 to 1"),
        ({"channel": "dapi"}, r"source\.channel=dapi does not fit"),
        ({"axes": "TYX"}, r"source\.axes=TYX does not fit .* has 5 axes TZCYX of \(5, 3, 2, 6, 8\)"),
    ],
)
def test_what_is_not_there_cannot_be_chosen(options, message, tmp_path):
    path = write(tmp_path / "x.tif", HYPERSTACK, "TZCYX", imagej=True)
    with pytest.raises(SourceError, match=message):
        open_source(path, options=options)


@pytest.mark.parametrize("axes", ["TQYX", "TTYX", "time"])
def test_axes_that_do_not_exist_are_refused(axes, tmp_path):
    path = write(tmp_path / "x.tif", HYPERSTACK[:, 0, 0])
    with pytest.raises(ConfigurationError, match="axes must be different letters"):
        open_source(path, options={"axes": axes})


def test_axes_that_nobody_knows_are_asked_for(tmp_path):
    path = write(tmp_path / "x.tif", HYPERSTACK[:, :, 0], photometric="minisblack")
    with pytest.raises(SourceError, match=r"axes of '.*' are QQYX of \(5, 3, 6, 8\), and which of them is time is not"):
        open_source(path)
    np.testing.assert_array_equal(only(path, axes="tcyx").read(), HYPERSTACK[:, :, 0])
    np.testing.assert_array_equal(only(path, axes="TZYX", z=1).read()[:, 0], HYPERSTACK[:, 1, 0])


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_every_type_keeps_its_values(dtype, compression, tmp_path):
    frames = np.random.default_rng(0).normal(0, 60, (4, 16, 16)).astype(dtype)
    options = {} if dtype == "bool" else {"compression": compression}
    sequence = only(write(tmp_path / "x.tif", frames, "TYX", photometric="minisblack", **options))
    got = sequence.read()
    assert got.dtype == frames.dtype
    np.testing.assert_array_equal(got[:, 0], frames)


@pytest.mark.parametrize("compression", [None, "lzw"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_colour_keeps_its_bits(dtype, planar, compression, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3)).astype(dtype)
    stored = frames if planar == "contig" else frames.transpose(0, 3, 1, 2)
    for name, some in (("stack.tif", stored), ("one/0.tif", stored[0])):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, some, photometric="rgb", planarconfig=planar, compression=compression)
    sequence = only(tmp_path / "stack.tif")
    assert sequence.info.dtype == dtype
    np.testing.assert_array_equal(sequence.read(), frames.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(only(tmp_path / "one").read(), frames[:1].transpose(0, 3, 1, 2))


def test_transparency_of_a_stack_is_dropped_with_a_note(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 4)).astype(np.uint8)
    source = open_source(write(tmp_path / "x.tif", frames, photometric="rgb", extrasamples=["unassalpha"]))
    np.testing.assert_array_equal(source.sequences[0].read(), frames[..., :3].transpose(0, 3, 1, 2))
    assert source.notes == ("Transparency was dropped, for example of 'x.tif'.",)


def test_a_table_of_colours_is_looked_up_as_pillow_does(tmp_path):
    rng = np.random.default_rng(0)
    pages = [Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8)).quantize(16) for _ in range(3)]
    table = pages[0].getpalette()
    for page in pages:
        page.putpalette(table)
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    expected = [np.asarray(page.convert("RGB")).transpose(2, 0, 1) for page in pages]
    np.testing.assert_array_equal(only(tmp_path / "x.tif").read(), expected)


def test_white_is_zero_in_some_files(tmp_path):
    frames = HYPERSTACK[:, 0, 0].astype(np.uint8)
    write(tmp_path / "x.tif", frames, photometric="miniswhite")
    np.testing.assert_array_equal(only(tmp_path / "x.tif").read()[:, 0], 255 - frames)


def test_imagej_tells_time_and_size(tmp_path):
    path = write(
        tmp_path / "x.tif",
        HYPERSTACK,
        "TZCYX",
        imagej=True,
        resolution=(4, 2),
        metadata={"unit": "micron", "finterval": 2.5},
    )
    info = only(path).info
    assert info.step_seconds == 2.5
    assert (info.grid.pixel_size, info.grid.x.units) == ((0.5, 0.25), "µm")
    assert only(path, step_seconds=3).info.step_seconds == 3


def test_a_single_page_of_imagej_tells_its_size_too(tmp_path):
    for index in range(2):
        write(
            tmp_path / f"{index}.tif", HYPERSTACK[index, 0, 0], imagej=True, resolution=(4, 2), metadata={"unit": "um"}
        )
    assert only(tmp_path).info.grid.pixel_size == pytest.approx((0.5, 0.25))


def test_inches_of_a_printer_are_no_size(tmp_path):
    write(tmp_path / "x.tif", HYPERSTACK[:, 0, 0], resolution=(72, 72), resolutionunit="inch")
    assert only(tmp_path / "x.tif").info.grid is None


def test_ome_tells_time_size_names_and_bits(tmp_path):
    metadata = {
        "TimeIncrement": 250.0,
        "TimeIncrementUnit": "ms",
        "PhysicalSizeX": 107.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.2,
        "SignificantBits": 12,
        "AcquisitionDate": "2024-03-01T12:00:05",
        "Channel": {"Name": ["H2B", "tubulin"]},
    }
    path = write(tmp_path / "x.ome.tif", HYPERSTACK, "TZCYX", metadata=metadata)
    info = only(path).info
    assert (info.step_seconds, info.value_range) == (0.25, (0, 4095))
    assert info.grid.pixel_size == pytest.approx((0.2, 0.107))
    assert info.start_time == datetime(2024, 3, 1, 12, 0, 5)
    assert info.channel_names == ("H2B", "tubulin")
    assert only(path, channel="tubulin").info.channel_names == ("tubulin",)
    assert only(path, value_range=[0, 65535]).info.value_range == (0, 65535)


def xml(pixels: str, planes: str = "") -> str:
    return (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f"<Pixels {pixels}>{planes}</Pixels></Image></OME>"
    )


def test_times_of_planes_are_a_step_when_they_are_even():
    even = "".join(f'<Plane TheT="{t}" TheC="{c}" DeltaT="{t * 4 + c}"/>' for t in range(5) for c in range(2))
    uneven = "".join(f'<Plane TheT="{t}" DeltaT="{t**3}"/>' for t in range(6))
    assert ome_facts(xml("", even), path="x", bits=16)[0].step_seconds == 4
    assert ome_facts(xml("", uneven), path="x", bits=16)[0].step_seconds is None
    minutes = even.replace("/>", ' DeltaTUnit="min"/>')
    assert ome_facts(xml("", minutes), path="x", bits=16)[0].step_seconds == 240


@pytest.mark.parametrize(
    "pixels",
    ['TimeIncrement="0"', 'TimeIncrement="x"', 'SignificantBits="16"', 'PhysicalSizeX="1"', 'PhysicalSizeX="nan"'],
)
def test_what_says_nothing_is_nothing(pixels):
    (facts,) = ome_facts(xml(pixels), path="x", bits=16)
    assert (facts.step_seconds, facts.value_range, facts.pixel_size) == (None, None, None)


def test_damaged_xml_is_told():
    with pytest.raises(SourceError, match="OME metadata of 'x' cannot be read"):
        ome_facts(xml("")[:-9], path="x", bits=16)


def test_images_of_an_ome_tiff_are_sequences(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.ome.tif") as file:
        for channel in range(2):
            file.write(HYPERSTACK[:, 0, channel], metadata={"axes": "TYX", "TimeIncrement": 1.0 + channel})
    first, second = open_source(tmp_path).sequences
    assert (first.info.name, second.info.name) == ("x.ome.tif:0", "x.ome.tif:1")
    assert (first.info.step_seconds, second.info.step_seconds) == (1, 2)
    np.testing.assert_array_equal(second.read()[:, 0], HYPERSTACK[:, 0, 1])


def test_a_recording_in_several_ome_files_is_one_sequence(tmp_path):
    whole = tmp_path / "whole.ome.tif"
    write(whole, HYPERSTACK[:4, 0, 0], "TYX", ome=True, metadata={"UUID": ""})
    pages = "".join(
        f'<TiffData FirstT="{t}" IFD="{t % 2}" PlaneCount="1"><UUID FileName="part{t // 2}.ome.tif">urn:uuid:'
        f"00000000-0000-0000-0000-00000000000{t // 2}</UUID></TiffData>"
        for t in range(4)
    )
    for part in range(2):
        text = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:00000000-0000-0000-0000-00000000000{part}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYTZC" Type="uint16" SizeX="8" SizeY="6" SizeZ="1" SizeC="1" SizeT="4" '
            f'TimeIncrement="5"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{pages}</Pixels></Image></OME>'
        )
        frames = HYPERSTACK[2 * part : 2 * part + 2, 0, 0]
        tifffile.imwrite(tmp_path / f"part{part}.ome.tif", frames, description=text, metadata=None)
    whole.unlink()
    sequence = only(tmp_path)
    assert (sequence.info.num_frames, sequence.info.step_seconds) == (4, 5)
    np.testing.assert_array_equal(sequence.read()[:, 0], HYPERSTACK[:4, 0, 0])
    np.testing.assert_array_equal(sequence.read(3, 4)[0, 0], HYPERSTACK[3, 0, 0])
    opened = {path.resolve().name for path in Path("/proc/self/fd").glob("*")}
    assert "part1.ome.tif" not in opened, "a recording in thousands of files would use up what the system allows"


def test_two_threads_may_read_from_one_stack(tmp_path):
    frames = np.random.default_rng(0).integers(0, 50, (60, 64, 64)).astype(np.uint8)
    sequence = only(write(tmp_path / "x.tif", frames, "TYX", compression="zlib"))

    def read(start):
        return np.array_equal(sequence.read(start, start + 10)[:, 0], frames[start : start + 10])

    with ThreadPoolExecutor(2) as threads:
        assert all(threads.map(read, [start % 50 for start in range(0, 1500, 7)]))


def test_a_stack_that_was_cut_off_gives_the_frames_that_are_there(tmp_path):
    frames = np.random.default_rng(0).integers(0, 60000, (20, 32, 32)).astype(np.uint16)
    path = write(tmp_path / "x.tif", frames)
    with tifffile.TiffFile(path) as file:
        end = file.pages[12].dataoffsets[0] + file.pages[12].databytecounts[0]
    path.write_bytes(path.read_bytes()[: end + 7])
    source = open_source(path)
    np.testing.assert_array_equal(source.sequences[0].read()[:, 0], frames[:13])
    assert source.notes[-1] == "The file is cut off: 13 of 20 frames are there, for example of 'x.tif'."


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_cut_files_are_read_or_refused(form, share, tmp_path):
    path = write(tmp_path / "x.tif", HYPERSTACK, "TZCYX", **FORMS[form])
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with suppress(SourceError):
        source = open_source(path)
        frames = source.sequences[0].read()
        # What is left keeps its meaning, or a note says that the file is no longer what it was.
        expected = HYPERSTACK.max(axis=1)[: len(frames)]
        assert source.notes[-1].startswith("The file is ") or np.array_equal(frames, expected)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_few_frames_of_a_long_stack_are_read_alone(compression, tmp_path):
    frames = np.zeros((400, 128, 128), np.uint16)
    frames[:] = np.arange(400)[:, None, None]
    sequence = only(write(tmp_path / "x.tif", frames, "TYX", ome=True, compression=compression))
    sequence.read(0, 1)
    tracemalloc.start()
    got = sequence.read(300, 304)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got[:, 0, 0, 0].tolist() == [300, 301, 302, 303]
    assert most < 8 * got.nbytes < frames.nbytes / 10


def test_a_stack_that_stays_open_travels_and_closes(tmp_path):
    path = write(tmp_path / "x.tif", HYPERSTACK[:, 0, 0], "TYX", ome=True, compression="lzw")
    sequence = only(path)
    before = sequence.read()
    copy = pickle.loads(pickle.dumps(sequence))
    np.testing.assert_array_equal(copy.read(2, 4), before[2:4])
    write(path, HYPERSTACK[::-1, 0, 0].copy(), "TYX", ome=True, compression="lzw")
    np.testing.assert_array_equal(sequence.read()[:, 0], HYPERSTACK[::-1, 0, 0])


def test_without_tifffile_plain_pages_are_read_and_planes_are_refused(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "plain.tif", HYPERSTACK[:, 0, 0], metadata=None)
    write(tmp_path / "hyper.tif", HYPERSTACK, "TZCYX", imagej=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    np.testing.assert_array_equal(only(tmp_path / "plain.tif").read()[:, 0], HYPERSTACK[:, 0, 0])
    with pytest.raises(NotAvailableError, match=r'pip install "framecast\[science\]"'):
        open_source(tmp_path / "hyper.tif")


def test_pictures_are_read_without_loading_tifffile(tmp_path):
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "x.tif")
    code = (
        "import sys; from framecast.sources.open import open_source; "
        f"open_source({str(tmp_path)!r}, kind='images').sequences[0].read(); print('tifffile' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
