"""Mistakes: exit code 2, one line that says what was found and what would work, no traceback, nothing written."""

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framecast.sources.writing import write_frames

FILES = {
    "not_yaml.yaml": "training: [",
    "a_list.yaml": "- 1",
    "section.yaml": "trainin: {epochs: 2}",
    "key.yaml": "training: {epoch: 2}",
    "type.yaml": "training: {epochs: two}",
    "range.yaml": "clips: {context: 0}",
    "source.yaml": "source: {location: random, num_frame: 3}",
    "fake.mp4": "no video",
    "fake.npy": "no array",
    "fake.png": "no picture",
    "fake.html": "somebody's page",
    "notes.txt": "notes",
    "a_file": "",
    "other/notes.txt": "notes",
}


@pytest.fixture
def place(in_tmp: Path, own_run: Path, spot: Callable[..., Any]) -> Path:
    """A working folder with everything that can be mistaken for something else."""
    for name, text in FILES.items():
        path = in_tmp / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (in_tmp / "empty").mkdir()
    own_run.rename(in_tmp / "run")
    write_frames("short.mkv", spot(4, 16, 16), step_seconds=0.1)
    write_frames("long.mkv", spot(12, 16, 16), step_seconds=0.1)
    np.save("short.npy", spot(2, 16, 16))
    np.save("words.npy", np.array(["a", "b"]))
    np.save("several.npy", np.stack([spot(6, 16, 16)[:, 0]] * 5))
    np.save("floats.npy", spot(6, 16, 16)[:, 0] / np.float32(255))
    return in_tmp


TRAIN = "train random --out new"
MISTAKES = [
    # words that do not exist
    ("trian random", 'Unknown command "trian". Did you mean "train"?'),
    ("train random --out new --epoch 3", "Unknown option: --epoch. Did you mean --epochs?"),
    ("inspect", "SOURCE"),
    ("predict run long.mkv", "--out"),
    ("list model", '"model"'),
    (f"{TRAIN} --preset r5", "no preset 'r5'"),
    (f"{TRAIN} --model convlst", "no model 'convlst'; did you mean 'convlstm'?"),
    (f"{TRAIN} --set trainin.epochs=3", "no section 'trainin'; did you mean 'training'?"),
    (f"{TRAIN} --set training.epoch=3", "In 'training': There is no setting 'epoch'; did you mean 'epochs'?"),
    (f"{TRAIN} --set model.hiden=[3]", "In 'model': There is no setting 'hiden'; did you mean 'hidden'?"),
    (f"{TRAIN} --set source.num_frame=3", "In 'source': There is no setting 'num_frame'; did you mean 'num_frames'?"),
    (f"{TRAIN} --set loss.msee=1", "no loss 'msee'; did you mean 'mse'?"),
    # values that do not fit
    (f"{TRAIN} --set training.epochs", "--set needs key=value, found 'training.epochs'"),
    (f"{TRAIN} --set training.epochs=many", "'training.epochs' does not fit: found 'many'"),
    (f"{TRAIN} --set training.optimizer.lr=[", "not a value that YAML knows"),
    (f"{TRAIN} --epochs many", 'Invalid value for --epochs: unable to convert "many" into int.'),
    (f"{TRAIN} --epochs 0", "epochs must be at least 1, found 0"),
    (f"{TRAIN} --max-steps 0", "max_steps must be at least 1 or null, found 0"),
    (f"{TRAIN} --horizon 0", "horizon must be at least 1, found 0"),
    (f"{TRAIN} --context -1", "context must be at least 1, found -1"),
    (f"{TRAIN} --device tpu", '"tpu"'),
    # configuration files
    (f"{TRAIN} --config nowhere.yaml", "There is no configuration file 'nowhere.yaml'"),
    (f"{TRAIN} --config empty", "There is no configuration file 'empty'"),
    (f"{TRAIN} --config not_yaml.yaml", "'not_yaml.yaml' is not valid YAML: expected the node content"),
    (f"{TRAIN} --config a_list.yaml", "'a_list.yaml' must hold sections"),
    (f"{TRAIN} --config section.yaml", "In 'section.yaml': There is no section 'trainin'; did you mean 'training'?"),
    (f"{TRAIN} --config key.yaml", "In 'key.yaml': In 'training': There is no setting 'epoch'; did you mean 'epochs'?"),
    (f"{TRAIN} --config type.yaml", "In 'type.yaml': 'training.epochs' does not fit: found 'two'"),
    (f"{TRAIN} --config range.yaml", "In 'range.yaml': 'clips' does not fit: context must be at least 1, found 0"),
    ("train --config source.yaml --out new", "There is no setting 'num_frame'; did you mean 'num_frames'?"),
    # recordings
    ("train --out new", "No source was named"),
    ("train randm --out new", "no file or folder 'randm'; did you mean 'random'?"),
    ("train lnog.mkv --out new", "did you mean 'long.mkv'?"),
    ("train nowhere/film.mp4 --out new", "The folder 'nowhere' does not exist either"),
    ("train video --out new", "'video' is a kind of source, not a place"),
    ("train empty --out new", "found no files"),
    ("train other --out new", "found .txt (1)"),
    ("train notes.txt --out new", "its ending is '.txt'"),
    ("train fake.mp4 --out new", "fake.mp4"),
    ("train fake.npy --out new", "fake.npy"),
    ("train fake.png --out new", "fake.png"),
    ("train words.npy --out new", "no plain number"),
    ("train short.mkv --context 10 --horizon 10 --out new", "4 frames"),
    ("train long.mkv --context 5 --horizon 5 --out new", "No clip fits: longer recordings are needed"),
    ("inspect nowhere", "no file or folder 'nowhere'"),
    ("inspect empty", "found no files"),
    ("inspect fake.mp4", "fake.mp4"),
    ("inspect several.npy --set source.layout=WTH", "'source.layout' does not fit: found 'WTH'"),
    ("inspect several.npy --set source.layot=NTHW", "did you mean 'layout'?"),
    ("inspect several.npy --set training.epochs=3", "Here --set says how recordings are read"),
    ("inspect several.npy --set source.kind=vide", "no source 'vide'; did you mean 'video'?"),
    # places to write to
    ("train random", "No run folder was named; give --out RUN"),
    ("train random --out run", "'run' already holds a run. Continue it with --resume, replace it with --overwrite"),
    ("train random --out other", "'other' holds files, but no run"),
    ("train random --out a_file", "'a_file' is a file; --out needs a folder"),
    ("train random --max-steps 1 --out a_file/run", "'a_file/run': Not a directory."),
    ("inspect random --out a_file", "'a_file' is a file; --out needs a folder"),
    ("inspect random --out run", "'run' already holds inspect.json, frames.png, histogram.png"),
    ("report run --out fake.html", "'fake.html' is already there and no page of framecast"),
    ("report run --out other", "'other' is a folder; --out needs the name of an HTML file"),
    ("compare run run --out fake.html", "'fake.html' is already there and no page of framecast"),
    ("evaluate run --out a_file", "a_file"),
    ("demo --quick --out other", "'other' already holds something; choose another --out"),
    ("demo --quick --out a_file", "'a_file' is a file; --out needs a folder"),
    # runs
    ("train --resume", "--resume needs --out RUN"),
    ("train --resume --out nowhere", "nothing to resume in 'nowhere'"),
    ("train --resume --out empty", "nothing to resume in 'empty'"),
    ("train random --resume --out run", "--resume continues the run as it was configured; leave out source"),
    ("train --preset r1 --resume --out run", "leave out preset"),
    ("train --init-from run --resume --out run", "leave out init-from"),
    ("train --overwrite --resume --out run", "leave out overwrite"),
    ("train --resume --out run --horizon 7", "only settings of the training section can change"),
    ("train --resume --out run --set model.hidden=[8]", "only settings of the training section can change"),
    (f"{TRAIN} --init-from nowhere", "There is no run folder 'nowhere'"),
    (f"{TRAIN} --init-from run", "do not fit this model"),
    ("evaluate nowhere", "There is no run folder 'nowhere'; 'framecast train SOURCE --out nowhere' makes one."),
    ("evaluate empty", "'empty' is not a run folder"),
    ("evaluate a_file", "a_file"),
    ("evaluate run --convention strikt", "no convention 'strikt'; did you mean 'strict'?"),
    ("evaluate run --split tests", '"tests" for --split. Choose from: "test", "validation", "train", "all".'),
    ("evaluate run --max-clips 0", "At least 1 clip is needed"),
    ("evaluate run --source nowhere", "no file or folder 'nowhere'"),
    ("evaluate run --source short.mkv --split all", "4"),
    ("report nowhere", "There is no run folder 'nowhere'"),
    ("compare run", "at least two runs, found 1"),
    ("compare", "at least two runs, found 0"),
    # forecasts
    ("predict nowhere long.mkv --out new.mp4", "There is no run folder 'nowhere'"),
    ("predict run nowhere.mkv --out new.mp4", "no file or folder 'nowhere.mkv'"),
    ("predict run fake.mp4 --out new.mp4", "fake.mp4"),
    ("predict run short.npy --out new.npy", "'short.npy' has 2 frames; this run needs 3"),
    ("predict run floats.npy --out new.npy", "holds float32 values, but the run was trained on uint8"),
    ("predict run long.mkv --out new.xyz", "no format is known for '.xyz'"),
    ("predict run long.mkv --out notes.txt", "no format is known for '.txt'"),
    ("predict run long.mkv --out fake.mp4", "'fake.mp4' is already there"),
    ("predict run long.mkv --out long.mkv --overwrite", "the recording itself"),
    ("predict run several.npy --out new.npy", "--out must be a folder"),
    ("predict run long.mkv --out new.mp4 --horizon 0", "The horizon must be at least 1 frame, found 0"),
    ("predict run long.mkv --out new.mp4 --fps 0", "Frames per second must be 0.001 or more, found 0.0"),
    ("predict run long.mkv --out new.mp4 --set clips.context=4", "Here --set says how recordings are read"),
]


@pytest.mark.parametrize(("words", "part"), [pytest.param(*mistake, id=mistake[0]) for mistake in MISTAKES])
def test_a_mistake_is_answered_in_one_line(
    cli: Callable[..., Any], place: Path, listing: Callable[[Path], Any], words: str, part: str
) -> None:
    before = listing(place)
    done = cli(*words.split())
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("framecast: ")
    assert done.err.endswith((".\n", "?\n"))
    assert done.err.count("\n") == 1
    assert part in done.err
    assert listing(place) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device is there")
@pytest.mark.parametrize("words", ["train random --out new", "evaluate run", "predict run long.mkv --out new.mp4"])
def test_a_device_that_is_not_there(cli: Callable[..., Any], place: Path, words: str) -> None:
    done = cli(*words.split(), "--device", "cuda")
    assert (done.code, done.out) == (2, "")
    assert "There is no device 'cuda' here; this machine has: cpu" in done.err
    assert not Path("new").exists()


def test_a_report_needs_an_evaluation(cli: Callable[..., Any], place: Path) -> None:
    for path in Path("run/evaluation").iterdir():
        path.unlink()
    for words in (["report", "run"], ["compare", "run", "run"]):
        done = cli(*words)
        assert (done.code, done.out) == (2, "")
        assert "run 'framecast evaluate' on the run first" in done.err


DAMAGED = {
    "weights.safetensors": ["predict run long.mkv --out new.npy", "evaluate run"],
    "config.yaml": ["predict run long.mkv --out new.npy", "evaluate run", "train --resume --out run"],
    "run.json": ["predict run long.mkv --out new.npy", "evaluate run", "report run", "train --resume --out run"],
    "normaliser.json": ["predict run long.mkv --out new.npy", "evaluate run"],
    "baselines.safetensors": ["evaluate run"],
    "checkpoints/last.ckpt": ["train --resume --out run"],
    "evaluation/results.json": ["report run", "compare run run"],
    "evaluation/examples.npz": ["report run"],
    "inspect.json": ["report run"],
    "frames.png": ["report run"],
    "log.csv": ["report run"],
}


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, commands in DAMAGED.items() for words in commands])
def test_a_damaged_run_is_a_mistake_that_names_the_file(
    cli: Callable[..., Any], place: Path, name: str, words: str
) -> None:
    Path("run", name).write_text("{[ junk,\n,,", encoding="utf-8")
    done = cli(*words.split())
    assert (done.code, done.out) == (2, "")
    assert Path(name).stem in done.err
    last = done.err.splitlines()[-1]
    assert last.startswith("framecast: ")


def test_with_json_a_mistake_leaves_standard_output_empty(cli: Callable[..., Any], in_tmp: Path) -> None:
    done = cli("inspect", "nowhere", "--json")
    assert (done.code, done.out) == (2, "")
    assert "nowhere" in done.err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/locked"), "framecast: '/locked': Permission denied.\n"),
        (OSError(errno.ENOSPC, "No space left on device"), "framecast: No space left on device.\n"),
    ],
)
def test_a_disk_that_refuses_is_no_defect(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    monkeypatch.setattr("framecast.workflows.listing.choices", _raise(error))
    done = cli("list")
    assert (done.code, done.out, done.err) == (2, "", said)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a defect"),
        ValueError("a defect"),
        FileNotFoundError(errno.ENOENT, "a defect", "x"),
        OSError("a defect"),
    ],
)
def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    from framecast.cli import main

    monkeypatch.setattr("framecast.workflows.listing.choices", _raise(error))
    with pytest.raises(type(error), match="a defect"):
        main(["list"])


def test_ctrl_c_outside_of_training(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framecast.workflows.listing.choices", _raise(KeyboardInterrupt()))
    done = cli("list")
    assert (done.code, done.out, done.err) == (130, "", "framecast: interrupted.\n")


@pytest.mark.parametrize("words", [["list"], ["list", "--json"]])
def test_a_reader_that_leaves_early_is_no_mistake(words: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "framecast", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), said) == (1, "")


def _raise(error: BaseException) -> Callable[..., Any]:
    def choices(kind: str | None) -> Any:
        raise error

    return choices
