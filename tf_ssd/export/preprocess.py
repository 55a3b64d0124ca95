"""Resizing as operations that every runtime has: products of matrices.

Runtimes disagree in their resize operations, and none reduces large pictures first as this package does. A product with a matrix of
weights gives the same pixels everywhere.
"""

import tensorflow as tf

from tf_ssd.data.augment.windows import whole
from tf_ssd.data.images.decode import REDUCTIONS
from tf_ssd.data.images.source import choose_reduction


def resize(pictures: tf.Tensor, image_size: int) -> tf.Tensor:
    """Pictures of any size (B, H, W, 3), RGB 0..255, as the network's input (B, S, S, 3) float32.

    The result is that of `tf_ssd.data.images.resize.resize_window` for the whole picture: bilinear, after a mean over cells of 2,
    4 or 8 pixels if both sides are at least so many times S. But these means are not rounded to whole numbers.
    """
    if pictures.shape[1:3] == [image_size, image_size]:
        return tf.cast(pictures, tf.float32)
    height, width = size_of(pictures)
    reduction = choose_reduction(whole(tf.stack([width, height])), reductions=REDUCTIONS, image_size=image_size)
    rows = tf.reshape(tf.cast(pictures, tf.float32), [-1, height, width * 3])
    shrunk = tf.matmul(axis_weights(height, reduction, image_size), rows)  # (B, S, W * 3)
    columns = tf.reshape(shrunk, [-1, width, 3])  # (B * S, W, 3)
    resized = tf.matmul(axis_weights(width, reduction, image_size), columns)  # (B * S, S, 3)
    return tf.reshape(resized, [-1 if pictures.shape[0] is None else pictures.shape[0], image_size, image_size, 3])


def size_of(pictures: tf.Tensor) -> list[tf.Tensor]:
    """Height and width (), int32: constants where they are fixed, so that converters can compute with them."""
    _, *known, _ = pictures.shape
    return [tf.constant(side) for side in known] if all(known) else tf.unstack(tf.shape(pictures)[1:3])


def axis_weights(extent: tf.Tensor, reduction: tf.Tensor, count: int) -> tf.Tensor:
    """What each of `extent` pixels along an axis contributes to each of `count` resized ones: (count, extent), rows add up to 1."""
    extent_float, reduction_float = tf.cast(extent, tf.float32), tf.cast(reduction, tf.float32)
    last_cell = tf.math.ceil(extent_float / reduction_float) - 1
    # The centres of the resized pixels, in cells; beyond the outermost centres the edge is repeated.
    position = (tf.range(count, dtype=tf.float32) + 0.5) * (extent_float / (count * reduction_float)) - 0.5  # (count,)
    position = tf.clip_by_value(position, 0.0, last_cell)
    cell = tf.cast(tf.range(extent) // reduction, tf.float32)  # (extent,)
    members = tf.minimum(reduction_float, extent_float - cell * reduction_float)  # the last cell may be smaller
    return tf.nn.relu(1 - tf.abs(position[:, None] - cell)) / members
