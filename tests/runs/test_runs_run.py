"""An opened run: its files come back exactly, damage is told in one sentence, and nothing pickled is ever loaded."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from framecast.frames.errors import FramecastError, RunError
from framecast.runs.folder import RunFolder
from framecast.runs.record import RunRecord
from framecast.runs.run import Run, load_weights, save_weights


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, tuple[Path, str]]:
        return Path.write_text, (self.trace, "executed")


def change(path: Path, **values: Any) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | values), encoding="utf-8")


def test_weights_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "weights.safetensors"
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).to(memory_format=torch.channels_last)
    module(torch.rand(2, 1, 5, 5))  # moves the running statistics
    save_weights(module.state_dict(), path)
    other = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    load_weights(other, path)
    for name, tensor in module.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_earlier_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights({"a": torch.ones(2)}, path)

    def half(file: Path, content: bytes) -> None:
        with file.open("wb") as stream:
            stream.write(content[:4])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="no space"):
        save_weights({"a": torch.zeros(2)}, path)
    assert torch.equal(load_file(path)["a"], torch.ones(2))


def test_a_pickle_in_place_of_weights_is_refused(run_folder: RunFolder, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for content in ({"weight": torch.ones(2)}, Malicious(trace)):
        torch.save(content, run_folder.weights)
        with pytest.raises(RunError, match="not a readable safetensors file"):
            Run.open(run_folder.path)
    assert not trace.exists()


def test_weights_of_another_model_are_refused(run_folder: RunFolder) -> None:
    weights = load_file(run_folder.weights)
    save_file({**weights, "head.weight": torch.zeros(1)}, run_folder.weights)
    with pytest.raises(RunError, match=r"do not fit this model: size mismatch for head\.weight"):
        Run.open(run_folder.path)
    save_file({name: value for name, value in weights.items() if name != "head.bias"}, run_folder.weights)
    with pytest.raises(RunError, match=r"do not fit this model: Missing key.*head\.bias"):
        Run.open(run_folder.path)


def test_a_run_is_opened_in_eval_mode_with_what_was_saved(run_folder: RunFolder) -> None:
    run = Run.open(run_folder.path)
    assert not run.model.training
    for name, tensor in load_file(run_folder.weights).items():
        assert torch.equal(run.model.state_dict()[name], tensor)
    assert run.normaliser.high == (255,)
    assert run.record.notes == ("a file was left out",)
    assert run.config.model.settings.hidden == (4,)


def test_a_moved_run_forecasts_the_same(run_folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = torch.rand(2, 3, 1, 8, 8)
    with torch.inference_mode():
        before = Run.open(run_folder.path)
        expected = [before.model(context, 4).frames, before.baseline("climatology")(context, 4).frames]
        moved = tmp_path / "elsewhere" / "renamed"
        shutil.move(run_folder.path, moved)
        monkeypatch.chdir(tmp_path / "elsewhere")
        after = Run.open("renamed")
        found = [after.model(context, 4).frames, after.baseline("climatology")(context, 4).frames]
    assert after.folder.name == "renamed"
    for one, other in zip(expected, found, strict=True):
        assert torch.equal(one, other)


def test_baselines_without_anything_fitted_need_no_file(run_folder: RunFolder) -> None:
    run_folder.baselines.unlink()
    run = Run.open(run_folder.path)
    context = torch.rand(1, 3, 1, 8, 8)
    assert torch.equal(run.baseline("persistence")(context, 2).frames[:, 1], context[:, -1])
    with pytest.raises(RunError, match=r"baselines\.safetensors' are missing"):
        run.baseline("climatology")
    with pytest.raises(FramecastError, match="did you mean 'persistence'"):
        run.baseline("persistance")


def test_a_record_comes_back_as_it_was(run_folder: RunFolder) -> None:
    record = RunRecord.load(run_folder.record)
    record.save(run_folder.record)
    assert RunRecord.load(run_folder.record) == record
    assert record.versions["torch"] == version("torch")


def test_unknown_keys_of_a_record_are_ignored(run_folder: RunFolder) -> None:
    record = RunRecord.load(run_folder.record)
    spec = json.loads(run_folder.record.read_text(encoding="utf-8"))["spec"]
    change(run_folder.record, weather="fine", spec=spec | {"depth": 3})
    assert RunRecord.load(run_folder.record) == record


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schema": 2}, "has run schema 2; this version of framecast reads 1"),
        ({"spec": {"context": 0}}, "is not a record"),
        ({"spec": "large"}, "is not a record"),
        ({"caveats": None}, "is not a record"),
    ],
)
def test_a_damaged_record_is_told_by_name(run_folder: RunFolder, values: dict[str, Any], message: str) -> None:
    change(run_folder.record, **values)
    with pytest.raises(RunError, match=rf"run\.json' {message}"):
        Run.open(run_folder.path)


@pytest.mark.parametrize("name", ["config", "record", "normaliser", "weights"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[1, 2", b"{}", b"[]", b"7"])
def test_no_damage_is_answered_by_a_traceback(run_folder: RunFolder, name: str, content: bytes) -> None:
    getattr(run_folder, name).write_bytes(content)
    with pytest.raises(FramecastError):
        Run.open(run_folder.path)
