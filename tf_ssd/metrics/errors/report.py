"""All that can be said about the errors of a detector on a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass

from tf_ssd.config import Metric
from tf_ssd.metrics.errors.calibration import Calibration, calibration
from tf_ssd.metrics.errors.confusion import Confusion, confusion
from tf_ssd.metrics.errors.groups import Group, by_crowding, by_size
from tf_ssd.metrics.errors.judged import Judged
from tf_ssd.metrics.errors.judging import judge
from tf_ssd.metrics.errors.lost import LostAP, lost_ap
from tf_ssd.metrics.errors.thresholds import Thresholds, operating_thresholds
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth, check


@dataclass(frozen=True, eq=False)
class ErrorReport:
    """The errors of a detector; everything at IoU 0.5.

    Attributes:
        judged: what each detection and each ground-truth box turned out to be.
        thresholds: precision, recall and F1 over the score threshold, and the best thresholds.
        confusion: the confusion matrix at the best threshold for all classes together.
        lost: the average precision that each kind of error costs.
        sizes: small, medium and large objects.
        crowding: objects by how many there are in their picture.
        calibration: scores beside the share of hits.
    """

    judged: Judged
    thresholds: Thresholds
    confusion: Confusion
    lost: LostAP
    sizes: tuple[Group, ...]
    crowding: tuple[Group, ...]
    calibration: Calibration


def error_report(
    detections: Sequence[ImageDetections],
    ground_truth: Sequence[ImageGroundTruth],
    *,
    num_classes: int,
    metric: Metric = "voc12",
) -> ErrorReport:
    """Judge every detection, and sum up.

    Crowds, difficult objects and whatever else is left out are treated as the metric treats them; see `judge`.

    Args:
        detections: one entry per image.
        ground_truth: one entry per image, in the same order.
        num_classes: C, background included.
        metric: by whose rule detections find ground truth, and average precision is read.

    Raises:
        ValueError: the numbers of images differ, a label is not in 1..C-1, or a score is not finite.
    """
    check(detections, ground_truth, num_classes)
    judged = judge(detections, ground_truth, num_classes=num_classes, metric=metric)
    thresholds = operating_thresholds(judged)
    return ErrorReport(
        judged=judged,
        thresholds=thresholds,
        confusion=confusion(judged, thresholds.overall),
        lost=lost_ap(judged),
        sizes=by_size(judged, thresholds.overall),
        crowding=by_crowding(judged, thresholds.overall),
        calibration=calibration(judged),
    )
