"""The contract of every reader of files: each has an example here, and keeps the socket's promises."""

import dataclasses
import pickle
import random
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.frames.source import Source
from framecast.sources.files import FilesConfig
from framecast.sources.open import open_source
from framecast.sources.table import READERS, SOURCES
from framecast.sources.writing import write_frames
from framecast.workflows.prepare import prepare
from tests.sources.grib_files import hourly, write_grib
from tests.sources.radar_files import clock, write_knmi


def write_videos(folder, waves):
    for name in ("walk t10.mp4", "walk t2.mp4", "sub/été.mkv"):
        write_frames(folder / name, waves(12, 16, 24), step_seconds=0.04)


def write_arrays(folder, waves):
    for name in ("walk t10.npy", "walk t2.npy", "sub/été.npz"):
        write_frames(folder / name, waves(12, 16, 24), step_seconds=None)


def write_images(folder, waves):
    for name in ("walk t10", "walk t2", "sub/été"):
        (folder / name).mkdir(parents=True)
        for index, frame in enumerate(waves(12, 16, 24)):
            Image.fromarray(frame.transpose(1, 2, 0).copy()).save(folder / name / f"{index}.png")


def write_store(folder, waves):
    recordings = folder.with_name(f"{folder.name} recordings")
    write_arrays(recordings, waves)
    prepare(recordings, out=folder)


def write_radar(folder, waves):
    """A sequence is what has no gap in time, wherever its files lie: each folder begins two hours after the last."""
    for number, name in enumerate(("sub/été", "walk t2", "walk t10")):
        for index, frame in enumerate(waves(12, 16, 24)):
            write_knmi(folder / name / f"{index}.h5", frame[0], clock(120 * number + 5 * index))


def write_fields(folder, waves):
    for name in ("walk t10.nc", "walk t2.nc", "sub/été.nc"):
        write_frames(folder / name, waves(12, 16, 24), step_seconds=0.04)


def write_hdf5(folder, waves):
    for name in ("walk t10.h5", "walk t2.h5", "sub/été.h5"):
        (folder / name).parent.mkdir(exist_ok=True)
        with h5py.File(folder / name, "w") as file:
            file.create_dataset("frames", data=waves(12, 16, 24), compression="gzip")


def write_weather(folder, waves):
    """Files that cover the same times are recordings beside one another."""
    for name in ("walk t10.grib", "walk t2.grib", "sub/été.grib"):
        write_grib(folder / name, hourly(waves(12, 16, 24)[:, 0]))


NAMES = {"radar": ["20100826T0000Z", "20100826T0200Z", "20100826T0400Z"]}
"""Of the sequences, where they are not the names of files or folders, without their endings."""

FRAMES = {"radar": ((1, 16, 24), "float32", None), "grib": ((1, 16, 24), "float32", None)}
"""Shape, type and range of the frames, where they are not 3 x 16 x 24 of 8 bits."""

EXAMPLES = {
    "store": write_store,
    "video": write_videos,
    "array": write_arrays,
    "fields": write_fields,
    "grib": write_weather,
    "hdf5": write_hdf5,
    "images": write_images,
    "radar": write_radar,
}


@pytest.fixture(params=READERS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def kind_of_files(kind) -> str:
    if kind == "store":
        pytest.skip("a store is one folder, whatever files lie in it")
    return kind


@pytest.fixture
def folder(kind, tmp_path, waves) -> Path:
    EXAMPLES[kind](tmp_path, waves)
    return tmp_path


def test_a_reader_is_a_final_frozen_source_with_settings(kind):
    reader = SOURCES.load(kind)
    assert issubclass(reader, Source)
    assert getattr(reader, "__final__", False)
    assert dataclasses.fields(reader)
    assert reader.__dataclass_params__.frozen
    assert issubclass(reader.config_class, FilesConfig)
    reader.config_class()
    assert reader.endings
    assert all(ending == ending.lower() and ending.startswith(".") for ending in reader.endings)


def test_the_folder_and_its_files_are_recognised_by_their_reader_first(kind, folder):
    """HDF5 is the clothing of several kinds: the reader that knows more is asked before the one that knows less."""
    files = [] if kind == "store" else [path for path in folder.rglob("*") if path.is_file()]
    for path in [folder, *files]:
        assert next(other for other in READERS if SOURCES.load(other).recognises(path)) == kind
    source = open_source(folder)
    assert (source.kind, source.location) == (kind, str(folder))


def test_sequences_are_named_and_ordered_as_people_do(kind, folder):
    names = [sequence.info.name for sequence in open_source(folder).sequences]
    stems = [name.split(":")[0].removesuffix(Path(name.split(":")[0]).suffix) for name in names]
    assert stems == NAMES.get(kind, ["sub/été", "walk t2", "walk t10"])
    assert names == [sequence.info.name for sequence in open_source(str(folder)).sequences]


def test_paths_are_absolute_and_exist_whatever_was_typed(kind, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    source = open_source(folder.name)
    assert source.location == folder.name
    for sequence in source.sequences:
        assert Path(sequence.info.path).is_absolute()
        assert Path(sequence.info.path).exists()
    monkeypatch.chdir("/")
    source.sequences[0].read(0, 2)


def test_each_file_is_its_own_group_unless_a_pattern_says_otherwise(kind, folder):
    for sequence in open_source(folder).sequences:
        assert sequence.info.group == sequence.info.name
    pattern, group, first = (
        (r"(20100826)T0[24]", "20100826", "20100826T") if kind == "radar" else (r"(walk) t[0-9]+", "walk", "sub/été")
    )
    groups = [s.info.group for s in open_source(folder, options={"group_pattern": pattern}).sequences]
    assert groups[1:] == [group, group]
    assert groups[0].startswith(first)


def test_a_pattern_chooses_files(kind, folder):
    pattern = "walk t2/*" if kind in ("images", "radar") else "walk t2.*"
    (only,) = open_source(folder, options={"pattern": pattern}).sequences
    assert only.info.name.startswith(NAMES.get(kind, ["", "walk t2"])[1])
    with pytest.raises(
        SourceError, match=r"None of the \d+ (files|sequences) in .* fits the pattern 'nothing'; the first is"
    ):
        open_source(folder, options={"pattern": "nothing"})


def test_a_time_step_can_be_set(kind, folder):
    source = open_source(folder, options={"step_seconds": 300})
    assert {sequence.info.step_seconds for sequence in source.sequences} == {300.0}


@pytest.mark.parametrize(
    ("options", "place"), [({"step_seconds": 0}, "step_seconds"), ({"group_pattern": "("}, "group")]
)
def test_settings_that_make_no_sense_are_refused(kind, folder, options, place):
    with pytest.raises(ConfigurationError, match=place):
        open_source(folder, options=options)


def test_any_slice_equals_the_slice_of_the_entire_read(kind, folder):
    draw = random.Random(0)
    for sequence in open_source(folder).sequences:
        entire = sequence.read()
        shape, dtype, value_range = FRAMES.get(kind, ((3, 16, 24), "uint8", (0, 255)))
        assert entire.shape == (12, *shape)
        assert entire.dtype == np.dtype(sequence.info.dtype) == np.dtype(dtype)
        assert sequence.info.value_range == value_range
        for _ in range(10):
            start = draw.randrange(12)
            stop = draw.randrange(start, 12) + 1
            np.testing.assert_array_equal(sequence.read(start, stop), entire[start:stop])
            out = np.zeros_like(entire[start:stop])
            sequence.read_into(out, start)
            np.testing.assert_array_equal(out, entire[start:stop])
        with pytest.raises(IndexError):
            sequence.read_into(entire, 1)
        with pytest.raises(ValueError, match="do not fit"):
            sequence.read_into(entire[..., 1:])


@pytest.mark.parametrize("bounds", [(-1, 3), (3, 3), (5, 4), (0, 13), (12, 13)])
def test_bounds_outside_the_recording_are_refused(kind, folder, bounds):
    with pytest.raises(IndexError, match="which has 12"):
        open_source(folder).sequences[0].read(*bounds)


def test_what_was_read_belongs_to_the_caller(kind, folder):
    sequence = open_source(folder).sequences[0]
    frames = sequence.read(2, 5)
    before = frames.copy()
    frames[:] = 0
    np.testing.assert_array_equal(sequence.read(2, 5), before)


def test_a_source_travels_to_another_process_before_and_after_reading(kind, folder):
    source = open_source(folder)
    for _ in range(2):
        parcel = pickle.dumps(source)
        copy = pickle.loads(parcel)
        assert [sequence.info for sequence in copy.sequences] == [sequence.info for sequence in source.sequences]
        for sequence, original in zip(copy.sequences, source.sequences, strict=True):
            np.testing.assert_array_equal(sequence.read(3, 9), original.read(3, 9))
        assert len(parcel) < 20_000  # paths and numbers, no frames


def test_files_of_other_kinds_and_hidden_files_are_left_aside(kind_of_files, kind, folder):
    opened = open_source(folder)
    before = [sequence.info.name for sequence in opened.sequences]
    (folder / "notes.txt").write_text("hello")
    (folder / "README").write_text("hello")
    for hidden in (".cache", "__MACOSX"):
        (folder / hidden).mkdir()
        (folder / hidden / f"x{SOURCES.load(kind).endings[0]}").write_bytes(b"junk")
    (folder / f"._x{SOURCES.load(kind).endings[0]}").write_bytes(b"junk")
    source = open_source(folder)
    assert [sequence.info.name for sequence in source.sequences] == before
    assert source.notes == ("Files of other kinds were left out: .txt (1), no ending (1).", *opened.notes)


def test_a_single_file_is_opened_by_itself(kind_of_files, kind, folder):
    file = next(path for path in sorted(folder.rglob("*")) if path.is_file())
    (only,) = open_source(file).sequences
    assert only.info.path == str(file)


def test_an_empty_folder_is_no_source_of_any_kind(kind_of_files, kind, tmp_path):
    with pytest.raises(SourceError, match=r"Nothing to read in .*: found no files; wanted"):
        open_source(tmp_path, kind=kind)
