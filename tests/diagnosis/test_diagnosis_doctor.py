"""The doctor as people meet it: the workflow, the command, the short forms around a training, doctor.json."""

import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast
from framecast.cli.doctor import FAULT_FOUND
from framecast.cli.main import main
from framecast.diagnosis import patient as patients
from framecast.diagnosis.patient import CannotLook, Patient
from framecast.diagnosis.table import CHECKS
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import ConfigurationError, FramecastError
from framecast.frames.source import Source
from framecast.models.building import build_model
from framecast.runs.findings import load_diagnosis
from framecast.runs.folder import RunFolder
from framecast.runs.run import Run
from framecast.sources.writing import write_frames

Movie = Callable[..., NDArray[np.float64]]


def called(*words: object) -> tuple[int, str]:
    out = StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as stop:
        main([str(word) for word in ("doctor", *words)])
    assert isinstance(stop.value.code, int)
    return stop.value.code, out.getvalue()


@pytest.fixture
def films(tmp_path: Path, movie: Movie) -> Path:
    for number in range(16):
        frames = (255 * movie(number, size=16)).astype(np.uint8)
        write_frames(tmp_path / "films" / f"film-{number}.npy", frames, step_seconds=0.1)
    return tmp_path / "films"


CUT = ["--set", "clips.context=4", "--set", "clips.horizon=3"]


def test_healthy_recordings_on_the_command_line(films: Path) -> None:
    code, out = called(films, *CUT, "--set", "clips.split.train=0.4", "--set", "clips.split.test=0.4")
    assert (code, out.splitlines()[0]) == (0, f"Nothing found in '{films}'.")
    assert "Looked for: split-overlap, leaks, validation-is-test, value-range, repeated-frames, recordings." in out
    assert "(there is no trained run yet)." in out


def test_a_fault_has_a_code_of_its_own(films: Path) -> None:
    for number in range(1, 16):
        shutil.copy(films / "film-0.npy", films / f"film-{number}.npy")
    code, out = called(films, *CUT)
    assert code == FAULT_FOUND == 3
    lines = out.splitlines()
    assert lines[0] == "Faults (results cannot be believed):"
    assert lines[1].startswith("  leaks: Frames of the test are in the training too")
    assert lines[2].startswith("    found: ")
    assert lines[3].startswith("    mend:  ")


def test_a_run_on_the_command_line(own_run: Callable[..., RunFolder]) -> None:
    """Its configuration names a generator of other frames than it was trained on, and the doctor says so."""
    folder = own_run()
    folder.doctor.unlink()
    code, out = called(folder.path, "--json", "--max-clips", 4, "--device", "cpu")
    shown = json.loads(out)
    saved = load_diagnosis(folder.doctor)
    assert saved is not None
    assert [finding["what"] for finding in shown["findings"]] == [finding.what for finding in saved.findings]
    assert code == 0
    assert "clips of 1x64x64 (C x H x W), and the run was trained on 1x12x12" in saved.skipped["collapse"]
    _, out = called(folder.path, "--max-clips", 4, "--device", "cpu")
    assert out.splitlines()[-1] == f"Written: {folder.doctor}"


def test_findings_come_worst_first(own_run: Callable[..., RunFolder], source: Source) -> None:
    folder = own_run("convlstm_stack")
    folder.config.write_text(folder.config.read_text().replace("causal_head: true", "causal_head: false"))
    diagnosis = framecast.doctor(folder.path, source=source, device="cpu")
    severities = [finding.severity for finding in diagnosis.findings]
    assert severities[0] == "fault"
    assert severities == sorted(severities, key=("fault", "warning", "note").index)
    assert load_diagnosis(folder.doctor) == diagnosis


def test_the_short_form_is_part_of_a_training(trained: Callable[..., Run]) -> None:
    found = load_diagnosis(trained().folder.doctor)
    assert found is not None
    short = {name for name in CHECKS if CHECKS.load(name).short}
    assert set(found.checks) | set(found.skipped) >= short - {"sees-the-future"}
    assert [finding for finding in found.findings if finding.severity != "note"] == []


def test_what_is_found_before_a_training_is_told_at_its_start(
    train_own: Callable[..., Run], source: Source, tmp_path: Path
) -> None:
    said: list[str] = []

    class Listening:
        def introduced(self, summary: str) -> None:
            said.append(summary)

        def started(self, **_: Any) -> None: ...

        def stepped(self, **_: Any) -> None: ...

        def validated(self, *_: Any, **__: Any) -> None: ...

    run = train_own(source, "convlstm_stack", steps=2, model={"causal_head": False})
    config = replace(run.config)
    framecast.train(config, out=tmp_path / "again", source=source, monitor=Listening())  # type: ignore[arg-type]
    assert "Note: Doctor: The model sees frames that it must predict" in said[0]
    assert "model.causal_head=true" in said[0]
    found = load_diagnosis(run.folder.doctor)
    assert found is not None
    assert [finding.check for finding in found.findings if finding.severity == "fault"] == ["sees-the-future"]
    assert any(note.startswith("Doctor: The model sees") for note in Run.open(run.folder.path).record.notes)


def test_notes_of_an_earlier_diagnosis_are_replaced(train_own: Callable[..., Run], source: Source) -> None:
    weak = {"optimizer": {"lr": 1e-9}}
    run = train_own(source, steps=2, model={"output": "sigmoid", "initial_output": 1e-6}, training=weak)
    found = [note for note in run.record.notes if note.startswith("Doctor")]
    assert found
    assert "a sentence" not in run.record.notes
    config = replace(run.config, training=replace(run.config.training, max_steps=4))
    resumed = framecast.train(config, out=run.folder.path, source=source, resume=True)
    assert [note for note in resumed.record.notes if note.startswith("Doctor")] == found, "told once"


def test_a_large_model_is_not_asked_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model("convlstm", {"hidden": [4]}, ClipSpec(context=2, horizon=2, channels=1, height=8, width=8))
    Patient(subject="x", untrained=model, hurry=True).check_cost(clips=2, frames=2)
    monkeypatch.setattr(patients, "_HURRY_MACS", 10)
    Patient(subject="x", untrained=model).check_cost(clips=2, frames=2)
    with pytest.raises(CannotLook, match="take long"):
        Patient(subject="x", untrained=model, hurry=True).check_cost(clips=2, frames=2)


def test_mistakes(tmp_path: Path, source: Source) -> None:
    with pytest.raises(ConfigurationError, match="At least 4 clips"):
        framecast.doctor(source, max_clips=3)
    with pytest.raises(FramecastError, match="nowhere"):
        framecast.doctor(tmp_path / "nowhere")
