"""Which ground truth each detection finds, by the rule of each metric; NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tf_ssd.boxes_px import area, intersection, iou
from tf_ssd.config import Metric
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth

UNMATCHED = -1
IOU_THRESHOLD = 0.5
MOST_OF_A_CLASS = 100  # detections in an image, that COCO looks at


@dataclass(frozen=True, eq=False)
class Matching:
    """What a metric makes of the N detections of all images, in the order of images and of rows in them.

    Attributes:
        ground_truth: (N,) row in the ground truth of all images of the box that a detection matches, or UNMATCHED.
        hits: (N,) bool, the true positives.
        left_out: (N,) bool, those that are neither true nor false, as what they match is left out.
    """

    ground_truth: np.ndarray
    hits: np.ndarray
    left_out: np.ndarray


def all_overlaps(detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth]) -> list[np.ndarray]:
    """IoU (D, G) of the detections in each image with its ground truth, of any class."""
    return [iou(found.boxes_px, truth.boxes_px) for found, truth in zip(detections, ground_truth, strict=True)]


def joined(columns: Sequence[np.ndarray], dtype: type = int) -> np.ndarray:
    """The columns of all images as one; of no images, an empty one of `dtype`."""
    return np.concatenate(columns) if columns else np.zeros(0, dtype)


def matched(
    detections: Sequence[ImageDetections],
    ground_truth: Sequence[ImageGroundTruth],
    overlaps: Sequence[np.ndarray],
    metric: Metric,
) -> Matching:
    """`coco_matching` or `voc_matching` at IoU 0.5, whichever is the metric's."""
    match = coco_matching if metric == "coco" else voc_matching
    return match(detections, ground_truth, overlaps, IOU_THRESHOLD)


def voc_matching(
    detections: Sequence[ImageDetections],
    ground_truth: Sequence[ImageGroundTruth],
    overlaps: Sequence[np.ndarray],
    iou_threshold: float,
) -> Matching:
    """The rule of the PASCAL VOC development kits.

    Each detection is compared with the ground truth of its class and image that it overlaps most, the first row of equals. If their
    IoU reaches the threshold it matches, and the match with the best score is the hit. A detection that matches ground truth which
    is left out, crowd or not, is left out too, however many there are.

    Args:
        detections: one entry per image; of equal scores the first image and row comes first.
        ground_truth: one entry per image, in the same order.
        overlaps: of `all_overlaps`.
        iou_threshold: in (0, 1]; an IoU equal to it is enough.
    """
    rows, first_row = [], 0
    for found, truth, overlap in zip(detections, ground_truth, overlaps, strict=True):
        best = _best_rows(found, truth, overlap, iou_threshold)  # (D,)
        rows.append(np.where(best == UNMATCHED, UNMATCHED, best + first_row))
        first_row += len(truth.labels)
    matches = joined(rows)  # (N,)
    scores = joined([image.scores for image in detections], float)  # (N,)
    left_out = np.append(joined([truth.left_out for truth in ground_truth], bool), False)[matches]  # UNMATCHED, -1, picks the False
    return Matching(matches, first_of_each(matches, scores) & ~left_out, left_out)


def _best_rows(found: ImageDetections, truth: ImageGroundTruth, overlap: np.ndarray, iou_threshold: float) -> np.ndarray:
    """(D,) row of the most overlapped ground truth of the same class, or UNMATCHED below the threshold."""
    if not len(truth.labels):
        return np.full(len(found.labels), UNMATCHED)
    same_class = found.labels[:, None] == truth.labels[None, :]  # (D, G)
    in_class = np.where(same_class, overlap, -1)  # (D, G)
    return np.where(in_class.max(axis=1) >= iou_threshold, in_class.argmax(axis=1), UNMATCHED)


def first_of_each(matches: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(N,) bool: of the detections that match one ground truth, that of the best score, the first of equals."""
    by_score = np.argsort(-scores, kind="stable")
    first = np.zeros(len(matches), bool)
    first[by_score[np.unique(matches[by_score], return_index=True)[1]]] = True
    return first & (matches != UNMATCHED)


def coco_matching(
    detections: Sequence[ImageDetections],
    ground_truth: Sequence[ImageGroundTruth],
    overlaps: Sequence[np.ndarray],
    iou_threshold: float,
) -> Matching:
    """The rule of COCO's evaluation at one IoU; arguments as for `voc_matching`.

    By falling score, each detection takes the ground truth of its class and image that it overlaps most of those not taken yet,
    the first row of equals. If it can take none, it is left out where it finds ground truth that is left out: any number of
    detections may lie in a crowd, by their share inside it; other objects that are left out, which COCO does not have, are found
    once, by the ordinary IoU. Of each class and image the best hundred detections count, and the others are left out.
    """
    labels = joined([image.labels for image in detections])  # (N,)
    images = np.repeat(np.arange(len(detections)), [len(image.labels) for image in detections])  # (N,)
    scores = joined([image.scores for image in detections], float)  # (N,)
    gt_left_out = joined([truth.left_out for truth in ground_truth], bool)  # (M,)
    crowd = joined([truth.crowd for truth in ground_truth], bool)  # (M,)
    beyond = _places(images, labels, scores) >= MOST_OF_A_CLASS  # (N,)

    rows, gt_rows, values = _pairs(detections, ground_truth, overlaps, iou_threshold)  # (P,) each
    ranks = np.empty(len(scores), int)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    order = np.lexsort((-values, gt_left_out[gt_rows], ranks[rows]))
    order = order[~beyond[rows[order]]]
    matches = _greedy(rows[order], gt_rows[order], crowd, len(labels))
    found, ignored = matches != UNMATCHED, np.append(gt_left_out, False)[matches]
    return Matching(matches, found & ~ignored, ignored | beyond)


def _pairs(
    detections: Sequence[ImageDetections],
    ground_truth: Sequence[ImageGroundTruth],
    overlaps: Sequence[np.ndarray],
    iou_threshold: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The P pairs of one image and class that overlap enough: rows of detections and of ground truth, and their overlap."""
    pairs = [(np.zeros(0, int), np.zeros(0, int), np.zeros(0))]
    first_row = first_gt = 0
    for found, truth, overlap in zip(detections, ground_truth, overlaps, strict=True):
        values = overlap
        if truth.crowd.any():
            areas = area(found.boxes_px)[:, None]  # (D, 1)
            shared = intersection(found.boxes_px, truth.boxes_px)  # (D, G)
            inside = np.divide(shared, areas, out=np.zeros(shared.shape), where=shared > 0)
            values = np.where(truth.crowd, inside, overlap)  # (D, G)
        rows, gt_rows = np.nonzero((found.labels[:, None] == truth.labels[None, :]) & (values >= iou_threshold))
        pairs.append((rows + first_row, gt_rows + first_gt, values[rows, gt_rows]))
        first_row, first_gt = first_row + len(found.labels), first_gt + len(truth.labels)
    rows, gt_rows, values = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return rows, gt_rows, values


def _greedy(rows: np.ndarray, gt_rows: np.ndarray, crowd: np.ndarray, count: int) -> np.ndarray:
    """(count,) the ground truth of each detection if the pairs are taken in their order; crowds may be taken repeatedly."""
    matches, taken, crowds = [UNMATCHED] * count, set(), set(np.flatnonzero(crowd).tolist())
    for row, gt_row in zip(rows.tolist(), gt_rows.tolist(), strict=True):
        if matches[row] == UNMATCHED and gt_row not in taken:
            matches[row] = gt_row
            if gt_row not in crowds:
                taken.add(gt_row)
    return np.array(matches, int)


def _places(images: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(N,) how many detections of the same image and class come before each, by falling score."""
    order = np.lexsort((-scores, labels, images))
    starts = np.diff(images[order], prepend=-1).astype(bool) | np.diff(labels[order], prepend=-1).astype(bool)
    numbers = np.arange(len(order))
    places = np.empty(len(order), int)
    places[order] = numbers - np.maximum.accumulate(np.where(starts, numbers, 0))
    return places
