"""Other recordings are read as those of a run were, where they are of the same kind."""

from pathlib import Path

import numpy as np
import pytest

from framecast.runs.config import SourceChoice
from framecast.sources.writing import write_frames

FRAMES = np.random.default_rng(0).integers(0, 200, (6, 1, 8, 8)).astype(np.float32)


@pytest.fixture
def trained(tmp_path: Path) -> SourceChoice:
    folder = tmp_path / "trained"
    write_frames(folder / "left.npy", FRAMES, step_seconds=None)
    options = {"units": "mm/h", "step_seconds": 300.0, "pattern": "left*", "missing": -9999.0}
    return SourceChoice(location=str(folder), options=options)


def test_what_the_files_mean_holds_for_others_and_which_files_does_not(trained: SourceChoice, tmp_path: Path) -> None:
    write_frames(tmp_path / "new.npy", FRAMES, step_seconds=None)
    (sequence,) = trained.open_alike(tmp_path / "new.npy").sequences
    assert (sequence.info.units, sequence.info.step_seconds, sequence.info.has_missing) == ("mm/h", 300, True)


def test_what_is_set_now_comes_first(trained: SourceChoice, tmp_path: Path) -> None:
    write_frames(tmp_path / "new.npy", FRAMES, step_seconds=None)
    (sequence,) = trained.open_alike(tmp_path / "new.npy", {"step_seconds": 60}).sequences
    assert (sequence.info.units, sequence.info.step_seconds) == ("mm/h", 60)


def test_another_kind_of_file_speaks_for_itself(trained: SourceChoice, tmp_path: Path) -> None:
    write_frames(tmp_path / "new.nc", FRAMES, step_seconds=60)
    write_frames(tmp_path / "new.mkv", FRAMES, step_seconds=0.5, value_range=(0, 255))
    for name, seconds in (("new.nc", 60), ("new.mkv", 0.5)):
        (sequence,) = trained.open_alike(tmp_path / name).sequences
        assert (sequence.info.units, sequence.info.step_seconds) == (None, seconds)
    assert trained.open_alike("random").kind == "random"


def test_a_run_whose_recordings_are_gone_knows_its_settings(trained: SourceChoice, tmp_path: Path) -> None:
    Path(trained.location).rename(tmp_path / "moved")
    (sequence,) = trained.open_alike(tmp_path / "moved").sequences
    assert sequence.info.units == "mm/h"
    write_frames(tmp_path / "new.mkv", FRAMES, step_seconds=0.5, value_range=(0, 255))
    assert trained.open_alike(tmp_path / "new.mkv").sequences[0].info.step_seconds == 0.5
