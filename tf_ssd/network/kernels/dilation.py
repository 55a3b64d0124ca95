"""Dilated convolutions by TensorFlow's kernel.

Keras moves pixels into the batch, convolves without dilation, and moves the results back. Much of what it convolves is padding: in
fc6 more than half.
"""

from functools import lru_cache

import tensorflow as tf


def suits(rate: tuple[int, int], dtype: tf.DType) -> bool:
    """Whether a convolution is dilated and TensorFlow has a kernel for it."""
    return rate != (1, 1) and has_kernels(dtype)


@lru_cache
def has_kernels(dtype: tf.DType) -> bool:
    """Whether TensorFlow differentiates dilated convolutions here: on a CPU only oneDNN does, and not in float64."""
    pixels, kernel = [1, 5, 5, 1], [3, 3, 1, 1]
    options = {"strides": [1, 1, 1, 1], "padding": "SAME", "dilations": [1, 2, 2, 1]}
    with tf.init_scope():
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=pixels, filter=tf.ones(kernel, dtype), out_backprop=tf.ones(pixels, dtype), **options
            )
        except tf.errors.InvalidArgumentError:
            return False
    return True
