"""Layers that Keras does not have."""

import keras
import tensorflow as tf

from tf_ssd.precision import at_least_float32


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
