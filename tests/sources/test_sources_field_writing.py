"""netCDF and Zarr out: read back exactly, understood by xarray, and nothing but our own earlier store replaced."""

from datetime import UTC, datetime, timedelta, timezone

import h5py
import numpy as np
import pytest
import xarray as xr

from framecast.frames.errors import SourceError
from framecast.frames.grid import Axis, Grid
from framecast.frames.sequence import SequenceInfo
from framecast.sources.open import open_source
from framecast.sources.writing import check_ending, write_frames

GRID = Grid(
    y=Axis(name="lat", values=(52.0, 51.5, 51.0), units="degrees_north", standard_name="latitude"),
    x=Axis(name="lon", values=(1.0, 2.0, 3.0, 4.0), units="degrees_east"),
    projection={"grid_mapping_name": "latitude_longitude", "semi_major_axis": 6378137.0, "proj4": "+proj=longlat"},
)
ENDINGS = (".nc", ".zarr")
DTYPES = ("bool", "uint8", "int16", "uint16", "int64", "uint64", "float16", "float32", "float64")


def frames_like(dtype="float32", channels=1, num_frames=4, **facts):
    """Random frames, with a hole where the type can hold one, and what is known about them."""
    frames = (np.random.default_rng(0).random((num_frames, channels, 3, 4)) * 200).astype(dtype)
    if frames.dtype.kind == "f":
        frames[num_frames // 2, 0, 1, 1] = np.nan
    info = SequenceInfo(
        name="rain over there",
        num_frames=num_frames,
        channels=channels,
        height=3,
        width=4,
        dtype=dtype,
        has_missing=frames.dtype.kind == "f",
        **facts,
    )
    return frames, info


def only(path):
    (sequence,) = open_source(path).sequences
    return sequence


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_is_read_back_exactly(ending, dtype, tmp_path):
    frames, info = frames_like(dtype, units="mm/h", grid=GRID, channel_names=("rain",))
    back = only(write_frames(tmp_path / f"x{ending}", frames, step_seconds=300, like=info))
    assert back.info.dtype == dtype
    np.testing.assert_array_equal(back.read(), frames)
    assert (back.info.units, back.info.grid, back.info.channel_names) == ("mm/h", GRID, ("rain",))
    assert back.info.has_missing == info.has_missing


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("channels", "names"), [(1, ()), (3, ()), (5, ()), (3, ("rain", "wind speed", "10u")), (2, ("time", "lat"))]
)
def test_channels_come_back_in_their_order(ending, channels, names, tmp_path):
    frames, info = frames_like(channels=channels, channel_names=names, grid=GRID)
    back = only(write_frames(tmp_path / f"x{ending}", frames, step_seconds=1, like=info))
    np.testing.assert_array_equal(back.read(), frames)
    if names == ("rain", "wind speed", "10u"):
        assert back.info.channel_names == ("rain", "wind_speed", "v_10u")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("step", [300.0, 1 / 30, 0.04, 1e-5, 86400.0])
@pytest.mark.parametrize(
    "start",
    [
        None,
        datetime(2010, 8, 26, 0, 5, 0, 123456),
        datetime(2010, 8, 26, 0, 5, tzinfo=timezone(timedelta(hours=2))),
        datetime(1850, 1, 1, tzinfo=UTC),
    ],
)
def test_times_come_back_to_the_microsecond(ending, step, start, tmp_path):
    frames, info = frames_like()
    back = only(write_frames(tmp_path / f"x{ending}", frames, step_seconds=step, start_time=start, like=info)).info
    assert (back.start_time, back.step_seconds) == (start, step)
    assert (back.start_time is None or back.start_time.tzinfo is None) == (start is None or start.tzinfo is None)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("start", [None, datetime(2010, 8, 26)])
def test_a_single_frame_keeps_its_time(ending, start, tmp_path):
    frames, info = frames_like(num_frames=1)
    back = only(write_frames(tmp_path / f"x{ending}", frames, step_seconds=60, start_time=start, like=info)).info
    assert (back.num_frames, back.start_time, back.step_seconds) == (1, start, 60)


@pytest.mark.parametrize("ending", ENDINGS)
def test_frames_of_which_nothing_is_known(ending, tmp_path):
    frames = np.arange(24, dtype=np.uint8).reshape(2, 1, 3, 4)
    back = only(write_frames(tmp_path / f"x{ending}", frames, step_seconds=None))
    np.testing.assert_array_equal(back.read(), frames)
    assert (back.info.units, back.info.step_seconds, back.info.grid) == (None, None, None)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("lost", [False, True])
def test_missing_values_are_declared_where_there_may_be_some(ending, lost, tmp_path):
    frames = np.ones((2, 1, 3, 4), np.float32)
    frames[0, 0, 0, 0] = np.nan if lost else 1
    back = only(write_frames(tmp_path / f"x{ending}", frames, step_seconds=1))
    assert back.info.has_missing == lost
    np.testing.assert_array_equal(back.read(), frames)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_grid_of_other_frames_is_left_out(ending, tmp_path):
    _, info = frames_like(grid=GRID)
    frames = np.ones((2, 1, 6, 8), np.float32)
    back = only(write_frames(tmp_path / f"x{ending}", frames, step_seconds=1, like=info))
    assert back.info.grid is None
    np.testing.assert_array_equal(back.read(), frames)


@pytest.mark.parametrize("ending", ENDINGS)
def test_xarray_understands_it(ending, tmp_path):
    frames, info = frames_like(units="mm/h", grid=GRID, channel_names=("rain",))
    start = datetime(2010, 8, 26, 2, 5, tzinfo=timezone(timedelta(hours=2)))
    path = write_frames(tmp_path / f"x{ending}", frames, step_seconds=300, start_time=start, like=info)
    engine = {"engine": "h5netcdf"} if ending == ".nc" else {"engine": "zarr", "consolidated": False, "chunks": None}
    with xr.open_dataset(path, **engine) as dataset:
        assert dataset.rain.dims == ("time", "lat", "lon")
        assert dataset.time.values.astype("datetime64[s]").tolist()[:2] == [
            datetime(2010, 8, 26, 0, 5),
            datetime(2010, 8, 26, 0, 10),
        ]
        np.testing.assert_array_equal(dataset.rain.values, frames[:, 0])
        assert dataset.rain.attrs["units"] == "mm/h"
        assert dataset.lat.attrs == {"axis": "Y", "units": "degrees_north", "standard_name": "latitude"}
        mapping = dataset[dataset.rain.attrs.get("grid_mapping") or dataset.rain.encoding["grid_mapping"]]
        assert mapping.attrs["semi_major_axis"] == 6378137.0
        assert (dataset.attrs["Conventions"], dataset.attrs["title"]) == ("CF-1.11", "rain over there")


def test_chunks_hold_whole_frames(tmp_path):
    frames = np.zeros((70, 1, 300, 400), np.float32)
    path = write_frames(tmp_path / "x.nc", frames, step_seconds=None)
    with h5py.File(path) as file:
        assert file["frames"].chunks == (8, 300, 400)
        assert file["frames"].compression == "gzip"


def test_what_was_forecast_continues_what_was_seen(tmp_path):
    """Times of a forecast follow those of the input: both files in a folder are one recording."""
    frames, info = frames_like(num_frames=6, units="mm/h", grid=GRID, channel_names=("rain",))
    start = datetime(2010, 8, 26)
    for part in (0, 3):
        begin = start + timedelta(seconds=300 * part)
        name = tmp_path / f"{part}.nc"
        write_frames(name, frames[part : part + 3], step_seconds=300, start_time=begin, like=info)
    np.testing.assert_array_equal(only(tmp_path).read(), frames)


@pytest.mark.parametrize("name", ["x.zarr", "x.zarr/", "X.ZARR"])
def test_a_store_is_a_store_whether_or_not_it_exists(name, tmp_path, waves):
    assert check_ending(tmp_path / name) == check_ending(f"{tmp_path}/{name}") == ".zarr"
    path = write_frames(f"{tmp_path}/{name}", waves(2, 8, 8, 1), step_seconds=None)
    assert check_ending(path) == ".zarr"


def test_our_own_store_is_replaced_when_that_is_allowed(tmp_path, waves):
    path = write_frames(tmp_path / "x.zarr", waves(9, 8, 8, 1), step_seconds=None)
    with pytest.raises(SourceError, match="is already there"):
        write_frames(path, waves(2, 8, 8, 1), step_seconds=None)
    write_frames(path, waves(2, 8, 8, 3), step_seconds=None, overwrite=True)
    np.testing.assert_array_equal(only(path).read(), waves(2, 8, 8, 3))
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zarr"]


@pytest.mark.parametrize("content", ["another store", "our store and a note", "our store and a folder", "files"])
def test_nothing_else_is_ever_replaced(content, tmp_path, waves):
    path = tmp_path / "x.zarr"
    if content == "another store":
        xr.Dataset({"v": (("time", "y", "x"), np.zeros((2, 3, 4)))}).to_zarr(path, zarr_format=3, consolidated=False)
    elif content == "files":
        path.mkdir()
        (path / "zarr.json").write_text("[]")
    else:
        write_frames(path, waves(2, 8, 8, 1), step_seconds=None)
        (path / "mine").mkdir() if content.endswith("folder") else (path / "notes.txt").write_text("mine")
    before = sorted(str(entry) for entry in path.rglob("*"))
    with pytest.raises(SourceError, match="holds what framecast did not write, and is not replaced"):
        write_frames(path, waves(2, 8, 8, 1), step_seconds=None, overwrite=True)
    assert sorted(str(entry) for entry in path.rglob("*")) == before


def test_an_empty_folder_of_that_name_is_filled(tmp_path, waves):
    (tmp_path / "x.zarr").mkdir()
    write_frames(tmp_path / "x.zarr", waves(2, 8, 8, 1), step_seconds=None)
    np.testing.assert_array_equal(only(tmp_path / "x.zarr").read(), waves(2, 8, 8, 1))


def test_when_the_last_step_fails_the_earlier_store_is_put_back(tmp_path, waves, monkeypatch):
    path = write_frames(tmp_path / "x.zarr", waves(9, 8, 8, 1), step_seconds=None)
    original = type(path).replace

    def replace(self, target):
        if self.parent.name.startswith(".writing-") and self.name == "x.zarr":
            raise OSError(28, "No space left on device")
        return original(self, target)

    monkeypatch.setattr(type(path), "replace", replace)
    with pytest.raises(SourceError, match="No space left"):
        write_frames(path, waves(2, 8, 8, 1), step_seconds=None, overwrite=True)
    np.testing.assert_array_equal(only(path).read(), waves(9, 8, 8, 1))
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zarr"]
