"""TIFF stacks that are written: read back by our reader, and by tifffile alone, they are what they were."""

from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from framecast.frames.errors import NotAvailableError, SourceError
from framecast.frames.grid import Axis, Grid
from framecast.frames.sequence import SequenceInfo
from framecast.sources.open import open_source
from framecast.sources.writing import write_frames

TYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]


def frames_of(dtype, channels=1, num_frames=5):
    return np.random.default_rng(0).normal(0, 90, (num_frames, channels, 6, 7)).astype(dtype)


def recording(frames, **known):
    count, channels, height, width = frames.shape
    return SequenceInfo(
        name="cells",
        num_frames=count,
        channels=channels,
        height=height,
        width=width,
        dtype=str(frames.dtype),
        **known,
    )


def micrometres(along, across, units="µm"):
    return Grid.even(6, 7, pixel_size=(along, across), units=units)


@pytest.mark.parametrize("ending", [".tif", ".ome.tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_time_step_and_size_come_back(dtype, channels, ending, tmp_path):
    frames = frames_of(dtype, channels)
    like = recording(frames, grid=micrometres(0.2, 0.107))
    path = write_frames(tmp_path / f"x{ending}", frames, step_seconds=7.3, like=like, value_range=(-1, 1))
    (sequence,) = open_source(path).sequences
    back = sequence.read()
    assert back.dtype == frames.dtype
    np.testing.assert_array_equal(back, frames)
    assert sequence.info.step_seconds == 7.3
    assert sequence.info.grid.pixel_size == pytest.approx((0.2, 0.107))
    # tifffile by itself squeezes what has the length 1, and puts colour last.
    alone = tifffile.imread(path)
    expected = frames.squeeze()
    assert np.array_equal(alone, expected) or np.array_equal(alone, frames.transpose(0, 2, 3, 1))


@pytest.mark.parametrize("num_frames", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ending", [".tif", ".ome.tif"])
def test_short_stacks_come_back(num_frames, channels, ending, tmp_path):
    frames = frames_of("uint8", channels, num_frames)
    back = open_source(write_frames(tmp_path / f"x{ending}", frames, step_seconds=None)).sequences[0].read()
    np.testing.assert_array_equal(back, frames)


@hypothesis_settings(max_examples=15, deadline=None)
@given(
    step=st.floats(1e-3, 1e5),
    size=st.floats(1e-3, 1e9),
    ending=st.sampled_from([".tif", ".ome.tif"]),
)
def test_any_time_step_and_size_come_back(step, size, ending, tmp_path_factory):
    frames = frames_of("uint16")
    like = recording(frames, grid=micrometres(size, 2 * size))
    path = write_frames(tmp_path_factory.mktemp("x") / f"x{ending}", frames, step_seconds=step, like=like)
    info = open_source(path).sequences[0].info
    assert info.step_seconds == pytest.approx(step, rel=1e-6)
    assert info.grid.pixel_size == pytest.approx((size, 2 * size), rel=1e-5)


def test_imagej_sees_a_hyperstack_in_seconds_and_micrometres(tmp_path):
    frames = frames_of("uint16", 2)
    like = recording(frames, grid=micrometres(0.25, 0.5), units="mm/h")
    path = write_frames(tmp_path / "x.tif", frames, step_seconds=2.5, like=like)
    with tifffile.TiffFile(path) as file:
        metadata = file.imagej_metadata
        assert (file.series[0].axes, file.series[0].shape) == ("TCYX", frames.shape)
        assert {key: metadata[key] for key in ("frames", "channels", "hyperstack", "finterval", "unit", "vunit")} == {
            "frames": 5,
            "channels": 2,
            "hyperstack": True,
            "finterval": 2.5,
            "unit": "um",
            "vunit": "mm/h",
        }
        assert file.pages[0].tags["XResolution"].value == (2, 1)
        assert file.pages[0].tags["YResolution"].value == (4, 1)
    assert open_source(path).sequences[0].info.units == "mm/h"


def test_ome_holds_names_times_and_bits(tmp_path):
    frames = frames_of("uint16", 2)
    like = recording(frames, channel_names=("H2B", "tubulin"), grid=micrometres(200, 107, "nm"))
    start = datetime(2024, 3, 1, 12, 0, 5, tzinfo=UTC)
    path = write_frames(
        tmp_path / "x.ome.tiff", frames, step_seconds=0.5, like=like, start_time=start, value_range=(0, 4095)
    )
    info = open_source(path).sequences[0].info
    assert (info.channel_names, info.start_time, info.value_range) == (("H2B", "tubulin"), start, (0, 4095))
    with tifffile.TiffFile(path) as file:
        pixels = next(one for one in fromstring(file.ome_metadata).iter() if one.tag.endswith("Pixels"))
    assert pixels.get("TimeIncrement") == "0.5"
    assert float(pixels.get("PhysicalSizeX")) == pytest.approx(0.107)
    assert (pixels.get("PhysicalSizeXUnit"), pixels.get("SignificantBits")) == ("µm", "12")


def test_a_map_in_kilometres_keeps_its_size_and_one_in_degrees_has_none(tmp_path):
    frames = frames_of("float32")
    path = write_frames(
        tmp_path / "km.tif", frames, step_seconds=300, like=recording(frames, grid=micrometres(1, 1, "km"))
    )
    assert open_source(path).sequences[0].info.grid.pixel_size == pytest.approx((1e9, 1e9))
    degrees = Grid(y=Axis(name="lat", values=tuple(range(6)), units="degrees_north"), x=micrometres(1, 1).x)
    path = write_frames(tmp_path / "degrees.tif", frames, step_seconds=300, like=recording(frames, grid=degrees))
    assert open_source(path).sequences[0].info.grid is None


def test_missing_values_stay_missing(tmp_path):
    frames = frames_of("float32")
    frames[1, 0, 2:4] = np.nan
    path = write_frames(tmp_path / "x.tif", frames, step_seconds=None)
    (sequence,) = open_source(path, options={"missing": "nan"}).sequences
    np.testing.assert_array_equal(sequence.read(), frames)


@pytest.mark.parametrize("dtype", ["int64", "float16", "complex64"])
def test_types_that_no_tiff_holds_are_refused(dtype, tmp_path):
    with pytest.raises(SourceError, match=rf"these are {dtype}\. Write them to \.npy or \.npz"):
        write_frames(tmp_path / "x.tif", np.zeros((2, 1, 4, 4), dtype), step_seconds=None)
    assert not list(tmp_path.iterdir())


def test_without_tifffile_plain_frames_are_written_and_nothing_is_lost_in_silence(tmp_path, monkeypatch):
    frames = frames_of("uint16")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    write_frames(tmp_path / "x.tif", frames, step_seconds=None)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x.tif"), frames[:, 0])
    with pytest.raises(NotAvailableError, match=r'pip install "framecast\[science\]"'):
        write_frames(tmp_path / "y.tif", frames, step_seconds=5)
