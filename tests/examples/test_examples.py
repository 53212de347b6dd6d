"""Every example runs, in small, and leaves what it says."""

import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import framecast
from framecast.frames.clip import ClipSpec
from framecast.models.building import build_model
from framecast.models.counting import parameter_count
from framecast.runs.configure import configure
from framecast.runs.resolve import as_layer

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
BASELINES = {"persistence", "mean", "climatology", "linear", "flow", "flow-damped"}


def example(name: str) -> dict[str, Any]:
    """The names that an example's file defines."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def run_small(name: str, out: Path, **options: Any) -> Any:
    main: Callable[..., Any] = example(name)["main"]
    return main(out=out, small=True, **options)


def picture_size(path: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path) as picture:
        return picture.size


def test_there_is_an_example_for_each_reference_system() -> None:
    assert [name[:5] for name in SCRIPTS] == ["01_r0", "02_r1", "03_r2", "04_r3", "05_r4"]


def test_the_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prediction = run_small("01_r0_keras_notebook", tmp_path / "run")
    assert prediction.shape == (1, 10, 64, 64, 1)
    assert np.isfinite(prediction).all()
    assert 0 <= prediction.min() < prediction.max() <= 1
    assert "parameters: 447,425 " in capsys.readouterr().out


def test_the_full_workflow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = run_small("02_r1_full_workflow", tmp_path)
    assert set(results.conventions["strict"]) == {"convlstm", *BASELINES}
    assert results.source_kind == "video"
    assert json.loads((tmp_path / "data" / "inspect.json").read_text())["num_sequences"] == 6
    size = framecast.inspect(tmp_path / "videos").sequences[0]
    ahead = framecast.inspect(tmp_path / "next.mp4").sequences[0]
    assert (ahead.frames, ahead.height, ahead.width) == (4, size.height, size.width)
    assert framecast.inspect(tmp_path / "next.gif").sequences[0].frames == 4 + 8
    assert "<html" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert results.verdict.sentence in capsys.readouterr().out


def test_the_full_workflow_on_a_folder_of_ones_own(tmp_path: Path) -> None:
    names = example("02_r1_full_workflow")
    names["make_videos"](tmp_path / "mine", count=4, num_frames=10)
    results = names["main"](videos=tmp_path / "mine", out=tmp_path / "out", small=True)
    assert results.source == str((tmp_path / "mine").resolve())
    assert not (tmp_path / "out" / "videos").exists()


def test_next_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str], random_weights: Path) -> None:
    results = run_small("03_r2_next_frame", tmp_path, vgg16=str(next(random_weights.glob("vgg16*"))))
    assert set(results.conventions) == {"tf", "strict"}
    assert set(results.conventions["tf"]) == {"convlstm_stack", "convlstm_stack (one-step)", *BASELINES}
    shown = capsys.readouterr().out
    assert re.search(r"convlstm_stack \(one-step\) +PSNR +[0-9.]+ dB +SSIM ", shown)
    assert "sees the very frame" not in shown  # the head is causal
    log = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert {"train_bce", "train_perceptual", "train_gdl", "val_bce", "val_gdl"} <= set(log[0].split(","))


def test_next_frame_without_the_weights_of_vgg16(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_weights: None
) -> None:
    run_small("03_r2_next_frame", tmp_path)
    assert capsys.readouterr().out.startswith("Trained without the perceptual term")
    assert "perceptual" not in (tmp_path / "run" / "log.csv").read_text()


def test_everything_from_one_yaml_file(tmp_path: Path) -> None:
    run = run_small("04_r3_yaml", tmp_path / "run")
    assert run.record.status == "finished"
    assert len(run.folder.log.read_text().splitlines()) == 1 + 3
    assert picture_size(run.folder.sample_frames)
    assert picture_size(tmp_path / "run" / "loss.png")
    epochs = {path.name[:10] for path in run.folder.pictures.iterdir()}
    assert epochs == {"epoch_0001", "epoch_0002", "epoch_0003"}
    assert run.folder.checkpoint.is_file()


def test_the_yaml_file_says_what_the_preset_says() -> None:
    written, preset = (as_layer(config) for config in (configure(file=EXAMPLES / "04_r3.yaml"), configure(preset="r3")))
    assert written.pop("output") == {"run": "runs/r3"}
    assert written["source"].pop("seed") == 0
    preset.pop("output")
    assert written == preset


def test_the_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = run_small("05_r4_study", tmp_path)
    at = results.conventions["tf"]["convlstm_stack (one-step)"].overall
    assert at["bce"] > at["bce_floor"] > 0
    assert at["accuracy"] <= at["accuracy_ceiling"] < 1
    assert at["bce_excess"] == pytest.approx(at["bce"] - at["bce_floor"])
    shown = capsys.readouterr().out
    assert (
        f"excess {at['bce_excess']:.4f}   accuracy {at['accuracy']:.1%}, ceiling {at['accuracy_ceiling']:.1%}" in shown
    )
    assert "16 clips for train, 4 clips for validation, 8 clips for test" in shown
    assert picture_size(tmp_path / "curves.png")
    assert {f"unseen_{clip.why}.png" for clip in results.examples} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("name", ["03_r2_next_frame", "04_r3_yaml", "05_r4_study"])
def test_mnist_digits_can_be_named(test_data: Path, name: str) -> None:
    section = example(name)["digits"](str(test_data / "mnist"), small=True)
    source = configure(preset="r3", settings={"source": section}).source
    opened = framecast.open_source(source.location, options=source.options)
    frames = opened.sequences[0].read()
    assert frames.shape == (8, 1, 64, 64)
    assert frames.max() > 200


@pytest.mark.parametrize(("preset", "parameters"), [("r0", 447_425), ("r2", 746_945)])
def test_the_parameters_that_examples_promise(preset: str, parameters: int) -> None:
    model = configure(preset=preset).model
    spec = ClipSpec(context=10, horizon=10, channels=1, height=64, width=64)
    assert parameter_count(build_model(model.name, model.settings, spec)).total == parameters
    text = "".join(path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*.py"))
    assert f"{parameters:,}" in text
