"""The teacher: what it lets through, what it refuses at birth, and who may own one."""

import ast
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

import framecast
from framecast.frames.teacher import Teacher

PACKAGE = Path(framecast.__file__).parent


def frames_and_forecast() -> tuple[Tensor, Tensor]:
    frames = torch.arange(3 * 4 * 2 * 2, dtype=torch.float32).view(3, 4, 1, 2, 2)
    return frames, -torch.ones(3, 1, 1, 2, 2)


def mask_of(*rows: str) -> Tensor:
    """One row for each clip; ``#`` is the truth."""
    return torch.tensor([[entry == "#" for entry in row] for row in rows])[:, :, None, None, None]


def test_each_clip_reads_truth_or_forecast_as_its_mask_says() -> None:
    frames, forecast = frames_and_forecast()
    teacher = Teacher(frames, mask_of("##.#", "##..", "#.##"))
    for time, truths in enumerate([(1, 1, 1), (1, 1, 0), (0, 0, 1), (1, 0, 1)]):
        chosen = teacher.input_at(time, forecast)
        assert chosen.shape == (3, 1, 1, 2, 2)
        for clip, truth in enumerate(truths):
            expected = frames[clip, time] if truth else forecast[clip, 0]
            assert torch.equal(chosen[clip, 0], expected)


@pytest.mark.parametrize(
    ("rows", "num_leading"),
    [(("####",) * 3, 4), (("##.#", "###.", "####"), 2), (("#.##", "####", "####"), 1), (("#...",) * 3, 1)],
)
def test_leading_inputs_are_those_before_the_first_forecast_of_any_clip(
    rows: tuple[str, ...], num_leading: int
) -> None:
    assert Teacher(frames_and_forecast()[0], mask_of(*rows)).num_leading == num_leading


def test_gradients_reach_the_forecast_where_it_is_read_and_only_there() -> None:
    frames, forecast = frames_and_forecast()
    forecast.requires_grad_()
    Teacher(frames, mask_of("##", "#.", "#.")[:, [0, 1, 1, 1]]).input_at(1, forecast).sum().backward()
    assert forecast.grad is not None
    assert torch.equal(forecast.grad.flatten(1).sum(dim=1), torch.tensor([0.0, 4.0, 4.0]))


def test_what_is_no_teacher_is_refused_at_birth() -> None:
    frames, _ = frames_and_forecast()
    good = mask_of("####", "####", "####")
    assert Teacher(frames, good).num_leading == 4
    for mask, message in [
        (good[:, :3], r"mask has the shape \(B, T, 1, 1, 1\) = \(3, 4, 1, 1, 1\), not \(3, 3, 1, 1, 1\)"),
        (good[:, :, 0, 0, 0], "mask has the shape"),
        (good.expand(3, 4, 1, 2, 2), "mask has the shape"),
        (good.float(), "mask is bool"),
        (mask_of("####", ".###", "####"), "begins with True"),
    ]:
        with pytest.raises(ValueError, match=message):
            Teacher(frames, mask)
    with pytest.raises(ValueError, match=r"frames are \(B, T, C, H, W\)"):
        Teacher(frames[:, 0], good)


def test_it_shows_shapes_and_no_data() -> None:
    frames, _ = frames_and_forecast()
    shown = repr(Teacher(frames, mask_of("##.#", "##..", "#.##")))
    assert shown == "Teacher(frames=(3, 4, 1, 2, 2), 8 of 12 inputs true)"


def owners(package: Path) -> set[str]:
    """Modules that call ``Teacher(...)``."""
    found: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and re.fullmatch(r"(\w+\.)*Teacher", ast.unparse(node.func)):
                found.add(".".join(path.relative_to(package).with_suffix("").parts))
    return found


def test_training_alone_makes_one_and_the_doctor_who_looks_what_a_model_does_with_it(tmp_path: Path) -> None:
    assert owners(PACKAGE) == {"training.module", "diagnosis.future", "diagnosis.teacher_forcing"}
    (tmp_path / "cheat.py").write_text("from x import teacher\nteacher.Teacher(1, 2)\n", encoding="utf-8")
    assert owners(tmp_path) == {"cheat"}
