"""The published Moving MNIST sequences: read as they lie, for testing unless told otherwise, other files refused."""

import pickle

import numpy as np
import pytest

from framecast.clips.config import ClipsConfig
from framecast.clips.preparing import prepare_clips
from framecast.frames.errors import FramecastError, SourceError, SplitError
from framecast.sources.open import open_source

PUBLISHED = np.random.default_rng(0).integers(0, 256, (20, 7, 64, 64), np.uint8)


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "mnist_test_seq.npy", PUBLISHED)
    return tmp_path / "mnist_test_seq.npy"


def test_every_sequence_is_that_of_the_file(file):
    source = open_source("moving-mnist-file", options={"file": str(file)})
    assert [sequence.info.name for sequence in source.sequences] == [f"mnist_test_seq[{i:04d}]" for i in range(7)]
    for index, sequence in enumerate(pickle.loads(pickle.dumps(source)).sequences):
        assert (sequence.info.split, sequence.info.group) == ("test", sequence.info.name)
        assert sequence.info.value_range == (0, 255)
        np.testing.assert_array_equal(sequence.read()[:, 0], PUBLISHED[:, index])
        np.testing.assert_array_equal(sequence.read(3, 9)[:, 0], PUBLISHED[3:9, index])


def test_what_was_read_belongs_to_the_caller(file):
    sequence = open_source("moving-mnist-file", options={"file": str(file)}).sequences[0]
    sequence.read()[:] = 0
    np.testing.assert_array_equal(sequence.read()[:, 0], PUBLISHED[:, 0])


def test_sequences_are_for_testing_unless_they_are_divided(file):
    config = ClipsConfig(context=10, horizon=10)
    source = open_source("moving-mnist-file", options={"file": str(file)})
    assert "source.role=divide" in source.notes[0]
    with pytest.raises(SplitError, match="nothing for the train split"):
        prepare_clips(source, config)
    divided = open_source("moving-mnist-file", options={"file": str(file), "role": "divide"})
    assert divided.notes == ()
    sets = prepare_clips(divided, config)
    assert [len(clips) for clips in (sets.train, sets.validation, sets.test)] == [5, 1, 1]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (PUBLISHED.swapaxes(0, 1), r"\(7, 20, 64, 64\)"),
        (PUBLISHED.astype(np.float32), "float32"),
        (PUBLISHED[:, :0], r"\(20, 0, 64, 64\)"),
        (PUBLISHED[:, :, :32], r"\(20, 7, 32, 64\)"),
        (np.array([{"a": 1}], object), "damaged, or no .npy file"),
    ],
)
def test_another_array_is_refused(tmp_path, content, found):
    np.save(tmp_path / "x.npy", content, allow_pickle=True)
    with pytest.raises(SourceError, match=found):
        open_source("moving-mnist-file", options={"file": str(tmp_path / "x.npy")})


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1], lambda _: b"", lambda _: b"\x93NUMPY", lambda _: b"x"]
)
def test_damage_is_told(file, damage):
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(SourceError, match=r"mnist_test_seq\.npy' is cut off, damaged, or no \.npy file"):
        open_source("moving-mnist-file", options={"file": str(file)})


def test_a_file_that_is_not_there_is_told_with_its_size(tmp_path):
    with pytest.raises(FramecastError, match=r"no file '.*nothing\.npy'.*819 MB, http.*have it downloaded"):
        open_source("moving-mnist-file", options={"file": str(tmp_path / "nothing.npy")})
