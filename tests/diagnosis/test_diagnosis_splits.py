"""Faults planted in the division of recordings: common frames, divided groups, copies, statistics of the test."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from framecast.clips.channel_statistics import ChannelStatistics
from framecast.clips.clip_sets import ClipSets
from framecast.clips.config import ClipsConfig
from framecast.clips.leaks import find_leaks, load_leaks
from framecast.clips.preparing import prepare_clips
from framecast.clips.splits import SplitConfig, Splits
from framecast.clips.transforms import Transform
from framecast.clips.windows import Segment, enumerate_windows
from framecast.diagnosis.patient import CannotLook
from framecast.frames.errors import RunError
from framecast.frames.sequence import Split
from framecast.frames.source import Source
from framecast.runs.findings import Finding
from framecast.runs.folder import RunFolder
from framecast.runs.run import Run, save_weights

Look = Callable[..., list[Finding]]
MakeSource = Callable[..., Source]

CONFIG = ClipsConfig(context=4, horizon=3)


def found_in(look: Look, name: str, clips: ClipSets) -> list[Finding]:
    return look(name, clips=clips)


def divided(clips: ClipSets, **segments: tuple[Segment, ...]) -> ClipSets:
    """The same source, with other pieces for some splits."""
    pieces: dict[Split, tuple[Segment, ...]] = {**clips.splits.segments, **segments}  # type: ignore[dict-item]
    sets: dict[str, Any] = {
        split: replace(clips.of(split), windows=enumerate_windows(pieces[split], span=7, stride=3)) for split in pieces
    }
    return replace(clips, splits=Splits(clips.splits.method, pieces), **sets)


def test_frames_that_are_in_two_splits(look: Look, source: Source) -> None:
    clips = prepare_clips(source, CONFIG)
    assert found_in(look, "split-overlap", clips) == []
    shared = divided(clips, test=(*clips.splits.segments["test"], Segment(2, 6, 20)))
    found = found_in(look, "split-overlap", shared)
    assert [finding.severity for finding in found] == ["fault", "warning"], "its frames, and so its group"
    assert found[0].what == "The train and test splits share frames."
    assert "first 'recording-2'" in found[0].evidence
    assert "13 of " in found[0].evidence


def test_windows_that_reach_over_a_border(look: Look, source: Source) -> None:
    """The pieces are apart, and a window is not inside of its piece."""
    clips = prepare_clips(source, replace(CONFIG, split=SplitConfig(by="time", gap=0)), required=())
    clips = divided(clips, train=(Segment(0, 0, 10),), validation=(), test=(Segment(0, 10, 20),))
    assert found_in(look, "split-overlap", clips) == []
    crossing = enumerate_windows([Segment(0, 5, 20)], span=7, stride=3)
    found = found_in(look, "split-overlap", replace(clips, test=replace(clips.test, windows=crossing)))
    assert [(finding.severity, finding.what) for finding in found] == [
        ("fault", "The train and test splits share frames.")
    ]
    assert found[0].evidence.startswith("5 of 13 test frames")


def test_groups_that_are_divided(look: Look, make_source: MakeSource) -> None:
    people = make_source(official=False)
    sequences = tuple(
        type(one)(replace(one.info, group=f"person-{place % 5}"), one.frames)  # pyright: ignore[reportAttributeAccessIssue]
        for place, one in enumerate(people.sequences)
    )
    people = replace(people, sequences=sequences)
    by_group = prepare_clips(people, replace(CONFIG, split=SplitConfig(by="group")))
    assert found_in(look, "split-overlap", by_group) == []
    by_sequence = prepare_clips(people, replace(CONFIG, split=SplitConfig(by="sequence")))
    found = found_in(look, "split-overlap", by_sequence)
    assert [finding.severity for finding in found] == ["warning"]
    assert "of 5 groups" in found[0].evidence


def test_an_edited_list_of_splits(own_run: Callable[..., RunFolder], look: Look, source: Source) -> None:
    folder = own_run()
    content = json.loads(folder.splits.read_text())
    run = Run.open(folder.path)
    assert look("split-overlap", run=run, recordings=source) == []
    content["train"].append(content["test"][0])
    folder.splits.write_text(json.dumps(content))
    found = look("split-overlap", run=run, recordings=source)
    assert [finding.severity for finding in found] == ["fault", "fault"]
    assert "as splits.json says" in found[0].evidence
    assert f"1 of 5 sequences, first '{content['test'][0][0]}'" in found[1].evidence


def test_recordings_that_were_renamed(own_run: Callable[..., RunFolder], look: Look, source: Source) -> None:
    folder = own_run()
    content = json.loads(folder.splits.read_text())
    content["train"].append(["an-earlier-name", 0, 20])
    folder.splits.write_text(json.dumps(content))
    assert look("split-overlap", run=Run.open(folder.path), recordings=source) == [], "removed, and nothing is new"
    renamed = content["test"].pop()[0]
    folder.splits.write_text(json.dumps(content))
    found = look("split-overlap", run=Run.open(folder.path), recordings=source)
    assert [finding.severity for finding in found] == ["warning"]
    assert f"1 unknown, first '{renamed}'; 1 gone, first 'an-earlier-name'" in found[0].evidence


def copy_of(first: int, second: int, movie: Callable[..., NDArray[np.float64]]) -> Callable[[int], NDArray[np.uint8]]:
    """Recordings of which one is another under its own name."""
    return lambda number: (255 * movie(second if number == first else number, size=32)).astype(np.uint8)


def test_a_copy_of_a_training_recording_in_the_test(
    look: Look, make_source: MakeSource, movie: Callable[..., NDArray[np.float64]]
) -> None:
    clips = prepare_clips(make_source(copy_of(13, 2, movie)), CONFIG)
    found = look("leaks", clips=clips, find_leaks=lambda: find_leaks(clips))
    assert found[0].severity == "fault"
    assert found[0].evidence.startswith("20 of 100 test frames, first frame 0 of 'recording-13' (frame 0 of 'recor")
    assert found_in(look, "validation-is-test", clips) == []


def test_similar_clips_are_a_warning(
    look: Look, make_source: MakeSource, movie: Callable[..., NDArray[np.float64]]
) -> None:
    def darker(number: int) -> NDArray[np.uint8]:
        return ((230 if number == 13 else 255) * movie(2 if number == 13 else number, size=32)).astype(np.uint8)

    clips = prepare_clips(make_source(darker), CONFIG)
    found = look("leaks", clips=clips, find_leaks=lambda: find_leaks(clips))
    assert [finding.severity for finding in found] == ["warning"]
    assert "clips, first at frame 0 of 'recording-13' (frame 0 of 'recording-2')." in found[0].evidence


@pytest.mark.parametrize(("copies", "severity"), [(1, "warning"), (3, "fault")])
def test_a_validation_that_is_the_test(
    look: Look, make_source: MakeSource, movie: Callable[..., NDArray[np.float64]], copies: int, severity: str
) -> None:
    def content(number: int) -> NDArray[np.uint8]:
        original = number - 3 if 11 <= number < 11 + copies else number  # 8, 9, 10 are the validation
        return (255 * movie(original)).astype(np.uint8)

    found = found_in(look, "validation-is-test", prepare_clips(make_source(content), CONFIG))
    assert [finding.severity for finding in found] == [severity]
    assert f"{20 * copies} of 100 test frames are validation frames" in found[0].evidence


def test_where_there_is_nothing_to_compare(look: Look, make_source: MakeSource) -> None:
    drawn = prepare_clips(make_source(path=None), CONFIG)
    for name in ("leaks", "validation-is-test"):
        with pytest.raises(CannotLook, match="nothing to compare"):
            look(name, clips=drawn, find_leaks=lambda: find_leaks(drawn))
    with pytest.raises(CannotLook, match="leak_frames=0"):
        look("leaks", clips=drawn)


def test_leaks_come_back_from_their_file(
    make_source: MakeSource, movie: Callable[..., NDArray[np.float64]], tmp_path: Any
) -> None:
    report = find_leaks(prepare_clips(make_source(copy_of(13, 2, movie)), CONFIG))
    assert report is not None
    path = tmp_path / "leaks.json"
    assert load_leaks(path) is None
    path.write_text(report.to_json())
    assert load_leaks(path) == report
    path.write_text("{}")
    with pytest.raises(RunError, match=r"leaks\.json' is not a report"):
        load_leaks(path)


@pytest.fixture
def rising(make_source: MakeSource, movie: Callable[..., NDArray[np.float64]]) -> Source:
    """Floats, of which the test holds higher ones than the training."""
    return make_source(lambda number: ((1 + 0.1 * number) * movie(number)).astype(np.float32))


@pytest.mark.parametrize("kind", ["unit", "standard"])
def test_a_normaliser_that_knows_the_test(train_own: Callable[..., Run], look: Look, rising: Source, kind: str) -> None:
    run = train_own(rising, steps=2, clips={"context": 4, "horizon": 3, "normaliser": kind})
    assert look("fitted-on-test", run=run, recordings=rising) == []
    statistics = ChannelStatistics(1, Transform())
    for sequence in rising.sequences:
        statistics.add(sequence.read())
    low, high = tuple(statistics.low), tuple(statistics.high)
    offset, scale = (low, tuple(statistics.high - statistics.low))
    if kind == "standard":
        offset, scale = tuple(statistics.mean), tuple(np.sqrt(statistics.squares / statistics.count))
    assert low != run.normaliser.low or high != run.normaliser.high
    leaked = replace(run.normaliser, low=low, high=high, offset=offset, scale=scale)
    found = look("fitted-on-test", run=replace(run, normaliser=leaked), recordings=rising)
    assert [finding.severity for finding in found if "normaliser" in finding.what] == ["fault"]


def test_a_normaliser_of_the_test_alone(train_own: Callable[..., Run], look: Look, rising: Source) -> None:
    run = train_own(rising, steps=2, clips={"context": 4, "horizon": 3, "normaliser": "standard"})
    test = np.concatenate([one.read() for one in rising.sequences if one.info.split == "test"]).astype(np.float64)
    leaked = replace(run.normaliser, offset=(float(test.mean()),), scale=(float(test.std()),))
    found = look("fitted-on-test", run=replace(run, normaliser=leaked), recordings=rising)
    assert [finding.severity for finding in found if "normaliser" in finding.what] == ["fault"]
    assert "a fit to the test's frames" in found[0].evidence


def test_a_normaliser_of_other_recordings(train_own: Callable[..., Run], look: Look, rising: Source) -> None:
    run = train_own(rising, steps=2)
    high = tuple(3 * value for value in run.normaliser.high)
    other = replace(run.normaliser, high=high, scale=high)
    found = look("fitted-on-test", run=replace(run, normaliser=other), recordings=rising)
    assert "does not follow from the training frames" in found[0].what
    assert found[0].severity == "warning"


@pytest.mark.parametrize(("splits", "said"), [(("test",), "the test"), (("train", "validation", "test"), "all clips")])
def test_a_climatology_that_knows_the_test(
    own_run: Callable[..., RunFolder], look: Look, source: Source, splits: tuple[Split, ...], said: str
) -> None:
    folder = own_run()
    run = Run.open(folder.path)
    assert look("fitted-on-test", run=run, recordings=source) == []
    sets = prepare_clips(source, run.config.clips)
    frames = torch.cat(
        [sets.of(split).plain().batch(range(len(sets.of(split)))).frames.flatten(0, 1) for split in splits]
    )
    save_weights({**load_file(folder.baselines), "climatology.average": frames.mean(dim=0)}, folder.baselines)
    found = look("fitted-on-test", run=run, recordings=source)
    assert [finding.severity for finding in found] == ["fault"]
    assert f"the mean of {said}" in found[0].evidence
