"""Times and counters in names: what is guessed, what is not, what can be set, and where sequences are cut."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.images.name_times import TimePattern, counters, guess_pattern, missing_numbers
from framecast.sources.open import open_source

START = datetime(2020, 8, 26, 0, 5)


def paths(*stems):
    return [Path(f"{stem}.png") for stem in stems]


def save(folder, *stems, ending="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for number, stem in enumerate(stems):
        Image.fromarray(np.full((4, 6), number, np.uint8)).save(folder / f"{stem}.{ending}")
    return folder


def every_five_minutes(count, text="RAD_%Y%m%d%H%M", start=START):
    return [(start + timedelta(minutes=5 * index)).strftime(text) for index in range(count)]


@pytest.mark.parametrize(
    "text",
    [
        "%Y%m%d%H%M",
        "RAD_NL25_RAP_5min_%Y%m%d%H%M",
        "%Y%m%d_%H%M",
        "%Y-%m-%dT%H-%M-%S",
        "rain %Y-%m-%d %H.%M",
        "%Y%m%dT%H%MZ",
        "cam1_%Y_%m_%d_%H_%M_%S_left",
        "%Y.%m.%d-%H%M%S",
    ],
)
def test_times_are_guessed_in_the_usual_ways_of_writing_them(text):
    names = paths(*every_five_minutes(40, text))
    pattern = guess_pattern(names)
    assert pattern is not None
    zone = UTC if "Z" in text else None
    expected = [(START + timedelta(minutes=5 * index)).replace(tzinfo=zone) for index in range(40)]
    assert [pattern.time_of(name) for name in names] == expected


def test_days_are_times():
    names = paths("ndvi_20200830", "ndvi_20200831", "ndvi_20200901")
    pattern = guess_pattern(names)
    assert pattern is not None
    assert pattern.text == "%Y%m%d"
    assert [pattern.time_of(name).day for name in names] == [30, 31, 1]


def test_minutes_are_told_from_a_counter_by_the_hour():
    names = paths("20200826_1158", "20200826_1159", "20200826_1200", "20200826_1201", "20200826_1202")
    pattern = guess_pattern(names)
    assert pattern is not None
    assert [pattern.time_of(name).minute for name in names] == [58, 59, 0, 1, 2]


@pytest.mark.parametrize(
    "stems",
    [
        ["202008260005"],  # one file has no time step
        ["t1", "t2", "t3"],
        ["20200826_0001", "20200826_0002", "20200826_0003"],  # a counter beside a date
        ["20200826_0001", "20200826_0002", "20200826_0003", "20200826_0005"],  # the same, and one is missing
        ["20200826_000001", "20200826_000002"],
        ["202008260000", "202008260005", "note"],  # one does not fit
        ["20200826_0000", "20200826-0005"],  # not written alike
        ["202008260005_202008260010", "202008260010_202008260015"],  # which of the two?
        ["202013010000", "202014010000"],  # no such month
        ["999920200826", "999920200827"],  # part of a longer number
        ["IMG_0001", "IMG_0002"],
        ["1598400300", "1598400600"],  # seconds since 1970, or a counter: only when set
        ["b_202008260005", "c_202008260005"],  # the same time twice
    ],
)
def test_what_is_not_clearly_a_time_is_not_guessed(stems):
    assert guess_pattern(paths(*stems)) is None


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("%Y%m%d_%H%M%S.%f", "x_20200826_000510.25.png", datetime(2020, 8, 26, 0, 5, 10, 250_000)),
        ("%d-%m-%y %Hh%M", "26-08-20 00h05.png", START),
        ("A%Y%j", "A2020239.tif", datetime(2020, 8, 26)),
        ("%s", "1598400300.png", datetime(2020, 8, 26, 0, 5, tzinfo=UTC)),
        ("%Y%m%d/%H%M", "20200826/0005.png", START),
        ("100%%_%Y%m%d", "100%_20200826.png", datetime(2020, 8, 26)),
        ("%Y%m%d", "2020082600.png", None),  # a longer number
        ("%Y%m%d", "20201341.png", None),
        ("%Y%j", "2021366.png", None),
        ("%Y%m%d%H", "2020082624.png", None),
    ],
)
def test_a_pattern_reads_what_it_says(text, name, expected):
    assert TimePattern.parse(text).time_of(Path("/folder", name)) == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(2069, 1, 1)).map(lambda time: time.replace(microsecond=0)))
def test_a_time_that_was_written_by_a_pattern_is_read_by_it(time):
    for text in ("%Y%m%d%H%M%S", "x %d.%m.%Y, %H-%M-%S y", "%Y-%j_%H%M%S"):
        # Not strftime's %Y, which does not pad years on every system.
        name = time.strftime(text.replace("%Y", f"{time.year:04d}"))
        assert TimePattern.parse(text).time_of(Path(f"{name}.png")) == time


@pytest.mark.parametrize("text", ["%H%M", "%Y%m", "%Y%m%d%Q", "%Y%m%d%Y", "%Y%m%d%", "nothing"])
def test_patterns_that_tell_no_time_are_refused(text, tmp_path):
    save(tmp_path, "a")
    with pytest.raises(ConfigurationError, match="time pattern"):
        open_source(tmp_path, options={"time_pattern": text})


def test_counters_are_the_one_number_that_changes():
    assert counters(paths("run2_t1", "run2_t2", "run2_t10")) == (1, 2, 10)
    assert counters(paths("a1_b1", "a2_b2")) is None
    assert counters(paths("a1", "b2")) is None
    assert counters(paths("same")) is None


@given(st.sets(st.integers(0, 199), max_size=40), st.integers(1, 5))
def test_numbers_that_are_missing_from_a_count_are_found(lost, step):
    kept = [number for number in range(200) if number not in lost]
    places = missing_numbers([number * step for number in kept])
    assert [kept[place] for place in places] == [
        number for number in kept if number - 1 in lost and any(other < number for other in kept)
    ]


def test_numbers_that_are_no_count_have_no_gaps():
    assert missing_numbers([1, 2, 10, 100]) == ()
    assert missing_numbers([7]) == ()


def test_names_give_times_and_a_note_says_how(tmp_path):
    names = every_five_minutes(6)
    source = open_source(save(tmp_path / "rain", *names))
    (sequence,) = source.sequences
    assert (sequence.info.name, sequence.info.start_time, sequence.info.step_seconds) == ("rain", START, 300.0)
    assert source.notes == (
        f"Times were read from names as %Y%m%d%H%M ('{names[0]}.png' is 2020-08-26 00:05:00); set source.time_pattern "
        "to change it, or to none.",
    )
    off = open_source(tmp_path / "rain", options={"time_pattern": "none"})
    assert off.notes == ()
    assert (off.sequences[0].info.start_time, off.sequences[0].info.step_seconds) == (None, None)
    assert open_source(tmp_path / "rain", options={"step_seconds": 60}).sequences[0].info.step_seconds == 60


def test_a_sequence_is_cut_where_times_are_missing(tmp_path):
    names = every_five_minutes(12)
    source = open_source(save(tmp_path / "rain", *names[:5], *names[6:9], *names[11:]))
    infos = [sequence.info for sequence in source.sequences]
    assert [(info.name, info.num_frames, info.group) for info in infos] == [
        ("rain@20200826T0005", 5, "rain@20200826T0005"),
        ("rain@20200826T0035", 3, "rain@20200826T0035"),
        ("rain@20200826T0100", 1, "rain@20200826T0100"),
    ]
    assert {info.step_seconds for info in infos} == {300.0}
    assert infos[1].start_time == datetime(2020, 8, 26, 0, 35)
    assert source.sequences[1].read()[:, 0, 0, 0].tolist() == [5, 6, 7]
    assert source.notes[-1] == (
        f"Images are missing before '{names[6]}.png' and in 1 more place; sequences were cut there. Set "
        "source.gaps=ignore to read on."
    )
    together = open_source(tmp_path / "rain", options={"group_pattern": "[^@]+"}).sequences
    assert {sequence.info.group for sequence in together} == {"rain"}
    read_over = open_source(tmp_path / "rain", options={"gaps": "ignore"})
    (entire,) = read_over.sequences
    assert (entire.info.num_frames, entire.info.start_time) == (9, None)
    assert read_over.notes[-1] == (
        "Images are missing in 'rain', which is read on over the gaps: when its frames were taken is unknown."
    )


def test_a_sequence_is_cut_where_numbers_are_missing(tmp_path):
    source = open_source(save(tmp_path / "cells", "t1", "t2", "t3", "t5", "t6"))
    assert [(one.info.name, one.info.num_frames) for one in source.sequences] == [("cells@t1", 3), ("cells@t5", 2)]
    assert "Images are missing before 't5.png'; sequences were cut there." in source.notes[0]


def test_names_round_times_and_that_is_no_gap(tmp_path):
    times = [START + timedelta(seconds=int(7.5 * index)) for index in range(20)]
    (sequence,) = open_source(save(tmp_path, *(time.strftime("%Y%m%d_%H%M%S") for time in times))).sequences
    assert sequence.info.step_seconds == pytest.approx(7.5, abs=0.05)


def test_uneven_times_are_no_recording_at_an_even_pace(tmp_path):
    minutes = [0, 1, 17, 80, 95, 400, 402]
    names = [(START + timedelta(minutes=minute)).strftime("%Y%m%dT%H%M") for minute in minutes]
    (sequence,) = open_source(save(tmp_path, *names)).sequences
    assert (sequence.info.num_frames, sequence.info.step_seconds) == (7, None)


def test_a_pattern_that_is_set_orders_the_frames(tmp_path):
    save(tmp_path, "01-09-2020", "30-08-2020", "31-08-2020", "legend")
    source = open_source(tmp_path, options={"time_pattern": "%d-%m-%Y"})
    (sequence,) = source.sequences
    assert sequence.read()[:, 0, 0, 0].tolist() == [1, 2, 0]
    assert (sequence.info.start_time, sequence.info.step_seconds) == (datetime(2020, 8, 30), 86400.0)
    assert [(Path(one.path).name, "no time" in one.reason) for one in source.rejected] == [("legend.png", True)]


def test_a_pattern_that_fits_nothing_or_not_uniquely_is_told(tmp_path):
    save(tmp_path, "cam1_202008260005", "cam2_202008260005")
    with pytest.raises(SourceError, match=r"No time is found by source\.time_pattern=%Y-%m-%d"):
        open_source(tmp_path, options={"time_pattern": "%Y-%m-%d"})
    with pytest.raises(SourceError, match="have the same time, 2020-08-26 00:05:00"):
        open_source(tmp_path, options={"time_pattern": "%Y%m%d%H%M"})


def test_days_in_the_names_of_folders_are_found(tmp_path):
    for day in ("20200826", "20200827"):
        save(tmp_path / day, "0000", "0005", "0010")
    infos = [sequence.info for sequence in open_source(tmp_path, options={"time_pattern": "%Y%m%d/%H%M"}).sequences]
    assert [(info.start_time.day, info.step_seconds) for info in infos] == [(26, 300.0), (27, 300.0)]


@pytest.mark.parametrize("stems", [["a", "b", "c", "d"], ["t1", "t2", "t3", "t4"], every_five_minutes(4)])
def test_an_image_that_cannot_be_read_is_a_gap(stems, tmp_path):
    save(tmp_path / "x", *stems)
    lost = tmp_path / "x" / f"{stems[2]}.png"
    lost.write_bytes(b"no picture")
    source = open_source(tmp_path / "x")
    assert [sequence.info.num_frames for sequence in source.sequences] == [2, 1]
    assert [one.path for one in source.rejected] == [str(lost)]
    assert source.rejected[0].reason.startswith("It cannot be read; it may be damaged or cut off (")
    assert str(lost) not in source.rejected[0].reason
    (entire,) = open_source(tmp_path / "x", options={"gaps": "ignore"}).sequences
    assert entire.info.num_frames == 3
