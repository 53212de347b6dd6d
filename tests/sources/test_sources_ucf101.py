"""UCF-101: official splits from their lists, groups that stay together, and plain words about what is missing."""

import pickle
import re
import shutil

import numpy as np
import pytest

from framecast.clips.config import ClipsConfig
from framecast.clips.preparing import prepare_clips
from framecast.frames.errors import ConfigurationError, NotAvailableError, SourceError, SplitError
from framecast.sources.open import open_source

CLASSES = ("Diving", "HandStandPushups", "Bowling")
GROUPS = range(1, 5)


@pytest.fixture(scope="module")
def clip(tmp_path_factory, encode):
    return encode(tmp_path_factory.mktemp("ucf") / "clip.avi", "mpeg4", num_frames=10, g="6")


def place_of(name):
    """Folder and file of a clip; the folder of one class is spelled in another way."""
    return f"{name.split('_')[1].replace('HandS', 'Hands')}/{name}.avi"


@pytest.fixture
def folder(tmp_path, clip):
    """Three classes of four groups of two clips each; split n tests on group n, its lists end their lines with CRLF."""
    clips = [f"v_{one}_g{group:02d}_c{part:02d}" for one in CLASSES for group in GROUPS for part in (1, 2)]
    for name in clips:
        (tmp_path / "UCF-101" / place_of(name)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, tmp_path / "UCF-101" / place_of(name))
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    for number in (1, 2, 3):
        tested = [name for name in clips if f"_g{number:02d}_" in name]
        trained = [name for name in clips if name not in tested]
        (lists / f"testlist{number:02d}.txt").write_bytes("".join(f"{place_of(n)}\r\n" for n in tested).encode())
        (lists / f"trainlist{number:02d}.txt").write_bytes("".join(f"{place_of(n)} 7\r\n" for n in trained).encode())
    return tmp_path


def ucf(folder, **options):
    return open_source("ucf101", options={"folder": str(folder), **options})


def splits(source):
    return {sequence.info.name: sequence.info.split for sequence in source.sequences}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_official_split_is_that_of_its_lists(folder, number):
    source = ucf(folder, split_number=number)
    assert len(source.sequences) == 24
    for name, split in splits(source).items():
        assert split == ("test" if f"_g{number:02d}_" in name else "train"), name
    assert source.notes == ()


def test_the_first_split_is_what_one_gets_and_groups_stay_together(folder):
    source = ucf(folder)
    assert splits(source) == splits(ucf(folder, split_number=1))
    assert {sequence.info.group for sequence in source.sequences} == {
        f"{one}_g{group:02d}" for one in CLASSES for group in GROUPS
    }
    sets = prepare_clips(source, ClipsConfig(context=3, horizon=2))
    groups = {split: {name.rpartition("_c")[0] for name, _, _ in pieces} for split, pieces in sets.assignment().items()}
    assert all(groups.values())
    assert groups["test"] == {f"v_{one}_g01" for one in CLASSES}
    assert not groups["train"] & groups["validation"]


def test_without_a_number_the_clips_are_divided_by_group(folder):
    source = ucf(folder, split_number=None)
    assert set(splits(source).values()) == {None}
    assert source.notes == ()
    sets = prepare_clips(source, ClipsConfig(context=3, horizon=2))
    assert sets.splits.method == "group"


def test_frames_are_those_of_the_video(folder, clip):
    expected = open_source(clip).sequences[0].read()
    sequence = ucf(folder).sequences[5]
    assert sequence.info.frame_shape == (3, 48, 64)
    assert sequence.info.step_seconds == pytest.approx(0.04)
    np.testing.assert_array_equal(sequence.read(), expected)
    np.testing.assert_array_equal(sequence.read(4, 9), expected[4:9])


def test_lists_are_found_inside_beside_or_where_they_are_said_to_be(folder, tmp_path):
    expected = splits(ucf(folder))
    assert splits(ucf(folder / "UCF-101")) == expected
    shutil.move(folder / "ucfTrainTestlist", folder / "elsewhere")
    assert splits(ucf(folder / "UCF-101", lists=str(folder / "elsewhere"))) == expected
    for path in (folder / "elsewhere").iterdir():
        shutil.copy(path, folder / "UCF-101")
    assert splits(ucf(folder / "UCF-101")) == expected
    with pytest.raises(SourceError, match=r"nowhere' holds no trainlist01\.txt\. .*RecognitionTask\.zip"):
        ucf(folder, lists=str(folder / "nowhere"))


def test_without_lists_no_split_is_made_up(folder):
    shutil.rmtree(folder / "ucfTrainTestlist")
    source = ucf(folder)
    assert set(splits(source).values()) == {None}
    assert re.search(r"No ucfTrainTestlist/trainlist01\.txt was found .* so clips\.split divides", source.notes[0])


def test_clips_may_lie_flat(folder, tmp_path):
    (tmp_path / "flat").mkdir()
    for path in (folder / "UCF-101").rglob("*.avi"):
        shutil.copy(path, tmp_path / "flat")
    assert splits(ucf(tmp_path / "flat")) == splits(ucf(folder / "UCF-101"))


def test_classes_can_be_chosen_however_they_are_spelled(folder):
    source = ucf(folder, classes=["HandstandPushups", "diving"])
    assert {sequence.info.group.split("_")[0] for sequence in source.sequences} == {"HandStandPushups", "Diving"}
    assert len(source.sequences) == 16
    assert source.notes == ()
    with pytest.raises(ConfigurationError, match="'Bowlin'; did you mean 'Bowling'"):
        ucf(folder, classes=["Bowlin"])


def test_missing_clips_are_counted_and_the_first_are_named(folder):
    for path in (folder / "UCF-101" / "Bowling").iterdir():
        path.unlink()
    notes = " ".join(ucf(folder).notes)
    assert (
        "8 of the 24 listed clips are missing here: v_Bowling_g02_c01, v_Bowling_g02_c02, v_Bowling_g03_c01, …."
        in notes
    )
    assert ucf(folder, classes=["Diving"]).notes == ()


def test_clips_of_no_list_are_told_and_belong_to_no_split(folder, clip):
    shutil.copy(clip, folder / "UCF-101" / "Diving" / "v_Diving_g25_c01.avi")
    source = ucf(folder)
    assert splits(source)["v_Diving_g25_c01"] is None
    assert "1 clip was in neither list of the split: v_Diving_g25_c01." in source.notes


def test_nothing_to_train_on_is_told_with_the_way_out(folder):
    for path in (folder / "UCF-101").rglob("*.avi"):
        if "_g01_" not in path.name:
            path.unlink()
    source = ucf(folder)
    assert any("puts everything that is here into test" in n and "split_number=null" in n for n in source.notes)
    with pytest.raises(SplitError, match=r"nothing for the train split.*clips\.split\.by to group"):
        prepare_clips(source, ClipsConfig(context=3, horizon=2))
    prepare_clips(ucf(folder, split_number=None), ClipsConfig(context=3, horizon=2))


def test_damaged_clips_are_put_aside(folder):
    (folder / "UCF-101" / "Diving" / "v_Diving_g02_c01.avi").write_bytes(b"no film")
    source = ucf(folder)
    assert len(source.sequences) == 23
    assert [one.path.rpartition("/")[2] for one in source.rejected] == ["v_Diving_g02_c01.avi"]
    assert not any("missing" in note for note in source.notes)


@pytest.mark.parametrize("content", ["", "Diving 1\n", "Diving/v_Diving_g01_c01.avi 1\nsomething else\n"])
def test_a_damaged_list_is_refused(folder, content):
    (folder / "ucfTrainTestlist" / "trainlist01.txt").write_text(content)
    with pytest.raises(SourceError, match=r"trainlist01\.txt' is no list of UCF-101: \d of its \d lines name a clip"):
        ucf(folder)


def test_a_missing_half_of_a_list_is_told(folder):
    (folder / "ucfTrainTestlist" / "testlist01.txt").unlink()
    with pytest.raises(SourceError, match=r"testlist01\.txt' cannot be read: No such file"):
        ucf(folder)


def test_lists_that_contradict_each_other_are_refused(folder):
    shutil.copy(folder / "ucfTrainTestlist" / "trainlist01.txt", folder / "ucfTrainTestlist" / "testlist01.txt")
    with pytest.raises(SourceError, match=r"Both lists of official split 1 .* name v_Diving_g02_c01"):
        ucf(folder)


def test_a_source_travels_to_another_process_before_and_after_reading(folder):
    source = ucf(folder)
    for _ in range(2):
        copy = pickle.loads(pickle.dumps(source))
        for one, other in zip(source.sequences, copy.sequences, strict=True):
            assert one.info == other.info
            np.testing.assert_array_equal(one.read(2, 5), other.read(2, 5))


def test_without_the_data_it_is_told_how_to_get_it(tmp_path):
    parts = ("13,320 videos", "6.9 GB", "UCF101.rar", "https://www.crcv.ucf.edu/", "no licence", "ucfTrainTestlist/")
    with pytest.raises(NotAvailableError, match=r"set source\.folder to it") as caught:
        open_source("ucf101")
    assert all(part in str(caught.value) for part in parts)
    with pytest.raises(SourceError, match="found no files") as caught:
        ucf(tmp_path)
    assert all(part in str(caught.value) for part in parts)


def test_the_published_lists(test_data):
    for number, counts in ((1, (9537, 3783)), (2, (9586, 3734)), (3, (9624, 3696))):
        source = ucf(test_data / "ucf101", split_number=number)
        assert set(splits(source).values()) == {"test" if number == 1 else "train"}
        assert f"{sum(counts) - 17} of the {sum(counts)} listed clips are missing here" in " ".join(source.notes)


def test_the_published_lists_divide_tiny_clips_of_such_names(test_data, tmp_path, clip):
    """All clips of two classes, one of which is spelled in two ways; counted by other means than the reader's."""
    lists = test_data / "ucf101" / "ucfTrainTestlist"
    for number in (1, 2, 3):
        expected = {}
        for split in ("train", "test"):
            for line in (lists / f"{split}list{number:02d}.txt").read_text().split("\n"):
                if line.startswith(("HandstandPushups/", "Bowling/")):
                    expected[line.split()[0].split("/")[1].removesuffix(".avi")] = split
        for name in expected:
            path = tmp_path / place_of(name)
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                path.hardlink_to(clip)
        source = ucf(tmp_path, lists=str(lists), split_number=number, classes=["HandstandPushups", "Bowling"])
        assert splits(source) == expected
        assert source.notes == ()
        assert len(expected) == 128 + 155


def test_real_clips(test_data):
    source = ucf(test_data / "ucf101", split_number=None)
    assert len(source.sequences) == 17
    assert len({sequence.info.group for sequence in source.sequences}) == 5
    video = open_source(test_data / "ucf101" / "videos" / "Bowling" / "v_Bowling_g01_c01.avi").sequences[0]
    (bowling,) = [sequence for sequence in source.sequences if "Bowling" in sequence.info.name]
    assert bowling.info.num_frames == video.info.num_frames == 159
    np.testing.assert_array_equal(bowling.read(40, 45), video.read(40, 45))
