"""The two kinds of class scores, from logits: one softmax over all classes, or a sigmoid for each class by itself."""

from collections.abc import Callable

import tensorflow as tf

from tf_ssd.config import ScoreKind
from tf_ssd.numerics.custom_gradient import custom_gradient


def probabilities(logits: tf.Tensor, *, scores: ScoreKind = "softmax") -> tf.Tensor:
    """The score of each class: (..., C) to (..., C), background in slot 0.

    "softmax": the scores of a row add up to 1. "sigmoid": each slot by itself, so that several classes may be likely at once.

    Raises:
        ValueError: `scores` is neither.
    """
    _check(scores)
    return tf.nn.softmax(logits) if scores == "softmax" else tf.math.sigmoid(logits)


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, *, scores: ScoreKind = "softmax") -> tf.Tensor:
    """The cost of each row, exact to rounding for logits of any size.

    "softmax": negative log of the probability of the label. "sigmoid": binary cross entropy of each slot, whose target is 1 for the
    label and 0 for the others, summed over the C slots (TensorFlow Object Detection API). Background is a label as any other: its
    slot 0 has the target 1.

    Args:
        logits: (..., C) float32 or float64.
        labels: (...) integers of any type, 0 for background. One outside 0..C-1 gives NaN: loud, never wrapped to another class.
        scores: the kind.

    Returns:
        (...), never negative.

    Raises:
        ValueError: `scores` is neither.
    """
    _check(scores)
    given = tf.cast(labels, tf.int64)  # which holds the number of classes, too
    known = (given >= 0) & (given < logits.shape[-1])
    of_kind = _softmax_cross_entropy if scores == "softmax" else _sigmoid_cross_entropy
    return tf.where(known, of_kind(logits, tf.cast(tf.where(known, given, 0), tf.int32)), float("nan"))


def _check(scores: ScoreKind) -> None:
    if scores not in ("softmax", "sigmoid"):
        raise ValueError(f'scores={scores!r}: must be "softmax" or "sigmoid"')


def _softmax_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    # Subtracting the row's largest logit leaves log(sum(exp)) - logit as it is, keeps exp from overflowing, and the result >= 0.
    # Its own gradient would cancel too, so that it may be a constant.
    largest = tf.stop_gradient(tf.reduce_max(logits, axis=-1))
    log_sum = tf.math.log(tf.reduce_sum(tf.exp(logits - largest[..., None]), axis=-1))
    return (largest - _logit_of_label(logits, labels)) + log_sum


def _sigmoid_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    # -log sigmoid(x) = softplus(-x) for a target of 1, and -log(1 - sigmoid(x)) = softplus(x) for 0, with softplus(x) = max(x, 0) +
    # log1p(exp(-|x|)). Selected, not multiplied by the target: a logit of minus infinity is a class that costs nothing.
    return tf.reduce_sum(tf.math.softplus(tf.where(_own_slot(logits, labels), -logits, logits)), axis=-1)


def _own_slot(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """(..., C) bool, true at the label of each row."""
    return labels[..., None] == tf.range(logits.shape[-1])


@custom_gradient
def _logit_of_label(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple]]:
    """logits[..., label], with a gradient that XLA can fuse.

    The gradient compares each class with the label, in one pass with the gradient of the softmax. The gradient of a plain gather
    would scatter into a second array of the size of the logits.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        return tf.where(_own_slot(logits, labels), upstream[..., None], tf.zeros_like(upstream[..., None])), None

    return tf.gather(logits, labels, batch_dims=labels.shape.rank), gradient
