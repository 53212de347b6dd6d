"""The one door: what a user may type, and what the answer is when it is wrong."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.sources.files import FilesConfig, files_below, holds, natural_key, walk
from framecast.sources.open import open_source
from framecast.sources.table import SOURCES
from framecast.sources.writing import write_frames
from framecast.workflows.prepare import prepare


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
    videos = [(ending, "video") for ending in (".mkv", ".gif", ".mp4", ".mov", ".avi", ".webm")]
    for ending, kind in (*videos, (".npy", "array"), (".tif", "images")):
        written = write_frames(tmp_path / f"x{ending}", waves(4, 8, 8), step_seconds=None)
        bare = written.rename(tmp_path / f"bare-{ending[1:]}")
        assert open_source(bare).kind == kind


def test_a_kind_can_be_forced_on_an_unknown_ending(tmp_path, waves):
    file = tmp_path / "x.bin"
    file.write_bytes(b"P5 3 2 255\n" + bytes(6))  # a pgm, which begins like any text
    with pytest.raises(SourceError, match="setting the kind"):
        open_source(file)
    assert open_source(file, kind="images").sequences[0].info.frame_shape == (1, 2, 3)


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


def test_digits_of_other_scripts_are_letters():
    paths = [Path("٣", "a.png"), Path("12", "a.png"), Path("abc", "a.png"), Path("²", "a.png")]
    assert sorted(paths, key=natural_key)[0] == Path("12", "a.png")


def test_a_group_pattern_that_finds_nothing_is_told(tmp_path, waves):
    for name in ("person01_a", "person01_b", "intro"):
        write_frames(tmp_path / f"{name}.npy", waves(3, 8, 8), step_seconds=None)
    misspelt = open_source(tmp_path, options={"group_pattern": "Person[0-9]+"})
    assert "group_pattern=Person[0-9]+ finds nothing in 3 of 3 names, such as 'intro.npy'" in misspelt.notes[-1]
    partly = open_source(tmp_path, options={"group_pattern": "person[0-9]+"})
    assert "finds nothing in 1 of 3 names" in partly.notes[-1]
    assert open_source(tmp_path, options={"group_pattern": "[a-z]"}).notes == open_source(tmp_path).notes


def test_a_pattern_typed_as_a_place_is_explained(tmp_path, waves):
    write_frames(tmp_path / "a.mp4", waves(3, 8, 8), step_seconds=None)
    with pytest.raises(SourceError, match=r"give the folder and set source\.pattern='\*\.mp4'"):
        open_source(tmp_path / "*.mp4")


def test_a_folder_that_may_not_be_looked_into_is_told(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(SourceError, match=r"The folder '.*' cannot be read: Permission denied"):
        open_source(tmp_path)


def test_a_folder_below_that_may_not_be_looked_into_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.png").touch()
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert list(walk(tmp_path)) == [tmp_path / "a.png"]


def test_only_files_that_are_asked_for_are_looked_at(tmp_path, monkeypatch):
    for number in range(20):
        (tmp_path / f"{number}.png").touch()
    looked_at = []
    monkeypatch.setattr("framecast.sources.files._waits", looked_at.append)
    assert not holds(tmp_path, (".mp4",))
    assert holds(tmp_path, (".mp4", ".png"))
    assert len(looked_at) == 1


def test_runs_and_prepared_stores_beside_recordings_are_none_of_them(tmp_path, waves):
    videos, run = tmp_path / "videos", tmp_path / "videos" / "runs" / "first"
    write_frames(videos / "a.mkv", waves(5, 16, 16), step_seconds=None)
    write_frames(run / "pictures" / "b.mkv", waves(5, 16, 16), step_seconds=None)
    for name in ("config.yaml", "run.json"):
        (run / name).touch()
    prepare(videos, out=videos / "a.zarr")
    source = open_source(videos)
    assert (source.kind, [sequence.info.name for sequence in source.sequences]) == ("video", ["a.mkv"])
    assert open_source(videos / "a.zarr").kind == "store"


def test_fields_beside_a_prepared_store_are_read_without_it(tmp_path, waves):
    write_frames(tmp_path / "rain.nc", waves(5, 16, 16), step_seconds=None)
    prepare(tmp_path / "rain.nc", out=tmp_path / "a.zarr")
    source = open_source(tmp_path)
    assert (source.kind, len(source.sequences), source.rejected) == ("fields", 1, ())
    assert "Prepared stores were left out (1), first 'a.zarr'." in source.notes


def test_a_run_typed_as_a_source_is_explained(tmp_path):
    for name in ("config.yaml", "run.json"):
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match="is a run, not recordings"):
        open_source(tmp_path)


def test_a_folder_of_prepared_stores_is_explained(tmp_path, waves):
    write_frames(tmp_path / "a.mkv", waves(5, 16, 16), step_seconds=None)
    prepare(tmp_path / "a.mkv", out=tmp_path / "stores" / "a.zarr")
    with pytest.raises(
        SourceError, match=r"holds prepared stores \(1\), which are given one by one, such as .*a\.zarr"
    ):
        open_source(tmp_path / "stores")


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
