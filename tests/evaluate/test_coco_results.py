import dataclasses
import json
import os

import numpy as np
import pytest

from tf_ssd.errors import DatasetError
from tf_ssd.evaluate.coco_results import read_results, write_results
from tf_ssd.evaluate.ground_truth import DatasetGroundTruth
from tf_ssd.metrics.images import ImageDetections

NO_IMAGE = None  # the ground truth itself is not looked at
TRUTH = DatasetGroundTruth(("cat", "dog", "cow"), (17, 18, None), (42, "000005", 7), (NO_IMAGE,) * 3)
ROW = {"image_id": 42, "category_id": 17, "bbox": [1, 2, 3, 4], "score": 0.5}


@pytest.fixture
def read(tmp_path):
    def read(rows):
        (tmp_path / "found.json").write_text(json.dumps(rows))
        return read_results(tmp_path / "found.json", TRUTH)

    return read


def test_rows_go_to_their_images_in_the_order_of_the_file(read):
    rows = [
        ROW,
        {**ROW, "image_id": "000005", "category_id": 18, "bbox": [0, 0, 0.5, 0]},
        {**ROW, "bbox": [5, 5, 5, 5], "score": 1},
    ]
    first, second, third = read(rows)
    assert first.boxes_px.tolist() == [[1, 2, 4, 6], [5, 5, 10, 10]]
    assert first.scores.tolist() == [0.5, 1]
    assert (second.labels.tolist(), second.boxes_px.tolist()) == ([2], [[0, 0, 0.5, 0]])
    assert third.boxes_px.shape == (0, 4)


def test_no_detections(read):
    assert [len(found.labels) for found in read([])] == [0, 0, 0]


@pytest.mark.parametrize("image_id", [42, 42.0, "42"])
def test_image_ids_may_be_numbers_or_text(read, image_id):
    assert len(read([{**ROW, "image_id": image_id}])[0].labels) == 1


def test_a_name_that_is_not_utf8_is_written_and_read_back(tmp_path):
    truth = DatasetGroundTruth(("cat",), (1,), (os.fsdecode(b"caf\xe9"),), (NO_IMAGE,))
    one = ImageDetections(np.array([[1.0, 2, 3, 4]]), np.array([1], np.int32), np.array([0.5]))
    assert write_results(tmp_path / "found.json", [one], truth) == 0
    (row,) = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert row["image_id"] == r"caf\udce9"
    (back,) = read_results(tmp_path / "found.json", truth)
    assert back.boxes_px.tolist() == [[1, 2, 3, 4]]


FILES = ("a/x.jpg", "b/x.jpg", "y.jpg")


def test_an_image_may_be_named_by_its_file(tmp_path):
    truth = dataclasses.replace(TRUTH, files=FILES)
    rows = [{**ROW, "image_id": "photos/b/x.jpg"}, {**ROW, "image_id": "y"}, {**ROW, "image_id": "photos/y.jpg"}]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    assert [len(found.labels) for found in read_results(tmp_path / "found.json", truth)] == [0, 1, 2]
    (tmp_path / "found.json").write_text(json.dumps([{**ROW, "image_id": "x.jpg"}]))
    with pytest.raises(
        DatasetError, match=r"\[0\]: 'x\.jpg' may be a/x\.jpg or b/x\.jpg; write the image's id, or more of its path"
    ):
        read_results(tmp_path / "found.json", truth)


def test_corners_that_are_all_fractions_are_refused(read):
    rows = [{**ROW, "bbox": [0.1, 0.2, 0.25, 0.5]}, {**ROW, "image_id": 7, "bbox": [0, 0, 1, 1]}]
    message = r"found\.json: no corner of any box is greater than 1 px; in image 42 the first box ends at x=0.35, y=0.7; these are"
    with pytest.raises(DatasetError, match=message):
        read(rows)
    assert len(read([*rows, ROW])[0].labels) == 2


def test_a_class_that_is_named_goes_before_its_number(read):
    first, *_ = read([{**ROW, "category_id": 18, "class": "cat"}, {**ROW, "category_id": 1, "class": "cow"}])
    assert first.labels.tolist() == [1, 3]
    with pytest.raises(
        DatasetError, match=r"\[0\]: there is no class 'bird'; there are 17 \(cat\), 18 \(dog\); give --classes the class map"
    ):
        read([{**ROW, "class": "bird"}])


def test_other_fields_are_ignored(read):
    assert len(read([{**ROW, "segmentation": {"counts": "x"}, "category_id": 17.0}])[0].labels) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image_id": 5}, r"\[1\]: there is no image with the id 5 in the dataset \(3 images, the first is 42\)"),
        ({"image_id": 42.5}, "no image with the id 42.5"),
        ({"image_id": "nowhere"}, "no image with the id 'nowhere'"),
        ({"category_id": 1}, r"\[1\]: there is no category with the id 1; there are 17 \(cat\), 18 \(dog\)"),
        ({"category_id": None}, r"cannot be used as COCO results .*category_id"),
        ({"bbox": [1, 2, -3, 4]}, r"cannot be used as COCO results .*>= 0.*bbox"),
        ({"bbox": [1, 2, 3]}, r"cannot be used as COCO results .*bbox"),
        ({"score": "high"}, r"cannot be used as COCO results .*score"),
        ({"score": float("nan")}, "cannot be used as COCO results"),
    ],
)
def test_what_cannot_be_used_is_named(read, tmp_path, changed, message):
    with pytest.raises(DatasetError, match=message) as error:
        read([ROW, {**ROW, **changed}])
    assert str(tmp_path / "found.json") in str(error.value)


@pytest.mark.parametrize("content", ["", "{}", "[", "[[" * 10_000])
def test_no_list_of_rows(tmp_path, content):
    (tmp_path / "found.json").write_text(content)
    with pytest.raises(DatasetError, match="the form is"):
        read_results(tmp_path / "found.json", TRUTH)
    with pytest.raises(DatasetError, match=r"gone\.json"):
        read_results(tmp_path / "gone.json", TRUTH)


def test_what_is_written_is_read_back(tmp_path):
    boxes = np.round(np.random.default_rng(0).uniform(0, 100, (50, 4)), 4)
    boxes[:, 2:] += 100
    scores = np.random.default_rng(1).random(50).astype(np.float32)
    nothing = ImageDetections(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    assert write_results(tmp_path / "x.json", [nothing, ImageDetections(boxes, np.full(50, 2), scores), nothing], TRUTH) == 0
    rows = json.loads((tmp_path / "x.json").read_text())
    assert rows[0].keys() == {"image_id", "category_id", "bbox", "score"}
    assert {(row["image_id"], row["category_id"]) for row in rows} == {("000005", 18)}
    _, back, _ = read_results(tmp_path / "x.json", TRUTH)
    np.testing.assert_allclose(back.boxes_px, boxes, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(back.scores, scores)


def test_classes_that_the_annotations_do_not_know_are_left_out_and_counted(tmp_path):
    found = ImageDetections(np.zeros((3, 4)), np.array([3, 1, 3]), np.zeros(3))
    nothing = ImageDetections(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    assert write_results(tmp_path / "x.json", [found, nothing, nothing], TRUTH) == 2
    assert len(json.loads((tmp_path / "x.json").read_text())) == 1
