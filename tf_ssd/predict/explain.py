"""What a network did in one picture: which default boxes an object would have, which cells answered, what suppression removed."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_ssd import boxes, detect, matcher
from tf_ssd.config import DefaultBoxesConfig, ModelConfig
from tf_ssd.default_boxes import default_boxes

NONE = -1


class Candidates(NamedTuple):
    """Boxes (N, 4) xyxy fractions, labels (N,) 1..C-1 and scores (N,), best first."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


class Suppression(NamedTuple):
    """What suppression kept and removed; `remover` (R,) is the row of the kept one that removed each, the best if several did."""

    kept: Candidates
    removed: Candidates
    remover: np.ndarray


class Matches(NamedTuple):
    """Default boxes of objects: `gt_index` (K,) is the object of each, or -1; `best` (G,) the best of each object's, or -1."""

    gt_index: np.ndarray
    best: np.ndarray


class Explanation(NamedTuple):
    """All about one picture.

    Attributes:
        default_boxes: (K, 4) xyxy fractions.
        matches: the default boxes that the detections would have if they were ground truth.
        cell_scores: for each feature map (n, n), the best score of any class in each cell.
        suppression: the detections, and what they removed.
    """

    default_boxes: np.ndarray
    matches: Matches
    cell_scores: list[np.ndarray]
    suppression: Suppression


def explain(offsets: tf.Tensor, logits: tf.Tensor, config: ModelConfig, *, score_threshold: float) -> Explanation:
    """Explain the network's output for one picture.

    Args:
        offsets: (K, 4).
        logits: (K, C).
        config: the network's.
        score_threshold: detections below it are left out.
    """
    suppressed = suppression(offsets, logits, config, score_threshold=score_threshold)
    matched = matches(suppressed.kept.boxes, suppressed.kept.labels, config)
    default_xyxy = boxes.to_xyxy(default_boxes(config.boxes)).numpy()
    return Explanation(default_xyxy, matched, cell_scores(logits, config.boxes), suppressed)


def matches(gt_boxes: np.ndarray, gt_labels: np.ndarray, config: ModelConfig) -> Matches:
    """Match objects, (G, 4) xyxy fractions and (G,), with the default boxes as in training."""
    default, rules = default_boxes(config.boxes, dtype=gt_boxes.dtype), config.loss
    gt_index = matcher.match(
        gt_boxes[None], gt_labels[None], default, threshold=rules.match_threshold, strategy=rules.match_strategy
    )[0].numpy()
    overlap = boxes.iou(gt_boxes, boxes.to_xyxy(default)).numpy()  # (G, K)
    own = gt_index == np.arange(len(gt_boxes))[:, None]
    # The one that an object claimed: no other default box that it has can overlap it more, or it would have claimed that.
    best = np.where(own, overlap, NONE).argmax(axis=1)
    return Matches(gt_index, np.where(own.any(axis=1), best, NONE))


def cell_scores(logits: tf.Tensor, config: DefaultBoxesConfig) -> list[np.ndarray]:
    """For each feature map (n, n), row by column: the best score of any class but background, of any default box in the cell.

    `logits` is (K, C).
    """
    scores = tf.nn.softmax(logits)[:, 1:].numpy().max(axis=1)  # (K,)
    shapes = [(cells, cells, count) for cells, count in zip(config.feature_maps, config.boxes_per_cell, strict=True)]
    parts = np.split(scores, np.cumsum([np.prod(shape) for shape in shapes])[:-1])
    return [part.reshape(shape).max(axis=-1) for part, shape in zip(parts, shapes, strict=True)]


def suppression(offsets: tf.Tensor, logits: tf.Tensor, config: ModelConfig, *, score_threshold: float) -> Suppression:
    """The detections (at most 200) of (K, 4) and (K, C), and the candidates at or above the threshold that they suppressed.

    As in `detect.detect`, only the 400 best of each class are candidates.
    """
    default = default_boxes(config.boxes)
    decoded, scores = (part[0] for part in detect.candidates(offsets[None], logits[None], default, variances=config.variances))
    above = (scores > detect.SCORE_THRESHOLD) & (scores >= score_threshold)  # (C - 1, K)
    most = int(tf.reduce_max(tf.math.count_nonzero(above, axis=1)))
    best, index = tf.math.top_k(tf.where(above, scores, NONE), k=min(detect.TOP_K, most))  # (C - 1, k)
    best_boxes = tf.gather(decoded, index)  # (C - 1, k, 4)
    survives = detect.nms(best_boxes, best != NONE, iou_threshold=detect.IOU_THRESHOLD).numpy()
    kept = _best_first(best_boxes.numpy(), best.numpy(), survives)
    removed = _best_first(best_boxes.numpy(), best.numpy(), (best != NONE).numpy() & ~survives)
    remover = _removers(kept, removed)
    shown = remover < detect.MAX_DETECTIONS
    return Suppression(_rows(kept, slice(detect.MAX_DETECTIONS)), _rows(removed, shown), remover[shown])


def _best_first(class_boxes: np.ndarray, class_scores: np.ndarray, chosen: np.ndarray) -> Candidates:
    """The chosen ones of (C - 1, k, 4) and (C - 1, k), by descending score."""
    labels = np.nonzero(chosen)[0] + 1
    scores = class_scores[chosen]
    return _rows(Candidates(class_boxes[chosen], labels, scores), np.argsort(-scores, kind="stable"))


def _removers(kept: Candidates, removed: Candidates) -> np.ndarray:
    """The first kept one, that is the best, that suppresses each removed one (R,)."""
    if not len(removed.labels):
        return np.zeros(0, np.int64)
    overlapping = boxes.iou(removed.boxes, kept.boxes).numpy() > detect.IOU_THRESHOLD  # (R, D)
    return (overlapping & (removed.labels[:, None] == kept.labels)).argmax(axis=1)


def _rows(candidates: Candidates, rows: slice | np.ndarray) -> Candidates:
    return Candidates(*(column[rows] for column in candidates))
