"""Radar: what ODIM composites become, and where their pixels lie."""

import struct

import h5py
import numpy as np
import pytest

from framecast.frames.errors import SourceError
from framecast.sources.hdf5_heaps import heaps_are_sound
from framecast.sources.open import open_source
from framecast.sources.radar.map_projection import MapProjection
from tests.sources.radar_files import EQUAL_AREA, STEREOGRAPHIC, clock, write_odim

STORED = np.array([[0, 65535, 10, 250], [1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.uint16)

EUROPE = {
    "LL_lon": -10.434576838640398, "LL_lat": 31.746215319325056, "LR_lon": 29.421038635578032,
    "LR_lat": 31.98765027794496, "UL_lon": -39.5357864125034, "UL_lat": 67.02283275830867,
    "UR_lon": 57.81196475014995, "UR_lat": 67.62103710275053,
}  # fmt: skip
"""Corners of the European composite of OPERA, as its files give them: 3800 km by 4400 km, from (0, 0) down."""


def first_row(folder, **options):
    return open_source(folder, options=options).sequences[0].read()[0, 0, 0]


def test_rain_rates(tmp_path):
    write_odim(tmp_path / "a.h5", STORED, clock(0), gain=0.1)
    info = open_source(tmp_path).sequences[0].info
    assert (info.units, info.frame_shape, info.start_time) == ("mm/h", (1, 3, 4), clock(0))
    assert info.has_missing
    np.testing.assert_allclose(first_row(tmp_path), [0, np.nan, 1, 25], rtol=1e-6)
    np.testing.assert_allclose(first_row(tmp_path, units="mm"), [0, np.nan, 1 / 12, 25 / 12], rtol=1e-6)
    np.testing.assert_allclose(first_row(tmp_path, units="dBZ"), [0, np.nan, 23.0103, 45.3770], rtol=1e-5)


def test_accumulated_rain_uses_its_own_interval(tmp_path):
    for minutes in (0, 15):
        write_odim(tmp_path / f"{minutes}.h5", STORED, clock(minutes), quantity="ACRR", seconds=3600)
    source = open_source(tmp_path)
    assert source.sequences[0].info.step_seconds == 900
    assert "overlap" in source.notes[0]
    np.testing.assert_allclose(first_row(tmp_path), [0, np.nan, 1, 25], rtol=1e-6)


@pytest.mark.parametrize("quantity", ["DBZH", "TH"])
def test_reflectivity(tmp_path, quantity):
    stored = np.array([[0, 255, 64, 110]], dtype=np.uint8)
    write_odim(tmp_path / "a.h5", stored, clock(0), quantity=quantity, gain=0.5, offset=-32, nodata=255, seconds=0)
    assert open_source(tmp_path).sequences[0].info.units == "dBZ"
    np.testing.assert_array_equal(first_row(tmp_path, floor_dbz=-20), np.float32([-20, np.nan, 0, 23]))
    np.testing.assert_allclose(first_row(tmp_path, units="mm/h"), [0, np.nan, 0, 0.9985], rtol=1e-3)


def test_an_undetect_above_all_values_is_no_rain_all_the_same(tmp_path):
    stored = np.array([[254, 255, 64, 110]], dtype=np.uint8)
    write_odim(tmp_path / "a.h5", stored, clock(0), quantity="DBZH", gain=0.5, offset=-32, nodata=255, undetect=254)
    np.testing.assert_array_equal(first_row(tmp_path), np.float32([0, np.nan, 0, 23]))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_files_of_floats(tmp_path, dtype):
    stored = np.array([[-8888000, -9999000, 1.5, np.nan]], dtype=dtype)
    write_odim(tmp_path / "a.h5", stored, clock(0), gain=1, nodata=-9999000, undetect=-8888000)
    np.testing.assert_array_equal(first_row(tmp_path), np.float32([0, np.nan, 1.5, np.nan]))


def test_the_quantity_that_is_rain_is_found_among_others_and_can_be_chosen(tmp_path):
    others = {"QIND": np.full((3, 4), 9, np.uint16), "DBZH": np.full((3, 4), 230, np.uint16)}
    write_odim(tmp_path / "a.h5", STORED, clock(0), others=others)
    assert open_source(tmp_path).sequences[0].info.units == "dBZ"
    np.testing.assert_allclose(first_row(tmp_path, quantity="RATE"), [0, np.nan, 1, 25], rtol=1e-6)
    with pytest.raises(SourceError, match="holds the quantities QIND, DBZH, RATE; wanted ACRR"):
        open_source(tmp_path, options={"quantity": "ACRR"})


def test_attributes_of_the_dataset_hold_for_its_data(tmp_path):
    file = write_odim(tmp_path / "a.h5", STORED, clock(0))
    with h5py.File(file, "a") as opened:
        for name, value in dict(opened["dataset1/data1/what"].attrs).items():
            opened["dataset1/what"].attrs[name] = value
        del opened["dataset1/data1/what"]
        del opened.attrs["Conventions"]
    np.testing.assert_allclose(first_row(tmp_path), [0, np.nan, 1, 25], rtol=1e-6)


def test_the_time_of_the_file_serves_where_the_dataset_has_none(tmp_path):
    file = write_odim(tmp_path / "a.h5", STORED, clock(35))
    with h5py.File(file, "a") as opened:
        for name in ("startdate", "starttime", "enddate", "endtime"):
            del opened["dataset1/what"].attrs[name]
    assert open_source(tmp_path).sequences[0].info.start_time == clock(35)
    with h5py.File(file, "a") as opened:
        opened["what"].attrs["date"] = "yesterday"
    with pytest.raises(SourceError, match="has the time 'yesterday003500', which is not of the form"):
        open_source(tmp_path)
    with h5py.File(file, "a") as opened:
        del opened["what"].attrs["date"]
    with pytest.raises(SourceError, match="does not say when it was measured"):
        open_source(tmp_path)


@pytest.mark.parametrize("size", [0, 2**64 - 1, 8, 10**6])
def test_texts_that_would_keep_the_library_busy_for_ever_are_refused(tmp_path, size):
    """The free space after the texts gets another size: 0 would be read again and again."""
    file = write_odim(tmp_path / "a.h5", STORED, clock(0))
    assert heaps_are_sound(file)
    content = bytearray(file.read_bytes())
    place = content.index(b"GCOL") + 16
    while (index_and_size := struct.unpack_from("<HHIQ", content, place))[0]:
        place += 16 + -(-index_and_size[3] // 8) * 8
    struct.pack_into("<Q", content, place + 8, size)
    file.write_bytes(content)
    assert not heaps_are_sound(file)
    with pytest.raises(SourceError, match="is damaged where its texts lie"):
        open_source(file, kind="radar")


def test_lists_where_texts_should_be_are_refused(tmp_path):
    file = write_odim(tmp_path / "a.h5", STORED, clock(0))
    with h5py.File(file, "a") as opened:
        lists = np.empty(1, dtype=h5py.vlen_dtype(np.int8))
        lists[0] = np.array([1, 2], np.int8)
        opened["dataset1/what"].attrs.create("startdate", lists, dtype=lists.dtype)
    with pytest.raises(SourceError, match="is damaged where its texts lie"):
        open_source(file)


def test_scales_and_values_that_no_rain_has_are_refused(tmp_path):
    file = write_odim(tmp_path / "a.h5", STORED, clock(0), gain=1e30)
    with pytest.raises(SourceError, match=r"scales its numbers by 1e\+30 and adds 0, which is damage"):
        open_source(file)
    write_odim(file, np.full((3, 4), 1e300), clock(0), gain=1)
    with pytest.raises(SourceError, match="holds values that no rain reaches"):
        open_source(file).sequences[0].read()


def test_polar_volumes_are_refused_with_a_reason(tmp_path):
    write_odim(tmp_path / "a.h5", STORED, clock(0), kind="PVOL")
    with pytest.raises(SourceError, match="holds an ODIM object 'PVOL'; only composites"):
        open_source(tmp_path)


def test_pixels_of_the_european_composite_lie_where_they_should(tmp_path):
    scale = 3800e3 / 4
    stored = np.zeros((4, 4), np.uint16)
    write_odim(tmp_path / "a.h5", stored, clock(0), scale=scale, corners={k: EUROPE[k] for k in ("LL_lon", "LL_lat")})
    grid = open_source(tmp_path).sequences[0].info.grid
    np.testing.assert_allclose(grid.x.values, (np.arange(4) + 0.5) * scale, atol=0.01)
    np.testing.assert_allclose(grid.y.values, -4400e3 + (4 - np.arange(4) - 0.5) * scale, atol=0.01)
    assert grid.x.standard_name == "projection_x_coordinate"
    assert grid.projection["grid_mapping_name"] == "lambert_azimuthal_equal_area"
    assert grid.projection["proj4"] == EQUAL_AREA


@pytest.mark.parametrize(
    "facts",
    [
        {"projection": "+proj=aeqd +lat_0=52 +lon_0=5", "corners": EUROPE},
        {"projection": "nonsense", "corners": EUROPE},
        {"corners": {}},
        {"corners": {**EUROPE, "UR_lon": 40.0}},
    ],
)
def test_where_the_place_is_not_certain_pixels_count_from_the_corner(tmp_path, facts):
    write_odim(tmp_path / "a.h5", STORED, clock(0), scale=1000, **facts)
    grid = open_source(tmp_path).sequences[0].info.grid
    assert grid.x.values == (500, 1500, 2500, 3500)
    assert grid.y.values == (2500, 1500, 500)
    assert (grid.x.units, grid.x.standard_name, grid.projection) == ("m", None, {})


def test_sizes_of_pixels_that_make_no_sense_cost_only_the_place(tmp_path):
    file = write_odim(tmp_path / "a.h5", STORED, clock(0))
    with h5py.File(file, "a") as opened:
        opened["where"].attrs["xscale"] = "wide"
    assert open_source(tmp_path).sequences[0].info.grid is None
    with h5py.File(file, "a") as opened:
        del opened["where"].attrs["xscale"]
    assert open_source(tmp_path).sequences[0].info.grid is None


def test_projections_agree_with_corners_that_services_publish():
    europe = MapProjection.of(EQUAL_AREA)
    for corner, expected in {"LL": (0, -4400e3), "LR": (3800e3, -4400e3), "UL": (0, 0), "UR": (3800e3, 0)}.items():
        assert europe.metres(EUROPE[f"{corner}_lon"], EUROPE[f"{corner}_lat"]) == pytest.approx(expected, abs=0.01)
    netherlands = MapProjection.of(STEREOGRAPHIC)  # whose files round degrees to 0.001, some 50 m
    for degrees, expected in {
        (0, 49.362): (0, -4415e3), (0, 55.974): (0, -3650e3), (10.856, 55.389): (700e3, -3650e3),
        (9.009, 48.895): (700e3, -4415e3),
    }.items():  # fmt: skip
        assert netherlands.metres(*degrees) == pytest.approx(expected, abs=60)
    web = MapProjection.of("+proj=merc +a=6378137 +b=6378137 +lon_0=0")
    assert web.metres(180, 85.0511287798066) == pytest.approx((20037508.3428,) * 2, abs=0.01)


@pytest.mark.parametrize(
    ("written", "place", "expected"),
    [
        ("+proj=laea +lat_0=40 +lon_0=-100 +R=3000000", (100, -20), (-4233930.3, 4025777.5)),
        ("+proj=laea +lat_0=40 +lon_0=-100 +a=6378206.4 +b=6356583.8", (-110, 30), (-965932.1, -1056814.9)),
        ("+proj=merc +lon_0=-180 +R=1000000", (-75, 35), (1832595.7, 652836.6)),
        ("+proj=merc +lon_0=-180 +a=6378206.4 +b=6356583.8", (-75, 35), (11688673.7, 4139145.6)),
        ("+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=-100 +ellps=intl", (150, -75), (-1540033.6, -560526.4)),
    ],
)
def test_projections_agree_with_the_worked_examples_of_their_source(written, place, expected):
    """The numerical examples in the appendix of Snyder's manual."""
    assert MapProjection.of(written).metres(*place) == pytest.approx(expected, abs=0.2)


def test_the_pole_is_the_centre_of_polar_maps():
    for written in (STEREOGRAPHIC, "+proj=stere +lat_0=90", "+proj=laea +lat_0=90"):
        projection = MapProjection.of(written)
        assert projection.metres(17, 90) == pytest.approx((0, 0), abs=1e-6)
        x, y = projection.metres(90, 89)
        assert x == pytest.approx(111e3, rel=0.08)
        assert y == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["", "+proj=lcc +lat_1=33", "+proj=stere +lat_0=52", "+proj=laea +lat_0=x", "+proj=merc +ellps=moon"]
)
def test_other_projections_are_left_alone(text):
    assert MapProjection.of(text) is None
