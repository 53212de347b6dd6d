"""Clips that are drawn where they are used are those that would have been read, bit for bit."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from framecast.clips.augment import AugmentConfig
from framecast.clips.clip_set import ClipSet
from framecast.clips.config import ClipsConfig
from framecast.clips.late_drawing import draw_late
from framecast.clips.loader import ClipLoader
from framecast.clips.preparing import prepare_clips
from framecast.frames.drawing import Drawing
from framecast.frames.errors import ConfigurationError
from framecast.sources.open import open_source

CPU = torch.device("cpu")
CONFIG = ClipsConfig(context=3, horizon=2, frame_step=2, stride=1, augment=AugmentConfig(noise=0.1))


def digits(config: ClipsConfig = CONFIG, **changes: Any) -> ClipSet:
    options = {"canvas": 20, "digit_size": 9, "digits": 2, "num_frames": 12, "train_sequences": 10, "fresh": True}
    return prepare_clips(open_source("moving-digits", options=options | changes), config, seed=5).train


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_epoch_is_the_same_drawn_as_read(num_workers: int) -> None:
    clips = digits()
    late = draw_late(clips, True, CPU)
    assert isinstance(late.native_batch([3]).frames, Drawing)
    read = ClipLoader(clips, batch_size=7, shuffle=True, seed=3)
    drawn = ClipLoader(late, batch_size=7, shuffle=True, seed=3, num_workers=num_workers)
    seen: list[torch.Tensor] = []
    for epoch, start_batch in ((0, 0), (1, 0), (4, 2)):
        for loader in (read, drawn):
            loader.set_epoch(epoch, start_batch=start_batch)
        batches = [batch.frames for batch in read]
        assert [len(one) for one in batches] == [len(batch) for batch in drawn]
        assert all(torch.equal(one, batch.frames) for one, batch in zip(batches, drawn, strict=True))
        seen.append(batches[-1])
    assert not torch.equal(seen[0], seen[1])  # fresh digits, fresh noise


def test_without_fresh_data_every_epoch_is_the_same_and_still_drawn() -> None:
    clips = digits(ClipsConfig(context=3, horizon=2), fresh=False)
    late = draw_late(clips, True, CPU)
    for epoch in (0, 5):
        assert torch.equal(late.at_epoch(epoch).batch(range(6)).frames, clips.batch(range(6)).frames)


def test_a_drawing_is_much_smaller_than_its_frames() -> None:
    native = draw_late(digits(), True, CPU).native_batch(range(8)).frames
    assert isinstance(native, Drawing)
    assert sum(tensor.nbytes for tensor in (native.digits, native.corners)) < native.draw().nbytes / 8


@pytest.mark.parametrize(
    ("choice", "device", "late"),
    [
        (False, "cuda", False),
        (False, "cpu", False),
        ("auto", "cpu", False),
        ("auto", "mps", False),
        ("auto", "cuda", True),
        (True, "cpu", True),
    ],
)
def test_who_draws(*, choice: Any, device: str, late: bool) -> None:
    assert draw_late(digits(), choice, torch.device(device)).draws_late is late


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({"size": 10}, "own size and colour"),
        ({"color": "rgb"}, "own size and colour"),
        ({"augment": AugmentConfig(flip_vertical=True)}, "without flips and turns"),
        ({"augment": AugmentConfig(flip_horizontal=True)}, "without flips and turns"),
        ({"augment": AugmentConfig(quarter_turns=True)}, "without flips and turns"),
    ],
)
def test_what_cannot_be_drawn_is_read_or_refused(changes: dict[str, Any], needs: str) -> None:
    clips = digits(ClipsConfig(context=3, horizon=2, **changes))
    assert not draw_late(clips, "auto", torch.device("cuda")).draws_late
    with pytest.raises(ConfigurationError, match=rf"^training\.draw_on_device=true needs .*{needs}") as error:
        draw_late(clips, True, CPU)
    assert "\n" not in str(error.value)


def test_recordings_are_read(make_source: Callable[..., Any]) -> None:
    clips = prepare_clips(make_source([12] * 4), ClipsConfig(context=3, horizon=2)).train
    assert not draw_late(clips, "auto", torch.device("cuda")).draws_late
    with pytest.raises(ConfigurationError, match="found 'memory' of kind memory"):
        draw_late(clips, True, CPU)


def test_grey_digits_asked_for_in_grey_and_in_their_own_size_can_be_drawn() -> None:
    clips = digits(ClipsConfig(context=3, horizon=2, color="grey", size=20))
    assert torch.equal(draw_late(clips, True, CPU).batch([2, 0]).frames, clips.batch([2, 0]).frames)
