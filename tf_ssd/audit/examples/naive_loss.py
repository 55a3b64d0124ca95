"""A loss with four bugs of published code, for the audit to find.

python -m tf_ssd.audit --impl tf_ssd.audit.examples.naive_loss:loss

An image without objects gets a box of class 0 over the whole image; the softmax is clamped before its logarithm; negatives are
mined over the whole batch; and each image is divided by its own positives, then all are added up.
"""

from collections.abc import Sequence

import tensorflow as tf

from tf_ssd import coder, matcher
from tf_ssd.audit.asking.production import padded
from tf_ssd.loss import smooth_l1

WHOLE_IMAGE = tf.constant([[0.0, 0.0, 1.0, 1.0]])


def loss(
    offsets: tf.Tensor, logits: tf.Tensor, gt_boxes: Sequence[tf.Tensor], gt_labels: Sequence[tf.Tensor], default_boxes: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """Total, localization and confidence."""
    classes = [labels if len(labels) else tf.zeros([1], labels.dtype) for labels in gt_labels]
    boxes = [rows if len(rows) else tf.cast(WHOLE_IMAGE, rows.dtype) for rows in gt_boxes]
    rows, numbers = padded(boxes, [labels + 1 for labels in classes])  # so that class 0 is matched as well
    index = matcher.match(rows, numbers, default_boxes)
    positive = index >= 0  # (B, K)
    labels = tf.where(positive, tf.gather(numbers, tf.maximum(index, 0), batch_dims=1) - 1, 0)
    wanted = coder.encode(tf.gather(rows, tf.maximum(index, 0), batch_dims=1), default_boxes)
    box_losses = tf.where(positive, tf.reduce_sum(smooth_l1(offsets - tf.cast(wanted, offsets.dtype)), axis=-1), 0)
    probabilities = tf.gather(tf.nn.softmax(logits), labels, batch_dims=2)
    class_losses = -tf.math.log(tf.maximum(probabilities, 1e-15))  # (B, K)
    taken = positive | _mined_over_the_batch(class_losses, positive)
    n = tf.cast(tf.maximum(tf.reduce_sum(tf.cast(positive, tf.int32), axis=1), 1), offsets.dtype)[:, None]
    localization = tf.reduce_sum(box_losses / n)
    confidence = tf.reduce_sum(tf.where(taken, class_losses, 0) / n)
    return localization + confidence, localization, confidence


def _mined_over_the_batch(losses: tf.Tensor, positive: tf.Tensor) -> tf.Tensor:
    candidates = tf.reshape(tf.where(positive, tf.constant(-1, losses.dtype), losses), [-1])
    rank = tf.argsort(tf.argsort(candidates, direction="DESCENDING", stable=True))
    return tf.reshape(rank < 3 * tf.reduce_sum(tf.cast(positive, tf.int32)), tf.shape(positive)) & ~positive
