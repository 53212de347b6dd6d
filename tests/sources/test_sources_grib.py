"""GRIB: messages are read with their times, levels and missing values; nothing is left beside the files."""

import pickle
from datetime import datetime, timedelta

import numpy as np
import pytest

from framecast.frames.errors import SourceError
from framecast.sources.open import open_source
from tests.sources.grib_files import hourly, write_grib

pytest.importorskip("cfgrib")

FRAMES = np.random.default_rng(0).uniform(250, 300, (6, 4, 5))


def test_times_units_and_grid_come_along(tmp_path):
    frames = FRAMES.copy()
    frames[2, 1, 3] = np.nan
    source = open_source(write_grib(tmp_path / "x.grib", hourly(frames)))
    (sequence,) = source.sequences
    info = sequence.info
    assert (source.kind, info.name, info.units, info.channel_names) == ("grib", "x.grib", "K", ("t",))
    assert (info.start_time, info.step_seconds, info.has_missing) == (datetime(2020, 1, 1), 3600, True)
    assert info.grid.y.values == (50.0, 49.5, 49.0, 48.5)
    assert info.grid.x.units == "degrees_east"
    read = sequence.read()
    assert np.argwhere(np.isnan(read)).tolist() == [[2, 0, 1, 3]]
    np.testing.assert_allclose(read[:, 0], frames, atol=0.01)  # 16 bits over the range of each message
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sequence)).read(2, 4), read[2:4])
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.grib"]


def test_a_folder_of_days_is_one_recording(tmp_path):
    for day in (1, 2):
        messages = [{**m, "dataTime": 400 * n} for n, m in enumerate(hourly(FRAMES + day, date=20200100 + day))]
        write_grib(tmp_path / f"{day}.grb2", messages)
    (sequence,) = open_source(tmp_path).sequences
    assert (sequence.info.num_frames, sequence.info.step_seconds) == (12, 4 * 3600)
    np.testing.assert_allclose(sequence.read(4, 8)[:, 0], np.concatenate([FRAMES[4:] + 1, FRAMES[:2] + 2]), atol=0.01)


def test_a_level_is_chosen(tmp_path):
    both = hourly(FRAMES, level=500) + hourly(FRAMES + 9, level=850)
    path = write_grib(tmp_path / "x.grib", both)
    with pytest.raises(SourceError, match=r"'isobaricInhPa' with 2 places .* source\.select\.isobaricInhPa="):
        open_source(path)
    (sequence,) = open_source(path, options={"select": {"isobaricInhPa": 850}}).sequences
    np.testing.assert_allclose(sequence.read()[:, 0], FRAMES + 9, atol=0.01)


def test_the_steps_of_a_forecast_are_its_frames(tmp_path):
    messages = [{"shortName": "t", "dataDate": 20200101, "dataTime": 1200, "stepRange": str(6 * n)} for n in range(6)]
    path = write_grib(tmp_path / "x.grib2", [m | {"values": f} for m, f in zip(messages, FRAMES, strict=True)])
    (sequence,) = open_source(path).sequences
    assert (sequence.info.start_time, sequence.info.step_seconds) == (datetime(2020, 1, 1, 12), 21600)
    assert sequence.info.time_of(5) == datetime(2020, 1, 1, 12) + timedelta(hours=30)
    np.testing.assert_allclose(sequence.read()[:, 0], FRAMES, atol=0.01)


def test_messages_that_form_no_field_together_are_chosen_by_keys(tmp_path):
    surface = hourly(FRAMES + 5, shortName="2t", typeOfLevel="heightAboveGround", level=2)
    above = hourly(FRAMES - 5, shortName="10u", typeOfLevel="heightAboveGround", level=10)
    path = write_grib(tmp_path / "x.grib", surface + above)
    with pytest.raises(SourceError, match=r"choose among them by source\.keys"):
        open_source(path)
    (sequence,) = open_source(path, options={"keys": {"shortName": "2t"}}).sequences
    np.testing.assert_allclose(sequence.read()[:, 0], FRAMES + 5, atol=0.01)


def test_it_is_recognised_by_its_content(tmp_path):
    path = write_grib(tmp_path / "x.dat", hourly(FRAMES))
    assert open_source(path).kind == "grib"


@pytest.mark.parametrize("damage", ["empty", "text", "only its head"])
def test_damaged_files_are_rejected_while_others_are_read(damage, tmp_path):
    path = write_grib(tmp_path / "bad.grib", hourly(FRAMES))
    path.write_bytes({"empty": b"", "text": b"hello " * 50}.get(damage, path.read_bytes()[:50]))
    with pytest.raises(SourceError, match=r"bad\.grib'"):
        open_source(tmp_path)
    write_grib(tmp_path / "good.grib", hourly(FRAMES))
    source = open_source(tmp_path)
    assert [s.info.name for s in source.sequences] == ["good.grib"]
    assert [rejected.path for rejected in source.rejected] == [str(path)]
