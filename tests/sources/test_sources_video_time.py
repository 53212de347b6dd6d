"""Time in videos: uneven files at even steps, steps that are asked for, times that survive writing."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.open import open_source
from framecast.sources.video.mark import VideoMark
from framecast.sources.video.timing import even_frames, timing
from framecast.sources.writing import write_frames

PICTURE = 16


def write_at(path: Path, times: list[int], *, codec: str = "ffv1", pixels: str = "gray") -> Path:
    """A video whose frame i is of the grey 4 i and is shown at times[i] milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=1000, options={"g": "5"})
        stream.height, stream.width, stream.pix_fmt = PICTURE, PICTURE, pixels
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((PICTURE, PICTURE), 4 * index % 256, np.uint8), format="gray")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def stored_frames(sequence, start: int = 0, stop: int | None = None) -> list[int]:
    """Which stored frames were read."""
    frames = sequence.read(start, stop)[:, 0, 0, 0].astype(float)
    return np.rint(frames / 4).astype(int).tolist()


def test_an_uneven_video_is_read_at_the_median_of_its_steps(tmp_path):
    source = open_source(write_at(tmp_path / "x.mkv", [0, 100, 200, 700, 800]))
    (sequence,) = source.sequences
    assert sequence.info.step_seconds == pytest.approx(0.1)
    assert stored_frames(sequence) == [0, 1, 2, 2, 2, 3, 3, 3, 4]
    assert source.notes == (
        "'x.mkv' is not evenly spaced in time (steps of 0.1 to 0.5 s); it is read every 0.1 s, the nearest frame each "
        "time, so that 4 of 9 frames repeat the one before and 0 of 5 are left out. source.resample_seconds chooses "
        "another step; source.step_seconds takes each frame as it comes.",
    )


def test_any_read_of_an_uneven_video_is_the_slice_of_the_whole(tmp_path):
    times = np.cumsum(np.random.default_rng(0).choice([20, 40, 40, 40, 90, 250], 60)).tolist()
    (sequence,) = open_source(write_at(tmp_path / "x.mp4", times, codec="libx264", pixels="yuv420p")).sequences
    entire = stored_frames(sequence)
    draw = np.random.default_rng(1)
    for _ in range(40):
        start = int(draw.integers(len(entire)))
        stop = int(draw.integers(start, len(entire))) + 1
        assert stored_frames(sequence, start, stop) == entire[start:stop]


@pytest.mark.parametrize("step", [0.01, 0.04, 0.1, 0.37, 2.0])
@pytest.mark.parametrize("name", ["x.mkv", "x.mp4"])
def test_a_step_that_is_asked_for_takes_the_nearest_frames(name, step, tmp_path):
    """The answer is found once more by comparing every frame."""
    times = np.cumsum([0, *np.random.default_rng(3).choice([20, 40, 90, 250], 40)]).tolist()
    codec = {"codec": "libx264", "pixels": "yuv420p"} if name == "x.mp4" else {}
    (sequence,) = open_source(write_at(tmp_path / name, times, **codec), options={"resample_seconds": step}).sequences
    seconds = [time / 1000 for time in times]
    wanted = [k * step for k in range(int((seconds[-1] + 1e-9) / step) + 1)]
    expected = [min(range(len(seconds)), key=lambda i, at=at: (round(abs(seconds[i] - at), 9), i)) for at in wanted]
    assert stored_frames(sequence) == expected
    assert stored_frames(sequence, len(expected) // 2, len(expected)) == expected[len(expected) // 2 :]
    assert sequence.info.step_seconds == step


def test_an_even_video_can_be_thinned_and_says_nothing_about_it(tmp_path, encode):
    path = encode(tmp_path / "x.mp4", "libx264", g="7", bf="2")
    truth = open_source(path).sequences[0].read()
    source = open_source(path, options={"resample_seconds": 0.2})
    assert source.notes == ()
    np.testing.assert_array_equal(source.sequences[0].read(), truth[::5])
    assert source.sequences[0].info.step_seconds == 0.2


def test_thinning_works_where_frames_have_no_times(tmp_path, encode):
    path = encode(tmp_path / "x.avi", "mpeg4", bf="2")
    truth = open_source(path).sequences[0].read()
    np.testing.assert_array_equal(open_source(path, options={"resample_seconds": 0.12}).sequences[0].read(), truth[::3])


def test_a_finer_step_repeats_frames_and_says_so(tmp_path, encode):
    path = encode(tmp_path / "x.mkv", "ffv1", num_frames=5, pixels="bgr0")
    source = open_source(path, options={"resample_seconds": 0.02})
    assert source.sequences[0].info.num_frames == 9
    assert source.notes == (
        "'x.mkv' is read every 0.02 s, so that 4 of 9 frames repeat the one before and 0 of 5 are left out.",
    )


def test_a_step_that_corrects_the_file_takes_every_frame(tmp_path):
    source = open_source(write_at(tmp_path / "x.mkv", [0, 100, 200, 700, 800]), options={"step_seconds": 60})
    assert stored_frames(source.sequences[0]) == [0, 1, 2, 3, 4]
    assert source.sequences[0].info.step_seconds == 60
    assert source.notes == ()


def test_jitter_is_not_unevenness(tmp_path):
    times = [33 * index + jitter for index, jitter in enumerate([0, 4, -5, 3, 0, 6, -6, 2, 0, 0])]
    source = open_source(write_at(tmp_path / "x.mkv", times))
    assert stored_frames(source.sequences[0]) == list(range(10))
    assert source.notes == ()
    assert source.sequences[0].info.step_seconds == pytest.approx(0.033, rel=0.01)


def test_a_rate_that_changes_half_way_is_unevenness(tmp_path):
    times = [*range(0, 2000, 40), *range(2000, 4000, 50)]
    (sequence,) = open_source(write_at(tmp_path / "x.mkv", times)).sequences
    assert sequence.info.step_seconds == pytest.approx(0.04)
    assert sequence.info.num_frames == 3950 // 40 + 1


def test_a_pause_of_hours_is_not_filled_with_frames(tmp_path):
    source = open_source(write_at(tmp_path / "x.mkv", [0, 40, 80, 120, 7_200_000, 7_200_040]))
    assert stored_frames(source.sequences[0]) == [0, 1, 2, 3, 4, 5]
    assert "too unevenly to fill its pauses; its frames are used one after the other" in source.notes[0]


def test_a_step_that_leads_to_endless_frames_is_refused(tmp_path):
    path = write_at(tmp_path / "x.mkv", [0, 40, 80, 7_200_000])
    with pytest.raises(SourceError, match=r"7\.2e\+03 seconds every 1e-05 s are too many frames"):
        open_source(path, options={"resample_seconds": 1e-5})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"resample_seconds": 0}, "resample_seconds must be above 0"),
        ({"resample_seconds": -1}, "resample_seconds must be above 0"),
        ({"resample_seconds": 1, "step_seconds": 1}, "set one of them"),
    ],
)
def test_steps_that_make_no_sense_are_refused(options, problem, tmp_path, encode):
    with pytest.raises(ConfigurationError, match=problem):
        open_source(encode(tmp_path / "x.mp4", "libx264", num_frames=3), options=options)


@given(
    steps=st.lists(st.integers(1, 400), min_size=1, max_size=40),
    step=st.integers(1, 500),
)
@hypothesis_settings(deadline=None, max_examples=200)
def test_the_nearest_frame_is_taken_and_none_goes_back(steps, step):
    seconds = np.cumsum([0, *steps]) / 100
    chosen = even_frames(seconds, step / 100)
    assert (np.diff(chosen) >= 0).all()
    assert chosen[0] == 0
    assert (len(chosen) - 1) * step <= sum(steps) < len(chosen) * step + step / 100
    for place, index in enumerate(chosen):
        assert abs(seconds[index] - place * step / 100) <= np.abs(seconds - place * step / 100).min() + 1e-9


@given(step=st.integers(1, 5000), count=st.integers(2, 300), jitter=st.integers(0, 20))
@hypothesis_settings(deadline=None, max_examples=100)
def test_even_times_are_left_alone(step, count, jitter):
    wobble = np.random.default_rng(count).integers(-jitter, jitter + 1, count)
    times = np.arange(count, dtype=np.int64) * step * 100 + wobble * step
    found = timing(times, num_frames=count, tick_seconds=Fraction(1, 90000), header_seconds=None)
    assert found.frame_map is None
    assert found.step_seconds == pytest.approx(step / 900, rel=0.5 / (count - 1) + 1e-9)


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif"])
def test_times_survive_writing_at_another_pace(ending, tmp_path, waves):
    start = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    path = write_frames(tmp_path / f"x{ending}", waves(6, 16, 16), step_seconds=300, start_time=start)
    info = open_source(path).sequences[0].info
    assert info.step_seconds == 300
    assert info.start_time == start
    with av.open(str(path)) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(10, rel=0.02)


def test_resampling_goes_by_the_times_of_the_recording(tmp_path, waves):
    path = write_frames(tmp_path / "x.mkv", waves(9, 16, 16), step_seconds=300)
    truth = open_source(path).sequences[0].read()
    (sequence,) = open_source(path, options={"resample_seconds": 600}).sequences
    np.testing.assert_array_equal(sequence.read(), truth[::2])


def remuxed(path: Path, out: Path, *, frames: int, slower: int) -> Path:
    """The first packets of a file, at another pace, with its comment."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        target.metadata.update(source.metadata)
        stream = target.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(source.demux(video=0)):
            if index < frames and packet.size:
                packet.stream = stream
                packet.pts, packet.dts = packet.pts * slower, packet.dts * slower
                packet.duration *= slower
                target.mux(packet)
    return out


@pytest.mark.parametrize(("frames", "slower", "believed"), [(9, 1, True), (5, 1, False), (9, 3, False)])
def test_a_note_is_believed_only_while_the_file_is_as_it_was_written(frames, slower, believed, tmp_path, waves):
    path = write_frames(tmp_path / "x.mkv", waves(9, 16, 16), step_seconds=300, start_time=datetime(2024, 1, 1))
    info = open_source(remuxed(path, tmp_path / "y.mkv", frames=frames, slower=slower)).sequences[0].info
    assert info.step_seconds == pytest.approx(300 if believed else 0.1 * slower)
    assert (info.start_time is not None) == believed


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "holiday",
        "framecast ",
        "framecast []",
        "framecast 7",
        "framecast {}",
        'framecast {"frames": 3, "rate": "0", "grey": true, "step_seconds": null, "start_time": null}',
        'framecast {"frames": 3, "rate": "1/0", "grey": true, "step_seconds": null, "start_time": null}',
        'framecast {"frames": 3, "rate": "25", "grey": true, "step_seconds": -1, "start_time": null}',
        'framecast {"frames": 3, "rate": "25", "grey": true, "step_seconds": 1, "start_time": "yesterday"}',
        "framecast " + "[" * 100_000,
    ],
)
def test_a_note_that_cannot_be_understood_is_none(comment):
    assert VideoMark.found({"Comment": comment}) is None


@given(
    st.builds(
        VideoMark,
        num_frames=st.integers(1, 10**6),
        rate=st.fractions(Fraction(1, 1000), 1000),
        grey=st.booleans(),
        step_seconds=st.none() | st.floats(1e-6, 1e9),
        start_time=st.none() | st.datetimes(timezones=st.none() | st.just(UTC)),
    )
)
@hypothesis_settings(deadline=None, max_examples=100)
def test_a_note_says_what_was_noted(mark):
    assert VideoMark.found({"COMMENT": mark.text()}) == mark
    assert len(mark.text()) < 256
