"""What results say about the clips that they come from."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from framecast.evaluation.cautions import Cautions
from framecast.frames.batch import Batch
from framecast.runs.run import Run
from framecast.workflows.evaluate import evaluate

MakeRun = Callable[..., Run]


def batch_of(frames: torch.Tensor, mask: torch.Tensor | None = None, context: int = 2) -> Batch:
    return Batch(frames[:, :context], frames[:, context:], mask)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=6),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_repeats_are_counted_as_they_were_planted(repeats: list[list[bool]], masked: bool, seed: int) -> None:
    """Missing values included: a frame that is missing where the one before was is the same there."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand((len(repeats), 5, 1, 3, 3), generator=generator)
    mask = torch.rand(frames.shape, generator=generator) > 0.3 if masked else None
    for clip, steps in enumerate(repeats):
        for step, same in enumerate(steps, start=1):
            if same:
                frames[clip, step] = frames[clip, step - 1]
                if mask is not None:
                    mask[clip, step] = mask[clip, step - 1]
            else:
                frames[clip, step, 0, 0, 0] = frames[clip, step - 1, 0, 0, 0] + 1
                if mask is not None:
                    mask[clip, step, 0, 0, 0] = mask[clip, step - 1, 0, 0, 0] = True
    if mask is not None:  # again, now that cells were uncovered
        repeats = [
            [
                bool((mask[clip, step] == mask[clip, step - 1]).all())
                and bool((frames[clip, step] == frames[clip, step - 1])[mask[clip, step]].all())
                for step in range(1, 5)
            ]
            for clip in range(len(repeats))
        ]
        frames = torch.where(mask, frames, 0.0)
    whole, parts = Cautions(), Cautions()
    whole.add(batch_of(frames, mask))
    for clip in range(len(repeats)):
        parts.add(batch_of(frames[clip : clip + 1], None if mask is None else mask[clip : clip + 1]))
    assert whole.repeated_share == parts.repeated_share == pytest.approx(np.mean(repeats))


def test_a_value_that_is_missing_is_no_zero() -> None:
    frames = torch.zeros(1, 3, 1, 2, 2)
    mask = torch.ones(frames.shape, dtype=torch.bool)
    mask[0, 1, 0, 0, 0] = False
    found = Cautions()
    found.add(batch_of(frames, mask))
    assert found.repeated_share == 0


def test_channels_that_are_not_forecast_do_not_count() -> None:
    """The hour hides no repeat, and a map of heights is none."""
    hours = torch.arange(3.0).view(1, 3, 1, 1, 1).expand(1, 3, 1, 2, 2)
    for rain, share in ((torch.ones(1, 3, 1, 2, 2), 1.0), (torch.rand(1, 3, 1, 2, 2), 0.0)):
        found = Cautions()
        found.add(batch_of(torch.cat([rain, hours, torch.ones(1, 3, 1, 2, 2)], dim=2)), [0])
        assert found.repeated_share == share


@pytest.mark.parametrize(("repeats", "said"), [(1, False), (2, True)])
def test_more_than_a_twentieth_is_worth_a_sentence(repeats: int, said: bool) -> None:
    frames = torch.arange(21.0).view(1, 21, 1, 1, 1).clone()
    for step in range(1, repeats + 1):
        frames[0, 2 * step] = frames[0, 2 * step - 1]
    found = Cautions()
    found.add(batch_of(frames))
    assert any("repeated frames flatter persistence" in sentence for sentence in found.sentences()) == said


def test_frames_without_any_value_are_told() -> None:
    mask = torch.ones(2, 4, 1, 2, 2, dtype=torch.bool)
    mask[0, 0], mask[0, 3], mask[1, 2] = False, False, False  # the first lies in the context
    found = Cautions()
    found.add(batch_of(torch.rand(mask.shape), mask))
    assert found.sentences()[0].startswith("2 of the 4 frames to forecast hold no value at all")


def test_an_evaluation_says_it(make_run: MakeRun, make_source: Any) -> None:
    source = make_source(dtype="float32", has_missing=True)
    for sequence in source.sequences:
        sequence.frames[1] = sequence.frames[0]
        sequence.frames[4] = np.nan
    results = evaluate(make_run(source), source=source)
    assert results.groups == results.sequences == 4
    # Of the four steps of a clip, one repeats in each first clip of a recording and none in the second.
    assert results.repeated_share == pytest.approx(1 / 8)
    told = " ".join(results.warnings)
    assert "12% of the steps between frames" in told
    assert "4 of the 16 frames to forecast hold no value" in told
    assert "4 independent recordings" in told
    assert results.notes[: len(results.warnings)] == results.warnings


def test_a_clip_in_which_everything_is_missing_is_no_example(make_run: MakeRun, make_source: Any) -> None:
    source = make_source(dtype="float32", has_missing=True)
    for sequence in source.sequences:
        if sequence.info.split == "test" and sequence.info.name != "recording-6":
            sequence.frames[3:] = np.nan  # nothing to compare a forecast with
    results = evaluate(make_run(source), source=source)
    assert {example.sequence for example in results.examples} == {"recording-6"}
    assert all(np.isfinite(example.score) for example in results.examples)


def test_all_of_a_source_that_training_saw_comes_with_a_warning(make_run: MakeRun, make_source: Any) -> None:
    source = make_source()
    told = evaluate(make_run(source), source=source, split="all").warnings
    assert any("6 recordings of these have names and frames that the run was trained on" in text for text in told)
