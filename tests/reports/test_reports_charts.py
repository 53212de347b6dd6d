"""Charts: the values drawn, the names written, and nothing asked from outside."""

import math
import re
from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from framecast.reports.curves import Line, _spread, lead_curves, lead_label, lead_ticks
from framecast.reports.ensemble_charts import reliability_diagram
from framecast.reports.loss_curves import best_row, loss_curves, loss_terms
from framecast.reports.skill_bars import skill_bars

NAN = float("nan")
ROWS = [
    {"epoch": e, "step": 10 * e, "lr": 1e-3, "train_loss": 1 / e, "val_loss": 1 / e + abs(e - 4) / 10}
    for e in range(1, 8)
]


def texts(svg: bytes | None) -> list[str]:
    assert svg is not None
    root = ElementTree.fromstring(svg)
    return ["".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")]


def text_heights(svg: bytes) -> dict[str, float]:
    """Where each text stands, in points from the top."""
    root = ElementTree.fromstring(svg)
    return {
        "".join(element.itertext()).strip(): float(element.attrib["y"])
        for element in root.iter("{http://www.w3.org/2000/svg}text")
        if "y" in element.attrib
    }


def test_every_line_is_named_at_its_end() -> None:
    lines = [Line(name="convlstm", values=[1, 2, 3], emphasised=True), Line(name="mean", values=[3, 3, 3])]
    found = texts(lead_curves(lines, title="mse", better="lower", unit="dB", limit=[1, 1, 1]))
    assert {"convlstm", "mean", "mse", "1", "2", "3"} <= set(found)
    assert "dB, lower is better, dotted: a perfect forecast" in found


def test_many_lines_are_named_in_a_legend() -> None:
    lines = [Line(name=f"run {i}", values=[i, i + 1]) for i in range(9)]
    assert {f"run {i}" for i in range(9)} <= set(texts(lead_curves(lines, title="mse")))


def test_names_are_never_read_as_formulas_or_markup() -> None:
    hostile = r"$\frac{</svg>"
    svg = lead_curves([Line(name=hostile, values=[1, 2])], title="mse")
    assert hostile in texts(svg)


def test_names_in_any_script_are_drawn_without_a_warning() -> None:
    assert "预测" in texts(lead_curves([Line(name="预测", values=[1, 2])], title="mse"))


@pytest.mark.parametrize("values", [[0.5], [NAN, 0.5, NAN], [NAN, NAN], []])
def test_gaps_and_single_leads_are_drawn(values: list[float]) -> None:
    svg = lead_curves([Line(name="model", values=values)], title="ssim", better="higher")
    assert ("model" in texts(svg)) == any(math.isfinite(value) for value in values)


@pytest.mark.parametrize("format", ["svg", "png"])
def test_charts_request_nothing(format: str) -> None:
    chart = lead_curves([Line(name="m", values=[1, 2])], title="mse", format=format)  # pyright: ignore[reportArgumentType]
    if format == "png":
        assert Image.open(BytesIO(chart)).size == (760, 540)
    else:
        assert not re.search(rb"(href|src)\s*=\s*[\"'](?!#)|url\((?!#)|@import|<script", chart)


def test_the_same_chart_is_the_same_file() -> None:
    lines = [Line(name="m", values=[1, 2])]
    assert lead_curves(lines, title="mse") == lead_curves(lines, title="mse")


def test_skill_bars_say_against_whom_and_where_they_were_cut() -> None:
    assert "error saved against mean" in texts(skill_bars([0.5, -0.2], baseline="mean"))
    assert any("bars end at −100%" in text for text in texts(skill_bars([0.5, -8.0], baseline="mean")))
    assert texts(skill_bars([NAN, 0.5], baseline="mean"))


def test_leads_are_counted_in_the_time_that_a_frame_takes() -> None:
    assert [lead_label(s) for s in (None, 300.0, 0.04, 1.0, 7200.0)] == [
        "lead (frames)",
        "lead (frames of 5 min)",
        "lead (frames of 40 ms)",
        "lead (frames of 1 s)",
        "lead (frames of 2 h)",
    ]
    assert lead_ticks(10) == list(range(1, 11))
    assert lead_ticks(40) == [1, 10, 20, 30, 40]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 200), min_size=1, max_size=6))
def test_names_at_line_ends_never_overlap_and_stay_in_the_chart(places: list[float]) -> None:
    places.sort()
    spread = _spread(places, gap=15, low=0, high=200)
    assert all(after - before >= 15 - 1e-9 for before, after in pairwise(spread))
    assert spread[0] >= 0
    assert spread[-1] <= 200 + 1e-9
    if all(after - before >= 15 for before, after in pairwise(places)):
        assert spread == pytest.approx(places, abs=1e-6)


def test_loss_curves_mark_the_best_epoch_and_show_the_rate() -> None:
    found = texts(loss_curves(ROWS))
    assert {"training", "validation", "learning rate", "best: epoch 4"} <= set(found)
    assert "best: epoch 2" in texts(loss_curves(ROWS, best_epoch=2))
    best = best_row(ROWS)
    assert best is not None
    assert best["epoch"] == 4


def test_loss_curves_take_logs_with_holes() -> None:
    assert loss_curves([]) is None
    assert loss_curves([{"epoch": 1.0, "lr": 0.1}]) is None
    assert "training" in texts(loss_curves([{"train_loss": 0.5}]))
    found = texts(loss_curves([{"epoch": 1, "train_loss": NAN, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.4}]))
    assert "validation" in found
    assert "training" not in found


def test_the_loss_of_one_epoch_stands_on_a_whole_epoch() -> None:
    found = texts(loss_curves([{"epoch": 1, "train_loss": 0.5, "val_loss": 0.4, "lr": 0.001}]))
    assert "1" in found
    assert not {text for text in found if text.startswith(("0.9", "1.0"))}


def test_every_name_of_a_reliability_diagram_is_below_its_axis() -> None:
    table = np.array([[0.0, 0.1, 9.0], [1.0, 0.8, 4.0]])
    for count in (1, 3, 4, 10):
        names = [f"forecaster {number}" for number in range(count)]
        drawn = reliability_diagram([(Line(name=name, values=()), table) for name in names], title="Reliability")
        heights = text_heights(drawn)
        assert all(heights[name] > heights["forecast probability"] + 8 for name in names)


def test_steep_losses_are_drawn_logarithmically() -> None:
    steep = [{"epoch": e, "train_loss": 10.0**-e, "lr": 10.0**-e} for e in range(1, 6)]
    assert "logarithmic" in texts(loss_curves(steep))
    assert "logarithmic" not in texts(loss_curves(ROWS))


def test_terms_are_drawn_when_there_is_more_than_one() -> None:
    rows = [row | {"train_mse": 0.5, "val_mse": 0.6, "train_ssim": 0.2, "val_ssim": 0.3} for row in ROWS]
    assert list(loss_terms(rows)) == ["mse", "ssim"]
    assert loss_terms(ROWS) == {}
    assert loss_terms([row | {"train_mse": 0.5, "val_mse": 0.6} for row in ROWS]) == {}
