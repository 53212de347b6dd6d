"""Reading prepared stores: a mark that only finished ones have, an index that scales, damage that is said."""

import itertools
import json
import multiprocessing
import os
import pickle
import random
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from framecast.frames.errors import SourceError
from framecast.frames.sequence import SequenceInfo
from framecast.frames.source import Rejected, Source
from framecast.sources.open import open_source
from framecast.sources.store.index import StoredSequence, StoreIndex, read_index, write_index
from framecast.sources.store.part import PARTS, OpenParts, PartWriter
from framecast.sources.store.source import StoreSource
from framecast.workflows.prepare import prepare


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sequences of 40 frames 16x24, each with a file of its own."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "recordings").mkdir()
    for number in range(3):
        frames = np.random.default_rng(number).integers(1, 255, (40, 16, 24), dtype=np.uint8)
        np.save(folder / "recordings" / f"walk {number}.npy", frames)
    return prepare(folder / "recordings", out=folder / "walks.zarr", options={"step_seconds": 0.5}).path


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged; a store can be moved."""
    return Path(shutil.copytree(made, tmp_path / "moved"))


def first_frames(source: Source) -> list[Any]:
    return [sequence.read(0, 2).tolist() for sequence in source.sequences]


def test_a_store_may_lie_among_the_images_that_it_is_made_from(tmp_path, monkeypatch):
    monkeypatch.setattr("framecast.sources.store.part._SHARD_BYTES", 2**12)  # so that writing begins before the end
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    made = prepare(tmp_path, out=tmp_path / "inside.zarr")
    assert (made.prepared, made.frames) == (1, 40)
    assert prepare(tmp_path, out=tmp_path / "inside.zarr").unchanged
    assert [sequence.info.num_frames for sequence in open_source(tmp_path).sequences] == [40]


def test_a_store_is_opened_without_a_word_about_its_kind(store):
    source = open_source(store)
    assert isinstance(source, StoreSource)
    assert [sequence.info.name for sequence in source.sequences] == [f"walk {number}.npy" for number in range(3)]
    assert {sequence.info.step_seconds for sequence in source.sequences} == {0.5}
    expected = np.random.default_rng(1).integers(1, 255, (40, 16, 24), dtype=np.uint8)
    np.testing.assert_array_equal(source.sequences[1].read()[:, 0], expected)


def test_any_tool_that_knows_zarr_can_read_it(store):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(store, mode="r")
    stored = read_index(store).sequences[2]
    array = group[f"parts/{stored.part}/frames"]
    assert array.metadata.dimension_names == ("time", "channel", "y", "x")
    expected = np.random.default_rng(2).integers(1, 255, (40, 16, 24), dtype=np.uint8)
    np.testing.assert_array_equal(array[stored.first : stored.first + 40, 0], expected)
    assert group.attrs["framecast_store"]["columns"]["name"]["each"][2] == "walk 2.npy"
    assert dict(group.members(max_depth=2)), "every level is a group or an array"


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("dtype", ["uint8", "bool", ">i2", "int32", "float16", "float64"])
def test_any_rows_are_those_that_zarr_reads(tmp_path, monkeypatch, dtype, compression):
    zarr = pytest.importorskip("zarr")
    monkeypatch.setattr("framecast.sources.store.part._CHUNK_BYTES", 2**8)
    monkeypatch.setattr("framecast.sources.store.part._SHARD_BYTES", 2**10)
    frames = (np.random.default_rng(3).random((41, 2, 3, 4)) * 200 - 50).astype(dtype)
    writer = PartWriter(tmp_path, "one", num_frames=41, frame_shape=(2, 3, 4), dtype=dtype, compression=compression)
    writer.begin()
    writer.append(frames)
    writer.finish([])
    array = zarr.open_array(tmp_path / PARTS / "one" / "frames", mode="r")
    assert array.nchunks > 1, "several shards"
    assert array.shards[0] > array.chunks[0], "of several chunks"
    parts, native = OpenParts(tmp_path), frames.dtype.newbyteorder("=")
    for start, stop in [(0, 41), (40, 41), (3, 4), *itertools.combinations(range(5, 41, 7), 2)]:
        out = np.zeros((stop - start, 2, 3, 4), native)
        parts.read_into(out, "one", start)
        np.testing.assert_array_equal(out, frames[start:stop])
        found = parts.read("one", start, stop)
        np.testing.assert_array_equal(found, array[start:stop])
        assert found.dtype == native
    for start, shape, other in [(40, (2, 2, 3, 4), native), (0, (1, 2, 4, 3), native), (0, (1, 2, 3, 4), "complex64")]:
        with pytest.raises(SourceError, match="missing or damaged"):
            parts.read_into(np.zeros(shape, other), "one", start)


def test_every_flipped_bit_of_a_shard_is_noticed_or_changes_nothing(store):
    (shard,) = shards(store)
    whole, expected = shard.read_bytes(), first_frames(open_source(store))
    source = open_source(store)
    for place in [*range(0, len(whole), 997), *range(len(whole) - 150, len(whole))]:
        shard.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            assert first_frames(source) == expected, "damage of a chunk that was not asked for"
            assert place < len(whole) - 132, "neither the index of 8 chunks"
        except SourceError:
            continue


def test_without_its_mark_a_folder_is_no_store(store):
    (store / "zarr.json").unlink()
    assert not StoreSource.recognises(store)
    with pytest.raises(SourceError, match="is no prepared store; 'framecast prepare SOURCE"):
        open_source(store, kind="store")


def shards(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if path.is_file() and path.name != "zarr.json"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1000] ^= 16
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, flip, empty, Path.unlink])
def test_damaged_frames_are_said_and_never_shown(store, damage):
    (shard,) = shards(store)
    damage(shard)
    with pytest.raises(SourceError, match=r"are missing or damaged .*framecast prepare --overwrite"):
        first_frames(open_source(store))


def test_frames_that_vanish_under_an_open_store_are_never_shown_as_black(store):
    source = open_source(store)
    first_frames(source)
    shutil.rmtree(store / "parts" / read_index(store).parts[0])
    with pytest.raises(SourceError, match="If it was prepared anew meanwhile, open it again"):
        source.sequences[0].read(4, 5)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_to_the_index_ends_in_one_sentence(store, seed):
    draw = random.Random(seed)
    path = store / "zarr.json"
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 3, 20])):
        content[draw.randrange(len(content))] = draw.randrange(256)
    if draw.random() < 0.3:
        del content[draw.randrange(len(content)) :]
    path.write_bytes(content)
    with suppress(SourceError):
        for sequence in open_source(store, kind="store").sequences:
            if sequence.info.num_frames < 1000:
                sequence.read()


def test_a_store_of_a_newer_framecast_is_not_misread(store):
    path = store / "zarr.json"
    content = json.loads(path.read_text())
    content["attributes"]["framecast_store"] |= {"schema": 99, "version": "9.9"}
    path.write_text(json.dumps(content))
    with pytest.raises(SourceError, match=r"prepared by a newer framecast \(9.9\)"):
        open_source(store)


def test_what_could_not_be_prepared_is_remembered(store):
    index = read_index(store)
    write_index(store, StoreIndex(**{**fields(index), "rejected": (Rejected("a.npy", "it is cut off"),)}))
    assert open_source(store).rejected == (Rejected("a.npy", "it is cut off"),)


def fields(index: StoreIndex) -> dict[str, Any]:
    return {name: getattr(index, name) for name in StoreIndex.__slots__}


def test_a_hundred_thousand_sequences_open_in_a_moment(tmp_path):
    def info(number: int) -> SequenceInfo:
        shape = {"num_frames": 20 + number % 3, "channels": 1, "height": 64, "width": 64}
        return SequenceInfo(name=f"video {number:06d}.avi", group=f"g{number // 7}", dtype="uint8", **shape)

    sequences = tuple(
        StoredSequence(info(number), f"part{number // 500}", number % 500 * 20) for number in range(100_000)
    )
    parts = tuple(f"part{number}" for number in range(200))
    write_index(
        tmp_path, StoreIndex(sequences=sequences, parts=parts, rejected=(), origin={}, division={}, version="1")
    )
    assert (tmp_path / "zarr.json").stat().st_size < 6_000_000
    begin = time.process_time()
    source = open_source(tmp_path)
    seconds = time.process_time() - begin
    assert len(source.sequences) == 100_000
    assert source.sequences[54_321].info.name == "video 054321.avi"
    assert seconds < 4, "about one second on a quiet machine"


def test_it_travels_to_other_processes_before_and_after_reading(store):
    source = open_source(store)
    for _ in range(2):
        parcel = pickle.dumps(source)
        assert len(parcel) < 10_000
        assert first_frames(pickle.loads(parcel)) == first_frames(source)


def _read_in_child(source: Source, connection: Any) -> None:
    connection.send(first_frames(source))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_copy_can_read_too(store):
    source = open_source(store)
    expected = first_frames(source)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_read_in_child, args=(source, theirs))
    child.start()
    try:
        assert ours.poll(20), "the forked process hangs"
        assert ours.recv() == expected
    finally:
        child.kill()
        child.join()
