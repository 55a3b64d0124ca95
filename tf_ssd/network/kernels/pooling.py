"""ReLU and 2x2 max pooling in one, for training: one byte for each result is kept for the gradient, not all pixels twice.

ReLU keeps the order of pixels, so that it may as well follow pooling, and where it gives 0 nothing comes back. XLA compiles both
directions.
"""

from collections.abc import Callable
from functools import reduce

import tensorflow as tf

from tf_ssd.numerics.custom_gradient import custom_gradient

SIZE = 2
PLACES = SIZE * SIZE  # of a window, by rows; this number stands for none of them


@custom_gradient
def relu_max_pool(pixels: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """The largest of each 2x2 pixels, or 0 if it is negative, as `tf.nn.max_pool2d(tf.nn.relu(pixels), 2, 2, "SAME")`.

    Of equal pixels the first takes the gradient.

    Args:
        pixels: (B, H, W, C) floats; H, W and C must be known when it is traced. The last window of an odd side is narrower.

    Returns:
        (B, H/2, W/2, C), rounded up.
    """
    _, height, width, _ = pixels.shape
    results, place = _pool(tf.stop_gradient(pixels))  # or an eager tape would record what happens inside as well

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return _spread(upstream, place, height=height, width=width)

    return results, gradient


@tf.function(jit_compile=True, autograph=False)
def _pool(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Results, and the place in its window from which each came, uint8."""
    after = [-side % SIZE for side in pixels.shape[1:3]]
    padded = tf.pad(pixels, [[0, 0], [0, after[0]], [0, after[1]], [0, 0]])  # with zeros, which ReLU makes of less
    windows = [padded[:, y::SIZE, x::SIZE] for y in range(SIZE) for x in range(SIZE)]  # PLACES of (B, H/2, W/2, C)
    largest = reduce(tf.maximum, windows)
    place = tf.fill(tf.shape(largest), tf.constant(PLACES, tf.uint8))
    for number in reversed(range(PLACES)):
        place = tf.where((windows[number] == largest) & (largest > 0), tf.constant(number, tf.uint8), place)
    return tf.nn.relu(largest), place


@tf.function(jit_compile=True, autograph=False)
def _spread(upstream: tf.Tensor, place: tf.Tensor, *, height: int, width: int) -> tf.Tensor:
    """What comes back to each pixel of the windows: from (B, H/2, W/2, C) to (B, H, W, C)."""
    numbers = tf.reshape(tf.range(PLACES), (SIZE, 1, SIZE, 1))
    chosen = tf.cast(place, tf.int32)[:, :, None, :, None] == numbers  # (B, H/2, 2, W/2, 2, C)
    pixels = tf.where(chosen, upstream[:, :, None, :, None], tf.zeros([], upstream.dtype))
    _, rows, columns, channels = upstream.shape
    return tf.reshape(pixels, (-1, SIZE * rows, SIZE * columns, channels))[:, :height, :width]
