import re

import pytest

from tf_ssd.data.readers.yolo_folder import inside, named, open_folder
from tf_ssd.errors import DatasetError


@pytest.fixture
def root(tmp_path):
    """A folder of pictures, within which there is another of the same name."""
    for folder in ("pets/images/train", "pets/pets/train", "pets/train", "pets/content/train"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path / "pets"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("images/train", "images/train"),
        ("./images//train/", "images/train"),
        (r".\images\train", "images/train"),
        (".", "."),
        ("./", "."),
        ("../../images/train", "images/train"),
        ("/home/me/pets/images/train", "images/train"),
        (r"C:\pets\images\train", "images/train"),
        ("/content/train", "content/train"),  # the longest end that is there
        ("{root}/train", "train"),  # and not pets/train in it
        ("{root}", "."),
        ("data/images/train", None),
        ("images", "images"),
        ("images/gone", None),
        ("images/../../pets", None),
        ("/", None),
        ("..", None),
        ("/etc", None),
    ],
)
def test_what_a_path_means_in_a_folder(root, text, place):
    assert inside(root, text.format(root=root)) == place


def test_any_path_may_be_an_end_that_is_there(root):
    assert inside(root, "data/images/train", by_end=True) == "images/train"
    assert inside(root, "content/train", by_end=True) == "content/train"
    assert inside(root, "data/gone", by_end=True) is None


def test_a_folder_without_a_file_of_names(root):
    dataset = open_folder(root)
    assert (dataset.root, dataset.names, dataset.source, dataset.yaml) == (root, {}, root, None)
    files = "there is no data.yaml, nor any of classes.txt, labels/classes.txt, obj.names, so that nobody knows"
    with pytest.raises(DatasetError, match=f"^{re.escape(f'{root}: {files}')}"):
        named(dataset, None)
    assert named(dataset, ["dog", "cat"]).names == {0: "dog", 1: "cat"}


def test_names_come_from_their_file(root):
    (root / "obj.names").write_text("cat\ndog\n")
    dataset = open_folder(root)
    assert (dataset.names, dataset.source, dataset.yaml) == ({0: "cat", 1: "dog"}, root / "obj.names", None)
    assert named(dataset, ["x"]) is dataset


@pytest.mark.parametrize("name", ["pets.txt", "pets.png"])
def test_a_file_that_is_no_yaml_is_no_dataset(root, name):
    (root / name).write_text("names: [cat]\n")
    with pytest.raises(DatasetError, match=f"{name}: is neither a folder nor a YAML file; check --data"):
        open_folder(root / name)


def test_a_folder_may_have_the_name_of_a_yaml_file(root):
    (root / "pets.yaml").mkdir()
    (root / "pets.yaml/classes.txt").write_text("cat\n")
    assert open_folder(root / "pets.yaml").names == {0: "cat"}


def test_where_a_split_is_looked_for(root):
    dataset = open_folder(root)
    (root / "train.txt").touch()
    (root / "val.txt").touch()
    assert [dataset.places_of(split) for split in ("train", "val", "all")] == [("images/train",), ("val.txt",), ("images",)]
    (root / "images/train").rmdir()
    (root / "images").rmdir()
    assert [dataset.places_of(split) for split in ("train", "all")] == [("train",), (".",)]
    (root / "train/images").mkdir()
    assert dataset.places_of("train") == ("train/images",)
    places = ["images/gone", "gone/images", "gone", "gone.txt"]
    looked = ", ".join(str(root / place) for place in places)
    message = f"there are no images of a split 'gone'; there is none of {looked}; check --data and --split, or --eval-split"
    with pytest.raises(DatasetError, match=re.escape(f"{root}: {message}") + "$"):
        dataset.places_of("gone")
