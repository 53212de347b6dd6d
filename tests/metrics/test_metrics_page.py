"""The page of conventions is what its script would write from the code."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_conventions_is_up_to_date() -> None:
    pytest.importorskip("skimage")
    script = runpy.run_path(str(DOCS / "make_conventions_table.py"))
    text = (DOCS / "conventions.md").read_text(encoding="utf-8")
    assert text == script["page"](), "run: python docs/make_conventions_table.py"
