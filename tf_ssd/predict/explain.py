"""What a network did in one picture: which default boxes an object would have, which cells answered, what suppression removed."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_ssd import boxes, detect, matcher
from tf_ssd.config import DetectionConfig, ModelConfig
from tf_ssd.default_boxes import default_boxes
from tf_ssd.scores import probabilities

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


def explain(offsets: tf.Tensor, logits: tf.Tensor, config: ModelConfig, settings: DetectionConfig) -> Explanation:
    """Explain the network's output for one picture.

    Args:
        offsets: (K, 4).
        logits: (K, C).
        config: the network's.
        settings: which predictions become detections.
    """
    suppressed = suppression(offsets, logits, config, settings)
    matched = matches(suppressed.kept.boxes, suppressed.kept.labels, config)
    default_xyxy = boxes.to_xyxy(default_boxes(config.boxes)).numpy()
    return Explanation(default_xyxy, matched, cell_scores(logits, config), suppressed)


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


def cell_scores(logits: tf.Tensor, config: ModelConfig) -> list[np.ndarray]:
    """For each feature map (n, n), row by column: the best score of any class but background, of any default box in the cell.

    `logits` is (K, C).
    """
    scores = probabilities(logits, scores=config.scores)[:, 1:].numpy().max(axis=1)  # (K,)
    shapes = [(cells, cells, count) for cells, count in zip(config.boxes.feature_maps, config.boxes.boxes_per_cell, strict=True)]
    parts = np.split(scores, np.cumsum([np.prod(shape) for shape in shapes])[:-1])
    return [part.reshape(shape).max(axis=-1) for part, shape in zip(parts, shapes, strict=True)]


def suppression(offsets: tf.Tensor, logits: tf.Tensor, config: ModelConfig, settings: DetectionConfig) -> Suppression:
    """The detections of (K, 4) and (K, C), as `detect.detect` finds them, and the candidates that they suppressed."""
    default = default_boxes(config.boxes)
    found = detect.candidates(offsets[None], logits[None], default, variances=config.variances, scores=config.scores)
    decoded, scores = (part[0] for part in found)
    ranked = detect.ranked(
        decoded,
        scores,
        score_threshold=settings.score_threshold,
        top_k=settings.top_k,
        class_agnostic=settings.class_agnostic,
    )
    candidates = ranked.scores >= 0  # (S, k)
    survives = detect.nms(ranked.boxes, candidates, iou_threshold=settings.iou_threshold)
    kept, removed = (_best_first(ranked, chosen.numpy()) for chosen in (survives, candidates & ~survives))
    remover = _removers(kept, removed, settings)
    shown = remover < settings.max_detections
    return Suppression(_rows(kept, slice(settings.max_detections)), _rows(removed, shown), remover[shown])


def _best_first(ranked: detect.Ranked, chosen: np.ndarray) -> Candidates:
    """The chosen ones (S, k) by descending score."""
    found = Candidates(*(column.numpy()[chosen] for column in ranked))
    return _rows(found, np.argsort(-found.scores, kind="stable"))


def _removers(kept: Candidates, removed: Candidates, settings: DetectionConfig) -> np.ndarray:
    """The first kept one, that is the best, that suppresses each removed one (R,)."""
    if not len(removed.labels):
        return np.zeros(0, np.int64)
    overlapping = boxes.iou(removed.boxes, kept.boxes).numpy() > settings.iou_threshold  # (R, D)
    rivals = settings.class_agnostic | (removed.labels[:, None] == kept.labels)
    return (overlapping & rivals).argmax(axis=1)


def _rows(candidates: Candidates, rows: slice | np.ndarray) -> Candidates:
    return Candidates(*(column[rows] for column in candidates))
