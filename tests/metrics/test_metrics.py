import numpy as np
import pytest

from tf_ssd.metrics import ImageDetections, ImageGroundTruth, average_precision

# TP FP TP of 2, in whole pixels
FIRST, SECOND, ELSEWHERE = (0, 0, 40, 40), (100, 0, 140, 40), (200, 200, 240, 240)
DETECTIONS = [ImageDetections(np.array([FIRST, ELSEWHERE, SECOND], float), np.ones(3, int), np.array([0.9, 0.8, 0.7]))]
TRUTH = [
    ImageGroundTruth(np.array([FIRST, SECOND], float), np.ones(2, int), np.zeros(2, bool), np.zeros(2, bool), np.full(2, 1600.0))
]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("voc07", (6 + 5 * 2 / 3) / 11), ("voc12", (1 + 2 / 3) / 2), ("coco", (51 + 50 * 2 / 3) / 101)],
)
def test_each_metric_reads_the_curve_at_its_own_recalls(metric, expected):
    scores = average_precision(DETECTIONS, TRUTH, num_classes=2, metric=metric)
    assert scores.mean == scores.per_class[0] == next(iter(scores.summary.values())) == pytest.approx(expected)
    assert scores.ground_truth_counts.tolist() == [2]


@pytest.mark.parametrize("metric", ["voc07", "voc12", "coco"])
def test_all_metrics_at_iou_50_agree_on_a_perfect_detector_and_on_a_useless_one(metric):
    found = ImageDetections(TRUTH[0].boxes_px, TRUTH[0].labels, np.ones(2))
    nothing = ImageDetections(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    assert average_precision([found], TRUTH, num_classes=2, metric=metric).mean == 1
    assert average_precision([nothing], TRUTH, num_classes=2, metric=metric).mean == 0


@pytest.mark.parametrize("metric", ["voc07", "voc12", "coco"])
def test_what_cannot_be_compared_is_refused(metric):
    with pytest.raises(ValueError, match="images: 1 with detections, 0 with ground truth"):
        average_precision(DETECTIONS, [], num_classes=2, metric=metric)
