"""Faults planted in trainings and evaluations: teachers that stay, horizons that grow, losses that tell a story."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import framecast
from framecast.diagnosis.patient import CannotLook
from framecast.evaluation.results import load_results
from framecast.frames.clip import ClipSpec
from framecast.frames.forecaster import Forecast
from framecast.frames.source import Source
from framecast.models.model import Model
from framecast.runs.findings import Finding
from framecast.runs.folder import RunFolder
from framecast.runs.run import Run, save_weights
from framecast.workflows.doctor import doctor

Look = Callable[..., list[Finding]]
OwnRun = Callable[..., RunFolder]


@pytest.mark.parametrize(
    ("sampling", "found"),
    [
        ({"name": "scheduled", "decrease": 0.05, "stop_step": 100}, True),
        ({"name": "scheduled", "decrease": 0.2, "stop_step": 100}, False),
        ({"name": "scheduled", "decrease": 0.05, "stop_step": 5}, False),
        ({"name": "reverse-scheduled", "hold_steps": 2, "stop_step": 100}, True),
        ({"name": "reverse-scheduled", "hold_steps": 2, "stop_step": 4}, False),
    ],
)
def test_a_schedule_that_has_not_ended(
    train_own: Callable[..., Run], source: Source, sampling: dict[str, Any], found: bool
) -> None:
    run = train_own(source, "convlstm_autoregressive", steps=8, training={"sampling": sampling})
    notes = [note for note in run.record.notes if "Teacher forcing was still on" in note]
    assert bool(notes) is found
    assert all("training.sampling.stop_step=6" in note for note in notes)


class Drifting(Model):
    """Adds to every frame: one step is nearly right, and every forecast that is fed back takes it further off."""

    objective = "next_frame"

    def __init__(self, spec: ClipSpec, step: float) -> None:
        super().__init__(None, spec)
        self.step = nn.Parameter(torch.tensor(step))

    def forward(self, context: Tensor, horizon: int) -> Forecast:
        leads = torch.arange(1, horizon + 1).view(-1, 1, 1, 1)
        return Forecast(context[:, -1:] + leads * self.step, one_step=context[:, :-1] + self.step)


def test_true_inputs_alone_are_a_note_with_both_errors(
    look: Look, own_run: OwnRun, make_run: Callable[..., Run], source: Source
) -> None:
    trained = Run.open(own_run("convlstm_autoregressive").path)
    run = replace(trained, model=make_run(lambda spec: Drifting(spec, 0.1)).model)
    found = look("teacher-forcing", run=run, recordings=source)
    assert [finding.severity for finding in found] == ["note"]
    assert "free-running" in found[0].evidence
    assert look("teacher-forcing", run=run, recordings=source, hurry=True) == [], "takes too long for the short form"
    copying = replace(run, model=make_run(lambda spec: Drifting(spec, 0.0)).model)
    assert look("teacher-forcing", run=copying, recordings=source) == [], "later leads are harder, no more"


@pytest.mark.parametrize(("horizon", "severity"), [(6, "warning"), (2, "note"), (3, None)])
def test_a_horizon_other_than_trained(
    look: Look, own_run: OwnRun, source: Source, horizon: int, severity: str | None
) -> None:
    folder = own_run()
    run = Run.open(folder.path)
    with pytest.raises(CannotLook, match="not been evaluated"):
        look("horizon", run=run)
    framecast.evaluate(run, source=source, device="cpu")
    results = load_results(folder.evaluation)
    (folder.evaluation / "results.json").write_text(replace(results, horizon=horizon).to_json())
    found = look("horizon", run=run)
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert all(f"{horizon} leads, trained 3" in finding.evidence for finding in found)


def write_log(folder: RunFolder, losses: Sequence[float], **columns: Sequence[float]) -> None:
    """A log of these validation losses; ``lr`` is constant, ``train_loss`` equal, unless given."""
    table = {"lr": [1e-3] * len(losses), "train_loss": losses, "val_loss": losses, **columns}
    with folder.log.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "step", *table])
        writer.writerows(
            [place + 1, 10 * place, *values] for place, values in enumerate(zip(*table.values(), strict=True))
        )


SETTLED = [0.5, 0.3, 0.21, 0.2, 0.2]


@pytest.mark.parametrize(
    ("losses", "columns", "severity", "said"),
    [
        (SETTLED, {}, None, ""),
        ([0.5, 0.5, 0.51, 0.499], {}, "warning", "never improved"),
        ([0.5, 0.6, 0.7], {"train_loss": [0.5, 0.3, 0.1]}, "warning", "never improved"),
        ([0.2, 0.2, 0.2], {"train_loss": [0.5, 0.2, 0.2]}, None, ""),
        (
            [0.5, 0.6, 0.55],
            {
                "train_discriminator": [1.3, 1.2, 1.1],
                "train_discriminator_real": [0.4, 0.5, 0.6],
                "train_discriminator_fake": [-0.4, -0.5, -0.6],
            },
            None,
            "",
        ),
        ([0.5, 0.4, 0.3, 0.2], {}, "note", "still falling"),
        ([0.5, 0.4, 0.3, 0.2], {"lr": [1e-3, 1e-3, 5e-4, 1e-6]}, None, ""),
        (SETTLED, {"train_loss": [0.4, 0.2, 0.1, 0.05, 0.02]}, "note", "much higher than on training"),
        ([0.5, 0.3], {}, None, ""),
        (SETTLED, {"train_discriminator": [1.0, 0.5, 0.003, 0.002, 0.001]}, "warning", "always wins"),
        (
            SETTLED,
            {
                "train_discriminator": [2.0] * 5,
                "train_discriminator_real": [0.1] * 5,
                "train_discriminator_fake": [0.1001] * 5,
            },
            "note",
            "does not tell",
        ),
        (
            SETTLED,
            {
                "train_discriminator": [2.0, 1.6, 1.5, 1.4, 1.5],
                "train_discriminator_real": [0.1, 0.3, 0.3, 0.3, 0.4],
                "train_discriminator_fake": [0.1, -0.1, -0.1, -0.2, -0.1],
            },
            None,
            "",
        ),
    ],
)
def test_the_course_of_the_losses(  # noqa: PLR0917 - a row of the table each
    look: Look,
    own_run: OwnRun,
    with_record: Callable[..., Run],
    losses: list[float],
    columns: dict[str, list[float]],
    severity: str | None,
    said: str,
) -> None:
    folder = own_run()
    write_log(folder, losses, **columns)
    run = with_record(Run.open(folder.path), validation_clips=50)
    found = look("training-log", run=run)
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert all(said in finding.what for finding in found)


@pytest.mark.parametrize(("limit", "flag"), [(None, "--epochs 6."), (30, "--max-steps 60."), (90, "--epochs 6.")])
def test_how_to_continue_a_training_depends_on_what_ended_it(
    look: Look, own_run: OwnRun, with_record: Callable[..., Run], limit: int | None, flag: str
) -> None:
    folder = own_run()
    write_log(folder, [0.5, 0.4, 0.3, 0.2])
    run = with_record(Run.open(folder.path), validation_clips=50, steps=30, epochs=3)
    config = replace(run.config, training=replace(run.config.training, max_steps=limit))
    assert [finding.mend.split("RUN ")[1] for finding in look("training-log", run=replace(run, config=config))] == [
        flag
    ]


def test_a_loss_that_was_not_finite_and_few_clips_to_choose_by(
    look: Look, own_run: OwnRun, with_record: Callable[..., Run]
) -> None:
    run = with_record(Run.open(own_run().path), status="stopped: loss not finite", validation_clips=3)
    write_log(run.folder, SETTLED)
    found = look("training-log", run=run)
    assert [finding.severity for finding in found] == ["warning", "note"]
    assert "no longer finite" in found[0].what
    assert found[1].evidence == "3 validation clips."
    assert look("training-log", run=with_record(run, status="finished", validation_clips=1))[0].evidence == (
        "1 validation clip."
    )


@pytest.mark.parametrize(("text", "reason"), [(None, "no training log"), ("", "first validation"), ("a\nb\n", "is no")])
def test_a_log_that_tells_nothing(look: Look, own_run: OwnRun, text: str | None, reason: str) -> None:
    run = Run.open(own_run().path)
    run.folder.log.unlink()
    if text is not None:
        run.folder.log.write_text(text)
    with pytest.raises(CannotLook, match=reason):
        look("training-log", run=run)


def test_results_and_the_run_that_they_are_of(look: Look, own_run: OwnRun, source: Source) -> None:
    folder = own_run()
    run = Run.open(folder.path)
    framecast.evaluate(run, source=source, device="cpu")
    path = folder.evaluation / "results.json"
    assert look("evaluation", run=run) == []

    results = load_results(folder.evaluation)
    few = replace(results, groups=4, split="train", unavailable={"strict/lpips": "its weights are missing."})
    path.write_text(few.to_json())
    assert [finding.severity for finding in look("evaluation", run=run)] == ["warning", "note", "note"]

    slow = {"steps": "it takes far longer than the others; ask for it with --baseline steps"}
    path.write_text(replace(results, unavailable=slow).to_json())
    assert look("evaluation", run=run) == [], "nobody asked for it"
    path.write_text(replace(results, unavailable={"steps": "it needs pysteps"}).to_json())
    assert ["steps: it needs pysteps" in finding.evidence for finding in look("evaluation", run=run)] == [True]

    path.write_text(results.to_json())
    weights = load_file(folder.weights)
    save_weights({name: values + 1e-3 for name, values in weights.items()}, folder.weights)
    found = look("evaluation", run=run)
    assert [finding.severity for finding in found] == ["fault"]
    assert results.weights[:8] in found[0].evidence
    path.write_text(replace(results, weights="").to_json())
    assert look("evaluation", run=run) == [], "results of an earlier version do not tell"


def test_repeats_among_the_evaluated_clips(look: Look, own_run: OwnRun, source: Source) -> None:
    folder = own_run()
    run = Run.open(folder.path)
    framecast.evaluate(run, source=source, device="cpu")
    assert look("repeated-frames", run=run, recordings=source) == []
    results = replace(load_results(folder.evaluation), repeated_share=0.4)
    (folder.evaluation / "results.json").write_text(results.to_json())
    assert "40% of the steps" in look("repeated-frames", run=run, recordings=source)[0].evidence


def test_a_run_whose_recordings_are_gone(own_run: OwnRun, tmp_path: Path) -> None:
    folder = own_run()
    text = folder.config.read_text().replace("location: random", f"location: {tmp_path / 'gone'}")
    folder.config.write_text(text)
    diagnosis = doctor(folder.path, device="cpu")
    assert "gone" in diagnosis.skipped["collapse"]
    assert {"target-at-test-time", "independent-clips", "value-range", "training-log"} - set(diagnosis.skipped) != set()
    assert "value-range" in diagnosis.skipped, "half of it was made, and its reason is told"
