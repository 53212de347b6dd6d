"""netCDF and Zarr: dimensions found, values and times decoded as xarray decodes them, many files as one recording."""

import itertools
import pickle
import shutil
from datetime import UTC, datetime, timedelta

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.fields import files as field_files
from framecast.sources.open import open_source

HOUR = timedelta(hours=1)
START = datetime(2020, 1, 1)


def field(num_frames=6, *, start=START, step=HOUR, seed=0, name="t2m", height=4, width=5, units="K") -> xr.Dataset:
    """A small field on a regular grid from north to south, with a static one beside it."""
    values = np.random.default_rng(seed).normal(280, 9, (num_frames, height, width)).astype(np.float32)
    times = np.datetime64(start, "us") + np.arange(num_frames) * np.timedelta64(step)
    return xr.Dataset(
        {
            name: (("time", "lat", "lon"), values, {"units": units}),
            "orography": (("lat", "lon"), np.zeros((height, width), np.float32), {"units": "m"}),
        },
        coords={
            "time": times.astype("datetime64[ns]"),
            "lat": ("lat", np.linspace(53, 50, height), {"units": "degrees_north", "standard_name": "latitude"}),
            "lon": ("lon", np.linspace(3, 7, width), {"units": "degrees_east", "standard_name": "longitude"}),
        },
    )


def save(dataset: xr.Dataset, path, **encoding):
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    return path


def only(path, **options):
    (sequence,) = open_source(path, options=options).sequences
    return sequence


def test_names_units_times_and_grid_come_along(tmp_path):
    dataset = field()
    info = only(save(dataset, tmp_path / "x.nc")).info
    assert (info.name, info.units, info.channel_names) == ("x.nc", "K", ("t2m",))
    assert (info.start_time, info.step_seconds) == (START, 3600)
    assert info.fixed_orientation
    assert info.has_missing  # xarray declares NaN as the fill value of floats
    assert info.grid.y.values == tuple(dataset.lat.values.tolist())
    assert (info.grid.x.name, info.grid.x.units, info.grid.x.standard_name) == ("lon", "degrees_east", "longitude")
    np.testing.assert_array_equal(only(tmp_path / "x.nc").read()[:, 0], dataset.t2m.values)


@pytest.mark.parametrize("order", list(itertools.permutations(("time", "lat", "lon"))))
def test_dimensions_may_come_in_any_order(order, tmp_path):
    dataset = field()
    path = save(dataset.transpose(*order), tmp_path / "x.nc")
    np.testing.assert_array_equal(only(path).read(2, 5)[:, 0], dataset.t2m.values[2:5])


@pytest.mark.parametrize(
    "names",
    [
        ("time", "y", "x"),
        ("valid_time", "latitude", "longitude"),
        ("t", "rlat", "rlon"),
        ("Time", "south_north", "west_east"),
        ("anything", "lat", "lon"),
        ("time", "height", "width"),
        ("time", "first", "second"),
        ("frame", "row", "col"),
    ],
)
def test_dimensions_without_coordinates_are_told_by_their_names(names, tmp_path):
    values = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32)
    path = save(xr.Dataset({"v": (names, values)}), tmp_path / "x.nc")
    sequence = only(path)
    np.testing.assert_array_equal(sequence.read()[:, 0], values)
    assert (sequence.info.step_seconds, sequence.info.start_time, sequence.info.grid) == (None, None, None)


def test_dimensions_can_be_named(tmp_path):
    values = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32)
    path = save(xr.Dataset({"v": (("x", "y", "z"), values)}), tmp_path / "x.nc")
    options = {"time_dimension": "x", "y_dimension": "y", "x_dimension": "z"}
    np.testing.assert_array_equal(only(path, **options).read()[:, 0], values)


PACKINGS = {
    "scale and offset": {"dtype": "int16", "scale_factor": 0.01, "add_offset": 273.15, "_FillValue": -32768},
    "scale alone": {"dtype": "int16", "scale_factor": np.float32(0.01), "_FillValue": -1},
    "fill alone": {"dtype": "int32", "_FillValue": -9999},
    "unsigned": {"dtype": "int16", "_Unsigned": "true", "scale_factor": 0.01, "add_offset": 0.0, "_FillValue": -1},
    "float fill": {"dtype": "float32", "_FillValue": 1e20},
    "double": {"dtype": "float64", "_FillValue": np.nan},
    "bytes": {"dtype": "uint8", "scale_factor": 2.0, "_FillValue": 255},
}


@pytest.mark.parametrize("encoding", PACKINGS.values(), ids=PACKINGS)
@pytest.mark.parametrize("ending", ["nc", "zarr"])
def test_packed_values_are_those_that_xarray_reads(encoding, ending, tmp_path):
    dataset = field()
    dataset["t2m"][2, 1, 3] = np.nan
    path = tmp_path / f"x.{ending}"
    if ending == "nc":
        save(dataset, path, t2m=encoding)
    else:
        dataset.to_zarr(path, encoding={"t2m": encoding}, zarr_format=2)
    sequence = only(path)
    frames = sequence.read()
    with xr.open_dataset(path, engine="h5netcdf" if ending == "nc" else "zarr", chunks=None) as golden:
        np.testing.assert_allclose(frames[:, 0], golden.t2m.values, rtol=1e-6)
    assert sequence.info.has_missing
    assert np.argwhere(np.isnan(frames)).tolist() == [[2, 0, 1, 3]]
    np.testing.assert_array_equal(sequence.read(1, 4), frames[1:4])


@pytest.mark.parametrize(("stored", "unsigned"), [("i1", "true"), ("u1", "false")])
def test_the_other_sign_of_stored_numbers(stored, unsigned, tmp_path):
    """Classic netCDF has only signed bytes, and some servers only unsigned ones; the fill value is written like the
    numbers."""
    with h5py.File(save(field(), tmp_path / "x.nc"), "a") as file:
        attributes = {"_Unsigned": unsigned, "_FillValue": np.array([0xFF]).astype(stored)}
        del file["t2m"], file["orography"]
        values = file.create_dataset("t2m", data=np.full((6, 4, 5), 7, stored))
        values[0, 0, 0] = attributes["_FillValue"][0]
        values.attrs.update(attributes)
        for axis, name in enumerate(("time", "lat", "lon")):
            values.dims[axis].attach_scale(file[name])
    frames = only(tmp_path / "x.nc").read()
    assert np.isnan(frames[0, 0, 0, 0])
    assert np.isnan(frames).sum() == 1


def test_plain_integers_stay_integers(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (5, 6, 7)).astype(np.uint8)
    path = save(xr.Dataset({"v": (("time", "y", "x"), values)}), tmp_path / "x.nc", v={"_FillValue": None})
    sequence = only(path)
    assert (sequence.info.dtype, sequence.info.value_range, sequence.info.has_missing) == ("uint8", (0, 255), False)
    np.testing.assert_array_equal(sequence.read()[:, 0], values)


def test_a_nan_that_nobody_declared_is_an_error_until_it_is_named(tmp_path):
    dataset = field()
    dataset["t2m"][1, 2, 3] = np.nan
    path = save(dataset, tmp_path / "x.nc", t2m={"_FillValue": None})
    with pytest.raises(SourceError, match=r"set source\.missing=nan"):
        only(path).read()
    assert np.isnan(only(path, missing="nan").read()).sum() == 1


def test_values_that_were_never_written_are_not_taken_for_measurements(tmp_path):
    with h5py.File(tmp_path / "x.nc", "w") as file:
        file.create_dataset("v", (3, 4, 5), "f4", fillvalue=9.969209968386869e36)
        file["v"][:2] = 1
        for axis, name in enumerate(("time", "y", "x")):
            file[name] = np.arange(file["v"].shape[axis])
            file[name].make_scale(name)
            file["v"].dims[axis].attach_scale(file[name])
    with pytest.raises(SourceError, match=r"first in frame 2"):
        only(tmp_path / "x.nc").read()


@pytest.mark.parametrize(
    "units",
    [
        "days since 2000-01-01",
        "hours since 1900-1-1 00:00:0.0",
        "minutes since 2019-12-31T12:00:00Z",
        "seconds since 1970-01-01 00:00:00 UTC",
        "hours since 2020-01-01 02:00 +02:00",
        "milliseconds since 2020-01-01",
    ],
)
@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_times_are_those_that_xarray_reads(units, dtype, tmp_path):
    size = {"d": 24, "h": 1, "mi": 1 / 60, "s": 1 / 3600, "ms": 1 / 3.6e6}
    unit = next(size[key] for key in ("ms", "mi", "d", "h", "s") if units.replace("millis", "ms").startswith(key))
    numbers = (7 + np.arange(6) * 24) / unit
    dataset = field().drop_vars("time").assign_coords(time=("time", numbers.astype(dtype), {"units": units}))
    info = only(save(dataset, tmp_path / "x.nc")).info
    with xr.open_dataset(tmp_path / "x.nc", engine="h5netcdf") as golden:
        start = golden.time.values[0].astype("datetime64[us]").item()
    assert info.start_time.replace(tzinfo=None) == start
    assert info.step_seconds == 86400
    assert (info.start_time.tzinfo is UTC) == any(zone in units for zone in ("Z", "UTC", "+02"))


def test_short_names_of_units_are_known(tmp_path):
    times = ("time", np.arange(4), {"units": "h since 2020-01-01 02:00 +02:00"})
    info = only(save(field(4).drop_vars("time").assign_coords(time=times), tmp_path / "x.nc")).info
    assert (info.start_time, info.step_seconds) == (START.replace(tzinfo=UTC), 3600)


PACKED_COORDINATES = {
    "time": {"dtype": "i2", "units": "minutes since 2020-01-01"},
    "lat": {"dtype": "i2", "scale_factor": -1.0, "add_offset": 53.0, "_FillValue": None},
    "lon": {"dtype": "u2", "scale_factor": 0.5, "_FillValue": None},
}


def test_packed_coordinates_are_those_that_xarray_reads(tmp_path):
    """As satellite services store the scan angles of their pixels."""
    path = save(field(), tmp_path / "a.nc", **PACKED_COORDINATES)
    save(field(start=START + 6 * HOUR), tmp_path / "b.nc", **PACKED_COORDINATES)
    with xr.open_dataset(path, engine="h5netcdf") as decoded:
        info = only(tmp_path).info
        assert info.num_frames == 12  # the quick look at the second file unpacks its grid as well
        assert info.grid.y.values == tuple(decoded.lat.values.tolist()) == (53, 52, 51, 50)
        assert info.grid.x.values == tuple(decoded.lon.values.tolist())
    moved = {**PACKED_COORDINATES, "lat": {**PACKED_COORDINATES["lat"], "add_offset": 54.0}}
    dataset = field(start=START + 6 * HOUR)
    save(dataset.assign_coords(lat=dataset.lat + 1), tmp_path / "b.nc", **moved)
    assert len(open_source(tmp_path).sequences) == 2  # equal numbers in the file, and yet elsewhere


def test_packed_times_and_levels_are_those_that_xarray_reads(tmp_path):
    dataset = levels("level", (500, 850, 1000)).drop_vars("time")
    packed = {"units": "hours since 2020-01-01", "scale_factor": 0.5, "add_offset": 6.0}
    dataset = dataset.assign_coords(time=("time", np.arange(dataset.sizes["time"], dtype="i2"), packed))
    path = save(dataset, tmp_path / "x.nc", level={"dtype": "i2", "scale_factor": 50.0})
    with xr.open_dataset(path, engine="h5netcdf") as decoded:
        sequence = only(path, select={"level": 850})
        assert sequence.info.start_time == decoded.time.values[0].astype("datetime64[us]").item() == START + 6 * HOUR
        assert sequence.info.step_seconds == 1800
        np.testing.assert_array_equal(sequence.read()[:, 0], decoded.t.sel(level=850).values)


def test_old_dates_of_the_mixed_calendar_are_julian(tmp_path):
    """Hours since the year 1, as the NCEP reanalyses have them: 2 days apart from the calendar of Python."""
    numbers = 17_522_904.0 + 6 * np.arange(5)  # 2000-01-01 by the archives' own documentation
    attributes = {"units": "hours since 1-1-1 00:00:0.0"}
    dataset = field(5).drop_vars("time").assign_coords(time=("time", numbers, attributes))
    assert only(save(dataset, tmp_path / "x.nc")).info.start_time == datetime(2000, 1, 1)


@pytest.mark.parametrize("calendar", ["noleap", "360_day"])
def test_other_calendars_keep_steps_but_no_dates(calendar, tmp_path):
    attributes = {"units": "days since 1850-01-01", "calendar": calendar}
    dataset = field(5).drop_vars("time").assign_coords(time=("time", np.arange(5.0) / 4, attributes))
    info = only(save(dataset, tmp_path / "x.nc")).info
    assert (info.start_time, info.step_seconds) == (None, 21600)


def test_a_time_step_of_seconds_alone_says_no_date(tmp_path):
    dataset = field(5).drop_vars("time").assign_coords(time=("time", np.arange(5) * 0.04, {"units": "s"}))
    info = only(save(dataset, tmp_path / "x.nc")).info
    assert (info.start_time, info.step_seconds) == (None, 0.04)


def test_a_missing_time_is_told(tmp_path):
    numbers = np.array([0, 1, np.nan, 3, 4])
    dataset = field(5).drop_vars("time").assign_coords(time=("time", numbers, {"units": "hours since 2000-01-01"}))
    with pytest.raises(SourceError, match=r"x\.nc' holds times that are missing"):
        open_source(save(dataset, tmp_path / "x.nc"))


def test_several_variables_are_listed_until_one_is_chosen(tmp_path):
    dataset = field()
    dataset["rain"] = dataset.t2m * 2
    dataset["rain"].attrs["units"] = "K"
    path = save(dataset, tmp_path / "x.nc")
    with pytest.raises(SourceError, match=r"holds 2 variables .* 't2m' \(time 6, lat 4, lon 5\).* source\.variable"):
        open_source(path)
    np.testing.assert_array_equal(only(path, variable="rain").read()[:, 0], dataset.rain.values)
    both = only(path, variable=["rain", "t2m"])
    assert (both.info.channel_names, both.info.units) == (("rain", "t2m"), "K")
    np.testing.assert_array_equal(both.read(1, 3), np.stack([dataset.rain, dataset.t2m], 1)[1:3])
    with pytest.raises(SourceError, match=r"no variable 'rein'; did you mean 'rain'"):
        open_source(path, options={"variable": "rein"})
    with pytest.raises(SourceError, match=r"different shapes"):
        open_source(path, options={"variable": ["rain", "orography"]})


def test_different_units_of_variables_are_told(tmp_path):
    both = xr.merge([field(), field(name="wind", units="m/s", seed=1)], compat="override")
    path = save(both, tmp_path / "x.nc")
    source = open_source(path, options={"variable": ["t2m", "wind"]})
    assert source.sequences[0].info.units is None
    assert "different units ('t2m' K, 'wind' m/s)" in source.notes[0]
    both.wind.attrs["units"] = "K"
    source = open_source(save(both, tmp_path / "y.nc"), options={"variable": ["t2m", "wind"]})
    assert (source.sequences[0].info.units, source.notes) == ("K", ())


def test_static_fields_and_bounds_are_no_candidates(tmp_path):
    dataset = field()
    dataset["time"].attrs["bounds"] = "time_bnds"
    dataset["time_bnds"] = (("time", "bnds"), np.zeros((6, 2)))
    dataset["time"].encoding["units"] = "hours since 2020-01-01"
    assert only(save(dataset, tmp_path / "x.nc")).info.channel_names == ("t2m",)
    with pytest.raises(SourceError, match=r"no variable with rows, columns and times; there is .*'orography'"):
        open_source(save(dataset[["orography"]].drop_vars("time", errors="ignore"), tmp_path / "static.nc"))


def levels(dim="level", labels=(500, 850, 1000)):
    dataset = field()
    stacked = xr.concat([dataset.t2m + 10 * place for place in range(len(labels))], dim=dim).transpose("time", ...)
    return xr.Dataset({"t": stacked.assign_coords({dim: list(labels)})})


def test_a_level_is_chosen_by_its_value(tmp_path):
    dataset = levels()
    path = save(dataset, tmp_path / "x.nc")
    with pytest.raises(SourceError, match=r"'level' with 3 places \(500, 850, 1000\); .* source\.select\.level=500"):
        open_source(path)
    np.testing.assert_array_equal(only(path, select={"level": 850}).read()[:, 0], dataset.t.sel(level=850).values)
    with pytest.raises(SourceError, match=r"no place 700.* along 'level'; there is 500, 850, 1000"):
        open_source(path, options={"select": {"level": 700}})
    with pytest.raises(SourceError, match=r"called 'lewel'; did you mean 'level'"):
        open_source(path, options={"select": {"lewel": 700}})
    with pytest.raises(SourceError, match=r"no dimension 'lat' to select from"):
        open_source(path, options={"select": {"lat": 50}})


def test_members_are_sequences_of_one_group(tmp_path):
    dataset = levels("number", (0, 1, 2))
    source = open_source(save(dataset, tmp_path / "x.nc"))
    assert [s.info.name for s in source.sequences] == ["x.nc[number=0]", "x.nc[number=1]", "x.nc[number=2]"]
    assert {s.info.group for s in source.sequences} == {"x.nc"}
    for number, sequence in enumerate(source.sequences):
        np.testing.assert_array_equal(sequence.read()[:, 0], dataset.t.sel(number=number).values)
    (chosen,) = open_source(tmp_path / "x.nc", options={"select": {"number": 1}}).sequences
    np.testing.assert_array_equal(chosen.read()[:, 0], dataset.t.sel(number=1).values)


def test_a_dimension_of_channels_is_one(tmp_path):
    values = np.random.default_rng(0).random((5, 6, 7, 3)).astype(np.float32)
    dataset = xr.Dataset({"v": (("time", "y", "x", "band"), values)}, coords={"band": ["red", "green", "blue"]})
    sequence = only(save(dataset, tmp_path / "x.nc"))
    assert sequence.info.channel_names == ("red", "green", "blue")
    np.testing.assert_array_equal(sequence.read(1, 4), values.transpose(0, 3, 1, 2)[1:4])


def test_forecasts_of_a_file_are_sequences_of_their_steps(tmp_path):
    values = np.random.default_rng(0).random((2, 5, 4, 3)).astype(np.float32)
    dataset = xr.Dataset(
        {"v": (("time", "step", "y", "x"), values)},
        coords={
            "time": ("time", [0, 12], {"units": "hours since 2020-01-01"}),
            "step": ("step", range(5), {"units": "h"}),
        },
    )
    path = save(dataset, tmp_path / "x.nc")
    with pytest.raises(SourceError, match=r"two dimensions of time, 'time' and 'step'; set source\.time_dimension"):
        open_source(path)
    first, second = open_source(path, options={"time_dimension": "step"}).sequences
    assert (first.info.start_time, second.info.start_time) == (START, START + 12 * HOUR)
    assert first.info.step_seconds == second.info.step_seconds == 3600
    np.testing.assert_array_equal(second.read()[:, 0], values[1])


def test_each_member_of_each_forecast_knows_when_it_starts(tmp_path):
    values = np.random.default_rng(0).random((3, 2, 5, 4, 3)).astype(np.float32)
    dataset = xr.Dataset(
        {"v": (("number", "time", "step", "y", "x"), values)},
        coords={
            "number": [0, 1, 2],
            "time": ("time", [0, 12], {"units": "hours since 2020-01-01"}),
            "step": ("step", range(5), {"units": "h"}),
        },
    )
    source = open_source(save(dataset, tmp_path / "x.nc"), options={"time_dimension": "step"})
    for sequence, (number, time) in zip(source.sequences, itertools.product(range(3), range(2)), strict=True):
        assert sequence.info.name == f"x.nc[number={number},time={12 * time}]"
        assert sequence.info.start_time == START + 12 * time * HOUR
        np.testing.assert_array_equal(sequence.read()[:, 0], values[number, time])


def test_gaps_cut_and_names_say_when(tmp_path):
    dataset = field(12).isel(time=[0, 1, 2, 3, 6, 7, 8, 9, 10, 11])
    source = open_source(save(dataset, tmp_path / "x.nc"))
    assert [s.info.name for s in source.sequences] == ["x.nc@20200101T000000", "x.nc@20200101T060000"]
    assert [s.info.num_frames for s in source.sequences] == [4, 6]
    assert source.sequences[1].info.start_time == START + 6 * HOUR
    assert source.notes[0] == "The times have gaps: 2 sequences without one were cut from 1 recording."
    np.testing.assert_array_equal(source.sequences[1].read()[:, 0], dataset.t2m.values[4:])


def test_times_that_run_backwards_are_put_in_order(tmp_path):
    dataset = field(7)
    sequence = only(save(dataset.isel(time=slice(None, None, -1)), tmp_path / "x.nc"))
    assert sequence.info.start_time == START
    np.testing.assert_array_equal(sequence.read()[:, 0], dataset.t2m.values)
    np.testing.assert_array_equal(sequence.read(2, 5)[:, 0], dataset.t2m.values[2:5])


@given(order=st.permutations(range(6)), start=st.integers(0, 5))
@hypothesis_settings(deadline=None, max_examples=20)
def test_any_order_of_times_gives_the_same_frames(order, start, tmp_path_factory):
    dataset = field()
    path = save(dataset.isel(time=order), tmp_path_factory.mktemp("order") / "x.nc")
    np.testing.assert_array_equal(only(path).read(start, 6)[:, 0], dataset.t2m.values[start:])


def days(folder, dataset, length=24, names="%Y%m%d.nc"):
    for first in range(0, dataset.sizes["time"], length):
        part = dataset.isel(time=slice(first, first + length))
        save(part, folder / f"{part.time.values[0].astype('datetime64[us]').item():{names}}")


def test_a_folder_of_days_is_one_recording(tmp_path, monkeypatch):
    dataset = field(24 * 5)
    days(tmp_path / "t2m", dataset)
    looked: list[str] = []
    original = field_files.contents

    def contents(path, *rest):
        looked.append(path.name)
        return original(path, *rest)

    monkeypatch.setattr(field_files, "contents", contents)
    sequence = only(tmp_path / "t2m")
    assert looked == ["20200101.nc"]  # the others are compared with it, which is twenty times as fast
    assert (sequence.info.name, sequence.info.num_frames) == ("t2m", 120)
    assert sequence.info.path == str(tmp_path / "t2m")
    np.testing.assert_array_equal(sequence.read(20, 51)[:, 0], dataset.t2m.values[20:51])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sequence)).read()[:, 0], dataset.t2m.values)


def test_files_may_be_packed_each_in_its_own_way(tmp_path):
    dataset = field(12)
    for part, offset in ((0, 280.0), (6, 270.0)):
        packing = {"dtype": "int16", "scale_factor": 0.002, "add_offset": offset, "_FillValue": -32768}
        save(dataset.isel(time=slice(part, part + 6)), tmp_path / f"{part}.nc", t2m=packing)
    np.testing.assert_allclose(only(tmp_path).read()[:, 0], dataset.t2m.values, atol=0.002)


def test_a_missing_day_is_a_gap_and_a_damaged_one_is_rejected(tmp_path):
    dataset = field(24 * 5)
    days(tmp_path, dataset)
    (tmp_path / "20200102.nc").unlink()
    damaged = tmp_path / "20200104.nc"
    damaged.write_bytes(damaged.read_bytes()[:-3000])
    source = open_source(tmp_path)
    assert [s.info.num_frames for s in source.sequences] == [24, 24, 24]
    (rejected,) = source.rejected
    assert rejected.path == str(damaged)
    assert "is damaged, cut off" in rejected.reason


def test_other_grids_and_variables_are_other_recordings(tmp_path):
    save(field(4), tmp_path / "a.nc")
    save(field(4, start=START + 4 * HOUR), tmp_path / "b.nc")
    save(field(4, start=START + 8 * HOUR, width=6), tmp_path / "c.nc")
    moved = field(4, start=START + 12 * HOUR)
    save(moved.assign_coords(lon=moved.lon + 1), tmp_path / "d.nc")
    save(field(4, start=START + 16 * HOUR, units="degC"), tmp_path / "e.nc")
    source = open_source(tmp_path)
    assert [(s.info.name, s.info.num_frames) for s in source.sequences] == [
        (tmp_path.name, 8),
        ("c.nc", 4),
        ("d.nc", 4),
        ("e.nc", 4),
    ]


def test_levels_in_files_of_their_own_are_not_mixed(tmp_path):
    dataset = levels()
    for level in (500, 850):
        for part in (0, 3):
            piece = dataset.sel(level=[level]).isel(time=slice(part, part + 3))
            save(piece, tmp_path / f"{part} {level}.nc")
    first, second = open_source(tmp_path).sequences
    assert first.info.num_frames == second.info.num_frames == 6
    np.testing.assert_array_equal(first.read()[:, 0], dataset.t.sel(level=500).values)
    np.testing.assert_array_equal(second.read()[:, 0], dataset.t.sel(level=850).values)


def test_the_hour_that_two_days_share_is_read_once(tmp_path):
    dataset = field(49)
    save(dataset.isel(time=slice(0, 25)), tmp_path / "1.nc")
    save(dataset.isel(time=slice(24, 49)), tmp_path / "2.nc")
    np.testing.assert_array_equal(only(tmp_path).read()[:, 0], dataset.t2m.values)


def test_files_of_the_same_times_are_beside_one_another(tmp_path):
    for seed in (1, 2):
        save(field(seed=seed), tmp_path / f"run {seed}.nc")
    source = open_source(tmp_path)
    assert [s.info.name for s in source.sequences] == ["run 1.nc", "run 2.nc"]
    assert "read as 2 recordings beside one another" in source.notes[0]


def test_a_file_for_each_time_states_it_once(tmp_path):
    dataset = field(6)
    for hour in range(6):
        save(dataset.isel(time=hour), tmp_path / f"{hour}.nc")
    with pytest.raises(SourceError, match=r"holds 2 variables that can be read"):
        open_source(tmp_path)
    sequence = only(tmp_path, variable="t2m")
    assert (sequence.info.num_frames, sequence.info.step_seconds) == (6, 3600)
    np.testing.assert_array_equal(sequence.read()[:, 0], dataset.t2m.values)


def test_a_grid_mapping_is_the_projection(tmp_path):
    dataset = field()
    dataset["t2m"].attrs["grid_mapping"] = "crs"
    attributes = {"grid_mapping_name": "polar_stereographic", "semi_major_axis": 6378.14, "parallels": [60.0, 30.0]}
    dataset["crs"] = ((), np.int32(0), attributes)
    info = only(save(dataset, tmp_path / "x.nc")).info
    assert info.grid.projection["grid_mapping_name"] == "polar_stereographic"
    assert info.grid.projection["semi_major_axis"] == 6378.14
    assert info.grid.projection["parallels"] == "60.0 30.0"


def test_south_above_is_told_and_can_be_turned(tmp_path):
    dataset = field().isel(lat=slice(None, None, -1))
    source = open_source(save(dataset, tmp_path / "x.nc"))
    assert "south above; source.north_up=true" in source.notes[0]
    np.testing.assert_array_equal(source.sequences[0].read()[:, 0], dataset.t2m.values)
    turned = open_source(tmp_path / "x.nc", options={"north_up": True})
    assert turned.notes == ()
    np.testing.assert_array_equal(turned.sequences[0].read()[:, 0], dataset.t2m.values[:, ::-1])
    assert turned.sequences[0].info.grid.y.values == tuple(dataset.lat.values[::-1].tolist())


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize(("version", "consolidated"), [(2, True), (2, False), (3, True), (3, False)])
def test_zarr_of_every_kind_is_read_whatever_it_is_called(version, consolidated, tmp_path):
    dataset = field(24)
    for name in ("x.zarr", "store"):
        dataset.to_zarr(tmp_path / name, zarr_format=version, consolidated=consolidated)
        sequence = only(tmp_path / name)
        assert (sequence.info.start_time, sequence.info.step_seconds, sequence.info.units) == (START, 3600, "K")
        np.testing.assert_array_equal(sequence.read(5, 17)[:, 0], dataset.t2m.values[5:17])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(sequence)).read()[:, 0], dataset.t2m.values)


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_whose_dimensions_have_no_names_is_told(version, tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(tmp_path / "group.zarr", mode="w", zarr_format=version)
    group.create_array("frames", shape=(5, 8, 8), dtype="u1")[:] = 1
    zarr.create_array(tmp_path / "array.zarr", shape=(5, 8, 8), dtype="u1", zarr_format=version)
    with pytest.raises(SourceError, match=r"group\.zarr' holds arrays whose dimensions have no names; .* save it as"):
        open_source(tmp_path / "group.zarr")
    with pytest.raises(SourceError, match=r"array\.zarr' is a single array, not a group of arrays; .* save it as"):
        open_source(tmp_path / "array.zarr")


def test_a_folder_of_stores_and_files(tmp_path):
    dataset = field(12)
    dataset.isel(time=slice(0, 6)).to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    save(dataset.isel(time=slice(6, 12)), tmp_path / "b.nc")
    (tmp_path / "a.zarr" / "c.mp4").write_bytes(b"a chunk, not a video")
    source = open_source(tmp_path)
    assert (source.kind, source.notes) == ("fields", ())
    np.testing.assert_array_equal(source.sequences[0].read()[:, 0], dataset.t2m.values)


def test_groups_inside_a_file_are_reached_by_name(tmp_path):
    field().to_netcdf(tmp_path / "x.nc", engine="h5netcdf", group="Grid")
    with pytest.raises(SourceError, match="no variable with rows, columns and times"):
        open_source(tmp_path / "x.nc")
    np.testing.assert_array_equal(only(tmp_path / "x.nc", within="Grid").read(1, 3)[:, 0], field().t2m.values[1:3])


def test_netcdf_is_recognised_by_its_content(tmp_path):
    save(field(), tmp_path / "x.nc")
    for name in ("x.h5", "x", "x.dat"):
        shutil.copy(tmp_path / "x.nc", tmp_path / name)
        assert open_source(tmp_path / name).kind == "fields"


def test_classic_netcdf_is_read_where_scipy_is(tmp_path):
    pytest.importorskip("scipy")
    dataset = field()
    dataset.to_netcdf(tmp_path / "x.nc", engine="scipy", format="NETCDF3_64BIT")
    np.testing.assert_array_equal(only(tmp_path / "x.nc").read(2, 4)[:, 0], dataset.t2m.values[2:4])


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "only its head"])
def test_damaged_files_are_told(damage, tmp_path):
    content = save(field(200), tmp_path / "x.nc").read_bytes()
    new = {"empty": b"", "text": b"hello " * 50, "cut": content[: len(content) // 2], "only its head": content[:90]}
    (tmp_path / "x.nc").write_bytes(new[damage])
    with pytest.raises(SourceError, match=r"x\.nc' is damaged, cut off, or not what its name says"):
        open_source(tmp_path)


def test_altered_bytes_are_an_error_or_a_rejection_never_a_crash(tmp_path):
    content = save(field(40), tmp_path / "x.nc", t2m={"zlib": True}).read_bytes()
    draw = np.random.default_rng(0)
    messages: list[str] = []
    for _ in range(60):
        damaged = bytearray(content)
        for place in draw.integers(0, len(content), 12):
            damaged[place] ^= int(draw.integers(1, 256))
        (tmp_path / "x.nc").write_bytes(bytes(damaged))
        try:
            for sequence in open_source(tmp_path).sequences:
                sequence.read()
        except SourceError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all("x.nc'" in message for message in messages)


def test_a_heap_of_texts_that_has_no_end_is_refused(tmp_path):
    """The HDF5 library would follow it for ever, and no signal stops it."""
    path = save(field(), tmp_path / "x.nc")
    content = bytearray(path.read_bytes())
    place = content.index(b"GCOL\x01\x00\x00\x00") + 16  # the first object of the heap
    content[place + 8 : place + 16] = b"\xf0" + b"\xff" * 7  # a length that wraps around to none
    for name in ("x.nc", "x.h5"):
        (tmp_path / name).write_bytes(bytes(content))
        with pytest.raises(SourceError, match="a heap of texts in it is damaged"):
            open_source(tmp_path / name)


def test_absurd_dimensions_are_refused_without_reading(tmp_path):
    with h5py.File(tmp_path / "x.nc", "w") as file:
        file.create_dataset("v", (10, 400_000, 400_000), "f4", chunks=(1, 100, 100))
        for axis, name in enumerate(("time", "y", "x")):
            file.create_dataset(name, (file["v"].shape[axis],), "f4", chunks=(10,))
            file[name].make_scale(name)
            file["v"].dims[axis].attach_scale(file[name])
    with pytest.raises(SourceError, match="400000x400000"):
        open_source(tmp_path)


def test_a_chunk_of_a_store_that_is_damaged_is_told_when_it_is_read(tmp_path):
    field(8).to_zarr(tmp_path / "x.zarr", zarr_format=3, consolidated=False)
    sequence = only(tmp_path / "x.zarr")
    for chunk in (tmp_path / "x.zarr" / "t2m" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"nonsense")
    with pytest.raises(SourceError, match=r"x\.zarr' is damaged"):
        sequence.read()


def test_a_file_that_vanished_is_told_when_it_is_read(tmp_path):
    sequence = only(save(field(), tmp_path / "x.nc"))
    (tmp_path / "x.nc").unlink()
    with pytest.raises(SourceError, match=r"x\.nc' is damaged"):
        sequence.read()


def test_settings_are_checked(tmp_path):
    save(field(), tmp_path / "x.nc")
    with pytest.raises(ConfigurationError, match="variabel"):
        open_source(tmp_path, options={"variabel": "t2m"})
    with pytest.raises(ConfigurationError, match=r"source\.select"):
        open_source(tmp_path, options={"select": 5})


@pytest.mark.parametrize("name", ["mésures d'été 雨.nc", "with space.nc", "%03d.nc"])
def test_names_of_all_kinds(name, tmp_path):
    assert only(save(field(), tmp_path / name)).info.name == name
