"""``framecast evaluate``, ``report`` and ``compare``: the table, the files, the pages."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BASELINES = ("persistence", "mean", "climatology", "linear", "flow", "flow-damped")


def results_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "evaluation" / "results.json").read_text(encoding="utf-8"))


def outside_of(page: str) -> list[str]:
    """What a browser would fetch to show the page."""
    wanted = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'> ]+)|@import\s+(\S+)|url\(["']?([^)"']+)""", page)
    return [place for place in map("".join, wanted) if not place.startswith(("data:", "#"))]


def test_a_planted_request_is_found() -> None:
    page = '<link href=a.css><img src="data:image/png;x"><a href="#b"></a><style>@import x.css; p {background: url(c)}'
    assert outside_of(page) == ["a.css", "x.css;", "c"]


def test_the_promised_schema(trained: Path) -> None:
    results = results_of(trained)
    assert (results["schema"], results["split"], results["clips"]) == (1, "test", 4)
    rows = results["conventions"]["strict"]
    assert {name: row["role"] for name, row in rows.items()} == {
        "convlstm": "model",
        **dict.fromkeys(BASELINES, "baseline"),
    }
    for row in rows.values():
        assert {"mse", "mae", "rmse", "psnr", "ssim", "bce"} <= set(row["overall"])
        assert {len(values) for values in row["per_lead"].values()} == {2}
        assert row["overall"]["mse"] == pytest.approx(np.mean(row["per_lead"]["mse"]))


def test_the_table_names_every_forecaster_and_ends_with_a_verdict(cli: Callable[..., Any], own_run: Path) -> None:
    done = cli("evaluate", own_run, "--quiet")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].strip() == "test: 4 clips, 3 → 2"
    assert [line.split()[0] for line in lines[3:10]] == ["convlstm", *BASELINES]
    assert re.search(r"(beats|does not beat) the best baseline", done.out)
    assert f"Written: {own_run / 'evaluation'}" in done.out


def test_json_is_the_file(cli: Callable[..., Any], own_run: Path) -> None:
    done = cli("evaluate", own_run, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json == results_of(own_run)


def test_conventions_splits_and_the_number_of_clips_can_be_chosen(cli: Callable[..., Any], own_run: Path) -> None:
    words = ["--convention", "tf", "--convention", "strict", "--split", "validation", "--max-clips", "2"]
    results = cli("evaluate", own_run, *words, "--json").json
    assert list(results["conventions"]) == ["tf", "strict"], "the first one leads"
    assert (results["split"], results["clips"]) == ("validation", 2)
    warned = cli("evaluate", own_run, "--split", "train", "--max-clips", "1", "--quiet")
    assert "Note: These are the clips that the model was trained on" in warned.out


def test_the_csv_says_the_same(trained: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((trained / "evaluation" / "results.csv").read_text(encoding="utf-8"))))
    overall = {
        (row["forecaster"], row["metric"]): float(row["value"])
        for row in rows
        if row["convention"] == "strict" and row["lead"] == "0"
    }
    scores = results_of(trained)["conventions"]["strict"]
    assert overall["linear", "mse"] == scores["linear"]["overall"]["mse"]
    assert len({row["lead"] for row in rows}) == 3


def test_other_recordings_and_how_to_read_them(
    cli: Callable[..., Any], own_run: Path, in_tmp: Path, spot: Callable[..., Any]
) -> None:
    several = np.stack([np.moveaxis(spot(5, 24, 32, channels=3, start=number), 1, -1) for number in range(4)])
    np.save("several.npy", several)
    words = ["evaluate", own_run, "--source", "several.npy", "--split", "all", "--out", "elsewhere", "--json"]
    results = cli(*words).json
    assert (results["source_kind"], results["clips"], results["sequences"]) == ("array", 4, 4)
    assert json.loads(Path("elsewhere/results.json").read_text(encoding="utf-8")) == results
    chosen = cli(*words, "--set", "source.kind=array", "--set", "source.layout=NTHWC").json
    assert chosen["conventions"] == results["conventions"]
    wrong = cli(*words, "--set", "source.layout=NTCHW")
    assert wrong.code == 2
    assert "trained on 3 channels" in wrong.err


def test_the_runs_own_recordings_read_in_another_way(cli: Callable[..., Any], own_run: Path) -> None:
    results = cli("evaluate", own_run, "--set", "source.pattern=film_[0-4].avi", "--split", "all", "--json").json
    assert results["sequences"] == 5


def test_a_moved_run_gives_the_same_scores(cli: Callable[..., Any], own_run: Path, trained: Path) -> None:
    assert cli("evaluate", own_run, "--json").json["conventions"] == results_of(trained)["conventions"]


def test_an_evaluation_replaces_only_its_own_files(
    cli: Callable[..., Any], own_run: Path, in_tmp: Path, listing: Callable[[Path], Any]
) -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/results.json").write_text("mine", encoding="utf-8")
    before = listing(in_tmp)
    done = cli("evaluate", own_run, "--out", "elsewhere")
    assert (done.code, listing(in_tmp)) == (2, before)
    (own_run / "evaluation" / "notes.txt").write_text("mine", encoding="utf-8")
    assert cli("evaluate", own_run, "--quiet").code == 0
    assert (own_run / "evaluation" / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_the_report_is_one_page_that_asks_nobody(cli: Callable[..., Any], own_run: Path) -> None:
    done = cli("report", own_run)
    assert (done.code, done.out, done.err) == (0, f"{own_run / 'report.html'}\n", "")
    page = (own_run / "report.html").read_text(encoding="utf-8")
    for name in ("convlstm", *BASELINES, "film_0.avi", "kernel_size: 3"):
        assert name in page
    assert page.count("data:image/") + page.count("<svg") >= 5
    assert outside_of(page) == []


def test_a_page_of_ours_is_replaced_and_another_only_when_asked(
    cli: Callable[..., Any], trained: Path, tmp_path: Path
) -> None:
    named = tmp_path / "deep" / "page.html"
    for _ in range(2):
        assert cli("report", trained, "--out", named, "--json").json == {"report": str(named)}
    named.write_text("mine", encoding="utf-8")
    assert cli("report", trained, "--out", named).code == 2
    assert named.read_text(encoding="utf-8") == "mine"
    assert cli("report", trained, "--out", named, "--overwrite").code == 0
    assert named.read_text(encoding="utf-8").startswith("<!")


def test_compare_shows_runs_side_by_side(cli: Callable[..., Any], trained: Path, own_run: Path, tmp_path: Path) -> None:
    cli("evaluate", own_run, "--quiet")
    done = cli("compare", trained, own_run, "--out", tmp_path / "both.html")
    assert (done.code, done.err) == (0, "")
    for text in ("spots", "own_run", "best baseline", f"Written: {tmp_path / 'both.html'}"):
        assert text in done.out
    assert "Not comparable" not in done.out
    page = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert "own_run" in page
    assert outside_of(page) == []


def test_compare_says_why_scores_may_not_be_compared(cli: Callable[..., Any], trained: Path, own_run: Path) -> None:
    cli("evaluate", own_run, "--split", "validation", "--quiet")
    found = cli("compare", trained, own_run, "--json").json
    assert [row["run"] for row in found["runs"]] == ["spots", "own_run"]
    assert any("split" in reason for reason in found["differences"])
    assert "Not comparable: Different split" in cli("compare", trained, own_run).out
