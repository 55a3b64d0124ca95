"""Arithmetic on boxes, fractions of the image side: xyxy = (xmin, ymin, xmax, ymax), cxcywh = (centre x, y, width, height)."""

import tensorflow as tf


def to_cxcywh(boxes: tf.Tensor) -> tf.Tensor:
    """Convert xyxy boxes (..., 4) to cxcywh boxes (..., 4)."""
    xmin, ymin, xmax, ymax = tf.unstack(boxes, axis=-1)
    return tf.stack([(xmin + xmax) / 2, (ymin + ymax) / 2, xmax - xmin, ymax - ymin], axis=-1)


def to_xyxy(boxes: tf.Tensor) -> tf.Tensor:
    """Convert cxcywh boxes (..., 4) to xyxy boxes (..., 4)."""
    x, y, width, height = tf.unstack(boxes, axis=-1)
    return tf.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=-1)


def area(boxes: tf.Tensor) -> tf.Tensor:
    """Area of xyxy boxes (..., 4) as a fraction of the image's, (...). An inverted box has area 0."""
    xmin, ymin, xmax, ymax = tf.unstack(boxes, axis=-1)
    return tf.maximum(xmax - xmin, 0) * tf.maximum(ymax - ymin, 0)


def iou(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Intersection over union (Jaccard overlap) of every box of `a` with every box of `b`.

    It is 0 where either box has no area (zero, inverted or NaN), never 0/0, and exactly 1 for a box with itself. No epsilon
    enters the denominator. The gradient is finite everywhere. A box of infinite area overlaps itself by NaN.

    Args:
        a: (..., N, 4) xyxy, any unit.
        b: (..., M, 4) xyxy, the same unit; leading dimensions broadcast.

    Returns:
        (..., N, M) in [0, 1], the dtype of the inputs.
    """
    axmin, aymin, axmax, aymax = tf.unstack(a[..., :, None, :], axis=-1)  # (..., N, 1)
    bxmin, bymin, bxmax, bymax = tf.unstack(b[..., None, :, :], axis=-1)  # (..., 1, M)
    width = tf.maximum(tf.minimum(axmax, bxmax) - tf.maximum(axmin, bxmin), 0)  # (..., N, M)
    height = tf.maximum(tf.minimum(aymax, bymax) - tf.maximum(aymin, bymin), 0)
    intersection = width * height
    area_a, area_b = area(a)[..., :, None], area(b)[..., None, :]
    both = (area_a > 0) & (area_b > 0)
    # Selecting the divisor as well as the quotient keeps 0/0 out of the gradient too.
    union = tf.where(both, area_a + area_b - intersection, tf.ones_like(intersection))
    return tf.where(both, intersection / union, tf.zeros_like(intersection))


def clip(boxes: tf.Tensor) -> tf.Tensor:
    """Limit every coordinate of xyxy boxes (..., 4), fractions, to the image [0, 1]."""
    return tf.minimum(tf.maximum(boxes, 0), 1)


def flip_horizontal(boxes: tf.Tensor) -> tf.Tensor:
    """Mirror xyxy boxes (..., 4), fractions, about the vertical centre line of the image."""
    xmin, ymin, xmax, ymax = tf.unstack(boxes, axis=-1)
    return tf.stack([1 - xmax, ymin, 1 - xmin, ymax], axis=-1)
