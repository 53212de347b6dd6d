"""Tables and numbers: what is written is what was measured."""

import math
from collections.abc import Callable
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from framecast.evaluation.results import MetricInfo, Results, Scores
from framecast.reports import formatting
from framecast.reports.score_table import score_table
from framecast.reports.shown_metrics import limit_per_lead
from framecast.reports.tables import inspection_table, plan_table, verdict_table

NAN = float("nan")


def on_screen(table: Table, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_best_of_each_column_is_marked_and_one_step_rows_do_not_compete(results: Callable[..., Results]) -> None:
    table = score_table(results(), "strict")
    best = {
        column.metric: [row.name for row in table.rows if row.cells[i].best] for i, column in enumerate(table.columns)
    }
    assert best == {metric: ["convlstm"] for metric in ("mse", "psnr", "ssim", "bce")}
    assert [row.name for row in table.rows if row.one_step] == ["convlstm (one-step)"]


def test_floors_stand_below_their_metric_and_are_no_column(results: Callable[..., Results]) -> None:
    table = score_table(results(), "strict")
    assert [column.metric for column in table.columns] == ["mse", "psnr", "ssim", "bce"]
    assert table.limits == ("", "", "", "0.1200")
    assert limit_per_lead(results(), "strict", "bce") == pytest.approx([0.096, 0.12, 0.144])
    assert limit_per_lead(results(), "strict", "mse") is None


def test_skill_compares_with_the_best_baseline(results: Callable[..., Results]) -> None:
    rows = {row.name: row.skill for row in score_table(results(), "strict").rows}
    assert rows == {"convlstm": "47%", "convlstm (one-step)": "82%", "persistence": "−97%", "mean": "–"}
    assert score_table(results(verdict=None), "strict").reference is None


def test_metrics_can_be_chosen_in_any_order(results: Callable[..., Results]) -> None:
    table = score_table(results(), "strict", metrics=["ssim", "mse", "not computed"])
    assert [column.metric for column in table.columns] == ["ssim", "mse"]
    assert [cell.text for cell in table.rows[0].cells] == ["0.8740", "0.01230"]


def test_the_verdict_table_shows_every_forecaster_and_what_other_conventions_change(
    results: Callable[..., Results],
) -> None:
    shown = on_screen(verdict_table(results()))
    lines = {line.split("  ")[0].strip(): line.split() for line in shown.splitlines()}
    assert lines["persistence"] == ["persistence", "0.04560", "13.20", "0.6120", "13.70", "−97%"]
    assert lines["convlstm"][1:4] == ["0.01230", "19.30", "0.8740"]
    assert shown.count("tf") == 1, "only psnr differs under tf"
    assert on_screen(verdict_table(results(), conventions=["tf"], metrics=["psnr"])).count("strict") == 0


def test_the_best_bias_is_the_one_nearest_to_zero_and_units_stand_below(results: Callable[..., Results]) -> None:
    metrics = {
        "mse": MetricInfo(summary="Squared.", better="lower", unit="(mm/h)²"),
        "bias": MetricInfo(summary="Mean error.", better="zero", unit="mm/h"),
    }
    biases = {"convlstm": -0.9, "persistence": 0.2, "mean": -0.1}
    rows = {
        name: Scores(role="baseline", overall={"mse": 2.0, "bias": bias}, per_lead={"mse": [2.0], "bias": [bias]})
        for name, bias in biases.items()
    }
    found = results(conventions={"physical": rows}, metrics=metrics, units="mm/h")
    table = score_table(found, "physical")
    assert [row.name for row in table.rows if row.cells[1].best] == ["mean"]
    assert [column.title for column in table.columns] == ["mse\u00a0(mm/h)²", "bias\u00a0(mm/h)"]
    head = on_screen(verdict_table(found)).splitlines()[1:3]
    assert head[0].split()[:4] == ["mse", "↓", "bias", "→0"]
    assert head[1].split()[:3] == ["forecaster", "(mm/h)²", "mm/h"]


def test_the_inspection_table_takes_what_inspect_writes() -> None:
    sequence = {"name": "a[/b].avi", "frames": 1200, "height": 4, "width": 6, "channels": 3, "dtype": "uint8"}
    measured = {"minimum": 0.0, "maximum": 250.0, "units": "dBZ", "step_seconds": 0.04, "missing_share": 0.125}
    inspection = {
        "location": "films",
        "kind": "video",
        "num_sequences": 30,
        "num_frames": 36000,
        "sequences": [sequence | measured, *[sequence | {"name": f"s{i}"} for i in range(29)]],
    }
    shown = on_screen(inspection_table(inspection))
    for text in ("a[/b].avi", "1,200", "4 × 6 × 3", "0 … 250 dBZ", "40 ms", "12%", "and 10 more"):
        assert text in shown
    last = {**inspection, "sequences": [*[sequence | {"name": f"s{i}"} for i in range(29)], sequence | measured]}
    assert "0 … 250 dBZ" in on_screen(inspection_table(last))  # of many, those that were read are shown


def test_the_plan_table_shows_the_plan() -> None:
    plan = {
        "clips": {"train": 1000, "test": 10},
        "sequences": {"train": 7},
        "parameters": 447425,
        "trainable": 447000,
        "macs_per_frame": 2.4e9,
        "steps": 500,
        "device": "cpu",
        "seconds_per_step": 0.1,
        "seconds": 50.0,
        "memory_bytes": 9.1e8,
        "disk_bytes": 2e6,
    }
    shown = on_screen(plan_table(plan))
    for text in ("1,000 of 7 sequences", "447,425", "2.4G", "about 50 s", "910MB", "2MB"):
        assert text in shown


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(1e-3, 999) | st.just(NAN) | st.none(), min_size=1, max_size=6))
def test_columns_keep_three_digits_of_their_smallest_number_where_they_can(values: list[float | None]) -> None:
    texts = formatting.column(values)
    known = [(value, text) for value, text in zip(values, texts, strict=True) if text != formatting.DASH]
    assert [text == formatting.DASH for text in texts] == [value is None or math.isnan(value) for value in values]
    for value, text in known:
        assert value is not None
        assert float(text) == pytest.approx(value, abs=max(0.005 * value, 5.01e-4))
    assert len({len(text.partition(".")[2]) for _, text in known}) <= 1


def test_numbers_as_people_write_them() -> None:
    assert formatting.column([-0.5, 0.25]) == ["−0.5000", "0.2500"]
    assert formatting.column([1e-7, NAN]) == ["1.00e-07", "–"]
    assert [formatting.percent(share) for share in (0.634, -0.034, 0.0, NAN, None)] == ["63%", "−3.4%", "0%", "–", "–"]
    assert [formatting.large(n) for n in (950, 7585296, 2.4e9, 1e12)] == ["950", "7.59M", "2.4G", "1T"]
    assert [formatting.duration(s) for s in (4.2e-5, 0.0042, 12.0, 183.4, 7200)] == [
        "42 µs",
        "4.2 ms",
        "12 s",
        "3.06 min",
        "2 h",
    ]
    assert [formatting.number(value) for value in (51107.0, -2e6, 9999.4, 999999.4)] == [
        "51107",
        "−2e+06",
        "9999",
        "999999",
    ]
    assert formatting.number(math.inf) == formatting.count(None) == formatting.DASH
