"""Layers that Keras does not have."""

from functools import lru_cache

import keras
import tensorflow as tf

from tf_ssd.network.kernels import pooling, winograd
from tf_ssd.precision import at_least_float32

# From how many channels on, of pixels and of results, Winograd's algorithm is the faster one (benchmarks/NOTES.md).
WINOGRAD_CHANNELS = 256
# From how many results on prediction computes them in parts, of how many each (benchmarks/NOTES.md).
MANY_RESULTS, RESULTS_OF_PART = 256, 64


@keras.saving.register_keras_serializable(package="tf_ssd")
class L2Normalize(keras.layers.Layer):
    """Normalise each pixel's channels to length 1, then scale every channel by a learned factor.

    conv4_3 has larger activations than the deeper sources; this brings them to one scale (Liu et al. 2015, ParseNet, section 3.3;
    Caffe SSD: factor 20 at the start). A pixel whose channels are all 0 stays 0, with a finite gradient.

    Args:
        initial_scale: what every channel's factor starts at.
    """

    def __init__(self, initial_scale: float = 20.0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.initial_scale = initial_scale

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the factors (channels,) for an input (..., channels)."""
        constant = keras.initializers.Constant(self.initial_scale)
        self.scale = self.add_weight(name="scale", shape=input_shape[-1:], initializer=constant)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalise (B, H, W, channels)."""
        # The limit applies to the squared length: 1e-24 is torchvision's 1e-12 on the length. Half precision cannot hold it.
        unit = tf.math.l2_normalize(at_least_float32(inputs), axis=-1, epsilon=1e-24)
        return tf.cast(unit, inputs.dtype) * self.scale

    def get_config(self) -> dict[str, object]:
        """Arguments that make this layer again."""
        return {**super().get_config(), "initial_scale": self.initial_scale}


@keras.saving.register_keras_serializable(package="tf_ssd")
class FastConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` without activation, with faster kernels on a CPU.

    Dilation is left to the kernel of the convolution, wherever TensorFlow has one. Keras has pixels moved into the batch and back,
    and so convolves much that is padding: of fc6, more than half.

    `training=True`: many channels of 3x3 pixels are convolved by Winograd's algorithm. `training=False`: many channels of results
    are computed in parts, whose weights lie closer together in memory. Left open, as for an export, which runs elsewhere, or on a
    GPU, whose library chooses by itself, it is one plain convolution.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Convolve (B, H, W, channels)."""
        if training and self._has_fast_training(inputs.dtype):
            outputs = winograd.convolve(inputs, tf.convert_to_tensor(self.kernel))
            return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs
        if training is False and self._is_faster_in_parts(inputs.dtype):
            return self._in_parts(inputs)
        return super().call(inputs)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """`call` without the bias."""
        if self.dilation_rate == (1, 1) or not _has_dilated_kernels(inputs.dtype):
            return super().convolution_op(inputs, kernel)
        return tf.nn.conv2d(inputs, kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate)

    def _in_parts(self, inputs: tf.Tensor) -> tf.Tensor:
        parts = self.filters // RESULTS_OF_PART
        outputs = [self.convolution_op(inputs, kernel) for kernel in tf.split(tf.convert_to_tensor(self.kernel), parts, axis=-1)]
        if self.use_bias:  # part by part, where TensorFlow makes it one operation with the convolution
            biases = tf.split(tf.convert_to_tensor(self.bias), parts)
            outputs = [tf.nn.bias_add(output, bias) for output, bias in zip(outputs, biases, strict=True)]
        return tf.concat(outputs, axis=-1)

    def _has_fast_training(self, dtype: tf.DType) -> bool:
        geometry = (self.kernel_size, self.strides, self.padding, self.dilation_rate)
        return (
            geometry == ((3, 3), (1, 1), "same", (1, 1))
            and min(self.kernel.shape[2:]) >= WINOGRAD_CHANNELS
            and dtype in (tf.float32, tf.float64)
            and not _has_gpu()
        )

    def _is_faster_in_parts(self, dtype: tf.DType) -> bool:
        many = self.filters >= MANY_RESULTS and self.filters % RESULTS_OF_PART == 0
        # Only oneDNN gains, and only it has kernels for dilation on a CPU.
        return many and dtype == tf.float32 and _has_dilated_kernels(dtype) and not _has_gpu()


@keras.saving.register_keras_serializable(package="tf_ssd")
class ReLUMaxPooling2D(keras.layers.Layer):
    """ReLU, then the largest of each 2x2 pixels; one window more where a side is odd, as padding "same" means.

    Training on a CPU remembers one byte for each result instead of all pixels twice, and is faster (`kernels.pooling`).
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Pool (B, H, W, channels) to (B, H / 2, W / 2, channels)."""
        if training and not _has_gpu():
            return pooling.relu_max_pool(inputs)
        return tf.nn.max_pool2d(tf.nn.relu(inputs), pooling.SIZE, pooling.SIZE, "SAME")


def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


@lru_cache
def _has_dilated_kernels(dtype: tf.DType) -> bool:
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
