"""Preparing stores: everything arrives, nothing is done twice, and no half of a store passes for one."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from framecast.clips.config import ClipsConfig
from framecast.clips.conversion import resize_frames
from framecast.clips.grid_resizing import resized_grid
from framecast.clips.preparing import prepare_clips
from framecast.clips.store_plan import StoreSettings
from framecast.clips.store_preparation import Preparation, prepare_store
from framecast.clips.value_statistics import ValueStatistics
from framecast.frames.errors import NotAvailableError, SourceError
from framecast.frames.grid import Axis, Grid
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Rejected, Source
from framecast.sources.open import open_source
from framecast.sources.store.index import read_index
from framecast.sources.store.part import read_records

READ: list[str] = []
"""Names of sequences in the order in which their first frames were read."""


MISTAKES: dict[bytes, Exception] = {
    b"mistake": TypeError("a mistake of the program"),
    b"package": NotAvailableError("This needs a package: pip install it."),
}
"""What reading a file of this content raises."""


class Recording(Sequence):
    """An array in a file, which is read from its raw bytes."""

    def __init__(self, info: SequenceInfo) -> None:
        self.info = info

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        if start == 0:
            READ.append(self.info.name)
        assert self.info.path is not None
        content = Path(self.info.path).read_bytes()
        if content == b"stop":
            raise KeyboardInterrupt
        if content == b"bug":
            raise ZeroDivisionError("a reader's defect")
        if content in MISTAKES:
            raise MISTAKES[content]
        frame_bytes = int(np.prod(self.info.frame_shape)) * np.dtype(self.info.dtype).itemsize
        if len(content) < stop * frame_bytes:
            raise SourceError(f"'{self.info.name}' is cut off.")
        frames = np.frombuffer(content, self.info.dtype).reshape(-1, *self.info.frame_shape)
        return frames[start:stop].copy()


class Folder:
    """A folder of recordings, which a source is opened on anew each time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.infos: dict[str, SequenceInfo] = {}

    def write(self, name: str, frames: NDArray[Any], **facts: Any) -> None:
        place = self.path / f"{name}.raw"
        place.write_bytes(frames.tobytes())
        num_frames, channels, height, width = frames.shape
        shape = {"num_frames": num_frames, "channels": channels, "height": height, "width": width}
        self.infos[name] = SequenceInfo(name=name, dtype=str(frames.dtype), path=str(place), **shape, **facts)

    def spoil(self, name: str, content: bytes) -> None:
        (self.path / f"{name}.raw").write_bytes(content)

    def remove(self, name: str) -> None:
        del self.infos[name]
        (self.path / f"{name}.raw").unlink()

    def open(self, *rejected: Rejected) -> Source:
        sequences = tuple(Recording(self.infos[name]) for name in sorted(self.infos))
        return Source(kind="raw", location=str(self.path), sequences=sequences, rejected=rejected)


def noise(*shape: int, seed: int = 0, dtype: str = "uint8") -> NDArray[Any]:
    values = np.random.default_rng(seed).integers(0, 256, shape)
    return values.astype(dtype)


def tree(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(autouse=True)
def _nothing_read() -> Iterator[None]:
    READ.clear()
    yield
    READ.clear()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two recordings, shards of two chunks, chunks of two frames of 8x8."""
    monkeypatch.setattr("framecast.clips.store_plan._LEAST_PART_BYTES", 1000)
    monkeypatch.setattr("framecast.sources.store.part._CHUNK_BYTES", 128)
    monkeypatch.setattr("framecast.sources.store.part._SHARD_BYTES", 256)
    monkeypatch.setattr("framecast.clips.part_preparation._MOST_BLOCK_FRAMES", 3)


@pytest.fixture
def folder(tmp_path: Path, small_parts: None) -> Folder:
    """Six recordings of ten frames 8x8."""
    folder = Folder(tmp_path / "recordings")
    for number in range(6):
        folder.write(f"r{number}", noise(10, 1, 8, 8, seed=number))
    return folder


@pytest.fixture
def prepared(folder: Folder, tmp_path: Path) -> Callable[..., Preparation]:
    """Prepare the folder as it is now."""

    def run(
        out: Path = tmp_path / "store.zarr", *rejected: Rejected, size: tuple[int, int] | None = None, **how: Any
    ) -> Preparation:
        READ.clear()
        origin = {"location": str(folder.path), "size": size and list(size)}
        return prepare_store(folder.open(*rejected), out, StoreSettings(size=size), origin, **how)

    return run


def contents(store: Path) -> dict[str, NDArray[Any]]:
    return {sequence.info.name: sequence.read() for sequence in open_source(store, kind="store").sequences}


def check(folder: Folder, store: Path) -> None:
    found = contents(store)
    assert list(found) == sorted(folder.infos)
    for sequence in folder.open().sequences:
        np.testing.assert_array_equal(found[sequence.info.name], sequence.read())


def test_everything_arrives_and_any_slice_can_be_read(folder, prepared):
    done = prepared()
    assert (done.sequences, done.frames, done.prepared, done.kept, done.dropped) == (6, 60, 6, 0, 0)
    assert (done.rejected, done.unchanged) == ((), False)
    check(folder, done.path)
    sequence, original = open_source(done.path).sequences[3], folder.open().sequences[3]
    for start in range(10):
        for stop in range(start + 1, 11):
            np.testing.assert_array_equal(sequence.read(start, stop), original.read(start, stop))
    assert not done.path.with_name("store.zarr.part").exists()


def test_a_second_time_nothing_is_read_or_written(prepared):
    first = prepared()
    before = {path: path.stat().st_mtime_ns for path in first.path.rglob("*")}
    second = prepared()
    assert READ == []
    assert second.unchanged
    assert (second.prepared, second.kept, second.frames) == (0, 6, 60)
    assert {path: path.stat().st_mtime_ns for path in first.path.rglob("*")} == before


def test_a_changed_recording_is_read_again_and_no_other(folder, prepared):
    prepared()
    folder.write("r2", noise(7, 1, 8, 8, seed=9))
    done = prepared()
    assert READ == ["r2"]
    assert (done.prepared, done.kept, done.dropped, done.unchanged) == (1, 5, 1, False)
    check(folder, done.path)
    assert prepared().unchanged


def test_recordings_come_and_go(folder, prepared):
    prepared()
    folder.remove("r1")
    folder.remove("r4")
    folder.remove("r5")
    folder.write("r3 later", noise(5, 1, 8, 8, seed=20))
    done = prepared()
    assert READ == ["r3 later"]
    assert (done.sequences, done.prepared, done.kept, done.dropped) == (4, 1, 3, 3)
    check(folder, done.path)
    stored = read_index(done.path)
    assert sorted(path.name for path in (done.path / "parts").iterdir() if path.is_dir()) == sorted(stored.parts)
    assert sum(record["frames"] for record in records(done.path)) == 35, "what is gone takes no room"


def test_a_recording_that_was_only_touched_is_not_read_again(folder, prepared):
    prepared()
    os.utime(folder.path / "r2.raw", (1, 1))
    assert prepared().unchanged
    assert READ == []
    spoiled = noise(10, 1, 8, 8, seed=2)
    spoiled[0, 0, 0, 0] += 1
    folder.write("r2", spoiled)  # as many bytes, one of them another
    prepared()
    assert READ == ["r2"]


def records(store: Path) -> list[dict[str, Any]]:
    return [record for part in read_index(store).parts for record in read_records(store, part)]


@pytest.mark.parametrize("stopped_at", range(6))
def test_a_stopped_preparation_goes_on_and_ends_as_if_it_had_never_stopped(folder, prepared, tmp_path, stopped_at):
    whole = prepared(tmp_path / "whole.zarr")
    place = folder.path / f"r{stopped_at}.raw"
    content, times = place.read_bytes(), place.stat()
    place.write_bytes(b"stop")
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(KeyboardInterrupt):
        prepared()
    store = tmp_path / "store.zarr"
    assert not store.exists()
    with pytest.raises(SourceError):
        open_source(store.with_name("store.zarr.part"), kind="store")
    place.write_bytes(content)
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = prepared()
    finished_before = stopped_at // 2 * 2
    assert [f"r{number}" for number in range(finished_before, 6)] == READ
    assert done.prepared == 6
    assert tree(store) == tree(whole.path)


def test_a_stopped_update_leaves_the_store_as_it_was(folder, prepared):
    store = prepared().path
    before = tree(store)
    original = contents(store)
    folder.write("r2", noise(10, 1, 8, 8, seed=9))
    folder.spoil("r4", b"stop")
    with pytest.raises(KeyboardInterrupt):
        prepared()
    assert tree(store) == before
    assert {name: frames.tobytes() for name, frames in contents(store).items()} == {
        name: frames.tobytes() for name, frames in original.items()
    }
    folder.write("r4", noise(10, 1, 8, 8, seed=10))
    prepared()
    check(folder, store)


def test_what_cannot_be_read_is_left_out_with_the_reason(folder, prepared):
    folder.spoil("r1", b"cut")
    folder.spoil("r3", b"bug")
    done = prepared()
    assert done.rejected == (
        Rejected("r1", "'r1' is cut off"),
        Rejected("r3", "its reader failed with ZeroDivisionError: a reader's defect"),
    )
    source = open_source(done.path)
    assert source.rejected == done.rejected
    assert list(contents(done.path)) == ["r0", "r2", "r4", "r5"]
    again = prepared()
    assert again.unchanged
    assert READ == []
    folder.write("r1", noise(10, 1, 8, 8, seed=1))  # mended
    mended = prepared()
    assert READ == ["r1"]
    assert [one.path for one in mended.rejected] == ["r3"]


@pytest.mark.parametrize("content", MISTAKES)
def test_mistakes_and_missing_packages_are_no_damage(folder, prepared, tmp_path, content):
    place = folder.path / "r3.raw"
    before = place.read_bytes()
    folder.spoil("r3", content)
    with pytest.raises(type(MISTAKES[content])):
        prepared()
    assert not (tmp_path / "store.zarr").exists()
    place.write_bytes(before)
    prepared()
    assert "r0" not in READ, "what was finished is kept"
    check(folder, tmp_path / "store.zarr")


@pytest.mark.parametrize("good", [0, 1, 3, 4, 5, 7, 9])
def test_a_recording_that_breaks_late_leaves_no_trace(folder, prepared, good):
    for name in ("r0", "r3", "r5"):
        folder.spoil(name, noise(good, 1, 8, 8).tobytes() + b"half")
    done = prepared()
    assert [one.path for one in done.rejected] == ["r0", "r3", "r5"]
    for name in ("r0", "r3", "r5"):
        folder.remove(name)
    check(folder, done.path)


def test_too_many_unreadable_recordings_are_an_error(folder, prepared, tmp_path):
    header = Rejected("x", "no header")
    folder.spoil("r1", b"cut")
    assert len(prepared(tmp_path / "a.zarr", header, max_rejected=2 / 7).rejected) == 2
    with pytest.raises(SourceError, match=r"2 of 7 recordings cannot be read.*--max-rejected.*'x': no header; 'r1'"):
        prepared(tmp_path / "b.zarr", header, max_rejected=0.2)
    assert not (tmp_path / "b.zarr").exists()
    assert len(prepared(tmp_path / "b.zarr", header).rejected) == 2


def test_when_nothing_can_be_read_there_is_no_store(folder, prepared):
    for name in folder.infos:
        folder.spoil(name, b"cut")
    with pytest.raises(SourceError, match=r"None of the recordings in .* can be read: 'r0': 'r0' is cut off; .*; …"):
        prepared(max_rejected=1.0)


def test_a_recording_that_vanishes_is_left_out(folder, prepared):
    (folder.path / "r5.raw").unlink()
    done = prepared()
    assert [one.path for one in done.rejected] == ["r5"]
    assert "No such file" in done.rejected[0].reason


def test_other_settings_need_a_word(folder, prepared):
    store = prepared().path
    before = tree(store)
    with pytest.raises(
        SourceError, match=r"was prepared otherwise: its size was None, and is \[4, 4\] now.*--overwrite"
    ):
        prepared(size=(4, 4))
    assert tree(store) == before
    prepared(size=(4, 4), overwrite=True)
    for name, frames in contents(store).items():
        np.testing.assert_array_equal(frames, resize_frames(noise(10, 1, 8, 8, seed=int(name[1])), 4, 4))
    left = {path.name for path in (store / "parts").iterdir() if path.is_dir()}
    assert left == set(read_index(store).parts), "nothing of the old one is left"


def test_a_folder_of_somebody_else_is_never_replaced(prepared, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(SourceError, match="is no prepared store, so it is not replaced"):
            prepared(tmp_path / "mine", overwrite=overwrite)
    assert tree(tmp_path / "mine") == {"notes.txt": b"mine"}
    (tmp_path / "empty").mkdir()
    assert prepared(tmp_path / "empty").sequences == 6


def test_two_preparations_of_one_store_do_not_meet(folder, prepared, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    work = tmp_path / "store.zarr.part"
    work.mkdir()
    with (work / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(SourceError, match="Another preparation is at work"):
            prepared()
    assert prepared().sequences == 6


def test_a_damaged_index_is_said_and_can_be_overwritten(folder, prepared):
    store = prepared().path
    (store / "zarr.json").write_text('{"attributes": {"framecast_store": {"schema": 1}}}')
    with pytest.raises(SourceError, match=r"index of the prepared store .* is damaged"):
        prepared()
    prepared(overwrite=True)
    check(folder, store)


def test_a_damaged_part_is_written_anew_when_it_is_touched(folder, prepared):
    store = prepared().path
    part = read_index(store).sequences[0].part
    (store / "parts" / part / "frames/c/0/0/0/0").write_bytes(b"damaged")
    folder.write("r1", noise(3, 1, 8, 8, seed=9))  # shares the part with r0, whose stored frames are gone
    prepared()
    assert READ == ["r0", "r1"]
    check(folder, store)


def test_damaged_frames_are_repaired_by_overwriting(folder, prepared):
    store = prepared().path
    before = tree(store)
    for part in read_index(store).parts:
        (store / "parts" / part / "frames/c/0/0/0/0").write_bytes(b"damaged")
    assert prepared().unchanged, "frames are not looked at where nothing changed"
    prepared(overwrite=True)
    assert tree(store) == before
    check(folder, store)


def test_the_disk_is_looked_at_first(prepared, monkeypatch):
    monkeypatch.setattr(
        "framecast.clips.store_preparation.shutil.disk_usage", lambda _: type("Usage", (), {"free": 3000})
    )
    with pytest.raises(SourceError, match=r"would take 0\.0 GB more, and 0\.0 GB are free"):
        prepared()


def test_the_watch_counts_sequences(folder, prepared):
    seen: list[tuple[int, int]] = []
    prepared(watch=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 6), (4, 6), (6, 6)]


def test_each_sequence_keeps_its_provenance_and_statistics(folder, prepared):
    folder.write("r3", np.concatenate([noise(4, 1, 8, 8), noise(1, 1, 8, 8, seed=5), noise(1, 1, 8, 8, seed=5)]))
    store = prepared().path
    record = next(record for record in records(store) if record["name"] == "r3")
    place = folder.path / "r3.raw"
    assert record["files"]["path"] == str(place)
    assert (record["files"]["files"], record["files"]["bytes"]) == (1, 6 * 64)
    assert record["files"]["sha256"] == hashlib.sha256(place.read_bytes()).hexdigest()
    values = folder.open().sequences[3].read().astype(np.float64)
    assert record["statistics"]["count"] == [values.size]
    assert record["statistics"]["mean"] == [pytest.approx(values.mean())]
    assert record["statistics"]["squares"] == [pytest.approx(values.var() * values.size)]
    assert (record["statistics"]["low"], record["statistics"]["high"]) == ([values.min()], [values.max()])
    assert record["statistics"]["repeated_share"] == pytest.approx(1 / 5)
    division = read_index(store).division
    assert division["method"] == "group"
    assert sorted(division["train"] + division["validation"] + division["test"]) == sorted(folder.infos)


def test_a_store_divides_as_its_source_does(folder, prepared):
    for number in range(6, 30):
        folder.write(f"r{number}", noise(10, 1, 8, 8, seed=number), group=f"person {number // 2}")
    store = open_source(prepared().path)
    config = ClipsConfig(context=3, horizon=2)
    clips, expected = (prepare_clips(source, config) for source in (store, folder.open()))
    assert clips.assignment() == expected.assignment()
    assert clips.normaliser == expected.normaliser


GRID = Grid(
    y=Axis(name="y", values=(30.0, 20.0, 10.0, 0.0), units="km", standard_name="projection_y_coordinate"),
    x=Axis(name="x", values=(0.5, 1.5, 2.5, 3.5, 4.5)),
    projection={"grid_mapping_name": "polar_stereographic", "latitude_of_projection_origin": 90.0},
)
INFOS = st.fixed_dictionaries(
    {
        "group": st.sampled_from(["", "person 1", "Tag ü"]),
        "step_seconds": st.sampled_from([None, 0.04, 1 / 3, 300.0]),
        "start_time": st.sampled_from([None, datetime(2010, 8, 26, 1, 2, 3, 4567), datetime(2020, 1, 1, tzinfo=UTC)]),
        "units": st.sampled_from([None, "mm/h", "µm"]),
        "grid": st.sampled_from([None, GRID]),
        "fixed_orientation": st.booleans(),
        "value_range": st.sampled_from([None, (0.0, 255.0), (-1.5, 0.1)]),
        "split": st.sampled_from([None, "train", "validation", "test"]),
    }
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    recordings=st.lists(
        st.tuples(
            INFOS,
            st.integers(1, 9),
            st.sampled_from([1, 2, 3]),
            st.sampled_from(["uint8", "bool", "uint16", "int32", "float16", "float32", "float64"]),
        ),
        min_size=1,
        max_size=5,
    ),
    compression=st.sampled_from(["none", "zstd"]),
)
def test_whatever_is_known_and_seen_comes_back(tmp_path_factory, small_parts, recordings, compression):
    place = tmp_path_factory.mktemp("any")
    folder = Folder(place / "recordings")
    for number, (info, num_frames, channels, dtype) in enumerate(recordings):
        frames = noise(num_frames, channels, 4, 5, seed=number).astype(dtype)
        facts = dict(info, channel_names=tuple("abc"[:channels]), has_missing=frames.dtype.kind == "f")
        if facts["has_missing"]:
            frames[0, 0, 0] = np.nan
        folder.write(f"r{number}", frames, **facts)
    prepare_store(folder.open(), place / "s", StoreSettings(compression=compression), {})
    for sequence, original in zip(open_source(place / "s").sequences, folder.open().sequences, strict=True):
        assert dataclasses.replace(sequence.info, path=original.info.path) == original.info
        assert sequence.info.path == str(place / "s")
        np.testing.assert_array_equal(sequence.read(), original.read())


@settings(max_examples=30, deadline=None)
@given(
    dtype=st.sampled_from(["uint8", "bool", "int8", "uint16", "float32"]),
    cuts=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_statistics_do_not_depend_on_the_blocks(dtype, cuts, seed):
    frames = noise(sum(cuts), 2, 3, 4, seed=seed).astype(dtype)
    if dtype == "float32":
        frames[0, 0] = np.nan
    statistics = ValueStatistics(2)
    for block in np.split(frames, np.cumsum(cuts)[:-1]):
        statistics.add(block)
    found = statistics.to_json()
    for channel in range(2):
        values = frames[:, channel].astype(np.float64)
        values = values[np.isfinite(values)]
        assert found["count"][channel] == values.size
        if values.size:
            assert found["mean"][channel] == pytest.approx(values.mean())
            assert found["squares"][channel] == pytest.approx(values.var() * values.size, abs=1e-6)
            assert (found["low"][channel], found["high"][channel]) == (values.min(), values.max())
        else:
            assert found["low"][channel] is None


def test_the_grid_of_resized_frames_covers_the_same_surface():
    halved = resized_grid(GRID, 2, 5)
    assert halved is not None
    assert halved.y.values == (25.0, 5.0)
    assert halved.x == GRID.x
    assert halved.projection == GRID.projection
    doubled = resized_grid(GRID, 8, 10)
    assert doubled is not None
    np.testing.assert_allclose(doubled.y.values, np.arange(32.5, -3, -5))
    np.testing.assert_allclose(doubled.x.values, np.arange(0.25, 5, 0.5))
    assert resized_grid(GRID, 4, 5) is GRID
    assert resized_grid(None, 4, 5) is None
    line = Grid(y=Axis(name="y", values=(1.0,)), x=GRID.x)
    assert resized_grid(line, 2, 5) is None
