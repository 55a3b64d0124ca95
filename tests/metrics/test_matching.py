import numpy as np
import pytest

from tests.metrics.errors.scene import at, detected, random_scene, truth
from tf_ssd.metrics.coco import coco
from tf_ssd.metrics.errors.classes import average_precisions
from tf_ssd.metrics.matching import all_overlaps, coco_matching, first_of_each, voc_matching

WIDE, LEFT, RIGHT = (0, 0, 20, 10), (0, 0, 10, 10), (10, 0, 20, 10)  # IoU 1/2 of the first with the others


def matching(rule, detections, ground_truth):
    found = rule(detections, ground_truth, all_overlaps(detections, ground_truth), 0.5)
    return found.ground_truth.tolist(), found.hits.tolist(), found.left_out.tolist()


def test_what_overlaps_taken_ground_truth_most_takes_another_by_cocos_rule_only():
    detections, ground_truth = [detected((LEFT, 1, 0.9), (WIDE, 1, 0.8))], [truth((LEFT, 1), (RIGHT, 1))]
    assert matching(voc_matching, detections, ground_truth) == ([0, 0], [True, False], [False, False])
    assert matching(coco_matching, detections, ground_truth) == ([0, 1], [True, True], [False, False])


def test_rows_count_over_all_images():
    detections = [detected((at(1), 1, 0.5)), detected(), detected((at(2), 2, 0.5), (at(0), 1, 0.6))]
    ground_truth = [truth((at(1), 1)), truth((at(5), 1)), truth((at(0), 1), (at(2), 2))]
    for rule in (voc_matching, coco_matching):
        assert matching(rule, detections, ground_truth)[0] == [0, 3, 2]


def test_what_is_left_out_takes_detections_as_each_metric_wants():
    """VOC: any number, by IoU. COCO: any number inside a crowd, and one for another object."""
    inside, difficult, crowd = (0, 0, 5, 5), at(1), (0, 0, 10, 10)
    ground_truth = [truth((crowd, 1), (difficult, 1), crowd=[0], left_out=[0, 1])]
    detections = [detected((inside, 1, 0.9), (inside, 1, 0.8), (difficult, 1, 0.7), (difficult, 1, 0.6))]
    assert matching(voc_matching, detections, ground_truth) == ([-1, -1, 1, 1], [False] * 4, [False, False, True, True])
    assert matching(coco_matching, detections, ground_truth) == ([0, 0, 1, -1], [False] * 4, [True, True, True, False])


def test_of_a_class_and_image_coco_counts_a_hundred():
    rows = [(at(9), 1, 1 - number / 200) for number in range(100)]
    detections = [detected((at(0), 1, 0.1), *rows, (at(1), 2, 0.1)), detected((at(0), 1, 0.1))]
    ground_truth = [truth((at(0), 1), (at(1), 2)), truth((at(0), 1))]
    _, hits, left_out = matching(coco_matching, detections, ground_truth)
    assert np.flatnonzero(left_out).tolist() == [0]
    assert np.flatnonzero(hits).tolist() == [101, 102]


@pytest.mark.parametrize("rule", [voc_matching, coco_matching])
@pytest.mark.parametrize(
    ("detections", "ground_truth"),
    [([], []), ([detected()], [truth((at(0), 1))]), ([detected((at(0), 1, 0.5))], [truth()])],
)
def test_nothing_to_match(rule, detections, ground_truth):
    count = sum(len(image.labels) for image in detections)
    assert matching(rule, detections, ground_truth) == ([-1] * count, [False] * count, [False] * count)


@pytest.mark.parametrize("rule", [voc_matching, coco_matching])
def test_boxes_without_area_match_nothing(rule):
    flat = (5, 5, 5, 9)
    assert matching(rule, [detected((flat, 1, 0.5))], [truth((flat, 1), (flat, 1), crowd=[1], left_out=[1])])[0] == [-1]


def test_the_first_of_equal_scores():
    assert first_of_each(np.array([3, -1, 3, 0, 3]), np.array([0.5, 0.9, 0.7, 0.1, 0.7])).tolist() == [0, 0, 1, 1, 0]


def rounded_points(hits, precision, count):
    """As COCO's tools read the curve, at recalls that are rounded, such as 56 * 0.01 = 0.56 + 1e-16."""
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    return best[np.searchsorted(hits / count, np.linspace(0, 1, 101))].mean()


@pytest.mark.parametrize("seed", range(4))
def test_the_rule_of_coco_gives_its_average_precision_at_iou_50(seed):
    detections, ground_truth = random_scene(seed, crowds=True, difficult=True, anywhere=130)
    found = coco_matching(detections, ground_truth, all_overlaps(detections, ground_truth), 0.5)
    labels, scores = (np.concatenate([getattr(image, name) for image in detections]) for name in ("labels", "scores"))
    order, expected = np.argsort(-scores, kind="stable"), coco(detections, ground_truth, num_classes=4)
    order = order[~found.left_out[order]]
    values = average_precisions(labels, order, found.hits, expected.ground_truth_counts, rounded_points)
    np.testing.assert_allclose(values, expected.details["AP50"], rtol=1e-12)
