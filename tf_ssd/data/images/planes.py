"""Pixels (H, W, 3) as planes (3, H, W), on which arithmetic is several times faster, and back.

`tf.transpose` would do, but not for images whose sizes differ: for each size that it meets, oneDNN compiles a kernel and keeps it,
some 50 kB each for up to a thousand sizes in every thread, so that a training run's memory grows for thousands of steps.
"""

import tensorflow as tf


def to_planes(pixels: tf.Tensor) -> tf.Tensor:
    """(H, W, 3) to (3, H, W)."""
    return tf.stack(tf.unstack(pixels, num=3, axis=-1))


def to_pixels(planes: tf.Tensor) -> tf.Tensor:
    """(3, H, W) to (H, W, 3)."""
    return tf.stack(tf.unstack(planes, num=3), axis=-1)
