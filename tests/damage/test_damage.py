"""More than 500 damaged inputs: each ends in a clear message or in frames, none in a crash, a hang or too much memory.

They are the same in every run: what is random follows from seeds."""

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MOST_PEAK_BYTES = 2 * 2**30


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    root = tmp_path_factory.mktemp("damage") / "inputs"
    yield load("make_damaged").make_all(root)
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


@pytest.fixture(scope="module")
def answers(inputs: list[Path]) -> list[dict[str, Any]]:
    """What a process says of each input; it is started anew after an input that ended it."""
    found: list[dict[str, Any]] = []
    waiting = list(inputs)
    while waiting:
        lines = "".join(json.dumps(str(path)) + "\n" for path in waiting)
        command = [sys.executable, "-W", "error", str(HERE / "look_at.py")]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=400, check=False)
        said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        found += said
        waiting = waiting[len(said) :]
        if waiting:
            crash = {"outcome": "crash", "message": done.stderr[-800:], "seconds": 0.0, "peak_bytes": 0}
            found.append(crash | {"path": str(waiting.pop(0))})
    return found


def test_there_are_enough_of_them(inputs: list[Path]) -> None:
    assert len(inputs) >= 500
    assert len(set(inputs)) == len(inputs)


def test_none_ends_in_a_defect_a_crash_or_a_hang(answers: list[dict[str, Any]]) -> None:
    wrong = [(answer["path"], answer["message"]) for answer in answers if answer["outcome"] in ("defect", "crash")]
    assert not wrong, f"{len(wrong)} of {len(answers)}; " + "; ".join(f"{path}: {text}" for path, text in wrong[:8])
    assert max(answer["seconds"] for answer in answers) < 20


def test_none_takes_lots_of_memory(answers: list[dict[str, Any]]) -> None:
    assert max(answer["peak_bytes"] for answer in answers) < MOST_PEAK_BYTES


def test_messages_are_for_people(answers: list[dict[str, Any]]) -> None:
    messages = [answer["message"] for answer in answers if answer["outcome"] == "refused"]
    assert messages
    for message in messages:
        assert 20 < len(message) < 1500, message
        assert message.rstrip().endswith("."), message
        assert not any(word in message for word in ("Traceback", "0x7f", "errno")), message


def test_outcomes_are_of_both_kinds(answers: list[dict[str, Any]]) -> None:
    counts = Counter(answer["outcome"] for answer in answers)
    # Flipped bits inside pixels cannot be noticed; a file that is gone, cut off or another one can.
    assert counts["read"] > 50
    assert counts["refused"] > 200
    assert sum(answer.get("rejected", 0) > 0 for answer in answers) > 10


def test_empty_files_and_noise_are_always_refused(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        damage = Path(answer["path"]).parent.name
        if damage in ("cut at 0.0", "zeros", "noise"):
            assert answer["outcome"] == "refused", answer
