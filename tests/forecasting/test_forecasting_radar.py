"""Forecasts of radar: many files are one recording, and what is written goes on in its time and units."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from framecast.sources.open import open_source
from framecast.workflows.predict import predict
from tests.sources.radar_files import clock, write_knmi


def radar(folder: Path, minutes: range | list[int]) -> Path:
    for minute in minutes:
        write_knmi(folder / f"{minute}.h5", np.full((8, 8), minute, np.uint16), clock(minute))
    return folder


def test_a_folder_of_radar_files_is_one_recording_and_one_forecast(make_run: Any, tmp_path: Path) -> None:
    run = make_run(dtype="float32", value_range=(0.0, 10.0))
    out = tmp_path / "next.nc"
    [prediction] = predict(run, radar(tmp_path / "in", range(0, 30, 5)), out=out)
    assert prediction.path == out
    [written] = open_source(out).sequences
    assert (written.info.start_time, written.info.step_seconds, written.info.units) == (clock(30), 300, "mm/h")
    np.testing.assert_allclose(written.read(), 25 * 0.12, rtol=1e-5)


def test_pieces_between_gaps_are_written_as_measured_fields(make_run: Any, tmp_path: Path) -> None:
    run = make_run(dtype="float32", value_range=(0.0, 10.0))
    predictions = predict(run, radar(tmp_path / "in", [0, 5, 10, 20, 25, 30]), out=tmp_path / "out")
    names = [f"{(clock(minute)):%Y%m%dT%H%MZ}.nc" for minute in (0, 20)]
    assert [prediction.path for prediction in predictions] == [tmp_path / "out" / name for name in names]
    [written] = open_source(tmp_path / "out" / names[1]).sequences
    assert written.info.start_time == clock(30) + timedelta(minutes=5)
