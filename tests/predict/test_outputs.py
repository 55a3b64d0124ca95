import csv
import dataclasses
import json
import os

import numpy as np
import pytest

from tf_ssd.predict.detections import PictureDetections
from tf_ssd.predict.outputs import as_json, detection_files

ONE = PictureDetections(np.array([[1.0, 2, 11, 22]]), np.array([2], np.int32), np.array([0.75], np.float32), ("dog",), (80, 60))
NONE = PictureDetections(np.zeros((0, 4)), np.zeros(0, np.int32), np.zeros(0, np.float32), (), (80, 60))
ROW = {"category_id": 2, "bbox": [1, 2, 10, 20], "score": 0.75}


def read(folder) -> tuple[list, list]:
    with (folder / "detections.csv").open(newline="", encoding="utf-8") as file:
        return json.loads((folder / "detections.json").read_text()), list(csv.reader(file))


def test_detections_are_written_as_they_come(tmp_path):
    with detection_files(tmp_path) as found:
        for name, detections in (("a.jpg", ONE), ("b.jpg", NONE), ("ö#2", ONE)):
            found.add(name, detections)
        assert not (tmp_path / "detections.json").exists()
        assert (found.pictures, found.detections) == (3, 2)
    results, table = read(tmp_path)
    assert results == [{"image_id": "a.jpg", **ROW, "class": "dog"}, {"image_id": "ö#2", **ROW, "class": "dog"}]
    assert table == [
        ["image", "class", "score", "xmin", "ymin", "xmax", "ymax"],
        ["a.jpg", "dog", "0.7500", "1.00", "2.00", "11.00", "22.00"],
        ["ö#2", "dog", "0.7500", "1.00", "2.00", "11.00", "22.00"],
    ]


def test_a_model_without_class_map_has_no_names_to_write(tmp_path):
    with detection_files(tmp_path) as found:
        found.add("a.jpg", dataclasses.replace(ONE, names=("2",)))
    assert read(tmp_path)[0] == [{"image_id": "a.jpg", **ROW}]


def test_a_name_that_is_not_utf8_is_written_as_messages_show_it(tmp_path):
    with detection_files(tmp_path) as found:
        found.add(os.fsdecode(b"caf\xe9.jpg"), ONE)
    results, table = read(tmp_path)
    assert results[0]["image_id"] == table[1][0] == r"caf\udce9.jpg"


def test_files_of_others_are_not_replaced(tmp_path):
    (tmp_path / "detections.csv").write_text("a user's")
    with pytest.raises(FileExistsError), detection_files(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["detections.csv"]
    with detection_files(tmp_path, overwrite=True):
        pass
    assert read(tmp_path)[0] == []


def test_nothing_at_all(tmp_path):
    with detection_files(tmp_path):
        pass
    results, table = read(tmp_path)
    assert results == []
    assert len(table) == 1


def test_what_fails_is_taken_back(tmp_path):
    def add_and_fail(found):
        with found.all_or_nothing():
            found.add("ö", ONE)
            raise ValueError("too bad")

    with detection_files(tmp_path) as found:
        for fails in (True, False, True):
            if fails:
                with pytest.raises(ValueError, match="too bad"):
                    add_and_fail(found)
            else:
                with found.all_or_nothing():
                    found.add("kept", ONE)
        assert (found.pictures, found.detections) == (1, 1)
    results, table = read(tmp_path)
    assert [row["image_id"] for row in results] == ["kept"]
    assert [row[0] for row in table] == ["image", "kept"]


def test_an_interrupt_leaves_no_files(tmp_path):
    def interrupted():
        with detection_files(tmp_path) as found:
            found.add("a.jpg", ONE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_one_picture_as_json():
    assert json.loads(as_json(ONE)) == {"width": 80, "height": 60, "detections": [{"class": "dog", **ROW}]}
