"""KTH Actions: the ranges of the list, the persons of the splits, and plain words about what is missing."""

import pickle
import re
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError, NotAvailableError, SourceError
from framecast.sources.actions.kth import CLASSES, KthConfig
from framecast.sources.actions.kth_list import read_frame_ranges
from framecast.sources.open import open_source

LENGTH = 12
LIST = """
Training:   person11, 12

person01_boxing_d1\t\tframes\t1-5, 7-12
person11_boxing_d2\tframes\t2-4
person22_walking_d4   \tframes\t1-14, 13-20
person13_handclapping_d3\t*missing*
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory, encode):
    return encode(tmp_path_factory.mktemp("kth") / "clip.avi", "mpeg4", num_frames=LENGTH, g="6")


@pytest.fixture
def folder(tmp_path, clip):
    """Three videos in folders of their classes, and a list with the line ends of another system."""
    for name in ("boxing/person01_boxing_d1", "boxing/person11_boxing_d2", "walking/person22_walking_d4"):
        (tmp_path / "kth" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, tmp_path / "kth" / f"{name}_uncomp.avi")
    (tmp_path / "kth" / "00sequences.txt").write_bytes(LIST.replace("\n", "\r\n").encode())
    return tmp_path / "kth"


def kth(folder, **options):
    return open_source("kth", options={"folder": str(folder), **options})


def names(source):
    return [sequence.info.name for sequence in source.sequences]


def test_each_range_is_a_sequence_of_grey_frames(folder, clip):
    source = kth(folder)
    assert names(source) == [
        "person01_boxing_d1[1-5]",
        "person01_boxing_d1[7-12]",
        "person11_boxing_d2[2-4]",
        "person22_walking_d4[1-14]",
    ]
    entire = open_source(clip, options={"color": "grey"}).sequences[0].read()
    for sequence, (first, last) in zip(source.sequences, [(1, 5), (7, 12), (2, 4), (1, 12)], strict=True):
        assert (sequence.info.channels, sequence.info.dtype, sequence.info.value_range) == (1, "uint8", (0, 255))
        assert sequence.info.step_seconds == pytest.approx(0.04)
        np.testing.assert_array_equal(sequence.read(), entire[first - 1 : last])
        np.testing.assert_array_equal(sequence.read(1, 3), entire[first : first + 2])


def test_grey_is_the_brightness_of_the_colours(folder, clip):
    colours = open_source(clip).sequences[0].read().astype(float)
    luma = np.tensordot([0.299, 0.587, 0.114], colours, (0, 1))
    grey = kth(folder, ranges=False).sequences[0].read()[:, 0]
    assert np.abs(grey - luma).mean() < 1.5


def test_ranges_that_do_not_fit_their_video_are_told(folder):
    notes = " ".join(kth(folder).notes)
    assert "were cut, 1 in all: person22_walking_d4[1-14] by 2." in notes
    assert "1 frame range was left out, which begin after their video: person22_walking_d4[13-20]." in notes


def test_entire_videos_need_no_list(folder):
    (folder / "00sequences.txt").unlink()
    source = kth(folder, ranges=False)
    assert names(source) == ["person01_boxing_d1", "person11_boxing_d2", "person22_walking_d4"]
    assert {sequence.info.num_frames for sequence in source.sequences} == {LENGTH}
    with pytest.raises(SourceError, match=r"not 00sequences\.txt.*source\.list.*source\.ranges=false"):
        kth(folder)


def test_the_list_is_found_inside_beside_or_where_it_is_said_to_be(folder, tmp_path):
    expected = names(kth(folder))
    for place in ("kth/lists/00sequences.txt", "00sequences.txt", "mine.txt"):
        found = next(tmp_path.rglob("00sequences.txt"))
        (tmp_path / place).parent.mkdir(exist_ok=True)
        found.rename(tmp_path / place)
        options = {"list": str(tmp_path / place)} if place == "mine.txt" else {}
        assert names(kth(folder, **options)) == expected
    with pytest.raises(SourceError, match=r"list '.*nothing\.txt' cannot be read: No such file"):
        kth(folder, list=str(tmp_path / "nothing.txt"))


def test_missing_videos_are_counted_and_the_first_are_named(folder):
    notes = kth(folder).notes
    assert "596 of the 599 published videos are missing here: person01_boxing_d2, person01_boxing_d3" in " ".join(notes)
    assert "person13_handclapping_d3 is missing, as it was never published." in notes
    notes = kth(folder, classes=["walking"]).notes
    assert "99 of the 100 published videos are missing here: person01_walking_d1" in " ".join(notes)
    assert "handclapping" not in " ".join(notes)


def test_a_whole_class_is_not_told_to_be_missing(tmp_path, clip):
    for person in range(1, 26):
        for scene in range(1, 5):
            if (person, scene) != (13, 3):
                (tmp_path / f"person{person:02d}_handclapping_d{scene}_uncomp.avi").hardlink_to(clip)
    source = kth(tmp_path, ranges=False, classes=["handclapping"])
    assert source.notes == ("person13_handclapping_d3 is missing, as it was never published.",)
    of_person = {int(s.info.group.removeprefix("person")): s.info.split for s in source.sequences}
    assert of_person == {
        **dict.fromkeys((11, 12, 13, 14, 15, 16, 17, 18), "train"),
        **dict.fromkeys((19, 20, 21, 23, 24, 25, 1, 4), "validation"),
        **dict.fromkeys((22, 2, 3, 5, 6, 7, 8, 9, 10), "test"),
    }


def test_the_split_of_papers_on_prediction(folder):
    config = KthConfig(split="prediction")
    assert [config.split_of(person) for person in range(1, 26)] == ["train"] * 16 + ["test"] * 9
    assert [s.info.split for s in kth(folder, split="prediction").sequences] == ["train", "train", "train", "test"]
    assert {s.info.split for s in kth(folder, split="none").sequences} == {None}
    assert {s.info.group for s in kth(folder).sequences} == {"person01", "person11", "person22"}


def test_no_person_to_train_on_is_told(folder):
    assert not any("nothing to train on" in note for note in kth(folder).notes)
    notes = kth(folder, classes=["walking"]).notes
    assert any("into test, so there is nothing to train on. Set source.split=none" in note for note in notes)


def test_videos_may_lie_flat_under_shorter_names_and_other_endings(folder, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in folder.rglob("*.avi"):
        shutil.copy(path, flat / path.name.replace("_uncomp", ""))
    shutil.copy(folder / "00sequences.txt", flat)
    assert names(kth(flat)) == names(kth(folder))
    (flat / "again").mkdir()
    shutil.copy(flat / "person01_boxing_d1.avi", flat / "again" / "person01_boxing_d1.mp4")
    shutil.copy(flat / "person01_boxing_d1.avi", flat / "person26_boxing_d1.avi")
    source = kth(flat)
    assert names(source) == names(kth(folder))
    notes = " ".join(source.notes)
    assert "1 video was left out, because another one has the same name" in notes
    assert "1 video was left out, not being named as those of KTH Actions: person26_boxing_d1.avi." in notes


def test_videos_that_the_list_does_not_know_are_told(folder, clip):
    shutil.copy(clip, folder / "person02_running_d1_uncomp.avi")
    notes = " ".join(kth(folder).notes)
    assert "1 video was left out, of which the list names no frames: person02_running_d1." in notes
    with pytest.raises(SourceError, match=r"names no frames of the 1 videos.*source\.ranges=false"):
        kth(folder, classes=["running"])


def test_damaged_videos_are_put_aside(folder):
    (folder / "boxing" / "person11_boxing_d2_uncomp.avi").write_bytes(b"no film")
    source = kth(folder)
    assert "person11_boxing_d2[2-4]" not in names(source)
    (rejected,) = source.rejected
    assert rejected.path.endswith("person11_boxing_d2_uncomp.avi")
    for path in folder.rglob("*.avi"):
        path.write_bytes(b"")
    with pytest.raises(SourceError, match="None of the 3 videos of KTH Actions can be read"):
        kth(folder)


def test_a_source_travels_to_another_process_before_and_after_reading(folder):
    source = kth(folder)
    for _ in range(2):
        copy = pickle.loads(pickle.dumps(source))
        for one, other in zip(source.sequences, copy.sequences, strict=True):
            assert one.info == other.info
            np.testing.assert_array_equal(one.read(), other.read())


def test_without_the_data_it_is_told_how_to_get_it(tmp_path):
    parts = (
        "599 videos",
        "1.1 GB",
        "walking.zip",
        "https://www.csc.kth.se/cvap/actions/",
        "non-commercial",
        "boxing/person",
    )
    with pytest.raises(NotAvailableError, match=r"set source\.folder to it") as caught:
        open_source("kth")
    assert all(part in str(caught.value) for part in parts)
    with pytest.raises(SourceError, match="no folder") as caught:
        kth(tmp_path / "nowhere")
    assert all(part in str(caught.value) for part in parts)
    (tmp_path / "holiday.mp4").touch()
    with pytest.raises(SourceError, match=r"found \.mp4 \(1\), the first is 'holiday\.mp4'") as caught:
        kth(tmp_path)
    assert all(part in str(caught.value) for part in parts)


def test_the_folder_may_be_named_as_the_source(folder):
    assert names(open_source(folder, kind="kth")) == names(kth(folder))


def test_an_unknown_class_is_answered_with_the_choices(folder):
    with pytest.raises(ConfigurationError, match="'boxxing'; did you mean 'boxing'"):
        kth(folder, classes=["boxxing"])
    with pytest.raises(SourceError, match="holds no video of running; found person01_boxing_d1"):
        kth(folder, classes=["running"])


@pytest.mark.parametrize("rest", ["frames", "frames\t1, 2", "frames\t0-5", "frames\t7-3"])
def test_a_damaged_line_is_told_with_its_number(tmp_path, rest):
    (tmp_path / "x").write_text(f"\nperson01_boxing_d1\tframes\t1-2\nperson01_boxing_d2\t{rest}\n")
    with pytest.raises(SourceError, match=r"Line 3 of '.*x' names no frames of person01_boxing_d2"):
        read_frame_ranges(tmp_path / "x")


@pytest.mark.parametrize("content", [b"", b"Training: person11\n", b"\xff\xfe\x00\x01" * 100])
def test_a_file_that_is_no_list_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(SourceError, match="is no list of KTH Actions"):
        read_frame_ranges(tmp_path / "x")


RANGES = st.lists(
    st.tuples(st.integers(1, 999), st.integers(0, 99)).map(lambda r: (r[0], sum(r))), min_size=1, unique=True
)
CLIPS = st.builds("person{:02d}_{}_d{}".format, st.integers(1, 25), st.sampled_from(CLASSES), st.integers(1, 4))


@given(content=st.dictionaries(CLIPS, RANGES, min_size=1), spaces=st.sampled_from(["\t\t", " ", "    \t"]))
def test_a_list_comes_back_as_it_was_written(tmp_path_factory, content, spaces):
    path = tmp_path_factory.mktemp("list") / "00sequences.txt"
    lines = [
        f"{clip}{spaces}frames{spaces}{', '.join(f'{first}-{last}' for first, last in ranges)}"
        for clip, ranges in content.items()
    ]
    path.write_text("Some words\n\n" + "\n\n".join(lines))
    assert read_frame_ranges(path) == {clip: tuple(ranges) for clip, ranges in content.items()}


def test_the_published_list(test_data):
    path = test_data / "kth" / "00sequences.txt"
    ranges = read_frame_ranges(path)
    text = path.read_text()
    assert len(ranges) == 600
    assert [clip for clip, found in ranges.items() if not found] == ["person13_handclapping_d3"]
    assert sum(map(len, ranges.values())) == 2391 == len(re.findall(r"\d+-\d+", text))
    assert ranges["person01_boxing_d1"] == ((1, 95), (96, 185), (186, 245), (246, 360))
    config = KthConfig()
    for title, split in (("Training", "train"), ("Validation", "validation"), ("Test", "test")):
        line = re.search(rf"{title}:(.*)", text)[1]
        persons = {int(number) for number in re.findall(r"\d+", line)}
        assert {person for person in range(1, 26) if config.split_of(person) == split} == persons


def test_a_real_clip(test_data):
    source = kth(test_data / "kth")
    assert [sequence.info.num_frames for sequence in source.sequences] == [95, 90, 60, 115]
    assert {sequence.info.frame_shape for sequence in source.sequences} == {(1, 120, 160)}
    assert {sequence.info.step_seconds for sequence in source.sequences} == {0.04}
    colours = open_source(test_data / "kth" / "boxing", options={"color": "rgb"}).sequences[0].read(95, 185)
    assert np.abs(source.sequences[1].read().astype(int) - colours).max() <= 4


def test_what_every_reader_of_files_can_be_told(folder):
    source = kth(folder, pattern="*_d[24]*", group_pattern="_([a-z]+)_", step_seconds=0.1, drop_repeats=True)
    assert [(s.info.name, s.info.group) for s in source.sequences] == [
        ("person11_boxing_d2[2-4]", "boxing"),
        ("person22_walking_d4[1-14]", "walking"),
    ]
    assert {s.info.step_seconds for s in source.sequences} == {0.1}
    assert not any("missing" in note for note in source.notes)
    with pytest.raises(SourceError, match=r"None of the 3 videos in .* fits the pattern 'x'"):
        kth(folder, pattern="x")
