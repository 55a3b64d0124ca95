"""A convolution with many results in parts, for prediction with oneDNN.

oneDNN reads the weights of one channel after those of another as far apart as there are results. In parts they lie closer together
(benchmarks/NOTES.md).
"""

from collections.abc import Callable

import tensorflow as tf

from tf_ssd.network.kernels import dilation

MANY_RESULTS = 256  # from which parts are faster
RESULTS_OF_PART = 64


def suits(kernel_size: tuple[int, ...], results: int, dtype: tf.DType) -> bool:
    """Whether a convolution is faster in parts: one with many results, but none of 1x1, which are slower, being small."""
    many = results >= MANY_RESULTS and results % RESULTS_OF_PART == 0 and kernel_size != (1, 1)
    return many and dtype == tf.float32 and dilation.has_kernels(dtype)  # which only oneDNN has on a CPU


def convolve(
    pixels: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None, convolve_part: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Convolve pixels (B, H, W, C) with each part of a kernel (h, w, C, O), and put the results (B, H', W', O) together.

    Args:
        bias: (O,), None for none.
        convolve_part: the convolution of pixels with some of the kernel's results.
    """
    parts = kernel.shape[-1] // RESULTS_OF_PART
    outputs = [convolve_part(pixels, part) for part in tf.split(kernel, parts, axis=-1)]
    if bias is not None:  # part by part, where TensorFlow makes it one operation with the convolution
        outputs = [tf.nn.bias_add(output, part) for output, part in zip(outputs, tf.split(bias, parts), strict=True)]
    return tf.concat(outputs, axis=-1)
