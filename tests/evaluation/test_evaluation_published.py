"""Published tables: every figure as it was printed, and what its own error says of each PSNR."""

import math
from pathlib import Path

import pytest

import framecast
from framecast.evaluation.published.table import PSNR_ALLOWANCE, Group, PublishedTable, Row, published_tables
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.conventions.table import CONVENTIONS

TABLES = published_tables()

MOVING_MNIST = """
| ConvLSTM-S | 200 | 15.0 | 56.8 | 113 | 29.80 | 90.64 | .9288 | 22.10 |
| ConvLSTM-L | 200 | 33.8 | 127.0 | 50 | 27.78 | 86.14 | .9343 | 22.44 |
| PredNet | 200 | 12.5 | 8.6 | 659 | 161.38 | 201.16 | .7783 | 14.33 |
| PhyDNet | 200 | 3.1 | 15.3 | 182 | 28.19 | 78.64 | .9374 | 22.62 |
| PredRNN | 200 | 23.8 | 116.0 | 54 | 23.97 | 72.82 | .9462 | 23.28 |
| PredRNN++ | 200 | 38.6 | 171.7 | 38 | 22.06 | 69.58 | .9509 | 23.65 |
| MIM | 200 | 38.0 | 179.2 | 37 | 22.55 | 69.97 | .9498 | 23.56 |
| MAU | 200 | 4.5 | 17.8 | 201 | 26.86 | 78.22 | .9398 | 22.76 |
| E3D-LSTM | 200 | 51.0 | 298.9 | 18 | 35.97 | 78.28 | .9320 | 21.11 |
| CrevNet | 200 | 5.0 | 270.7 | 10 | 30.15 | 86.28 | .9350 | – |
| PredRNN-V2 | 200 | 23.9 | 116.6 | 52 | 24.13 | 73.73 | .9453 | 23.21 |
| DMVFN | 200 | 3.5 | 0.2 | 1145 | 123.67 | 179.96 | .8140 | 16.15 |
| SimVP IncepU | 200 | 58.0 | 19.4 | 209 | 32.15 | 89.05 | .9268 | 37.97 |
| SimVP gSTA | 200 | 46.8 | 16.5 | 282 | 26.69 | 77.19 | .9402 | 38.35 |
| TAU | 200 | 44.7 | 16.0 | 283 | 24.60 | 71.93 | .9454 | 23.19 |
| ConvLSTM-S | 2000 | | | | 22.41 | 73.07 | .9480 | 23.54 |
| PredNet | 2000 | | | | 31.85 | 90.01 | .9273 | 21.85 |
| PhyDNet | 2000 | | | | 20.35 | 61.47 | .9559 | 24.21 |
| PredRNN | 2000 | | | | 26.43 | 77.52 | .9411 | 22.90 |
| PredRNN++ | 2000 | | | | 14.07 | 48.91 | .9698 | 26.37 |
| MIM | 2000 | | | | 14.73 | 52.31 | .9678 | 25.99 |
| MAU | 2000 | | | | 22.25 | 67.96 | .9511 | 23.68 |
| E3D-LSTM | 2000 | | | | 24.07 | 77.49 | .9436 | 23.19 |
| PredRNN-V2 | 2000 | | | | 17.26 | 57.22 | .9624 | 25.01 |
| SimVP IncepU | 2000 | | | | 21.15 | 64.15 | .9536 | 23.99 |
| SimVP gSTA | 2000 | | | | 15.05 | 49.80 | .9675 | 25.97 |
| TAU | 2000 | | | | 15.69 | 51.46 | .9661 | 25.71 |
"""
"""Method, epochs, parameters, GMACs, frames a second, MSE, MAE, SSIM, PSNR, typed off a second time."""

KTH = """
| ConvLSTM-S | 14.9 | 1368 | 16 | 47.65 | 445.5 | .8977 | 26.99 | .26686 |
| PredRNN | 23.6 | 2800 | 7 | 41.07 | 380.6 | .9097 | 27.95 | .21892 |
| PredRNN++ | 38.3 | 4162 | 5 | 39.84 | 370.4 | .9124 | 28.13 | .19871 |
| PredRNN-V2 | 23.6 | 2815 | 7 | 39.57 | 368.8 | .9099 | 28.01 | .21478 |
| MIM | 39.8 | 1099 | 17 | 40.73 | 380.8 | .9025 | 27.78 | .18808 |
| MAU | 20.1 | 399 | 8 | 51.02 | 471.2 | .8945 | 26.73 | .25442 |
| E3D | 53.5 | 217 | 17 | 136.40 | 892.7 | .8153 | 21.78 | .48358 |
| PhyDNet | 3.1 | 93.6 | 58 | 91.12 | 765.6 | .8322 | 23.41 | .50155 |
| DMVFN | 3.5 | 0.88 | 727 | 59.61 | 413.2 | .8976 | 26.65 | .12842 |
| SimVP IncepU | 12.2 | 62.8 | 77 | 41.11 | 397.1 | .9065 | 27.46 | .26496 |
| SimVP gSTA | 15.6 | 76.8 | 53 | 45.02 | 417.8 | .9049 | 27.04 | .25240 |
| TAU | 15.0 | 73.8 | 55 | 45.32 | 421.7 | .9086 | 27.10 | .22856 |
"""
"""Method, parameters, GMACs, frames a second, MSE, MAE, SSIM, PSNR, LPIPS."""

NEWER = """
PredFormer TSST | 12.4 44.6 .973
PredFormer Binary-TS | 12.8
PredFormer Full-attention | 17.3
OpenSTL-Swin (in PredFormer) | 18.3
OpenSTL-ViT (in PredFormer) | 19.0
SwinLSTM-D | 17.7 – .962
IAM4VP (2,000 epochs) | 17.2
IAM4VP (10,000 epochs) | 15.3
MIMO-VP | 17.7 51.6 .964
VMRNN-D | 16.5 – .965
TAU (its paper) | 19.8 60.3 .957
SimVP (its paper) | 23.8 68.9 .948
"""

ORIGINALS = """
ConvLSTM | 103.3 182.9 .707
PredRNN | 56.8 126.1 .867
PredRNN++ | 46.5 106.8 .898
MIM | 44.2 101.1 .910
E3D-LSTM | 41.3 86.4 .910
PhyDNet | 24.4 70.3 .947
MAU | 27.6 86.5 .937
PredRNN-V2 | 48.4 129.8 .891
"""

WRAPPED = """
SimVP | 33.72 .905 32.93 .886
SwinLSTM | 34.34 .903 33.15 .879
TAU | 34.13 .911 33.01 .897
VMRNN | 34.06 .907 32.69 .882
"""
"""PSNR and SSIM of KTH, 20 frames and 40."""

SEVIR = """
PredRNN | 3.9014 .4080
Earthformer | 3.6957 .4419
ConvLSTM | 3.7532 .4185
UNet | 4.1119 .3593
PhyDNet | 4.8165 .3940
E3D-LSTM | 4.1702 .4038
Persistence | 11.5338 .2613
"""


def group(table: PublishedTable, name: str) -> Group:
    return next(group for group in table.groups if group.name == name)


def row(table: str, name: str, method: str) -> Row:
    return next(row for row in group(TABLES[table], name).rows if row.method == method)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]


def figures(names: list[str], texts: list[str]) -> dict[str, float]:
    """By column, without those that are not there."""
    return {name: float(text) for name, text in zip(names, texts, strict=False) if text not in ("", "–")}


def listed(text: str) -> dict[str, list[str]]:
    return {line.split(" | ")[0]: line.split(" | ")[1].split() for line in text.strip().splitlines()}


def test_moving_mnist_is_as_it_was_printed() -> None:
    columns = ["parameters", "gmacs", "fps", "mse", "mae", "ssim", "psnr"]
    lines = [cells(line) for line in MOVING_MNIST.strip().splitlines()]
    assert len(lines) == 27
    for method, epochs, *texts in lines:
        assert row("moving-mnist", f"openstl-{epochs}", method).values == figures(columns, texts)
    for epochs in ("200", "2000"):
        methods = [line[0] for line in lines if line[1] == epochs]
        assert [row.method for row in group(TABLES["moving-mnist"], f"openstl-{epochs}").rows] == methods


def test_kth_is_as_it_was_printed() -> None:
    columns = ["parameters", "gmacs", "fps", "mse", "mae", "ssim", "psnr", "lpips"]
    lines = [cells(line) for line in KTH.strip().splitlines()]
    assert len(lines) == 12
    names = {"E3D": "E3D-LSTM"}
    for method, *texts in lines:
        assert row("kth", "openstl", names.get(method, method)).values == figures(columns, texts)
    assert len(group(TABLES["kth"], "openstl").rows) == 12


@pytest.mark.parametrize(("name", "text"), [("papers", NEWER), ("originals", ORIGINALS)])
def test_figures_of_papers_are_as_they_were_printed(name: str, text: str) -> None:
    expected = listed(text)
    assert [row.method for row in group(TABLES["moving-mnist"], name).rows] == list(expected)
    for method, texts in expected.items():
        found = row("moving-mnist", name, method).values
        assert {key: value for key, value in found.items() if key in ("mse", "mae", "ssim")} == figures(
            ["mse", "mae", "ssim"], texts
        )


def test_costs_and_budgets_of_papers() -> None:
    tsst = row("moving-mnist", "papers", "PredFormer TSST").values
    assert (tsst["parameters"], tsst["gmacs"], tsst["fps"]) == (25.3, 16.5, 302)
    swin = row("moving-mnist", "papers", "SwinLSTM-D").values
    assert (swin["parameters"], swin["gmacs"], swin["fps"]) == (20.2, 69.9, 62)
    assert row("moving-mnist", "papers", "PredFormer Full-attention").values["fps"] == 254
    assert row("moving-mnist", "papers", "MIMO-VP").epochs == 1500
    assert row("moving-mnist", "papers", "IAM4VP (10,000 epochs)").epochs == 10_000
    assert row("moving-mnist", "papers", "VMRNN-D").epochs == 2000


def test_the_family_of_wrapped_psnr_is_as_it_was_printed() -> None:
    for method, texts in listed(WRAPPED).items():
        assert row("kth", "wrapped-psnr", method).values == figures(["psnr", "ssim"], texts[:2])
        assert row("kth-40", "wrapped-psnr", method).values == figures(["psnr", "ssim"], texts[2:])
    assert row("kth", "papers", "PredRNN++").values == {"psnr": 28.47, "ssim": 0.865}
    assert row("kth", "papers", "PredRNN-V2").values == {"psnr": 28.37, "ssim": 0.839, "lpips": 0.139}
    assert row("kth", "papers", "E3D-LSTM").values == {"psnr": 29.31, "ssim": 0.879}
    assert row("kth-40", "papers", "E3D-LSTM").values == {"psnr": 27.24, "ssim": 0.810}


def test_sevir_is_as_it_was_printed() -> None:
    expected = listed(SEVIR)
    assert {row.method for row in group(TABLES["sevir-vil"], "earthformer").rows} == set(expected)
    for method, texts in expected.items():
        assert row("sevir-vil", "earthformer", method).values == figures(["mse", "csi"], texts)
    assert TABLES["sevir-vil"].columns["mse"].times * 255**2 == pytest.approx(1000, rel=1e-6)


def test_what_was_only_recalled_is_marked() -> None:
    recalled = {
        (name, row.method, column)
        for name, table in TABLES.items()
        for group in table.groups
        for row in group.rows
        for column in row.values
        if row.known_by(column) == "recalled"
    }
    assert ("moving-mnist", "MIMO-VP", "mse") in recalled
    assert ("kth", "E3D-LSTM", "psnr") in recalled
    assert ("kth", "SwinLSTM", "ssim") in recalled
    assert ("kth", "SwinLSTM", "psnr") not in recalled
    assert ("sevir-vil", "Earthformer", "csi") in recalled
    assert ("sevir-vil", "PredRNN", "csi") not in recalled
    assert {name for name, _, _ in recalled} == set(TABLES)
    assert not any(row.known != "source" for row in group(TABLES["moving-mnist"], "openstl-200").rows)


def test_a_psnr_that_its_own_error_does_not_allow_is_found() -> None:
    """From the squared error and the size of frames alone, without looking at what is marked."""
    found = {
        (name, group.name, row.method)
        for name, table in TABLES.items()
        for group in table.groups
        for row in group.rows
        if table.wraps(row)
    }
    known = {("moving-mnist", "openstl-200", "SimVP IncepU"), ("moving-mnist", "openstl-200", "SimVP gSTA")}
    assert found == known
    marked = {
        ("moving-mnist", group.name, row.method)
        for group in TABLES["moving-mnist"].groups
        for row in group.rows
        if "wrapped" in row.faults.get("psnr", ())
    }
    assert marked == known


def test_every_other_psnr_fits_its_error() -> None:
    """A mean of logarithms is not below the logarithm of the mean, and lies a little above it."""
    excesses = [
        excess
        for table in TABLES.values()
        for group in table.groups
        for row in group.rows
        if not table.wraps(row) and (excess := table.psnr_excess(row)) is not None
    ]
    assert len(excesses) == 36
    assert min(excesses) > 0.25
    assert max(excesses) < 2.3 < PSNR_ALLOWANCE


def test_a_planted_wrapped_psnr_is_found_whatever_is_marked() -> None:
    table = TABLES["kth"]
    honest = row("kth", "openstl", "TAU")
    planted = Row(method="TAU", values={**honest.values, "psnr": 34.13}, known="source")
    assert not table.wraps(honest)
    assert table.wraps(planted)
    assert table.psnr_excess(planted) == pytest.approx(34.13 + 10 * math.log10(45.32 / 128**2))
    assert not table.wraps(Row(method="x", values={"psnr": 34.13}, known="source"))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_holds_together(name: str) -> None:
    table = TABLES[name]
    used: set[str] = set()
    for one in table.groups:
        used.update(one.faults)
        assert len({row.method for row in one.rows}) == len(one.rows)
        for line in one.rows:
            assert line.values
            assert line.values.keys() <= table.columns.keys()
            assert {*line.faults, *line.conventions, *line.known_of} <= line.values.keys()
            used.update(fault for faults in line.faults.values() for fault in faults)
    assert used == set(table.faults), "every fault is described, and every description used"
    for column in table.columns.values():
        assert (column.convention is None) == (column.metric is None) == (column.better is None)


@pytest.mark.parametrize("name", TABLES)
def test_framecast_computes_every_column(name: str) -> None:
    table = TABLES[name]
    for key, column in table.columns.items():
        conventions = {
            convention
            for group in table.groups
            for row in group.rows
            if key in row.values and (convention := table.convention(row, key)) is not None
        }
        for convention in conventions:
            found: Convention = CONVENTIONS.load(convention)
            metrics = {metric.name: metric for metric in found.at(found.thresholds or ()).metrics}
            assert column.metric in metrics, (convention, key)
            assert metrics[column.metric].better == column.better


def test_names_do_not_clash() -> None:
    assert not set(TABLES) & set(CONVENTIONS)
    assert list(TABLES) == sorted(TABLES)


def test_the_tables_lie_in_the_package() -> None:
    folder = Path(framecast.__path__[0]) / "evaluation" / "published"
    assert {path.stem for path in folder.glob("*.yaml")} == set(TABLES)
