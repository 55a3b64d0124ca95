"""A Keras 3 loss of `y_true` and `y_pred`, and how it is audited.

python -m tf_ssd.audit --impl tf_ssd.audit.examples.keras_loss:loss
"""

from typing import Any

import keras
import tensorflow as tf  # noqa: F401  tells the audit whose tensors Keras computes with
from keras import ops


class MultiBox(keras.losses.Loss):
    """y_true (B, K, 4 + C): offsets and one-hot classes; y_pred (B, K, 4 + C): offsets and logits."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """A loss (B,) for each image."""
        positive = y_true[..., 4] == 0
        error = ops.where(positive[..., None], ops.abs(y_pred[..., :4] - y_true[..., :4]), 0)
        boxes = ops.sum(ops.where(error < 1, error**2 / 2, error - 0.5), axis=(1, 2))
        entropy = -ops.sum(y_true[..., 4:] * ops.log_softmax(y_pred[..., 4:]), axis=-1)  # (B, K)
        rank = ops.argsort(ops.argsort(ops.where(positive, 1.0, -entropy)))
        negative = (rank < 3 * ops.sum(positive, axis=1, keepdims=True)) & ops.logical_not(positive)
        classes = ops.sum(ops.where(positive | negative, entropy, 0), axis=1)
        n = ops.cast(ops.maximum(1, ops.sum(positive)), boxes.dtype)
        return (boxes + classes) * len(boxes) / n  # Keras will divide by the number of images


def loss(offsets: Any, logits: Any, target_offsets: Any, target_labels: Any) -> Any:
    """The adapter: total alone."""
    classes = ops.one_hot(target_labels, logits.shape[-1], dtype=target_offsets.dtype)
    y_true = ops.concatenate([target_offsets, classes], axis=-1)
    y_pred = ops.concatenate([offsets, logits], axis=-1)
    return MultiBox()(y_true, y_pred)
