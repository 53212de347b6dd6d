"""The one door: what a user may type, and what the answer is when it is wrong."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.files import FilesConfig, files_below, natural_key
from framecast.sources.open import open_source
from framecast.sources.table import SOURCES
from framecast.sources.writing import write_frames


def test_a_source_passes_through():
    source = open_source("random")
    assert open_source(source) is source
    assert open_source(source, kind="random") is source


@pytest.mark.parametrize("change", [{"kind": "video"}, {"options": {"seed": 1}}])
def test_an_open_source_cannot_be_changed(change):
    with pytest.raises(ConfigurationError, match="already open as 'random'"):
        open_source(open_source("random"), **change)


def test_a_generator_is_known_by_name_even_beside_a_folder_of_that_name(tmp_path, monkeypatch, waves):
    write_frames(tmp_path / "random" / "a.npy", waves(5, 8, 8), step_seconds=None)
    monkeypatch.chdir(tmp_path)
    assert open_source("random").kind == "random"
    assert open_source("./random").kind == "array"


def test_a_home_folder_may_be_shortened(tmp_path, monkeypatch, waves):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_frames(tmp_path / "a.npy", waves(5, 8, 8), step_seconds=None)
    assert open_source("~/a.npy").sequences[0].info.path == str(tmp_path / "a.npy")


def test_an_unknown_kind_is_answered_with_the_choices(tmp_path):
    with pytest.raises(ConfigurationError, match="no source 'vidio'; did you mean 'video'"):
        open_source(tmp_path, kind="vidio")


def test_an_unknown_setting_is_answered_with_the_choices():
    with pytest.raises(ConfigurationError, match="In 'source': There is no setting 'sead'; did you mean 'seed'"):
        open_source("random", options={"sead": 1})


def test_a_mistyped_generator_is_recognised():
    with pytest.raises(SourceError, match="did you mean 'moving-digits'"):
        open_source("moving-digit")


def test_a_mistyped_file_is_recognised(tmp_path):
    (tmp_path / "walking.mp4").touch()
    with pytest.raises(SourceError, match=r"no file or folder .*did you mean '.*walking\.mp4'"):
        open_source(tmp_path / "waking.mp4")


def test_a_missing_folder_is_said_to_be_missing(tmp_path):
    with pytest.raises(SourceError, match=r"The folder '.*nowhere' does not exist either"):
        open_source(tmp_path / "nowhere" / "x.mp4")


def test_a_missing_file_without_neighbours(tmp_path):
    with pytest.raises(SourceError, match=r"exists, but holds nothing of a similar name.*Known by name: moving-digits"):
        open_source(tmp_path / "x.mp4", kind="video")


def test_a_kind_given_as_a_place_is_explained():
    with pytest.raises(SourceError, match="'video' is a kind of source"):
        open_source("video")


def test_an_unreadable_folder_is_answered_with_what_was_found(tmp_path):
    for name in ("a.txt", "b.txt", "c.pdf", "d"):
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=r"found \.txt \(2\), \.pdf \(1\), no ending \(1\)\. Readable are .*\.mp4"):
        open_source(tmp_path)


def test_an_unreadable_file_is_answered_with_what_is_readable(tmp_path):
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04")
    with pytest.raises(SourceError, match=r"its ending is '\.docx'\. Readable are .*\.mp4"):
        open_source(tmp_path / "a.docx")


def test_content_is_recognised_without_an_ending(tmp_path, waves):
    for ending, kind in ((".mkv", "video"), (".gif", "video"), (".npy", "array"), (".tif", "images")):
        written = write_frames(tmp_path / f"x{ending}", waves(4, 8, 8), step_seconds=None)
        bare = written.rename(tmp_path / f"bare-{ending[1:]}")
        assert open_source(bare).kind == kind


def test_a_kind_can_be_forced_on_an_unknown_ending(tmp_path, waves):
    file = write_frames(tmp_path / "x.mp4", waves(4, 8, 8), step_seconds=None).rename(tmp_path / "x.bin")
    with pytest.raises(SourceError, match="setting the kind"):
        open_source(file)
    assert open_source(file, kind="video").sequences[0].info.num_frames == 4


def test_every_entry_opens_with_its_own_settings_class():
    for name in SOURCES:
        assert SOURCES.load(name).config_class() == SOURCES.load(name).config_class()


@given(st.lists(st.integers(0, 10**6), min_size=2, unique=True))
@settings(deadline=None, max_examples=30)
def test_numbers_in_names_are_counted(numbers):
    paths = [Path(f"walk {number}/t{number}.png") for number in numbers]
    assert sorted(paths, key=natural_key) == [Path(f"walk {number}/t{number}.png") for number in sorted(numbers)]


@given(st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), unique=True))
@settings(deadline=None, max_examples=50)
def test_every_name_has_its_one_place(names):
    paths = [Path(name) for name in names]
    other_order = paths[::-1]
    assert sorted(paths, key=natural_key) == sorted(other_order, key=natural_key)


def test_groups_take_the_first_bracket_or_the_entire_match():
    assert FilesConfig(group_pattern=r"v_(.+_g\d+)_c").group("Diving/v_Diving_g03_c01.avi") == "Diving_g03"
    assert FilesConfig(group_pattern=r"person\d+").group("boxing/person07_boxing_d1.avi") == "person07"
    assert FilesConfig(group_pattern=r"person\d+").group("other.avi") == ""


def test_files_are_sorted_and_others_noted(tmp_path):
    for name in ("b/t10.png", "b/t9.PNG", "a/t1.png", "t.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files, notes = files_below(tmp_path, (".png",))
    assert [file.relative_to(tmp_path).as_posix() for file in files] == ["a/t1.png", "b/t9.PNG", "b/t10.png"]
    assert notes == ("Files of other kinds were left out: .txt (1).",)
