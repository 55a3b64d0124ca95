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
    """What each of `extent` pixels along an axis contributes to each of `count` resized ones: (count, extent), rows add up to 1.

    Places are whole numbers, parts of a cell: runtimes that compute in 16 bits would round them to other pixels.
    """
    cell_parts = 2 * count * reduction
    # The centres of the resized pixels; beyond the outermost centres the edge is repeated.
    position = (2 * tf.range(count) + 1) * extent - count * reduction  # (count,)
    position = tf.clip_by_value(position, 0, (extent - 1) // reduction * cell_parts)
    cell = tf.range(extent) // reduction  # (extent,)
    beyond = position[:, None] - cell * cell_parts  # (count, extent)
    near = tf.maximum(tf.minimum(cell_parts - beyond, cell_parts + beyond), 0)
    members = tf.minimum(reduction, extent - cell * reduction)  # (extent,), the last cell may be smaller
    return tf.cast(near, tf.float32) / tf.cast(cell_parts * members, tf.float32)
