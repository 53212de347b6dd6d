"""Help, version and lists: complete, readable, and at once."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from framecast.cli.main import app
from framecast.version import __version__

COMMANDS = (
    "demo",
    "inspect",
    "prepare",
    "train",
    "evaluate",
    "predict",
    "report",
    "compare",
    "doctor",
    "audit",
    "list",
    "weights",
)
HEAVY = ("torch", "numpy", "av", "matplotlib", "PIL", "lightning", "pydantic", "jinja2", "safetensors")
KINDS = {
    "models": "convlstm_stack",
    "losses": "gdl",
    "metrics": "psnr_pooled",
    "sources": "moving-digits",
    "presets": "r2-peephole",
    "baselines": "persistence",
    "conventions": "strict",
    "checks": "collapse",
}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_help_names_every_command_and_the_commands_are_those(cli: Callable[..., Any]) -> None:
    done = cli("--help")
    assert (done.code, done.err) == (0, "")
    first_words = [line[2:].split()[0] for line in done.out.splitlines() if line.startswith("│ ") and line[2] != " "]
    assert first_words == [*COMMANDS, "--help", "--version"]
    assert set(app.resolved_commands()) - {"--help", "-h", "--version"} == set(COMMANDS)
    assert cli().out == done.out, "no words at all is a question for help"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_fits_the_screen_and_explains_every_flag(cli: Callable[..., Any], command: str) -> None:
    done = cli(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert f"Usage: framecast {command}" in done.out
    assert "--json" in done.out
    entries = [line.strip("│* ") for line in done.out.splitlines() if line.startswith("│")]
    flags = [entry for entry in entries if entry.startswith("--")]
    assert flags
    for flag in flags:
        assert len(flag.split("  ", 1)) == 2, f"{flag} is not explained"
    for clutter in ("[default: ()]", "[default: []]", "[ARGS]", "--no-", "--empty-"):
        assert clutter not in done.out


def test_every_flag_of_the_contract_is_there(cli: Callable[..., Any]) -> None:
    promised = {
        "demo": "--out --quick",
        "inspect": "--out",
        "prepare": "--out --size --color --workers --dask --max-rejected --set --overwrite",
        "train": "--preset --config --model --context --horizon --epochs --max-steps --device "
        "--precision --max-minutes --seed --set "
        "--init-from --dry-run --out --resume --overwrite",
        "evaluate": "--source --split --convention --device --precision",
        "predict": "--horizon --with-context --fps --out --device --precision",
        "report": "--out",
        "compare": "--out",
        "doctor": "--set --max-clips --device",
    }
    for command, flags in promised.items():
        text = cli(command, "--help").out
        assert [flag for flag in flags.split() if f"{flag} " not in text] == []
    for command in ("demo", "prepare", "train", "evaluate", "predict"):
        assert "--quiet" in cli(command, "--help").out


def test_version(cli: Callable[..., Any]) -> None:
    assert cli("--version").out.strip() == __version__


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["--version"], ["list"], ["trian"]])
def test_answers_that_need_no_torch_load_nothing_heavy(words: list[str]) -> None:
    code = f"""
import json, sys
from framecast.cli import main
try:
    main({words!r})
except SystemExit:
    print("HEAVY", json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout.rsplit("HEAVY", 1)[1]) == []


def test_the_installed_program_and_the_module_are_the_same(cli: Callable[..., Any]) -> None:
    done = subprocess.run([sys.executable, "-m", "framecast", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_a_terminal_without_arrows_and_dashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    words = [sys.executable, "-m", "framecast", "list", "models"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Encoder?forecaster ConvLSTM" in done.stdout


def test_list_shows_every_table_with_a_line_each(cli: Callable[..., Any]) -> None:
    done = cli("list")
    found = cli("list", "--json").json
    assert set(found) == set(KINDS)
    for kind, name in KINDS.items():
        assert name in found[kind]
        assert cli("list", kind, "--json").json == {kind: found[kind]}
        for key, summary in found[kind].items():
            assert summary
            assert any(line.split()[:1] == [key] for line in done.out.splitlines())


def test_list_of_one_kind_shows_nothing_else(cli: Callable[..., Any]) -> None:
    out = cli("list", "losses").out
    assert "gdl" in out
    assert "persistence" not in out
