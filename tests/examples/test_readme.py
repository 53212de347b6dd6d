"""What the pages for users say is so: their Python runs, their commands exist, their links lead somewhere."""

import re
import runpy
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cyclopts import CycloptsError

import framecast
from framecast.cli.main import app
from framecast.evaluation.results import Cost, ExampleClip, MetricInfo, Results, Scores, Verdict
from framecast.frames.clip import ClipSpec
from framecast.runs.configure import configure
from framecast.runs.folder import RunFolder
from framecast.runs.presets.table import presets
from framecast.runs.record import RunRecord
from framecast.sources.inspection import Inspection, SequenceReport
from framecast.sources.writing import write_frames

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SCRIPTS = sorted((ROOT / "examples").glob("*.*")) + sorted((ROOT / "docs").glob("*.py"))
TEXT = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in [*PAGES, *SCRIPTS]}


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, str]]:
    """Page and command: every line that a reader could type which calls framecast."""
    for page, text in TEXT.items():
        lines = text.splitlines()
        if page.endswith(".md"):
            lines = [line.removeprefix("$ ") for block in blocks(text, "console") for line in block.splitlines()]
        for line in lines:
            found = re.fullmatch(r"[#\s]*(framecast .*)", line)
            if found:
                yield page, found[1]


def mentions() -> Iterator[tuple[str, str]]:
    """Page and command: everything in backticks that begins with framecast, whole or not."""
    for page, text in TEXT.items():
        for found in re.findall(r"`(framecast [^`\n]*)`", text):
            yield page, found


COMMANDS = sorted(set(commands()))
MENTIONS = sorted(set(mentions()))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def a_place_with_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader would stand: a folder of videos, and one of images that grows."""
    options = {"canvas": 20, "num_frames": 20, "train_sequences": 6, "validation_sequences": 0, "test_sequences": 0}
    source = framecast.open_source("moving-digits", options=options)
    names = [*(f"videos/{day}.mp4" for day in ("monday", "tuesday", "wednesday", "thursday")), "new.mp4"]
    for name, sequence in zip(names, source.sequences, strict=False):
        write_frames(tmp_path / name, sequence.read(), step_seconds=0.1)
    write_frames(tmp_path / "latest", source.sequences[5].read(0, 12), step_seconds=None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_of_the_pages_runs(a_place_with_recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (readme,) = blocks(TEXT["README.md"], "python")
    assert len([line for line in readme.splitlines() if line]) <= 11
    names: dict[str, Any] = {}
    exec(compile(readme, "README.md", "exec"), names)
    shown = capsys.readouterr().out
    assert "4 videos with 80 frames" in shown
    assert "best baseline" in shown
    assert framecast.inspect("next.mp4").sequences[0].frames == 20
    assert Path("runs/first/report.html").is_file()

    # The other pages go on where the README stops.
    (every_five_minutes,) = blocks(TEXT["docs/own-data.md"], "python")
    exec(compile(every_five_minutes, "own-data.md", "exec"), names)
    prediction = names["prediction"]
    assert isinstance(prediction, framecast.workflows.predict.Prediction)
    assert prediction.frames.shape == (10, 1, 20, 20)
    (preparing,) = blocks(TEXT["docs/data/prepared-stores.md"], "python")
    exec(compile(preparing, "prepared-stores.md", "exec"), {})
    assert framecast.inspect("videos.zarr").kind == "store"


def test_no_other_page_has_python_that_nobody_runs() -> None:
    with_python = {page for page, text in TEXT.items() if page.endswith(".md") and blocks(text, "python")}
    known = {"README.md", "docs/own-data.md", "docs/data/prepared-stores.md"}
    assert with_python == known


def test_there_are_commands_to_check() -> None:
    assert {command.split()[1] for _, command in COMMANDS} >= {"demo", "inspect", "train", "evaluate", "predict"}
    assert len({page for page, _ in COMMANDS}) >= 8


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_of_the_pages_is_one(page: str, command: str) -> None:
    words = shlex.split(command)[1:]
    app.parse_args(words, exit_on_error=False, print_error=False)
    settings = [word for flag, word in pairwise(words) if flag == "--set"]
    preset = words[words.index("--preset") + 1] if "--preset" in words else None
    if words[0] == "train" and "--resume" not in words:
        configure("somewhere", preset=preset, assignments=[s for s in settings if not s.startswith("source.")])


def test_a_wrong_command_would_be_found() -> None:
    for words in (["train", "videos/", "--presett", "r1"], ["evaluate"], ["trian", "videos/"]):
        with pytest.raises(CycloptsError):
            app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize(("page", "mention"), MENTIONS)
def test_a_command_in_a_sentence_exists(page: str, mention: str) -> None:
    name, *words = mention.split()[1:]
    if name == "COMMAND":
        return
    command = app[name]
    known = {flag for argument in command.assemble_argument_collection() for flag in argument.names} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("page", [page for page in TEXT if page.endswith(".md")])
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT[page]):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), target


def test_the_page_of_configuration_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "make_configuration.py"))
    assert TEXT["docs/configuration.md"] == script["page"](), "run: python docs/make_configuration.py"


def test_every_preset_is_named() -> None:
    for page in ("README.md", "docs/training.md"):
        assert [name for name in presets() if f"`{name}`" not in TEXT[page]] == []


@pytest.mark.parametrize(
    "kind",
    [Results, Scores, MetricInfo, ExampleClip, Verdict, Cost, RunRecord, ClipSpec, Inspection, SequenceReport],
)
def test_every_key_of_the_files_is_described(kind: type) -> None:
    described = set(re.findall(r"`(\w+)`", TEXT["docs/results-schema.md"]))
    assert set(kind.__dataclass_fields__) <= described


def test_every_file_of_a_run_is_described() -> None:
    folder = RunFolder("run")
    files = [path.relative_to(folder.path).as_posix() for path in vars(folder).values() if path != folder.path]
    assert [name for name in files if f"`{name}" not in TEXT["docs/results-schema.md"]] == []


def test_pictures_are_drawn_from_a_run(tmp_path: Path) -> None:
    names = runpy.run_path(str(ROOT / "examples" / "02_r1_full_workflow.py"))
    names["main"](out=tmp_path, small=True)
    script = runpy.run_path(str(ROOT / "docs" / "make_pictures.py"))
    (strip,) = script["main"](tmp_path / "run", images=tmp_path / "images")
    assert strip.read_bytes().startswith(b"\x89PNG")
