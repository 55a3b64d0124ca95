import pytest

from tf_ssd.data.readers.tfrecord_files import label_map_file, record_files, splits_there
from tf_ssd.errors import DatasetError


@pytest.fixture
def folder(tmp_path):
    """Make empty files by their names, and give their folder."""

    def folder(*names: str):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return folder


@pytest.mark.parametrize(
    "names",
    [
        ["train.record"],
        ["train.tfrecord"],
        ["train.tfrecords.gz"],
        ["train.TFRecord"],
        ["train.record-00000-of-00002", "train.record-00001-of-00002"],
        ["train.record-00000-of-00002.gz", "train.record-00001-of-00002.gz"],
        ["train-00000-of-00001"],
        ["train-00000-of-00001.tfrecord"],
        ["pet_faces_train.record-00000-of-00002", "pet_faces_train.record-00001-of-00002"],
        ["coco-train.tfrecord"],
        ["train/Cells.tfrecord"],
        ["train/a.record", "train/b.record"],
    ],
)
def test_the_files_of_a_split(folder, names):
    root = folder(*names, "val.record", "strain.record", "train.txt", ".train.record", "train.record.bak", "valid/Cells.tfrecord")
    assert record_files(root, "train") == [root / name for name in names]


def test_the_whole_name_goes_before_one_that_ends_so(folder):
    root = folder("train.record", "pets_train.record", "cells_train.record", "a-val.record", "b-val.record")
    assert record_files(root, "train") == [root / "train.record"]
    assert record_files(root, "pets_train") == [root / "pets_train.record"]
    with pytest.raises(DatasetError, match="the split 'val' may be a-val or b-val; give the whole name as --split"):
        record_files(root, "val")


@pytest.mark.parametrize("digits", [5, 1])
def test_the_numbers_of_files_are_their_order(folder, digits):
    names = [f"train.record-{number:0{digits}d}-of-00011" for number in range(11)]
    assert [path.name for path in record_files(folder(*reversed(names)), "train")] == names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train.record-00000-of-00003"], "train: of 3 files 00001-of-00003 and 1 more are missing; put all files into the folder"),
        (["train.record-00000-of-00002"], "train: of 2 files 00001-of-00002 is missing; put all files into the folder"),
        (["train.record-00000-of-00001", "train.record-00000-of-00001.gz"], "of 1 files a number is given twice or too high"),
        (["train.record-00002-of-00002"], "00000-of-00002 and 1 more are missing"),
    ],
)
def test_all_of_several_files_must_be_there_once(folder, names, message):
    with pytest.raises(DatasetError, match=message):
        record_files(folder(*names), "train")


def test_what_was_looked_for_and_what_is_there_is_named(folder):
    root = folder("coco_val.record", "train/a.tfrecord")
    assert splits_there(root) == ["coco_val", "train"]
    forms = r"\S+test\.record, \S+test\.tfrecord, \S+test\.record-\?{5}-of-\?{5}, also with \.gz"
    message = rf"no TFRecords of a split 'test'; looked for {forms}, or such files in \S+test; .* are coco_val, train$"
    with pytest.raises(DatasetError, match=message):
        record_files(root, "test")
    with pytest.raises(DatasetError, match=r"check --data and --split, or --eval-split$"):
        record_files(root / "missing", "test")


def test_a_link_does_not_lead_out(folder, tmp_path):
    root = folder("data/a.txt").joinpath("data")
    (root / "train.record").symlink_to("/etc/passwd")
    with pytest.raises(DatasetError, match=r"train\.record: a symbolic link leads to /etc/passwd"):
        record_files(root, "train")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], None),
        (["label_map.pbtxt"], "label_map.pbtxt"),
        (["pets.pbtxt"], "pets.pbtxt"),
        (["graph.pbtxt", "pet_label_map.pbtxt"], "pet_label_map.pbtxt"),
        (["label_map.pbtxt", "train/Cells_label_map.pbtxt"], "train/Cells_label_map.pbtxt"),
    ],
)
def test_the_label_map_lies_beside_the_files_or_in_the_folder(folder, names, found):
    root = folder("train/a.tfrecord", *names)
    assert label_map_file(record_files(root, "train"), root) == (found and root / found)


def test_several_label_maps_are_refused(folder):
    root = folder("train.record", "a.pbtxt", "b.pbtxt")
    with pytest.raises(DatasetError, match=r"there are several label maps, a\.pbtxt, b\.pbtxt; leave the one that is meant"):
        label_map_file(record_files(root, "train"), root)
