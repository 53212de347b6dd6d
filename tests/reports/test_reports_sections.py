"""Sections of the report: what results say stands there, and nothing stands there that they do not say."""

import dataclasses
import json
import math
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from framecast.evaluation.results import Independence, MetricInfo, Results
from framecast.reports.comparison import cost_charts, render_comparison
from framecast.reports.cost_chart import CostPoint, cost_chart
from framecast.reports.curves import Line, lead_curves, styles_of
from framecast.reports.error_map import error_maps
from framecast.reports.load import ReportData
from framecast.reports.page import render_report
from framecast.reports.score_table import score_table
from framecast.reports.sections.across_conventions import convention_table
from framecast.reports.sections.by_part import part_views
from framecast.reports.sections.cost import cost_view
from framecast.reports.sections.differences import difference_tables, not_available
from framecast.reports.sections.ensembles import ensemble_view, rank_shape
from framecast.reports.sections.error_maps import error_map_view
from framecast.reports.sections.findings import findings_view
from framecast.reports.sections.leads import forecaster_styles, lead_views, skill_chart
from framecast.reports.sections.spectra import spectra_view
from framecast.reports.sections.thresholds import events_views
from framecast.reports.sections.verdict import verdict_view
from framecast.reports.shown_metrics import main_metrics
from framecast.reports.side_by_side import comparison_rows, shown_columns
from framecast.reports.skill_bars import skill_bars
from framecast.reports.spectra import kept_detail
from framecast.reports.tables import comparison_table, conventions_table, thresholds_line, verdict_table
from framecast.runs.findings import Diagnosis
from tests.reports.reading import Page, assert_requests_nothing, svg_texts

NAN = float("nan")
Make = Callable[..., Results]
Arrays = Callable[..., dict[str, NDArray[np.float64]]]

NEW_KEYS = ("independence", "differences", "unavailable", "groups", "repeated_share", "precision")


@pytest.fixture(scope="module")
def _pages() -> dict[str, str]:
    return {}


@pytest.fixture
def page(_pages: dict[str, str], full: Make, diagrams: Arrays, diagnosis: Diagnosis) -> str:
    """The whole page, made once."""
    if "page" not in _pages:
        data = ReportData(results=full(), diagrams=diagrams(), diagnosis=diagnosis)
        _pages["page"] = render_report(data)
    return _pages["page"]


def test_the_page_has_a_section_for_everything_that_is_known(page: str) -> None:
    read = Page(page)
    anchors = {"verdict", "scores", "events", "leads", "map", "spectra", "ensembles", "parts", "conventions", "cost"}
    assert anchors | {"doctor"} <= read.ids
    linked = {anchor for anchor in read.ids if f'href="#{anchor}"' in page}
    assert anchors <= linked, "every section can be reached from the top"
    assert_requests_nothing(page)
    assert all(image["alt"] and len(str(image["alt"])) > 20 for image in read.images)


def test_faults_stand_above_the_verdict_and_warnings_do_not(page: str) -> None:
    assert page.index("The model sees the future.") < page.index('id="verdict"')
    assert page.index("Frames repeat.") > page.index('id="doctor"')
    for text in ("Lead 1 moved by 0.31.", "Set causal_head.", "not checked: the model has none"):
        assert text in page


def test_results_of_earlier_versions_make_a_page(full: Make) -> None:
    record = json.loads(full().to_json())
    for name in NEW_KEYS:
        del record[name]
    for forecasters in record["conventions"].values():
        for scores in forecasters.values():
            for name in ("intervals", "per_lead_intervals", "by"):
                del scores[name]
    for info in record["metrics"].values():
        for name in ("family", "threshold", "window"):
            del info[name]
    for name in ("skill_interval", "skill_per_lead_intervals", "outcome"):
        del record["verdict"][name]
    for name in ("dead", "latency_seconds"):
        del record["cost"][name]
    old = Results.from_json(json.dumps(record), where="test")
    read = Page(render_report(ReportData(results=old)))
    assert read.ids.isdisjoint({"events", "map", "spectra", "ensembles", "parts", "doctor"})
    assert old.independence.reason in read.text
    assert verdict_view(old).state == "ahead", "the figure alone decides the colour"


def test_a_round_trip_through_the_file_changes_nothing_on_the_page(full: Make) -> None:
    again = Results.from_json(full().to_json(), where="test")
    assert verdict_view(again) == verdict_view(full())
    assert score_table(again, "strict").rows[0].cells[0] == score_table(full(), "strict").rows[0].cells[0]
    assert difference_tables(again) == difference_tables(full())


@pytest.mark.parametrize(
    ("outcome", "interval", "shown"),
    [
        ("better", (0.41, 0.52), ("ahead", "▲", "Better: the 95% interval of the skill, 41% to 52%, lies above 0.")),
        ("worse", (-0.3, -0.1), ("behind", "▼", "Worse: the 95% interval of the skill, −30% to −10%, lies below 0.")),
        ("unclear", (-0.1, 0.52), ("open", "◆", "Unclear: the 95% interval of the skill, −10% to 52%, holds 0.")),
        ("unclear", None, ("ahead", "", "No interval of the skill.")),
        ("unclear", (NAN, NAN), ("ahead", "", "No interval of the skill.")),
    ],
)
def test_the_verdict_says_its_outcome_in_words_and_by_a_shape(
    full: Make, outcome: str, interval: Any, shown: tuple[str, str, str]
) -> None:
    verdict = dataclasses.replace(full().verdict, skill_interval=interval, outcome=outcome)
    view = verdict_view(full(verdict=verdict))
    assert (view.state, view.mark, view.outcome) == shown
    assert view.number == "47%"


def test_the_reason_for_no_interval_is_shown_once(results: Make) -> None:
    reason = "All figures come from 3 independent recordings, fewer than five: no interval is given."
    few = Independence(unit="none", count=3, reason=reason)
    html = render_report(ReportData(results=results(independence=few, warnings=[reason, "Another."])))
    assert html.count(reason) == 1
    assert "Another." in html


def test_intervals_have_the_decimals_of_their_number(full: Make) -> None:
    table = score_table(full(), "strict")
    cell = table.rows[0].cells[0]
    assert (cell.text, cell.interval_text) == ("0.01230", "0.01107 to 0.01476")
    assert table.rows[0].skill_interval == "41% to 52%"
    assert [row.skill_interval for row in table.rows[1:]] == ["", "", ""]
    assert not score_table(full(), "tf").rows[0].skill_interval, "it belongs to the leading convention"


def test_broken_intervals_are_left_out(full: Make) -> None:
    base = full()
    rows = dict(base.conventions["strict"])
    rows["convlstm"] = dataclasses.replace(rows["convlstm"], intervals={"mse": (NAN, 0.2), "psnr": (1.0, np.inf)})
    table = score_table(full(conventions={"strict": rows}), "strict")
    assert [cell.interval_text for cell in table.rows[0].cells[:2]] == ["", ""]


def test_columns_that_nobody_has_are_named_and_not_shown(full: Make, page: str) -> None:
    assert "ms_ssim" not in [column.metric for column in score_table(full(), "strict").columns]
    assert "Not defined on these clips: ms ssim." in page


def test_many_metrics_are_folded_but_the_whole_table_is_there(full: Make) -> None:
    extra = {f"metric_{i}": float(i) for i in range(9)}
    rows = {name: dataclasses.replace(s, overall=s.overall | extra) for name, s in full().conventions["strict"].items()}
    wide = full(conventions={"strict": rows})
    shown = main_metrics(wide, "strict")
    assert shown == ["mse", "psnr", "ssim", "bce", "csi", "sharpness"]
    read = Page(render_report(ReportData(results=wide)))
    assert "All metrics of strict" in read.text
    assert "metric 8" in [title.strip() for title in read.tables[1][0]]
    assert main_metrics(full(), "strict") == [c.metric for c in score_table(full(), "strict").columns]


def test_events_have_tables_of_their_own(full: Make) -> None:
    main = [column.metric for column in score_table(full(), "strict").columns]
    assert "csi" in main, "the mean over thresholds stands in both"
    assert not [name for name in main if "@" in name or "fss" in name or name in ("far", "frequency_bias")]
    view = events_views(full())[0]
    assert [table.family for table in view.tables] == ["csi", "fss", "far", "frequency_bias"]
    csi = view.tables[0]
    assert csi.thresholds == ("0.5", "2", "mean")
    assert csi.caption == "About csi."
    strict = full().conventions["strict"]
    for name, _, cells in csi.groups[0][1]:
        for cell, metric in zip(cells, ("csi@0.5", "csi@2", "csi"), strict=True):
            assert cell is not None
            assert cell.value == strict[name].overall[metric]
            assert float(cell.text) == pytest.approx(cell.value, abs=5e-4)


def test_the_best_of_each_threshold_follows_its_direction(full: Make) -> None:
    tables = {table.family: table for table in events_views(full())[0].tables}
    best = {
        family: [name for name, _, cells in table.groups[0][1] if cells[0] is not None and cells[0].best]
        for family, table in tables.items()
    }
    assert best == {"csi": ["mean"], "fss": ["mean"], "far": ["convlstm"], "frequency_bias": ["mean"]}


def test_scales_stand_below_each_other(full: Make) -> None:
    fss = events_views(full())[0].tables[1]
    assert [scale for scale, _ in fss.groups] == ["4 × 4 pixels", "16 × 16 pixels"]
    assert all(len(cells) == 3 for _, rows in fss.groups for _, _, cells in rows)


def test_a_threshold_has_a_unit_where_values_are_native(full: Make) -> None:
    metrics = full().metrics | {"mse": MetricInfo(summary="Squared.", better="lower", unit="(mm/h)²")}
    native = events_views(full(metrics=metrics, units="mm/h"))[0].tables[0]
    assert native.thresholds[0] == "0.5 mm/h"
    assert events_views(full(units="mm/h"))[0].tables[0].thresholds[0] == "0.5", "this convention reads [0, 1]"


def test_a_threshold_that_one_family_lacks_is_a_gap(full: Make) -> None:
    base = full()
    rows = {
        name: dataclasses.replace(s, overall={k: v for k, v in s.overall.items() if k != "fss_4px@2"})
        for name, s in base.conventions["strict"].items()
    }
    fss = events_views(full(conventions={"strict": rows}))[0].tables[1]
    assert [cell is None for cell in fss.groups[0][1][0][2]] == [False, True, False]


def test_differences_have_a_sign_an_interval_and_a_shape(full: Make, page: str) -> None:
    table = difference_tables(full())[0]
    rows = dict(table.rows)
    assert [column.metric for column in table.columns] == ["mse", "psnr"]
    mse, psnr = rows["persistence"]
    assert mse is not None
    assert (mse.text, mse.mark, mse.outcome) == ("−0.0333", "▲", "better")
    assert mse.interval == "−0.0400 to −0.0200"
    assert psnr is None
    assert [cell.mark for cell in rows["mean"] if cell] == ["◆", "▼"]
    assert "(unclear)" in page


def test_a_higher_difference_has_a_plus(full: Make) -> None:
    difference = dataclasses.replace(full().differences["strict"]["mean"]["mse"], value=0.02)
    table = difference_tables(full(differences={"strict": {"mean": {"mse": difference}}}))[0]
    assert table.rows[0][1][0].text == "+0.0200"  # pyright: ignore[reportOptionalMemberAccess]


def test_what_could_not_be_computed_says_how_to_get_it(full: Make, page: str) -> None:
    baselines, metrics = not_available(full())
    assert [name for name, _ in baselines] == ["pysteps"]
    assert [name for name, _ in metrics] == ["strict/lpips"]
    row = next(row for table in Page(page).tables for row in table if row[0] == "pysteps")
    assert row[1] == "not available: pysteps is not installed; install it with 'pip install pysteps'."
    assert "the weights of AlexNet are missing; see docs." in page


def test_bands_are_drawn_where_they_are_known(full: Make) -> None:
    values, band = [1.0, 2.0, 3.0], [(0.5, 1.5), (1.0, 3.0), (NAN, NAN)]
    with_band = lead_curves([Line(name="m", values=values, band=band, emphasised=True)], title="mse", better="lower")
    without = lead_curves([Line(name="m", values=values, emphasised=True)], title="mse", better="lower")
    assert "lower is better, bands: 95%" in svg_texts(with_band)
    assert "lower is better" in svg_texts(without)
    assert with_band.count(b"PolyCollection") == 1 + without.count(b"PolyCollection")


def test_the_band_of_the_model_stays_when_there_are_many_lines() -> None:
    lines = [Line(name=f"l{i}", values=[1, 2], band=[(0, 2), (1, 3)], emphasised=i == 0) for i in range(6)]
    assert (
        lead_curves(lines, title="mse").count(b'id="PolyCollection')
        + lead_curves(lines, title="mse").count(b'id="FillBetweenPolyCollection')
        == 1
    )


def test_bands_of_another_length_are_left_out(full: Make) -> None:
    base = full()
    rows = dict(base.conventions["strict"])
    rows["convlstm"] = dataclasses.replace(rows["convlstm"], per_lead_intervals={"mse": [(0.0, 1.0)]})
    assert lead_views(full(conventions={"strict": rows}))


def test_sharpness_is_among_the_first_curves_and_skill_comes_first(full: Make) -> None:
    view = lead_views(full())[0]
    assert view.main[0].alt.startswith("Skill of convlstm at each lead: against persistence 73% at lead 1")
    assert any(chart.alt.startswith("sharpness") for chart in view.main)


def test_skill_far_below_the_baseline_is_drawn_at_the_bottom(full: Make) -> None:
    base = full()
    rows = dict(base.conventions["strict"])
    rows["mean"] = dataclasses.replace(rows["mean"], per_lead=rows["mean"].per_lead | {"mse": [1e-9, 0.02, 0.03]})
    chart = skill_chart(full(conventions={"strict": rows}))
    assert chart is not None
    from base64 import b64decode

    svg = b64decode(chart.uri.partition(",")[2])
    assert any("cut at −100" in text for text in svg_texts(svg))
    assert "against mean −" in chart.alt, "in words nothing is cut"


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(0, 3))
def test_no_two_lines_look_alike(count: int, model: int) -> None:
    lines = [Line(name=str(i), values=[1], emphasised=i == model) for i in range(count)]
    looks = styles_of(lines)
    assert len({(look.marker, look.dash) for look in looks}) == count, "told apart without colours"
    assert len(set(looks)) == count


def test_a_forecaster_looks_the_same_in_every_chart(full: Make) -> None:
    looks = forecaster_styles(full())
    assert len(set(looks.values())) == len(looks)
    lines = [Line(name="mean", values=[1], style=looks["mean"])]
    assert styles_of(lines) == [looks["mean"]]


def test_skill_bars_have_whiskers() -> None:
    found = svg_texts(skill_bars([0.5, 0.2], baseline="mean", intervals=[(0.4, 0.6), (NAN, NAN)]))
    assert "error saved against mean, whiskers: 95%" in found
    assert "error saved against mean" in svg_texts(skill_bars([0.5, 0.2], baseline="mean"))


def test_kept_detail_is_the_share_of_the_power_of_short_waves() -> None:
    wavenumber = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    truth, forecast = np.array([9.0, 4, 2, 1, 1]), np.array([9.0, 4, 1, 0.25, 0.25])
    assert kept_detail(forecast, truth, wavenumber, longest=5.0) == pytest.approx(0.375 / 1.1)
    assert kept_detail(forecast, truth, wavenumber, longest=3.4) == pytest.approx(0.25)
    assert math.isnan(kept_detail(forecast, np.zeros(5), wavenumber, longest=5.0))


def test_kept_detail_agrees_with_the_power_of_the_frames_themselves() -> None:
    size = 64
    waves = np.fft.fftfreq(size)
    radius = np.hypot(waves[:, None], waves[None])
    truth = np.abs(np.fft.fft2(np.random.default_rng(0).normal(size=(size, size)))) ** 2
    forecast = truth * np.exp(-8 * radius)
    ring = np.rint(radius * size).astype(int)
    rings = [np.array([power[ring == r].mean() for r in range(size // 2)]) for power in (forecast, truth)]
    inside = (ring >= size // 8) & (ring < size // 2)
    exact = forecast[inside].sum() / truth[inside].sum()
    found = kept_detail(rings[0], rings[1], np.arange(size // 2) / size, longest=8.0)
    assert found == pytest.approx(exact, rel=0.02)


def test_spectra_say_how_much_detail_is_left(full: Make, diagrams: Arrays) -> None:
    view = spectra_view(full(), diagrams())
    assert view is not None
    assert [chart.alt.partition(".")[0] for chart in view.charts] == [
        "Power spectrum at lead 1",
        "Power spectrum at lead 3",
    ]
    wavenumber, truth = diagrams()["spectrum_wavenumber"], diagrams()["spectrum/truth"][0]
    fine = wavenumber >= 1 / 8
    power = truth * wavenumber
    share = (power * np.array([1, 1, 1, 0.5, 0.5, 0.5, 0.5]))[fine].sum() / power[fine].sum()
    assert view.notes == (
        f"At lead 3 convlstm has {share:.0%} of the truth's power at wavelengths of 8 pixels and less.",
        "At lead 3 mean has 10% of the truth's power at wavelengths of 8 pixels and less.",
    )


@pytest.mark.parametrize("missing", ["spectrum/truth", "spectrum_wavenumber"])
def test_without_spectra_there_is_no_section(full: Make, diagrams: Arrays, missing: str) -> None:
    assert spectra_view(full(), {name: values for name, values in diagrams().items() if name != missing}) is None
    assert spectra_view(full(), {}) is None
    nothing = diagrams() | {"spectrum/truth": np.full((3, 7), NAN)}
    assert spectra_view(full(), nothing) is None


def test_a_forecast_without_any_power_is_drawn(full: Make, diagrams: Arrays) -> None:
    blank = diagrams() | {"spectrum/convlstm": np.zeros((3, 7))}
    view = spectra_view(full(), blank)
    assert view is not None
    assert "convlstm has 0%" in view.notes[0]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([40, 10, 10, 10, 40], "too small"),
        ([2, 30, 40, 30, 2], "too large"),
        ([10, 10, 10, 10, 60], "too low"),
        ([60, 10, 10, 10, 10], "too high"),
        ([21, 19, 20, 22, 18], "about right"),
    ],
)
def test_the_shape_of_ranks_is_told_in_words(counts: list[int], words: str) -> None:
    assert words in rank_shape(np.array(counts, dtype=np.float64))


def test_ensembles_show_ranks_and_reliability_with_their_counts(full: Make, diagrams: Arrays) -> None:
    view = ensemble_view(full(), diagrams())
    assert view is not None
    assert len(view.ranks) == 1
    assert "110 values" in view.ranks[0].alt
    assert [chart.alt[:18] for chart in view.reliability] == ["Reliability at 0.5", "Reliability at 2: "]
    assert "convlstm (79 values) 0% forecast 10% seen, 25% forecast 30% seen" in view.reliability[0].alt
    assert ensemble_view(full(), {}) is None
    empty = {"rank_histogram/convlstm": np.zeros(5), "reliability/convlstm@1": np.zeros((5, 3))}
    assert ensemble_view(full(), empty) is None


def test_the_error_map_tells_where_nothing_was_measured(full: Make, diagrams: Arrays) -> None:
    view = error_map_view(full(), diagrams())
    assert view is not None
    mine, theirs = (np.sqrt(diagrams()[f"error_map/{name}"][0]) for name in ("convlstm", "mean"))
    better = (mine[3:] < theirs[3:]).mean()
    assert view.notes[1] == "Grey, hatched: 25% of the pixels never held a value."
    assert view.notes[2] == f"convlstm has the smaller error in {better:.0%} of the pixels."
    assert f"{np.nanmin(mine):.4g} to {np.nanmax(mine):.4g}" in view.maps.alt


def test_error_maps_take_channels_alone_and_without_a_baseline(full: Make, diagrams: Arrays) -> None:
    maps = np.stack([np.full((4, 6), 4.0), np.full((4, 6), NAN), np.full((4, 6), 16.0)])
    view = error_map_view(full(), {"error_map/convlstm": maps})
    assert view is not None
    assert "3.162 to 3.162" in view.maps.alt, "the root of the mean over the channels that were measured"
    assert error_map_view(full(), {}) is None
    assert error_map_view(full(), {"error_map/convlstm": np.full((1, 4, 6), NAN)}) is None
    other_size = {"error_map/convlstm": maps, "error_map/mean": np.ones((1, 3, 3))}
    assert error_map_view(full(), other_size) is not None


def test_the_difference_of_error_maps_is_blue_where_the_model_is_better() -> None:
    model, baseline = np.ones((20, 30)), np.ones((20, 30))
    model[:, :10], baseline[:, 20:] = 5.0, 5.0
    picture = np.asarray(Image.open(BytesIO(error_maps(model, baseline, names=("m", "b"), unit=""))).convert("RGB"))
    panel = picture[:, 2 * picture.shape[1] // 3 :].astype(int)
    row = panel[picture.shape[0] // 2]
    left, right = row[len(row) // 8], row[-len(row) // 8]
    assert left[0] > left[2] + 80, "orange-red: worse"
    assert right[2] > right[0] + 80, "blue: better"


def test_conventions_stand_side_by_side_with_the_reason(full: Make) -> None:
    table = convention_table(full())
    assert table is not None
    assert table.conventions == ("strict", "tf")
    rows = {row.metric: row for row in table.rows}
    assert rows["psnr"].texts == ("19.3 dB", "19.8 dB")
    assert rows["psnr"].reason == "strict: Peak signal-to-noise ratio. tf: Of TensorFlow."
    assert rows["mse"].reason == "No difference on these clips."
    one = full(conventions={"strict": full().conventions["strict"]})
    assert convention_table(one) is None


def test_one_formula_and_two_figures_mean_another_preparation(results: Make) -> None:
    table = convention_table(results())
    assert table is not None
    reason = {row.metric: row.reason for row in table.rows}["psnr"]
    assert reason == "One formula; the conventions clip, scale or count the frames differently first."


def test_parts_come_worst_first_and_the_rest_is_folded(full: Make) -> None:
    view = part_views(full())[0]
    assert view.whole is not None
    names = [row[0] for row in view.table.rows]
    assert names[:2] == ["film 14", "film 13"]
    assert names[6] == "… 3 more"
    assert names[-1] == "film 00"
    assert len(names) == 13
    assert [row[0] for row in view.whole.rows] == [f"film {i:02d}" for i in range(14, -1, -1)]
    mine, theirs = 0.0123 * 15, 0.0231 * 15 / 4
    assert view.table.rows[0][-1] == f"{1 - mine / theirs:.0%} ▽".replace("-", "−")


def test_parts_without_a_value_come_last_and_channels_keep_their_order(full: Make) -> None:
    base = full()
    rows = dict(base.conventions["strict"])
    by = {
        "day": {"a": {"mse": NAN}, "b": {"mse": 1.0}, "c": {"mse": 2.0}},
        "channel": {"u": {"mse": 1.0}, "v": {"mse": 5.0}},
    }
    rows["convlstm"] = dataclasses.replace(rows["convlstm"], by=by)
    rows["mean"] = dataclasses.replace(rows["mean"], by={})
    day, channel = part_views(full(conventions={"strict": rows}))
    assert [row[0] for row in day.table.rows] == ["c", "b", "a"]
    assert [row[0] for row in channel.table.rows] == ["u", "v"]
    assert day.whole is None
    assert day.table.rows[0][-1] == "–", "nothing is known of the baseline there"


def test_cost_counts_live_and_dead_and_shows_every_time(full: Make, results: Make) -> None:
    view = cost_view(full())
    assert dict(view.facts)["Of them never used"] == "1,000 (live: 122,000)"
    assert view.table is not None
    assert [row[:2] for row in view.table.rows] == [["convlstm", "12 ms"], ["persistence", "2 µs"], ["mean", "9 µs"]]
    assert view.chart is not None
    assert "convlstm 12 ms, 0.0123" in view.chart.alt
    old = cost_view(results())
    assert old.table is None
    assert old.chart is None


@settings(deadline=None, max_examples=12)
@given(st.lists(st.tuples(st.floats(1e-6, 1e3), st.floats(1e-3, 10)), min_size=0, max_size=7))
def test_cost_charts_take_any_points(pairs: list[tuple[float, float]]) -> None:
    shown = [CostPoint(name=f"n{i}", cost=c, quality=q, model=i == 0) for i, (c, q) in enumerate(pairs)]
    drawn = cost_chart(shown, kind="seconds", metric="mse", better="lower")
    assert (drawn is None) == (len(pairs) < 2)
    if drawn is not None:
        assert {point.name for point in shown} <= set(svg_texts(drawn))


def test_costs_that_are_not_known_are_left_out() -> None:
    shown = [CostPoint(name=str(i), cost=c, quality=1.0, model=True) for i, c in enumerate((0.0, NAN, 1.0))]
    assert cost_chart(shown, kind="macs", metric="mse", better=None) is None


def test_a_comparison_draws_cost_against_quality(full: Make) -> None:
    other = full(run="second", cost=dataclasses.replace(full().cost, parameters=999_000, macs_per_frame=1e9))
    reports = [ReportData(results=full()), ReportData(results=other)]
    charts = cost_charts(["first-run", "second"], reports)
    assert [chart.alt.partition(":")[0] for chart in charts] == [
        "mse against time of a forecast frame",
        "mse against parameters of a forecast frame",
        "mse against multiply-adds of a forecast frame",
    ]
    assert "persistence 2 µs" in charts[0].alt
    html = render_comparison(reports)
    read = Page(html)
    assert "cost" in read.ids
    assert_requests_nothing(html)
    assert "47% (41% to 52%)" in read.tables[0][1]
    not_alike = [reports[0], ReportData(results=full(run="third", clips=3))]
    assert "cost" not in Page(render_comparison(not_alike)).ids


def test_compared_rows_hold_intervals_only_where_there_are_any(full: Make, results: Make) -> None:
    row = comparison_rows([ReportData(results=full())])[0]
    assert (row["skill_low"], row["skill_high"], row["outcome"], row["dead"]) == (0.4121, 0.5234, "better", 1000)
    assert "skill_low" not in comparison_rows([ReportData(results=results())])[0]
    mixed = comparison_rows([ReportData(results=full()), ReportData(results=results())])
    assert dict(shown_columns(mixed))["skill"] == ["47% (41% to 52%)", "47%"]
    assert comparison_table(mixed).row_count == len(mixed[0]) - 3


def test_a_healthy_run_says_that_nothing_was_found() -> None:
    healthy = Diagnosis(subject="run", checks=("a", "b"), skipped={}, findings=())
    view = findings_view(healthy)
    assert view is not None
    assert view.summary == "2 checks: nothing found."
    assert view.faults == ()
    assert findings_view(None) is None


def test_findings_have_a_shape_and_a_word(diagnosis: Diagnosis) -> None:
    view = findings_view(diagnosis)
    assert view is not None
    assert [mark for mark, _ in view.findings] == ["✖ fault", "▲ warning"]
    assert view.summary == "2 checks: 1 fault, 1 warning."


def test_names_in_the_new_sections_cannot_become_markup(full: Make, diagnosis: Diagnosis) -> None:
    bad = '"><script>alert(1)</script>'
    base = full()
    rows = {bad if name == "mean" else name: scores for name, scores in base.conventions["strict"].items()}
    rows["convlstm"] = dataclasses.replace(rows["convlstm"], by={bad: {bad: {"mse": 1.0}, "b": {"mse": 2.0}}})
    hostile = full(
        conventions={"strict": rows, bad: rows},
        differences={"strict": {bad: base.differences["strict"]["mean"]}},
        unavailable={bad: bad, f"strict/{bad}": bad},
        verdict=dataclasses.replace(base.verdict, best_baseline=bad),
        independence=Independence(unit="none", count=1, reason=bad),
        cost=dataclasses.replace(base.cost, latency_seconds={bad: 1.0, "convlstm": 2.0}),
    )
    finding = dataclasses.replace(diagnosis.findings[0], check=bad, what=bad, evidence=bad, mend=bad, severity="fault")
    ill = dataclasses.replace(diagnosis, findings=(finding,), checks=(bad,), skipped={bad: bad})
    diagrams = {
        f"rank_histogram/{bad}": np.ones(3),
        f"reliability/{bad}@{bad}": np.ones((2, 3)),
        "error_map/convlstm": np.ones((1, 4, 4)),
        f"error_map/{bad}": np.ones((1, 4, 4)),
    }
    html = render_report(ReportData(results=hostile, diagnosis=ill, diagrams=diagrams))
    read = Page(html)
    assert "script" not in read.tags
    assert_requests_nothing(html)


def test_the_screen_shows_intervals_of_the_leading_metric_and_of_skill(full: Make) -> None:
    console = Console(file=StringIO(), width=150, color_system=None)
    console.print(verdict_table(full()))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    line = next(line for line in shown.splitlines() if line.startswith("convlstm  "))
    assert "0.01107 to 0.01476" in line
    assert "47% (41% to 52%)" in line
    assert shown.count("95%") == 1


def test_the_screen_tells_which_thresholds_events_are_of(full: Make) -> None:
    assert thresholds_line(full()) == "Thresholds of events: 0.5, 2; the table has means over them, the report each."
    infos = full().metrics | {"mse": MetricInfo(summary="Squared.", better="lower", unit="(mm/h)²")}
    assert str(thresholds_line(full(metrics=infos, units="mm/h"))).startswith("Thresholds of events: 0.5, 2 mm/h; ")
    no_events = {name: info for name, info in infos.items() if info.threshold is None}
    assert thresholds_line(full(metrics=no_events)) is None


def test_the_screen_shows_conventions_side_by_side(full: Make) -> None:
    table = conventions_table(full())
    assert table is not None
    console = Console(file=StringIO(), width=150, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert "19.3 dB" in shown
    assert "19.8 dB" in shown
    assert "Of TensorFlow." in shown
    assert conventions_table(full(conventions={"strict": full().conventions["strict"]})) is None
