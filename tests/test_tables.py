"""Every table of the package: what it lists is there, and can be listed without loading torch."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import framecast
from framecast.frames.errors import ConfigurationError
from framecast.frames.table import Table

PACKAGE = Path(framecast.__path__[0])
MODULES = sorted(
    ".".join(["framecast", *path.relative_to(PACKAGE).with_suffix("").parts])
    for path in PACKAGE.rglob("*.py")
    if re.search(r"= Table\(", path.read_text(encoding="utf-8"))
)
TABLES = {table.kind: table for name in MODULES for table in vars(import_module(name)).values() if type(table) is Table}
ENTRIES = [pytest.param(table, name, id=f"{kind}-{name}") for kind, table in TABLES.items() for name in table]


def test_the_tables_are_found() -> None:
    assert {"source", "model", "baseline", "loss", "metric"} <= set(TABLES)
    assert all(TABLES.values())


@pytest.mark.parametrize(("table", "name"), ENTRIES)
def test_an_entry_loads(table: Table, name: str) -> None:
    assert table.load(name) is not None


@pytest.mark.parametrize(("table", "name"), ENTRIES)
def test_a_summary_is_one_line_and_ends_as_a_sentence(table: Table, name: str) -> None:
    summary = table[name].summary
    assert re.fullmatch(r"\S.{8,138}\.", summary), summary


@pytest.mark.parametrize(("table", "name"), ENTRIES)
def test_a_name_can_be_typed(table: Table, name: str) -> None:
    assert re.fullmatch(r"\.?[a-z][a-z0-9_-]*(\.[a-z]+)?", name)  # a dot begins the ending of a file


@pytest.mark.parametrize(("table", "name"), ENTRIES)
def test_a_mistyped_name_is_answered_with_the_choices(table: Table, name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"no {table.kind} '{re.escape(name)}x'.*'{re.escape(name)}'"):
        table[f"{name}x"]


def test_listing_loads_no_torch() -> None:
    code = (
        "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *MODULES], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
