"""The public face: what ``import framecast`` offers is there, is all there is, and costs nothing until used."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import framecast
from framecast.workflows.listing import choices

HEAVY = ("torch", "numpy", "av", "matplotlib", "PIL", "lightning", "pydantic")


@pytest.mark.parametrize("name", framecast.__all__)
def test_every_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    found = getattr(framecast, name)
    if name != "__version__":
        assert found.__name__ == name
        assert found.__module__.startswith("framecast.")
        assert inspect.getdoc(found)


def test_dir_is_all_and_sorted() -> None:
    assert dir(framecast) == sorted(framecast.__all__)
    assert len(set(framecast.__all__)) == len(framecast.__all__)


def test_type_checkers_see_the_same_names_from_the_same_places() -> None:
    tree = ast.parse(Path(framecast.__file__).read_text(encoding="utf-8"))
    for_checkers = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in for_checkers.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(seen) == set(framecast.__all__) - {"__version__"}
    for name, module in seen.items():
        assert getattr(framecast, name) is getattr(sys.modules[module or ""], name)


def test_each_command_has_its_function() -> None:
    for command in (
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
    ):
        assert command in framecast.__all__
    assert set(framecast.choices()) == set(choices())


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'framecast' has no attribute 'forecast'"):
        framecast.forecast  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ImportError, match="forecast"):
        from framecast import forecast  # noqa: F401  # pyright: ignore[reportAttributeAccessIssue]


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, framecast; dir(framecast); print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|[ab]\d+|rc\d+)?", framecast.__version__)
