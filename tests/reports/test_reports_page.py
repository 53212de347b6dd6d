"""The page: complete in itself, true to the results, safe against what names contain, whole when parts are missing."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.evaluation.results import ExampleClip, Results, save_results
from framecast.frames.clip import ClipSpec
from framecast.frames.errors import RunError
from framecast.reports.comparison import render_comparison
from framecast.reports.film_strip import film_strip
from framecast.reports.load import ReportData, load_report_data
from framecast.reports.page import render_report
from framecast.reports.sample_grid import sample_grid
from framecast.reports.side_by_side import comparison_rows, differences
from framecast.reports.tables import comparison_table
from framecast.runs.record import RunRecord
from tests.reports.reading import Page, assert_requests_nothing

SECTIONS = ("verdict", "scores", "pictures", "leads", "training", "data", "run")
INSPECTION = {
    "location": "films",
    "kind": "video",
    "num_sequences": 1,
    "num_frames": 20,
    "value_range": [0.0, 255.0],
    "minimum": 3.0,
    "maximum": 251.0,
    "missing_share": 0.0,
    "repeated_share": 0.25,
    "static_share": 0.5,
    "histogram_counts": [5, 1],
    "histogram_edges": [0.0, 128.0, 255.0],
    "notes": ["One file was left out."],
    "sequences": [{"name": "one.avi", "frames": 20, "height": 12, "width": 16, "channels": 1, "dtype": "uint8"}],
}
RECORD = RunRecord(
    spec=ClipSpec(context=4, horizon=3, channels=1, height=12, width=16),
    status="stopped early",
    model="convlstm",
    parameters=123456,
    trainable=123000,
    macs_per_frame=2.5e9,
    training_clips=1000,
    validation_clips=100,
    dtype="uint8",
    units=None,
    step_seconds=300.0,
    epochs=2,
    best_epoch=2,
    best_loss=0.6,
    seconds=95.0,
    caveats=("The head sees the future.",),
    notes=("A layout was guessed.",),
    versions={"torch": "2.13.0"},
)


@pytest.fixture
def whole(results: Callable[..., Results], examples: Callable[..., Any]) -> Callable[..., ReportData]:
    """Report data with every part; keywords replace some."""

    def make(**changes: Any) -> ReportData:
        fields: dict[str, Any] = {
            "results": results(),
            "examples": examples(),
            "config_yaml": "model: {name: convlstm}\n",
            "log": [{"epoch": e, "train_loss": 1 / e, "val_loss": 1.1 / e, "lr": 0.001} for e in (1, 2, 3)],
            "data": INSPECTION,
            "sample_frames": sample_grid([("one.avi", np.zeros((2, 1, 8, 8), dtype=np.uint8))]),
            "versions": {"torch": "2.13.0"},
            "notes": ["A layout was guessed."],
        }
        return ReportData(**(fields | changes))

    return make


def test_the_page_has_every_section_and_asks_nobody_for_anything(whole: Callable[..., ReportData]) -> None:
    html = render_report(whole())
    page = Page(html)
    assert set(SECTIONS) <= page.ids
    assert_requests_nothing(html)
    for text in (
        "first-run",
        "convlstm beats the best baseline (mean) by 47% in MSE.",
        "Two clips were left out.",
        "convlstm (one-step): Every lead is forecast from true frames.",
        "seq/7, from frame 5",
        "One file was left out.",
        "A layout was guessed.",
        "model: {name: convlstm}",
        "2.13.0",
        "123,456",
        "4.2 ms",
        "5 min",
    ):
        assert text in page.text
    assert all(image["alt"] for image in page.images)
    kinds = [str(image["src"]).partition(";")[0] for image in page.images]
    assert kinds.count("data:image/webp") == 2, "two clips in motion"
    assert kinds.count("data:image/png") == 3, "two film strips and the sample frames"
    assert kinds.count("data:image/svg+xml") >= 7


def test_forecasts_are_shown_where_something_was_seen(
    whole: Callable[..., ReportData], examples: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []

    def looked_at(*parts: Any, **settings: Any) -> bytes:
        shown.append(parts)
        return film_strip(*parts, **settings)

    monkeypatch.setattr("framecast.reports.example_clips.film_strip", looked_at)
    frames = examples()
    frames["context"][:, :, :, :2] = np.nan
    frames["context"][:, 0, :, 2] = np.nan
    render_report(whole(examples=frames))
    assert [list(forecasts) for _, _, forecasts in shown] == [["convlstm", "mean"], ["convlstm"]]
    for _, _, forecasts in shown:
        for forecast in forecasts.values():
            assert np.isnan(forecast[:, :, :2]).all()
            assert np.isfinite(forecast[:, :, 2:]).all(), "a row that one frame of the context shows"


def test_dark_recordings_are_brightened_and_the_page_says_so(
    whole: Callable[..., ReportData], examples: Callable[..., Any]
) -> None:
    def note(frames: Any) -> str:
        html = render_report(whole(examples=frames))
        return next(line for line in Page(html).text.split("\n") if "All errors share one scale" in line)

    assert "white" not in note(examples())
    assert "0.1 is shown as white" in note({name: frames * 0.08 for name, frames in examples().items()})


def test_it_is_marked_as_ours_and_forbids_requests(whole: Callable[..., ReportData]) -> None:
    head = render_report(whole())[:2000]
    assert '<html lang="en">' in head
    assert '<meta name="generator" content="framecast">' in head
    assert "Content-Security-Policy\" content=\"default-src 'none'" in head


def test_the_tables_show_the_numbers_of_the_results(whole: Callable[..., ReportData]) -> None:
    data = whole()
    page = Page(render_report(data))
    for (convention, forecasters), table in zip(data.results.conventions.items(), page.tables, strict=False):
        names = [title.split("\xa0")[0].strip() for title in table[0]]
        assert names[:5] == ["forecaster", "mse", "psnr", "ssim", "bce"], convention
        for (name, scores), row in zip(forecasters.items(), table[1:], strict=False):
            assert row[0].startswith(name)
            for metric, text in zip(names[1:5], row[1:5], strict=True):
                value = scores.overall[metric]
                shown = text.replace(" (best)", "")
                assert shown == "–" if np.isnan(value) else float(shown) == pytest.approx(value, rel=5e-3)
        assert [row[0] for row in table if any(text.endswith(" (best)") for text in row)] == ["convlstm model"]


def test_names_cannot_become_markup(whole: Callable[..., ReportData], results: Callable[..., Results]) -> None:
    bad = '"><script>alert(1)</script>'
    base = results()
    renamed = {name if name != "mean" else bad: scores for name, scores in base.conventions["strict"].items()}
    hostile = results(
        run=bad,
        source=bad,
        split=bad,
        conventions={bad: renamed},
        warnings=[bad],
        examples=[ExampleClip(why="typical", sequence=bad, start=0, score=float("nan"))],
        verdict=dataclasses.replace(base.verdict, sentence=bad, best_baseline=bad),
        metrics=base.metrics | {"mse": dataclasses.replace(base.metrics["mse"], summary=bad)},
    )
    inspection = INSPECTION | {"location": bad, "notes": [bad], "sequences": [{"name": bad, "dtype": bad}]}
    data = whole(results=hostile, data=inspection, notes=[bad], versions={bad: bad}, config_yaml=f"source: {bad}")
    for html in (render_report(data), render_comparison([data, data])):
        page = Page(html)
        assert "script" not in page.tags
        assert bad in page.text
        assert_requests_nothing(html)


def test_a_page_of_results_alone_leaves_the_rest_out(results: Callable[..., Results]) -> None:
    page = Page(render_report(ReportData(results=results())))
    assert page.ids & set(SECTIONS) == {"verdict", "scores", "leads", "run"}


def test_without_a_baseline_there_is_no_verdict(results: Callable[..., Results]) -> None:
    only = {"strict": {"convlstm": results().conventions["strict"]["convlstm"]}}
    page = Page(render_report(ReportData(results=results(verdict=None, conventions=only))))
    assert "No baseline was evaluated" in page.text


def test_a_model_that_loses_is_shown_as_one(results: Callable[..., Results]) -> None:
    lost = dataclasses.replace(results().verdict, skill=-0.5, beats_best_baseline=False)
    html = render_report(ReportData(results=results(verdict=lost)))
    assert 'class="verdict behind"' in html
    assert "higher squared error than the best baseline" in html


def test_skill_that_is_not_finite_survives_the_file(results: Callable[..., Results]) -> None:
    broken = dataclasses.replace(results().verdict, skill=float("-inf"), skill_per_lead=[float("nan"), 0.5, -np.inf])
    again = Results.from_json(results(verdict=broken).to_json(), where="test")
    page = Page(render_report(ReportData(results=again)))
    assert "verdict" in page.ids


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_any_frames_can_be_shown(whole: Callable[..., ReportData], examples: Callable[..., Any], channels: int) -> None:
    data = whole(examples=examples(channels=channels, size=(20, 30)), data=None, sample_frames=None, notes=())
    assert "pictures" in Page(render_report(data)).ids


def test_a_run_folder_holds_all_that_the_page_needs(
    tmp_path: Path, whole: Callable[..., ReportData], results: Callable[..., Results], examples: Callable[..., Any]
) -> None:
    with pytest.raises(RunError, match="framecast evaluate"):
        load_report_data(tmp_path)
    save_results(tmp_path / "evaluation", results(), origins=[], per_clip={}, diagrams={}, examples=examples())
    assert load_report_data(tmp_path).record is None

    expected = whole()
    (tmp_path / "config.yaml").write_text(expected.config_yaml, encoding="utf-8")
    (tmp_path / "inspect.json").write_text(json.dumps(INSPECTION), encoding="utf-8")
    (tmp_path / "log.csv").write_text("epoch,train_loss,val_loss\n1,0.5,\n2,0.4,0.6\n", encoding="utf-8")
    (tmp_path / "frames.png").write_bytes(expected.sample_frames or b"")
    RECORD.save(tmp_path / "run.json")
    data = load_report_data(tmp_path)
    assert data.log == [{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.4, "val_loss": 0.6}]
    assert data.versions == {"torch": "2.13.0"}
    assert set(data.examples) == set(examples())
    page = Page(render_report(data))
    assert set(SECTIONS) <= page.ids
    for text in ("stopped early", "epoch 2, loss 0.6", "1.58 min", "The head sees the future."):
        assert text in page.text


@pytest.mark.parametrize(("name", "text"), [("log.csv", "epoch\nnot a number\n"), ("inspect.json", "[1]")])
def test_damaged_files_are_named(tmp_path: Path, results: Callable[..., Results], name: str, text: str) -> None:
    save_results(tmp_path / "evaluation", results(), origins=[], per_clip={}, diagrams={}, examples={})
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=name):
        load_report_data(tmp_path)


def test_a_comparison_lists_runs_and_their_best_baselines(results: Callable[..., Results]) -> None:
    other = results(run="second-run", cost=dataclasses.replace(results().cost, parameters=99))
    reports = [ReportData(results=results()), ReportData(results=other)]
    rows = comparison_rows(reports)
    assert [(row["run"], row["mse"], row["best_baseline"], row["best_baseline_mse"]) for row in rows] == [
        ("first-run", 0.0123, "mean", 0.0231),
        ("second-run", 0.0123, "mean", 0.0231),
    ]
    assert rows[1]["parameters"] == 99
    assert differences(reports) == []
    html = render_comparison(reports)
    page = Page(html)
    assert_requests_nothing(html)
    assert [row[0] for row in page.tables[0]] == ["run", "first-run", "second-run"]
    assert "do not compare" not in page.text
    assert comparison_table(rows).row_count == len(rows[0]) - 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"horizon": 5}, "Different horizon: first-run 3; second-run 5."),
        ({"clips": 10}, "Different clips: first-run 64; second-run 10."),
        ({"value_range": (0.0, 1.0)}, "Different value range: first-run 0 to 255; second-run 0 to 1."),
        ({"source": "films"}, "Different source: first-run moving-digits; second-run films."),
    ],
)
def test_runs_that_were_evaluated_differently_are_called_out(
    results: Callable[..., Results], changes: dict[str, Any], reason: str
) -> None:
    reports = [ReportData(results=results()), ReportData(results=results(run="second-run", **changes))]
    assert differences(reports) == [reason]
    assert reason in Page(render_comparison(reports)).text


def test_a_baseline_that_scores_differently_betrays_different_clips(results: Callable[..., Results]) -> None:
    strict = dict(results().conventions["strict"])
    strict["persistence"] = dataclasses.replace(strict["persistence"], overall={"mse": 0.05})
    reports = [ReportData(results=results()), ReportData(results=results(run="b", conventions={"strict": strict}))]
    assert len(differences(reports)) == 1
    assert "persistence scores differently" in differences(reports)[0]


def test_frames_of_another_size_are_told(results: Callable[..., Results]) -> None:
    small = dataclasses.replace(RECORD, spec=dataclasses.replace(RECORD.spec, height=6, width=8))
    runs = [ReportData(results=results(), record=RECORD), ReportData(results=results(run="b"), record=small)]
    assert differences(runs) == ["Different frames (channels, height, width): first-run 1 x 12 x 16; b 1 x 6 x 8."]
    assert differences([runs[0], dataclasses.replace(runs[1], record=RECORD)]) == []
    assert differences([runs[0], dataclasses.replace(runs[1], record=None)]) == []  # unknown is not different


def test_runs_of_one_name_are_told_apart(results: Callable[..., Results]) -> None:
    rows = comparison_rows([ReportData(results=results()), ReportData(results=results())])
    assert [row["run"] for row in rows] == ["first-run (1)", "first-run (2)"]
