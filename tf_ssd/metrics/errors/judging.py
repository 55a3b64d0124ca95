"""How each detection and each ground-truth box of a dataset is judged."""

from collections.abc import Sequence

import numpy as np

from tf_ssd.boxes_px import iou
from tf_ssd.config import Metric
from tf_ssd.metrics.errors.judged import Judged, JudgedDetections, JudgedGroundTruth, Kind
from tf_ssd.metrics.images import ImageDetections, ImageGroundTruth
from tf_ssd.metrics.matching import IOU_THRESHOLD, UNMATCHED, Matching, all_overlaps, joined, matched

BACKGROUND_IOU = 0.1  # up to which a detection lies on background


def judge(
    detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], *, num_classes: int, metric: Metric
) -> Judged:
    """Say of each detection what it is, and of each ground-truth box whether it is found.

    Hits, and what is left out, are those of the metric at IoU 0.5: `voc_matching` or `coco_matching`. Any other detection is of the
    first kind that fits, where ground truth that is left out does not count:

    - localization: of all ground truth of its class, the IoU with the most overlapped is from 0.1 to 0.5;
    - classification: it overlaps ground truth of another class by 0.5 or more;
    - duplicate: it overlaps ground truth of its class by 0.5 or more, which another detection has found;
    - background: it overlaps nothing by more than 0.1;
    - both: class and place are wrong.

    Args:
        detections: one entry per image.
        ground_truth: one entry per image, in the same order.
        num_classes: C, background included.
        metric: whose rule decides what is a hit.

    Source: Bolya et al. 2020 (TIDE), section 2.2.
    """
    overlaps = all_overlaps(detections, ground_truth)
    matching = matched(detections, ground_truth, overlaps, metric)
    gt_boxes = joined([truth.boxes_px for truth in ground_truth], float).reshape(-1, 4)  # (M, 4)
    boxes = joined([found.boxes_px for found in detections], float).reshape(-1, 4)  # (N, 4)
    kinds, rows = _kinds(matching, *_nearest(detections, ground_truth, overlaps))
    scores = joined([found.scores for found in detections], float)  # (N,)
    judged = JudgedDetections(
        images=_images([len(found.labels) for found in detections]),
        boxes_px=boxes,
        labels=joined([found.labels for found in detections]).astype(int),  # those of nothing may be floats
        scores=scores,
        kinds=kinds,
        ground_truth=rows,
        ious=_ious(boxes, gt_boxes, rows),
        by_score=np.argsort(-scores, kind="stable"),
    )
    return Judged(judged, _ground_truth(ground_truth, gt_boxes, judged), metric, num_classes)


def _images(counts: Sequence[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def _nearest(
    detections: Sequence[ImageDetections], ground_truth: Sequence[ImageGroundTruth], overlaps: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each detection the most overlapped ground truth that counts: IoU (N,) and row (N,) in its class, and in all others."""
    none = np.zeros(0, int)
    columns, first_row = [(np.zeros(0), none, np.zeros(0), none)], 0
    for found, truth, overlap in zip(detections, ground_truth, overlaps, strict=True):
        same_class = found.labels[:, None] == truth.labels[None, :]  # (D, G)
        own = _most(np.where(same_class & ~truth.left_out, overlap, 0), first_row)
        other = _most(np.where(same_class | truth.left_out, 0, overlap), first_row)
        columns.append((*own, *other))
        first_row += len(truth.labels)
    own_ious, own_rows, other_ious, other_rows = (np.concatenate(column) for column in zip(*columns, strict=True))
    return own_ious, own_rows, other_ious, other_rows


def _most(overlap: np.ndarray, first_row: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest of each row of (D, G): values (D,) and places (D,), counted from `first_row`; 0 and UNMATCHED of none."""
    if not overlap.shape[1]:
        return np.zeros(len(overlap)), np.full(len(overlap), UNMATCHED)
    places = overlap.argmax(axis=1)
    values = overlap[np.arange(len(overlap)), places]
    return values, np.where(values > 0, places + first_row, UNMATCHED)


def _kinds(
    matching: Matching, own_ious: np.ndarray, own_rows: np.ndarray, other_ious: np.ndarray, other_rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The kind (N,) of each detection, and the row (N,) of the ground truth that it is about."""
    nearest = np.where(own_ious >= other_ious, own_rows, other_rows)
    cases = [
        (Kind.LEFT_OUT, matching.left_out, matching.ground_truth),
        (Kind.HIT, matching.hits, matching.ground_truth),
        (Kind.LOCALIZATION, (own_ious >= BACKGROUND_IOU) & (own_ious <= IOU_THRESHOLD), own_rows),
        (Kind.CLASSIFICATION, other_ious >= IOU_THRESHOLD, other_rows),
        (Kind.DUPLICATE, own_ious >= IOU_THRESHOLD, own_rows),
        (Kind.BACKGROUND, np.maximum(own_ious, other_ious) <= BACKGROUND_IOU, np.full(len(own_rows), UNMATCHED)),
        (Kind.BOTH, np.full(len(own_rows), True), nearest),
    ]
    kinds, conditions, rows = zip(*cases, strict=True)
    return np.select(conditions, kinds).astype(np.int8), np.select(conditions, rows)


def _ious(boxes: np.ndarray, gt_boxes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(N,) IoU of each box (N, 4) with that in a row (N,) of (M, 4); 0 where there is none."""
    ious, some = np.zeros(len(boxes)), rows != UNMATCHED
    ious[some] = iou(boxes[some, None], gt_boxes[rows[some], None])[:, 0, 0]  # pairs of (1, 4) and (1, 4)
    return ious


def _ground_truth(ground_truth: Sequence[ImageGroundTruth], boxes: np.ndarray, detections: JudgedDetections) -> JudgedGroundTruth:
    left_out = joined([truth.left_out for truth in ground_truth], bool)
    found_by, found_scores = np.full(len(boxes), UNMATCHED), np.full(len(boxes), -np.inf)
    hits = np.flatnonzero(detections.hits)
    found_by[detections.ground_truth[hits]] = hits
    found_scores[detections.ground_truth[hits]] = detections.scores[hits]
    missed = ~left_out & (found_by == UNMATCHED)
    missed[detections.ground_truth[detections.near_hits]] = False
    return JudgedGroundTruth(
        images=_images([len(truth.labels) for truth in ground_truth]),
        boxes_px=boxes,
        labels=joined([truth.labels for truth in ground_truth]).astype(int),
        areas_px=joined([truth.areas_px for truth in ground_truth], float),
        left_out=left_out,
        found_by=found_by,
        found_scores=found_scores,
        missed=missed,
    )
