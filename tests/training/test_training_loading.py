"""Loading beside the training: where digits are drawn changes no bit, and waiting is measured and said."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from framecast.clips.clip_set import ClipSet
from framecast.clips.clip_sets import ClipSets
from framecast.clips.config import ClipsConfig
from framecast.clips.preparing import prepare_clips
from framecast.frames.batch import Batch
from framecast.frames.drawing import Drawing
from framecast.frames.errors import ConfigurationError
from framecast.sources.open import open_source
from framecast.training.waiting import TimedWaiting
from framecast.workflows.plan import plan
from framecast.workflows.train import prepare_training


def digits(**changes: Any) -> ClipSets:
    """16 training sequences, other ones in every epoch."""
    options = {"canvas": 16, "digit_size": 8, "num_frames": 5, "train_sequences": 16, "validation_sequences": 2}
    options |= {"test_sequences": 1, "fresh": True}
    return prepare_clips(open_source("moving-digits", options=options), ClipsConfig(context=3, horizon=2, **changes))


def same_weights(one: Path, other: Path) -> bool:
    first, second = (load_file(folder / "weights.safetensors") for folder in (one, other))
    return all(torch.equal(first[name], second[name]) for name in first)


def test_digits_drawn_by_the_device_train_the_same_model(
    make_trainer: Callable[..., Any], make_watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[bool] = []
    native_batch = ClipSet.native_batch

    def noted(self: ClipSet, indices: Any) -> Any:
        batch = native_batch(self, indices)
        if self.split == "train":
            drawn.append(isinstance(batch.frames, Drawing))
        return batch

    monkeypatch.setattr(ClipSet, "native_batch", noted)
    make_trainer("read", clips=digits(), draw_on_device=False).run()
    assert set(drawn) == {False}
    drawn.clear()
    make_trainer("drawn", clips=digits(), draw_on_device=True).run()
    assert set(drawn) == {True}
    assert same_weights(tmp_path / "read", tmp_path / "drawn")
    # And a training may change its mind when it is resumed.
    make_trainer("both", clips=digits(), draw_on_device=True, watch=make_watch(interrupt_at=4)).run()
    resumed = make_trainer("both", clips=digits(), draw_on_device=False)
    resumed.restore()
    assert resumed.run() == "finished"
    assert same_weights(tmp_path / "read", tmp_path / "both")


def test_what_cannot_be_drawn_is_refused_before_anything_is_written(make_config: Callable[..., Any]) -> None:
    config = make_config(training={"draw_on_device": True})
    for refuse in (prepare_training, plan):
        with pytest.raises(ConfigurationError, match=r"training\.draw_on_device=true needs a generator that can draw"):
            refuse(config)


def test_waiting_is_what_passes_between_asking_and_having() -> None:
    def slow() -> Any:
        for _ in range(2):
            time.sleep(0.05)
            yield Batch(torch.zeros(1, 1, 1, 1, 1), torch.zeros(1, 1, 1, 1, 1))

    batches = TimedWaiting(slow())
    begin = time.perf_counter()
    for _ in batches:
        time.sleep(0.1)
    spent = time.perf_counter() - begin
    assert 0.1 <= batches.seconds <= spent - 0.2


def test_the_log_and_the_record_say_how_long_the_loop_waited(
    make_trainer: Callable[..., Any], make_source: Callable[..., Any], make_clips: Callable[..., ClipSets]
) -> None:
    source = make_source()
    for sequence in source.sequences:
        sequence._read = lambda start, stop, frames=sequence.frames: time.sleep(0.01) or frames[start:stop]
    trainer = make_trainer(clips=make_clips(source, cache_gib=0.0), epochs=2)
    trainer.run()
    progress = trainer.progress
    assert 0.06 <= progress.waiting_seconds <= progress.seconds  # at least the six clips of the first batch
    waited = [row["waiting_seconds"] for row in progress.rows]
    assert waited == sorted(waited)
    assert waited[-1] == pytest.approx(progress.waiting_seconds, abs=1e-3)
    assert waited[0] < waited[1]
