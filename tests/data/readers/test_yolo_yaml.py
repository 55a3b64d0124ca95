import pytest

from tf_ssd.data.readers.yolo_yaml import find_yaml, read_yaml
from tf_ssd.errors import DatasetError


@pytest.fixture
def read(tmp_path):
    """Write a data.yaml and read it."""

    def read(text: str):
        (tmp_path / "data.yaml").write_text(text)
        return read_yaml(tmp_path / "data.yaml")

    return read


@pytest.mark.parametrize("names", ["[cat, dog]", "\n- cat\n- dog", "{0: cat, 1: dog}", "\n  1: dog\n  0: ' cat '", '["cat", dog]'])
def test_names_are_a_list_or_numbered(read, names):
    assert list(read(f"names: {names}\n").names.items()) == [(0, "cat"), (1, "dog")]


def test_numbers_may_be_sparse(read):
    assert read("names: {7: dog, 2: cat}").names == {2: "cat", 7: "dog"}


def test_names_stay_as_they_are_written(read):
    """YAML would read these as a truth value, a number, a date and nothing."""
    assert list(read("names: [no, 007, 2020-01-01, ~]").names.values()) == ["no", "007", "2020-01-01", "~"]


@pytest.mark.parametrize(
    ("written", "places"),
    [
        ("images/train", ("images/train",)),
        ("[a, b]", ("a", "b")),
        ("\n  - a\n  - ./b.txt # comment", ("a", "./b.txt")),
        ("../train/images", ("../train/images",)),
        ("", ()),
    ],
)
def test_a_split_is_one_or_several_places(read, written, places):
    assert read(f"names: [cat]\ntrain: {written}\ntest:\n").places_of("train") == places


@pytest.mark.parametrize("split", ["train", "val", "valid", "validation", "test", "trainval", "minival"])
def test_the_names_of_splits(read, split):
    assert read(f"names: [cat]\n{split}: there\nkeep: there\n").splits == {split: ("there",)}


def test_what_else_is_read(read):
    described = read("path: ../pets\nnc: 1\nnames: [cat]\nkpt_shape: [17, 3]\ndownload: |\n  import os\nroboflow: {a: b}\n")
    assert (described.path, described.keypoints, described.downloads) == ("../pets", 51, True)


BAD = {
    "no names": ("train: images\n", r"data\.yaml: there are no names of classes; write 'names: \[first class"),
    "empty names": ("names: []\n", "there are no names of classes"),
    "empty file": ("", "is no list of settings"),
    "a list": ("- cat\n", "is no list of settings"),
    "one name": ("names: cat\n", "names: is neither a list of texts nor one of numbers and texts"),
    "a number": ("names: 7\n", "names: is neither"),
    "names that are lists": ("names: [[cat]]\n", "names: is neither"),
    "names without numbers": ("names: {cat: 0}\n", "names: is neither"),
    "a number twice": ("names: {0: cat, 00: dog}\n", "names: the number 00 is given twice"),
    "another count": ("nc: 3\nnames: [cat]\n", "nc is '3', but names has 1 class; correct one of them"),
    "no YAML": ("names: [cat\n", r"data\.yaml: cannot be used as YAML \(while parsing .*; correct the file"),
    "a tab": ("names:\n\t- cat\n", "cannot be used as YAML"),
    "a split of numbers": ("names: [cat]\ntrain: {a: b}\n", "train: is neither a folder, nor a list of folders"),
    "an empty place": ("names: [cat]\ntrain: [a, '']\n", "train: is neither a folder"),
    "a list as path": ("names: [cat]\npath: [a]\n", "path: is no text"),
    "key points": ("names: [cat]\nkpt_shape: 17\n", r"data\.yaml: kpt_shape: is no pair of numbers"),
    "three key points": ("names: [cat]\nkpt_shape: [17, 3, 2]\n", "kpt_shape: is no pair of numbers"),
    "key points in words": ("names: [cat]\nkpt_shape: [17, three]\n", "kpt_shape: is no pair of numbers"),
    "key points in key points": ("names: [cat]\nkpt_shape: [17, [3]]\n", "kpt_shape: is no pair of numbers"),
    "too deep": ("names: " + "[" * 1000, "cannot be used as YAML"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_files_are_named(read, text, message):
    with pytest.raises(DatasetError, match=message):
        read(text)


def test_nothing_in_a_file_is_ever_run(read, tmp_path):
    text = f"names: [cat]\ndownload: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n"
    assert read(text).names == {0: "cat"}
    assert not (tmp_path / "made").exists()


def test_an_alias_that_grows_without_bound_stays_small(read):
    text = "".join(f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 9)}]\n" for level in range(1, 30))
    with pytest.raises(DatasetError, match="names: is neither"):
        read(f"x0: &x0 [cat]\n{text}names: *x29\n")


def test_of_several_files_the_usual_one_is_taken(tmp_path):
    assert find_yaml(tmp_path) is None
    (tmp_path / "hyp.yaml").touch()
    assert find_yaml(tmp_path).name == "hyp.yaml"
    (tmp_path / "pets.yml").touch()
    with pytest.raises(DatasetError, match=r"several YAML files, hyp\.yaml, pets\.yml; give the one that is meant as --data"):
        find_yaml(tmp_path)
    (tmp_path / "data.yaml").touch()
    assert find_yaml(tmp_path).name == "data.yaml"
