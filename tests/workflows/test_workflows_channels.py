"""From recordings of several variables to a forecast of one of them, with everything shown beside it."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from framecast.runs.configure import configure
from framecast.sources.open import open_source
from framecast.sources.writing import write_frames
from framecast.workflows.evaluate import evaluate
from framecast.workflows.predict import predict
from framecast.workflows.prepare import prepare
from framecast.workflows.train import train

H, W = 8, 10
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """Two variables of different units on a grid, every ten minutes, some of the first missing."""
    draw = np.random.default_rng(0)
    frames = draw.random((40, 2, H, W)).astype(np.float32) * np.array([10, 300], np.float32)[:, None, None]
    frames[:, 0, :2, :3] = np.nan
    np.save(tmp_path / "heights.npy", draw.random((H, W)))
    import xarray

    times = np.datetime64("2021-04-01T05:00", "ns") + np.arange(40) * np.timedelta64(10, "m")
    data = xarray.Dataset(
        {
            name: (("time", "y", "x"), frames[:, place], {"units": units, "_FillValue": np.float32(np.nan)})
            for place, (name, units) in enumerate((("rain", "mm/h"), ("heat", "K")))
        },
        coords={"time": times},
    )
    data.to_netcdf(tmp_path / "fields.nc", engine="h5netcdf")
    return tmp_path


@pytest.mark.parametrize("model", ["convlstm", "convlstm_stack"])
def test_one_variable_of_two_is_forecast(fields: Path, model: str) -> None:
    source = str(fields / "fields.nc")
    options = {"variable": ["rain", "heat"]}
    config = configure(
        settings={
            "source": {"location": source, **options},
            "clips": {
                "context": 3,
                "horizon": 2,
                "split": SHARES,
                "channels": {
                    "forecast": ["rain"],
                    "missing": True,
                    "hour": True,
                    "static": [str(fields / "heights.npy")],
                },
            },
            "model": {"name": model},
            "training": {"max_steps": 2, "batch_size": 4, "pictures_every": 1, "device": "cpu"},
        }
    )
    run = train(config, out=fields / "run")
    assert run.record.spec.channels == 6
    assert run.record.spec.forecast_channels == (0,)
    # The run is enough to go on with.
    (fields / "heights.npy").unlink()
    results = evaluate(run)
    scores = results.conventions["physical"]["persistence"]
    assert np.isfinite(scores.overall["mse"])
    opened = open_source(source, options=options)
    (prediction,) = predict(run, opened, out=fields / "next.nc", horizon=3)
    assert prediction.frames.shape == (3, 1, H, W)
    assert np.isnan(prediction.frames[:, 0, :2, :3]).all()
    assert np.isfinite(prediction.frames[:, 0, 2:]).all()
    assert results.units == "mm/h"
    back = open_source(fields / "next.nc").sequences[0]
    assert (back.info.units, back.info.channel_names) == ("mm/h", ("rain",))
    assert back.info.start_time == datetime(2021, 4, 1, 11, 40)
    np.testing.assert_array_equal(back.read(), prediction.frames)


def test_persistence_is_scored_on_what_is_forecast_alone(fields: Path) -> None:
    source, options = str(fields / "fields.nc"), {"variable": ["rain", "heat"]}
    scores = []
    for forecast in (["rain"], ["heat"]):
        config = configure(
            settings={
                "source": {"location": source, **options},
                "clips": {"context": 3, "horizon": 2, "split": SHARES, "channels": {"forecast": forecast}},
                "training": {"max_steps": 1, "batch_size": 4, "pictures_every": None, "device": "cpu"},
            }
        )
        results = evaluate(train(config, out=fields / f"run-{forecast[0]}"))
        scores.append(results.conventions["physical"]["persistence"].overall["mse"])
    assert scores[0] == pytest.approx(10**2 / 6, rel=0.3)
    assert scores[1] == pytest.approx(300**2 / 6, rel=0.3)


def test_each_variable_keeps_its_units_on_the_way(fields: Path) -> None:
    options = {"variable": ["rain", "heat"]}
    (sequence,) = open_source(fields / "fields.nc", options=options).sequences
    assert (sequence.info.units, sequence.info.channel_units) == (None, ("mm/h", "K"))
    assert [sequence.info.units_of(channels) for channels in ((), (0,), (1,), (0, 1))] == [None, "mm/h", "K", None]
    write_frames(fields / "copy.nc", sequence.read(), step_seconds=600, like=sequence.info)
    (copied,) = open_source(fields / "copy.nc", options=options).sequences
    assert copied.info.channel_units == ("mm/h", "K")
    prepare(str(fields / "fields.nc"), out=fields / "store.zarr", options=options)
    (stored,) = open_source(fields / "store.zarr").sequences
    assert stored.info.channel_units == ("mm/h", "K")
