"""Radar: what KNMI composites become, and how many files become sequences."""

import pickle
import random
from contextlib import suppress
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError, NotAvailableError, SourceError
from framecast.sources.open import open_source
from framecast.sources.radar.composite import NoCompositeError
from framecast.sources.radar.knmi import knmi_formula, knmi_time
from framecast.sources.radar.source import RadarSource
from tests.sources.radar_files import clock, write_knmi, write_odim

STORED = np.array([[0, 1, 2, 245], [65535, 100, 65534, 7], [3, 4, 5, 6]], dtype=np.uint16)


def series(folder, minutes, **facts):
    """Files whose first pixel is the minute, named so that the order of names is not that of times."""
    for minute in minutes:
        stored = STORED.copy()
        stored[0, 0] = minute
        write_knmi(folder / f"{minute * 7919 % 1000:03d}_{minute}.h5", stored, clock(minute), **facts)
    return folder


def test_a_knmi_file_in_every_unit(tmp_path):
    write_knmi(tmp_path / "a.h5", STORED, clock(0), missing=65534)
    millimetres = np.array([[0, 0.01, 0.02, 2.45], [np.nan, 1, np.nan, 0.07], [0.03, 0.04, 0.05, 0.06]])
    rate = 12 * millimetres
    with np.errstate(divide="ignore"):
        decibels = np.maximum(10 * np.log10(200 * rate**1.6), 0)
    expected = {"mm": millimetres, "mm/h": rate, "dBZ": decibels}
    for units, values in expected.items():
        (sequence,) = open_source(tmp_path, options={"units": units}).sequences
        assert sequence.info.units == units
        assert sequence.info.channel_names == (
            {"mm": "rain_amount", "mm/h": "rain_rate", "dBZ": "reflectivity"}[units],
        )
        frames = sequence.read()
        assert frames.dtype == np.float32
        np.testing.assert_allclose(frames[0, 0], values, rtol=1e-5)
    assert open_source(tmp_path).sequences[0].info.units == "mm/h"


def test_relation_and_floor_can_be_set(tmp_path):
    write_knmi(tmp_path / "a.h5", STORED, clock(0))
    options = {"units": "dBZ", "zr": [300, 1.4], "floor_dbz": -10}
    frames = open_source(tmp_path, options=options).sequences[0].read()
    assert frames[0, 0, 0, 0] == -10
    assert frames[0, 0, 0, 3] == pytest.approx(10 * np.log10(300 * 29.4**1.4), abs=1e-4)
    for wrong in ({"zr": [0, 1.6]}, {"zr": [200]}, {"units": "mm/s"}, {"quantity": "VRAD"}):
        with pytest.raises(ConfigurationError, match="source"):
            open_source(tmp_path, options=wrong)


def test_what_is_known_of_a_recording(tmp_path):
    info = open_source(series(tmp_path, range(0, 60, 5))).sequences[0].info
    assert (info.name, info.group, info.num_frames, info.frame_shape) == ("20100826T0000Z", info.name, 12, (1, 3, 4))
    assert (info.step_seconds, info.start_time) == (300, datetime(2010, 8, 26, tzinfo=UTC))
    assert info.has_missing
    assert info.fixed_orientation
    assert info.value_range is None
    assert info.path == str(tmp_path)
    assert info.grid is not None
    assert info.grid.pixel_size == (1, 1)
    assert (info.grid.x.values, info.grid.y.values) == ((0.5, 1.5, 2.5, 3.5), (-3650.5, -3651.5, -3652.5))
    assert info.grid.x.units == info.grid.y.units == "km"
    assert info.grid.projection["proj4"].startswith("+proj=stere")
    assert info.grid.projection["grid_mapping_name"] == "polar_stereographic"
    assert info.grid.projection["semi_major_axis"] == 6378137


def test_files_are_ordered_by_their_times_and_not_by_their_names(tmp_path):
    (sequence,) = open_source(series(tmp_path, range(0, 60, 5))).sequences
    entire = sequence.read()
    np.testing.assert_allclose(entire[:, 0, 0, 0], np.arange(0, 60, 5) * 0.12, rtol=1e-6)
    draw = random.Random(0)
    for _ in range(10):
        start = draw.randrange(12)
        stop = draw.randrange(start, 12) + 1
        np.testing.assert_array_equal(sequence.read(start, stop), entire[start:stop])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sequence)).read(2, 5), entire[2:5])


def test_missing_files_cut_the_recording(tmp_path):
    source = open_source(series(tmp_path, [0, 5, 10, 20, 25, 60]))
    assert [(s.info.name, s.info.num_frames) for s in source.sequences] == [
        ("20100826T0000Z", 3),
        ("20100826T0020Z", 2),
        ("20100826T0100Z", 1),
    ]
    assert {s.info.step_seconds for s in source.sequences} == {300}
    assert source.notes == (
        "Files are missing at 2 places, where the recording was cut; the first lies between 2010-08-26 00:10 and "
        "2010-08-26 00:20 UTC.",
    )
    days = open_source(tmp_path, options={"group_pattern": "^[0-9]{8}"})
    assert {s.info.group for s in days.sequences} == {"20100826"}


@settings(max_examples=15, deadline=None)
@given(present=st.sets(st.integers(0, 30)), seed=st.randoms(use_true_random=False))
def test_no_sequence_reaches_across_a_gap_and_no_file_is_lost(tmp_path_factory, present, seed):
    folder = tmp_path_factory.mktemp("radar")
    present = sorted(present | {0, 1})
    names = list(present)
    seed.shuffle(names)
    for name, slot in zip(names, present, strict=True):
        write_knmi(folder / f"{name}.h5", np.full((2, 2), slot, np.uint16), clock(5 * slot))
    source = open_source(folder, options={"step_seconds": 300})
    seen = []
    for sequence in source.sequences:
        slots = np.rint(sequence.read()[:, 0, 0, 0] / 0.12).astype(int).tolist()
        assert (np.diff(slots) == 1).all()
        assert sequence.info.start_time == clock(5 * slots[0])
        seen += slots
    assert seen == present


def test_a_damaged_file_is_set_aside_and_leaves_a_gap(tmp_path):
    series(tmp_path, range(0, 30, 5))
    (victim,) = tmp_path.glob("*_10.h5")
    whole = victim.read_bytes()
    for damage in (b"", whole[:700], whole[: len(whole) // 2], b"not at all HDF5", whole[:8] + bytes(len(whole) - 8)):
        victim.write_bytes(damage)
        source = open_source(tmp_path)
        assert [sequence.info.num_frames for sequence in source.sequences] == [2, 3]
        (rejected,) = source.rejected
        assert rejected.path == str(victim)
        assert "is cut off, damaged, or not what its name says" in rejected.reason
        assert "\n" not in rejected.reason


def test_bits_that_flip_end_in_a_frame_or_a_sentence(tmp_path):
    file = write_knmi(tmp_path / "a.h5", STORED, clock(0))
    whole = bytearray(file.read_bytes())
    draw = random.Random(4)
    for _ in range(150):
        damaged = whole.copy()
        for _ in range(draw.choice([1, 3, 20])):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        file.write_bytes(damaged)
        with suppress(SourceError):
            for sequence in RadarSource.open(str(file), RadarSource.config_class()).sequences:
                sequence.read()


def test_a_file_that_changes_after_it_was_listed_is_named(tmp_path):
    file = write_knmi(tmp_path / "a.h5", STORED, clock(0))
    (sequence,) = open_source(tmp_path).sequences
    write_knmi(file, STORED[:2], clock(0))
    with pytest.raises(SourceError, match=r"a\.h5' has changed since it was listed"):
        sequence.read()
    file.unlink()
    with pytest.raises(SourceError, match=r"a\.h5' is cut off, damaged"):
        sequence.read()


def test_nothing_to_read_says_why(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "b.h5").write_bytes(b"")
    with pytest.raises(SourceError, match=r"No radar composite in .* can be read: .*a\.h5' is .* \(2 files in all\)"):
        open_source(tmp_path, kind="radar")


def test_pictures_that_differ_are_not_mixed(tmp_path):
    write_knmi(tmp_path / "a.h5", STORED, clock(0))
    write_knmi(tmp_path / "b.h5", STORED[:2], clock(5))
    with pytest.raises(SourceError, match=r"'.*a\.h5' is 3 x 4 in mm, '.*b\.h5' is 2 x 4 in mm\. .*source\.pattern"):
        open_source(tmp_path)
    assert open_source(tmp_path, options={"pattern": "b*"}).sequences[0].info.height == 2


def test_two_files_of_one_time(tmp_path):
    series(tmp_path, [0, 5])
    write_knmi(tmp_path / "z_later.h5", np.full((3, 4), 50, np.uint16), clock(5))
    source = open_source(tmp_path)
    assert source.sequences[0].read(1, 2)[0, 0, 0, 0] == 6
    assert "For 1 times there are two files or more" in source.notes[0]
    write_knmi(tmp_path / "z_later.h5", STORED, clock(5), product=b"RAD_NL25_RAC")
    with pytest.raises(SourceError, match=r"Two products lie side by side: .*RAD_NL25_RAP_5min.*RAD_NL25_RAC.*2010"):
        open_source(tmp_path)


def test_a_time_step_that_no_two_files_have_is_refused(tmp_path):
    series(tmp_path, [0, 5, 10])
    with pytest.raises(SourceError, match=r"No two of the 3 composites .*step_seconds=600 s apart; mostly it is 300 s"):
        open_source(tmp_path, options={"step_seconds": 600})
    assert len(open_source(series(tmp_path, [20, 30]), options={"step_seconds": 600}).sequences) == 3


def test_hourly_sums_every_five_minutes_are_said_to_overlap(tmp_path):
    source = open_source(series(tmp_path, [0, 5, 10], seconds=3600))
    assert source.sequences[0].read()[0, 0, 0, 3] == pytest.approx(2.45)
    assert source.notes == ("Each picture adds up rain of 3600 s, and one follows another every 300 s: they overlap.",)


def test_an_interval_that_the_file_does_not_say_is_the_time_step(tmp_path):
    source = open_source(series(tmp_path, [0, 5, 10], seconds=0))
    assert source.sequences[0].read()[0, 0, 0, 3] == pytest.approx(29.4)
    assert source.notes == ("Files that do not say over how long rain is added up were taken to mean 300 s.",)
    file = next(tmp_path.iterdir())
    with pytest.raises(SourceError, match=r"set source\.step_seconds"):
        open_source(file)
    assert open_source(file, options={"step_seconds": 600}).sequences[0].read()[0, 0, 0, 3] == pytest.approx(14.7)
    assert open_source(file, options={"units": "mm"}).notes == ()


def test_reflectivity_in_eight_bits_keeps_its_units_unless_asked(tmp_path):
    stored = np.array([[0, 64, 110, 255]], dtype=np.uint8)
    facts = {"formula": np.array([b"GEO = 0.500000 * PV + -32.000000"]), "missing": 0, "outside": 255, "seconds": 0}
    write_knmi(tmp_path / "a.h5", stored, clock(0), parameter=b"REFLECTIVITY_[DBZ]", **facts)
    (sequence,) = open_source(tmp_path).sequences
    assert sequence.info.units == "dBZ"
    np.testing.assert_array_equal(sequence.read()[0, 0, 0], np.float32([0, 0, 23, np.nan]))
    rate = open_source(tmp_path, options={"units": "mm/h"}).sequences[0].read()[0, 0, 0]
    np.testing.assert_allclose(rate, [0, 0, 0.9985, np.nan], rtol=1e-3)
    wide = open_source(tmp_path, options={"floor_dbz": -32}).sequences[0].read()[0, 0, 0]
    np.testing.assert_array_equal(wide, np.float32([-32, 0, 23, np.nan]))


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("GEO=0.01*PV+0.0", (0.01, 0)),
        ("GEO = 0.500000 * PV + -32.000000", (0.5, -32)),
        ("GEO=0.5*PV-32", (0.5, -32)),
        ("GEO=1e-2*PV+1.5E+1", (0.01, 15)),
        ("geo=2*pv", (2, 0)),
    ],
)
def test_formulas(written, numbers):
    assert knmi_formula(written) == pytest.approx(numbers)


@pytest.mark.parametrize("written", ["", "GEO=PV", "GEO=a*PV+b", "GEO=0.01*PV+0.0;print(1)", "10^((PV-109)/32)"])
def test_what_is_no_formula_is_refused_and_never_run(written):
    with pytest.raises(NoCompositeError, match="which is not of the form"):
        knmi_formula(written)


def test_times_are_read_whatever_the_language_of_the_machine():
    assert knmi_time("26-AUG-2010;00:05:00.000") == datetime(2010, 8, 26, 0, 5, tzinfo=UTC)
    assert knmi_time("1-Dec-2024;23:59:59.5") == datetime(2024, 12, 1, 23, 59, 59, 500000, tzinfo=UTC)
    for wrong in ("", "26-AOU-2010;00:05:00.000", "2010-08-26 00:05"):
        with pytest.raises(NoCompositeError, match="which is not of the form"):
            knmi_time(wrong)


def test_other_hdf5_files_are_left_to_other_readers(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["vil"] = np.zeros((2, 3, 4), np.uint8)
    assert not RadarSource.recognises(tmp_path)
    assert not RadarSource.recognises(tmp_path / "a.h5")
    with pytest.raises(SourceError, match="neither a KNMI nor an ODIM composite"):
        open_source(tmp_path, kind="radar")
    write_knmi(tmp_path / "b.weather", STORED, clock(0))
    assert RadarSource.recognises(tmp_path / "b.weather")
    assert not RadarSource.recognises(tmp_path / "nowhere")


def test_other_content_of_knmi_files_is_refused_with_a_reason(tmp_path):
    file = write_knmi(tmp_path / "a.h5", STORED, clock(0), parameter=b"ECHOTOPHEIGHT_[KM]")
    with pytest.raises(SourceError, match=r"holds 'ECHOTOPHEIGHT_\[KM\]'; what can be read is rain and reflectivity"):
        open_source(file)
    write_knmi(file, STORED, clock(0))
    with h5py.File(file, "a") as opened:
        opened.create_group("image2").attrs["image_datetime_valid"] = b"26-AUG-2010;00:10:00.000"
    with pytest.raises(SourceError, match="holds a forecast of several pictures"):
        open_source(file)
    with h5py.File(file, "w") as opened:
        opened.create_group("overview")
        opened.create_group("geographic")
    with pytest.raises(SourceError, match="is a KNMI file without a picture"):
        open_source(file)
    with h5py.File(file, "w") as opened:
        opened.create_group("overview")
        opened.create_dataset("image1/image_data", shape=(10**6, 10**6), dtype="u1", chunks=(1000, 1000))
    with pytest.raises(SourceError, match=r"holds a picture of 1000000 x 1000000 pixels, which no radar composite has"):
        open_source(file)


def test_without_h5py_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    write_knmi(tmp_path / "a.h5", STORED, clock(0))
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(NotAvailableError, match=r"pip install \"framecast\[science\]\""):
        open_source(tmp_path)


def test_knmi_and_odim_files_of_one_size_are_one_recording(tmp_path):
    write_knmi(tmp_path / "a.h5", STORED, clock(0))
    write_odim(tmp_path / "b.h5", STORED, clock(5), quantity="ACRR", gain=0.01)
    (sequence,) = open_source(tmp_path).sequences
    np.testing.assert_allclose(sequence.read()[:, 0, 0, 1], 0.12, rtol=1e-6)


def test_the_real_series(test_data):
    source = open_source(test_data / "radar" / "knmi")
    (sequence,) = source.sequences
    info = sequence.info
    assert (info.num_frames, info.frame_shape, info.units) == (92, (1, 765, 700), "mm/h")
    assert (info.start_time, info.step_seconds) == (datetime(2010, 8, 26, tzinfo=UTC), 300)
    assert info.time_of(91) == datetime(2010, 8, 26, 7, 35, tzinfo=UTC)
    frames = sequence.read(40, 44)
    assert np.isnan(frames).mean() == pytest.approx(0.7437, abs=1e-4)
    paths = sorted((test_data / "radar" / "knmi").glob("*.h5"))
    for path, frame in zip(paths[40:44], frames, strict=True):
        with h5py.File(path) as file:
            stored = file["image1/image_data"][()]
        expected = np.where(stored == 65535, np.nan, stored / 100 * 12)
        np.testing.assert_allclose(frame[0], expected, rtol=1e-6)
    assert source.notes == ()
    assert source.rejected == ()
