"""``--precision`` and ``--max-minutes`` as a user meets them; scores under ``openstl`` from the command to the page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from framecast.runs.resolve import read_yaml


@pytest.mark.parametrize(("word", "kept"), [("32", 32), ("bf16", "bf16"), ("auto", "auto")])
def test_training_is_told_the_precision(cli: Any, films: Path, tiny: list[str], word: str, kept: Any) -> None:
    planned = cli("train", films, *tiny, "--precision", word, "--max-minutes", "30", "--dry-run", "--json").json
    training = yaml.safe_load(planned["configuration"])["training"]
    assert training["precision"] == kept
    assert training["max_minutes"] == 30


def test_the_run_records_it(cli: Any, films: Path, tiny: list[str], tmp_path: Path) -> None:
    for word in ("32", "bf16"):
        run = tmp_path / word
        assert cli("train", films, *tiny, "--precision", word, "--out", run, "--json").json["precision"] == word
        assert str(read_yaml(run / "config.yaml")["training"]["precision"]) == word


def test_another_precision_is_a_mistake(cli: Any, films: Path, tiny: list[str]) -> None:
    done = cli("train", films, *tiny, "--precision", "16", "--dry-run")
    assert done.code == 2
    assert "--precision" in done.err
    assert "bf16" in done.err


def test_scores_and_forecasts_are_float32_unless_asked(
    cli: Any, own_run: Path, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where ``auto`` would take bfloat16."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})

    def score(*words: str) -> tuple[str, float]:
        found = cli("evaluate", own_run, "--device", "cpu", "--json", *words).json
        return found["precision"], found["conventions"]["strict"][found["model"]]["overall"]["mse"]

    assert score() == score("--precision", "32")
    assert score()[0] == "32"
    precision, rounded = score("--precision", "auto")
    assert (precision, rounded) == score("--precision", "bf16")
    assert precision == "bf16"
    assert rounded != score()[1]
    assert rounded == pytest.approx(score()[1], rel=0.05)
    for word in ("32", "bf16"):
        out = tmp_path / f"{word}.npy"
        assert cli("predict", own_run, films / "film_0.avi", "--precision", word, "--out", out).code == 0
        assert np.load(out).shape[0] == 2


def test_a_training_goes_on_after_its_time_was_up(cli: Any, films: Path, tiny: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["train", films, *tiny, "--set", "training.max_steps=100000", "--epochs", "100000", "--out", run]
    done = cli(*words, "--max-minutes", "0.001", "--quiet")
    assert done.code == 130
    assert f"Resume with: framecast train --resume --out {run}" in done.err
    steps = json.loads((run / "run.json").read_text())["steps"]
    assert steps > 0
    done = cli("train", "--resume", "--out", run, "--set", f"training.max_steps={steps + 2}", "--set",
               "training.max_minutes=null", "--json")  # fmt: skip
    assert (done.json["status"], done.json["steps"]) == ("finished", steps + 2)


def test_openstl_from_the_scores_to_the_page(cli: Any, own_run: Path) -> None:
    both = ("--convention", "strict", "--convention", "openstl")
    found = cli("evaluate", own_run, *both, "--json").json
    strict, openstl = (found["conventions"][name] for name in ("strict", "openstl"))
    for name in ("persistence", "mean"):  # nothing to clip: they differ by the number of values
        assert openstl[name]["overall"]["mse"] == pytest.approx(3 * 16 * 16 * strict[name]["overall"]["mse"])
    assert found["metrics"]["mse"]["summary"] == "Mean squared error per pixel."
    assert found["metrics"]["openstl/mse"]["unit"] == "per frame"
    assert "openstl/psnr" not in found["metrics"], "defined alike"
    shown = cli("evaluate", own_run, *both).out
    assert "openstl" in shown
    first = cli("evaluate", own_run, "--convention", "openstl", "--convention", "strict", "--json").json
    assert first["verdict"]["best_baseline"] == found["verdict"]["best_baseline"]
    assert "MSE" in first["verdict"]["sentence"]
    assert first["metrics"]["mse"]["unit"] == "per frame"
    assert first["metrics"]["strict/mse"]["unit"] == ""
    assert cli("report", own_run).code == 0
    page = (own_run / "report.html").read_text(encoding="utf-8")
    assert "mse\u00a0(per frame)" in page
    assert "mse (strict)" in page
    assert "Squared error summed over a frame" in page
    assert "uniform 7x7" in page
