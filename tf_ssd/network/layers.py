"""Layers that Keras does not have."""

import keras
import tensorflow as tf

from tf_ssd.network.kernels import dilation, parts, pooling, winograd
from tf_ssd.network.kernels.choice import kernels_for
from tf_ssd.numerics.precision import at_least_float32


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
    """`keras.layers.Conv2D` without activation, with faster kernels on a CPU (`kernels_for`).

    Kernels for training: Winograd's algorithm, where it is faster. Kernels for prediction: many results in parts. Plain ones: one
    operation. In all of them dilation is left to TensorFlow, where it can.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Convolve (B, H, W, channels)."""
        kernels = kernels_for(training)
        geometry = {"strides": self.strides, "padding": self.padding, "dilation_rate": self.dilation_rate}
        if kernels == "training" and winograd.suits(inputs, self.kernel, **geometry):
            outputs = winograd.convolve(inputs, tf.convert_to_tensor(self.kernel))
            return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs
        if kernels == "prediction" and parts.suits(self.kernel_size, self.filters, inputs.dtype):
            bias = tf.convert_to_tensor(self.bias) if self.use_bias else None
            return parts.convolve(inputs, tf.convert_to_tensor(self.kernel), bias, self.convolution_op)
        return super().call(inputs)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolve by one operation, without the bias."""
        if not dilation.suits(self.dilation_rate, inputs.dtype):
            return super().convolution_op(inputs, kernel)
        return tf.nn.conv2d(inputs, kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate)


@keras.saving.register_keras_serializable(package="tf_ssd")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` of (B, H, W, channels), by one operation each way in float32.

    Keras makes mean, variance and result of separate operations, which cost a MobileNet half of its training step. The class is
    called as Keras' is, since files name the weights of a layer by its class.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Normalise (B, H, W, channels), and update the moving statistics in training."""
        x, by_batch = at_least_float32(inputs), bool(training and self.trainable)
        if x.dtype != tf.float32:
            return super().call(inputs, training=training)
        statistics = (tf.zeros([0]),) * 2 if by_batch else (self.moving_mean, self.moving_variance)
        # The raw operation, as tf.compat.v1.nn.fused_batch_norm raises an epsilon below 1.001e-5.
        result = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self.gamma,
            offset=self.beta,
            mean=statistics[0],
            variance=statistics[1],
            epsilon=self.epsilon,
            is_training=by_batch,
        )
        if by_batch:
            self._update(result.batch_mean, result.batch_variance, _number_of_pixels(x))
        return tf.cast(result.y, inputs.dtype)

    def _update(self, mean: tf.Tensor, variance: tf.Tensor, count: float | tf.Tensor) -> None:
        """Move the statistics towards those of a batch. Its variance is divided by count - 1, or by 1; Keras divides by count."""
        less = tf.maximum(count - 1, 1) if tf.is_tensor(count) else max(count - 1, 1)
        biased = variance * less / count
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, biased)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))


def _number_of_pixels(x: tf.Tensor) -> float | tf.Tensor:
    """Of all images of (B, H, W, channels) together; a Python number where B is known, which takes no operations."""
    pixels = x.shape[:-1].num_elements()
    return tf.cast(tf.size(x) / tf.shape(x)[-1], tf.float32) if pixels is None else float(pixels)


@keras.saving.register_keras_serializable(package="tf_ssd")
class ReLUMaxPooling2D(keras.layers.Layer):
    """ReLU, then the largest of each 2x2 pixels; one window more where a side is odd, as padding "same" means.

    Kernels for training remember one byte for each result instead of all pixels twice, and are faster (`kernels.pooling`).
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Pool (B, H, W, channels) to (B, H / 2, W / 2, channels)."""
        if kernels_for(training) == "training":
            return pooling.relu_max_pool(inputs)
        return tf.nn.max_pool2d(tf.nn.relu(inputs), pooling.SIZE, pooling.SIZE, "SAME")
