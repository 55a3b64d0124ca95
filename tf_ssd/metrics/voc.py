"""Average precision as the PASCAL VOC development kits compute it; NumPy only."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tf_ssd.boxes_px import iou
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth
from tf_ssd.metrics.scores import AveragePrecision, Curve

UNMATCHED = -1
IOU_THRESHOLD = 0.5
TENTHS = np.arange(11)  # the recalls 0, 0.1, ... 1 as whole numbers


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
    labels = np.concatenate([np.zeros(0, int), *(image.labels for image in detections)])  # (all D,)
    scores = np.concatenate([np.zeros(0), *(image.scores for image in detections)])  # (all D,)
    matches = _matches(detections, ground_truth, iou_threshold)  # (all D,)
    gt_labels = np.concatenate([np.zeros(0, int), *(image.labels for image in ground_truth)])  # (all G,)
    gt_left_out = np.concatenate([np.zeros(0, bool), *(image.left_out for image in ground_truth)])  # (all G,)
    counted = ~np.append(gt_left_out, False)[matches]  # UNMATCHED, -1, picks the False that is appended

    average = eleven_points if points == "eleven" else all_points
    counts = np.bincount(gt_labels[~gt_left_out], minlength=num_classes)[1:]
    per_class = np.full(num_classes - 1, np.nan)
    curves = [Curve(np.zeros(0), np.zeros(0))] * (num_classes - 1)
    for label in np.flatnonzero(counts) + 1:
        chosen = np.flatnonzero((labels == label) & counted)
        order = chosen[np.argsort(-scores[chosen], kind="stable")]
        hits = np.cumsum(_first_hits(matches[order]))
        precision = hits / np.arange(1, len(hits) + 1)
        per_class[label - 1] = average(hits, precision, counts[label - 1])
        curves[label - 1] = Curve(hits / counts[label - 1], precision)
    mean = float(per_class[counts > 0].mean()) if counts.any() else np.nan
    return AveragePrecision(per_class, counts, mean, tuple(curves), {}, {"mAP": mean})


def eleven_points(hits: np.ndarray, precision: np.ndarray, count: int) -> float:
    """Mean over r = 0, 0.1, ... 1 of the best precision at a recall of at least r, which is 0 where r is not reached.

    `hits` (N,) counts true positives by falling score, `precision` (N,) goes with it; `count` boxes are to be found. Recalls are
    compared as whole numbers: as floats, 3 of 10 would not reach 3 * 0.1 = 0.30000000000000004.
    """
    needed = -(-TENTHS * count // 10)  # (11,) hits
    first = np.searchsorted(hits, needed)  # (11,)
    return float(np.append(_envelope(precision), 0)[first].sum() / len(TENTHS))


def all_points(hits: np.ndarray, precision: np.ndarray, count: int) -> float:
    """Area under the best precision at a recall of at least r, over all r; arguments as for `eleven_points`."""
    return float(np.sum(_envelope(precision) * np.diff(hits, prepend=0)) / count)


def _matches(detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], iou_threshold: float) -> np.ndarray:
    """For each detection of all images, the number of the ground truth it matches, counted over all images, or UNMATCHED."""
    matches, first_row = [np.zeros(0, int)], 0
    for found, truth in zip(detections, ground_truth, strict=True):
        rows = _matched_rows(found, truth, iou_threshold)  # (D,)
        matches.append(np.where(rows == UNMATCHED, UNMATCHED, rows + first_row))
        first_row += len(truth.labels)
    return np.concatenate(matches)


def _matched_rows(found: ImageDetections, truth: ImageGroundTruth, iou_threshold: float) -> np.ndarray:
    """(D,) row of the most overlapped ground truth of the same class, or UNMATCHED below the threshold."""
    if not len(truth.labels):
        return np.full(len(found.labels), UNMATCHED)
    same_class = found.labels[:, None] == truth.labels[None, :]  # (D, G)
    overlaps = np.where(same_class, iou(found.boxes_px, truth.boxes_px), -1)  # (D, G)
    return np.where(overlaps.max(axis=1) >= iou_threshold, overlaps.argmax(axis=1), UNMATCHED)


def _first_hits(matches: np.ndarray) -> np.ndarray:
    """(D,) bool, the true positives: of several detections that match one ground truth, the first."""
    hits = np.zeros(len(matches), bool)
    hits[np.unique(matches, return_index=True)[1]] = True
    return hits & (matches != UNMATCHED)


def _envelope(precision: np.ndarray) -> np.ndarray:
    """(N,) the best of the precisions (N,) from each place to the end."""
    return np.maximum.accumulate(precision[::-1])[::-1]
