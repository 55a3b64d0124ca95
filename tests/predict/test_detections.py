import json
import sys
from io import BytesIO

import numpy as np
import pytest
import supervision
import tensorflow as tf
from PIL import Image

from tf_ssd.predict.coco_results import read_rows
from tf_ssd.predict.detections import PictureDetections

TWO = PictureDetections(
    np.array([[1.0, 2, 11, 22], [0.5, 10, 40, 30.25]]),
    np.array([2, 1], np.int32),
    np.array([0.75, 0.5], np.float32),
    ("dog", "cat"),
    (80, 60),
)
NONE = PictureDetections(np.zeros((0, 4)), np.zeros(0, np.int32), np.zeros(0, np.float32), (), (80, 60))
GREY = np.full((60, 80), 128, np.uint8)


def encoded(**options) -> bytes:
    buffer = BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG", **options)
    return buffer.getvalue()


def test_drawn_into_every_form_of_the_picture(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded())
    expected = np.asarray(TWO.draw(GREY))
    assert expected.shape == (60, 80, 3)
    assert (expected != 128).any()
    for picture in (path, str(path), encoded(), Image.fromarray(GREY), np.stack([GREY] * 3, -1), tf.constant(GREY)):
        np.testing.assert_array_equal(TWO.draw(picture), expected)
    assert (GREY == 128).all()


def test_drawn_into_a_picture_that_is_turned_as_the_detector_turns_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, shown standing
    stored = BytesIO()
    Image.fromarray(GREY).save(stored, "JPEG", exif=exif)
    standing = PictureDetections(TWO.boxes_px, TWO.labels, TWO.scores, TWO.names, (60, 80))
    assert standing.draw(stored.getvalue()).size == (60, 80)


def test_nothing_is_drawn_of_nothing():
    assert (np.asarray(NONE.draw(GREY)) == 128).all()


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (GREY.T, r"of a picture of 80 x 60 pixels, and this one of 60 x 80 \(width x height\)"),
        (GREY / 255, r"a picture is \(H, W, 3\) or \(H, W\) uint8, not \(60, 80, 3\) float64"),
    ],
)
def test_another_picture_is_refused(picture, message):
    with pytest.raises(ValueError, match=message):
        TWO.draw(picture)


def test_coco_results():
    rows = TWO.to_coco(42)
    assert rows[0] == {"image_id": 42, "category_id": 2, "bbox": [1, 2, 10, 20], "score": 0.75, "class": "dog"}
    assert rows[1]["bbox"] == [0.5, 10, 39.5, 20.25]
    assert NONE.to_coco(42) == []


def test_coco_results_are_read_by_evaluate(tmp_path):
    (tmp_path / "found.json").write_text(json.dumps(TWO.to_coco("a.jpg")))
    assert read_rows(tmp_path / "found.json") == list(TWO.coco_results("a.jpg"))


def test_supervision():
    found = TWO.to_supervision()
    np.testing.assert_array_equal(found.xyxy, TWO.boxes_px)
    assert found.class_id.tolist() == [1, 0]  # places in the class map, from 0
    assert found.confidence.tolist() == [0.75, 0.5]
    cats = found[found.data["class_name"] == "cat"]
    assert (len(cats), cats.box_area.tolist()) == (1, [39.5 * 20.25])


def test_nothing_for_supervision():
    found = NONE.to_supervision()
    assert found.is_empty()
    assert len(supervision.Detections.merge([found, TWO.to_supervision()])) == 2


def test_supervision_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ImportError, match=r"to_supervision: .*; pip install supervision"):
        TWO.to_supervision()
