"""HDF5: the data set that is meant, its layout and attributes, SEVIR's files, chunks read once, damage told."""

import pickle

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from framecast.frames.errors import SourceError
from framecast.sources.arrays.layouts import LAYOUTS
from framecast.sources.open import open_source

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 12, 3, 8, 9), np.uint8)
"""(N, T, C, H, W)."""


def arranged(layout: str) -> np.ndarray:
    """The frames in another layout; an axis that is left out is taken at 0."""
    kept = FRAMES[tuple(slice(None) if axis in layout else 0 for axis in "NTCHW")]
    rest = [axis for axis in "NTCHW" if axis in layout]
    return kept.transpose([rest.index(axis) for axis in layout])


def write(path, **data_sets):
    """Data sets by their names, ``__`` for a slash; a pair is the data and its attributes."""
    with h5py.File(path, "w") as file:
        for name, content in data_sets.items():
            data, attributes = content if isinstance(content, tuple) else (content, {})
            file.create_dataset(name.replace("__", "/"), data=data).attrs.update(attributes)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_frames(layout, tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("clips", data=arranged(layout), chunks=True, compression="gzip", shuffle=True)
    source = open_source(path, options={"layout": layout})
    assert (source.kind, source.layout, source.notes) == ("hdf5", layout, ())
    assert len(source.sequences) == (5 if "N" in layout else 1)
    for index, sequence in enumerate(source.sequences):
        expected = FRAMES[index] if "C" in layout else FRAMES[index][:, :1]
        np.testing.assert_array_equal(sequence.read(), expected)
        np.testing.assert_array_equal(sequence.read(3, 7), expected[3:7])


@given(start=st.integers(0, 11), length=st.integers(1, 12), index=st.integers(0, 4), layout=st.sampled_from(LAYOUTS))
@hypothesis_settings(deadline=None, max_examples=40)
def test_any_slice_of_any_sequence(start, length, index, layout, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("slices") / "x.h5", clips=arranged(layout))
    index = index if "N" in layout else 0
    sequence = open_source(path, options={"layout": layout}).sequences[index]
    stop = min(12, start + length)
    expected = (FRAMES[index] if "C" in layout else FRAMES[index][:, :1])[start:stop]
    np.testing.assert_array_equal(sequence.read(start, stop), expected)


def test_the_only_one_that_can_hold_frames_is_taken(tmp_path):
    path = write(tmp_path / "x.h5", radar__images=arranged("THW"), radar__labels=np.arange(12), note="hello")
    (sequence,) = open_source(path).sequences
    np.testing.assert_array_equal(sequence.read(), FRAMES[0][:, :1])


def test_several_are_listed_until_one_is_chosen(tmp_path):
    path = write(tmp_path / "x.h5", a=arranged("THW"), b__c=arranged("THW")[::-1])
    with pytest.raises(SourceError, match=r"2 data sets .* 'a' \(12, 8, 9\), 'b/c' \(12, 8, 9\)\. .*source\.key"):
        open_source(path)
    for key in ("b/c", "/b/c"):
        (sequence,) = open_source(path, options={"key": key}).sequences
        np.testing.assert_array_equal(sequence.read()[:, 0], arranged("THW")[::-1])
    with pytest.raises(SourceError, match=r"called 'b/d'; did you mean 'b/c'"):
        open_source(path, options={"key": "b/d"})


def test_nothing_that_fits_is_told_with_shapes(tmp_path):
    path = write(tmp_path / "x.h5", labels=np.arange(5), names=["a", "b"])
    with pytest.raises(SourceError, match=r"'labels' has the shape \(5,\); .*; 'names' holds texts"):
        open_source(path)
    with pytest.raises(SourceError, match="there is none"):
        open_source(write(tmp_path / "y.h5"))


def sevir(path, name="vil", dtype=np.uint8, num_events=4, side=16, **more):
    """Images of events, as SEVIR stores them: time last, the event's id beside them."""
    events = np.random.default_rng(1).integers(0, 256, (num_events, side, side, 7)).astype(dtype)
    ids = np.array([f"R1801{number:04d}".encode() for number in range(num_events)])
    return write(path, **{name: (events, more), "id": ids}), events


@pytest.mark.parametrize("name", ["vil", "vis", "ir069", "ir107"])
def test_sevir_is_known(name, tmp_path):
    path, events = sevir(tmp_path / "SEVIR_RANDOMEVENTS.h5", name, np.uint8 if name == "vil" else np.int16)
    source = open_source(path)
    assert (source.layout, source.notes) == ("NHWT", ())
    for number, sequence in enumerate(source.sequences):
        info = sequence.info
        assert (info.name, info.group) == (f"SEVIR_RANDOMEVENTS.h5[R1801{number:04d}]", f"R1801{number:04d}")
        assert (info.num_frames, info.step_seconds, info.fixed_orientation) == (7, 300, True)
        np.testing.assert_array_equal(sequence.read(2, 5)[:, 0], events[number].transpose(2, 0, 1)[2:5])


def test_ids_that_repeat_name_nothing(tmp_path):
    path = write(tmp_path / "x.h5", clips=arranged("NTHWC"), id=np.array([b"a"] * 5))
    assert [s.info.name for s in open_source(path).sequences] == [f"x.h5[{n}]" for n in range(5)]


def test_time_last_is_guessed_where_pictures_are_square(tmp_path):
    source = open_source(write(tmp_path / "x.h5", clips=np.zeros((6, 16, 16, 7), np.uint8)))
    assert source.layout == "NHWT"
    assert "was guessed as NHWT; set source.layout to change it" in source.notes[0]


def test_attributes_say_units_packing_and_missing_values(tmp_path):
    stored = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    attributes = {"units": "mm/h", "scale_factor": 0.5, "add_offset": -2.0, "_FillValue": np.int16(7)}
    (sequence,) = open_source(write(tmp_path / "x.h5", rain=(stored, attributes))).sequences
    assert (sequence.info.units, sequence.info.dtype, sequence.info.has_missing) == ("mm/h", "float32", True)
    frames = sequence.read()[:, 0]
    assert np.isnan(frames[0, 1, 2])
    np.testing.assert_array_equal(np.delete(frames.ravel(), 7), np.delete(stored.ravel() * 0.5 - 2, 7))
    (named,) = open_source(tmp_path / "x.h5", options={"units": "dBZ", "missing": 1.0, "step_seconds": 60}).sequences
    assert (named.info.units, named.info.step_seconds) == ("dBZ", 60)
    assert np.argwhere(np.isnan(named.read())).tolist() == [[0, 0, 1, 1], [0, 0, 1, 2]]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", ">u2", "int32", ">f4", "float16", "float64"])
def test_types_are_kept_in_native_order(dtype, tmp_path):
    stored = np.arange(60).reshape(3, 4, 5).astype(dtype)
    (sequence,) = open_source(write(tmp_path / "x.h5", v=stored)).sequences
    assert sequence.info.dtype == str(stored.dtype.newbyteorder("="))
    np.testing.assert_array_equal(sequence.read()[:, 0], stored)


def test_a_chunk_is_decompressed_once_for_all_frames_of_a_read(tmp_path, monkeypatch):
    """Time lies inside the chunks; every frame asked for by itself would decompress them again."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("vil", data=np.zeros((3, 16, 16, 40), np.uint8), chunks=(1, 16, 16, 40), compression="gzip")
    sequence = open_source(tmp_path / "x.h5", options={"layout": "NHWT"}).sequences[1]
    selections = []
    original = h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, key: (selections.append(key), original(self, key))[1])
    sequence.read(5, 35)
    assert selections == [(1, slice(None), slice(None), slice(5, 35))]


def test_no_file_stays_open_and_sequences_travel(tmp_path):
    path = write(tmp_path / "x.h5", clips=arranged("NTHWC"))
    source = open_source(path)
    source.sequences[0].read()
    with h5py.File(path, "r+") as file:  # refused while a reader holds it
        file["clips"][0] = 0
    copy = pickle.loads(pickle.dumps(source))
    assert not copy.sequences[0].read().any()
    assert len(pickle.dumps(source)) < 10_000


def test_a_file_that_changed_is_told(tmp_path):
    path = write(tmp_path / "x.h5", clips=arranged("THW"))
    (sequence,) = open_source(path).sequences
    write(path, clips=arranged("THW")[:5])
    with pytest.raises(SourceError, match=r"'clips' in '.*x\.h5' has changed since it was opened: .* \(5, 8, 9\)"):
        sequence.read()
    write(path, other=arranged("THW"))
    with pytest.raises(SourceError, match=r"x\.h5' is cut off, damaged"):
        sequence.read()


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "only its head"])
def test_damaged_files_are_rejected_while_others_are_read(damage, tmp_path):
    path = write(tmp_path / "bad.h5", clips=arranged("THW"))
    content = path.read_bytes()
    new = {"empty": b"", "text": b"hello " * 50, "cut": content[: len(content) // 2], "only its head": content[:90]}
    path.write_bytes(new[damage])
    with pytest.raises(SourceError, match=r"bad\.h5' is cut off, damaged, or not what its name says"):
        open_source(tmp_path)
    write(tmp_path / "good.h5", clips=arranged("THW"))
    source = open_source(tmp_path)
    assert [s.info.name for s in source.sequences] == ["good.h5"]
    assert [(rejected.path, "damaged" in rejected.reason) for rejected in source.rejected] == [(str(path), True)]


def test_altered_bytes_are_an_error_never_a_crash(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("clips", data=arranged("NTHW"), chunks=True, compression="gzip", fletcher32=True)
    content, draw, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in draw.integers(0, len(content), 8):
            damaged[place] ^= int(draw.integers(1, 256))
        path.write_bytes(bytes(damaged))
        try:
            for sequence in open_source(path).sequences:
                sequence.read()
        except SourceError:
            refused += 1
    assert refused > 100


def test_absurd_sizes_are_refused_without_reading(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("v", (10, 400_000, 400_000), "f4", chunks=(1, 100, 100))
    with pytest.raises(SourceError, match="400000x400000"):
        open_source(tmp_path)


def test_links_lead_nowhere(tmp_path):
    write(tmp_path / "other.h5", clips=arranged("THW"))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("here", data=arranged("THW"))
        file["circle"] = h5py.SoftLink("/")
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/clips")
    (sequence,) = open_source(tmp_path / "x.h5").sequences
    np.testing.assert_array_equal(sequence.read()[:, 0], arranged("THW"))
