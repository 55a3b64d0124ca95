import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.data.classes import check_class_names, read_class_names, require_class_names, write_class_names
from tf_ssd.errors import ConfigError, DatasetError, Place

NAMES = ("person", "traffic light", "Pferd", "鳥")


def test_line_i_is_label_i(tmp_path):
    path = tmp_path / "classes.txt"
    write_class_names(path, NAMES)
    assert path.read_text(encoding="utf-8") == "person\ntraffic light\nPferd\n鳥\n"
    assert read_class_names(path) == NAMES
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb\r\n", "\ufeffa\nb\n", " a\t\nb \n\n \n"])
def test_lines_as_editors_leave_them(tmp_path, text):
    (tmp_path / "classes.txt").write_bytes(text.encode())
    assert read_class_names(tmp_path / "classes.txt") == ("a", "b")


def test_a_json_list(tmp_path):
    (tmp_path / "classes.JSON").write_text(json.dumps(NAMES))
    assert read_class_names(tmp_path / "classes.JSON") == NAMES


BAD = {
    "empty": ("c.txt", b"", "there are no objects to take class names from; say"),
    "gap": ("c.txt", b"a\n\nb\n", "class 2 has no name; each"),
    "twice": ("c.txt", b"a\nb\na\n", "class names 1 and 3 are one name twice, 'a'; give"),
    "not UTF-8": ("c.txt", b"\xff\xfea", "cannot be read as a class map .*UTF-8"),
    "not JSON": ("c.json", b"[", "cannot be read as a class map"),
    "deep JSON": ("c.json", b"[" * 100_000, "cannot be read as a class map"),
    "no list": ("c.json", b'{"a": 1}', "not a JSON list of class names; write"),
    "numbers": ("c.json", b"[1, 2]", "not a JSON list of class names"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_class_map_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=f"{name}: {message}"):
        read_class_names(tmp_path / name)


def test_a_missing_class_map_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.txt: cannot be read as a class map .*No such file"):
        read_class_names(tmp_path / "gone.txt")


@given(st.lists(st.text(st.characters(codec=None), max_size=3), unique=True))
def test_what_is_written_is_read_back_or_refused(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("classes") / "classes.txt"
    try:
        write_class_names(path, names)
    except DatasetError:
        assert not path.exists()
        assert not names or any(name != name.strip() or len(name.splitlines()) != 1 or not name.isprintable() for name in names)
    else:
        assert read_class_names(path) == tuple(names)


@pytest.mark.parametrize("name", ["a\nb", " a", "", "\ufeffa", "\ud800", "a\u2028b"])
def test_a_name_that_would_not_come_back_is_not_written(tmp_path, name):
    (tmp_path / "classes.txt").write_text("precious\n")
    with pytest.raises(DatasetError, match=r"classes\.txt: "):
        write_class_names(tmp_path / "classes.txt", [name, "b"])
    assert (tmp_path / "classes.txt").read_text() == "precious\n"


def test_names_become_a_tuple():
    assert require_class_names(["a", "b"], Place("here")) == ("a", "b")


def test_equal_class_maps_pass():
    check_class_names(["a", "b"], ("a", "b"), "checkpoint")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (("a", "c", "b"), r"^checkpoint: .* label 2 is 'b' but 'c' \(3 and 3 classes\); use"),
        (("a", "b"), "label 3 is 'c' but no class"),
        (("a", "b", "c", "d"), "label 4 is no class but 'd'"),
    ],
)
def test_the_first_difference_is_shown(found, message):
    with pytest.raises(ConfigError, match=message):
        check_class_names(("a", "b", "c"), found, "checkpoint")
