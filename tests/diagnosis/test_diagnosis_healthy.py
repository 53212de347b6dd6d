"""Healthy patients: nothing is found, and what could not be looked for is said."""

from collections.abc import Callable
from pathlib import Path

import pytest

import framecast
from framecast.diagnosis.table import CHECKS
from framecast.frames.source import Source
from framecast.models.table import MODELS
from framecast.runs.run import Run
from framecast.workflows.doctor import doctor

GENERATOR_OR_NOT_EVALUATED = {"horizon", "evaluation"}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_named_as_in_the_table(name: str) -> None:
    check = CHECKS.load(name)
    assert check.name == name
    assert check.needs
    assert check.__doc__


@pytest.mark.parametrize("model", MODELS)
def test_a_healthy_run_of_every_model(model: str, trained: Callable[..., Run], source: Source) -> None:
    run = trained(model)
    assert not [note for note in run.record.notes if note.startswith("Doctor")], "nor in short form"
    diagnosis = doctor(Run.open(run.folder.path), source=source, device="cpu")
    assert [finding for finding in diagnosis.findings if finding.severity != "note"] == []
    assert {finding.check for finding in diagnosis.findings} <= {"teacher-forcing", "training-log"}
    assert set(diagnosis.checks) | set(diagnosis.skipped) == set(CHECKS)
    not_for_it = set() if run.model.objective == "next_frame" else {"sees-the-future"}
    assert set(diagnosis.skipped) == GENERATOR_OR_NOT_EVALUATED | not_for_it


def test_a_healthy_evaluated_run(trained: Callable[..., Run], source: Source, tmp_path: Path) -> None:
    run = trained()
    framecast.evaluate(run, source=source, device="cpu")
    diagnosis = doctor(run, source=source, device="cpu")
    assert [finding for finding in diagnosis.findings if finding.severity != "note"] == []
    assert set(diagnosis.skipped) == {"sees-the-future"}
    for name in ("results.json", "results.csv", "clips.npz", "clips.csv", "diagrams.npz", "examples.npz"):
        (run.folder.evaluation / name).unlink(missing_ok=True)


def test_healthy_recordings(source: Source) -> None:
    diagnosis = doctor(source)
    assert diagnosis.findings == ()
    assert {"split-overlap", "leaks", "validation-is-test", "value-range", "repeated-frames", "recordings"} == set(
        diagnosis.checks
    )
    assert diagnosis.skipped["collapse"] == "there is no trained run yet"


def test_a_generator_is_healthy() -> None:
    diagnosis = doctor("moving-digits")
    assert diagnosis.findings == ()
    assert "a generator" in diagnosis.skipped["leaks"]
