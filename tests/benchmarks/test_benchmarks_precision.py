"""The comparison of float32 and bfloat16 training: its criterion, and that it really trains in both."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.precision import BFLOAT16, FLOAT32, OTHER_SEED, Size, compare, loss_curve, main, page, smoothed

TINY = Size(steps=6, batch_size=4, frame_size=16, hidden=(4,), window=3)


def curves(by_rounding: Any, by_seed: Any) -> dict[str, NDArray[np.float64]]:
    """A falling float32 curve, and the others at these relative distances from it."""
    exact = np.exp(-np.arange(100) / 40)
    return {
        FLOAT32.name: exact,
        BFLOAT16.name: exact * (1 + np.asarray(by_rounding)),
        OTHER_SEED.name: exact * (1 + np.asarray(by_seed)),
    }


def test_smoothing_is_the_mean_of_a_window() -> None:
    losses = np.random.default_rng(0).random(20)
    expected = [losses[start : start + 5].mean() for start in range(16)]
    np.testing.assert_allclose(smoothed(losses, 5), expected, rtol=1e-12)


def test_relative_differences_are_those_of_the_curves() -> None:
    found = compare(curves(-0.01, 0.04), window=10)
    assert found["mean_by_rounding"] == pytest.approx(0.01)
    assert found["end_by_seed"] == pytest.approx(0.04)
    assert found["largest_by_rounding"] == pytest.approx(0.01)
    assert found["agree"] is True
    assert found["rows"][0]["step"] == 10
    assert found["rows"][-1]["step"] == 100
    assert found["rows"][-1]["by_rounding"] == pytest.approx(-0.01)


@pytest.mark.parametrize(
    ("by_rounding", "by_seed"),
    [
        pytest.param(0.05, -0.04, id="further off than another seed"),
        pytest.param(np.where(np.arange(100) < 85, 0.001, 0.2), 0.05, id="astray at the end"),
        pytest.param(np.nan, 0.05, id="not finite"),
    ],
)
def test_curves_that_do_not_agree(by_rounding: Any, by_seed: Any) -> None:
    assert compare(curves(by_rounding, by_seed), window=10)["agree"] is False


def test_the_three_trainings_differ_in_what_they_should(mnist_folder: Path) -> None:
    def train(training: Any) -> list[float]:
        return loss_curve(training, TINY, data=str(mnist_folder), device="cpu").tolist()

    exact, rounded, other = map(train, (FLOAT32, BFLOAT16, OTHER_SEED))
    assert len(exact) == TINY.steps
    assert exact == train(FLOAT32)
    assert exact != rounded
    assert exact == pytest.approx(rounded, rel=0.02)
    assert other != pytest.approx(exact, rel=0.02)


def test_it_writes_a_page_a_picture_and_all_losses(mnist_folder: Path, tmp_path: Path) -> None:
    code = main(["--quick", "--data", str(mnist_folder), "--results", str(tmp_path)])
    base = tmp_path / "precision-moving-mnist"
    found = json.loads(base.with_suffix(".json").read_text(encoding="utf-8"))
    assert code == (0 if found["comparison"]["agree"] else 1)
    assert {len(losses) for losses in found["losses"].values()} == {found["size"]["steps"]}
    assert base.with_suffix(".md").read_text(encoding="utf-8") == page(found)
    assert base.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_too_few_steps_to_smooth_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--steps", "10"])
    assert "--steps must be at least 50, found 10" in capsys.readouterr().err
