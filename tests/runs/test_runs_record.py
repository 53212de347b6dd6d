"""The record of a run: when it advises to load faster."""

import dataclasses
from pathlib import Path

import pytest

from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord


@pytest.mark.parametrize(
    ("seconds", "waiting", "share"),
    [(100.0, 9.9, None), (100.0, 10.1, "10%"), (200.0, 90.0, "45%"), (8.0, 4.9, None), (0.0, 0.0, None)],
)
def test_advice_where_a_tenth_of_the_time_went_into_waiting(
    run_folder: RunFolder, seconds: float, waiting: float, *, share: str | None
) -> None:
    record = RunRecord.load(run_folder.record)
    advice = dataclasses.replace(record, seconds=seconds, waiting_seconds=waiting).waiting_advice
    if share is None:
        assert advice is None
    else:
        assert advice is not None
        assert advice.startswith(f"{share} of the training time went into waiting")
        assert "training.num_workers" in advice
        assert "\n" not in advice


def test_waiting_is_kept(run_folder: RunFolder, tmp_path: Path) -> None:
    record = dataclasses.replace(RunRecord.load(run_folder.record), waiting_seconds=1.5)
    record.save(tmp_path / "run.json")
    assert RunRecord.load(tmp_path / "run.json") == record
