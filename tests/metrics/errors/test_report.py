import time

import numpy as np
import pytest

from tests.metrics.errors.scene import at, detected, random_scene, truth
from tf_ssd.boxes_px import area
from tf_ssd.metrics import ImageDetections, ImageGroundTruth, average_precision
from tf_ssd.metrics.errors import error_report


@pytest.mark.parametrize("metric", ["voc07", "voc12"])
def test_all_parts_are_of_one_judgement(metric):
    detections, ground_truth = random_scene(2, difficult=True)
    report = error_report(detections, ground_truth, num_classes=4, metric=metric)
    assert report.lost.ap == average_precision(detections, ground_truth, num_classes=4, metric=metric).mean
    assert report.confusion.threshold == report.thresholds.overall
    hits = report.confusion.counts.diagonal()[1:]
    objects = sum(group.ground_truth for group in report.sizes)
    assert objects == sum(group.ground_truth for group in report.crowding) == report.confusion.counts[1:].sum()
    np.testing.assert_allclose(hits / report.confusion.counts[1:].sum(axis=1), report.thresholds.at_overall.recall)
    np.testing.assert_allclose(hits / report.confusion.counts[:, 1:].sum(axis=0), report.thresholds.at_overall.precision)
    assert report.calibration.counts.sum() == report.judged.detections.counted.sum()


@pytest.mark.parametrize("metric", ["voc07", "voc12", "coco"])
@pytest.mark.parametrize(
    ("detections", "ground_truth"),
    [([], []), ([detected()], [truth()]), ([detected()], [truth((at(0), 1))]), ([detected((at(0), 1, 0.5))], [truth()])],
)
def test_nothing_found_or_nothing_to_be_found(metric, detections, ground_truth):
    report = error_report(detections, ground_truth, num_classes=3, metric=metric)
    assert np.isnan(report.thresholds.overall)
    assert report.confusion.counts.sum() == sum(len(image.labels) for image in ground_truth)


def test_labels_of_nothing_may_be_floats():
    nothing = ImageDetections(np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    assert error_report([nothing], [truth((at(0), 1))], num_classes=3).confusion.counts.tolist() == [
        [0, 0, 0],
        [1, 0, 0],
        [0, 0, 0],
    ]


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="images: 1 with detections, 0 with ground truth"):
        error_report([detected()], [], num_classes=2)


@pytest.mark.parametrize("metric", ["voc12", "coco"])
def test_two_hundred_images_of_200_detections_take_little_time(metric):
    """Of this process, whatever runs beside it; of 5000 pictures 25 times as much."""
    random = np.random.default_rng(0)

    def boxes(count):
        low = random.uniform(0, 400, (count, 2))
        return np.hstack([low, low + random.uniform(5, 200, (count, 2))])

    detections = [ImageDetections(boxes(200), random.integers(1, 21, 200), random.random(200)) for _ in range(200)]
    ground_truth = []
    for _ in range(200):
        gt_boxes, none = boxes(7), np.zeros(7, bool)
        ground_truth.append(ImageGroundTruth(gt_boxes, random.integers(1, 21, 7), none, none, area(gt_boxes)))
    start = time.process_time()
    error_report(detections, ground_truth, num_classes=21, metric=metric)
    assert time.process_time() - start < 1.5
