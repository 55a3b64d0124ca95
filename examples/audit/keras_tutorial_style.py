"""A Keras loss as tutorials for SSD300 have it, on one-hot classes, offsets and probabilities, and how it is audited.

python -m tf_ssd.audit --impl examples.audit.keras_tutorial_style:loss

Written for this example, with the traits of such tutorials: the network ends in a softmax, whose logarithm is clamped; negatives
are mined over the whole batch; each image is divided by the positives of all.
"""

from typing import Any

import tensorflow as tf


class SSDLoss:
    """y_true and y_pred (B, K, C + 12): classes, background first; offsets; default boxes and variances, which play no part."""

    def __init__(self, num_classes: int, *, negative_ratio: int = 3) -> None:
        self.num_classes, self.negative_ratio = num_classes, negative_ratio

    def compute_loss(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """A loss (B,) for each image; Keras takes their mean."""
        classes, end = self.num_classes, self.num_classes + 4
        entropy = -tf.reduce_sum(y_true[..., :classes] * tf.math.log(tf.maximum(y_pred[..., :classes], 1e-15)), axis=-1)  # (B, K)
        error = tf.abs(y_true[..., classes:end] - y_pred[..., classes:end])
        distance = tf.reduce_sum(tf.where(error < 1, 0.5 * error**2, error - 0.5), axis=-1)  # (B, K)
        positives = tf.reduce_max(y_true[..., 1:classes], axis=-1)  # (B, K), 1 or 0
        mined = self._mined(entropy * y_true[..., 0], tf.reduce_sum(positives))
        images = tf.reduce_sum(entropy * (positives + mined) + distance * positives, axis=-1)  # (B,)
        return images / tf.maximum(1.0, tf.reduce_sum(positives)) * tf.cast(tf.shape(y_true)[0], images.dtype)

    def _mined(self, entropy: tf.Tensor, positives: tf.Tensor) -> tf.Tensor:
        """1 for the hardest negatives of the batch, else 0; `entropy` (B, K) is 0 where a box is positive."""
        count = tf.minimum(self.negative_ratio * tf.cast(positives, tf.int32), tf.math.count_nonzero(entropy, dtype=tf.int32))
        hardest = tf.math.top_k(tf.reshape(entropy, [-1]), count).indices
        mask = tf.scatter_nd(hardest[:, None], tf.ones_like(hardest, entropy.dtype), [tf.size(entropy)])
        return tf.reshape(mask, tf.shape(entropy))


def loss(offsets: tf.Tensor, logits: tf.Tensor, target_offsets: tf.Tensor, target_labels: tf.Tensor) -> Any:
    """The adapter: probabilities for logits, one-hot classes for labels, and the mean that Keras takes."""
    offsets, logits = (tf.cast(predicted, target_offsets.dtype) for predicted in (offsets, logits))  # as keras.losses.Loss does
    classes = tf.one_hot(target_labels, logits.shape[-1], dtype=target_offsets.dtype)
    unused = tf.zeros([*target_labels.shape, 8], target_offsets.dtype)
    y_true = tf.concat([classes, target_offsets, unused], axis=-1)
    y_pred = tf.concat([tf.nn.softmax(logits), offsets, unused], axis=-1)
    return tf.reduce_mean(SSDLoss(logits.shape[-1]).compute_loss(y_true, y_pred))
