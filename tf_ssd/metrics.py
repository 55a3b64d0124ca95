"""Average precision as PASCAL VOC has defined it since 2010; NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNMATCHED = -1


@dataclass(frozen=True, eq=False)
class ImageDetections:
    """The detections in one image: boxes (D, 4) xyxy fractions, labels (D,), 0 for padding, scores (D,)."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class ImageGroundTruth:
    """The ground truth of one image: boxes (G, 4) xyxy fractions, labels (G,), 0 for padding, difficult (G,) bool."""

    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """The result of `average_precision`.

    Attributes:
        per_class: (C - 1,) average precision of the classes 1..C-1; NaN where a class has no ground truth.
        ground_truth_counts: (C - 1,) how many boxes there were to be found, the difficult ones left out.
        mean: over the classes that have ground truth; NaN if none has.
    """

    per_class: np.ndarray
    ground_truth_counts: np.ndarray
    mean: float


def average_precision(
    detections: Sequence[ImageDetections],
    ground_truth: Sequence[ImageGroundTruth],
    *,
    num_classes: int,
    iou_threshold: float = 0.5,
) -> AveragePrecision:
    """Area under the monotone envelope of precision over recall, all points, per class and in the mean.

    Within a class, detections are taken in order of score over all images; ties by image, then by row. Each is compared
    with the ground truth of its class and image that it overlaps most. If their IoU reaches the threshold it is a true
    positive, or a false positive if that ground truth is taken already; below the threshold it is a false positive.
    Difficult ground truth is neither missed nor found: what is compared with it, above the threshold, is left out.

    Args:
        detections: one entry per image.
        ground_truth: one entry per image, in the same order.
        num_classes: C, background included.
        iou_threshold: in (0, 1]; an IoU equal to it is enough.

    Raises:
        ValueError: the numbers of images differ, a label is not in 0..C-1, or a score is not finite.

    Source: VOC development kit 2012, VOCevaldet.m and VOCap.m. The kit counts corners as pixels that belong to the box,
    hence w = xmax - xmin + 1; these boxes are fractions, so w = xmax - xmin.
    """
    _check(detections, ground_truth, num_classes)
    labels = np.concatenate([np.zeros(0, int), *(image.labels for image in detections)])  # (all D,)
    scores = np.concatenate([np.zeros(0), *(image.scores for image in detections)])  # (all D,)
    matches = _matches(detections, ground_truth, iou_threshold)  # (all D,)
    gt_labels = np.concatenate([np.zeros(0, int), *(image.labels for image in ground_truth)])  # (all G,)
    difficult = np.concatenate([np.zeros(0, bool), *(image.difficult for image in ground_truth)])  # (all G,)
    left_out = np.append(difficult, False)[matches]  # UNMATCHED picks the last

    counts = np.bincount(gt_labels[~difficult], minlength=num_classes)[1:]
    per_class = np.full(num_classes - 1, np.nan)
    for label in np.flatnonzero(counts) + 1:
        chosen = (labels == label) & ~left_out
        order = np.argsort(-scores[chosen], kind="stable")
        hits = _first_hits(matches[chosen][order])
        per_class[label - 1] = _area_under_envelope(hits, counts[label - 1])
    mean = per_class[counts > 0].mean() if counts.any() else np.nan
    return AveragePrecision(per_class, counts, float(mean))


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of xyxy boxes (N, 4) and (M, 4): (N, M); 0 where either has no area."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])  # (N, M, 2)
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])  # (N, M, 2)
    intersection = np.prod(np.maximum(high - low, 0), axis=-1)  # (N, M)
    area_a, area_b = (np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=-1) for boxes in (a, b))
    union = area_a[:, None] + area_b[None, :] - intersection  # (N, M)
    return np.divide(intersection, union, out=np.zeros_like(union), where=intersection > 0)


def _check(detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], num_classes: int) -> None:
    if len(detections) != len(ground_truth):
        raise ValueError(f"detections of {len(detections)} images, ground truth of {len(ground_truth)}")
    for number, (found, truth) in enumerate(zip(detections, ground_truth, strict=True)):
        for labels in (found.labels, truth.labels):
            if np.any((labels < 0) | (labels >= num_classes)):
                raise ValueError(f"image {number}: labels {np.unique(labels)} are not all in 0..{num_classes - 1}")
        if not np.isfinite(found.scores).all():
            raise ValueError(f"image {number}: the scores are not all finite, so they cannot be put in order")


def _matches(detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], iou_threshold: float) -> np.ndarray:
    """For each detection of all images, the number of the ground truth it is compared with, counted over all images."""
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
    overlaps = np.where(same_class, iou(found.boxes, truth.boxes), -1)  # (D, G)
    return np.where(overlaps.max(axis=1) >= iou_threshold, overlaps.argmax(axis=1), UNMATCHED)


def _first_hits(matches: np.ndarray) -> np.ndarray:
    """(D,) bool, true positives: each detection is compared with one ground truth, which the first to name it has."""
    hits = np.zeros(len(matches), bool)
    hits[np.unique(matches, return_index=True)[1]] = True
    return hits & (matches != UNMATCHED)


def _area_under_envelope(hits: np.ndarray, count: int) -> float:
    """Area under the highest precision at recall >= r; `hits` (D,) in order of score, `count` boxes to be found."""
    true_positives = np.cumsum(hits)
    precision = true_positives / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope[hits]) / count)  # each hit adds 1 / count to the recall
