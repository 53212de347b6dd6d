"""Faults planted in recordings: wrong ranges, fill values, repeats, gaps, nothing that moves, nothing that is there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framecast.clips.config import ClipsConfig
from framecast.clips.preparing import prepare_clips
from framecast.clips.splits import SplitConfig
from framecast.diagnosis.check import Check
from framecast.diagnosis.patient import Patient
from framecast.diagnosis.table import CHECKS
from framecast.frames.source import Rejected, Source
from framecast.models.building import build_model
from framecast.runs.findings import Finding
from framecast.runs.run import Run
from framecast.sources.inspection import inspect_source
from framecast.workflows.doctor import doctor

Look = Callable[..., list[Finding]]
MakeSource = Callable[..., Source]
Movie = Callable[..., NDArray[np.float64]]


def inspected(name: str, source: Source, **parts: Any) -> list[Finding]:
    """What a check finds in recordings alone."""
    check: Check = CHECKS.load(name)()
    patient = Patient(subject="planted", find_inspection=lambda: inspect_source(source).as_dict(), **parts)
    return list(check.look(patient))


def test_twelve_bits_in_sixteen(make_source: MakeSource, movie: Movie) -> None:
    narrow = make_source(lambda number: (4000 * movie(number)).astype(np.uint16))
    found = inspected("value-range", narrow)
    assert [finding.severity for finding in found] == ["warning"]
    assert "fill a small part" in found[0].what
    assert "source.value_range=[0, 4095]" in found[0].mend
    assert (
        inspected("value-range", make_source(lambda n: (4000 * movie(n)).astype(np.uint16), value_range=(0, 4095)))
        == []
    )


def test_recordings_of_several_types_have_no_common_range(make_source: MakeSource, movie: Movie) -> None:
    def mixed(number: int) -> NDArray[Any]:
        return (60_000 * movie(number)).astype(np.uint16) if number == 5 else (255 * movie(number)).astype(np.uint8)

    assert inspected("value-range", make_source(mixed)) == []


def test_shares_that_are_taken_for_bytes(make_source: MakeSource, movie: Movie) -> None:
    found = inspected("value-range", make_source(lambda n: movie(n).astype(np.float32), value_range=(0, 255)))
    assert [finding.severity for finding in found] == ["warning"]
    assert "source.value_range=[0, 1]" in found[0].mend


@pytest.mark.parametrize(("top", "severity"), [(1.2, "warning"), (255.0, "fault")])
def test_values_beyond_the_declared_range(make_source: MakeSource, movie: Movie, top: float, severity: str) -> None:
    found = inspected("value-range", make_source(lambda n: (top * movie(n)).astype(np.float32), value_range=(0, 1)))
    assert [finding.severity for finding in found] == [severity]
    assert "outside of the range" in found[0].what


def test_rain_below_zero(make_source: MakeSource, movie: Movie) -> None:
    def rain(number: int) -> NDArray[np.float32]:
        return (10 * movie(number) - 3).astype(np.float32)

    found = inspected("value-range", make_source(rain, units="mm/h", value_range=None))
    assert [(finding.severity, finding.what) for finding in found] == [("warning", "Amounts of rain below 0.")]
    assert inspected("value-range", make_source(rain, units="dBZ", value_range=None)) == []


@pytest.mark.parametrize("fill", [-9999.0, 9999.0])
def test_a_fill_value_among_the_values(make_source: MakeSource, movie: Movie, fill: float) -> None:
    def field(number: int) -> NDArray[np.float32]:
        frames = (10 * movie(number)).astype(np.float32)
        frames[:, :, 0, :3] = fill
        return frames

    found = inspected("value-range", make_source(field, units="mm/h", value_range=None))
    assert [finding.severity for finding in found] == ["warning"]
    assert found[0].mend == f"Set source.missing={fill:g}."


def test_black_and_white_is_no_fill_value(make_source: MakeSource, movie: Movie) -> None:
    assert inspected("value-range", make_source(lambda n: (255 * (movie(n) > 0.5)).astype(np.uint8))) == []


def test_a_normaliser_that_does_not_fit_the_training(look: Look, make_run: Callable[..., Run], source: Source) -> None:
    run = make_run(lambda spec: build_model("convlstm", {"hidden": [2], "patch": 2}, spec))
    assert look("value-range", run=run, recordings=source) == []
    narrow = replace(run.normaliser, high=(100.0,), scale=(100.0,))
    found = look("value-range", run=replace(run, normaliser=narrow), recordings=source)
    assert [finding.severity for finding in found] == ["fault", "warning"]
    assert "does not fit the training data" in found[0].what
    assert "The test holds values" in found[1].what


def test_repeated_frames(make_source: MakeSource, movie: Movie) -> None:
    found = inspected("repeated-frames", make_source(lambda n: (255 * movie(n)).astype(np.uint8).repeat(2, axis=0)))
    assert [finding.severity for finding in found] == ["warning"]
    assert "51% of the frames" in found[0].evidence
    assert "drop_repeats" in found[0].mend


def test_missing_values(make_source: MakeSource, movie: Movie) -> None:
    def field(number: int, lost: int) -> NDArray[np.float32]:
        frames = movie(number).astype(np.float32)
        frames[:, :, :lost] = np.nan
        return frames

    for lost, severity in ((3, ["note"]), (11, ["warning"])):
        gappy = make_source(lambda n, lost=lost: field(n, lost), has_missing=True, value_range=None)
        assert [finding.severity for finding in inspected("recordings", gappy)] == severity
    empty = make_source(lambda n: field(n, 12 if n == 3 else 0), has_missing=True, value_range=None)
    found = inspected("recordings", empty)
    assert "first 'recording-3'" in found[0].evidence
    assert found[0].severity == "warning"


def test_recordings_in_which_nothing_happens(make_source: MakeSource, movie: Movie) -> None:
    def content(number: int) -> NDArray[np.uint8]:
        frames = (255 * movie(number)).astype(np.uint8)
        return np.full_like(frames, 7) if number == 2 else frames[:1].repeat(20, 0) if number == 5 else frames

    found = inspected("recordings", make_source(content))
    assert [(finding.severity, "first 'recording-2'" in finding.evidence) for finding in found] == [
        ("warning", True),
        ("warning", False),
    ]
    assert "first 'recording-5'" in found[1].evidence


def test_missing_values_that_are_cropped_away(make_source: MakeSource, movie: Movie) -> None:
    def ringed(number: int) -> NDArray[np.float32]:
        frames = movie(number).astype(np.float32)
        frames[:, :, [0, 1, -1, -2]] = np.nan
        return frames

    radar = make_source(ringed, has_missing=True, value_range=None)
    for crop, evidence in ((None, ["33.3% of the values that were read."]), (8, []), (10, ["20.0% of the values ins"])):
        config = ClipsConfig(context=4, horizon=3, crop=crop, crop_at=(0.5, 0.5) if crop else None)
        found = inspected("recordings", radar, find_clips=lambda config=config: prepare_clips(radar, config))
        assert [finding.evidence.startswith(start) for finding, start in zip(found, evidence, strict=True)] == [
            True
        ] * len(evidence)


def test_gaps_in_time(make_source: MakeSource) -> None:
    whole = make_source(group="radar")
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def at(seconds: list[float]) -> Source:
        placed = [
            type(one)(replace(one.info, start_time=start + timedelta(seconds=second)), one.frames)  # pyright: ignore[reportAttributeAccessIssue]
            for one, second in zip(whole.sequences, seconds, strict=True)
        ]
        return replace(whole, sequences=tuple(placed))

    lasts = 20 * 0.5
    assert inspected("recordings", at([lasts * place for place in range(16)])) == []
    found = inspected("recordings", at([lasts * place + (60 if place > 9 else 0) for place in range(16)]))
    assert [finding.severity for finding in found] == ["note"]
    assert "1, the longest of 60 seconds before 'recording-10'" in found[0].evidence


def test_files_that_cannot_be_read(source: Source) -> None:
    damaged = replace(source, rejected=(Rejected("film.avi", "it is cut off"),))
    found = inspected("recordings", damaged)
    assert "first 'film.avi': it is cut off." in found[0].evidence
    named = replace(source, rejected=(Rejected("film.avi", "'film.avi' is cut off"),))
    assert inspected("recordings", named)[0].evidence == "1, first 'film.avi' is cut off."


def test_too_few_to_divide(make_source: MakeSource) -> None:
    found = inspected("recordings", make_source(official=False, count=2))
    assert [finding.severity for finding in found] == ["note"]
    assert "too few recordings" in found[0].what


@pytest.mark.parametrize(("test", "found"), [(0.1, ["2 of 16 groups"]), (0.4, [])])
def test_too_few_in_the_test(make_source: MakeSource, test: float, found: list[str]) -> None:
    many, split = make_source(official=False), SplitConfig(train=0.4, test=test, validation=0.1)
    config = ClipsConfig(context=4, horizon=3, split=split)
    said = inspected("recordings", many, find_clips=lambda: prepare_clips(many, config))
    assert [finding.severity for finding in said] == ["note"] * len(found)
    assert all(text in finding.evidence for text, finding in zip(found, said, strict=True))


def test_recordings_that_training_would_refuse(make_source: MakeSource, movie: Movie) -> None:
    short = make_source(lambda n: (255 * movie(n, num_frames=5)).astype(np.uint8))
    diagnosis = doctor(short)
    refused = next(finding for finding in diagnosis.findings if "refuse" in finding.what)
    assert "5 frames" in refused.evidence
    assert "5 frames" in diagnosis.skipped["split-overlap"]


def test_a_split_that_training_would_refuse_to_leave_empty(make_source: MakeSource) -> None:
    diagnosis = doctor(make_source(official=False, count=1), clips=ClipsConfig(context=4, horizon=3))
    refused = next(finding for finding in diagnosis.findings if "refuse" in finding.what)
    assert "The longest clip that fits has" in refused.evidence


def test_a_split_without_clips(make_source: MakeSource) -> None:
    one = make_source(official=False, count=1)
    config = ClipsConfig(context=4, horizon=3)
    found = inspected("recordings", one, find_clips=lambda: prepare_clips(one, config, required=()))
    assert "No clip falls into validation and test." in [finding.what for finding in found]
