"""Average precision by the rules of PASCAL VOC and of COCO."""

from collections.abc import Sequence

from tf_ssd.config import Metric
from tf_ssd.metrics.coco import coco
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth, check
from tf_ssd.metrics.scores import AveragePrecision, Curve
from tf_ssd.metrics.voc import voc

__all__ = ["AveragePrecision", "Curve", "ImageDetections", "ImageGroundTruth", "average_precision"]


def average_precision(
    detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], *, num_classes: int, metric: Metric
) -> AveragePrecision:
    """Average precision by `voc` at eleven points ("voc07"), by `voc` at all points ("voc12"), or by `coco`.

    Cost: linear in the number of images, except for sorting all scores of a class; within an image, detections times ground truth.

    Args:
        detections: one entry per image.
        ground_truth: one entry per image, in the same order.
        num_classes: C, background included.
        metric: "voc07", "voc12" or "coco".

    Raises:
        ValueError: the numbers of images differ, a label is not in 1..C-1, or a score is not finite.
    """
    check(detections, ground_truth, num_classes)
    match metric:
        case "coco":
            return coco(detections, ground_truth, num_classes=num_classes)
        case "voc07":
            return voc(detections, ground_truth, num_classes=num_classes, points="eleven")
        case "voc12":
            return voc(detections, ground_truth, num_classes=num_classes, points="all")
