"""tf_ssd as training calls it: ground truth is padded, matched and encoded; the loss is summed per image and divided once."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_ssd import coder, matcher
from tf_ssd import loss as multibox
from tf_ssd.config import ScoreKind


def loss(
    offsets: tf.Tensor,
    logits: tf.Tensor,
    gt_boxes: Sequence[tf.Tensor],
    gt_labels: Sequence[tf.Tensor],
    default_boxes: tf.Tensor,
    *,
    replicas: int = 1,
    negative_ratio: int = 3,
    min_negatives: int = 0,
    alpha: float = 1.0,
    normalizer: multibox.Normalizer = "batch",
    scores: ScoreKind = "softmax",
) -> tuple[tf.Tensor, ...]:
    """Total, localization and confidence. Each of the `replicas` gets an equal part of the images; one N divides all their sums."""
    targets = matcher.targets(*padded(gt_boxes, gt_labels), default_boxes)
    mining: dict[str, Any] = {"negative_ratio": negative_ratio, "min_negatives": min_negatives, "scores": scores}
    if replicas == 1:
        return multibox.multibox_loss(offsets, logits, *targets, **mining, alpha=alpha, normalizer=normalizer)[:3]
    shares = zip(*(tf.split(tensor, replicas) for tensor in (offsets, logits, *targets)), strict=True)
    sums = [multibox.multibox_sums(*share, **mining) for share in shares]
    together = multibox.ImageSums(*(tf.concat(parts, axis=0) for parts in zip(*sums, strict=True)))
    return multibox.normalized(together, alpha=alpha, normalizer=normalizer)[:3]


def match(gt_boxes: Sequence[tf.Tensor], gt_labels: Sequence[tf.Tensor], default_boxes: tf.Tensor) -> tf.Tensor:
    """Ground-truth rows (B, K)."""
    return matcher.match(*padded(gt_boxes, gt_labels), default_boxes)


def encode(boxes: tf.Tensor, default_boxes: tf.Tensor) -> tf.Tensor:
    """Offsets (K, 4)."""
    return coder.encode(boxes, default_boxes)


def decode(offsets: tf.Tensor, default_boxes: tf.Tensor) -> tf.Tensor:
    """Corners (K, 4)."""
    return coder.decode(offsets, default_boxes)


def padded(gt_boxes: Sequence[tf.Tensor], gt_labels: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Boxes (B, G, 4) and labels (B, G), filled up with zeros: label 0 is padding."""
    most = max(len(labels) for labels in gt_labels)
    missing = [most - len(labels) for labels in gt_labels]
    boxes = [tf.pad(rows, [[0, number], [0, 0]]) for rows, number in zip(gt_boxes, missing, strict=True)]
    labels = [tf.pad(rows, [[0, number]]) for rows, number in zip(gt_labels, missing, strict=True)]
    return tf.stack(boxes), tf.stack(labels)
