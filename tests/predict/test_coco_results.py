import json

import numpy as np
import pytest

from tf_ssd.errors import DatasetError
from tf_ssd.predict.coco_results import DECIMALS, encoded, read_rows, results

BOXES_PX = np.array([[1.0, 2, 11, 22], [0.1, 0.2, 0.1 + 0.2, 700 / 3]])


def test_a_row_has_the_form_of_coco_and_no_noise_of_the_subtraction():
    rows = [json.loads(encoded(row)) for row in results("ö#2", BOXES_PX, [17, 18], np.float32([0.75, 0.5]))]
    assert rows[0] == {"image_id": "ö#2", "category_id": 17, "bbox": [1, 2, 10, 20], "score": 0.75}
    assert rows[1]["bbox"] == [0.1, 0.2, 0.2, 233.1333]


def test_what_is_written_is_read_back(tmp_path):
    rows = list(results(42, np.round(BOXES_PX, DECIMALS), [17, 18], np.float32([0.7, 0.3])))
    (tmp_path / "x.json").write_bytes(b"[" + b",".join(map(encoded, rows)) + b"]")
    assert read_rows(tmp_path / "x.json") == rows


def test_no_detections(tmp_path):
    assert list(results(1, np.zeros((0, 4)), [], np.zeros(0))) == []
    (tmp_path / "x.json").write_text("[]")
    assert read_rows(tmp_path / "x.json") == []


def test_each_box_needs_its_class_and_its_score():
    for ids, scores in (([17], [0.7, 0.3]), ([17, 18], [0.7])):
        with pytest.raises(ValueError, match="shorter"):
            list(results(42, BOXES_PX, ids, np.float32(scores)))


@pytest.mark.parametrize("bbox", [[0, 0, 1, 1e30], [0, 0, 1e30, 1], [-1e30, 0, 1, 1], [0, 0, -1, 1]])
def test_numbers_that_are_no_pixels_are_refused(tmp_path, bbox):
    row = {"image_id": 1, "category_id": 2, "bbox": bbox, "score": 0.5}
    (tmp_path / "x.json").write_text(json.dumps([row]))
    with pytest.raises(DatasetError, match=r"x\.json: cannot be used as COCO results \(.*bbox"):
        read_rows(tmp_path / "x.json")


def test_another_form_is_named(tmp_path):
    (tmp_path / "x.json").write_text('[{"image_id": 1}]')
    with pytest.raises(DatasetError, match=r"x\.json: cannot be used as COCO results \(.*category_id.*\); the form is \[\{"):
        read_rows(tmp_path / "x.json")
