import os
from pathlib import Path

import pytest

from tf_ssd.data.notes import Notes
from tf_ssd.data.paths import Files, check_inside, check_name, existing, files_of
from tf_ssd.errors import DatasetError, Place

LEADING_OUT = [
    "..",
    "../a",
    "x/../../a",
    "x/..",
    "/etc/passwd",
    "\\a",
    r"..\a",
    r"x\..\a",
    r"C:\a",
    "c:a",
    r"\\server\a",
    "a\0b",
]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_a_name_that_leads_out_is_refused(name):
    with pytest.raises(DatasetError, match=r"^labels\.csv: line 3: the file name '.*' leads out of the dataset's folder; write"):
        check_name(name, Place("labels.csv", "line 3"))


def test_no_name_is_refused():
    with pytest.raises(DatasetError, match=r"^labels\.csv: line 3: the file name is empty; name the file$"):
        check_name("", Place("labels.csv", "line 3"))


@pytest.mark.parametrize("name", ["a.jpg", "a/b.jpg", "a..b/c", "...", ".a", "a b", "ä:b", "a/c:b"])
def test_a_name_inside_is_not(name):
    check_name(name, Place("labels.csv"))


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_a_symbolic_link_out_is_refused(root):
    (root.parent / "secret").write_text("")
    (root / "link").symlink_to(root.parent / "secret")
    with pytest.raises(DatasetError, match=r"data/link: a symbolic link leads to .*/secret, out of .*/data; put"):
        check_inside(root / "link", root)


def test_so_is_a_file_below_a_link_to_a_folder(root):
    (root / "link").symlink_to("..")
    with pytest.raises(DatasetError, match="symbolic link"):
        check_inside(root / "link" / "secret", root)


def test_links_within_the_root_and_to_the_root_are_fine(root):
    (root / "a").write_text("")
    (root / "link").symlink_to(root / "a")
    (root.parent / "other").symlink_to(root)
    check_inside(root / "link", root)
    check_inside(root / "a", root.parent / "other")
    check_inside(root.parent / "other" / "link", root.parent / "other")


def test_a_folder_that_is_a_link_is_one_of_those_to_stay_in(root):
    (root.parent / "disk").mkdir()
    (root / "images").symlink_to(root.parent / "disk")
    check_inside(root / "images" / "a", root, root / "images")
    (root.parent / "disk" / "out").symlink_to("/etc")
    with pytest.raises(DatasetError, match="symbolic link leads to /etc/passwd"):
        check_inside(root / "images" / "out" / "passwd", root, root / "images")


def test_a_link_to_itself_stays_inside(root):
    (root / "loop").symlink_to(root / "loop")
    check_inside(root / "loop", root)


def files(root: Path, *names: str, suffixes=(".jpg", ".png")) -> tuple[Files, Notes]:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    notes = Notes()
    return Files(root, root, suffixes, notes), notes


def test_files_are_found_in_any_case_of_their_suffix(root):
    found, notes = files(root, "a.jpg", "b.JPG", "c.Png", "d.gif", "e", "f.g.jpg", "sub/h.PNG")
    assert found.names() == ["a", "b", "c", "f.g"]
    wanted = ("a", "b", "c", "f.g", "sub/h", "d", "e", "A", "gone")
    assert [found.find(name) for name in wanted] == ["a.jpg", "b.JPG", "c.Png", "f.g.jpg", "sub/h.PNG", None, None, None, None]
    assert notes.sentences() == ()


def test_hidden_files_and_folders_are_not_files(root):
    (root / "folder.jpg").mkdir()
    found, _ = files(root, ".jpg", "._a.jpg")
    assert found.names() == []


def test_of_several_suffixes_the_first_is_taken_and_the_others_are_noted(root):
    found, notes = files(root, "a.png", "a.JPG", "a.jpg")
    assert found.find("a") == "a.JPG"
    [note] = notes.sentences()
    assert note.startswith("files left out beside another of the same name: 2: ")
    assert "data/a.png (.JPG taken)" in note or "data/a.png (.jpg taken)" in note


@pytest.mark.parametrize("name", ["nowhere/a", "file.jpg/a"])
def test_a_subfolder_that_cannot_be_listed_is_named(root, name):
    found, _ = files(root, "file.jpg")
    with pytest.raises(DatasetError, match=f"{name[:-2]}: cannot be listed"):
        found.find(name)


def test_a_subfolder_that_a_link_leads_out_to_is_not_listed(root):
    found, _ = files(root, "a.jpg")
    (root / "link").symlink_to(root.parent)
    with pytest.raises(DatasetError, match="symbolic link"):
        found.find("link/a")


def test_a_folder_is_listed_once(root, monkeypatch):
    found, _ = files(root, "a.jpg")
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(folder) or scandir(folder))
    assert [found.find(name) for name in ("a", "b", "a")] == ["a.jpg", None, "a.jpg"]
    assert listed == [root]


def test_files_of_ids(root):
    found, notes = files(root, "a.jpg", "b.PNG")
    names = files_of(existing(["b", "a"], found, "image", notes), found)
    assert [names[0], names[1]] == ["b.PNG", "a.jpg"]
    with pytest.raises(DatasetError, match=r"data: there is no image 'c' \(\.jpg \.png\); add it or remove 'c'"):
        existing(["a", "c"], found, "image", notes)
