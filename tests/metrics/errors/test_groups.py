import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster

from tests.metrics.errors.scene import at, detected, judged, random_scene, truth
from tf_ssd.metrics.coco import _detection_rows, _ground_truth_rows
from tf_ssd.metrics.errors.classes import mean_of_defined
from tf_ssd.metrics.errors.groups import by_crowding, by_size
from tf_ssd.metrics.images import ImageGroundTruth


def sized(side, left):
    return (left, 0, left + side, side)


SMALL, MEDIUM, LARGE = sized(31, 0), sized(32, 100), sized(96, 200)


def columns(groups):
    return [(group.name, group.ground_truth, group.ap, group.recall, group.recall_at_overall) for group in groups]


def test_sizes():
    rows = [(SMALL, 1, 0.9), (LARGE, 1, 0.4), (sized(20, 500), 1, 0.95), (sized(50, 500), 1, 0.3)]
    result = judged([detected(*rows)], [truth((SMALL, 1), (MEDIUM, 1), (LARGE, 1))])
    expected = [("small", 1, 0.5, 1, 1), ("medium", 1, 0, 0, 0), ("large", 1, 1, 1, 0)]
    assert columns(by_size(result, 0.5)) == expected
    assert [(group.low, group.high) for group in by_size(result, 0.5)] == [(0, 32**2), (32**2, 96**2), (96**2, np.inf)]


def test_the_size_of_an_object_is_that_of_its_outline():
    large = truth((LARGE, 1))
    thin = ImageGroundTruth(large.boxes_px, large.labels, large.left_out, large.crowd, np.array([900.0]))
    small, _, other = by_size(judged([detected((LARGE, 1, 0.9))], [thin]), 0.5)
    assert (small.ground_truth, small.ap, other.ground_truth) == (1, 1, 0)
    assert np.isnan([other.ap, other.recall, other.recall_at_overall]).all()


@pytest.mark.parametrize("seed", range(4))
def test_sizes_agree_with_coco_at_iou_50(seed):
    """It matches anew for each size, which only crowds of objects of several sizes show."""
    detections, ground_truth = random_scene(seed, crowds=True)
    frame = {"images": [{"id": number} for number in range(1, 16)], "categories": [{"id": label} for label in range(1, 4)]}
    rows = (_ground_truth_rows(ground_truth), _detection_rows(detections))
    evaluator = COCOeval_faster(*(COCO({**frame, "annotations": list(annotations)}) for annotations in rows), "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    precision = np.asarray(evaluator.eval["precision"])[0, :, :, 1:, -1].mean(axis=0)  # (C - 1, sizes), -1 where there are none
    expected = [mean_of_defined(np.where(of_size < 0, np.nan, of_size)) for of_size in precision.T]
    groups = by_size(judged(detections, ground_truth, num_classes=4, metric="coco"), 0)
    np.testing.assert_allclose([group.ap for group in groups], expected, atol=0.02)


def test_crowding():
    five = [(at(column), 1) for column in range(5)]
    detections = [
        detected((at(0), 1, 0.9)),
        detected((at(9), 1, 0.95)),
        detected(*((box, 1, 0.8) for box, _ in five[:4])),
        detected((at(0), 1, 0.2)),
    ]
    ground_truth = [truth((at(0), 1)), truth(), truth(*five), truth((at(0), 1), (at(1), 1), (at(2), 1), left_out=[2])]
    expected = [("1 object", 1, 0.5, 1, 1), ("2 to 4", 2, 0.5, 0.5, 0), ("5 to 9", 5, 0.8, 0.8, 0.8)]
    one, few, several, many = columns(by_crowding(judged(detections, ground_truth, num_classes=2), 0.5))
    for row, (name, *values) in zip((one, few, several), expected, strict=True):
        assert row[0] == name
        assert row[1:] == pytest.approx(values)
    assert many[:2] == ("10 or more", 0)


@pytest.mark.parametrize("groups", [by_size, by_crowding])
@pytest.mark.parametrize(("detections", "ground_truth"), [([], []), ([detected((at(0), 1, 0.5))], [truth()])])
def test_nothing_to_be_found(groups, detections, ground_truth):
    for group in groups(judged(detections, ground_truth), np.nan):
        assert group.ground_truth == 0
        assert np.isnan([group.ap, group.recall, group.recall_at_overall]).all()
