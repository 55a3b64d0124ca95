"""Average precision as the PASCAL VOC development kits compute it; NumPy only."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth
from tf_ssd.metrics.matching import IOU_THRESHOLD, all_overlaps, joined, voc_matching
from tf_ssd.metrics.points import all_points, eleven_points
from tf_ssd.metrics.scores import AveragePrecision, Curve


def voc(
    detections: Sequence[ImageDetections],
    ground_truth: Sequence[ImageGroundTruth],
    *,
    num_classes: int,
    points: Literal["eleven", "all"] = "all",
    iou_threshold: float = IOU_THRESHOLD,
) -> AveragePrecision:
    """Average precision per class and in the mean, at eleven recalls (VOC 2007) or at all of them (VOC 2010 and later).

    Within a class, detections are taken in order of score over all images; ties by image, then by row. Each is compared
    with the ground truth of its class and image that it overlaps most. If their IoU reaches the threshold it is a true
    positive, or a false positive if that ground truth is taken already; below the threshold it is a false positive.
    Ground truth that is left out is neither missed nor found: a detection whose IoU with it reaches the threshold is left out too.

    The kit counts corners as pixels that belong to the box, so that a box is xmax - xmin + 1 wide. Our pixels are edges, and the
    box of the kit's pixels 8..12 reaches from 7 to 12: the same width, and the same IoU of any two boxes.

    Args:
        detections: one entry per image.
        ground_truth: one entry per image, in the same order.
        num_classes: C, background included.
        points: "eleven": mean of the best precision at recall of at least 0, 0.1, ... 1; "all": area under the envelope.
        iou_threshold: in (0, 1]; an IoU equal to it is enough.

    Source: VOC development kits 2007 and 2012, VOCevaldet.m and VOCap.m.
    """
    labels = joined([image.labels for image in detections])  # (N,)
    scores = joined([image.scores for image in detections], float)  # (N,)
    matching = voc_matching(detections, ground_truth, all_overlaps(detections, ground_truth), iou_threshold)
    gt_labels = joined([image.labels for image in ground_truth])  # (M,)
    gt_left_out = joined([image.left_out for image in ground_truth], bool)  # (M,)

    average = eleven_points if points == "eleven" else all_points
    counts = np.bincount(gt_labels[~gt_left_out], minlength=num_classes)[1:]
    per_class = np.full(num_classes - 1, np.nan)
    curves = [Curve(np.zeros(0), np.zeros(0))] * (num_classes - 1)
    for label in np.flatnonzero(counts) + 1:
        chosen = np.flatnonzero((labels == label) & ~matching.left_out)
        order = chosen[np.argsort(-scores[chosen], kind="stable")]
        hits = np.cumsum(matching.hits[order])
        precision = hits / np.arange(1, len(hits) + 1)
        per_class[label - 1] = average(hits, precision, counts[label - 1])
        curves[label - 1] = Curve(hits / counts[label - 1], precision)
    mean = float(per_class[counts > 0].mean()) if counts.any() else np.nan
    return AveragePrecision(per_class, counts, mean, tuple(curves), {}, {"mAP": mean})
