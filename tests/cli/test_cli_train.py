"""``framecast train``: files and flags, reproducing, planning, starting from another run, stopping and going on."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

FULL = """
source: films
clips: {context: 3, horizon: 2, size: 16, augment: {flip_horizontal: true}}
model: {name: convlstm, hidden: [4], kernel_size: 3}
loss: {mse: 1, gdl: 0.1}
training: {max_steps: 3, batch_size: 4, device: cpu, pictures_every: null, seed: 7}
evaluation: {max_clips: 2}
output: {run: from_file}
"""


@pytest.fixture
def described(in_tmp: Path, films: Path) -> Path:
    """A working folder with films and a file that names everything."""
    Path("films").symlink_to(films)
    Path("full.yaml").write_text(FULL, encoding="utf-8")
    return in_tmp


def config_of(run: str | Path) -> dict[str, Any]:
    return yaml.safe_load(Path(run, "config.yaml").read_text(encoding="utf-8"))


def same_weights(one: str, other: str) -> bool:
    first, second = (load_file(Path(run, "weights.safetensors")) for run in (one, other))
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


def test_one_file_names_everything_and_its_run_reproduces_itself(cli: Callable[..., Any], described: Path) -> None:
    done = cli("train", "--config", "full.yaml")
    assert done.code == 0
    assert done.out.startswith("convlstm: finished after 3 steps")
    assert "framecast evaluate from_file" in done.out
    assert "epoch    1  step      3  train" in done.err, "progress goes to standard error"
    assert "parameters:" in done.err, "the model is introduced"
    resolved = config_of("from_file")
    assert resolved["clips"]["augment"]["flip_horizontal"] is True
    assert resolved["clips"]["stride"] is None, "every default is written out"
    assert resolved["output"] == {"run": None}, "a run can be moved"
    assert cli("train", "--config", "from_file/config.yaml", "--out", "again", "--quiet").code == 0
    assert same_weights("from_file", "again")
    assert config_of("again") == resolved
    assert cli("train", "--config", "full.yaml", "--out", "other", "--seed", "8", "--quiet").code == 0
    assert not same_weights("from_file", "other")


def test_flags_win_over_set_and_set_over_the_file_and_the_file_over_the_preset(
    cli: Callable[..., Any], described: Path
) -> None:
    words = ["train", "--dry-run", "--json", "--preset", "r4", "--config", "full.yaml"]
    settings = ["--set", "training.seed=1", "--set", "training.max_steps=4", "--set", "clips.horizon=1"]
    planned = cli(*words, *settings, "--max-steps", "5", "--context", "4", "--model", "convlstm_stack").json
    config = yaml.safe_load(planned["configuration"])
    assert config["training"]["max_steps"] == planned["steps"] == 5
    assert config["training"]["seed"] == 1
    assert config["training"]["batch_size"] == 4
    assert (config["clips"]["context"], config["clips"]["horizon"]) == (4, 1)
    assert config["model"]["name"] == "convlstm_stack"
    preset = yaml.safe_load(cli(*words, "--set", "training.max_steps=1").json["configuration"])
    assert preset["training"]["early_stopping"] is not None, "what only the preset says stays"


def test_set_takes_values_of_every_kind(cli: Callable[..., Any], described: Path) -> None:
    settings: dict[str, Any] = {
        "training.batch_size=2": 2,
        "training.optimizer.lr=1e-4": 1e-4,
        "training.clip_norm=null": None,
        "training.optimizer={name: rmsprop, decay: 0.8}": {
            "name": "rmsprop",
            "lr": 1e-4,
            "weight_decay": 0.0,
            "decay": 0.8,
        },
        "clips.augment.noise=0.25": 0.25,
        "clips.augment.flip_horizontal=false": False,
        "clips.size=[16, 20]": [16, 20],
        "clips.color=grey": "grey",
        "loss={mae: 1, ssim: 0.5}": {"mae": 1, "ssim": 0.5},
        "model.hidden=[3, 5]": [3, 5],
    }
    words = [word for setting in settings for word in ("--set", setting)]
    config = yaml.safe_load(cli("train", "--config", "full.yaml", *words, "--dry-run", "--json").json["configuration"])
    for setting, value in settings.items():
        found = config
        for key in setting.split("=")[0].split("."):
            found = found[key]
        assert found == value, setting


def test_a_dry_run_shows_the_plan_and_writes_nothing(
    cli: Callable[..., Any], described: Path, listing: Callable[[Path], Any]
) -> None:
    before = listing(described)
    done = cli("train", "--config", "full.yaml", "--dry-run")
    assert (done.code, done.err) == (0, "")
    for text in (
        "hidden: [4]",
        "train clips",
        "validation clips",
        "test clips",
        "parameters",
        "multiply-adds",
        "memory",
        "disk",
    ):
        assert text in done.out
    planned = cli("train", "--config", "full.yaml", "--dry-run", "--json").json
    assert planned["clips"] == {"train": 48, "validation": 4, "test": 4}
    assert planned["sequences"] == {"train": 6, "validation": 1, "test": 1}
    assert planned["steps"] == 3
    assert planned["parameters"] > 1000
    assert min(planned[key] for key in ("seconds", "memory_bytes", "disk_bytes")) > 0
    assert listing(described) == before


def test_a_run_can_start_from_the_weights_of_another(
    cli: Callable[..., Any], trained: Path, films: Path, tiny: list[str], tmp_path: Path
) -> None:
    still = ["--set", "training.optimizer.lr=1e-30", "--quiet"]
    done = cli("train", films, *tiny, *still, "--init-from", trained, "--out", tmp_path / "new")
    assert done.code == 0
    ours, theirs = (load_file(run / "weights.safetensors") for run in (tmp_path / "new", trained))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-12) for name in theirs)


def test_json_is_one_document_and_nothing_else(
    cli: Callable[..., Any], films: Path, tiny: list[str], tmp_path: Path
) -> None:
    done = cli("train", films, *tiny, "--out", tmp_path / "new", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["run"] == str(tmp_path / "new")
    assert (done.json["status"], done.json["steps"], done.json["spec"]["horizon"]) == ("finished", 4, 2)


def test_quiet_shows_the_result_alone(cli: Callable[..., Any], films: Path, tiny: list[str], tmp_path: Path) -> None:
    done = cli("train", films, *tiny, "--out", tmp_path / "new", "--quiet")
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 2)


def test_an_existing_run_is_replaced_only_when_asked_and_nothing_beside_it(
    cli: Callable[..., Any], own_run: Path, films: Path, tiny: list[str], listing: Callable[[Path], Any]
) -> None:
    (own_run / "notes.txt").write_text("mine", encoding="utf-8")
    (own_run / "pictures").mkdir(exist_ok=True)
    (own_run / "pictures" / "holiday.png").write_text("mine", encoding="utf-8")
    before = listing(own_run)
    refused = cli("train", films, *tiny, "--out", own_run)
    assert refused.code == 2
    assert listing(own_run) == before
    assert cli("train", films, *tiny, "--seed", "5", "--out", own_run, "--overwrite", "--quiet").code == 0
    assert config_of(own_run)["training"]["seed"] == 5
    assert (own_run / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert (own_run / "pictures" / "holiday.png").read_text(encoding="utf-8") == "mine"
    assert not (own_run / "evaluation" / "results.json").exists(), "results of the run that is gone would mislead"


def test_recordings_may_be_too_few_for_a_split(cli: Callable[..., Any], films: Path, tmp_path: Path) -> None:
    done = cli("train", films, "--context", "30", "--horizon", "30", "--out", tmp_path / "new")
    assert done.code == 2
    for text in ("12 frames", "60 are needed", "context 30 + horizon 30"):
        assert text in done.err


def test_settings_of_a_named_source_are_heard(cli: Callable[..., Any], tiny: list[str]) -> None:
    words = ["train", "random", *tiny, "--set", "source.num_sequences=11", "--dry-run", "--json"]
    assert sum(cli(*words).json["sequences"].values()) == 11


def test_ctrl_c_saves_and_says_how_to_go_on(
    cli: Callable[..., Any], films: Path, tiny: list[str], tmp_path: Path
) -> None:
    run = tmp_path / "a run"
    words = ["train", str(films), *tiny, "--epochs", "100000", "--max-steps", "1000000", "--out", str(run)]
    process = subprocess.Popen(
        [sys.executable, "-m", "framecast", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "convlstm: interrupted after" in out
    assert err.splitlines()[-1] == f"Resume with: framecast train --resume --out '{run}'"
    assert "Traceback" not in err
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert (record["status"], (run / "lock").exists()) == ("interrupted", False)

    again = cli("train", "--resume", "--out", run, "--max-steps", record["steps"] + 5, "--json")
    assert again.code == 0
    assert (again.json["status"], again.json["steps"]) == ("finished", record["steps"] + 5)
    assert cli("evaluate", run, "--quiet").code == 0


def test_waiting_for_clips_is_told_with_advice(
    cli: Callable[..., Any], described: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "waiting for clips" not in cli("train", "--config", "full.yaml", "--quiet").err
    monkeypatch.setattr("framecast.runs.record._SHARE_OF_WAITING", 0.0)
    monkeypatch.setattr("framecast.runs.record._LEAST_WAITING_SECONDS", 0.0)
    done = cli("train", "--config", "full.yaml", "--overwrite", "--quiet")
    assert "% of the training time went into waiting for clips. Raise training.num_workers" in done.err
    assert "waiting" not in done.out
    as_json = cli("train", "--config", "full.yaml", "--overwrite", "--json")
    assert 0 < as_json.json["waiting_seconds"] < as_json.json["seconds"]
    assert "waiting" not in as_json.err
