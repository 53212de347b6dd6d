"""Arrays: every layout, honest guesses, memory-mapped reading, no pickles, damage told."""

import pickle
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.arrays.layouts import LAYOUTS, fitting_layouts, guess_layout
from framecast.sources.open import open_source

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 12, 3, 8, 9), np.uint8)
"""(N, T, C, H, W)."""


def arranged(layout: str) -> np.ndarray:
    """The frames in another layout; an axis that is left out is taken at 0."""
    kept = FRAMES[tuple(slice(None) if axis in layout else 0 for axis in "NTCHW")]
    rest = [axis for axis in "NTCHW" if axis in layout]
    return kept.transpose([rest.index(axis) for axis in layout])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_every_layout_gives_the_same_frames(layout, ending, tmp_path):
    path = tmp_path / f"x.{ending}"
    np.save(path, arranged(layout)) if ending == "npy" else np.savez_compressed(path, clips=arranged(layout))
    source = open_source(path, options={"layout": layout})
    assert source.layout == layout
    assert source.notes == ()
    assert len(source.sequences) == (5 if "N" in layout else 1)
    for index, sequence in enumerate(source.sequences):
        expected = FRAMES[index] if "C" in layout else FRAMES[index][:, :1]
        np.testing.assert_array_equal(sequence.read(), expected)
        np.testing.assert_array_equal(sequence.read(3, 7), expected[3:7])


@pytest.mark.parametrize(
    ("shape", "first", "certain"),
    [
        ((20, 10000, 64, 64), "TNHW", False),  # the published Moving MNIST test file
        ((10000, 20, 64, 64), "NTHW", False),
        ((8, 30, 64, 64), "NTHW", False),
        ((30, 8, 64, 64), "NTHW", False),
        ((20, 100, 64, 64), "NTHW", False),
        ((100, 64, 64, 3), "THWC", True),
        ((100, 64, 64, 1), "THWC", True),
        ((100, 1, 64, 64), "TCHW", True),
        ((100, 3, 64, 64), "TCHW", False),
        ((50, 64, 64), "THW", True),
        ((64, 64, 64), "THW", True),
        ((64, 64, 50), "HWT", False),
        ((30, 384, 384, 49), "NHWT", False),  # SEVIR
        ((30, 49, 384, 384), "NTHW", False),
        ((5, 20, 64, 64, 3), "NTHWC", True),
        ((5, 20, 3, 64, 64), "NTCHW", True),
        ((5, 20, 10, 24, 32), "NTCHW", False),
        ((5, 20, 24, 32, 10), "NTHWC", False),
    ],
)
def test_the_guess_from_a_shape_alone(shape, first, certain):
    assert fitting_layouts(shape)[0] == first
    assert (len(fitting_layouts(shape)) == 1) == certain
    assert guess_layout(np.broadcast_to(np.uint8(0), shape)) == first


@pytest.mark.parametrize("shape", [(), (4,), (4, 4), (2, 2, 2, 2, 2, 2)])
def test_other_numbers_of_axes_hold_no_frames(shape):
    assert fitting_layouts(shape) == ()
    with pytest.raises(ValueError, match="3 to 5 axes"):
        guess_layout(np.zeros(shape))


@given(st.integers(3, 5).flatmap(lambda axes: st.tuples(*[st.integers(1, 200)] * axes)))
@hypothesis_settings(deadline=None, max_examples=100)
def test_a_guess_names_each_axis_once(shape):
    for layout in fitting_layouts(shape):
        assert layout in LAYOUTS
        assert len(layout) == len(shape)


def drifting(num_sequences: int, num_frames: int) -> np.ndarray:
    """(N, T, H, W): a square that moves by two pixels a frame, from its own place in every sequence."""
    places = np.random.default_rng(1).integers(0, 32, (num_sequences, 2))
    clips = np.zeros((num_sequences, num_frames, 32, 32), np.uint8)
    for n in range(num_sequences):
        for t in range(num_frames):
            y, x = (places[n] + 2 * t) % 26
            clips[n, t, y : y + 6, x : x + 6] = 255
    return clips


@pytest.mark.parametrize(("num_sequences", "num_frames"), [(30, 8), (8, 30), (20, 20), (60, 20)])
def test_frames_tell_which_axis_is_time(num_sequences, num_frames):
    clips = drifting(num_sequences, num_frames)
    assert guess_layout(clips) == "NTHW"
    assert guess_layout(clips.swapaxes(0, 1)) == "TNHW"


def test_a_missing_border_does_not_hide_time():
    clips = drifting(30, 8).astype(np.float32)
    clips[..., :5] = np.nan
    assert guess_layout(clips.swapaxes(0, 1)) == "TNHW"


def test_noise_and_missing_values_leave_the_habit():
    noise = np.random.default_rng(0).random((20, 30, 8, 8))
    assert guess_layout(noise) == "NTHW"
    assert guess_layout(np.full_like(noise, np.nan)) == "NTHW"


def test_a_guess_is_told_and_can_be_overruled(tmp_path):
    np.save(tmp_path / "x.npy", drifting(30, 8).swapaxes(0, 1))
    source = open_source(tmp_path / "x.npy")
    assert source.layout == "TNHW"
    (note,) = source.notes
    assert "shape (8, 30, 32, 32), was guessed as TNHW; set source.layout to change it" in note
    assert len(source.sequences) == 30
    assert len(open_source(tmp_path / "x.npy", options={"layout": "NTHW"}).sequences) == 8


def test_names_count_with_equal_width_and_groups_are_their_own(tmp_path):
    np.save(tmp_path / "x.npy", drifting(12, 6))
    infos = [sequence.info for sequence in open_source(tmp_path).sequences]
    assert [info.name for info in infos][:3] == ["x.npy[00]", "x.npy[01]", "x.npy[02]"]
    assert all(info.group == info.name for info in infos)


@pytest.mark.parametrize(
    ("dtype", "value_range"),
    [
        ("uint8", (0, 255)),
        ("uint16", None),
        ("bool", (0, 1)),
        ("int16", None),
        ("int64", None),
        ("uint32", None),
        ("float16", None),
        ("float32", None),
        ("float64", None),
        (">f4", None),
        (">u2", None),
    ],
)
def test_types_are_kept_in_native_order(dtype, value_range, tmp_path):
    stored = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(dtype)
    np.save(tmp_path / "x.npy", stored)
    (sequence,) = open_source(tmp_path).sequences
    native = stored.dtype.newbyteorder("=")
    assert (sequence.info.dtype, sequence.info.value_range) == (str(native), value_range)
    frames = sequence.read()
    assert frames.dtype == native
    np.testing.assert_array_equal(frames[:, 0], stored.astype(native))
    (ranged,) = open_source(tmp_path, options={"value_range": [-5, 5]}).sequences
    assert ranged.info.value_range == (-5, 5)


@pytest.mark.parametrize(("dtype", "hole"), [("float32", np.nan), ("float64", -9999), ("int16", -9999), ("int64", 7)])
def test_missing_values_are_nan_where_the_user_names_them(tmp_path, dtype, hole):
    stored = np.ones((4, 5, 6), dtype)
    stored[1, 2, 3] = hole
    np.save(tmp_path / "x.npy", stored)
    (sequence,) = open_source(tmp_path, options={"missing": "nan" if np.isnan(hole) else hole}).sequences
    assert sequence.info.has_missing
    assert np.argwhere(np.isnan(sequence.read())).tolist() == [[1, 0, 2, 3]]
    assert np.nanmax(np.abs(sequence.read() - 1)) == 0


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_and_not_expected_is_refused(tmp_path, hole):
    stored = np.ones((4, 5, 6), np.float32)
    stored[2, 2, 3] = stored[3, 0, 0] = hole
    np.save(tmp_path / "x.npy", stored)
    (sequence,) = open_source(tmp_path).sequences
    sequence.read(0, 2)
    with pytest.raises(SourceError, match=r"'x.npy' holds 2 values .* in frame 2 .* set source.missing=nan"):
        sequence.read()
    assert np.isfinite(sequence.read(unexpected="keep")).sum() == 4 * 5 * 6 - 2


def test_columns_first_arrays_are_read_as_well(tmp_path):
    stored = np.asfortranarray(arranged("NTHWC"))
    np.save(tmp_path / "x.npy", stored)
    np.testing.assert_array_equal(open_source(tmp_path).sequences[2].read(), FRAMES[2])


def test_reading_a_large_file_takes_memory_for_the_frames_alone(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((20, 1000, 32, 32), np.uint8))
    tracemalloc.start()
    source = open_source(tmp_path, options={"layout": "TNHW"})
    for sequence in source.sequences[::100]:
        sequence.read(0, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(source.sequences) == 1000
    assert peak < 4_000_000  # the array has 20,480,000 bytes


def test_members_of_an_npz_are_sequences_and_others_are_noted(tmp_path):
    np.savez(tmp_path / "x.npz", a=arranged("THW"), b=arranged("NTHWC"), labels=np.arange(5), names=np.array(["a"]))
    source = open_source(tmp_path)
    assert [sequence.info.name for sequence in source.sequences][:2] == ["x.npz:a", "x.npz:b[0]"]
    assert source.layout == "THW, NTHWC"
    assert len(source.notes) == 2
    assert "'labels' in" in source.notes[0]
    assert "which is no plain number; it was left out" in source.notes[1]
    np.testing.assert_array_equal(source.sequences[1].read(), FRAMES[0])
    np.testing.assert_array_equal(source.sequences[0].read(), FRAMES[0, :, :1])


def test_a_member_can_be_chosen_by_name(tmp_path):
    np.savez(tmp_path / "x.npz", first=arranged("THW"), second=arranged("THWC"))
    (only,) = open_source(tmp_path / "x.npz", options={"key": "second"}).sequences
    np.testing.assert_array_equal(only.read(), FRAMES[0])
    with pytest.raises(SourceError, match=r"no array in 'x\.npz' called 'secund'; did you mean 'second'"):
        open_source(tmp_path / "x.npz", options={"key": "secund"})


def test_only_the_last_member_stays_in_memory_and_none_travels(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (50, 100, 100), np.uint8)
    np.savez_compressed(tmp_path / "x.npz", **{f"m{i}": noise + np.uint8(i) for i in range(6)})
    source = open_source(tmp_path)
    tracemalloc.start()
    for index, sequence in enumerate(source.sequences):
        np.testing.assert_array_equal(sequence.read(10, 11)[0, 0], noise[10] + np.uint8(index))
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert noise.nbytes <= held < 1.5 * noise.nbytes
    assert peak < 3.5 * noise.nbytes  # one member, and what decompressing it takes
    assert len(pickle.dumps(source)) < 10_000


def test_a_layout_that_does_not_fit_is_told(tmp_path):
    np.save(tmp_path / "x.npy", arranged("THW"))
    with pytest.raises(SourceError, match=r"has the shape \(12, 8, 9\), which does not fit the layout NTHW"):
        open_source(tmp_path, options={"layout": "NTHW"})
    with pytest.raises(ConfigurationError, match=r"'source\.layout' does not fit: found 'WHT'"):
        open_source(tmp_path, options={"layout": "WHT"})


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(5), r"has the shape \(5,\); frames need 3 to 5 axes"),
        (np.zeros((0, 4, 4)), r"which holds nothing"),
        (np.zeros((2, 4, 4), complex), r"has the type complex128, which is no plain number"),
        (np.array([{"a": 1}], dtype=object), r"holds Python objects, which are never loaded"),
    ],
)
def test_an_array_that_cannot_hold_frames_is_told(array, reason, tmp_path):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(SourceError, match=reason):
        open_source(tmp_path)


class Bomb:
    """An object whose loading would leave a trace."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_pickled_objects_are_never_loaded(ending, tmp_path):
    bombs = np.array([[[Bomb()]]], dtype=object)
    path = tmp_path / f"x.{ending}"
    np.save(path, bombs, allow_pickle=True) if ending == "npy" else np.savez(path, bombs)
    with pytest.raises(SourceError, match="never loaded because they can run code"):
        open_source(path)


@pytest.mark.parametrize("ending", ["npy", "npz"])
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "only its header"])
def test_damaged_files_are_told(ending, damage, tmp_path):
    path = tmp_path / f"x.{ending}"
    np.save(path, FRAMES) if ending == "npy" else np.savez_compressed(path, FRAMES)
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"hello " * 50, "cut": content[:-99]}.get(damage, content[:90]))
    reason = r"x\.np[yz]' is (cut off|no \.npz file)"
    with pytest.raises(SourceError, match=reason):
        open_source(path)
    np.save(tmp_path / "good.npy", arranged("THW"))
    source = open_source(tmp_path)
    assert [sequence.info.name for sequence in source.sequences] == ["good.npy"]
    assert source.notes == ()
    (rejected,) = source.rejected
    assert rejected.path == str(path)
    assert re.search(reason, rejected.reason)


def test_altered_numbers_are_found_when_they_are_read(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, clip=np.random.default_rng(0).integers(0, 256, (50, 40, 40), np.uint8))
    content = bytearray(path.read_bytes())
    content[60_000:60_020] = bytes(20)
    path.write_bytes(bytes(content))
    (sequence,) = open_source(path).sequences
    with pytest.raises(SourceError, match=r"'clip' in '.*x\.npz' is cut off, damaged"):
        sequence.read()
