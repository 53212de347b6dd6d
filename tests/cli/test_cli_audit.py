"""``framecast audit``: conventions and published tables explained, and runs set beside them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def like_moving_mnist(own_run: Path) -> Path:
    """The trained run, made to look as if it had been trained on Moving MNIST and scored under ``openstl``."""
    config = own_run / "config.yaml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["source"] = {"location": "moving-mnist", "digits": 2}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    record = own_run / "run.json"
    facts = json.loads(record.read_text(encoding="utf-8"))
    facts["spec"] |= {"height": 64, "width": 64, "channels": 1, "low": [0.0], "high": [1.0], "forecast_channels": []}
    record.write_text(json.dumps(facts), encoding="utf-8")
    path = own_run / "evaluation" / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    results |= {"source": "moving-mnist", "source_kind": "moving-mnist", "context": 10, "horizon": 10}
    results["conventions"]["openstl"] = {
        "convlstm": {"role": "model", "overall": {"mse": 24.0, "ssim": 0.95}, "per_lead": {"mse": [], "ssim": []}}
    }
    path.write_text(json.dumps(results), encoding="utf-8")
    return own_run


def test_without_a_name_it_lists_tables_and_conventions(cli: Callable[..., Any]) -> None:
    done = cli("audit")
    assert (done.code, done.err) == (0, "")
    for text in ("moving-mnist", "kth", "sevir-vil", "openstl", "simvp-legacy", "Moving MNIST, 10 frames to 10"):
        assert text in done.out
    listed = cli("audit", "--json").json
    assert set(listed) == {"tables", "conventions"}
    assert not set(listed["tables"]) & set(listed["conventions"])


def test_a_convention_is_explained(cli: Callable[..., Any]) -> None:
    done = cli("audit", "openstl")
    assert (done.code, done.err) == (0, "")
    for text in ("uniform 7x7", "L: 2", "* moving-mnist: mse, mae, ssim, psnr", "on condition", "8 bits that wrap"):
        assert text in done.out
    found = cli("audit", "openstl", "--json").json
    assert found["used_by"]["kth"] == ["mse", "mae", "ssim", "psnr", "lpips"]
    assert {"metric", "convention", "comparable", "reasons"} == found["comparisons"][0].keys()


@pytest.mark.parametrize("name", ["strict", "physical", "sevir", "pysteps", "ensemble", "perceptual"])
def test_every_kind_of_convention_can_be_explained(cli: Callable[..., Any], name: str) -> None:
    assert cli("audit", name).out.startswith(f"{name}: ")
    assert cli("audit", name, "--json").json["convention"] == name


def test_a_table_comes_with_its_faults(cli: Callable[..., Any]) -> None:
    done = cli("audit", "moving-mnist")
    assert (done.code, done.err) == (0, "")
    assert any(line.startswith("SimVP IncepU") and "37.97!*" in line for line in done.out.splitlines())
    assert "17.7?!" in done.out, "recalled, and of another budget"
    assert "0.9320" in done.out, "figures have the digits that were printed"
    assert "SimVP gSTA (openstl-200): its PSNR is 16.5 dB above that of its own MSE" in done.out
    assert "Not comparable: Budgets, training data and SSIM" in done.out
    assert "'framecast audit moving-mnist --run RUN'" in done.out
    found = cli("audit", "moving-mnist", "--json").json
    assert [row["method"] for row in found["wrapping"]] == ["SimVP IncepU", "SimVP gSTA"]
    simvp = next(row for row in found["rows"] if row["method"] == "SimVP IncepU" and row["group"] == "openstl-200")
    assert (simvp["conventions"]["psnr"], simvp["conventions"]["mse"]) == ("simvp-legacy", "openstl")
    assert simvp["known"] == "source"
    assert found["placing"] is None


@pytest.mark.parametrize("name", ["kth", "kth-40", "sevir-vil"])
def test_every_table_can_be_shown(cli: Callable[..., Any], name: str) -> None:
    assert cli("audit", name).code == 0
    assert cli("audit", name, "--json").json["table"]["name"] == name


def test_a_run_is_set_beside_a_table(cli: Callable[..., Any], like_moving_mnist: Path) -> None:
    done = cli("audit", "moving-mnist", "--run", like_moving_mnist)
    assert (done.code, done.err) == (0, "")
    line = next(line for line in done.out.splitlines() if "200 epochs" in line and " MSE " in line and "of 16" in line)
    for text in ("24", "4 of 16", "PredRNN 23.97", "PredRNN-V2 24.13"):
        assert text in line
    assert "a difference of chance remains" in done.out
    assert "It was scored on 4 clips, the table's rows on 10,000." in done.out
    assert "Not evaluated under simvp-legacy: framecast evaluate" in done.out
    found = cli("audit", "moving-mnist", "--run", like_moving_mnist, "--json").json["placing"]
    assert found["obstacles"] == []
    assert (found["places"][0]["rank"], found["places"][0]["of"]) == (4, 16)


def test_the_evaluation_may_lie_elsewhere(cli: Callable[..., Any], like_moving_mnist: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "published"
    shutil.move(like_moving_mnist / "evaluation", elsewhere)
    missing = cli("audit", "moving-mnist", "--run", like_moving_mnist)
    assert (missing.code, "run 'framecast evaluate' on the run first" in missing.err) == (2, True)
    found = cli("audit", "moving-mnist", "--run", like_moving_mnist, "--results", elsewhere, "--json").json
    assert found["placing"]["places"][0]["rank"] == 4


def test_settings_of_the_generator_decide(cli: Callable[..., Any], like_moving_mnist: Path) -> None:
    config = like_moving_mnist / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("digits: 2", "digits: 3"), encoding="utf-8")
    done = cli("audit", "moving-mnist", "--run", like_moving_mnist)
    assert done.code == 0
    assert "cannot be compared with this table" in done.out
    assert "source.digits=3, the table's digits=2" in done.out


def test_a_run_of_something_else_is_told_why(cli: Callable[..., Any], trained: Path) -> None:
    done = cli("audit", "moving-mnist", "--run", trained)
    assert (done.code, done.err) == (0, "")
    assert f"{trained.name} cannot be compared with this table:" in done.out
    for text in ("recordings of the kind 'video'", "It forecasts 2 frames from 3", "Its frames are 3 x 16 x 16"):
        assert text in done.out
    assert cli("audit", "moving-mnist", "--run", trained, "--json").json["placing"]["places"] == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["RUN"], "is a run; name the table that it is to be set beside: framecast audit moving-mnist --run"),
        (["openst"], "There is no convention or published table 'openst'; did you mean 'openstl'?"),
        (["openstl", "--run", "RUN"], "A run is set beside a published table, found 'openstl'. Choose from: kth"),
        (["--run", "RUN"], "A run is set beside a published table, found none."),
        (["moving-mnist", "--run", "nowhere"], "There is no run folder 'nowhere'"),
        (["moving-mnist", "--results", "RUN"], "give both --run and --results"),
    ],
)
def test_mistakes_are_one_sentence(cli: Callable[..., Any], trained: Path, words: list[str], sentence: str) -> None:
    done = cli("audit", *(trained if word == "RUN" else word for word in words))
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_run_without_a_convention_of_the_table_is_told_the_command(
    cli: Callable[..., Any], like_moving_mnist: Path
) -> None:
    path = like_moving_mnist / "evaluation" / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    del results["conventions"]["openstl"]
    path.write_text(json.dumps(results), encoding="utf-8")
    done = cli("audit", "moving-mnist", "--run", like_moving_mnist)
    assert done.code == 2
    command = f"framecast evaluate {like_moving_mnist} --convention strict --convention openstl"
    assert command in " ".join(done.err.split())
