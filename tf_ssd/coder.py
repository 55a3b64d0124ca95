"""Offsets: a box relative to a default box, divided by the variances (Liu et al. 2016, equation 2; variances from Caffe SSD)."""

import math

import tensorflow as tf

from tf_ssd import boxes

VARIANCES = (0.1, 0.2)  # of the centre and of the size
MAX_LOG_SCALE = math.log(1000 / 16)  # torchvision: a decoded box is at most 62.5 times as wide as its default box


def encode(boxes_xyxy: tf.Tensor, default_boxes: tf.Tensor, *, variances: tuple[float, float] = VARIANCES) -> tf.Tensor:
    """Offsets that turn each default box into the given box.

    Args:
        boxes_xyxy: (..., K, 4) xyxy, fractions. A box without width or height gives an infinite or NaN size offset.
        default_boxes: (K, 4) cxcywh, fractions.
        variances: divisors of the centre and of the size terms.

    Returns:
        (..., K, 4): (dx / dw, dy / dh) / variances[0] and (ln(w / dw), ln(h / dh)) / variances[1].
    """
    box = boxes.to_cxcywh(boxes_xyxy)
    centre = (box[..., :2] - default_boxes[..., :2]) / default_boxes[..., 2:]
    size = tf.math.log(box[..., 2:] / default_boxes[..., 2:])
    return tf.concat([centre / variances[0], size / variances[1]], axis=-1)


def decode(
    offsets: tf.Tensor,
    default_boxes: tf.Tensor,
    *,
    variances: tuple[float, float] = VARIANCES,
    max_log_scale: float | None = MAX_LOG_SCALE,
) -> tf.Tensor:
    """The boxes that offsets stand for: the inverse of `encode`, for sizes up to the limit.

    Args:
        offsets: (..., K, 4).
        default_boxes: (K, 4) cxcywh, fractions.
        variances: as for `encode`.
        max_log_scale: upper limit of ln(w / dw) and ln(h / dh), as torchvision's; None switches it off.

    Returns:
        (..., K, 4) xyxy, fractions, not clipped to the image.
    """
    centre = offsets[..., :2] * variances[0] * default_boxes[..., 2:] + default_boxes[..., :2]
    log_scale = offsets[..., 2:] * variances[1]
    if max_log_scale is not None:
        log_scale = tf.minimum(log_scale, max_log_scale)
    size = tf.exp(log_scale) * default_boxes[..., 2:]
    return boxes.to_xyxy(tf.concat([centre, size], axis=-1))
